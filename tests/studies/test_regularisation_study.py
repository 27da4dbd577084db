"""The study of regularisation: the same at any number of processes, kept when cut off, modest."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from wordlab import rng
from wordlab.artifacts import Result
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.evaluation.repeated import change_intervals
from wordlab.params.language import LanguageModelParams
from wordlab.params.studies import COMBINATION, RegularisationMethod, RegularisationStudyParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import train
from wordlab.studies import regularisation
from wordlab.studies.regularisation import Row, Text, study
from wordlab.trials.runner import Outcome

NOTHING: dict[str, Any] = {
    "dropout": 0.0,
    "variational": False,
    "dropout_recurrent": 0.0,
    "weight_decay": 0.0,
    "early_stopping": False,
}


def params(**changes: Any) -> RegularisationStudyParams:
    values = {
        "cells": ["rnn"],
        "vocabulary_size": None,
        "train_tokens": 200,
        "valid_tokens": 150,
        "test_tokens": 150,
        "hidden_size": 12,
        "layers": 2,
        "rate": 0.02,
        "epochs": 3,
        "patience": 1,
        "batch_size": 4,
        "bptt_length": 10,
        "adaptive_cutoffs": [],
        "seeds": 3,
        "confidence": 0.95,
        "methods": {
            "none": NOTHING,
            "dropout": {**NOTHING, "dropout": 0.5},
            "early_stopping": {**NOTHING, "early_stopping": True},
        },
    }
    return RegularisationStudyParams.model_validate({**values, **changes})


Networks = Callable[..., dict[str, LanguageModelParams]]


def text(train: int = 200, valid: int = 150, test: int = 150) -> Text:
    vocabulary = Vocabulary(tuple("abcdef"), np.ones(6, np.int64))
    ids = np.random.default_rng(1).integers(0, 8, train + valid + test)
    return Text(*np.split(ids, [train, train + valid]), vocabulary)


def measure(
    monkeypatch: pytest.MonkeyPatch,
    networks: Networks,
    threads: int,
    cells: tuple[str, ...] = ("rnn",),
    **given: Any,
) -> Result:
    monkeypatch.setenv("WORDLAB_THREADS", str(threads))
    given = {"seed": 1, "on_trial": lambda *given: None, "checkpoint": Checkpoint(), **given}
    own = given.pop("text", text())
    return study(networks(*cells), own, params(), orders=[1, 2], **given)


def test_one_process_or_two_give_the_same_study(
    monkeypatch: pytest.MonkeyPatch, networks: Networks
) -> None:
    trials: list[str] = []
    cells = ("rnn", "gru")
    alone = measure(
        monkeypatch, networks, 1, cells, on_trial=lambda name, *given: trials.append(name)
    )
    beside = measure(monkeypatch, networks, 2, cells)
    for name, table in alone.tables.items():
        pd.testing.assert_frame_equal(table, beside.tables[name], check_exact=True)
    assert alone.metrics == beside.metrics
    assert len(trials) == len(set(trials)) == 2 * 4 * 3
    other = measure(monkeypatch, networks, 1, seed=2)
    assert other.metrics["rnn"] != alone.metrics["rnn"]


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
    assert len(trained) == 6  # nothing and dropout, by three seeds; stopping early is read off
    assert found.metrics["rnn"]["none"]["test_change"] == 0


def test_every_method_is_scored_on_the_test_text_alone(
    monkeypatch: pytest.MonkeyPatch, networks: Networks
) -> None:
    found = measure(monkeypatch, networks, 1)
    own = text()
    ends = np.full_like(own.test_ids, 3)  # of another distribution than what is learnt
    other = measure(monkeypatch, networks, 1, text=replace(own, test_ids=ends))
    pd.testing.assert_frame_equal(found.tables["curves"], other.tables["curves"], check_exact=True)
    scores = ["test", "gap", "unigram", "kneser_ney"]
    for method, row in found.tables["methods"].set_index("method")[scores].iterrows():
        changed = other.tables["methods"].set_index("method").loc[method, scores]
        assert (row != changed).all(), method
    network, seed = networks("rnn")["rnn"], rng.derive(1, "study", 1)
    job = regularisation.Job("rnn", regularisation._network(  # noqa: SLF001
        network, params().methods["none"], params()), 1, seed)  # fmt: skip
    model = LanguageModel(job.params, own.vocabulary, "word", seed)
    losses: list[float] = []

    def score(*given: Any) -> None:
        losses.append(float(model.token_losses(own.test_ids).mean()))

    train(
        model,
        own.train_ids,
        own.valid_ids,
        job.params,
        seed=seed,
        on_epoch=score,
    )
    rows = regularisation.learn(job, own).numbers["curve"]
    assert rows[-1]["test_loss"] == pytest.approx(losses[-1], abs=1e-6)


def test_no_loss_is_rounded_whatever_the_training_is(
    monkeypatch: pytest.MonkeyPatch, networks: Networks
) -> None:
    rounded: list[Any] = []
    losses = LanguageModel.token_losses

    def noted(model: LanguageModel, *given: Any, **options: Any) -> Any:
        rounded.append(model.layers.products)
        return losses(model, *given, **options)

    monkeypatch.setattr(LanguageModel, "token_losses", noted)
    own = networks("rnn")["rnn"].model_copy(update={"precision": "bfloat16"})
    network = regularisation._network(own, params().methods["none"], params())  # noqa: SLF001
    regularisation.learn(regularisation.Job("rnn", network, 1, 1), text())
    assert len(rounded) > 3 and set(rounded) == {None}


def test_models_that_only_count_stand_beside_the_networks(
    monkeypatch: pytest.MonkeyPatch, networks: Networks
) -> None:
    found, own = measure(monkeypatch, networks, 1), text()
    counts = KneserNey.fit(own.train_ids, order=1, classes=8, end=7)
    expected = float(counts.losses(own.test_ids).mean())
    assert found.metrics["baselines"]["unigram"] == pytest.approx(expected)
    assert found.tables["methods"]["unigram"].tolist() == pytest.approx([expected] * 4)
    change = found.tables["methods"]["test"] - expected
    np.testing.assert_allclose(found.tables["methods"]["unigram_change"], change)


def test_a_study_cut_off_runs_only_what_is_left(
    monkeypatch: pytest.MonkeyPatch, networks: Networks, tmp_path: Path
) -> None:
    whole = measure(monkeypatch, networks, 1)
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors")
    learn, started = regularisation.learn, []

    def cut(job: regularisation.Job, text: Text) -> Outcome:
        if len(started) == 5:
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
    assert resumed.metrics == whole.metrics


def test_early_stopping_ends_where_patience_does_and_keeps_the_best_epoch() -> None:
    losses = [5.0, 4.0, 4.2, 3.9, 4.1, 4.3, 3.0]
    rows = curve(losses)
    stopped = regularisation.stop(rows, 2).metrics()
    assert (stopped["valid_loss"], stopped["best_epoch"], stopped["epochs"]) == (3.9, 4, 6)
    assert (stopped["test_loss"], stopped["gap"]) == pytest.approx((4.0, 3.0))
    assert stopped["saved_share"] == pytest.approx(1 / 7)
    assert regularisation.stop(rows, None).metrics()["valid_loss"] == 3.0


def curve(losses: list[float]) -> list[Row]:
    """Return epochs with these validation losses, and test losses 0.1 higher."""
    return [Row(epoch, 1.0, loss, loss + 0.1) for epoch, loss in enumerate(losses, 1)]


def runs(changes: dict[str, list[float]]) -> regularisation.Runs:
    """Return runs with a gap of 1 + each change, a list of changes per method, one per seed."""
    return {
        ("gru", method): [
            regularisation.Run([Row(1, 4.0, 5.0 + change, 5.0 + 0.3 * seed + change)], 0, 1)
            for seed, change in enumerate(values)
        ]
        for method, values in changes.items()
    }


BASELINES = {"unigram": 5.0, "kneser_ney": 4.9, "order": 2}


def test_intervals_of_changes_hold_all_at_once() -> None:
    changes = {
        "none": [0.0, 0.0, 0.0],
        "dropout": [-0.8, -0.7, -0.6],
        "early stopping": [-0.3, -0.2, -0.4],
        "decay": [-0.05, 0.15, -0.1],
    }
    table = regularisation.table(runs(changes), BASELINES, 2, 0.95)
    assert set(table["comparisons"]) == {10}  # 2 changes of 3 methods, 4 networks and the unigram
    losses = np.array(list(changes.values())) + [5.0, 5.3, 5.6]
    alone = change_intervals(losses, 0, 0.95)
    assert alone[2, 2] < 0 < alone[3, 2]  # early stopping would count if it were the only one
    together = change_intervals(losses, 0, 0.95, 10)
    found = table[["test_change", "test_change_low", "test_change_high"]]
    np.testing.assert_allclose(found, together, atol=1e-12)


def test_a_network_is_compared_with_the_unigram_model() -> None:
    table = regularisation.table(
        runs({"none": [1.0, 0.7, 0.4], "decay": [-0.5, -0.8, -1.1]}), BASELINES, 2, 0.95
    )
    assert table["unigram_change"].tolist() == pytest.approx([1.0, -0.5])


@pytest.mark.parametrize(
    "changes",
    [
        {"tokens": 100},
        {"minutes": 1e-9},
        {"optimizer": "averaged_sgd"},
        {"carry_state": "within_documents"},
    ],
)
def test_budgets_averages_and_documents_of_the_language_models_are_not_the_study_s(
    monkeypatch: pytest.MonkeyPatch, networks: Networks, changes: dict[str, Any]
) -> None:
    def bounded(*cells: str) -> dict[str, LanguageModelParams]:
        return {cell: own.model_copy(update=changes) for cell, own in networks(*cells).items()}

    found, expected = measure(monkeypatch, bounded, 1), measure(monkeypatch, networks, 1)
    assert found.metrics == expected.metrics
    assert set(found.tables["curves"].query("method == 'none'")["epoch"]) == {1, 2, 3}


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
    measured = runs({name: [x, x, x] for name, x in zip(methods, losses, strict=True)})
    found = regularisation.combination("gru", measured, methods)
    expected = {"dropout": 0.4, "variational": True, "weight_decay": 0.1}
    assert found.model_dump() == {**NOTHING, **expected}
    alike = runs({name: [0.0] * 3 for name in methods})
    assert regularisation.combination("gru", alike, methods) == methods["none"]


def test_where_early_stopping_would_have_ended_is_measured_for_every_method() -> None:
    kept = [regularisation.stop(curve([5.0, 4.0, 4.2, 4.1, 4.3]), None)] * 3
    stopped = [regularisation.stop(run.rows, 2) for run in kept]
    both = {("gru", "none"): kept, ("gru", "early stopping"): stopped}
    row, early = regularisation.table(both, BASELINES, 2, 0.95).to_dict("records")
    assert (early["would_stop"], early["would_gain"]) == (4, 0)
    assert (row["would_stop"], row["would_save"]) == (4, pytest.approx(0.2))
    assert row["would_gain"] == pytest.approx(0.3)


def test_mistakes_are_named(networks: Networks) -> None:
    with pytest.raises(ValidationError, match="expected one called none"):
        params(methods={"dropout": NOTHING})
    with pytest.raises(ValidationError, match="is what the study finds"):
        params(methods={"none": NOTHING, COMBINATION: NOTHING})
    with pytest.raises(ValidationError, match="greater than or equal to 3"):
        params(seeds=2)  # two seeds make no interval
    given: dict[str, Any] = {"orders": [1], "seed": 1, "on_trial": lambda *given: None,
                             "checkpoint": Checkpoint()}  # fmt: skip
    with pytest.raises(UserError, match=r"regularisation_study\.batch_size"):
        study(networks("rnn"), text(), params(batch_size=300), **given)
    with pytest.raises(UserError, match=r"preprocess\.splits\.test: .* got none"):
        study(networks("rnn"), text(test=0), params(), **given)
