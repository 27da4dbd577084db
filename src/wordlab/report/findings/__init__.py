"""What the stages found, in sentences: all English that is made from numbers is made here.

A module per subject; each function takes the results and is registered with the stage whose
tables and metrics it puts into words.
"""

from wordlab.report.findings import (  # noqa: F401
    embeddings,
    gradients,
    language_sweeps,
    studies,
    sweeps,
)
from wordlab.report.findings.registry import every, findings

__all__ = ["every", "findings"]
