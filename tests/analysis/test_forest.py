"""The forest's analysis of variance on functions whose shares are known."""

import itertools
import logging
from collections.abc import Sequence

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.importance import FanovaImportanceEvaluator
from scipy.stats import qmc

from wordlab.analysis.forest import Axis, Boxes, Forest, analyse
from wordlab.params.sweeps import Range
from wordlab.report.findings.sweeps import sensitivity

ANGLE = Range(low=-np.pi, high=np.pi, log=False)


UNIT = Range(low=0.0, high=1.0, log=False)


def ishigami(x: np.ndarray) -> np.ndarray:
    """Ishigami & Homma's function (1990), a = 7, b = 0.1, on the unit cube (N, 3)."""
    z = (2 * x - 1) * np.pi
    return np.sin(z[:, 0]) + 7 * np.sin(z[:, 1]) ** 2 + 0.1 * z[:, 2] ** 4 * np.sin(z[:, 0])


def ishigami_shares() -> list[float]:
    first, pair = (1 + 0.1 * np.pi**4 / 5) ** 2 / 2, 0.1**2 * np.pi**8 * (1 / 18 - 1 / 50)
    parts = np.array([first, 7**2 / 8, 0, 0, pair, 0])
    return (parts / parts.sum()).tolist()


KNOWN = {
    "additive": (lambda x: x @ [3, 2, 1], [9 / 14, 4 / 14, 1 / 14, 0, 0, 0]),
    "ishigami": (ishigami, ishigami_shares()),
    "product": (lambda x: (x[:, 0] - 0.5) * (x[:, 1] - 0.5), [0, 0, 0, 1, 0, 0]),
}
"""Functions of the unit cube, and the shares of a, b, c, ab, ac and bc in their variance."""


def grown(name: str, count: int, *, trees: int, seed: int) -> tuple[Forest, pd.DataFrame]:
    """A forest of `count` random points of a known function, and these."""
    x = np.random.default_rng(seed).random((count, 3))
    trials = pd.DataFrame(x, columns=list("abc")).assign(y=KNOWN[name][0](x))
    axes = [Axis(setting, UNIT) for setting in "abc"]
    return Forest.grow(axes, trials, "y", trees=trees, seed=seed), trials


@pytest.mark.parametrize(
    ("count", "samples", "additive", "ishigami", "product"),
    [
        (30, 20, [0.00, -0.09, 0.07], [-0.26, -0.15], [-0.86]),
        (100, 10, [0.01, -0.05, 0.05], [-0.30, -0.03], [-0.44]),
        (300, 3, [0.01, -0.03, 0.03], [-0.16, -0.02], [-0.14]),
        (1000, 1, [0.01, -0.02, 0.01], [-0.08, -0.01], [-0.03]),
    ],
)
def test_the_bias_of_the_shares_is_the_one_stated(
    count: int,
    samples: int,
    additive: list[float],
    ishigami: list[float],
    product: list[float],
) -> None:
    """The table in the docstring of the module."""
    for name, terms, stated in (
        ("additive", [0, 1, 3], additive),
        ("ishigami", [1, 4], ishigami),
        ("product", [3], product),
    ):
        found = [grown(name, count, trees=32, seed=seed)[0].shares() for seed in range(samples)]
        bias = np.mean(found, axis=0) - KNOWN[name][1]
        np.testing.assert_allclose(bias[terms], stated, atol=0.015, err_msg=name)


def test_main_effects_are_those_of_optuna_s_fanova() -> None:
    forest, trials = grown("ishigami", 100, trees=64, seed=1)
    distributions = dict.fromkeys("abc", optuna.distributions.FloatDistribution(0, 1))
    optuna.logging.set_verbosity(logging.WARNING)
    study = optuna.create_study()
    for row in trials.to_dict("records"):
        value = row.pop("y")
        study.add_trial(
            optuna.trial.create_trial(params=row, distributions=distributions, value=value)
        )
    peer = FanovaImportanceEvaluator(n_trees=64, seed=1).evaluate(study)
    np.testing.assert_allclose(forest.shares()[:3], [peer[name] for name in "abc"], atol=0.04)


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

    shares = []
    for boxes in forest.boxes:
        off = cube(boxes, forest.sizes)
        off -= off.mean()
        mains = [off.mean(axis=tuple({0, 1, 2, 3} - {i}), keepdims=True) for i in range(4)]
        parts = [(main**2).mean() for main in mains]
        for i, j in itertools.combinations(range(4), 2):
            both = off.mean(axis=tuple({0, 1, 2, 3} - {i, j}), keepdims=True)
            parts.append(((both - mains[i] - mains[j]) ** 2).mean())
        shares.append(np.array(parts) / off.var())
    np.testing.assert_allclose(forest.shares(), np.mean(shares, axis=0), atol=1e-12)
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
        found = analyse(trials, space, "y", "lower", **options)
        said = sensitivity("m", "y", found["sensitivity"])
        alarms += any("over the whole space, settings that matter" in line for line in said)
        trials["y"] += 4 * trials["a"]
    assert alarms <= 3
    found = analyse(trials, space, "y", "lower", **options)
    said = sensitivity("m", "y", found["sensitivity"])
    assert any("settings that matter more" in one for one in said)
    assert set(found["sensitivity"]["term"]) == {
        "a",
        "b",
        "a x b",
    }  # no seed
    curve = found["curves"].query("setting == 'a'")["mean"]
    assert curve.iloc[-1] - curve.iloc[0] > 4 * np.pi
