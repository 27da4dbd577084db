"""What the stages found, in sentences: all English that is made from numbers is made here.

A module per subject; each function takes the results and is registered with the stage whose
tables and metrics it puts into words. Under `@answer` a module has
the answers to the questions of the report, each with the rule that decides it.
"""

from wordlab.report.findings import (  # noqa: F401
    embeddings,
    gradients,
    language_sweeps,
    networks,
    studies,
    sweeps,
)
from wordlab.report.results import answers, every, findings

__all__ = ["answers", "every", "findings"]
