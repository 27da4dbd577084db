"""Running the trials of a sweep: each once, reported as it ends, kept when cut off."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import pandas as pd

from wordlab import progress
from wordlab.checkpoints import Checkpoint
from wordlab.sweeps.space import Trial, fingerprint

Metrics = Mapping[str, float]
TrialLogger = Callable[[str, Mapping[str, Any], Metrics], None]
"""Receives a trial's name, its settings and repetition, and its metrics (without NaN)."""
Runner = Callable[[Sequence[tuple[int, Trial]]], Iterable[tuple[int, Metrics]]]
"""Runs numbered trials, giving the metrics of each as it ends, in any order."""

TIMINGS = ("seconds", "tokens_per_second")
"""Metrics that are reported but are no part of the result, which is the same on any machine."""


def ignore_trial(name: str, params: Mapping[str, Any], metrics: Metrics) -> None:
    """Be the TrialLogger of a sweep that nobody follows."""


class Store(Protocol):
    """Where the metrics of trials that have ended are kept, by what decides them and by name."""

    def load(self, key: str) -> dict[str, dict[str, float]]:
        """Return the metrics of the trials kept under `key`."""

    def add(self, key: str, trial: Trial, metrics: Metrics) -> None:
        """Keep the metrics of a trial under `key`."""


class Kept:
    """The trials kept in a checkpoint: those of one recipe at a time."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._done: dict[str, dict[str, float]] = {}

    def load(self, key: str) -> dict[str, dict[str, float]]:
        """Return the metrics of the trials kept by the same recipe, by name."""
        saved = self.checkpoint.load()
        same = saved is not None and saved[1].get("key") == key
        self._done = dict(saved[1]["done"]) if saved is not None and same else {}
        return dict(self._done)

    def add(self, key: str, trial: Trial, metrics: Metrics) -> None:
        """Keep the metrics of a trial."""
        self._done[trial.name] = dict(metrics)
        self.checkpoint.save({}, {"key": key, "done": dict(sorted(self._done.items()))})


def run(
    trials: Sequence[Trial],
    runner: Runner,
    *,
    recipe: Any,
    title: str,
    on_trial: TrialLogger,
    store: Store,
) -> pd.DataFrame:
    """Return a row a trial, in the order of `trials`: model, settings, repetition, metrics.

    recipe: all that decides the results besides the trials, as JSON can hold it. Trials that the
    store has from the same recipe are not run again, but reported as the others are.
    """
    key = fingerprint(recipe)
    kept = store.load(key)
    done = {i: kept[trial.name] for i, trial in enumerate(trials) if trial.name in kept}
    with progress.bar(len(trials), title, "trial") as bar:

        def report(index: int) -> None:
            measured = {name: x for name, x in done[index].items() if math.isfinite(x)}
            on_trial(trials[index].name, trials[index].row(), measured)
            bar.update(1)

        for index in sorted(done):
            report(index)
        left = [(index, trial) for index, trial in enumerate(trials) if index not in done]
        for index, metrics in runner(left):
            done[index] = dict(metrics)
            store.add(key, trials[index], done[index])
            report(index)
    rows = [
        {**trial.row(), **{name: x for name, x in done[i].items() if name not in TIMINGS}}
        for i, trial in enumerate(trials)
    ]
    return pd.DataFrame(rows)
