"""Which function puts the results of which stage into words."""

from collections.abc import Callable, Sequence

from wordlab.report.results import Results

Finder = Callable[[Results], Sequence[str]]
"""Returns sentences, in reading order."""

_FINDERS: dict[str, list[Finder]] = {}


def of_stage(stage: str) -> Callable[[Finder], Finder]:
    """Register the decorated function as one that puts the results of `stage` into words.

    stage: its name in dvc.yaml, with the item behind `@` if it has several. Functions of the same
    stage are called in the order they are registered in.
    """

    def register(finder: Finder) -> Finder:
        _FINDERS.setdefault(stage, []).append(finder)
        return finder

    return register


def findings(stage: str, results: Results) -> list[str]:
    """Return what the results of `stage` say, in sentences; none where it has no findings."""
    return [sentence for finder in _FINDERS.get(stage, []) for sentence in finder(results)]


def every(results: Results) -> dict[str, list[str]]:
    """Return the findings of all stages, by stage."""
    return {stage: findings(stage, results) for stage in _FINDERS}
