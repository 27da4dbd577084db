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
from wordlab.evaluation.language.held_out import HeldOut, mean_differences
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.params.language import LanguageModelParams
from wordlab.params.studies import COMBINATION, RegularisationMethod, RegularisationStudyParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import train
from wordlab.studies.regularisation import study as studied
from wordlab.studies.regularisation import tables, training
from wordlab.studies.regularisation.study import combination, study
from wordlab.studies.regularisation.training import Job, Row, Run, Runs, network_of, stop
from wordlab.studies.text import Text
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
    learnt, chosen, scored = np.split(ids, [train, train + valid])
    starts = np.arange(0, test, 30)
    return Text(
        learnt, chosen, HeldOut(scored, starts, vocabulary.unknown, vocabulary.end), vocabulary
    )


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
    learn = training.learn

    def count(job: Job, text: Text) -> Outcome:
        trained.append(repr(job))
        return learn(job, text)

    monkeypatch.setattr(studied, "learn", count)
    found = measure(monkeypatch, networks, 1)
    assert len(trained) == 6  # nothing and dropout, by three seeds; stopping early is read off
    assert found.metrics["rnn"]["none"]["test_change"] == 0


def test_every_method_is_scored_on_the_test_text_alone(
    monkeypatch: pytest.MonkeyPatch, networks: Networks
) -> None:
    found = measure(monkeypatch, networks, 1)
    own = text()
    ends = np.full_like(own.test.ids, 3)  # of another distribution than what is learnt
    other = measure(monkeypatch, networks, 1, text=replace(own, test=replace(own.test, ids=ends)))
    pd.testing.assert_frame_equal(found.tables["curves"], other.tables["curves"], check_exact=True)
    scores = ["test", "gap", "unigram", "kneser_ney"]
    for method, row in found.tables["methods"].set_index("method")[scores].iterrows():
        changed = other.tables["methods"].set_index("method").loc[method, scores]
        assert (row != changed).all(), method
    network, seed = networks("rnn")["rnn"], rng.derive(1, "study", 1)
    job = Job("rnn", network_of(
        network, params().methods["none"], params()), 1, seed, 1)  # fmt: skip
    model = LanguageModel(job.params, own.vocabulary, "word", seed)
    scored: list[np.ndarray] = []

    def score(*given: Any) -> None:
        scored.append(model.token_losses(own.test.ids))

    train(
        model,
        own.train_ids,
        own.valid_ids,
        job.params,
        seed=seed,
        on_epoch=score,
    )
    outcome = training.learn(job, own)
    rows = [Row(*each) for each in outcome.numbers["curve"]]
    stopped = stop(rows, 1).kept + 1
    assert outcome.arrays.keys() == {str(stopped), "3"}  # what early stopping keeps, and the last
    for epoch in (stopped, 3):
        np.testing.assert_allclose(outcome.arrays[str(epoch)], scored[epoch - 1], atol=1e-6)


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
    network = network_of(own, params().methods["none"], params())
    training.learn(Job("rnn", network, 1, 1, 1), text())
    assert len(rounded) > 3 and set(rounded) == {None}


def test_models_that_only_count_stand_beside_the_networks(
    monkeypatch: pytest.MonkeyPatch, networks: Networks
) -> None:
    found, own = measure(monkeypatch, networks, 1), text()
    counts = KneserNey.fit(own.train_ids, order=1, classes=8, end=7)
    expected = float(counts.losses(own.test.ids).mean())
    assert found.metrics["baselines"]["unigram"] == pytest.approx(expected)
    assert found.tables["methods"]["unigram"].tolist() == pytest.approx([expected] * 4)
    change = found.tables["methods"]["test"] - expected
    np.testing.assert_allclose(found.tables["methods"]["unigram_change"], change)


def test_a_study_cut_off_runs_only_what_is_left(
    monkeypatch: pytest.MonkeyPatch, networks: Networks, tmp_path: Path
) -> None:
    whole = measure(monkeypatch, networks, 1)
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors")
    learn, started = training.learn, []

    def cut(job: Job, text: Text) -> Outcome:
        if len(started) == 5:
            raise KeyboardInterrupt
        started.append(job)
        return learn(job, text)

    monkeypatch.setattr(studied, "learn", cut)
    with pytest.raises(KeyboardInterrupt):
        measure(monkeypatch, networks, 1, checkpoint=checkpoint)
    left: list[Job] = []

    def go_on(job: Job, text: Text) -> Outcome:
        left.append(job)
        return learn(job, text)

    monkeypatch.setattr(studied, "learn", go_on)
    resumed = measure(monkeypatch, networks, 1, checkpoint=checkpoint)
    assert len(left) == 1
    assert resumed.metrics == whole.metrics


def test_early_stopping_ends_where_patience_does_and_keeps_the_best_epoch() -> None:
    losses = [5.0, 4.0, 4.2, 3.9, 4.1, 4.3, 3.0]
    rows = curve(losses)
    stopped = stop(rows, 2).metrics()
    assert (stopped["valid_loss"], stopped["best_epoch"], stopped["epochs"]) == (3.9, 4, 6)
    assert (stopped["test_loss"], stopped["gap"]) == pytest.approx((4.0, 3.0))
    assert stopped["saved_share"] == pytest.approx(1 / 7)
    assert stop(rows, None).metrics()["valid_loss"] == 3.0


SYMBOLS = 400
TEST = HeldOut(np.tile([0, 1, 2, 7], SYMBOLS // 4), np.arange(0, SYMBOLS, 20), 6, 7)
UNIGRAM = np.random.default_rng(5).normal(5.0, 0.3, SYMBOLS)


def curve(losses: list[float]) -> list[Row]:
    """Return epochs with these validation losses, and test losses 0.1 higher."""
    return [
        Row(epoch, 1.0, loss, np.full(SYMBOLS, loss + 0.1)) for epoch, loss in enumerate(losses, 1)
    ]


def runs(changes: dict[str, list[float]], cell: str = "gru", differ: float = 0.0) -> Runs:
    """Return runs whose test losses are 5, plus each change, a list per method, one per seed.

    differ: the standard deviation of what a method changes by document.
    """
    random = np.random.default_rng(4)
    found: Runs = {}
    for method, values in changes.items():
        of_documents = np.repeat(random.normal(0, differ, 20), SYMBOLS // 20) if differ else 0
        of_documents = of_documents - np.mean(of_documents)
        found[cell, method] = [
            Run(
                [Row(1, 4.0 + change, 5.0 + change, UNIGRAM + 0.3 * seed + change + of_documents)],
                0, 1,
            )
            for seed, change in enumerate(values)
        ]  # fmt: skip
    return found


GIVEN: dict[str, Any] = {"confidence": 0.8, "seed": 1}


def tabled(found: Runs, patience: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    pairs = tables.compared(found, patience, TEST, **GIVEN)
    return tables.table(found, pairs, UNIGRAM, patience, TEST, **GIVEN), pairs


CHANGES = {
    "none": [0.0, 0.0, 0.0],
    "dropout": [-0.8, -0.7, -0.6],
    "early stopping": [-0.3, -0.2, -0.4],
    "decay": [-0.05, 0.15, -0.1],
}
LOSSES = {method: np.array(own)[:, None] + np.zeros(SYMBOLS) for method, own in CHANGES.items()}


def differences(*pairs: tuple[str, str]) -> np.ndarray:
    """Return the mean differences of these pairs, with intervals that hold together."""
    return mean_differences([LOSSES[one] - LOSSES[other] for one, other in pairs], TEST, **GIVEN)


def test_every_two_methods_are_compared_over_seeds_and_texts() -> None:
    table, pairs = tabled(runs(CHANGES))
    pairs = pairs.set_index(["method", "other"])
    assert len(pairs) == 6
    assert pairs.loc[("early stopping", "dropout"), "change"] == pytest.approx(0.4)
    with_none = [pair for pair in pairs.index if pair[1] == "none"]
    for family in (with_none, [pair for pair in pairs.index if pair[1] != "none"]):
        found = pairs.loc[family, ["change", "low", "high"]]
        np.testing.assert_allclose(found, differences(*family), atol=1e-12)
    found = table.set_index("method")[["test_change", "test_change_low", "test_change_high"]]
    assert found.loc["none"].tolist() == [0, 0, 0]
    of_none = pairs.xs("none", level="other")[["change", "low", "high"]]
    np.testing.assert_array_equal(found.loc[of_none.index], of_none)
    _, texts = tabled(runs(CHANGES, differ=0.5))
    assert (texts["high"] - texts["low"] > (pairs["high"] - pairs["low"]).to_numpy() + 0.05).all()


def test_methods_are_also_compared_where_early_stopping_chooses_the_epoch_of_both() -> None:
    def trained(*losses: list[float]) -> list[Run]:
        return [stop(curve(own), None) for own in losses]

    plain = trained([5.0, 4.0, 4.4, 4.6], [5.1, 4.1, 4.7, 4.9], [5.2, 4.3, 4.6, 4.8])
    held = trained([5.0, 4.8, 4.3, 3.7], [5.0, 4.8, 4.4, 3.9], [5.0, 4.7, 4.2, 3.8])
    kept = {"none": plain, "early stopping": [stop(run.rows, 2) for run in plain], "decay": held}
    _, pairs = tabled({("gru", method): group for method, group in kept.items()})
    pairs = pairs.set_index(["method", "other"])
    decay = pairs.loc[("decay", "none")]
    assert decay["change"] == pytest.approx(np.mean([3.7 - 4.6, 3.9 - 4.9, 3.8 - 4.8]))
    assert decay["stopped"] == pytest.approx(np.mean([3.7 - 4.0, 3.9 - 4.1, 3.8 - 4.3]))
    low, high = decay["stopped_low"], decay["stopped_high"]
    assert low < decay["stopped"] < high < 0 and high - low != decay["high"] - decay["low"]
    same = pairs.loc[("early stopping", "none"), ["stopped", "stopped_low", "stopped_high"]]
    assert same.tolist() == [0, 0, 0]  # the same epochs
    at_once = pairs.loc[("decay", "early stopping"), ["stopped", "stopped_low", "stopped_high"]]
    np.testing.assert_allclose(
        at_once.tolist(), decay[["stopped", "stopped_low", "stopped_high"]].tolist()
    )


def test_cells_are_families_of_their_own() -> None:
    both = runs(CHANGES) | runs({name: CHANGES[name] for name in ("decay", "none")}, cell="lstm")
    table, pairs = tabled(both)
    for cell, own in (
        ("gru", runs(CHANGES)),
        ("lstm", {k: v for k, v in both.items() if k[0] == "lstm"}),
    ):
        alone = tabled(own)
        for whole, part in zip((table, pairs), alone, strict=True):
            of_cell = whole[whole["cell"] == cell].reset_index(drop=True)
            pd.testing.assert_frame_equal(of_cell, part, check_exact=True)
    assert pairs.iloc[-1][["method", "other"]].tolist() == ["decay", "none"]  # whatever the order


def test_gaps_and_a_unigram_model_are_compared_by_the_same_rule() -> None:
    found = runs(CHANGES)
    for group, size in zip(found.values(), (0.5, 0.1, 0.2, 0.3), strict=True):
        for seed, run in enumerate(group):  # what a seed learns by heart
            row = run.rows[0]
            group[seed] = Run([Row(1, 4.0 + size * seed**2, row.valid_loss, row.test_losses)], 0, 1)
    table, _ = tabled(found)
    losses = {
        method: np.stack([run.test_losses for run in group]) for (_, method), group in found.items()
    }
    gaps = {
        method: own - [[run.rows[0].train_loss] for run in found["gru", method]]
        for method, own in losses.items()
    }

    def expected(each: list[np.ndarray]) -> np.ndarray:
        return mean_differences(each, TEST, **GIVEN)

    for name, wanted in (
        ("test", np.concatenate([expected([own]) for own in losses.values()])),
        ("gap", np.concatenate([expected([own]) for own in gaps.values()])),
        ("gap_change", expected([own - gaps["none"] for own in gaps.values()])),
        ("unigram_change", expected([own - UNIGRAM for own in losses.values()])),
    ):
        np.testing.assert_allclose(
            table[[name, f"{name}_low", f"{name}_high"]], wanted, atol=1e-12, err_msg=name
        )
    assert (np.ptp(table[["gap_low", "gap_high"]], axis=1) > 0.1).all()


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
    found = combination("gru", measured, methods)
    expected = {"dropout": 0.4, "variational": True, "weight_decay": 0.1}
    assert found.model_dump() == {**NOTHING, **expected}
    alike = runs({name: [0.0] * 3 for name in methods})
    assert combination("gru", alike, methods) == methods["none"]


def test_where_early_stopping_would_have_ended_is_measured_for_every_method() -> None:
    kept = [stop(curve([5.0, 4.0, 4.2, 4.1, 4.3]), None)] * 3
    stopped = [stop(run.rows, 2) for run in kept]
    both = {("gru", "none"): kept, ("gru", "early stopping"): stopped}
    table, pairs = tabled(both)
    row, early = table.to_dict("records")
    assert (early["would_stop"], early["would_gain"]) == (4, 0)
    assert (row["would_stop"], row["would_save"]) == (4, pytest.approx(0.2))
    assert row["would_gain"] == pytest.approx(0.3)
    [pair] = pairs.to_dict("records")
    assert pair["change"] == pytest.approx(-0.3)
    assert [pair[name] for name in ("stopped", "stopped_low", "stopped_high")] == [0, 0, 0]


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
