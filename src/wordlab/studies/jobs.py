"""The settings of a study measured side by side, and those that ended kept for a later start."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordlab import progress
from wordlab.checkpoints import Checkpoint
from wordlab.workers import side_by_side

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


def measure(
    function: Callable[..., Outcome],
    jobs: Sequence[Any],
    shared: Any,
    *,
    title: str,
    checkpoint: Checkpoint,
) -> list[Outcome]:
    """Return `function(job, shared)` of each job, those that the checkpoint has without a run.

    Jobs run in processes of their own, as many as there are threads to use. A job is known again
    by its repr, which must be all of it. `title` stands before the progress bar.
    """
    names = [repr(job) for job in jobs]
    done = {name: kept for name, kept in _load(checkpoint).items() if name in names}
    left = {name: job for name, job in zip(names, jobs, strict=True) if name not in done}
    started = list(left)
    with progress.bar(len(set(names)), title, "setting") as bar:
        bar.update(len(done))
        for number, outcome in side_by_side(function, list(left.values()), shared):
            done[started[number]] = outcome
            _save(checkpoint, done)
            bar.update(1)
    return [done[name] for name in names]


def _save(checkpoint: Checkpoint, done: Mapping[str, Outcome]) -> None:
    arrays = {
        f"{place}.{name}": array
        for place, outcome in enumerate(done.values())
        for name, array in outcome.arrays.items()
    }
    rows = [[name, kept.numbers, kept.tracked] for name, kept in done.items()]
    checkpoint.save(arrays, {"done": rows})


def _load(checkpoint: Checkpoint) -> dict[str, Outcome]:
    saved = checkpoint.load()
    if saved is None:
        return {}
    arrays: dict[str, dict[str, NDArray[np.generic]]] = {}
    for key, array in saved[0].items():
        place, _, name = key.partition(".")
        arrays.setdefault(place, {})[name] = array
    return {
        name: Outcome(numbers, arrays.get(str(place), {}), tracked)
        for place, (name, numbers, tracked) in enumerate(saved[1].get("done", []))
    }
