"""Words that a model of n-grams has never seen get vectors in every command."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import wordlab
from wordlab import cli
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import reading
from wordlab.embeddings.ngrams import Subwords
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.params.whole import load
from wordlab.pipeline import answering
from wordlab.pipeline.check import check

WORDS = Vocabulary(("walking", "talked", "talking", "cats"), np.array([9, 7, 5, 2]))
BUCKETS, DIMENSIONS = 2000, 12


def model(lower_case=True):
    """Return vectors that are the means of their n-grams', as of a model without own rows."""
    rows = np.random.default_rng(4).normal(size=(BUCKETS, DIMENSIONS)).astype(np.float32)
    subwords = Subwords(rows, 3, 6, lower_case)
    matrix = np.stack([subwords.vector(word) for word in WORDS.words])
    return Vectors(WORDS, matrix, {"model": "word2vec"}), subwords


@pytest.fixture
def checkout(tmp_path, repository, monkeypatch):
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_bytes((repository / name).read_bytes())
    vectors, subwords = model()
    vectors.save(tmp_path / "data/models/subword")
    subwords.save(tmp_path / "data/models/subword")
    vectors.save(tmp_path / "data/models/skipgram")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["wordlab", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    shown = capsys.readouterr()
    return ended.value.code, shown.out, shown.err


def test_they_have_vectors_neighbours_and_cosines(checkout):
    words, (_, subwords) = wordlab.open("subword"), model()
    assert "Stalking" not in words and len(words) == 4
    np.testing.assert_array_equal(words["Stalking"], subwords.vector("stalking"))
    with pytest.raises(ValueError, match="read-only"):
        words["Stalking"][0] = 1
    near = words.most_similar("Stalking", 4)
    assert near[0][0] == "talking" and {word for word, _ in near} == set(WORDS.words)
    pair = [subwords.vector(word).astype(np.float64) for word in ("stalking", "talker")]
    cosine = pair[0] @ pair[1] / np.linalg.norm(pair[0]) / np.linalg.norm(pair[1])
    assert words.similarity("stalking", "TALKER") == pytest.approx(cosine, abs=1e-6)
    answers = [word for word, _ in words.analogy("walking", "talking", "stalking", 3)]
    assert set(answers) == {"talked", "cats"}  # no word of the question, known or not


def test_a_word_without_ngrams_is_unknown_and_so_is_any_without_the_model(checkout):
    words = wordlab.open("subword")
    for ask in (words.__getitem__, words.most_similar):
        with pytest.raises(UserError, match=r"^: not in the vocabulary"):
            ask("")
    with pytest.raises(UserError, match="stalking: not in the vocabulary of 4 words; near it"):
        wordlab.open("skipgram").most_similar("stalking")


def test_a_model_saved_over_one_with_ngrams_has_none(tmp_path):
    text = [["stalking", "talker", "walking"]] * 9
    settings = {"min_count": 1, "epochs": 1, "dimensions": 4, "subsample": 0}
    for architecture, known in (("subword", True), ("skipgram", False)):
        own = wordlab.train_word2vec(text, architecture=architecture, **settings)
        own.save(tmp_path / "made")
        assert (wordlab.open(tmp_path / "made").subwords is not None) == known


def test_a_model_from_mlflow_has_them(checkout, repository):
    preprocess = load(repository / "params.yaml").preprocess
    answer = answering.of_vectors(Path("data/models/subword"), preprocess)
    near = wordlab.open("subword").most_similar("Stalking", 2)
    found = answer("neighbours", "Stalking", {"number": 2})
    assert [(row["word"], row["cosine"]) for row in found] == near


def test_commands_have_them(checkout, monkeypatch, capsys):
    code, out, _ = said(monkeypatch, capsys, "neighbours", "stalking", "-v", "subword", "-n", "1")
    assert code == 0 and out.split()[1] == "talking"
    asked = ["analogy", "talking", "talked", "stalking", "--vectors", "subword"]
    assert said(monkeypatch, capsys, *asked)[0] == 0
    code, _, err = said(monkeypatch, capsys, "neighbours", "stalking")
    assert code == 1 and "not in the vocabulary" in err


def test_evaluation_has_them_but_for_analogies(checkout, monkeypatch, capsys):
    (checkout / "pairs.txt").write_text("walking talking 9\nStalking talker 8\ncats dog 1\n")
    (checkout / "questions.txt").write_text(": a\nwalking talking stalking talked\n")
    params = (checkout / "params.yaml").read_text()
    params = params.replace(
        "similarity: by_language", "similarity: [{name: own, path: pairs.txt}]"
    ).replace("analogies:\n    path: by_language", "analogies:\n    path: questions.txt")
    (checkout / "params.yaml").write_text(params)
    code, out, _ = said(monkeypatch, capsys, "evaluate", "subword", "--json")
    found = {row["name"]: row["n"] for row in json.loads(out)}
    assert code == 0 and (found["own"], found["analogy"]) == (3, 0)


def test_an_export_to_fasttext_and_back_keeps_them(checkout, monkeypatch, capsys):
    for form, file in (("fasttext_bin", "own.bin"), ("word2vec_text", "own.vec")):
        code, out, _ = said(monkeypatch, capsys, "export", "subword", form, file)
        assert (code, out) == (0, f"4 words to {file}\n")
    words, again = wordlab.open("subword"), wordlab.open("own.bin")
    np.testing.assert_allclose(again.matrix, words.matrix, atol=1e-6)
    np.testing.assert_array_equal(again["stalking"], words["stalking"])
    np.testing.assert_array_equal(reading.read(checkout / "own.vec").matrix, words.matrix)
    assert check(checkout / "own.bin") == [
        f"{checkout / 'own.bin'}: fastText's .bin, 12 dimensions",
        "  4 words; vectors of n-grams of 3 to 6 characters in 2,000 rows",
        "  first: walking, talked, talking, cats",
    ]
    again.save(checkout / "copy")
    np.testing.assert_array_equal(wordlab.open(checkout / "copy")["stalking"], words["stalking"])


def test_ngrams_of_other_dimensions_are_damaged(checkout):
    rows = np.ones((5, DIMENSIONS + 1), np.float32)
    Subwords(rows, 3, 6, True).save(checkout / "data/models/subword")
    with pytest.raises(UserError, match=r"ngrams\.npy: damaged \(13 dimensions\)"):
        wordlab.open("subword")


def test_trained_in_python_they_have_vectors():
    text = [["walking", "talking", "walked", "talked"]] * 30
    own = {"dimensions": 8, "epochs": 1, "min_count": 1, "subsample": 0.0}
    words = wordlab.train_word2vec(text, architecture="subword", **own, buckets=100, max_ngram=4)
    assert words.subwords.rows.shape == (100, 8) and words["stalking"].shape == (8,)
