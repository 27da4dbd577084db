"""Trials: which are run, in what order, and that none is run twice."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.params.text import VocabularyParams
from wordlab.sweeps.trials import Objective, TrialLogger, grid, ignore_trial, opened, override
from wordlab.trials.runner import Outcome, Runner

SPACE = {"a": (1, 2), "b": ("x", "y")}
PLANNED = grid(["m"], SPACE, seeds=2)


class Killed(Exception):
    """Stands for the end of the process."""


def runner(ran: list[int], *, stop_after: int | None = None) -> Runner:
    def run(groups: Iterator[Sequence[int]]) -> Iterator[tuple[int, Outcome]]:
        for group in groups:
            for index in reversed(group):
                if stop_after is not None and len(ran) == stop_after:
                    raise Killed
                ran.append(index)
                score = PLANNED[index].settings["a"] + 0.1 * PLANNED[index].seed
                yield (
                    index,
                    Outcome({"score": score, "gap": float("nan")}, tracked={"seconds": 1.0}),
                )

    return run


def sweep(
    checkpoint: Checkpoint, run: Runner, recipe: str = "r", on_trial: TrialLogger = ignore_trial
) -> pd.DataFrame:
    with opened(
        "sweep",
        SPACE,
        checkpoint,
        recipe={"of": recipe},
        models=["m"],
        objective=Objective("score", "higher"),
        title="t",
        count=len(PLANNED),
        fixed={"c": 3},
        on_trial=on_trial,
    ) as running:
        return running.run(PLANNED, run, [[0, 1], [2], [3, 4, 5], [6, 7]])


def test_the_grid_has_every_combination_with_the_last_setting_changing_fastest() -> None:
    assert [trial.name for trial in PLANNED[:3]] == [
        "m a=1 b=x seed=1",
        "m a=1 b=x seed=2",
        "m a=1 b=y seed=1",
    ]
    assert len(PLANNED) == 8
    folded = grid(["m", "n"], {"a": [1]}, seeds=2, folds=3)
    assert len(folded) == 12
    assert folded[2].row() == {"model": "m", "a": 1, "fold": 2, "seed": 1}


def test_a_sweep_that_was_cut_off_runs_what_is_left_and_ends_the_same(tmp_path: Path) -> None:
    whole = sweep(Checkpoint(), runner([]))
    checkpoint, ran, logged = Checkpoint(tmp_path / "sweep"), [], []

    def told_of(name: str, params: Any, metrics: Any) -> None:
        logged.append((name, dict(metrics)))

    with pytest.raises(Killed):
        sweep(checkpoint, runner(ran, stop_after=3), on_trial=told_of)
    again: list[int] = []
    resumed = sweep(checkpoint, runner(again), on_trial=told_of)
    assert sorted(ran + again) == list(range(8))
    pd.testing.assert_frame_equal(resumed, whole)
    assert "seconds" not in whole
    assert {name for name, _ in logged[3:]} == {trial.name for trial in PLANNED}
    assert all(metrics.keys() == {"score", "seconds"} for _, metrics in logged)


def test_trials_of_another_recipe_are_not_taken_over(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "sweep")
    for recipe, expected in (("r", 8), ("r", 0), ("other", 8)):
        ran: list[int] = []
        sweep(checkpoint, runner(ran), recipe)
        assert len(ran) == expected


def test_the_best_so_far_is_the_best_by_the_objective(tmp_path: Path) -> None:
    logged = []
    with opened(
        "sweep",
        SPACE,
        Checkpoint(),
        recipe={},
        models=["m"],
        objective=Objective("score", "higher"),
        title="t",
        count=len(PLANNED),
        fixed={"c": 3},
        on_trial=lambda name, row, metrics: logged.append(running.best),
    ) as running:
        running.run(PLANNED, runner([]))
        assert running.best == (2.2, "m a=2 b=x seed=2")
    assert logged[:2] == [None, (1.1, "m a=1 b=x seed=1")]
    lower = Objective("score", "lower")
    assert lower.value({"score": float("nan")}) == float("inf")
    assert lower.better(1, 2)


def test_settings_that_contradict_the_section_are_refused() -> None:
    base = VocabularyParams(min_count=5, max_size=None)
    assert override(base, {"min_count": 2}) == VocabularyParams(min_count=2, max_size=None)
    assert base.min_count == 5
    with pytest.raises(UserError, match="sweep: with min_count=0"):
        override(base, {"min_count": 0})
