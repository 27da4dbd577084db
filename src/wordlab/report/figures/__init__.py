"""Every figure: from the tables of a stage to matplotlib; nothing else draws.

To add one, write its function in a module that is imported here, under `@figure`.
"""

from wordlab.report.figures import (  # noqa: F401
    draws,
    embeddings,
    gradients,
    studies,
    sweeps,
)
from wordlab.report.figures.registry import FIGURES, Entry, of_stage, write
from wordlab.report.figures.style import png

__all__ = ["FIGURES", "Entry", "of_stage", "png", "write"]
