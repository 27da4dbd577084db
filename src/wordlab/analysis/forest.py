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
`sensitivity` holds shares against those of shuffled settings.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor

from wordlab import rng
from wordlab.analysis.variance import without_missing
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
            places = self.tried.place(np.asarray(values, dtype=np.float64))
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
