"""Which settings of a sweep matter, by the forest: tables for any design."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import special

from wordlab import rng
from wordlab.analysis.forest import Axis, Floats, Forest
from wordlab.analysis.summary import Tables, numbered
from wordlab.analysis.variance import Grid
from wordlab.params.sweeps import Range, Tried

POINTS = 25
"""Where the curve of a range is evaluated."""

SURFACES = 3
"""The strongest pairs of settings, of which the map is kept."""

GROUPS = 10
"""Parts that the combinations are divided into, each left out in turn, for intervals."""

COLUMNS = ("region", "term", "order", "share", "low", "high", "by_chance", "r2")


def analyse(
    trials: pd.DataFrame,
    space: Mapping[str, Tried],
    score: str,
    goal: Literal["higher", "lower"],
    *,
    trees: int,
    confidence: float,
    seed: int,
) -> Tables:
    """Analyse the `score` of `trials`, all of one model, over `space`, with equal means of folds.

    `sensitivity`: region (`all`, or `best quarter`: what is worse than the best quarter of the
    combinations counts as their bound), term, order (1 for a setting, 2 for a pair), share of the
    variance over the space as the trees predict it, low and high (by the jackknife: forests without
    each tenth of the combinations; Efron & Stein 1981), by_chance (the largest share that the term
    has in forests for which the values of a setting are shuffled among the combinations; after
    Altmann et al. 2010), r2 (held out). The seed has no share in this variance: its part is that of
    the trials, which `variance.decomposition` divides up. low, high and by_chance are NaN where r2
    is not above 0. `curves`: setting, value, mean, low, high of the score (of the trees), over all
    values of the others. `surfaces`: one, other, value_one, value_other, mean of the score, of the
    strongest pairs of settings.
    """
    axes = [Axis(name, tried) for name, tried in space.items()]
    own = numbered(trials, list(space))
    own[score] = _without_folds(own, score)
    grid = Grid.of(own, ["combination"], score)
    forest = Forest.grow(axes, own, score, trees=trees, seed=seed)
    trusted = forest.r2 > 0
    left_out = _left_out(axes, own, score, trees=trees, seed=seed) if trusted else []
    regions = {"all": {}, "best quarter": _best_quarter(grid, goal)}
    draws = int(np.ceil(2 / (1 - confidence))) if trusted else 0
    few = -(-trees // 4)  # a small forest's shares spread more: the bar is too high, if anything
    by_chance = _by_chance(
        axes, own, score, list(regions.values()), draws=draws, trees=few, seed=seed
    )

    rows: list[tuple[Any, ...]] = []
    for (region, limits), chance in zip(regions.items(), by_chance, strict=True):
        shares = forest.shares(**limits)
        margin = _jackknife(np.array([one.shares(**limits) for one in left_out]), confidence)
        for place, term in enumerate(forest.terms()):
            share, side = shares[place], margin[place] if len(left_out) else np.nan
            ends = max(share - side, 0.0), min(share + side, 1.0)
            name = " x ".join(term)
            rows.append((region, name, len(term), share, *ends, chance[place], forest.r2))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return {
        "sensitivity": table,
        "curves": _curves(forest, space, confidence),
        "surfaces": _surfaces(forest, space, table),
    }


def _without_folds(trials: pd.DataFrame, score: str) -> pd.Series:
    """Return the scores with every fold's mean set to the mean of all."""
    if "fold" not in trials:
        return trials[score]
    by_fold = trials.groupby("fold")[score].transform("mean")
    return trials[score] - by_fold + trials[score].mean()


def _best_quarter(grid: Grid, goal: Literal["higher", "lower"]) -> dict[str, float]:
    """Return the bound beyond which a score is worse than the best quarter of combinations."""
    if goal == "lower":
        return {"at_most": float(np.quantile(grid.means, 0.25))}
    return {"at_least": float(np.quantile(grid.means, 0.75))}


def _left_out(
    axes: Sequence[Axis], trials: pd.DataFrame, score: str, *, trees: int, seed: int
) -> list[Forest]:
    """Return the forests of all trials but those of each part of the combinations."""
    count = trials["combination"].nunique()
    part = rng.stream(seed, "left out").permutation(count) % min(GROUPS, count)
    own = part[trials["combination"]]
    return [
        Forest.grow(axes, trials[own != out], score, trees=trees, seed=seed)
        for out in range(min(GROUPS, count))
    ]


def _jackknife(shares: Floats, confidence: float) -> Floats:
    """Return half the width of the interval of each share; shares: without each part (G, terms)."""
    groups = len(shares)
    if groups < 2:
        return np.full(shares.shape[1:], np.nan)
    squares = ((shares - shares.mean(axis=0)) ** 2).sum(axis=0) * (groups - 1) / groups
    return np.asarray(special.stdtrit(groups - 1, (1 + confidence) / 2) * np.sqrt(squares))


def _by_chance(
    axes: Sequence[Axis],
    trials: pd.DataFrame,
    score: str,
    regions: Sequence[Mapping[str, float]],
    *,
    draws: int,
    trees: int,
    seed: int,
) -> Floats:
    """Return the largest share that each term has when it means nothing: (regions, terms).

    A setting means nothing when its values are shuffled among the combinations. So does a pair when
    those of one of the two are, and the one counts with which the least is left to the pair.
    """
    firsts = trials.drop_duplicates("combination").sort_values("combination")
    terms = [*((i,) for i in range(len(axes))), *itertools.combinations(range(len(axes)), 2)]
    largest = np.full((len(regions), len(axes), len(terms)), np.nan)
    for place, axis in enumerate(axes):
        for number in range(draws):
            random = rng.stream(seed, "shuffled", axis.name, number)
            mixed = random.permutation(firsts[axis.name].to_numpy())[trials["combination"]]
            own = rng.derive(seed, "shuffled", axis.name, number)
            table = trials.assign(**{axis.name: mixed})
            forest = Forest.grow(axes, table, score, trees=trees, seed=own)
            for region, limits in enumerate(regions):
                shares = forest.shares(**limits)
                largest[region, place] = np.fmax(largest[region, place], shares)
    return np.stack([largest[:, term, i].min(axis=1) for i, term in enumerate(terms)], axis=1)


def _curves(forest: Forest, space: Mapping[str, Tried], confidence: float) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    ends = ((1 - confidence) / 2, (1 + confidence) / 2)
    for name, tried in space.items():
        values = _values(tried, POINTS)
        means = forest.marginal(name, values)  # (trees, values)
        low, high = np.quantile(means, ends, axis=0)
        for value, mean, below, above in zip(values, means.mean(axis=0), low, high, strict=True):
            rows.append(
                {"setting": name, "value": value, "mean": mean, "low": below, "high": above}
            )
    return pd.DataFrame(rows)


def _surfaces(forest: Forest, space: Mapping[str, Tried], shares: pd.DataFrame) -> pd.DataFrame:
    """Return the mean score over each of the pairs of settings with the largest shares."""
    pairs = shares[(shares["order"] == 2) & (shares["region"] == "all")]
    order = pairs["share"].to_numpy().argsort(kind="stable")[::-1][:SURFACES]
    terms = [term for term in forest.terms() if len(term) == 2]
    rows: list[tuple[Any, ...]] = []
    for one, other in (terms[place] for place in order):
        values = _values(space[one], POINTS), _values(space[other], POINTS)
        means = forest.surface((one, other), values)
        for (x, y), mean in zip(itertools.product(*values), means.ravel(), strict=True):
            rows.append((one, other, x, y, mean))
    return pd.DataFrame(rows, columns=["one", "other", "value_one", "value_other", "mean"])


def _values(tried: Tried, points: int) -> Sequence[Any]:
    """Return the values tried, or points of a range, in order."""
    if isinstance(tried, Range):
        return list(dict.fromkeys(tried.value(place) for place in np.linspace(0, 1, points)))
    return tried
