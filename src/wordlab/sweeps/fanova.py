"""Functional analysis of variance of a random forest: which settings matter, on any design.

Each tree of the forest is constant on boxes of the space of settings, so its mean over all settings
but one or two, and the variance of that mean, are finite sums over its leaves: nothing is sampled
(Hutter, Hoos & Leyton-Brown 2014, algorithms 1 and 2). The settings are weighted uniformly.
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

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """A setting as one dimension of the space: a few values, or all between two bounds."""

    name: str
    tried: Tried

    def encode(self, values: Sequence[Any]) -> Floats:
        """Return each of `values` as a number: its place among those tried, or in [0, 1]."""
        if isinstance(self.tried, Range):
            return self.tried.place(np.asarray(values, dtype=np.float64))
        places = list(self.tried)
        return np.array([places.index(value) for value in values], dtype=np.float64)

    def cells(self, cuts: Floats) -> tuple[Floats, Floats]:
        """Return a point in each part that no cut divides (C,), and the parts' sizes (C,).

        The sizes sum to 1. A value of a few is a part of its own, whatever the cuts.
        """
        if not isinstance(self.tried, Range):
            count = len(self.tried)
            return np.arange(count, dtype=np.float64), np.full(count, 1 / count)
        edges = np.unique(np.concatenate([[0.0, 1.0], cuts.clip(0, 1)]))
        return (edges[1:] + edges[:-1]) / 2, np.diff(edges)


@dataclass(frozen=True, eq=False)
class Boxes:
    """A tree's leaves: float64 values (L,), lower (exclusive) and upper bounds (L, k)."""

    values: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, tree: DecisionTreeRegressor) -> "Boxes":
        """Return the leaves of a fitted tree."""
        nodes = tree.tree_
        unbounded = np.full(nodes.n_features, np.inf)
        waiting, leaves = [(0, -unbounded, unbounded)], []
        while waiting:
            node, low, high = waiting.pop()
            left, right = nodes.children_left[node], nodes.children_right[node]
            if left == right:
                leaves.append((nodes.value[node].item(), low, high))
                continue
            below, above = high.copy(), low.copy()
            below[nodes.feature[node]] = above[nodes.feature[node]] = nodes.threshold[node]
            waiting += [(left, low, below), (right, above, high)]
        values, lows, highs = zip(*leaves, strict=True)
        return cls(np.array(values), np.array(lows), np.array(highs))

    def inside(self, axis: int, points: Floats) -> Floats:
        """Return 1 where a leaf holds a point of an axis, else 0: float64 (L, C)."""
        low, high = self.low[:, axis, None], self.high[:, axis, None]
        return ((low < points) & (points <= high)).astype(np.float64)


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
            boxes.append(Boxes.of(tree))
            held_out = ~np.isin(group, group[drawn])
            if held_out.any():
                predicted[held_out] += tree.predict(points[held_out])
                unseen += held_out
        tested = unseen > 0
        wrong = ((predicted[tested] / unseen[tested] - scores[tested]) ** 2).sum()
        spread = ((scores[tested] - scores[tested].mean()) ** 2).sum() if tested.any() else 0.0
        return cls(tuple(axes), tuple(boxes), 1 - wrong / spread if spread > 0 else float("nan"))

    def shares(self, *, at_most: float = np.inf, at_least: float = -np.inf) -> Floats:
        """Return the share of each tree's variance that each term makes up: (trees, terms).

        Terms as `terms` names them. at_most, at_least: what lies beyond counts as this value, so
        that only differences within the part of the space that is better than it matter. A tree
        without variance has NaN.
        """
        return np.array([_shares(self.axes, b, at_least, at_most) for b in self.boxes])

    def terms(self) -> list[tuple[str, ...]]:
        """Return the settings of each term: one by one, then in pairs."""
        names = [axis.name for axis in self.axes]
        return [*((name,) for name in names), *itertools.combinations(names, 2)]

    def marginal(self, name: str, values: Sequence[Any]) -> Floats:
        """Return each tree's mean at each of `values` of a setting, over all other settings.

        float64 (trees, values).
        """
        place = next(i for i, axis in enumerate(self.axes) if axis.name == name)
        points = self.axes[place].encode(values)
        rows = []
        for boxes in self.boxes:
            _, sizes = _measures(self.axes, boxes)
            weights = boxes.values * np.delete(sizes, place, axis=0).prod(axis=0)
            rows.append(weights @ boxes.inside(place, points))
        return np.array(rows)


def _measures(axes: Sequence[Axis], boxes: Boxes) -> tuple[list[tuple[Floats, Floats]], Floats]:
    """Return, of each axis, which leaf holds which cell (L, C) and the cells' sizes (C,).

    And the share of each axis that each leaf spans, float64 (k, L).
    """
    parts = []
    for place, axis in enumerate(axes):
        points, sizes = axis.cells(boxes.high[np.isfinite(boxes.high[:, place]), place])
        parts.append((boxes.inside(place, points), sizes))
    return parts, np.array([inside @ sizes for inside, sizes in parts])


def _shares(axes: Sequence[Axis], boxes: Boxes, at_least: float, at_most: float) -> Floats:
    parts, spans = _measures(axes, boxes)
    values = boxes.values.clip(at_least, at_most)
    volumes = spans.prod(axis=0)
    values = values - values @ volumes  # of mean 0
    total = float(values**2 @ volumes)
    mains = []
    for place, (inside, sizes) in enumerate(parts):
        rest = np.delete(spans, place, axis=0).prod(axis=0)
        mains.append(float(((values * rest) @ inside) ** 2 @ sizes))
    pairs = []
    for one, other in itertools.combinations(range(len(axes)), 2):
        rest = np.delete(spans, (one, other), axis=0).prod(axis=0)
        mean = parts[one][0].T @ ((values * rest)[:, None] * parts[other][0])  # (C, C')
        both = float(parts[one][1] @ mean**2 @ parts[other][1])
        pairs.append(max(both - mains[one] - mains[other], 0.0))
    found = np.array([*mains, *pairs])
    return found / total if total > 0 else np.full(len(found), np.nan)
