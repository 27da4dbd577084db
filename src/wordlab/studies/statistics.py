"""Intervals of what studies measure: means over seeds, and medians over sequences."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def mean_interval(
    values: Sequence[float], confidence: float, comparisons: int = 1
) -> tuple[float, float, float]:
    """Return the mean of independent `values` and its interval by Student's t.

    comparisons: how many intervals are looked at together. Each is widened so that all of them
    hold at once with `confidence` (Bonferroni: the chance to miss is divided by their number). The
    interval is NaN with fewer than 3 values: that of two is too wide to say anything.
    """
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if len(array) < 3:
        return mean, math.nan, math.nan
    missed = (1 - confidence) / comparisons
    reach = float(stats.t.ppf(1 - missed / 2, len(array) - 1))
    half = reach * float(array.std(ddof=1)) / math.sqrt(len(array))
    return mean, mean - half, mean + half


def median_interval(values: NDArray[np.floating], confidence: float) -> tuple[float, float, float]:
    """Return the median of independent `values` (n,) and its interval by order statistics.

    The interval runs from the k-th lowest to the k-th highest value, k as high as `confidence`
    allows whatever the distribution (David & Nagaraja 2003, 7.1). NaN where even the whole range
    covers the median too rarely: with fewer than 6 values at 95 %.
    """
    middle = float(np.median(values))
    k = int(stats.binom.ppf((1 - confidence) / 2, len(values), 0.5))  # P(X < k) <= the tail
    if k < 1:
        return middle, math.nan, math.nan
    ordered = np.sort(values)
    return middle, float(ordered[k - 1]), float(ordered[-k])
