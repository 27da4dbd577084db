"""The sweep of recurrent language models on a small text."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wordlab.errors import UserError
from wordlab.params import whole
from wordlab.params.recurrent import LanguageModelSection
from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.sweeps import recurrent, training
from wordlab.sweeps.space import override
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

SMALL: dict[str, Any] = {
    "vocabulary_size": 10,
    "embedding_size": 6,
    "hidden_size": 6,
    "tied": False,
    "batch_size": 2,
    "bptt_length": 10,
    "epochs": 1,
    "rate": 0.01,
}
SWEEP: dict[str, Any] = {
    "grid": {"hidden_size": [3, 6]},
    "fixed": {key: value for key, value in SMALL.items() if key != "hidden_size"},
    "seeds": 1,
    "confidence": 0.95,
    "cells": ["gru"],
    "tokens": 300,
    "valid_tokens": 100,
    "folds": 1,
}
VOCABULARY = Vocabulary(tuple("abcdefghijkl"), np.arange(12, 0, -1, dtype=np.int64))


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


def test_the_beginning_of_a_corpus_ends_with_a_sentence() -> None:
    part = recurrent.beginning(corpus(4), 55)
    assert part.sentence_ends.tolist() == [10, 20, 30, 40, 50]
    assert part.document_ends.tolist() == [30, 50]
    assert recurrent.beginning(corpus(4), 60).document_ends.tolist() == [30, 60]
    assert len(recurrent.beginning(corpus(4), 1)) == 10
    assert len(recurrent.beginning(corpus(4), 10**9)) == 120


def test_folds_hold_out_each_document_once() -> None:
    whole = corpus(7)
    held_out = []
    for learnt, held in recurrent.splits(whole, corpus(1), folds=3):
        assert len(learnt) + len(held) == len(whole)
        assert learnt.document_ends[-1] == len(learnt)
        np.testing.assert_array_equal(np.diff(held.sentence_ends), 10)
        held_out += held.tokens[held.document_ends - 30].tolist()
    assert sorted(held_out) == list(range(7))
    with pytest.raises(UserError, match="8 folds need as many documents, got 7"):
        recurrent.splits(whole, corpus(1), folds=8)
    with pytest.raises(UserError, match="empty split"):
        recurrent.beginning(whole.__class__(*(np.zeros(0, dtype=np.int64) for _ in range(3))), 5)


def test_trials_in_processes_give_what_they_give_alone(
    section: LanguageModelSection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "2")
    params = RecurrentSweepParams.model_validate({**SWEEP, "folds": 2})
    told: dict[str, Any] = {}
    result = recurrent.sweep(
        corpus(10),
        corpus(4, seed=2),
        VOCABULARY,
        section,
        params,
        seed=1,
        on_trial=lambda name, row, metrics: told.update({name: metrics}),
    )
    assert len(result.trials) == len(told) == 2 * 2
    splits = recurrent.splits(corpus(10), corpus(4), folds=2)
    jobs = recurrent.jobs(recurrent.plan(params), section, params, seed=1)
    for row, job in zip(result.trials.to_dict("records"), jobs, strict=True):
        alone = training.train(job, *splits[job.split], VOCABULARY)
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
    job = training.Job(params, split=0, seed=1)
    measured = training.train(job, corpus(10), corpus(4), VOCABULARY)
    assert measured["diverged"] == 1
    assert measured["valid_loss"] == pytest.approx(math.log(12))
    assert math.isnan(measured["train_loss"])


def test_what_else_differs_between_trials_is_said() -> None:
    table = pd.DataFrame(
        {
            "model": ["gru", "gru", "lstm", "lstm"],
            "bptt_length": [5, 20, 5, 20],
            "updates": [40.0, 10.0, 40.0, 10.0],
            "diverged": [0.0, 1.0, 0.0, 0.0],
        }
    )
    updates, diverged = recurrent.caveats(table)
    assert "(40 at 5, 10 at 20)" in updates
    assert diverged.startswith("gru: 1 of 2 trainings diverged")
    assert recurrent.caveats(table[table["bptt_length"] == 5]) == []


def test_the_cell_is_not_for_the_grid() -> None:
    with pytest.raises(ValueError, match="cell: no such setting to sweep"):
        RecurrentSweepParams.model_validate({**SWEEP, "grid": {"cell": ["gru"]}})
