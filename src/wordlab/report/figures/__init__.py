"""Every figure: tidy tables in, a matplotlib Figure out, `save` writes it; nothing else draws."""

from wordlab.report.figures.comparison import (
    geometry,
    neighbours_side_by_side,
    relation_contrasts,
    relation_cosines,
    scores_by,
    word_map,
)
from wordlab.report.figures.embeddings import (
    analogy_sections,
    associations_by_window,
    glove_cost,
    neighbour_overlap,
    ppmi_distributions,
    ppmi_windows,
    scores,
    word2vec_loss,
)
from wordlab.report.figures.gradients import (
    gradient_by_lag,
    gradient_distribution,
    gradient_heat,
    tasks_by_delay,
    truncation,
)
from wordlab.report.figures.recurrent import gradient_norms, perplexity
from wordlab.report.figures.studies import (
    autoencoder_by_length,
    rate_distortion,
    regularisation_curves,
    regularisation_gaps,
)
from wordlab.report.figures.style import png, save
from wordlab.report.figures.sweep_measures import budget_quality, context_use, importance, stability
from wordlab.report.figures.sweeps import interactions, parallel_coordinates, sweep_marginals

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
