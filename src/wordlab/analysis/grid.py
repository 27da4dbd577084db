"""The scores of a full grid of settings, and the noise that sums of its means are held against."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from wordlab.evaluation import repeated, statistics

Floats = NDArray[np.floating]

EQUAL = 1e-9
"""Repetitions that differ by less, relative to the largest score, do so by rounding alone."""


def without_missing(values: Sequence[Any]) -> list[Any]:
    """Return `values` with None, a setting's value, where pandas has made it a NaN."""
    return [None if isinstance(v, float) and np.isnan(v) else v for v in values]


@dataclass(frozen=True)
class Term:
    """What one or several settings do together, beyond what each does alone.

    squares, freedom: its sum of squares and their degrees of freedom; noise_squares,
    noise_freedom: of what it is held against. With several folds that is by how much folds differ
    in it, which more seeds do not make smaller; with one, the noise of repetitions.
    """

    squares: float
    freedom: int
    noise_squares: float
    noise_freedom: int


@dataclass(frozen=True, eq=False)
class Grid:
    """The scores of one model over a full grid.

    names: the k settings; values: those tried of each; scores: float64 (n_1, ..., n_k, R), R
    repetitions, higher or lower being better as the score has it; folds: float64 (F,), the mean of
    each fold. Folds differ in difficulty for all settings alike: in `scores` the mean of each is
    set to the mean of all. draws: float64 (n_1, ..., n_k, 3, B), the mean of each combination in
    bootstrap resamples of the items that it is scored on and of its repetitions, as
    `statistics.combined` takes them; None where only repetitions are noise.
    """

    names: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    scores: Floats
    folds: Floats
    draws: Floats | None = None

    @classmethod
    def of(
        cls,
        trials: pd.DataFrame,
        names: Sequence[str],
        score: str,
        draws: Floats | None = None,
    ) -> "Grid":
        """Return the `score` of `trials`, all of one model.

        trials: as `repeated.repetitions` takes them; draws: (len(trials), 3, B), for each trial
        those of its combination. Raises ValueError if a combination or a score is missing.
        """
        columns = [without_missing(trials[name].tolist()) for name in names]
        values = [tuple(dict.fromkeys(column)) for column in columns]
        shape = tuple(map(len, values))
        places = [list(map(own.index, column)) for column, own in zip(columns, values, strict=True)]
        combination = np.ravel_multi_index(places, shape)
        numbers, first = np.unique(combination, return_index=True)
        if len(numbers) != np.prod(shape):
            raise ValueError(f"{len(numbers)} combinations are no full grid of {shape}")
        scores = repeated.repetitions(trials, combination, score)
        folds = scores.mean(axis=(0, 2))
        alike = scores - folds[:, None] + scores.mean()
        if draws is not None:
            draws = draws[first].reshape(*shape, *draws.shape[1:])
        return cls(tuple(names), tuple(values), alike.reshape(*shape, -1), folds, draws)

    @property
    def means(self) -> Floats:
        """The mean of each combination over its repetitions, float64 (n_1, ..., n_k)."""
        return self.scores.mean(axis=-1)

    @property
    def noise_freedom(self) -> int:
        """Degrees of freedom of the noise."""
        return self.scores.size - self.means.size - (len(self.folds) - 1)

    @property
    def noise(self) -> float:
        """The standard deviation of repetitions of one combination, pooled; NaN without any."""
        if self.noise_freedom < 1:
            return float("nan")
        deviations = self.scores - self.means[..., None]
        return float(np.sqrt((deviations**2).sum() / self.noise_freedom))

    @property
    def noise_known(self) -> bool:
        """Whether repetitions differ at all: where none does, the noise is unknown."""
        return self.noise > EQUAL * float(np.abs(self.scores).max())

    def margins(self, contrasts: Floats, confidence: float) -> Floats:
        """Return half the widths of the intervals of sums of means that hold together, (C,).

        contrasts: (C, n_1 ... n_k), the weight of each combination. By Student's t with
        Bonferroni's correction, NaN where the noise is unknown; or where there are `draws`, by
        their deviations (`statistics.margins_together`). Noise is that of the `terms` of the
        settings that a sum differs by. What a fold adds to all combinations alike is no noise of a
        difference, but of a mean. The variance of a mean over C combinations and F folds is
        (MS_folds + (C - 1) MS_rest) / (C F), of the mean squares between folds and of the rest,
        with the degrees of freedom of Satterthwaite 1946.
        `benchmarks/interval_coverage.py` measures how often intervals over folds hold.
        """
        if self.draws is not None:
            cells = self.draws.reshape(self.means.size, *self.draws.shape[-2:])
            draws = statistics.combined(np.tensordot(contrasts, cells, axes=1))
            values = contrasts @ self.means.ravel()
            return statistics.margins_together(values, draws, confidence)[0]
        if not self.noise_known:
            return np.full(len(contrasts), np.nan)
        blocks = len(self.folds) - 1
        of_folds = self.scores.size * self.folds.var() / max(blocks, 1)  # their mean square
        shared = contrasts.sum(axis=1) ** 2 / self.means.size * min(blocks, 1)
        rest = (contrasts**2).sum(axis=1) - shared
        of_rest, freedom_of_rest = np.array([self._noise_of(one) for one in contrasts]).T
        parts = np.stack([shared * of_folds, rest * of_rest])
        variance = parts.sum(axis=0)
        freedoms = np.stack([np.full(len(contrasts), max(blocks, 1)), freedom_of_rest])
        of_parts = (parts**2 / freedoms).sum(axis=0)
        freedom = np.divide(variance**2, of_parts, out=np.ones_like(of_parts), where=of_parts > 0)
        tail = (1 - confidence) / 2 / max(len(contrasts), 1)
        quantile = special.stdtrit(freedom, 1 - tail)
        return quantile * np.sqrt(variance / self.scores.shape[-1])

    def _noise_of(self, contrast: Floats) -> tuple[float, int]:
        """Return the mean square that a sum of means is held against, and its freedom."""
        if len(self.folds) == 1:
            return self.noise**2, self.noise_freedom
        weights = contrast.reshape(self.means.shape)
        differing = {axis for axis in range(weights.ndim) if np.ptp(weights, axis=axis).any()}
        found = [term for chosen, term in self.terms.items() if differing.issuperset(chosen)]
        freedom = max(1, sum(term.noise_freedom for term in found))
        return sum(term.noise_squares for term in found) / freedom, freedom

    @cached_property
    def terms(self) -> Mapping[tuple[int, ...], Term]:
        """What every set of settings does, by their places: each alone, then every two."""
        folds, axes = len(self.folds), range(self.means.ndim)
        cells = self.scores.reshape(*self.means.shape, folds, -1).mean(axis=-1)
        effects: dict[tuple[int, ...], Floats] = {}
        found = {}
        for chosen in itertools.chain.from_iterable(
            itertools.combinations(axes, order) for order in range(len(axes) + 1)
        ):
            others = tuple(axis for axis in axes if axis not in chosen)
            effect = cells.mean(axis=others, keepdims=True)
            for lower, part in effects.items():
                if set(lower) < set(chosen):
                    effect = effect - part
            effects[chosen] = effect
            mean = effect.mean(axis=-1)
            apart = effect - mean[..., None]
            freedom = int(np.prod([self.means.shape[axis] - 1 for axis in chosen]))
            noise = self.noise**2 * self.noise_freedom, self.noise_freedom
            if folds > 1:
                noise = float((apart**2).mean()) * self.scores.size, freedom * (folds - 1)
            if chosen:
                squares = float((mean**2).mean()) * self.scores.size
                found[chosen] = Term(squares, freedom, *noise)
        return found

    def levels(self, axis: int) -> Floats:
        """Return the contrasts that are the means at each value of a setting, (n_axis, cells)."""
        at = np.indices(self.means.shape)[axis].ravel()
        inside = at[None, :] == np.arange(self.means.shape[axis])[:, None]
        return inside / inside.sum(axis=1, keepdims=True)
