"""Every figure: tidy tables in, a matplotlib Figure out, `save` writes it; nothing else draws."""

from wordlab.figures.comparison import (
    geometry,
    neighbours_side_by_side,
    relation_contrasts,
    relation_cosines,
    scores_by,
    word_map,
)
from wordlab.figures.embeddings import (
    analogy_sections,
    associations_by_window,
    glove_cost,
    neighbour_overlap,
    ppmi_distributions,
    ppmi_windows,
    scores,
    word2vec_loss,
)
from wordlab.figures.recurrent import autoencoder_by_length, gradient_norms, perplexity
from wordlab.figures.studies import (
    gradient_by_lag,
    regularisation_curves,
    regularisation_gaps,
    sweep_marginals,
    task_by_delay,
)
from wordlab.figures.style import png, save

__all__ = [
    "analogy_sections",
    "associations_by_window",
    "autoencoder_by_length",
    "geometry",
    "glove_cost",
    "gradient_by_lag",
    "gradient_norms",
    "neighbour_overlap",
    "neighbours_side_by_side",
    "perplexity",
    "png",
    "ppmi_distributions",
    "ppmi_windows",
    "regularisation_curves",
    "regularisation_gaps",
    "relation_contrasts",
    "relation_cosines",
    "save",
    "scores",
    "scores_by",
    "sweep_marginals",
    "task_by_delay",
    "word2vec_loss",
    "word_map",
]
