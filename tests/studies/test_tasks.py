"""The tasks with known answers: drawn as they say, learnt, the same each time."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cell_params import cells
from wordlab.errors import UserError
from wordlab.params.studies import TaskParams
from wordlab.params.whole import load
from wordlab.studies.gradients import tasks

PARAMS = TaskParams(
    delays=[6],
    initialisations=["orthogonal"],
    symbols=3,
    copied=2,
    hidden_size=16,
    steps=150,
    batch_size=32,
    rate=0.02,
    clip_norm=1.0,
    test_sequences=200,
)
GRU = cells("gru", initialisation="orthogonal")


def test_adding_marks_one_number_in_each_half_and_asks_for_their_sum() -> None:
    drawn = tasks.draw_adding(9, 50, np.random.default_rng(1))
    marks = drawn.inputs[:, :, 1]
    assert marks[:4].sum(0).tolist() == [1.0] * 50
    assert marks[4:].sum(0).tolist() == [1.0] * 50
    torch.testing.assert_close((drawn.inputs[:, :, 0] * marks).sum(0), drawn.targets[0])


def test_copying_shows_symbols_then_blanks_a_sign_and_room_to_answer() -> None:
    drawn = tasks.draw_copying(5, 40, 3, 2, np.random.default_rng(1))
    ids = drawn.inputs.argmax(dim=2)
    assert drawn.inputs.sum(2).eq(1).all()
    assert torch.equal(ids[:2], drawn.targets) and set(ids[:2].unique().tolist()) == {0, 1, 2}
    assert ids[2:, 0].tolist() == [3, 3, 3, 3, 4, 3, 3]


def test_the_baseline_is_what_one_answer_for_all_gets_right() -> None:
    sums = tasks.draw_adding(4, 100_000, np.random.default_rng(2)).targets
    right = ((sums - 1).abs() < tasks.TOLERANCE).float().mean()
    assert float(right) == pytest.approx(tasks.baseline("adding", 3), abs=0.003)
    assert tasks.baseline("copying", 4) == 0.25


@pytest.mark.parametrize("task", ["adding", "copying"])
def test_a_gru_learns_a_short_task_the_same_each_time(task: str) -> None:
    found = [tasks.learn(task, GRU, 6, PARAMS, seed=s) for s in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    assert found[0]["success"] > tasks.baseline(task, PARAMS.symbols) + 0.2


def test_the_shipped_tasks_show_what_a_memory_cell_is_for(repository: Path) -> None:
    shipped = load(repository / "params.yaml").gradient_study.tasks
    found = {
        cell: tasks.learn(
            "adding",
            cells(cell, initialisation=shipped.initialisations[0]),
            max(shipped.delays),
            shipped,
            seed=1,
        )["success"]
        for cell in ("rnn", "lstm")
    }
    assert found["lstm"] > 0.9
    assert found["rnn"] < 0.2


def test_a_rate_too_high_is_named() -> None:
    settings = cells("rnn", activation="relu")
    params = PARAMS.model_copy(update={"rate": 1e30})
    with pytest.raises(UserError, match=r"gradient_study\.tasks\.rate: adding diverged at batch"):
        tasks.learn("adding", settings, 6, params, seed=1)
