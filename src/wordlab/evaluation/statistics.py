"""Correlations, ranks, and what the bootstrap says about them.

A resample of n items is held as counts: how often each item was drawn. Ranks and correlations of
all resamples then come from cumulative sums, without sorting any of them.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def ranks(values: Floats) -> Floats:
    """Return the ranks of `values`, 1 for the lowest, ties sharing their mean, float64 (n,)."""
    return weighted_ranks(values, np.ones((1, len(values))))[0]


def weighted_ranks(values: Floats, counts: Floats) -> Floats:
    """Return the ranks of `values` in samples that hold item i counts[r, i] times.

    values: (n,), counts: (R, n). The rank of an item is the mean of the places that it and its
    ties hold in the sorted sample: the number of lower items plus (the number of ties + 1) / 2.
    """
    if len(values) == 0:
        return np.zeros(counts.shape)
    levels, level = np.unique(values, return_inverse=True)
    order = np.argsort(level, kind="stable")
    starts = np.searchsorted(level[order], np.arange(len(levels)))
    ties = np.add.reduceat(counts[:, order], starts, axis=1)
    lower = np.cumsum(ties, axis=1) - ties
    return (lower + (ties + 1) / 2)[:, level]


def weighted_pearson(x: Floats, y: Floats, counts: Floats) -> Floats:
    """Return Pearson's correlation of `x` and `y` in each resample, float64 (R,).

    x, y: (n,) or (R, n); counts: (R, n). NaN where either is constant or n < 2.
    """
    total = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        dx = x - (counts * x).sum(axis=1, keepdims=True) / total
        dy = y - (counts * y).sum(axis=1, keepdims=True) / total
        covariance = (counts * dx * dy).sum(axis=1)
        variances = (counts * dx * dx).sum(axis=1) * (counts * dy * dy).sum(axis=1)
        return np.where(variances > 0, covariance / np.sqrt(variances), np.nan)


def pearson(x: Floats, y: Floats) -> float:
    """Return Pearson's correlation; NaN if either is constant or there are less than 2 values."""
    return float(weighted_pearson(x, y, np.ones((1, len(x))))[0])


def spearman(x: Floats, y: Floats) -> float:
    """Return Spearman's rank correlation, ties at their mean rank; NaN as for `pearson`."""
    return pearson(ranks(x), ranks(y))


def resample(n: int, resamples: int, random: np.random.Generator) -> Floats:
    """Return how often each of `n` items is drawn in each of `resamples` draws of n, (R, n)."""
    drawn = random.integers(0, max(n, 1), size=(resamples, n))
    drawn += np.arange(resamples)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=resamples * n).reshape(resamples, n).astype(float)


def resample_crossed(
    first: NDArray[np.int64], second: NDArray[np.int64], resamples: int, random: np.random.Generator
) -> Floats:
    """Return the weights of items that share parts, in resamples of the parts, (R, n).

    first, second: int (n,), the two parts of each item, as the two word pairs of an analogy
    question. Items that share a part are not independent, and drawing them one by one gives
    intervals too narrow: the parts are drawn, and an item weighs the product of the counts of its
    two (the pigeonhole bootstrap, Owen 2007).
    """
    parts, places = np.unique(np.stack([first, second]), return_inverse=True)
    counts = resample(len(parts), resamples, random).astype(np.float32)
    left, right = places.reshape(2, -1)
    return counts[:, left] * counts[:, right]


def resampled_mean(values: NDArray[np.bool_], weights: Floats) -> Floats:
    """Return the weighted mean of `values` (n,) in each resample, NaN where nothing is drawn."""
    total = weights.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return (weights @ values.astype(weights.dtype)) / total


def resampled_spearman(x: Floats, y: Floats, counts: Floats) -> Floats:
    """Return Spearman's correlation in each resample, ranked anew in each, float64 (R,)."""
    return weighted_pearson(weighted_ranks(x, counts), weighted_ranks(y, counts), counts)


def interval(draws: Floats, confidence: float) -> tuple[float, float]:
    """Return the percentile interval of bootstrap `draws` (Efron 1979); NaN if there are none.

    Draws without a value (a resample in which all items are equal) are left out.
    """
    draws = draws[np.isfinite(draws)]
    if len(draws) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
