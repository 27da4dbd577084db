"""Which combinations of settings a sweep tries."""

import itertools
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from wordlab import rng
from wordlab.params.sweeps import Range, Tried

Search = Literal["grid", "random", "quasi_random", "tpe"]
Settings = dict[str, Any]

BATCH = 4
"""Combinations that TPE proposes at a time: fixed, so that what it proposes does not depend on how
many trainings run side by side."""


class Searcher:
    """The combinations of one model: proposed in rounds, each told how it did.

    A grid, a random and a quasi-random search propose all combinations at once; they are the same
    for the same seed. None is proposed twice: there are fewer than `trials` where the space is
    smaller.
    """

    def __init__(
        self, space: Mapping[str, Tried], search: Search, *, trials: int, seed: int
    ) -> None:
        self.space, self.search, self.trials = dict(space), search, trials
        self.seed = rng.derive(seed, "search", search)
        self.seen: dict[tuple[Any, ...], float | None] = {}
        self._adaptive = _Tpe(self.space, self.seed) if search == "tpe" else None

    @property
    def count(self) -> int:
        """How many combinations will be proposed at most."""
        whole = math.prod(math.inf if isinstance(t, Range) else len(t) for t in self.space.values())
        return int(whole if self.search == "grid" else min(whole, self.trials))

    def propose(self) -> list[Settings]:
        """Return the combinations of the next round; none when the search is over."""
        if self._adaptive is not None:
            return self._adaptive.propose(min(BATCH, self.trials - len(self.seen)), self.seen)
        if self.seen:
            return []
        if self.search == "grid":
            for chosen in itertools.product(*(list(_values(t)) for t in self.space.values())):
                self.seen[chosen] = None
        else:
            for point in self._points(64 * self.trials):
                if len(self.seen) == self.trials:
                    break
                chosen = tuple(_at(t, p) for t, p in zip(self.space.values(), point, strict=True))
                self.seen.setdefault(chosen, None)
        return [dict(zip(self.space, chosen, strict=True)) for chosen in self.seen]

    def tell(self, proposed: Sequence[Settings], losses: Sequence[float]) -> None:
        """Take note of the loss that each of `proposed` reached."""
        for settings, loss in zip(proposed, losses, strict=True):
            self.seen[tuple(settings.values())] = loss
        if self._adaptive is not None:
            self._adaptive.tell(losses)

    def _points(self, count: int) -> NDArray[np.float64]:
        """Return points of the unit cube: independent, or of a scrambled Sobol sequence (1967)."""
        if self.search == "random":
            return rng.stream(self.seed, "points").random((count, len(self.space)))
        sequence = qmc.Sobol(len(self.space), rng=rng.stream(self.seed, "points"))
        return sequence.random_base2(int(np.ceil(np.log2(count))))


class _Tpe:
    """Optuna's tree of Parzen estimators, asked for several combinations at a time."""

    def __init__(self, space: Mapping[str, Tried], seed: int) -> None:
        import optuna  # half a second that the other searches need not spend

        optuna.logging.set_verbosity(logging.WARNING)
        self.space = space
        self.study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed % 2**32))
        self.distributions: dict[str, optuna.distributions.BaseDistribution] = {
            name: optuna.distributions.FloatDistribution(0, 1)
            if isinstance(tried, Range)
            else optuna.distributions.CategoricalDistribution(tried)
            for name, tried in space.items()
        }
        self.asked: list[int] = []

    def propose(self, count: int, seen: dict[tuple[Any, ...], float | None]) -> list[Settings]:
        proposed: list[Settings] = []
        for _ in range(16 * count):
            if len(proposed) == count:
                break
            trial = self.study.ask(self.distributions)
            settings = {
                name: _at(tried, trial.params[name])
                if isinstance(tried, Range)
                else trial.params[name]
                for name, tried in self.space.items()
            }
            chosen = tuple(settings.values())
            if chosen not in seen:
                seen[chosen] = None
                self.asked.append(trial.number)
                proposed.append(settings)
            elif seen[chosen] is not None:
                self.study.tell(trial.number, seen[chosen])
        return proposed

    def tell(self, losses: Sequence[float]) -> None:
        for number, loss in zip(self.asked, losses, strict=True):
            self.study.tell(number, loss)
        self.asked = []


def _values(tried: Tried) -> tuple[Any, ...]:
    return () if isinstance(tried, Range) else tried


def _at(tried: Tried, place: float) -> Any:
    """Return what lies at a place in [0, 1): every one of a few values has an equal part."""
    if isinstance(tried, Range):
        return tried.value(place)
    return tried[min(int(place * len(tried)), len(tried) - 1)]
