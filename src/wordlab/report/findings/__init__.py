"""What the stages found, in sentences: all English that is made from numbers is made here.

There is a module per subject. `@of_stage` registers a function that takes the results and puts
those of a stage into words, `@answer` one that answers a question of the report by a rule.
"""

from wordlab.report.findings import (  # noqa: F401
    autoencoders,
    cells,
    draws,
    embeddings,
    gradients,
    language_sweeps,
    networks,
    preferences,
    regularisation,
    studies,
    sweeps,
)
from wordlab.report.results import answers, every, findings

__all__ = ["answers", "every", "findings"]
