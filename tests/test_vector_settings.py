"""The search for settings of word vectors: what it is judged by, and its rule."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.vectors import further
from wordlab.evaluation.vectors.sets import read_sets
from wordlab.params.whole import load
from wordlab.published import packaged

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def settings(monkeypatch):
    """The benchmark that searches."""
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    return importlib.import_module("vector_settings")


@pytest.fixture(scope="module")
def params():
    return load(REPOSITORY / "params.yaml")


@pytest.fixture(scope="module")
def vocabulary():
    listed = further.read_relations(packaged("wordlab_en"))
    words = sorted({word for pairs in listed.values() for pair in pairs for word in pair})[:300]
    return Vocabulary(tuple(words), np.full(len(words), 20))


def test_no_pair_that_settings_are_judged_by_is_in_an_evaluation_set(settings, params, vocabulary):
    development = settings.Development.of(vocabulary, params)
    sets = read_sets(params.evaluation).pairs
    tested = {frozenset(map(str.casefold, pair)) for one in sets for pair in one.words}
    for ids in (development.related, development.unrelated):
        pairs = {frozenset(vocabulary.words[i] for i in pair) for pair in ids.T}
        assert len(pairs) > 20 and not pairs & tested
    assert development.unrelated.shape == (2, settings.UNRELATED)


def test_vectors_in_which_related_words_are_near_score_higher(settings, params, vocabulary):
    development = settings.Development.of(vocabulary, params)
    matrix = np.random.default_rng(1).standard_normal((300, 20)).astype(np.float32)
    near = matrix.copy()
    for first, second in development.related.T:
        near[second] += 2 * near[first]
    scored = [development.score(Vectors(vocabulary, made)) for made in (matrix, near)]
    assert scored[0] == pytest.approx(0.5, abs=0.1) and scored[1] > 0.8


def test_each_model_takes_its_best_settings_at_the_window_that_is_best_on_average(settings):
    rows = [
        {"model": model, "window": window, "settings": {"rate": rate}, "score": score}
        for model, window, rate, score in [
            ("a", 5, 1, 0.9), ("a", 5, 2, 0.8), ("b", 5, 1, 0.5), ("b", 5, 2, 0.4),
            ("a", 10, 1, 0.6), ("a", 10, 2, 0.8), ("b", 10, 1, 0.7), ("b", 10, 2, 0.6),
        ]
    ]  # fmt: skip
    assert settings.chosen(rows) == [rows[5], rows[6]]


def test_every_model_is_tried_with_as_many_settings(settings, params, vocabulary):
    tokens = np.random.default_rng(2).integers(0, 300, 3000).astype(np.int32)
    corpus = EncodedCorpus(tokens, np.array([3000]), np.array([3000]))
    rows = settings.search(corpus, vocabulary, params, dimensions=4)
    counts = {(row["model"], row["window"]) for row in rows}
    assert len(counts) == 4 * len(settings.WINDOWS)
    for model, window in counts:
        assert sum((row["model"], row["window"]) == (model, window) for row in rows) == 4
    assert len(settings.chosen(rows)) == 4


SHORT = {"subsample": "sample", "eigenvalue_exponent": "p"}
"""How the table abbreviates settings."""


def test_the_shipped_settings_are_those_that_the_table_shows_as_chosen(settings, params):
    shipped = {
        "skip-gram": (params.word2vec.skipgram, params.word2vec.skipgram.window, settings.WORD2VEC),
        "CBOW": (params.word2vec.cbow, params.word2vec.cbow.window, settings.WORD2VEC),
        "GloVe": (params.glove, params.cooccurrence.window, settings.GLOVE),
        "PPMI-SVD": (params.ppmi, params.cooccurrence.window, settings.PPMI),
    }
    page = (REPOSITORY / "benchmarks" / "README.md").read_text().partition("## vector_settings.py")
    table = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page[2].partition("\n## ")[0].splitlines()
        if line.startswith("|")
    ]
    windows = [int(head.removeprefix("window ")) for head in table[0][2:]]
    rows = [
        {"model": model, "window": window, "settings": text, "score": float(cell.strip("*"))}
        for model, text, *cells in table[2:]
        for window, cell in zip(windows, cells, strict=True)
    ]
    bold = {
        (model, text, window)
        for model, text, *cells in table[2:]
        for window, cell in zip(windows, cells, strict=True)
        if cell.startswith("**")
    }
    assert {(row["model"], row["settings"], row["window"]) for row in settings.chosen(rows)} == bold
    assert bold == {
        (model, ", ".join(f"{SHORT.get(n, n)} {getattr(own, n):g}" for n in tried), window)
        for model, (own, window, tried) in shipped.items()
    }
