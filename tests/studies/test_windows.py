"""The window study finds in a small text what can be counted in it by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary, content_words
from wordlab.embeddings import ppmi
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.ppmi import PpmiModel
from wordlab.params.embeddings import (
    ComparisonParams,
    CooccurrenceParams,
    EvaluationParams,
    PpmiParams,
    RelationParams,
)
from wordlab.params.studies import WindowStudyParams
from wordlab.studies import windows
from wordlab.studies.windows import study_windows

WORDS = ("the", "king", "queen", "boy", "girl", "brother", "sister", "man", "woman", "tiger", "cat")
COUNTING = CooccurrenceParams(
    window=2, dynamic_window=False, weighting="uniform", side="both", subsample=0.0,
    subsample_formula="reference", memory_mb=64,
)  # fmt: skip
WEIGHING = PpmiParams(
    context_exponent=0.75, shift=1.0, dimensions=4, eigenvalue_exponent=0.5, add_contexts=False,
    tolerance=1e-4,
)  # fmt: skip
EVALUATION = EvaluationParams.model_validate(
    {
        "similarity": [{"name": "wordsim353", "path": None}],
        "analogies": {"path": None, "methods": ["3cosadd"], "restrict_vocabulary": None},
        "ignore_case": True,
        "resamples": 100,
        "confidence": 0.95,
    }
)
COMPARISON = ComparisonParams(
    words=("king",),
    neighbours=3,
    overlap_words=10,
    relations=RelationParams(path=None, wordnet=0),
)


def settings(**changes) -> WindowStudyParams:
    plain = {
        "windows": (1, 3, 5),
        "words": ("king", "tiger"),
        "associations": 3,
        "matrix_words": ("king", "queen", "cat"),
        "bins": 7,
    }
    return WindowStudyParams(**{**plain, **changes})


@pytest.fixture(scope="module")
def text() -> tuple[EncodedCorpus, Vocabulary]:
    random = np.random.default_rng(0)
    tokens = (len(WORDS) * random.random(3000) ** 2).astype(np.int32)
    topics = np.repeat(random.integers(0, 5, 150), 20)  # so that some words keep company
    tokens = np.where(tokens > 4, 1 + 2 * topics + tokens % 2, tokens).astype(np.int32)
    counts = np.bincount(tokens, minlength=len(WORDS))
    order = np.argsort(-counts, kind="stable")
    ends = np.arange(20, 3001, 20)
    corpus = EncodedCorpus(np.argsort(order)[tokens].astype(np.int32), ends, ends)
    return corpus, Vocabulary(tuple(WORDS[i] for i in order), counts[order])


@pytest.fixture(scope="module")
def study(text):
    return run(text)


def run(text, **changes):
    return study_windows(
        *text, settings(**changes), counting=COUNTING, weighing=WEIGHING, evaluation=EVALUATION,
        comparison=COMPARISON, seed=1,
    )  # fmt: skip


def test_each_window_is_that_of_its_own_counts(text, study):
    shown = ["king", "queen", "cat"]
    blocks = study.tables["blocks"].set_index("window")[shown]
    for row in study.tables["summary"].itertuples():
        counts = cooccurrence.count(
            *text, COUNTING.model_copy(update={"window": row.window}), seed=1
        )
        model = ppmi.ppmi(counts, WEIGHING)
        assert row.cells == np.count_nonzero(counts.matrix.toarray())
        assert row.density == pytest.approx(row.cells / 11**2)
        values = model.matrix.toarray()
        positive = values[values > 0]
        assert row.ppmi_cells == len(positive)
        assert row.median == pytest.approx(np.median(positive), rel=1e-6)
        ids = [model.vocabulary.id(word) for word in ("king", "queen", "cat")]
        np.testing.assert_array_equal(
            blocks.query("window == @row.window")[["king", "queen", "cat"]],
            values[np.ix_(ids, ids)],
        )
        bars = study.tables["histograms"][study.tables["histograms"]["window"] == row.window]
        assert bars["count"].sum() == len(positive)
        assert bars["left"].iloc[0] == 0
        own = study.tables["associations"].query("word == 'tiger' and window == @row.window")
        assert list(zip(own["context"], own["ppmi"], strict=True)) == model.associations("tiger", 3)
    assert study.tables["summary"]["cells"].is_monotonic_increasing


def test_models_are_compared_by_window(study):
    assert list(study.tables["overlap"].columns) == ["window 1", "window 3", "window 5"]
    assert np.diag(study.tables["overlap"]).tolist() == [1, 1, 1]
    assert set(study.tables["scores"]["model"]) == {"window 1", "window 3", "window 5"}
    metrics = study.metrics
    assert metrics["window 3"]["cells"] == study.tables["summary"]["cells"].iloc[1]
    assert "wordsim353" in metrics


def test_same_seed_same_tables(text, study):
    again = run(text)
    for name, table in study.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table, check_exact=True)


def test_words_that_the_vocabulary_lacks(text):
    partly = run(text, words=("king", "emperor"))
    assert set(partly.tables["associations"]["word"]) == {"king"}
    none = run(text, words=("emperor", "empress"), matrix_words=None)
    chosen = content_words(text[1], len(WORDS))
    assert list(dict.fromkeys(none.tables["associations"]["word"])) == list(chosen[:2])
    assert none.tables["blocks"].query("window == 1")["word"].tolist() == list(chosen)


def test_a_context_named_as_a_column_has_a_name_of_its_own():
    words = Vocabulary(("word", "window", "king"), np.array([3, 2, 1]))
    model = PpmiModel(words, csr_array(np.arange(9.0).reshape(3, 3)))
    block = windows._block(model, words.words)
    assert list(block) == ["word", "word (context)", "window (context)", "king"]
    assert block["window (context)"].tolist() == [1, 4, 7]


def test_windows_must_rise():
    with pytest.raises(ValueError, match="wider than the one before"):
        settings(windows=(3, 1))
