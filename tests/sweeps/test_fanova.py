"""The forest's analysis of variance on functions whose shares are known."""

import itertools

import numpy as np
import pandas as pd
import pytest

from wordlab.params.sweeps import Range
from wordlab.sweeps.fanova import Axis, Forest
from wordlab.sweeps.sensitivity import analyse, sentences

ANGLE = Range(low=-np.pi, high=np.pi, log=False)


@pytest.fixture(scope="module")
def ishigami() -> Forest:
    """A forest of Ishigami & Homma's function (1990), a = 7, b = 0.1."""
    x = np.random.default_rng(1).uniform(-np.pi, np.pi, (3000, 3))
    y = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    trials = pd.DataFrame(x, columns=list("abc")).assign(y=y)
    return Forest.grow([Axis(name, ANGLE) for name in "abc"], trials, "y", trees=4, seed=1)


def test_shares_are_the_sobol_indices_of_ishigami_s_function(ishigami: Forest) -> None:
    a, b = 7, 0.1
    first = (1 + b * np.pi**4 / 5) ** 2 / 2
    second, pair = a**2 / 8, b**2 * np.pi**8 * (1 / 18 - 1 / 50)
    total = first + second + pair
    expected = dict.fromkeys(ishigami.terms(), 0.0)
    expected |= {("a",): first / total, ("b",): second / total, ("a", "c"): pair / total}
    found = dict(zip(ishigami.terms(), ishigami.shares().mean(axis=0), strict=True))
    assert found == pytest.approx(expected, abs=0.1)
    assert ishigami.r2 > 0.8


def test_a_tree_s_shares_and_marginals_are_those_of_its_predictions() -> None:
    random = np.random.default_rng(2)
    values = {"a": (1, 2, 3), "b": ("x", "y"), "c": (True, False, None)}
    rows = [
        dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())
    ]
    trials = pd.DataFrame(rows, dtype=object).assign(y=random.standard_normal(18))
    axes = [Axis(name, tried) for name, tried in values.items()]
    forest = Forest.grow(axes, trials, "y", trees=3, seed=1)
    for boxes, shares, by_a in zip(
        forest.boxes, forest.shares(), forest.marginal("a", (1, 2, 3)), strict=True
    ):
        inside = [boxes.inside(i, np.arange(len(v))) for i, v in enumerate(values.values())]
        cube = np.einsum("l,la,lb,lc->abc", boxes.values, *inside)
        np.testing.assert_allclose(by_a, cube.mean(axis=(1, 2)))
        mean = cube.mean()
        main_a, main_b = cube.mean(axis=(1, 2)) - mean, cube.mean(axis=(0, 2)) - mean
        pair = cube.mean(axis=2) - mean - main_a[:, None] - main_b
        assert shares[0] == pytest.approx(main_a.var() / cube.var())
        assert shares[3] == pytest.approx((pair**2).mean() / cube.var())


def test_within_the_best_quarter_only_what_moves_it_matters() -> None:
    grid = list(itertools.product(range(4), range(4)))
    rows = [{"a": a, "b": b, "y": b if a == 0 else 100.0} for a, b in grid for _ in range(2)]
    axes = [Axis(name, (0, 1, 2, 3)) for name in "ab"]
    forest = Forest.grow(axes, pd.DataFrame(rows), "y", trees=8, seed=1)
    everywhere = np.nanmean(forest.shares(), axis=0)
    best = np.nanmean(forest.shares(at_most=3.0), axis=0)
    assert everywhere[0] > 0.9
    assert best[1] > 5 * everywhere[1]


def test_chance_is_rarely_taken_for_a_setting_and_a_real_one_is_found() -> None:
    space = {"a": ANGLE, "b": ANGLE}
    random = np.random.default_rng(3)
    alarms = 0
    for number in range(10):
        x = random.uniform(-np.pi, np.pi, (24, 2))
        trials = pd.DataFrame(x, columns=["a", "b"]).assign(model="m", seed=1)
        trials["y"] = random.standard_normal(24)
        options = {"trees": 8, "confidence": 0.9, "seed": number}
        said = sentences("m", "y", analyse(trials, space, "y", "lower", **options))
        alarms += any("over all that was tried, settings beyond" in line for line in said)
        trials["y"] += 4 * trials["a"]
    assert alarms <= 3
    found = analyse(trials, space, "y", "lower", **options)
    assert any(
        "settings beyond what chance gives them" in one for one in sentences("m", "y", found)
    )
    curve = found.curves.query("setting == 'a'")["mean"]
    assert curve.iloc[-1] - curve.iloc[0] > 4 * np.pi
