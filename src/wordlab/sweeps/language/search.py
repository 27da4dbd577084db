"""Which combinations of settings a sweep tries, and which it prunes.

Pruning trains all combinations on a little of the budget, and those that did well on more. Every
rung trains from scratch and ends before any of its combinations moves on, so that what is pruned
does not depend on how many trainings run at once, or where.
"""

import itertools
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from wordlab import rng
from wordlab.params.derived import value
from wordlab.params.sweeps import Range, Tried

Search = Literal["grid", "random", "quasi_random", "tpe"]
Settings = dict[str, Any]

BATCH = 4
"""Combinations that TPE proposes at a time, however many trainings run side by side."""


class Searcher:
    """Proposes the combinations of one model in rounds, the same for the same seed.

    Grid, random and quasi-random search propose all combinations at once. None is proposed twice:
    there are fewer than `trials` where the space is smaller.
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
        """The number of combinations that are proposed at most."""
        whole = math.prod(math.inf if isinstance(t, Range) else len(t) for t in self.space.values())
        return int(whole if self.search == "grid" else min(whole, self.trials))

    def propose(self) -> list[Settings]:
        """Return the combinations of the next round, none after the last."""
        if self._adaptive is not None:
            return self._adaptive.propose(min(BATCH, self.trials - len(self.seen)), self.seen)
        if self.seen:
            return []
        if self.search == "grid":
            tried = (() if isinstance(t, Range) else t for t in self.space.values())
            self.seen = dict.fromkeys(itertools.product(*tried))
        else:
            for point in self._points(64 * self.trials):
                if len(self.seen) == self.trials:
                    break
                chosen = tuple(_at(t, p) for t, p in zip(self.space.values(), point, strict=True))
                self.seen.setdefault(chosen, None)
        return [dict(zip(self.space, chosen, strict=True)) for chosen in self.seen]

    def tell(self, proposed: Sequence[Settings], losses: Sequence[float]) -> None:
        """Learn the loss that each of `proposed` reached."""
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


def _at(tried: Tried, place: float) -> Any:
    """Return the value at a place in [0, 1), of which each of a few values has an equal part."""
    if isinstance(tried, Range):
        return value(tried, place)
    return tried[min(int(place * len(tried)), len(tried) - 1)]


Pruning = Literal["none", "median", "hyperband"]

MEDIAN = (0.25, 0.5, 1.0)
"""Shares of the budget after which combinations worse than the median are dropped."""
ETA = 3
"""One in ETA continues on ETA times the budget, as Li et al. 2018 recommend."""
MOST = 2
"""Times that Hyperband divides the budget by ETA at most: shorter trainings say little."""


@dataclass
class Bracket:
    """Combinations that are compared with one another, rung by rung.

    shares: of the budget, one per rung, rising; keep: how many combinations train on each.
    """

    left: list[Settings]
    shares: tuple[float, ...]
    keep: tuple[int, ...]
    rung: int = 0

    def tell(self, losses: Sequence[float]) -> None:
        """Move to the next rung with the combinations whose losses, in order, were low."""
        self.rung += 1
        if self.rung == len(self.shares):
            self.left = []
        else:  # of equal losses the earlier continues
            chosen = np.argsort(losses, kind="stable")[: self.keep[self.rung]]
            self.left = [self.left[place] for place in sorted(chosen)]


def brackets(combinations: Sequence[Settings], pruning: Pruning, *, drawn: bool) -> list[Bracket]:
    """Divide `combinations` into brackets.

    median: one bracket, after the rule of Golovin et al. 2017 (section 3.2.2), here at fixed rungs.
    hyperband: of `drawn` combinations the brackets of Hyperband (Li et al. 2018, algorithm 1), in
    proportion to their sizes; of a grid, of which none can be drawn at random, the first alone:
    successive halving (Jamieson & Talwalkar 2016).
    """
    whole, count = list(combinations), len(combinations)
    if pruning == "none":
        return [Bracket(whole, (1.0,), (count,))]
    if pruning == "median":
        keep = tuple(math.ceil(count / 2**i) for i in range(len(MEDIAN)))
        return [Bracket(whole, MEDIAN, keep)]
    for most in range(MOST, -1, -1):
        halvings = range(most, -1, -1) if drawn else [most]
        sizes = [math.ceil((most + 1) * ETA**s / (s + 1)) for s in halvings]
        ends = [0, *(-(-count * part // sum(sizes)) for part in itertools.accumulate(sizes))]
        if ends[1] >= ETA**most:
            break
    return [
        Bracket(
            whole[start:end],
            tuple(1 / ETA**i for i in range(s, -1, -1)),
            tuple(max((end - start) // ETA**i, 1) for i in range(s + 1)),
        )
        for s, (start, end) in zip(halvings, itertools.pairwise(ends), strict=True)
        if start < end
    ]


class Pruner:
    """Proposes the trainings of one model in rounds: combinations of a search, and their budget.

    With pruning the search proposes all combinations at once, which TPE does not.
    """

    def __init__(self, searcher: Searcher, pruning: Pruning) -> None:
        self.searcher, self.pruning = searcher, pruning
        self.brackets: list[Bracket] = []

    @property
    def count(self) -> int:
        """The number of trainings without their repetitions, at most that without pruning."""
        drawn = self.searcher.search != "grid"
        found = brackets([{}] * self.searcher.count, self.pruning, drawn=drawn)
        return sum(sum(one.keep) for one in found)

    def propose(self) -> list[tuple[Settings, float]]:
        """Return the combinations of the next round and their shares of the budget."""
        if not any(one.left for one in self.brackets):
            self.brackets = brackets(
                self.searcher.propose(), self.pruning, drawn=self.searcher.search != "grid"
            )
        return [(own, one.shares[one.rung]) for one in self.brackets for own in one.left]

    def tell(self, proposed: Sequence[Settings], losses: Sequence[float]) -> None:
        """Learn the loss that each of `proposed` reached on its share of the budget."""
        self.searcher.tell(proposed, losses)
        each = iter(losses)
        for one in self.brackets:
            if one.left:
                one.tell([next(each) for _ in one.left])
