"""What the stages found, in sentences: all English that is made from numbers is made here.

A module per subject; each function takes the results and is registered with the stage whose
tables and metrics it puts into words.
"""

from wordlab.report.findings import embeddings, gradients, studies, sweeps  # noqa: F401
from wordlab.report.findings.registry import findings

__all__ = ["findings"]
