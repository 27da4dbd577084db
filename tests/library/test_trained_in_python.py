"""Trainings on lists of words are those of the stages, byte for byte."""

import numpy as np
import pytest

import wordlab
from small_pipeline import run_pipeline, shortest_articles
from wordlab.corpus import corpus
from wordlab.errors import UserError

STAGES = {
    "download",
    "preprocess",
    "build_vocab",
    "cooccurrence",
    "train_word2vec@skipgram",
    "train_word2vec@cbow",
    "train_word2vec@subword",
    "train_ppmi",
    "train_glove",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with what the stages made of a small text."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_pipeline(folder, shortest_articles(12), only=STAGES)
    return folder


@pytest.fixture(scope="module")
def documents(made):
    """The training split as a person has it: lists of lists of words."""
    return list(corpus.read(made / "data/interim/splits/train.txt"))


@pytest.mark.parametrize("name", ["skipgram", "cbow", "subword", "glove", "ppmi_svd"])
def test_the_bytes_are_those_of_the_stage(made, documents, name):
    train = {
        "skipgram": wordlab.train_word2vec,
        "cbow": lambda text, **own: wordlab.train_word2vec(text, architecture="cbow", **own),
        "subword": lambda text, **own: wordlab.train_word2vec(text, architecture="subword", **own),
        "glove": wordlab.train_glove,
        "ppmi_svd": wordlab.train_ppmi_svd,
    }[name]
    words, stage = train(documents, repository=made), wordlab.open(name, made)
    assert words.vocabulary.words == stage.vocabulary.words
    assert words.matrix.tobytes() == stage.matrix.tobytes()
    if name == "subword":
        assert words.subwords.rows.tobytes() == stage.subwords.rows.tobytes()
    assert train(documents, repository=made, seed=9).matrix.tobytes() != stage.matrix.tobytes()


def test_rows_of_ppmi_are_those_of_the_stage(made, documents):
    rows, stage = wordlab.train_ppmi(documents, repository=made), wordlab.open("ppmi", made)
    assert np.array_equal(rows.model.matrix.data, stage.model.matrix.data)
    assert np.array_equal(rows.model.matrix.indices, stage.model.matrix.indices)


SENTENCES = [["a", "b", "c"], ["b", "c", "d", "a"]] * 20


def test_settings_of_a_call_are_on_top_of_params(tmp_path):
    words = wordlab.train_word2vec(SENTENCES, dimensions=7, epochs=2, subsample=0)
    assert words.matrix.shape == (4, 7)
    assert words.vectors.description["epochs"] == 2
    own = wordlab.train_glove(SENTENCES, dimensions=5, window=1, max_size=3)
    assert own.vocabulary.words == ("a", "b", "c")
    words.save(tmp_path / "own")
    assert np.array_equal(wordlab.open(tmp_path / "own").matrix, words.matrix)


def test_a_sentence_is_a_document_that_no_window_leaves():
    found = wordlab.train_ppmi([["a", "b"], ["c", "d"]] * 9, min_count=1, window=3)
    assert [word for word, _ in found.associations("a", 9)] == ["b"]
    documents = [[["a", "b"], [], ["c", "d"]]] * 9
    found = wordlab.train_ppmi(documents, min_count=1, window=3, weighting="uniform")
    assert {word for word, _ in found.associations("a", 9)} == {"b", "c", "d"}


def test_an_empty_document_changes_nothing():
    text = [["a", "b"], ["c", "d"]] * 9
    settings = {"min_count": 1, "window": 3, "epochs": 1, "dimensions": 4, "subsample": 0}
    expected = wordlab.train_word2vec(text, **settings).matrix
    for place in (0, 1, 18):
        given = [*text[:place], [], *text[place:]]
        found = wordlab.train_word2vec(map(iter, given), **settings).matrix
        assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("sentences", "settings", "message"),
    [
        (["a b c"], {}, "sentences, item 1: 'a b c'; expected lists of words"),
        ([["a"], [["b"], [3]]], {}, r"sentences, item 2: \[3\]; expected lists of words"),
        ([["a"], 5], {}, "sentences, item 2: 5; expected lists of words"),
        ([["a", "b\n"]], {}, r"sentences, item 1: 'b\\n' has an end of line"),
        ([["a", "b\ud800"]], {}, r"sentences, item 1: 'b\\ud800' has half of a character"),
        (SENTENCES, {"seed": -1}, "seed: expected greater than or equal to 0, got -1"),
        (SENTENCES, {"threads": 0}, "threads: expected greater than or equal to 1, got 0"),
        (SENTENCES, {"architecture": "x"}, "architecture: expected 'skipgram', 'cbow' or 'subw"),
        (SENTENCES, {"size": 3}, "size: no such setting; expected one of .*dimensions"),
        (SENTENCES, {"dimensions": 0}, "dimensions: expected greater than or equal to 1, got 0"),
        (SENTENCES, {"min_count": 99}, "vocabulary.min_count: no word .* occurs 99 times"),
        ([], {}, "vocabulary.min_count: no word"),
    ],
)
def test_a_mistake_is_one_line(sentences, settings, message):
    with pytest.raises(UserError, match=message) as raised:
        wordlab.train_word2vec(sentences, **settings)
    assert "\n" not in str(raised.value)
