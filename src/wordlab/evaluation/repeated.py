"""Settings that are trained several times, over seeds and folds: their means and differences."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from wordlab.evaluation.statistics import Floats

if TYPE_CHECKING:
    import pandas as pd


def change_intervals(
    values: Floats, reference: int, confidence: float, comparisons: int = 1
) -> Floats:
    """Return by how much each setting exceeds the one at `reference`, with interval ends: (M, 3).

    values: (M, S), M settings, two or more, by S seeds. comparisons: how many intervals are looked
    at together. Each is widened so that all of them hold at once with `confidence` (Bonferroni: the
    chance to miss is divided by their number). Seeds are blocks: what a seed adds to all settings
    alike is no noise. Student's t with (M - 1) (S - 1) degrees of
    freedom (Montgomery 2017, 4.1). Settings with the same values are taken for the same trainings:
    they count once, and do not differ.
    """
    changes = values.mean(axis=1) - values[reference].mean()
    own = np.unique(values, axis=0)
    settings, seeds = own.shape
    freedom = max(1, settings - 1) * (seeds - 1)
    variance = float(np.square(_rest(own)).sum()) / freedom
    half = _half_width(2 * variance / seeds, freedom, confidence, comparisons)
    halves = np.where((values == values[reference]).all(axis=1), 0, half)
    return np.stack([changes, changes - halves, changes + halves], axis=1)


def _rest(values: Floats) -> Floats:
    """Return what neither the setting nor the seed explains of `values` (M, S), likewise (M, S)."""
    return values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()


def _half_width(variance: float, freedom: float, confidence: float, comparisons: int) -> float:
    """Return half the width of a t interval of an estimate with this variance."""
    missed = (1 - confidence) / comparisons
    return float(special.stdtrit(freedom, 1 - missed / 2)) * math.sqrt(variance)


def repetitions(trials: "pd.DataFrame", combination: NDArray[np.integer], score: str) -> Floats:
    """Return the `score` of each combination of settings, in each fold from each seed, (C, F, S).

    trials: one row per training, with the columns `seed`, `fold` if there are several, and `score`;
    combination: int (N,), the number of each trial's, from 0, all with equally many trials. Raises
    ValueError if a combination or a score is missing.
    """
    seed = trials["seed"].to_numpy()
    fold = trials["fold"].to_numpy() if "fold" in trials else np.ones_like(seed)
    folds, seeds = len(np.unique(fold)), len(np.unique(seed))
    count = int(combination.max()) + 1
    if len(trials) != count * folds * seeds:
        raise ValueError(f"{len(trials)} trials are not {count} combinations x {folds * seeds}")
    order = np.lexsort([seed, fold, combination])
    scores = trials[score].to_numpy(dtype=np.float64)[order]
    if not np.isfinite(scores).all():
        missing = int((~np.isfinite(scores)).sum())
        raise ValueError(f"{score}: {missing} trials have none that is finite")
    return scores.reshape(count, folds, seeds)
