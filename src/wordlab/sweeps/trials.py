"""Running the trials of a sweep: each once, reported as it ends, kept when cut off."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

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


def run(
    trials: Sequence[Trial],
    runner: Runner,
    *,
    recipe: Any,
    title: str,
    on_trial: TrialLogger,
    checkpoint: Checkpoint,
) -> pd.DataFrame:
    """Return a row a trial, in the order of `trials`: model, settings, repetition, metrics.

    recipe: all that decides the results besides the trials, as JSON can hold it. Trials that the
    checkpoint has from the same recipe are not run again, but reported as the others are.
    """
    key = fingerprint(recipe, [trial.row() for trial in trials])
    done = _kept(checkpoint, key)
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
            checkpoint.save({}, {"key": key, "done": {str(i): done[i] for i in sorted(done)}})
            report(index)
    rows = [
        {**trial.row(), **{name: x for name, x in done[i].items() if name not in TIMINGS}}
        for i, trial in enumerate(trials)
    ]
    return pd.DataFrame(rows)


def _kept(checkpoint: Checkpoint, key: str) -> dict[int, dict[str, float]]:
    """Return the metrics of the trials done before by the same recipe, by their number."""
    saved = checkpoint.load()
    if saved is None or saved[1].get("key") != key:
        return {}
    return {int(index): metrics for index, metrics in saved[1]["done"].items()}
