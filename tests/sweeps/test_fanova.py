"""The forest's analysis of variance on functions whose shares are known."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from scipy.stats import qmc

from wordlab.params.sweeps import Range
from wordlab.sweeps.fanova import Axis, Boxes, Forest
from wordlab.sweeps.sensitivity import analyse, sentences

ANGLE = Range(low=-np.pi, high=np.pi, log=False)


def ishigami(count: int, trees: int) -> Forest:
    """A forest of Ishigami & Homma's function (1990), a = 7, b = 0.1."""
    x = (qmc.Sobol(3, rng=1).random(count) * 2 - 1) * np.pi
    y = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    trials = pd.DataFrame(x, columns=list("abc")).assign(y=y)
    return Forest.grow([Axis(name, ANGLE) for name in "abc"], trials, "y", trees=trees, seed=1)


def test_shares_are_the_sobol_indices_of_ishigami_s_function() -> None:
    """What is missing is what leaves of a few trials blur: the less, the more trials there are."""
    a, b = 7, 0.1
    first = (1 + b * np.pi**4 / 5) ** 2 / 2
    second, pair = a**2 / 8, b**2 * np.pi**8 * (1 / 18 - 1 / 50)
    total = first + second + pair
    wrong = []
    for count, trees in ((512, 8), (16384, 2)):
        forest = ishigami(count, trees)
        expected = dict.fromkeys(forest.terms(), 0.0)
        expected |= {("a",): first / total, ("b",): second / total, ("a", "c"): pair / total}
        found = dict(zip(forest.terms(), forest.shares(), strict=True))
        wrong.append(max(abs(found[term] - share) for term, share in expected.items()))
    assert wrong[1] < 0.02 < wrong[0]
    assert forest.r2 > 0.9


def test_shares_of_an_additive_function_are_those_of_its_parts() -> None:
    x = qmc.Sobol(3, rng=2).random(1024)
    space = {"a": Range(low=1e-4, high=1.0, log=True), "b": (None, 0.5, "x"), "c": ANGLE}
    tried = {
        "a": 10 ** (4 * x[:, 0] - 4),
        "b": [space["b"][int(place)] for place in 3 * x[:, 1]],
        "c": (2 * x[:, 2] - 1) * np.pi,
    }
    y = 3 * x[:, 0] + 2 * x[:, 2] + np.array([0.0, 1.0, -1.0])[(3 * x[:, 1]).astype(int)]
    forest = Forest.grow(
        [Axis(name, values) for name, values in space.items()],
        pd.DataFrame(tried).assign(y=y), "y", trees=8, seed=1,
    )  # fmt: skip
    parts = np.array([9 / 12, 2 / 3, 4 / 12, 0, 0, 0])
    np.testing.assert_allclose(forest.shares(), parts / parts.sum(), atol=0.03)


def cube(boxes: Boxes, sizes: Sequence[int]) -> np.ndarray:
    """A tree's value at each cell, one by one."""
    table = np.full(sizes, np.nan)
    for value, start, stop in zip(boxes.values, boxes.start.T, boxes.stop.T, strict=True):
        place = tuple(slice(low, high) for low, high in zip(start, stop, strict=True))
        assert np.isnan(table[place]).all()
        table[place] = value
    return table


@pytest.mark.parametrize("trees", [1, 3])
def test_a_forest_s_shares_and_means_are_exactly_those_of_its_values_at_all_cells(
    trees: int,
) -> None:
    random = np.random.default_rng(2)
    count = 60
    tried = {
        "a": random.choice([8, 16, 64], count),
        "b": random.choice(np.array(["x", "y"]), count),
        "c": 10 ** random.uniform(-4, -1, count),
        "d": random.choice(np.array([True, False, None]), count),
    }
    space = {
        "a": (8, 16, 64),
        "b": ("x", "y"),
        "c": Range(low=1e-4, high=0.1, log=True),
        "d": (True, False, None),
    }
    trials = pd.DataFrame(tried).assign(y=random.standard_normal(count))
    axes = [Axis(name, values) for name, values in space.items()]
    forest = Forest.grow(axes, trials, "y", trees=trees, seed=1)
    whole = np.mean([cube(boxes, forest.sizes) for boxes in forest.boxes], axis=0)
    places = [axis.encode(trials[axis.name].tolist()) for axis in axes]
    if trees == 1:
        drawn = whole[tuple(places)] == trials["y"]
        assert 0.4 < drawn.mean() < 0.9  # the tree knows its own trials by heart

    off = whole - whole.mean()
    mains = [off.mean(axis=tuple({0, 1, 2, 3} - {i}), keepdims=True) for i in range(4)]
    expected = [(main**2).mean() for main in mains]
    for i, j in itertools.combinations(range(4), 2):
        both = off.mean(axis=tuple({0, 1, 2, 3} - {i, j}), keepdims=True)
        expected.append(((both - mains[i] - mains[j]) ** 2).mean())
    np.testing.assert_allclose(forest.shares(), np.array(expected) / off.var(), atol=1e-12)
    np.testing.assert_allclose(
        forest.marginal("a", (8, 16, 64)).mean(axis=0), whole.mean(axis=(1, 2, 3)), atol=1e-12
    )
    np.testing.assert_allclose(
        forest.surface(("a", "d"), ((8, 16, 64), (True, False, None))),
        whole.mean(axis=(1, 2)),
        atol=1e-12,
    )


def test_within_the_best_quarter_only_what_moves_it_matters() -> None:
    grid = list(itertools.product(range(4), range(4)))
    rows = [{"a": a, "b": b, "y": b if a == 0 else 100.0} for a, b in grid for _ in range(2)]
    axes = [Axis(name, (0, 1, 2, 3)) for name in "ab"]
    forest = Forest.grow(axes, pd.DataFrame(rows), "y", trees=8, seed=1)
    everywhere, best = forest.shares(), forest.shares(at_most=3.0)
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
        said = sentences("m", "y", analyse(trials, space, "y", "lower", **options), "seed")
        alarms += any("over all that was tried, settings beyond" in line for line in said)
        trials["y"] += 4 * trials["a"]
    assert alarms <= 3
    found = analyse(trials, space, "y", "lower", **options)
    assert any(
        "settings beyond what chance gives them" in one
        for one in sentences("m", "y", found, "seed")
    )
    curve = found.curves.query("setting == 'a'")["mean"]
    assert curve.iloc[-1] - curve.iloc[0] > 4 * np.pi
