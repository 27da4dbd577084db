"""Pruning: all combinations on a little of the budget, those that did well on more.

Every rung trains from scratch and ends before any combination of it goes on, so that what is
pruned does not depend on how many trainings run at once, or where.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from wordlab import names
from wordlab.sweeps.search import Searcher, Settings

Pruning = Literal["none", "median", "hyperband"]

MEDIAN = (0.25, 0.5, 1.0)
"""The shares of the budget after which those that do worse than the median are dropped."""
ETA = 3
"""One of so many goes on to so many times the budget: what Li et al. 2018 recommend."""
MOST = 2
"""Times that Hyperband divides the budget by ETA at most: less tells little of a training."""


@dataclass
class Bracket:
    """Combinations that are compared with one another, rung by rung.

    shares: of the budget, a rung each, rising; keep: how many train on each.
    """

    left: list[Settings]
    shares: tuple[float, ...]
    keep: tuple[int, ...]
    rung: int = 0

    def tell(self, losses: Sequence[float]) -> None:
        """Go on to the next rung with the combinations whose losses, in order, were low."""
        self.rung += 1
        if self.rung == len(self.shares):
            self.left = []
        else:  # of equal losses the earlier goes on
            chosen = np.argsort(losses, kind="stable")[: self.keep[self.rung]]
            self.left = [self.left[place] for place in sorted(chosen)]


def brackets(combinations: Sequence[Settings], pruning: Pruning, *, drawn: bool) -> list[Bracket]:
    """Return what `combinations` are divided into.

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
    """The trainings of one model in rounds: combinations that a search proposes, and their budget.

    With pruning the search proposes all combinations at once, which TPE does not.
    """

    def __init__(self, searcher: Searcher, pruning: Pruning) -> None:
        self.searcher, self.pruning = searcher, pruning
        self.brackets: list[Bracket] = []

    @property
    def count(self) -> int:
        """How many trainings there will be, but for the repetitions; at most without pruning."""
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
        """Take note of the loss that each of `proposed` reached on its share of the budget."""
        self.searcher.tell(proposed, losses)
        told = iter(losses)
        for one in self.brackets:
            if one.left:
                one.tell([next(told) for _ in one.left])


def ends(trials: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the trials on the smallest budget, which their losses did not choose, and on all."""
    return trials[trials["budget"] == trials["budget"].min()], trials[trials["budget"] == 1]


def sentences(trials: pd.DataFrame, settings: Sequence[str]) -> list[str]:
    """Return how many combinations were pruned where, what that spared, and which trainings count.

    trials: a row a training: model, settings, budget (share of the whole).
    """
    said = []
    for model, part in trials.groupby("model", sort=False):
        rungs = part.drop_duplicates([*settings, "budget"])
        last = rungs.groupby(list(settings), dropna=False, sort=False)["budget"].max()
        dropped = last[last < 1].value_counts().sort_index()
        named = ", ".join(f"{n} after {share:.0%} of the budget" for share, n in dropped.items())
        said.append(
            f"{names.model(str(model))}: {(last < 1).sum()} of {len(last)} combinations were "
            f"pruned{named and f' ({named})'}; each rung trains from the beginning, and together "
            f"they took {rungs['budget'].sum() / len(last):.0%} of what training all in full takes."
        )
    least = trials["budget"].min()
    return [
        *said,
        f"The best is chosen among the combinations trained on the whole budget; the effects of "
        f"settings are those on {least:.0%} of it, where all combinations were trained.",
    ]
