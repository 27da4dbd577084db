"""Functional analysis of variance of a random forest: which settings matter, on any design.

fANOVA as Hutter, Hoos & Leyton-Brown 2014 define it: the variance of each tree over the space of
settings, these weighted uniformly, is divided among settings and pairs of settings, and a share is
the mean over the trees. A tree is constant on boxes of the space, so these are finite sums over its
leaves (their algorithms 1 and 2): nothing is sampled.

Trees of few trials are coarse, which biases the shares. The bias on functions of three settings
whose shares are known, with 32 trees:

| function, term, its share                 | 30 trials | 100  | 300  | 1,000 |
|-------------------------------------------|-----------|------|------|-------|
| additive, a main effect, .64              |  .00      |  .01 |  .01 |  .01  |
| additive, a main effect, .29              | -.09      | -.05 | -.03 | -.02  |
| additive, the pair of these two, 0        |  .07      |  .05 |  .03 |  .01  |
| Ishigami, the main effect that waves, .44 | -.26      | -.30 | -.16 | -.08  |
| Ishigami, the pair, .24                   | -.15      | -.03 | -.02 | -.01  |
| product of two settings, their pair, 1    | -.86      | -.44 | -.14 | -.03  |

With few trials a real pair comes out too small, and one that is not there above 0: so
`analyse` holds shares against those of shuffled settings.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special
from sklearn.tree import DecisionTreeRegressor

from wordlab import rng
from wordlab.analysis.grid import Grid, without_missing
from wordlab.analysis.variance import Tables, numbered
from wordlab.params import derived
from wordlab.params.sweeps import Range, Tried

Floats = NDArray[np.float64]
Cells = NDArray[np.int16]

PARTS = 256
"""Equal parts of a range, between which the trees cut."""


@dataclass(frozen=True)
class Axis:
    """A setting as one dimension of the space: cells of equal weight.

    The cells are the few values that are tried, or equal parts of a range.
    """

    name: str
    tried: Tried

    @property
    def size(self) -> int:
        """How many cells there are."""
        return PARTS if isinstance(self.tried, Range) else len(self.tried)

    def encode(self, values: Sequence[Any]) -> Cells:
        """Return the cell of each of `values`, int16, from 0."""
        if isinstance(self.tried, Range):
            places = derived.place(self.tried, np.asarray(values, dtype=np.float64))
            return (places * PARTS).clip(0, PARTS - 1).astype(np.int16)
        tried = list(self.tried)
        return np.array([tried.index(value) for value in without_missing(values)], dtype=np.int16)


@dataclass(frozen=True, eq=False)
class Boxes:
    """A tree's leaves: float64 values (L,), first cell and the one past the last, int16 (k, L)."""

    values: Floats
    start: Cells
    stop: Cells

    @classmethod
    def of(cls, tree: DecisionTreeRegressor, sizes: Cells) -> "Boxes":
        """Return the leaves of a tree that was fitted to cells; sizes: how many of each axis."""
        nodes = tree.tree_
        waiting, leaves = [(0, np.zeros_like(sizes), sizes)], []
        while waiting:
            node, start, stop = waiting.pop()
            left, right = nodes.children_left[node], nodes.children_right[node]
            if left == right:
                leaves.append((nodes.value[node].item(), start, stop))
                continue
            below, above = stop.copy(), start.copy()
            axis = nodes.feature[node]
            below[axis] = above[axis] = int(np.floor(nodes.threshold[node])) + 1
            waiting += [(left, start, below), (right, above, stop)]
        values, starts, stops = zip(*leaves, strict=True)
        return cls(np.array(values), np.array(starts).T.copy(), np.array(stops).T.copy())

    @classmethod
    def mean_of(cls, trees: Sequence["Boxes"]) -> "Boxes":
        """Return boxes whose values, where they lie upon one another, add up to the trees' mean."""
        return cls(
            np.concatenate([tree.values for tree in trees]) / len(trees),
            np.hstack([tree.start for tree in trees]),
            np.hstack([tree.stop for tree in trees]),
        )

    def centred(self, sizes: Cells, at_least: float, at_most: float) -> "Boxes":
        """Return the leaves with values between bounds, and of mean 0 over the space."""
        values = self.values.clip(at_least, at_most)
        volumes = ((self.stop - self.start) / sizes[:, None]).prod(axis=0)
        return Boxes(values - values @ volumes, self.start, self.stop)

    def mean(self, sizes: Cells, kept: tuple[int, ...]) -> Floats:
        """Return the mean over all axes but `kept`, at each cell of these: shape sizes[kept].

        Each leaf is entered at the corners of its box, and sums along each axis fill the boxes.
        """
        spans = np.delete((self.stop - self.start) / sizes[:, None], kept, axis=0)
        weights = self.values * spans.prod(axis=0)
        table = np.zeros([sizes[axis] + 1 for axis in kept])
        for ends in itertools.product((False, True), repeat=len(kept)):
            corner = tuple(
                (self.stop if end else self.start)[axis]
                for end, axis in zip(ends, kept, strict=True)
            )
            np.add.at(table, corner, weights * (-1) ** sum(ends))
        for place in range(len(kept)):
            table = table.cumsum(axis=place)
        return table[(slice(-1),) * len(kept)]

    def shares(self, sizes: Cells) -> Floats:
        """Return the shares of each axis, then of each pair of axes, in the variance of values.

        float64 (k + k (k - 1) / 2,), NaN where all values are equal; the values' mean over the
        space is 0. The variance of the mean over all axes but some is a sum over pairs of leaves,
        weighted by how far they overlap along the axes kept and by their spans along the others.
        """
        spans = (self.stop - self.start) / sizes[:, None]  # (k, L)
        total = float(self.values**2 @ spans.prod(axis=0))
        count = len(sizes)
        pairs = list(itertools.combinations(range(count), 2))
        if total <= 0:
            return np.full(count + len(pairs), np.nan)
        overlaps = [
            (np.minimum.outer(stop, stop) - np.maximum.outer(start, start)).clip(0) / size
            for start, stop, size in zip(self.start, self.stop, sizes, strict=True)
        ]  # k of (L, L)

        def variance(*kept: int) -> float:
            weights = self.values * np.delete(spans, kept, axis=0).prod(axis=0)
            shared = np.multiply.reduce([overlaps[axis] for axis in kept])
            return float(weights @ shared @ weights)

        mains = [variance(axis) for axis in range(count)]
        both = [max(variance(i, j) - mains[i] - mains[j], 0.0) for i, j in pairs]
        return np.array([*mains, *both]) / total


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees over the space of `axes`, each grown on a bootstrap sample of the trials.

    r2: the share of the variance of trials explained by those trees that had seen no trial of the
    same combination; NaN if every tree saw all.
    """

    axes: tuple[Axis, ...]
    boxes: tuple[Boxes, ...]
    r2: float

    @classmethod
    def grow(
        cls, axes: Sequence[Axis], trials: pd.DataFrame, score: str, *, trees: int, seed: int
    ) -> "Forest":
        """Grow the forest on the `score` of `trials`, which have a column for each axis.

        Each tree's sample is drawn from all trials; held out from it are the combinations of which
        no trial was drawn.
        """
        points = np.column_stack([axis.encode(trials[axis.name].tolist()) for axis in axes])
        sizes = np.array([axis.size for axis in axes], dtype=np.int16)
        scores = trials[score].to_numpy(dtype=np.float64)
        count = len(scores)
        group = np.unique(points, axis=0, return_inverse=True)[1].ravel()
        boxes, predicted, unseen = [], np.zeros(count), np.zeros(count)
        for number in range(trees):
            random = rng.stream(seed, "forest", number)
            weight = np.bincount(random.integers(count, size=count), minlength=count)
            drawn = weight > 0
            tree = DecisionTreeRegressor(random_state=number)
            tree.fit(points[drawn], scores[drawn], sample_weight=weight[drawn].astype(np.float64))
            boxes.append(Boxes.of(tree, sizes))
            held_out = ~np.isin(group, group[drawn])
            if held_out.any():
                predicted[held_out] += tree.predict(points[held_out])
                unseen += held_out
        tested = unseen > 0
        wrong = ((predicted[tested] / unseen[tested] - scores[tested]) ** 2).sum()
        spread = ((scores[tested] - scores[tested].mean()) ** 2).sum() if tested.any() else 0.0
        return cls(tuple(axes), tuple(boxes), 1 - wrong / spread if spread > 0 else float("nan"))

    @property
    def sizes(self) -> Cells:
        """How many cells each axis has, int16 (k,)."""
        return np.array([axis.size for axis in self.axes], dtype=np.int16)

    def terms(self) -> list[tuple[str, ...]]:
        """Return the settings of each term: one by one, then in pairs."""
        names = [axis.name for axis in self.axes]
        return [*((name,) for name in names), *itertools.combinations(names, 2)]

    def shares(self, *, at_most: float = np.inf, at_least: float = -np.inf) -> Floats:
        """Return the mean over the trees of the share of the variance of each term, (terms,).

        Terms as `terms` names them. at_most, at_least: what of a tree lies beyond counts as this
        value, so that only differences within the part of the space that is better than it matter.
        Trees without variance are left out; NaN where no tree has any.
        """
        trees = [boxes.centred(self.sizes, at_least, at_most) for boxes in self.boxes]
        shares = np.array([tree.shares(self.sizes) for tree in trees])
        varied = np.isfinite(shares[:, 0])
        return np.asarray(shares[varied].mean(axis=0)) if varied.any() else shares[0]

    def marginal(self, name: str, values: Sequence[Any]) -> Floats:
        """Return each tree's mean at each of `values` of a setting, over all other settings.

        float64 (trees, values).
        """
        (place,) = self._places(name)
        cells = self.axes[place].encode(values)
        return np.array([boxes.mean(self.sizes, (place,))[cells] for boxes in self.boxes])

    def surface(self, term: tuple[str, str], values: tuple[Sequence[Any], Sequence[Any]]) -> Floats:
        """Return the forest's mean at each pair of `values` of two settings, over all others.

        float64 (values of the first, of the second).
        """
        one, other = self._places(*term)
        cells = np.ix_(self.axes[one].encode(values[0]), self.axes[other].encode(values[1]))
        return Boxes.mean_of(self.boxes).mean(self.sizes, (one, other))[cells]

    def _places(self, *names: str) -> tuple[int, ...]:
        own = [axis.name for axis in self.axes]
        return tuple(own.index(name) for name in names)


POINTS = 25
"""Where the curve of a range is evaluated."""

SURFACES = 3
"""The strongest pairs of settings, of which the map is kept."""

GROUPS = 10
"""Parts that the combinations are divided into, each left out in turn, for intervals."""


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
    if "fold" in own:  # set every fold's mean to the mean of all
        by_fold = own.groupby("fold")[score].transform("mean")
        own[score] = own[score] - by_fold + own[score].mean()
    grid = Grid.of(own, ["combination"], score)
    forest = Forest.grow(axes, own, score, trees=trees, seed=seed)
    trusted = forest.r2 > 0
    left_out = _left_out(axes, own, score, trees=trees, seed=seed) if trusted else []
    best = {"at_most": 0.25} if goal == "lower" else {"at_least": 0.75}
    bound = {side: float(np.quantile(grid.means, share)) for side, share in best.items()}
    regions = {"all": {}, "best quarter": bound}
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
    columns = ["region", "term", "order", "share", "low", "high", "by_chance", "r2"]
    table = pd.DataFrame(rows, columns=columns)
    return {
        "sensitivity": table,
        "curves": _curves(forest, space, confidence),
        "surfaces": _surfaces(forest, space, table),
    }


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
    rows: list[tuple[Any, ...]] = []
    ends = ((1 - confidence) / 2, (1 + confidence) / 2)
    for name, tried in space.items():
        values = _values(tried)
        means = forest.marginal(name, values)  # (trees, values)
        low, high = np.quantile(means, ends, axis=0)
        own = zip(values, means.mean(axis=0), low, high, strict=True)
        rows += [(name, *row) for row in own]
    return pd.DataFrame(rows, columns=["setting", "value", "mean", "low", "high"])


def _surfaces(forest: Forest, space: Mapping[str, Tried], shares: pd.DataFrame) -> pd.DataFrame:
    """Return the mean score over each of the pairs of settings with the largest shares."""
    pairs = shares[(shares["order"] == 2) & (shares["region"] == "all")]
    order = pairs["share"].to_numpy().argsort(kind="stable")[::-1][:SURFACES]
    terms = [term for term in forest.terms() if len(term) == 2]
    rows: list[tuple[Any, ...]] = []
    for one, other in (terms[place] for place in order):
        values = _values(space[one]), _values(space[other])
        means = forest.surface((one, other), values)
        points = zip(itertools.product(*values), means.ravel(), strict=True)
        rows += [(one, other, *point, mean) for point, mean in points]
    return pd.DataFrame(rows, columns=["one", "other", "value_one", "value_other", "mean"])


def _values(tried: Tried) -> Sequence[Any]:
    """Return the values tried, or points of a range, in order."""
    if isinstance(tried, Range):
        return list(
            dict.fromkeys(derived.value(tried, place) for place in np.linspace(0, 1, POINTS))
        )
    return tried
