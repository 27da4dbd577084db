"""Every figure: tidy tables in, a matplotlib Figure out, `save` writes it; nothing else draws."""

from wordlab.figures.autoencoders import autoencoder_by_length, rate_distortion
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
from wordlab.figures.gradients import (
    gradient_by_lag,
    gradient_distribution,
    gradient_heat,
    tasks_by_delay,
    truncation,
)
from wordlab.figures.recurrent import gradient_norms, perplexity
from wordlab.figures.sensitivity import importance
from wordlab.figures.studies import (
    regularisation_curves,
    regularisation_gaps,
)
from wordlab.figures.style import png, save
from wordlab.figures.sweep_measures import budget_quality, context_use, stability
from wordlab.figures.sweeps import interactions, parallel_coordinates, sweep_marginals

__all__ = [
    "analogy_sections",
    "associations_by_window",
    "autoencoder_by_length",
    "budget_quality",
    "context_use",
    "geometry",
    "glove_cost",
    "gradient_by_lag",
    "gradient_distribution",
    "gradient_heat",
    "gradient_norms",
    "importance",
    "interactions",
    "neighbour_overlap",
    "neighbours_side_by_side",
    "parallel_coordinates",
    "perplexity",
    "png",
    "ppmi_distributions",
    "ppmi_windows",
    "rate_distortion",
    "regularisation_curves",
    "regularisation_gaps",
    "relation_contrasts",
    "relation_cosines",
    "save",
    "scores",
    "scores_by",
    "stability",
    "sweep_marginals",
    "tasks_by_delay",
    "truncation",
    "word2vec_loss",
    "word_map",
]
