"""The study of regularisation: the same at any number of processes, kept when cut off, modest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from wordlab import figures
from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.params.recurrent import LanguageModelParams
from wordlab.params.regularisation import (
    COMBINATION,
    RegularisationMethod,
    RegularisationStudyParams,
)
from wordlab.studies import regularisation, regularisation_results
from wordlab.studies.jobs import Outcome
from wordlab.studies.regularisation import RegularisationStudy, Text, study
from wordlab.text.vocabulary import Vocabulary

NOTHING: dict[str, Any] = {
    "dropout": 0.0,
    "variational": False,
    "dropout_recurrent": 0.0,
    "weight_decay": 0.0,
    "early_stopping": False,
}


def params(**changes: Any) -> RegularisationStudyParams:
    values = {
        "train_tokens": 200,
        "valid_tokens": 150,
        "hidden_size": 12,
        "layers": 2,
        "rate": 0.02,
        "epochs": 3,
        "patience": 1,
        "batch_size": 4,
        "bptt_length": 10,
        "seeds": 2,
        "confidence": 0.95,
        "methods": {
            "none": NOTHING,
            "dropout": {**NOTHING, "dropout": 0.5},
            "early_stopping": {**NOTHING, "early_stopping": True},
        },
    }
    return RegularisationStudyParams.model_validate({**values, **changes})


Networks = Callable[..., dict[str, LanguageModelParams]]


def text(tokens: int = 300) -> Text:
    vocabulary = Vocabulary(tuple("abcdef"), np.ones(6, np.int64))
    ids = np.random.default_rng(1).integers(0, 8, 2 * tokens)
    return Text(ids[:tokens], ids[tokens:], vocabulary)


def measure(
    monkeypatch: pytest.MonkeyPatch,
    networks: Networks,
    threads: int,
    cells: tuple[str, ...] = ("rnn",),
    **given: Any,
) -> RegularisationStudy:
    monkeypatch.setenv("WORDLAB_THREADS", str(threads))
    given = {"seed": 1, "on_trial": lambda *told: None, "checkpoint": Checkpoint(None), **given}
    return study(networks(*cells), text(), params(), **given)


def test_one_process_or_two_give_the_same_study(
    monkeypatch: pytest.MonkeyPatch, networks: Networks
) -> None:
    trials: list[str] = []
    cells = ("rnn", "gru")
    alone = measure(
        monkeypatch, networks, 1, cells, on_trial=lambda name, *told: trials.append(name)
    )
    beside = measure(monkeypatch, networks, 2, cells)
    pd.testing.assert_frame_equal(alone.curves, beside.curves, check_exact=True)
    assert (alone.numbers, alone.sentences) == (beside.numbers, beside.sentences)
    assert len(trials) == len(set(trials)) == 2 * 4 * 2
    assert len(figures.regularisation_curves(alone.curves).axes) == 2 * 4
    figures.regularisation_gaps(alone.table)
    other = measure(monkeypatch, networks, 1, seed=2)
    assert other.metrics()["rnn"] != alone.metrics()["rnn"]


def test_methods_that_train_alike_share_their_trainings(
    monkeypatch: pytest.MonkeyPatch, networks: Networks
) -> None:
    trained: list[str] = []
    learn = regularisation.learn

    def count(job: regularisation.Job, text: Text) -> Outcome:
        trained.append(repr(job))
        return learn(job, text)

    monkeypatch.setattr(regularisation, "learn", count)
    found = measure(monkeypatch, networks, 1)
    assert len(trained) == 4  # nothing and dropout, by two seeds; stopping early is read off
    assert found.metrics()["rnn"]["none"]["valid_change"] == 0


def test_a_study_cut_off_runs_only_what_is_left(
    monkeypatch: pytest.MonkeyPatch, networks: Networks, tmp_path: Path
) -> None:
    whole = measure(monkeypatch, networks, 1)
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors")
    learn, started = regularisation.learn, []

    def cut(job: regularisation.Job, text: Text) -> Outcome:
        if len(started) == 3:
            raise KeyboardInterrupt
        started.append(job)
        return learn(job, text)

    monkeypatch.setattr(regularisation, "learn", cut)
    with pytest.raises(KeyboardInterrupt):
        measure(monkeypatch, networks, 1, checkpoint=checkpoint)
    left: list[regularisation.Job] = []

    def go_on(job: regularisation.Job, text: Text) -> Outcome:
        left.append(job)
        return learn(job, text)

    monkeypatch.setattr(regularisation, "learn", go_on)
    resumed = measure(monkeypatch, networks, 1, checkpoint=checkpoint)
    assert len(left) == 1
    assert resumed.metrics() == whole.metrics()


def test_early_stopping_ends_where_patience_does_and_keeps_the_best_epoch() -> None:
    losses = [5.0, 4.0, 4.2, 3.9, 4.1, 4.3, 3.0]
    curve = [{"epoch": i, "train_loss": 1.0, "valid_loss": x} for i, x in enumerate(losses, 1)]
    stopped = regularisation_results.stop(curve, 2).metrics()
    assert (stopped["valid_loss"], stopped["best_epoch"], stopped["epochs"]) == (3.9, 4, 6)
    assert stopped["saved_share"] == pytest.approx(1 / 7)
    assert regularisation_results.stop(curve, None).metrics()["valid_loss"] == 3.0


def runs(changes: dict[str, list[float]]) -> regularisation_results.Runs:
    """Return runs with a gap of 1 + each change, a list of changes a method, one a seed."""
    return {
        ("gru", method): [
            regularisation_results.Run(
                [{"epoch": 1, "train_loss": 4.0, "valid_loss": 5.0 + 0.3 * seed + change}], 0, 1
            )
            for seed, change in enumerate(values)
        ]
        for method, values in changes.items()
    }


def test_only_changes_beyond_the_noise_between_seeds_are_claimed() -> None:
    table = regularisation_results.table(
        runs({"none": [0, 0, 0], "dropout": [-0.5, -0.52, -0.48], "decay": [-0.5, 0.6, -0.2]}),
        2,
        0.95,
    )
    said = regularisation_results.sentences(table, 3, 2, 0.95)
    assert any("the gap is lower with dropout by 0.50" in text for text in said)
    assert any("no change of the gap beyond the noise" in x and "decay" in x for x in said)
    assert not any("decay by" in text for text in said)


def test_the_combination_takes_the_best_of_each_setting_that_helped() -> None:
    changes = {
        "none": {},
        "dropout": {"dropout": 0.5},
        "variational": {"dropout": 0.4, "variational": True},
        "recurrent": {"dropout_recurrent": 0.5},
        "decay": {"weight_decay": 0.1},
        "more decay": {"weight_decay": 1.0},
    }
    methods = {
        name: RegularisationMethod.model_validate({**NOTHING, **own})
        for name, own in changes.items()
    }
    losses = [0.0, -0.1, -0.2, 0.3, -0.4, -0.3]
    measured = runs({name: [x, x] for name, x in zip(methods, losses, strict=True)})
    found = regularisation_results.combination("gru", measured, methods)
    expected = {"dropout": 0.4, "variational": True, "weight_decay": 0.1}
    assert found.model_dump() == {**NOTHING, **expected}
    (said,) = regularisation_results.describe({"gru": found})
    assert "variational dropout 0.4, weight decay 0.1, each" in said
    alike = runs({name: [0.0, 0.0] for name in methods})
    assert regularisation_results.combination("gru", alike, methods) == methods["none"]


def test_where_early_stopping_would_have_ended_is_told_for_every_method() -> None:
    losses = [5.0, 4.0, 4.2, 4.1, 4.3]
    curve = [{"epoch": i, "train_loss": 1.0, "valid_loss": x} for i, x in enumerate(losses, 1)]
    kept = [regularisation_results.stop(curve, None)] * 2
    (row,) = regularisation_results.table({("gru", "none"): kept}, 2, 0.95).to_dict("records")
    assert (row["would_stop"], row["would_save"]) == (4, pytest.approx(0.2))
    assert row["would_gain"] == pytest.approx(0.3)


def test_mistakes_are_named(networks: Networks) -> None:
    with pytest.raises(ValidationError, match="expected one called none"):
        params(methods={"dropout": NOTHING})
    with pytest.raises(ValidationError, match="is what the study finds"):
        params(methods={"none": NOTHING, COMBINATION: NOTHING})
    with pytest.raises(UserError, match=r"regularisation_study\.batch_size"):
        study(
            networks("rnn"),
            text(),
            params(batch_size=300),
            seed=1,
            on_trial=lambda *told: None,
            checkpoint=Checkpoint(None),
        )
