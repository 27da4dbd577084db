"""Functional analysis of variance of a random forest: which settings matter, on any design.

Each tree of the forest is constant on boxes of the space of settings, so the forest's mean over all
settings but one or two, and the variance of that mean, are finite sums over leaves: nothing is
sampled (Hutter, Hoos & Leyton-Brown 2014, algorithms 1 and 2). The settings are weighted uniformly.

Hutter et al. divide up the variance of each tree and average the shares. Here it is the variance of
the forest, whose held-out R2 is known: what only single trees have, since each leaf holds a few
trials, would count as interactions, and main effects come out too small.
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
from wordlab.params.sweeps import Range, Tried
from wordlab.sweeps.importance import without_missing

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

    def product(self, other: "Boxes", sizes: Cells) -> float:
        """Return the mean over the space of the product with another tree."""
        meet = np.ones((len(self.values), len(other.values)), dtype=np.bool_)
        for axis in range(len(sizes)):
            meet &= self.start[axis][:, None] < other.stop[axis]
            meet &= other.start[axis] < self.stop[axis][:, None]
        one, two = np.nonzero(meet)
        weights = self.values[one] * other.values[two]
        for axis, size in enumerate(sizes):
            stop = np.minimum(self.stop[axis][one], other.stop[axis][two])
            weights *= (stop - np.maximum(self.start[axis][one], other.start[axis][two])) / size
        return float(weights.sum())


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
        """Return the share of the forest's variance that each term makes up, float64 (terms,).

        Terms as `terms` names them. at_most, at_least: what of a tree lies beyond counts as this
        value, so that only differences within the part of the space that is better than it matter.
        NaN where the forest has no variance.
        """
        sizes, own = self.sizes, range(len(self.axes))
        trees = [boxes.centred(sizes, at_least, at_most) for boxes in self.boxes]
        both = itertools.combinations_with_replacement(range(len(trees)), 2)
        products = [(2 - (i == j)) * trees[i].product(trees[j], sizes) for i, j in both]
        total = sum(products) / len(trees) ** 2
        if total <= 0:
            return np.full(len(self.terms()), np.nan)

        mean = Boxes.mean_of(trees)

        def variance(*kept: int) -> float:
            return float((mean.mean(sizes, kept) ** 2).mean())

        mains = [variance(axis) for axis in own]
        pairs = [
            max(variance(one, other) - mains[one] - mains[other], 0.0)
            for one, other in itertools.combinations(own, 2)
        ]
        return np.array([*mains, *pairs]) / total

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
