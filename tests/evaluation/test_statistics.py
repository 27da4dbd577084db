"""Ranks, correlations and intervals against SciPy, NumPy and simulated data."""

import numpy as np
import pytest
from scipy import stats

from wordlab.evaluation import statistics


def tied_values(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.integers(0, 12, n).astype(float)
    return x, x + random.integers(-6, 7, n)


def test_ranks_and_correlations_equal_scipy_s_with_ties() -> None:
    x, y = tied_values(80, 1)
    np.testing.assert_array_equal(statistics.ranks(x), stats.rankdata(x))
    assert statistics.spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    assert statistics.pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic)


def test_resamples_are_ranked_as_if_each_were_sorted() -> None:
    x, y = tied_values(60, 2)
    counts = statistics.resample(60, 20, np.random.default_rng(3))
    assert counts.sum(axis=1).tolist() == [60] * 20
    expected = []
    for row in counts:
        drawn = np.repeat(np.arange(60), row.astype(int))
        expected.append(stats.spearmanr(x[drawn], y[drawn]).statistic)
    np.testing.assert_allclose(statistics.resampled_spearman(x, y, counts), expected, rtol=1e-12)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0, 2.0]])
def test_what_does_not_vary_has_no_correlation(values: list[float]) -> None:
    x = np.array(values)
    assert np.isnan(statistics.spearman(x, np.arange(len(x), dtype=float)))
    counts = statistics.resample(len(x), 10, np.random.default_rng(1))
    draws = statistics.resampled_spearman(x, x, counts)
    assert np.isnan(statistics.interval(draws, 0.95)).all()


def test_the_interval_of_a_correlation_covers_it_as_often_as_it_says() -> None:
    random = np.random.default_rng(4)
    pearson = 0.6
    truth = 6 / np.pi * np.arcsin(pearson / 2)  # Spearman's of a bivariate normal
    covered = 0
    for _ in range(400):
        x = random.standard_normal(150)
        y = pearson * x + np.sqrt(1 - pearson**2) * random.standard_normal(150)
        counts = statistics.resample(150, 300, random)
        low, high = statistics.interval(statistics.resampled_spearman(x, y, counts), 0.9)
        covered += low <= truth <= high
    assert 0.85 <= covered / 400 <= 0.94


def test_shared_parts_widen_the_interval_of_a_mean_to_where_it_covers() -> None:
    random = np.random.default_rng(5)
    first, second = (part.ravel() for part in np.meshgrid(np.arange(25), np.arange(25)))
    keep = first != second
    first, second = first[keep], second[keep]
    covered = {"crossed": 0, "one by one": 0}
    for _ in range(300):
        ability = random.standard_normal(25)
        right = ability[first] + ability[second] + random.standard_normal(len(first)) > 0
        drawn = {
            "crossed": statistics.resample_crossed(first, second, 200, random),
            "one by one": statistics.resample(len(first), 200, random),
        }
        for name, weights in drawn.items():
            low, high = statistics.interval(statistics.resampled_mean(right, weights), 0.9)
            covered[name] += low <= 0.5 <= high
    assert covered["crossed"] / 300 >= 0.85
    assert covered["one by one"] / 300 < 0.6


def test_the_same_stream_draws_the_same() -> None:
    draws = [
        statistics.resample_crossed(
            np.array([0, 0, 7]), np.array([7, 9, 9]), 50, np.random.default_rng(seed)
        )
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
