"""Running the trials of a sweep: each once, by one of the processes that share a store."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import pandas as pd

from wordlab import progress
from wordlab.sweeps.space import Trial, fingerprint

if TYPE_CHECKING:
    from tqdm import tqdm

Metrics = Mapping[str, Any]
"""Numbers, and under `ANSWERS` what JSON can hold."""
TrialLogger = Callable[[str, Mapping[str, Any], Metrics], None]
"""Receives a trial's name, its model, settings and repetition, and its metrics (without NaN)."""
Runner = Callable[[Iterator[Sequence[int]]], Iterable[tuple[int, Metrics]]]
"""Runs trials, giving the metrics of each, by number, as it ends.

It is given the numbers of trials to run together as it asks for them; none where there are none at
present, since other processes run what is left."""

TIMINGS = ("seconds", "tokens_per_second")
"""Metrics that are reported but are no part of the result, which is the same on any machine."""
ANSWERS = "answers"
"""Of the metrics, what a trial answered item by item: part of the result, but not reported."""
POLL = 1.0
"""Seconds between two looks at what other processes do, when there is nothing else to do."""


def ignore_trial(name: str, params: Mapping[str, Any], metrics: Metrics) -> None:
    """Be the TrialLogger of a sweep that nobody follows."""


@dataclass(frozen=True)
class Objective:
    """The metric that tells which trial is best while a sweep runs."""

    metric: str
    goal: Literal["higher", "lower"]

    def value(self, metrics: Metrics) -> float:
        """Return the metric, infinitely bad where it could not be measured."""
        value = float(metrics[self.metric])
        return value if math.isfinite(value) else math.inf * (1 if self.goal == "lower" else -1)

    def better(self, a: float, b: float) -> bool:
        """Return whether the value `a` is better than `b`."""
        return a < b if self.goal == "lower" else a > b


class Claims(Protocol):
    """Trials that have ended, and those that this process is to run."""

    own: dict[str, Any]
    """The trials claimed and not yet ended, by name."""

    def look(self) -> Mapping[str, Metrics]:
        """Return the metrics of all trials that have ended, by name, whoever ran them."""

    def free_stale(self) -> None:
        """Free the trials of processes that seem to be dead."""

    def claim(self, trial: Trial) -> bool:
        """Return whether this process is to run `trial`; else another does, or has."""

    def end(self, trial: Trial, metrics: Metrics) -> None:
        """Keep the metrics of a trial that this process has claimed."""


class Store(Protocol):
    """Where trials are claimed and their metrics kept."""

    def claims(
        self,
        recipe: str,
        models: Sequence[str],
        objective: Objective,
        on_beat: Callable[[], object],
    ) -> AbstractContextManager[Claims]:
        """Return the trials of `models` made by a recipe; on_beat: called now and then."""


class Sweep:
    """The trials of a sweep as this process runs them, sees them run, and reports them.

    Used as a context; trials that are not done at its end are free for others.
    """

    def __init__(
        self,
        store: Store,
        *,
        recipe: Any,
        models: Sequence[str],
        objective: Objective,
        title: str,
        count: int,
        fixed: Mapping[str, Any],
        on_trial: TrialLogger,
    ) -> None:
        """recipe: all that decides the results besides the trials, as JSON can hold it.

        Trials that the store has from the same recipe are not run again, but reported as the others
        are. objective: what the progress bar tells the best by; count: how many trials it expects;
        fixed: what all trials have in common and is reported with each.
        """
        self.objective, self.fixed, self.on_trial = objective, fixed, on_trial
        self.best: tuple[float, str] | None = None
        """The best value so far, and the trial that has it."""
        self._kept = 0
        self.bar: tqdm[Any] = progress.bar(count, title, "trial")
        self._opened = store.claims(fingerprint(recipe), models, objective, self.bar.refresh)

    def __enter__(self) -> Self:
        self.claims = self._opened.__enter__()
        return self

    def __exit__(self, *error: Any) -> bool | None:
        self.bar.close()
        return self._opened.__exit__(*error)

    def run(
        self,
        planned: Sequence[Trial],
        runner: Runner,
        groups: Sequence[Sequence[int]] | None = None,
    ) -> pd.DataFrame:
        """Return a row a trial, in the order of `planned`: model, settings, repetition, metrics.

        groups: the numbers of trials that are best run together; each alone if not given.
        Returns when all have ended, whoever ran them.
        """
        done: dict[int, Metrics] = {}
        each = [[number] for number in range(len(planned))] if groups is None else groups
        self._follow(planned, done)
        self._kept += len(done)
        self.bar.initial = self._kept  # they tell nothing of the time left
        while len(done) < len(planned):
            for number, metrics in runner(self._claimed(planned, each, done)):
                self.claims.end(planned[number], metrics)
                self._follow(planned, done)
        rows = [
            {**trial.row(), **{name: x for name, x in done[i].items() if name not in TIMINGS}}
            for i, trial in enumerate(planned)
        ]
        return pd.DataFrame(rows)

    def _claimed(
        self, planned: Sequence[Trial], groups: Sequence[Sequence[int]], done: dict[int, Metrics]
    ) -> Iterator[list[int]]:
        """Yield what this process has claimed, a group at a time, until others need no help."""
        while True:
            left = [number for group in groups for number in group if number not in done]
            mine = next(filter(None, (self._claim(planned, group, done) for group in groups)), None)
            if mine:
                yield mine
            elif all(planned[number].name in self.claims.own for number in left):
                return
            else:
                time.sleep(POLL)
                self.claims.free_stale()
                self._follow(planned, done)
                yield []

    def _claim(
        self, planned: Sequence[Trial], group: Sequence[int], done: Mapping[int, Metrics]
    ) -> list[int]:
        return [n for n in group if n not in done and self.claims.claim(planned[n])]

    def _follow(self, planned: Sequence[Trial], done: dict[int, Metrics]) -> None:
        """Take note of the trials that have ended since the last look, and report them."""
        ended = self.claims.look()
        for number, trial in enumerate(planned):
            if number in done or trial.name not in ended:
                continue
            metrics = done[number] = ended[trial.name]
            settings = {**self.fixed, **trial.row()}
            numbers = {k: x for k, x in metrics.items() if k != ANSWERS and math.isfinite(x)}
            self.on_trial(trial.name, settings, numbers)
            value = self.objective.value(metrics)
            if self.best is None or self.objective.better(value, self.best[0]):
                self.best = value, trial.name
            self.bar.set_postfix_str(
                f"best {self.objective.metric} {self.best[0]:.4g}: {self.best[1]}", refresh=False
            )
            self.bar.update(1)
