"""Which settings of a sweep matter, by the forest: tables and sentences, for any design."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from wordlab import rng
from wordlab.params.sweeps import Range, Tried
from wordlab.sweeps.fanova import Axis, Floats, Forest
from wordlab.sweeps.importance import Grid
from wordlab.sweeps.summary import numbered

POINTS = 25
"""Where the curve of a range is evaluated."""

COLUMNS = ("region", "term", "order", "share", "low", "high", "by_chance", "r2")


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What a forest says of one model and score.

    shares: columns region (`all`, or `best quarter`: what is worse than the best quarter of the
    combinations counts as their bound), term, order (1 for a setting, 2 for a pair, 0 for the
    seed), share of the variance, low and high (of the trees), by_chance (what the largest share of
    its order reaches when the scores are shuffled among the trials, at the same confidence;
    Westfall & Young 1993; NaN where r2 is not above 0), r2 (held out). curves: setting, value,
    mean, low, high of the score, over all values of the others.
    """

    shares: pd.DataFrame
    curves: pd.DataFrame


def analyse(
    trials: pd.DataFrame,
    space: Mapping[str, Tried],
    score: str,
    goal: Literal["higher", "lower"],
    *,
    trees: int,
    confidence: float,
    seed: int,
) -> Sensitivity:
    """Analyse the `score` of `trials`, all of one model, over `space`.

    The share of the seed is that of the variance between trials with the same settings. Means of
    folds are set equal first.
    """
    axes = [Axis(name, tried) for name, tried in space.items()]
    grid = Grid.of(numbered(trials, list(space)), ["combination"], score)
    own = trials.assign(**{score: _without_folds(trials, score)})
    forest = Forest.grow(axes, own, score, trees=trees, seed=seed)
    means = grid.means if goal == "lower" else -grid.means
    bound = float(np.quantile(means, 0.25))
    capped = {"at_most": bound} if goal == "lower" else {"at_least": -bound}
    shuffled = (
        _shuffled(axes, own, score, trees=trees, seed=seed, confidence=confidence)
        if forest.r2 > 0
        else []
    )
    ends = ((1 - confidence) / 2, (1 + confidence) / 2)
    rows = []
    for region, limits in (("all", {}), ("best quarter", capped)):
        shares = _trees_with_variance(forest.shares(**limits))
        mixed = [_trees_with_variance(one.shares(**limits)) for one in shuffled]
        chance = np.array([part.mean(axis=0) for part in mixed if len(part)])
        orders = np.array([len(term) for term in forest.terms()])
        for place, term in enumerate(forest.terms()):
            largest = chance[:, orders == len(term)].max(axis=1) if len(chance) else chance
            low, high = np.quantile(shares[:, place], ends) if len(shares) else (np.nan, np.nan)
            rows.append(
                (
                    region,
                    " x ".join(term),
                    len(term),
                    shares[:, place].mean() if len(shares) else np.nan,
                    low,
                    high,
                    np.quantile(largest, confidence) if len(chance) else np.nan,
                    forest.r2,
                )
            )
    variance = float(own[score].var(ddof=0))
    part = grid.noise**2 * grid.noise_freedom / grid.scores.size
    noise = part / variance if variance > 0 else np.nan
    rows.append(("all", "seed", 0, noise, np.nan, np.nan, np.nan, np.nan))
    return Sensitivity(
        pd.DataFrame(rows, columns=list(COLUMNS)), _curves(forest, space, confidence)
    )


def sentences(model: str, score: str, found: Sensitivity) -> list[str]:
    """Return what the shares say of one model, with intervals."""
    subject = f"{model}, {score}"
    table = found.shares
    r2 = float(table["r2"].iloc[0])
    seed = float(table.loc[table["term"] == "seed", "share"].iloc[0])
    said = [f"{subject}: {_trust(r2)}{_seed(seed)}."]
    if not r2 > 0:
        return said
    for region, part in table[table["order"] > 0].groupby("region", sort=False):
        where = "over all that was tried" if region == "all" else "among the best quarter"
        for order, things in ((1, "settings"), (2, "pairs of settings")):
            terms = part[part["order"] == order].sort_values("share", ascending=False)
            told = terms[terms["share"] > terms["by_chance"]]
            named = ", ".join(
                f"{row['term']} {row['share']:.0%} [{row['low']:.0%}, {row['high']:.0%}]"
                for row in told.to_dict("records")
            )
            if named:
                said.append(
                    f"{subject}: {where}, {things} beyond what chance gives them, by their share "
                    f"of the variance: {named}."
                )
            elif len(terms):
                top = terms.iloc[0]
                said.append(
                    f"{subject}: {where}, no {'setting' if order == 1 else 'pair of settings'} "
                    f"has a larger share than chance gives it; the largest is {top['term']}'s, "
                    f"{top['share']:.0%} [{top['low']:.0%}, {top['high']:.0%}]."
                )
    return said


def _trust(r2: float) -> str:
    if not np.isfinite(r2):
        return "too few combinations to test the forest on any that it has not seen"
    if r2 <= 0:
        return (
            f"a forest needs more combinations than these: of those it has not seen it foretells "
            f"no more than their mean (R2 {r2:.2f}), so nothing is said by its shares"
        )
    return f"the forest explains {r2:.0%} of the variance of combinations that it has not seen"


def _seed(share: float) -> str:
    if not np.isfinite(share):
        return "; the part of the seed is unknown, with one training a combination"
    return f"; the seed makes up {share:.0%} of the variance of the trials"


def _without_folds(trials: pd.DataFrame, score: str) -> pd.Series:
    """Return the scores with every fold's mean set to the mean of all."""
    if "fold" not in trials:
        return trials[score]
    by_fold = trials.groupby("fold")[score].transform("mean")
    return trials[score] - by_fold + trials[score].mean()


def _shuffled(
    axes: Sequence[Axis],
    trials: pd.DataFrame,
    score: str,
    *,
    trees: int,
    seed: int,
    confidence: float,
) -> list[Forest]:
    """Return small forests of the scores shuffled among the trials, enough for the quantile."""
    forests = []
    for number in range(int(np.ceil(2 / (1 - confidence)))):
        random = rng.stream(seed, "shuffled", number)
        mixed = trials.assign(**{score: random.permutation(trials[score].to_numpy())})
        own = rng.derive(seed, "shuffled", number)
        forests.append(Forest.grow(axes, mixed, score, trees=-(-trees // 8), seed=own))
    return forests


def _trees_with_variance(shares: Floats) -> Floats:
    return shares[np.isfinite(shares).all(axis=1)]


def _curves(forest: Forest, space: Mapping[str, Tried], confidence: float) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    ends = ((1 - confidence) / 2, (1 + confidence) / 2)
    for name, tried in space.items():
        values: Sequence[Any]
        if isinstance(tried, Range):
            values = list(dict.fromkeys(tried.value(p) for p in np.linspace(0, 1, POINTS)))
        else:
            values = tried
        means = forest.marginal(name, values)  # (trees, values)
        low, high = np.quantile(means, ends, axis=0)
        for value, mean, below, above in zip(values, means.mean(axis=0), low, high, strict=True):
            rows.append(
                {"setting": name, "value": value, "mean": mean, "low": below, "high": above}
            )
    return pd.DataFrame(rows)
