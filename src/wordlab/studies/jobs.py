"""The settings of a study measured side by side, and those that ended kept for a later start."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from wordlab import progress
from wordlab.checkpoints import Checkpoint
from wordlab.parallel import side_by_side

TrialLogger = Callable[[str, Mapping[str, Any], Mapping[str, Any]], None]
"""Receives the name of a setting, its params and what was measured of it."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one job measured.

    numbers: what JSON can hold; arrays: by name; tracked: durations, which are for the tracker
    alone, since outputs hold none.
    """

    numbers: dict[str, Any]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    tracked: dict[str, float] = field(default_factory=dict)


class Measurements:
    """What `function(job, shared)` returns of each job asked for, none measured twice.

    Jobs run in processes of their own, as many as there are threads to use. A job is known again by
    its repr, which must be all of it. What the checkpoint has is not run again.
    """

    def __init__(
        self,
        function: Callable[..., Outcome],
        shared: Any,
        *,
        title: str,
        checkpoint: Checkpoint,
    ) -> None:
        """Begin, or resume from the checkpoint; `title` names the progress bar."""
        self.function, self.shared = function, shared
        self.title, self.checkpoint = title, checkpoint
        self.done = _load(checkpoint, title)

    def of(self, jobs: Sequence[Any]) -> list[Outcome]:
        """Return the outcome of each of `jobs`, in their order."""
        wanted = {repr(job): job for job in jobs}
        left = [name for name in wanted if name not in self.done]
        with progress.bar(len(wanted), self.title, "setting") as bar:
            bar.update(len(wanted) - len(left))
            waiting = [wanted[name] for name in left]
            for number, outcome in side_by_side(self.function, waiting, self.shared):
                self.done[left[number]] = outcome
                _save(self.checkpoint, self.done)
                bar.update(1)
        return [self.done[repr(job)] for job in jobs]


def _save(checkpoint: Checkpoint, done: Mapping[str, Outcome]) -> None:
    arrays = {str(place): outcome.arrays for place, outcome in enumerate(done.values())}
    rows = [[name, kept.numbers, kept.tracked] for name, kept in done.items()]
    checkpoint.save(arrays, {"done": rows})


def _load(checkpoint: Checkpoint, title: str) -> dict[str, Outcome]:
    saved = checkpoint.resume(lambda: title)
    if saved is None:
        return {}
    return {
        name: Outcome(numbers, dict(saved[0][str(place)]), tracked)
        for place, (name, numbers, tracked) in enumerate(saved[1]["done"])
    }
