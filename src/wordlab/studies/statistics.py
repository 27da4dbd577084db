"""Intervals of what studies measure: means over seeds, and medians over sequences.

A few seeds say little about the noise of one setting, so that it is pooled over all settings
trained with them, as the analysis of variance does: settings are taken to be equally noisy, and a
seed may move all of them alike.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


def mean_intervals(values: Floats, confidence: float, comparisons: int = 1) -> Floats:
    """Return the mean over seeds and the ends of its interval for each setting: (M, 3).

    values: (M, S), M settings by S seeds. comparisons: how many intervals are looked at together.
    Each is widened so that all of them hold at once with `confidence` (Bonferroni: the chance to
    miss is divided by their number). Settings share their seeds, and what a seed adds to all of
    them alike is noise of every mean: its variance is (MS_seeds + (M - 1) MS_rest) / (M S), of the
    mean squares between seeds and of the rest. Student's t with the degrees of freedom of
    Satterthwaite 1946.
    """
    settings, seeds = values.shape
    means = values.mean(axis=1)
    between = values.mean(axis=0) - values.mean()
    parts = np.array([settings * np.square(between).sum(), np.square(_rest(values)).sum()])
    parts /= seeds - 1  # MS_seeds and (M - 1) MS_rest
    total = float(parts.sum())
    freedom = (seeds - 1) * _ratio(total**2, parts[0] ** 2 + parts[1] ** 2 / max(1, settings - 1))
    half = _half_width(total / (settings * seeds), freedom, confidence, comparisons)
    return np.stack([means, means - half, means + half], axis=1)


def change_intervals(
    values: Floats, reference: int, confidence: float, comparisons: int = 1
) -> Floats:
    """Return by how much each setting exceeds the one at `reference`, with interval ends: (M, 3).

    values, comparisons: as for `mean_intervals`, with two settings or more. Seeds are blocks: what
    a seed adds to all settings alike is no noise. Student's t with (M - 1) (S - 1) degrees of
    freedom (Montgomery 2017, 4.1).
    """
    settings, seeds = values.shape
    changes = values.mean(axis=1) - values[reference].mean()
    freedom = (settings - 1) * (seeds - 1)
    variance = float(np.square(_rest(values)).sum()) / freedom
    half = _half_width(2 * variance / seeds, freedom, confidence, comparisons)
    halves = np.full(settings, half)
    halves[reference] = 0
    return np.stack([changes, changes - halves, changes + halves], axis=1)


def _rest(values: Floats) -> Floats:
    """Return what neither the setting nor the seed explains of `values` (M, S), likewise (M, S)."""
    return values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()


def _ratio(one: float, other: float) -> float:
    """Return `one` / `other`, and 1 where nothing varies, so that both are 0."""
    return one / other if other else 1.0


def _half_width(variance: float, freedom: float, confidence: float, comparisons: int) -> float:
    """Return half the width of a t interval of an estimate with this variance."""
    missed = (1 - confidence) / comparisons
    return float(stats.t.ppf(1 - missed / 2, freedom)) * math.sqrt(variance)


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
