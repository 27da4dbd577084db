"""Ranks, correlations and intervals against SciPy, NumPy and simulated data."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from wordlab.evaluation import statistics
from wordlab.evaluation.statistics import CrossedResamples
from wordlab.evaluation.vectors import similarity
from wordlab.published import packaged


def tied_values(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.integers(0, 12, n).astype(float)
    return x, x + random.integers(-6, 7, n)


def test_ranks_and_correlations_equal_scipy_s_with_ties() -> None:
    x, y = tied_values(80, 1)
    np.testing.assert_array_equal(statistics.ranks(x), stats.rankdata(x))
    assert statistics.spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    assert statistics.pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic)


def test_equal_numbers_have_no_correlation_whatever_their_mean_is_rounded_to() -> None:
    x, y = np.full(3, 0.1), np.array([1.0, 2.0, 4.0])
    assert x.mean() != 0.1
    assert np.isnan([statistics.pearson(x, y), statistics.pearson(y, x)]).all()
    assert np.isnan(statistics.pearson(np.empty(0), np.empty(0)))


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
        crossed = CrossedResamples.draw(first, second, 200, random)
        draws = {
            "crossed": combined(crossed.means(right)),
            "one by one": statistics.resample(len(first), 200, random) @ right / len(first),
        }
        for name in covered:
            low, high = statistics.interval(draws[name], 0.9)
            covered[name] += low <= 0.5 <= high
    assert covered["crossed"] / 300 >= 0.85
    assert covered["one by one"] / 300 < 0.6


def test_an_item_weighs_as_often_as_both_its_parts_are_drawn() -> None:
    first = np.array([0, 0, 7, 9, 7, 9, 20, 22, 24, 26])
    second = np.array([7, 9, 9, 0, 7, 9, 21, 23, 25, 20])
    right = np.array([True, False, True, True, True, False, True, False, True, True])
    drawn = CrossedResamples.draw(first, second, 50, np.random.default_rng(1))
    place = {part: i for i, part in enumerate(sorted({*first, *second}))}
    means = drawn.means(right)
    for counts, mean in zip(drawn.counts, means[:50], strict=True):
        weights = [
            counts[place[a]] * (1 if a == b else counts[place[b]])
            for a, b in zip(first, second, strict=True)
        ]
        if sum(weights) == 0:
            assert np.isnan(mean)
        else:
            assert mean == pytest.approx(np.average(right, weights=weights))
    np.testing.assert_allclose(means[50:], right[drawn.drawn].mean(axis=1))
    np.testing.assert_allclose(means, statistics.resampled_mean(right, drawn.weights))
    again = CrossedResamples.draw(first, second, 50, np.random.default_rng(1))
    other = CrossedResamples.draw(first, second, 50, np.random.default_rng(2))
    np.testing.assert_array_equal(drawn.counts, again.counts)
    assert not np.array_equal(drawn.counts, other.counts)
    few = CrossedResamples.draw(first[:6], second[:6], 50, np.random.default_rng(1))
    np.testing.assert_array_equal(few.weights[:50], few.counts)


def combined(draws: np.ndarray) -> np.ndarray:
    """Draws of one training, as `CrossedResamples` gives them, with their variance corrected."""
    return statistics.combined(statistics.over_seeds(draws[None], np.random.default_rng(1)))


def crossed_spearman(
    first: np.ndarray,
    second: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    resamples: int,
    random: np.random.Generator,
) -> np.ndarray:
    weights = CrossedResamples.draw(first, second, resamples, random).weights
    return combined(statistics.resampled_spearman(x, y, weights))


def correlated_words(
    pairs: int, words: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of words, and two values of each that share what is due to their words, not by item."""
    first, second = random.integers(0, words, (2, pairs))
    of_words = random.standard_normal((2, words))
    x, y = of_words[:, first] + of_words[:, second] + 0.5 * random.standard_normal((2, pairs))
    return first, second, x, y


def test_the_interval_of_a_correlation_covers_it_where_pairs_share_words() -> None:
    random = np.random.default_rng(7)
    covered = {"crossed": 0, "one by one": 0}
    for _ in range(200):
        first, second, x, y = correlated_words(150, 25, random)  # the true correlation is 0
        draws = {
            "crossed": crossed_spearman(first, second, x, y, 200, random),
            "one by one": statistics.resampled_spearman(
                x, y, statistics.resample(150, 200, random)
            ),
        }
        for name, drawn in draws.items():
            low, high = statistics.interval(drawn, 0.9)
            covered[name] += low <= 0 <= high
    assert covered["crossed"] / 200 >= 0.83
    assert covered["one by one"] / 200 < 0.65


@pytest.fixture(scope="module")
def wordsim() -> tuple[np.ndarray, np.ndarray]:
    """The words of WordSim-353's first 236 pairs, which share them as those of any text do."""
    left, right = similarity.read_pairs(packaged("wordsim353"), "wordsim353").parts()
    parts, places = np.unique(np.stack([left, right])[:, :236], return_inverse=True)
    assert len(parts) == 286
    first, second = places.reshape(2, -1)
    return first, second


@pytest.mark.parametrize("of_words", [0.0, 0.6])
def test_intervals_of_95_percent_cover_so_often_whether_words_have_effects_or_not(
    wordsim: tuple[np.ndarray, np.ndarray], of_words: float
) -> None:
    first, second = wordsim
    random, rho = np.random.default_rng(13), 0.5
    truth = 6 / np.pi * np.arcsin(rho / 2)  # Spearman's of a bivariate normal
    mixing = np.array([[1, 0], [rho, np.sqrt(1 - rho**2)]])
    covered, widths, estimates = 0, [], []
    for _ in range(250):
        words = mixing @ random.standard_normal((2, first.max() + 1))
        items = mixing @ random.standard_normal((2, len(first)))
        x, y = np.sqrt(of_words / 2) * (words[:, first] + words[:, second]) + (
            np.sqrt(1 - of_words) * items
        )
        draws = crossed_spearman(first, second, x, y, 200, random)
        low, high = statistics.interval(draws, 0.95)
        covered += low <= truth <= high
        widths.append(high - low)
        estimates.append(statistics.spearman(x, y))
    assert 0.91 <= covered / 250 <= 0.985
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.std(estimates), rel=0.2)


def test_a_combination_counts_the_noise_of_items_once_and_adds_that_of_seeds() -> None:
    random = np.random.default_rng(14)
    items, words, seeds = random.standard_normal((3, 20000))
    crossed = 2 * words + np.sqrt(3) * items + 0.3
    found = statistics.combined(np.stack([crossed, random.permutation(items), 0.5 * seeds]))
    assert found.var() == pytest.approx(4 + 1 + 0.25, rel=0.03)
    assert found.mean() == pytest.approx(0.3, abs=0.05)
    narrow = statistics.combined(np.stack([0.5 * items, items, 0 * seeds]))
    assert narrow.var() == pytest.approx(1, rel=0.01)  # never below that of items one by one
    undrawn = np.stack([np.array([np.nan, 1.0, 3.0]), np.array([2.0, 2.0, 2.0]), np.zeros(3)])
    assert np.isnan(statistics.combined(undrawn)).tolist() == [True, False, False]


def test_weighted_ranks_are_those_of_the_pairs_repeated() -> None:
    first, second, x, y = correlated_words(40, 12, np.random.default_rng(8))
    crossed = CrossedResamples.draw(first, second, 10, np.random.default_rng(9))
    found = statistics.resampled_spearman(x, y, crossed.weights)
    for weights, value in zip(crossed.weights, found, strict=True):
        drawn = np.repeat(np.arange(40), weights.astype(int))
        assert value == pytest.approx(stats.spearmanr(x[drawn], y[drawn]).statistic)


@pytest.mark.parametrize("trainings", [2, 3, 5])
def test_drawing_trainings_gives_the_mean_its_variance(trainings: int) -> None:
    random = np.random.default_rng(10)
    variances = []
    for _ in range(400):
        scores = random.standard_normal(trainings)
        draws = np.repeat(scores[:, None], 800, axis=1)
        variances.append(statistics.combined(statistics.over_seeds(draws, random)).var())
    assert np.mean(variances) == pytest.approx(1 / trainings, rel=0.12)


def test_one_training_is_in_every_resample() -> None:
    draws = statistics.over_seeds(np.arange(10.0)[None], np.random.default_rng(1))
    assert draws.tolist() == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [0, 0, 0, 0, 0]]


def test_intervals_that_hold_together_do_so_as_often_as_they_say() -> None:
    random = np.random.default_rng(11)
    wrong = {"together": 0, "one by one": 0}
    for _ in range(200):
        samples = random.standard_normal((12, 50))
        counts = statistics.resample(50, 200, random)
        values, draws = samples.mean(axis=1), samples @ counts.T / 50
        margins, p = statistics.margins_together(values, draws, 0.9)
        outside = np.abs(values) > margins
        assert (outside == (p < 0.1)).mean() > 0.9
        wrong["together"] += bool(outside.any())
        single = [statistics.interval(row, 0.9) for row in draws]
        wrong["one by one"] += any(low > 0 or high < 0 for low, high in single)
    assert wrong["together"] / 200 <= 0.17
    assert wrong["one by one"] / 200 > 0.5


def test_a_value_that_no_resample_has_leaves_the_others_their_intervals() -> None:
    random = np.random.default_rng(12)
    values, draws = np.array([0.5, np.nan, 0.1]), random.standard_normal((3, 200))
    draws[1] = np.nan
    draws[2, :50] = np.nan
    margins, p = statistics.margins_together(values, draws, 0.9)
    assert np.isfinite(margins[[0, 2]]).all() and np.isnan(margins[1])
    assert np.isfinite(p[[0, 2]]).all() and np.isnan(p[1])


def test_draws_that_do_not_vary_leave_no_doubt() -> None:
    drawn = np.random.default_rng(13).standard_normal(99)
    values, draws = np.array([1.0, 0.0, 0.1]), np.stack([np.ones(99), np.zeros(99), 0.1 + drawn])
    margins, p = statistics.margins_together(values, draws, 0.9)
    assert margins[:2].tolist() == [0, 0] and margins[2] > 0.1
    assert p[:2].tolist() == [1 / 100, 1] and p[2] > 0.5
    margins, p = statistics.margins_together(values[:2], draws[:2], 0.9)
    assert (margins.tolist(), p.tolist()) == ([0, 0], [1 / 100, 1])


def test_auc_and_average_precision_equal_scikit_learn_s_in_every_resample() -> None:
    random = np.random.default_rng(6)
    x, y = random.integers(3, 9, 12).astype(float), random.integers(0, 7, 20).astype(float)
    of_x = statistics.resample(12, 15, random)
    of_y = statistics.resample(20, 15, random)
    auc = statistics.resampled_auc(x, y, of_x, of_y)
    precision = statistics.resampled_average_precision(x, y, of_x, of_y)
    truth, values = np.repeat([1, 0], [12, 20]), np.concatenate([x, y])
    for i in range(15):
        weights = np.concatenate([of_x[i], of_y[i]])
        assert auc[i] == pytest.approx(metrics.roc_auc_score(truth, values, sample_weight=weights))
        assert precision[i] == pytest.approx(
            metrics.average_precision_score(truth, values, sample_weight=weights)
        )


def test_nothing_has_no_auc() -> None:
    none, some = np.zeros(0), np.ones(3)
    for score in (statistics.resampled_auc, statistics.resampled_average_precision):
        draws = score(none, some, np.zeros((2, 0)), np.ones((2, 3)))
        assert np.isnan(draws).all()


def test_where_another_text_falls_has_twice_the_variance_of_draws():
    low, high = statistics.elsewhere(np.array([1.0, 2.0, 3.0]), 0.9)
    half = stats.t.ppf(0.95, 2) * np.sqrt(2 + 1 / 3)  # three draws with a variance of 1
    assert (low, high) == pytest.approx((2 - half, 2 + half))
    half = stats.t.ppf(0.95, 2) * np.sqrt(2)  # the value of the text has no noise of draws
    found = statistics.elsewhere(np.array([1.0, 2.0, 3.0]), 0.9, centre=4.0)
    assert tuple(found) == pytest.approx((4 - half, 4 + half))


def test_draws_without_a_value_do_not_count():
    draws = np.array([[4.0, np.nan, 6.0], [np.nan, 3.0, np.nan]])
    found = statistics.elsewhere(draws, 0.9)
    np.testing.assert_allclose(found[0], statistics.elsewhere(np.array([4.0, 6.0]), 0.9))
    assert np.isnan(found[1]).all()


def test_another_text_falls_within_as_often_as_stated():
    """Texts of 40 documents: the mean of one text against the interval that another's draws give"""
    random = np.random.default_rng(1)
    texts = random.normal(size=(600, 2, 40))
    drawn = np.take_along_axis(texts[:, :1], random.integers(0, 40, (600, 12, 40)), axis=2)
    found = statistics.elsewhere(drawn.mean(axis=2), 0.9)
    other = texts[:, 1].mean(axis=1)
    assert 0.86 < ((found[:, 0] <= other) & (other <= found[:, 1])).mean() < 0.94


@pytest.mark.parametrize("centred", [False, True])
def test_few_draws_give_intervals_that_are_exact_with_either_centre(centred):
    """With 2 + 1/B in both, those around the value of the text would hold 91.2 % of others."""
    random = np.random.default_rng(2)
    text, other = random.normal(size=(2, 200_000))
    drawn = text[:, None] + random.normal(size=(200_000, 3))
    found = statistics.elsewhere(drawn, 0.9, text if centred else None)
    assert abs(((found[:, 0] <= other) & (other <= found[:, 1])).mean() - 0.9) < 0.004
