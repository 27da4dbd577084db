"""The analysis of a grid on scores whose make-up is known."""

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from wordlab.analysis import variance
from wordlab.analysis.grid import Grid
from wordlab.analysis.variance import decomposition, differences, marginals


def trials(
    score: Callable[[int, int, int], float],
    *,
    seeds: int,
    folds: int = 1,
    shuffle: int | None = None,
) -> pd.DataFrame:
    rows = [
        {"model": "m", "a": a, "b": b, "c": c, "fold": fold, "seed": seed, "score": score(a, b, c)}
        for a, b, c in itertools.product([1, 2, 3], [10, 20], [5, 6])
        for fold in range(1, folds + 1)
        for seed in range(1, seeds + 1)
    ]
    table = pd.DataFrame(rows)
    return table if shuffle is None else table.sample(frac=1, random_state=shuffle)


def shares(table: pd.DataFrame) -> dict[str, float]:
    return dict(zip(table["term"], table["share"], strict=True))


def test_shares_of_a_sum_and_a_product_are_exact() -> None:
    found = shares(
        decomposition(
            Grid.of(trials(lambda a, b, c: 3 * a + b / 10, seeds=2), "abc", "score"), 0.95
        )
    )
    # the variances of the two parts, 9 * 2/3 and 1/4
    assert found["a"] == pytest.approx(6 / 6.25)
    assert found["b"] == pytest.approx(0.25 / 6.25)
    assert found["c"] == pytest.approx(0)
    assert found["seed"] == pytest.approx(0)
    product = trials(lambda a, b, c: (a - 2) * (b - 15) + c, seeds=1)
    found = shares(decomposition(Grid.of(product, "abc", "score"), 0.95))
    assert found["a x b"] == pytest.approx(25 * 2 / 3 / (25 * 2 / 3 + 0.25))
    assert found["c"] == pytest.approx(0.25 / (25 * 2 / 3 + 0.25))
    assert np.isnan(found["seed"])


def test_shares_sum_to_one_and_p_is_the_f_test_s() -> None:
    random = np.random.default_rng(1)
    table = trials(lambda a, b, c: a + a * b / 20 + random.standard_normal(), seeds=3)
    grid = Grid.of(table, "abc", "score")
    found = decomposition(grid, 0.95)
    assert found["share"].sum() == pytest.approx(1)
    one_way = trials(lambda a, b, c: 0.3 * a + random.standard_normal(), seeds=4)
    alone = one_way[(one_way["b"] == 10) & (one_way["c"] == 5)]
    ours = decomposition(Grid.of(alone, "a", "score"), 0.95)
    groups = [part["score"] for _, part in alone.groupby("a")]
    expected = stats.f_oneway(*groups).pvalue
    assert ours.set_index("term").loc["a", "p"] == pytest.approx(expected)


def test_rows_may_come_in_any_order() -> None:
    random = np.random.default_rng(2)
    values = {key: random.random() for key in itertools.product([1, 2, 3], [10, 20], [5, 6])}
    tables = [trials(lambda *key: values[key], seeds=2, shuffle=s) for s in (None, 5)]
    grids = [Grid.of(table.sort_index(), "abc", "score") for table in tables]
    np.testing.assert_array_equal(grids[0].scores, grids[1].scores)
    shuffled = Grid.of(tables[1], "abc", "score")
    assert shuffled.scores[shuffled.values[0].index(2), 0, 0, 0] == pytest.approx(
        values[2, shuffled.values[1][0], shuffled.values[2][0]]
    )


def test_what_folds_have_in_common_is_no_noise() -> None:
    table = trials(lambda a, b, c: float(a), seeds=2, folds=3)
    table["score"] += 10 * table["fold"]
    grid = Grid.of(table, "abc", "score")
    assert grid.noise == pytest.approx(0, abs=1e-12)
    assert grid.noise_freedom == 72 - 12 - 2
    assert grid.scores.mean() == pytest.approx(table["score"].mean())


def mean_intervals(values: np.ndarray, confidence: float, comparisons: int = 1) -> np.ndarray:
    """Return the mean over folds and the ends of its interval for each setting, (M, 3), plainly.

    values: (M, F). Folds are blocks; the variance of a mean is (MS_folds + (M - 1) MS_rest) /
    (M F), its degrees of freedom those of Satterthwaite 1946.
    """
    settings, folds = values.shape
    rest = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    of_folds = settings * values.mean(axis=0).var(ddof=1)
    of_rest = (rest**2).sum() / (folds - 1)  # (M - 1) MS_rest
    total = of_folds + of_rest
    freedom = (folds - 1) * total**2 / (of_folds**2 + of_rest**2 / (settings - 1))
    reach = stats.t.ppf(1 - (1 - confidence) / comparisons / 2, freedom)
    half = reach * np.sqrt(total / (settings * folds))
    means = values.mean(axis=1)
    return np.stack([means, means - half, means + half], axis=1)


def test_what_a_fold_adds_to_all_is_noise_of_means_and_not_of_differences() -> None:
    means = np.array([[5.2], [5.4], [5.6]]) + [-0.2, 0.0, 0.2]
    values = means + 0.005 * np.random.default_rng(5).standard_normal((3, 3))
    rows = [
        {"model": "m", "a": a, "fold": fold, "seed": 1, "score": values[a, fold]}
        for a, fold in itertools.product(range(3), repeat=2)
    ]
    table = pd.DataFrame(rows)
    found = variance.summarise(table, ["a"], {"score": "lower"}, 0.95)
    expected = mean_intervals(values, 0.95)
    np.testing.assert_allclose(found["marginals"][["mean", "low", "high"]], expected)
    together = mean_intervals(values, 0.95, 3)[:1]
    np.testing.assert_allclose(found["best"][["mean", "low", "high"]], together)
    easier = table.assign(score=table["score"] - 7 * table["fold"])
    alike = variance.summarise(easier, ["a"], {"score": "lower"}, 0.95)["differences"]
    pd.testing.assert_frame_equal(found["differences"], alike)
    assert found["differences"]["beyond_noise"].all()


@pytest.mark.parametrize("others", [1, 6])
@pytest.mark.parametrize("seeds", [1, 3])
def test_what_folds_add_to_some_values_is_noise_that_no_seed_lowers(
    others: int, seeds: int
) -> None:
    random = np.random.default_rng(7)
    held = rejected = 0
    for _ in range(200):
        of_folds = random.normal(0, 0.5, (3, 4))  # values of a, folds
        rows = [
            {"model": "m", "a": a, "b": b, "fold": fold, "seed": seed,
             "score": of_folds[a, fold] + random.normal(0, 0.1)}
            for a in range(3) for b in range(others) for fold in range(4) for seed in range(seeds)
        ]  # fmt: skip
        grid = Grid.of(pd.DataFrame(rows), "ab", "score")
        levels = grid.levels(0)
        contrasts = levels[[0, 0, 1]] - levels[[1, 2, 2]]
        margins = grid.margins(contrasts, 0.95)
        held += (np.abs(contrasts @ grid.means.ravel()) <= margins).all()
        terms = variance.decomposition(grid, 0.95).set_index("term")
        rejected += terms.loc["a", "p"] < 0.05
    assert 0.92 <= held / 200 <= 0.99  # of the noise pooled it would be a third at most
    assert 0.01 <= rejected / 200 <= 0.09


@pytest.mark.parametrize("seeds", [1, 3])
def test_what_folds_do_to_one_setting_is_no_noise_of_another(seeds: int) -> None:
    random = np.random.default_rng(8)
    rejected, low = [], []
    for _ in range(150):
        of_folds = random.normal(0, 2, (3, 3))  # values of a, folds
        rows = [
            {"model": "m", "a": a, "c": c, "fold": fold, "seed": seed,
             "score": of_folds[a, fold] + 0.3 * c + 0.1 * random.normal()}
            for a in range(3) for c in range(3) for fold in range(3) for seed in range(seeds)
        ]  # fmt: skip
        grid = Grid.of(pd.DataFrame(rows), "ac", "score")
        terms = variance.decomposition(grid, 0.95).set_index("term")
        rejected.append(terms.loc[["a", "c", "a x c"], "p"] < 0.05)
        found = variance.differences(grid, 0.95).set_index("setting")
        assert found.loc["c", "highest"] == "2" and found.loc["c", "lowest"] == "0"
        low.append(found["low"])
    share = np.mean(rejected, axis=0)
    assert share[0] < 0.1 and share[1] > 0.95 and share[2] < 0.1
    decided = np.mean(np.array(low) > 0, axis=0)
    assert decided[0] < 0.1 and decided[1] > 0.85


def test_terms_and_their_noise_are_those_of_the_sums_of_squares() -> None:
    random = np.random.default_rng(9)
    table = trials(lambda a, b, c: random.normal(), seeds=2, folds=3)
    grid = Grid.of(table.assign(score=random.normal(size=len(table))), "abc", "score")
    cells = grid.scores.reshape(*grid.means.shape, 3, 2).mean(axis=-1)
    by_fold = [
        Grid(grid.names, grid.values, cells[..., fold, None], grid.folds[:1]).terms
        for fold in range(3)
    ]
    for chosen, term in grid.terms.items():
        whole = 6 * np.mean([one[chosen].squares for one in by_fold])  # 3 folds, 2 seeds
        # the squares of each fold are those of the mean and of what differs from it
        assert term.squares + term.noise_squares == pytest.approx(whole)
        assert term.noise_freedom == 2 * term.freedom
    together = sum(term.squares for term in grid.terms.values())
    assert together == pytest.approx(((grid.means - grid.means.mean()) ** 2).sum() * 6)


def test_a_grid_without_folds_has_the_pooled_noise_of_its_seeds() -> None:
    random = np.random.default_rng(6)
    table = trials(lambda a, b, c: random.standard_normal(), seeds=3)
    grid = Grid.of(table, "abc", "score")
    quantile = stats.t.ppf(1 - 0.05 / 2 / 12, 24)
    found = grid.margins(np.eye(12), 0.95)
    np.testing.assert_allclose(found, quantile * grid.noise / np.sqrt(3))


def test_intervals_cover_the_means_and_chance_is_not_called_a_difference() -> None:
    random = np.random.default_rng(3)
    covered = false_alarms = 0
    for _ in range(300):
        grid = Grid.of(trials(lambda a, b, c: random.standard_normal(), seeds=2), "abc", "score")
        first = marginals(grid, 0.9).iloc[0]
        covered += first["low"] <= 0 <= first["high"]
        false_alarms += bool(differences(grid, 0.9)["beyond_noise"].any())
    assert 0.84 <= covered / 300 <= 0.95
    assert false_alarms / 300 <= 0.14


def test_an_incomplete_grid_is_refused() -> None:
    table = trials(lambda a, b, c: 1.0, seeds=2)
    with pytest.raises(ValueError, match="not 12 combinations"):
        Grid.of(table.iloc[1:], "abc", "score")


def test_the_best_has_those_beside_it_that_the_noise_does_not_set_apart() -> None:
    random = np.random.default_rng(4)
    table = trials(lambda a, b, c: a + 0.01 * random.standard_normal(), seeds=2)
    tables = variance.summarise(table, ["a", "b", "c"], {"score": "lower"}, 0.95)
    best = tables["best"].iloc[0]
    assert best["a"] == 1
    assert best["others"] == 3
    assert best["low"] < best["mean"] < best["high"]
    assert variance.metrics(tables)["m"]["score"]["share"]["a"] > 0.99


def test_a_score_that_is_missing_is_left_out() -> None:
    table = trials(lambda a, b, c: 1.0, seeds=2)
    table.loc[3, "score"] = np.nan
    tables = variance.summarise(table, ["a", "b", "c"], {"score": "higher"}, 0.95)
    assert tables == {}
    assert variance.metrics(tables) == {}
    table.loc[3, "score"] = np.inf
    with pytest.raises(ValueError, match="1 trials have none that is finite"):
        Grid.of(table, "abc", "score")


@pytest.mark.parametrize("seeds", [2, 3])
def test_repetitions_that_do_not_differ_leave_the_noise_unknown(seeds: int) -> None:
    table = trials(lambda a, b, c: 0.1 * a + 0.7 / 3, seeds=seeds, folds=2)
    table["score"] += 0.1 * table["fold"]  # which leaves rounding errors between repetitions
    grid = Grid.of(table, "abc", "score")
    assert not grid.noise_known
    found = differences(grid, 0.95)
    assert not found["beyond_noise"].any()
    assert found[["low", "high"]].isna().all(axis=None)
    shares = decomposition(grid, 0.95)
    assert shares[["low", "high", "by_chance", "p"]].isna().all(axis=None)
    assert shares["share"].sum() == pytest.approx(1)


def test_values_of_equal_means_do_not_differ() -> None:
    random = np.random.default_rng(7)
    table = trials(lambda a, b, c: random.standard_normal(), seeds=2)
    table["score"] = table.groupby(["a", "b", "seed"])["score"].transform("first")
    row = differences(Grid.of(table, "abc", "score"), 0.95).set_index("setting").loc["c"]
    assert (row["highest"], row["lowest"], row["difference"]) == ("5", "6", 0)
    assert row["low"] == -row["high"] < 0
    assert not row["beyond_noise"]
