"""The trials of a sweep: every combination of the values in a grid, several times."""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.errors import UserError
from wordlab.params.base import Section
from wordlab.params.sweeps import check_combination

P = TypeVar("P", bound=Section)


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
    """Return the trials of one model: each combination once a fold and seed."""
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


def fingerprint(*parts: Any) -> str:
    """Return a digest of `parts`, which JSON can hold: equal for equal work."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def text_digest(corpus: EncodedCorpus) -> str:
    """Return a digest of a corpus: of its tokens, and where its sentences and documents end."""
    digest = hashlib.sha256()
    for array in (corpus.tokens, corpus.sentence_ends, corpus.document_ends):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
