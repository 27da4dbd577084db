"""The trials of a sweep: which they are, and running them."""

import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import pandas as pd

from wordlab import progress
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.errors import UserError
from wordlab.params import Section
from wordlab.params.sweeps import Range, Tried, check_combination
from wordlab.trials import runner as trials
from wordlab.trials.runner import Outcome, Runner, Store, TrialLogger, fingerprint

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from tqdm import tqdm

P = TypeVar("P", bound=Section)


def ignore_trial(name: str, params: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
    """Be the TrialLogger of a sweep that nobody follows."""


@dataclass(frozen=True)
class Trial:
    """One training: a model with settings, and which of its repetitions this is."""

    model: str
    settings: Mapping[str, Any]
    seed: int
    fold: int | None = None
    budget: float | None = None
    """The share of the budget that it trains on, where a sweep prunes."""

    @property
    def name(self) -> str:
        """The trial in one line, such as `lstm hidden_size=128 rate=0.01 fold=1 seed=1`."""
        rest = [
            f"{key}={value:.6g}" if key == "budget" else f"{key}={value}"
            for key, value in self.row().items()
            if key != "model" and (key, value) != ("budget", 1)  # the same trial without pruning
        ]
        return " ".join([self.model, *rest])

    def row(self) -> dict[str, Any]:
        """Return the model, the settings and the repetition as the columns of a table."""
        fold = {} if self.fold is None else {"fold": self.fold}
        budget = {} if self.budget is None else {"budget": self.budget}
        return {"model": self.model, **self.settings, **fold, **budget, "seed": self.seed}


def grid(
    models: Sequence[str], values: Mapping[str, Sequence[Any]], *, seeds: int, folds: int = 1
) -> list[Trial]:
    """Return all trials: by model, then by setting, the last changing fastest, then repeated.

    Folds and seeds count from 1; with one fold, a trial has none.
    """
    combinations = [
        dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())
    ]
    return [
        trial
        for model in models
        for trial in repeated(model, combinations, seeds=seeds, folds=folds)
    ]


def repeated(
    model: str,
    combinations: Sequence[Mapping[str, Any]],
    *,
    seeds: int,
    folds: int,
    budget: float | None = None,
) -> list[Trial]:
    """Return the trials of one model: each combination once per fold and seed."""
    return [
        Trial(model, settings, seed, fold, budget)
        for settings in combinations
        for fold in (range(1, folds + 1) if folds > 1 else [None])
        for seed in range(1, seeds + 1)
    ]


def override(section: P, settings: Mapping[str, Any]) -> P:
    """Return a validated copy of `section` with `settings` on top.

    Raises UserError where they contradict one another.
    """
    try:
        return check_combination(section, settings)
    except ValueError as error:
        raise UserError(f"sweep: {error}") from None


def text_digest(corpus: EncodedCorpus) -> str:
    """Return a digest of a corpus: of its tokens, and where its sentences and documents end."""
    digest = hashlib.sha256()
    for array in (corpus.tokens, corpus.sentence_ends, corpus.document_ends):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Objective:
    """The metric by which a trial is the best while a sweep runs."""

    metric: str
    goal: Literal["higher", "lower"]

    def value(self, metrics: Mapping[str, Any]) -> float:
        """Return the metric, infinitely bad where it could not be measured."""
        value = float(metrics[self.metric])
        return value if math.isfinite(value) else math.inf * (1 if self.goal == "lower" else -1)

    def better(self, a: float, b: float) -> bool:
        """Return whether the value `a` is better than `b`."""
        return a < b if self.goal == "lower" else a > b


class Sweep:
    """The trials of a sweep as this process runs them, sees them run, and reports them."""

    def __init__(
        self,
        store: Store,
        bar: "tqdm[Any]",
        objective: Objective,
        fixed: Mapping[str, Any],
        on_trial: TrialLogger,
    ) -> None:
        self.store, self.bar, self.objective = store, bar, objective
        self.fixed, self.on_trial = fixed, on_trial
        self.best: tuple[float, str] | None = None
        """The best value so far, and the trial that has it."""
        self._kept = 0

    def run(
        self,
        planned: Sequence[Trial],
        runner: Runner,
        groups: Sequence[Sequence[int]] | None = None,
    ) -> pd.DataFrame:
        """Return one row per trial, in their order: model, settings, repetition, metrics.

        groups: the numbers of trials that are best run together; each alone if not given.
        Returns when all have ended, whoever ran them.
        """
        ended = self.store.look()
        self._kept += sum(trial.name in ended for trial in planned)
        self.bar.initial = self._kept  # they do not count for the time left

        def report(number: int, outcome: Outcome) -> None:
            self._report(planned[number], outcome)

        outcomes = trials.run(self.store, planned, runner, report, groups)
        rows = zip(planned, outcomes, strict=True)
        return pd.DataFrame([{**trial.row(), **outcome.numbers} for trial, outcome in rows])

    def _report(self, trial: Trial, outcome: Outcome) -> None:
        measured = {**outcome.numbers, **outcome.tracked}
        numbers = {
            name: x
            for name, x in measured.items()
            if isinstance(x, int | float) and math.isfinite(x)
        }
        self.on_trial(trial.name, {**self.fixed, **trial.row()}, numbers)
        value = self.objective.value(outcome.numbers)
        if self.best is None or self.objective.better(value, self.best[0]):
            self.best = value, trial.name
        self.bar.set_postfix_str(progress.best(self.objective.metric, *self.best), refresh=False)
        self.bar.update(1)


@contextmanager
def opened(
    name: str,
    space: Mapping[str, Tried],
    checkpoint: Checkpoint,
    *,
    recipe: Mapping[str, Any],
    models: Sequence[str],
    objective: Objective,
    title: str,
    count: int,
    fixed: Mapping[str, Any],
    on_trial: TrialLogger,
) -> Iterator[Sweep]:
    """Open a sweep inside the block; trials that are not done at its end are free for others.

    recipe: all that decides the results besides the trials and the code, as JSON can hold it.
    Trials that the store has from the same recipe are not run again, but reported as the others
    are. objective: what the progress bar shows the best by; count: how many trials it expects;
    fixed: what all trials have in common and is reported with each.
    """
    with (
        progress.bar(count, title, "trial") as bar,
        trials.opened(
            name,
            fingerprint(recipe, checkpoint.code),
            checkpoint,
            models=models,
            distributions=lambda: {key: _distribution(tried) for key, tried in space.items()},
            value=lambda outcome: objective.value(outcome.numbers),
            maximize=objective.goal == "higher",
            on_beat=bar.refresh,
        ) as store,
    ):
        yield Sweep(store, bar, objective, fixed, on_trial)


def _distribution(tried: Tried) -> "BaseDistribution":
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if not isinstance(tried, Range):
        return CategoricalDistribution(tried)
    if tried.whole:
        return IntDistribution(int(tried.low), int(tried.high), log=tried.log)
    return FloatDistribution(tried.low, tried.high, log=tried.log)
