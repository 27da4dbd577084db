"""What the pipeline made opens by its name, and answers."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

import wordlab
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import formats
from wordlab.embeddings.ppmi import PpmiModel
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.evaluation.language.generation import probabilities_after
from wordlab.library.networks import TextModel
from wordlab.library.words import PpmiRows, WordVectors
from wordlab.recurrent.language_model import LanguageModel

WORDS = Vocabulary(("king", "queen", "man", "<b>", "Rome"), np.array([9, 7, 5, 2, 1]))
PLANE = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 0], [0, 0, 1], [0.1, 1, 0.9]], np.float32)


@pytest.fixture
def checkout(tmp_path, repository, network, monkeypatch):
    """A repository with a model of each kind, seen from a folder in it."""
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_bytes((repository / name).read_bytes())
    models = tmp_path / "data/models"
    Vectors(WORDS, PLANE, {}).save(models / "skipgram")
    Vectors(WORDS, -PLANE, {}).save(models / "skipgram/seed_2")
    rows = csr_array(np.array([[0, 2, 0.5, 0, 0], *np.eye(4, 5)], np.float32))
    PpmiModel(WORDS, rows).save(models / "ppmi")
    LanguageModel(network(cell="gru"), WORDS, "word", seed=1).save(models / "lm_gru")
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    return tmp_path


def test_word_vectors_answer(checkout):
    words = wordlab.open("skipgram")
    assert isinstance(words, WordVectors)
    assert len(words) == 5 and "rome" not in words and "Rome" in words and "KING" in words
    assert np.array_equal(words["king"], PLANE[0])
    (nearest, cosine), *others = words.most_similar("King", 4)
    assert nearest == "man" and len(others) == 3
    assert cosine == pytest.approx(words.similarity("king", "man")) == pytest.approx(0.5**0.5)
    assert words.analogy("man", "king", "<b>", 1)[0][0] == "queen"
    assert np.array_equal(wordlab.open("skipgram/seed_2")["king"], -PLANE[0])
    with pytest.raises(UserError, match="quen: not in the vocabulary of 5 words; near it: queen"):
        words.most_similar("quen")


def test_gensim_has_the_same_vectors_and_counts(checkout):
    words = wordlab.open("skipgram")
    found = words.to_gensim()
    assert found.index_to_key == list(WORDS.words)
    assert np.array_equal(found.vectors, PLANE)
    assert found.get_vecattr("queen", "count") == 7
    assert [word for word, _ in found.most_similar("king", topn=2)] == [
        word for word, _ in words.most_similar("king", 2)
    ]


def test_rows_of_ppmi_have_associations(checkout):
    rows = wordlab.open("ppmi")
    assert isinstance(rows, PpmiRows)
    assert rows.associations("KING", 2) == [("queen", 2.0), ("man", 0.5)]
    assert rows.similarity("king", "man") == pytest.approx(2 / 4.25**0.5)
    assert "5 words, 6 associations" in repr(rows)


def test_a_language_model_predicts_reads_and_writes(checkout):
    model = wordlab.open("gru")
    assert isinstance(model, TextModel) and repr(model) == repr(wordlab.open("lm_gru"))
    found = model.next_words("The king", 7)
    p = probabilities_after(model.model, [model.model.unknown, 0])
    assert [one for _, one in found] == pytest.approx(sorted(p, reverse=True))
    assert {"(unknown)", "(end of sentence)", "king"} < {word for word, _ in found}
    table = model.surprisal("King. Queen man!")
    assert table["token"].tolist() == ["king", "</s>", "queen", "man", "</s>"]
    assert model.perplexity("King. Queen man!") == pytest.approx(2 ** table["surprisal"].mean())
    texts = {model.generate("king", length=9, seed=seed) for seed in (1, 1, 2)}
    assert len(texts) == 2 and all(text.startswith("king") for text in texts)
    for wrong, message in (
        ({"length": 0}, "length: expected greater than or equal to 1, got 0"),
        ({"heat": 1}, "heat: no such setting; expected one of beam_width, length, strategy, "),
    ):
        with pytest.raises(UserError, match=message):
            model.generate("king", **wrong)
    with pytest.raises(UserError, match="no token of the kind 'letters'; expected a text"):
        model.surprisal("12 34")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda ask: ask("skipgram").most_similar("king", -1), "n: expected greater than or equal"),
        (lambda ask: ask("skipgram").analogy("king", "man", "queen", 0), "n: expected .*, got 0"),
        (lambda ask: ask("skipgram").most_similar("king", True), "n: expected .*, got True"),
        (lambda ask: ask("ppmi").associations("king", 1.5), "n: expected a valid integer, got 1.5"),
        (lambda ask: ask("gru").next_words("king", -3), "n: expected .*, got -3"),
        (lambda ask: ask("gru").generate("king", seed=-1), "seed: expected .*, got -1"),
        (
            lambda ask: ask("gru").generate("king", strategy="greedy", top_k=3),
            "top_k: a setting of the strategy sample; expected strategy sample, got greedy",
        ),
        (
            lambda ask: ask("gru").generate("king", beam_width=3),
            "beam_width: .*expected strategy beam",
        ),
        (lambda ask: ask("gru").generate("king", top_k=np.int64(0)), "top_k: expected .*, got 0"),
    ],
)
def test_an_argument_out_of_range_is_one_line(checkout, ask, message):
    with pytest.raises(UserError, match=message):
        ask(wordlab.open)


def test_numbers_of_numpy_are_numbers(checkout):
    assert len(wordlab.open("skipgram").most_similar("king", np.int64(2))) == 2
    gru = wordlab.open("gru")
    assert gru.generate("king", length=np.int64(5)) == gru.generate("king", length=5)


def test_a_sample_gone_cold_is_warmed_by_a_call(checkout):
    gru = wordlab.open("gru")
    frozen = gru.generation.model_validate(gru.generation.model_dump() | {"temperature": 0.0001})
    cold = replace(gru, generation=frozen)
    assert cold.generate("king", length=9) == gru.generate("king", length=9, strategy="greedy")
    warm = {cold.generate("king", length=9, seed=seed, temperature=5.0) for seed in range(9)}
    assert len(warm) > 1
    greedy = gru.generate("king", length=9, strategy="greedy", top_k=None)
    assert greedy == cold.generate("king", length=9)


def test_files_of_vectors_open_and_what_is_missing_names_what_there_is(checkout):
    formats.write(Vectors(WORDS, PLANE), checkout / "docs/own.txt", "glove_text")
    assert np.array_equal(wordlab.open("own.txt").matrix, PLANE)
    with pytest.raises(UserError, match="cbow: no such model; expected one of lm_gru, ppmi, skip"):
        wordlab.open("cbow")
    with pytest.raises(UserError, match="vocabulary.tsv: not found"):
        wordlab.open("vocabulary")
    empty = checkout / "empty"
    with pytest.raises(UserError, match="cbow: no such model; `make repro` trains the models"):
        wordlab.open("cbow", empty)


def test_a_notebook_shows_words_and_no_markup_of_theirs(checkout):
    page = wordlab.open("skipgram")._repr_html_()
    assert "skip-gram: 5 words, 3 dimensions" in page
    assert "&lt;b&gt;" in page and "<b>" not in page
    assert repr(wordlab.open("skipgram")) == "WordVectors('skipgram': 5 words, 3 dimensions)"


def test_the_import_loads_nothing_heavy():
    code = "import sys, wordlab; dir(wordlab); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {"numpy", "numba", "torch", "pydantic", "wordlab.library"} & loaded
    assert {"open", "train_word2vec", "train_glove", "train_ppmi"} <= set(dir(wordlab))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        wordlab.nothing  # noqa: B018
