"""Intervals of what studies measure: over seeds, and of medians over sequences."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def mean_interval(values: Sequence[float], confidence: float) -> tuple[float, float, float]:
    """Return the mean of independent `values` and its interval by Student's t; NaN with one."""
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return mean, math.nan, math.nan
    reach = float(stats.t.ppf((1 + confidence) / 2, len(array) - 1))
    half = reach * float(array.std(ddof=1)) / math.sqrt(len(array))
    return mean, mean - half, mean + half


def median_interval(
    values: NDArray[np.floating], confidence: float, random: np.random.Generator
) -> tuple[float, float, float]:
    """Return the median of `values` (n,) and its bootstrap interval, 1,000 samples."""
    drawn = values[random.integers(0, len(values), size=(1000, len(values)))]
    edges = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(np.median(drawn, axis=1), edges)
    return float(np.median(values)), float(low), float(high)
