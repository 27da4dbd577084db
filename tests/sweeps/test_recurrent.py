"""The sweep of recurrent language models on a small text."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.params import whole
from wordlab.params.recurrent import LanguageModelSection
from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.recurrent import language_model
from wordlab.sweeps import folds, recurrent, recurrent_sentences, training
from wordlab.sweeps.space import grid, override
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

SMALL: dict[str, Any] = {
    "embedding_size": 6,
    "hidden_size": 6,
    "tied": False,
    "batch_size": 2,
    "bptt_length": 10,
    "epochs": 1,
    "rate": 0.01,
}
SWEEP: dict[str, Any] = {
    "search": "grid",
    "trials": 4,
    "pruning": "none",
    "space": {"hidden_size": [3, 6]},
    "fixed": {key: value for key, value in SMALL.items() if key != "hidden_size"},
    "seeds": 1,
    "confidence": 0.95,
    "cells": ["gru"],
    "tokens": 300,
    "valid_tokens": 200,
    "folds": 1,
    "parameters": None,
    "contexts": [1, 3],
    "trees": 4,
    "progress_tokens": 100,
    "target_loss": 2.4,
    "drawn_text": {"texts": 3, "length": 5, "window": 2, "common_words": 1},
}
VOCABULARY = Vocabulary(tuple("abcdefghij"), np.arange(10, 0, -1, dtype=np.int64))


@pytest.fixture
def section(repository: Path) -> LanguageModelSection:
    """The shipped settings of the word models."""
    shipped = whole.read(repository / "params.yaml")["language_model"]
    return LanguageModelSection.model_validate(shipped)


def corpus(documents: int, seed: int = 1) -> EncodedCorpus:
    """Documents of 30 tokens in sentences of 10, each with its own word first."""
    tokens = np.random.default_rng(seed).integers(-1, 12, 30 * documents).astype(np.int32)
    tokens[::30] = np.arange(documents) % 12
    ends = np.arange(10, 30 * documents + 1, 10)
    return EncodedCorpus(tokens, ends, ends[2::3])


CORPORA = {"train": corpus(10), "valid": corpus(4, seed=2), "test": corpus(3, seed=3)}


def test_the_beginning_of_a_corpus_ends_with_a_sentence() -> None:
    part = folds.beginning(corpus(4), 55)
    assert part.sentence_ends.tolist() == [10, 20, 30, 40, 50]
    assert part.document_ends.tolist() == [30, 50]
    assert folds.beginning(corpus(4), 60).document_ends.tolist() == [30, 60]
    assert len(folds.beginning(corpus(4), 1)) == 10
    assert len(folds.beginning(corpus(4), 10**9)) == 120


def test_folds_hold_out_each_document_once() -> None:
    whole = corpus(7)
    held_out = []
    for learnt, held in folds.splits(whole, corpus(1), folds=3):
        assert len(learnt) + len(held) == len(whole)
        assert learnt.document_ends[-1] == len(learnt)
        np.testing.assert_array_equal(np.diff(held.sentence_ends), 10)
        held_out += held.tokens[held.document_ends - 30].tolist()
    assert sorted(held_out) == list(range(7))
    with pytest.raises(UserError, match="8 folds need as many documents, got 7"):
        folds.splits(whole, corpus(1), folds=8)
    with pytest.raises(UserError, match="empty split"):
        folds.beginning(whole.__class__(*(np.zeros(0, dtype=np.int64) for _ in range(3))), 5)


def test_trials_in_processes_give_what_they_give_alone(
    section: LanguageModelSection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "2")
    params = RecurrentSweepParams.model_validate({**SWEEP, "folds": 2})
    told: dict[str, Any] = {}
    result = recurrent.sweep(
        CORPORA,
        VOCABULARY,
        section,
        params,
        ngram_orders=[2],
        seed=1,
        on_trial=lambda name, row, metrics: told.update({name: metrics}),
    )
    assert len(result.trials) == 2 * 2
    assert len(told) == 2 * 2 + 1
    splits = folds.splits(corpus(10), corpus(4), folds=2)
    planned = grid(["gru"], {"hidden_size": [3, 6]}, seeds=1, folds=2)
    jobs = recurrent.jobs(planned, section, params, ngram_order=2, seed=1)
    for row, job in zip(result.trials.to_dict("records"), jobs, strict=True):
        learnt, held_out = splits[job.split]
        held_out = folds.beginning(held_out, params.valid_tokens)
        alone = training.train(job, learnt, held_out, CORPORA["train"], VOCABULARY)
        assert row["valid_loss"] == alone["valid_loss"] < math.log(12)
        assert (
            told[f"gru hidden_size={row['hidden_size']} fold={row['fold']} seed=1"]["seconds"] > 0
        )
    assert "seconds" not in result.trials
    assert result.best.iloc[0]["n"] == 2


def test_divergence_is_a_result(section: LanguageModelSection) -> None:
    wild = {
        "rate": 1e30,
        "activation": "relu",
        "optimizer": "sgd",
        "clip_norm": None,
        "warmup": 0.0,
    }
    params = override(section.rnn, {**SMALL, **wild})
    job = training.Job(params, 0, 1, RecurrentSweepParams.model_validate(SWEEP), ngram_order=2)
    measured = training.train(job, corpus(10), corpus(4), corpus(3), VOCABULARY)
    assert measured["diverged"] == 1
    assert measured["valid_loss"] == pytest.approx(math.log(12))
    assert math.isnan(measured["train_loss"])
    assert math.isnan(measured["context_3_loss"])


def test_what_else_differs_between_trials_is_said() -> None:
    table = pd.DataFrame(
        {
            "model": ["gru", "gru", "lstm", "lstm"],
            "bptt_length": [5, 20, 5, 20],
            "updates": [40.0, 10.0, 40.0, 10.0],
            "diverged": [0.0, 1.0, 0.0, 0.0],
        }
    )
    updates, diverged = recurrent_sentences.caveats(table)
    assert "(40 at 5, 10 at 20)" in updates
    assert diverged.startswith("gru: 1 of 2 trainings diverged")
    assert recurrent_sentences.caveats(table[table["bptt_length"] == 5]) == []


def test_the_cell_is_not_for_the_grid() -> None:
    with pytest.raises(ValueError, match="cell: no such setting to sweep"):
        RecurrentSweepParams.model_validate({**SWEEP, "space": {"cell": ["gru"]}})


def searched(**changes: Any) -> RecurrentSweepParams:
    space = {"hidden_size": {"low": 2, "high": 6, "log": False}, "bptt_length": [5, 10]}
    fixed = {key: SWEEP["fixed"][key] for key in SWEEP["fixed"] if key != "bptt_length"}
    return RecurrentSweepParams.model_validate(
        {**SWEEP, "search": "tpe", "trials": 5, "space": space, "fixed": fixed, **changes}
    )


@pytest.mark.parametrize(
    ("changes", "count"), [({}, 5), ({"search": "random", "pruning": "median"}, 5 + 3 + 2)]
)
def test_a_sweep_cut_off_goes_on_from_its_database_and_ends_the_same(
    section: LanguageModelSection,
    changes: dict[str, Any],
    count: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "1")

    def run(checkpoint: Checkpoint) -> tuple[pd.DataFrame, list[str]]:
        told: list[str] = []
        result = recurrent.sweep(
            CORPORA,
            VOCABULARY,
            section,
            searched(**changes),
            ngram_orders=[2],
            seed=1,
            on_trial=lambda name, row, metrics: told.append(name),
            checkpoint=checkpoint,
        )
        return result.trials, told

    whole, _ = run(Checkpoint())
    checkpoint = Checkpoint(tmp_path / "sweep-1.safetensors")
    trained, kept = training.train, []

    def cut_off(job: training.Job, *rest: Any) -> dict[str, float]:
        if len(kept) == count - 2:
            raise KeyboardInterrupt
        kept.append(job)
        return trained(job, *rest)

    monkeypatch.setattr(recurrent, "train", cut_off)
    with pytest.raises(KeyboardInterrupt):
        run(checkpoint)
    monkeypatch.setattr(recurrent, "train", lambda *all: (kept.append(all[0]), trained(*all))[1])
    resumed, told = run(checkpoint)
    pd.testing.assert_frame_equal(resumed, whole)
    assert len(kept) == len(told[:-1]) == count
    checkpoint.clear()
    assert list(tmp_path.iterdir()) == []


def by(workers: int) -> Any:
    """Return a stand-in for processes side by side of which the youngest always ends first."""

    def side_by_side(function: Any, jobs: Iterable[Any], *shared: Any) -> Iterator[tuple[int, Any]]:
        running: list[tuple[int, Any]] = []
        for numbered in enumerate(jobs):
            running.append(numbered)
            if len(running) == workers:
                number, job = running.pop()
                yield number, function(job, *shared)
        yield from ((number, function(job, *shared)) for number, job in reversed(running))

    return side_by_side


@pytest.mark.parametrize(
    ("search", "pruning"),
    [
        *((search, "none") for search in ("grid", "random", "quasi_random", "tpe")),
        ("grid", "median"),
        ("random", "hyperband"),
    ],
)
def test_results_do_not_depend_on_how_many_trainings_run_at_once(
    section: LanguageModelSection, search: str, pruning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {"search": search, "pruning": pruning, "trials": 4}
    if search == "grid":
        changes["space"] = {"hidden_size": [2, 4], "bptt_length": [5, 10]}
    found, order = [], []
    for workers in (1, 3):
        monkeypatch.setattr(recurrent, "side_by_side", by(workers))
        told: list[str] = []
        result = recurrent.sweep(
            CORPORA,
            VOCABULARY,
            section,
            searched(**changes),
            ngram_orders=[2],
            seed=1,
            on_trial=lambda name, row, metrics, told=told: told.append(name),
        )
        order.append(told)
        tables = {name: table.to_csv() for name, table in result.tables().items()}
        found.append((tables, repr(result.metrics()), result.sentences))
    assert found[0] == found[1]
    assert order[0] != order[1]
    assert sorted(order[0]) == sorted(order[1])


def test_a_budget_of_weights_is_met_by_the_embedding(section: LanguageModelSection) -> None:
    for cell, hidden, removed in (
        (section.lstm, 4, "all"),
        (section.gru, 9, "all"),
        (section.lstm, 6, "coupled"),
    ):
        base = override(cell, {**SMALL, "hidden_size": hidden, "gates": removed})
        params = training.within_budget(base, VOCABULARY, 800)
        model = language_model.build(params, VOCABULARY, level="word", seed=1)
        size = language_model.description(model)["parameters"]
        gates = 4 if cell.cell == "lstm" else 3
        assert abs(size - 800) <= (12 + gates * hidden) / 2
    with pytest.raises(UserError, match="expected a budget above"):
        training.within_budget(base, VOCABULARY, 100)


def test_a_cut_context_is_read_from_a_state_of_zeros(section: LanguageModelSection) -> None:
    params = override(section.gru, SMALL)
    model = language_model.build(params, VOCABULARY, level="word", seed=1)
    ids = np.random.default_rng(1).integers(0, 11, 40)
    found = training.context_losses(model, ids, (2, 4), document_starts=np.array([0, 10]))
    begun = sorted({0, 10, *(np.flatnonzero(ids[:-1] == 11) + 1).tolist()})
    chosen = [i for i in range(40) if i - max(start for start in begun if start <= i) >= 4]
    alone = []
    for place in chosen:
        window = torch.from_numpy(ids[place - 2 : place, None])
        hidden, _ = model(window, model.initial_state(1))
        alone.append(model.output.losses(hidden[-1], torch.tensor([ids[place]])).item())
    assert found["context_2_loss"] == pytest.approx(np.mean(alone), rel=1e-5)
    whole = model.token_losses(ids, document_starts=np.array([0, 10]))
    assert found["context_loss"] == pytest.approx(whole[chosen].mean(), rel=1e-5)
    none = training.context_losses(model, ids, (40,), document_starts=np.array([0]))
    assert math.isnan(none["context_30_loss"])


def test_a_range_is_not_for_a_grid() -> None:
    with pytest.raises(ValueError, match="space.hidden_size: a grid cannot try all values"):
        searched(search="grid")
    with pytest.raises(ValueError, match="expected low below high"):
        searched(space={"rate": {"low": 0.1, "high": 0.01, "log": True}})
    with pytest.raises(ValueError, match="the budget decides embedding_size"):
        searched(parameters=1000)


def test_a_rung_trains_on_its_share_and_the_last_is_a_trial_without_pruning(
    section: LanguageModelSection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recurrent, "side_by_side", by(1))
    found = {
        kind: recurrent.sweep(
            CORPORA,
            VOCABULARY,
            section,
            searched(search="grid", space={"hidden_size": [2, 4], "bptt_length": [5, 10]}, **more),
            ngram_orders=[2],
            seed=1,
        )
        for kind, more in (("none", {}), ("median", {"pruning": "median"}))
    }
    trials = found["median"].trials
    assert trials["budget"].tolist() == [0.25] * 4 + [0.5] * 2 + [1.0]
    np.testing.assert_allclose(trials["steps"] / trials["updates"], trials["budget"], atol=0.1)
    same = found["none"].trials.merge(trials[trials["budget"] == 1].drop(columns="budget"))
    assert len(same) == 1
    assert found["median"].best["combinations"].tolist() == [1]
    assert len(found["median"].importances)


def test_tpe_does_not_prune() -> None:
    with pytest.raises(ValueError, match="pruning: tpe draws by the losses on the whole budget"):
        searched(pruning="median")
