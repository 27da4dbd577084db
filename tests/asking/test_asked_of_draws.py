"""`wordlab neighbours` and `wordlab nearer` where there are draws, and where there are none."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

import wordlab
from wordlab.asking import tables
from wordlab.cli import main
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import draws
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.evaluation.stability import Nearer

WORDS = ("sun", "moon", "star", "sea")


def at(*degrees):
    return np.array([(np.cos(np.deg2rad(one)), np.sin(np.deg2rad(one))) for one in degrees])


@pytest.fixture
def checkout(tmp_path, repository, monkeypatch):
    """A checkout whose skip-gram has draws that agree on the moon, and on nothing else."""
    shutil.copy(repository / "params.yaml", tmp_path)
    shutil.copy(repository / "dvc.yaml", tmp_path)
    models = tmp_path / "data/models"
    vocabulary = Vocabulary(WORDS, np.array([9, 8, 7, 6]))
    made = {"model": "word2vec", "rate": 0.025}
    whole = Vectors(vocabulary, at(0, 10, 30, 50).astype(np.float32), {**made, "seed": 3})
    whole.save(models / "skipgram")
    whole.save(models / "cbow")
    angles = [(0, 9, 70, 60), (0, 11, 25, 65), (0, 10, 65, 55), (0, 10, 30, 70)]
    rows = [at(*own).astype(np.float16) for own in angles]
    described, counts = {"documents": 20, "vectors": made}, np.full(len(WORDS), 15)
    draws.save(
        tmp_path / "data/draws/skipgram", vocabulary, rows, (len(rows), 2), counts, described
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["wordlab", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr()


def test_neighbours_come_with_what_draws_say(checkout, monkeypatch, capsys):
    code, shown = said(monkeypatch, capsys, "neighbours", "Sun", "-n", "2")
    lines = [line.split() for line in shown.out.splitlines()]
    assert code == 0
    assert lines[1] == ["0.985", "moon", "4", "of", "4", "1"]
    assert lines[2][:5] == ["0.866", "star", "2", "of", "4"]
    assert shown.out.endswith("90 % of other texts of the kind.\n")
    code, plain = said(monkeypatch, capsys, "neighbours", "sun", "-v", "cbow", "-n", "2")
    assert (code, plain.out) == (0, " 0.985  moon\n 0.866  star\n")


def test_a_dash_is_where_few_documents_have_a_word(checkout, monkeypatch, capsys):
    np.save(checkout / "data/draws/skipgram/document_counts.npy", np.array([15, 15, 9, 15]))
    _, shown = said(monkeypatch, capsys, "neighbours", "sun", "--vectors", "skipgram", "-n", "2")
    assert shown.out.splitlines()[2].split()[2:] == ["2", "of", "4", "–"]
    assert shown.out.endswith("of the kind; –: too few documents have the words.\n")


def test_which_is_nearer_is_decided_or_not(checkout, monkeypatch, capsys):
    code, shown = said(monkeypatch, capsys, "nearer", "sun", "moon", "sea")
    assert code == 0
    assert "moon is nearer in 4 of 4 draws" in shown.out
    assert shown.out.splitlines()[-1] == "moon is nearer to sun, at 90 %"
    _, shown = said(monkeypatch, capsys, "nearer", "sun", "star", "sea")
    assert "star is nearer in 2 of 4 draws" in shown.out
    assert shown.out.splitlines()[-1] == "not decided at 90 %"


def test_questions_without_an_answer_are_one_line(checkout, monkeypatch, capsys):
    code, shown = said(monkeypatch, capsys, "nearer", "sun", "moon", "Moon")
    assert code == 1 and "expected three different words" in shown.err
    code, shown = said(monkeypatch, capsys, "nearer", "sun", "moon", "sea", "--vectors", "cbow")
    assert code == 1 and "cbow: no draws of it" in shown.err


def test_draws_of_other_words_are_left_alone(checkout):
    Vocabulary(WORDS[::-1], np.array([9, 8, 7, 6])).save(
        checkout / "data/draws/skipgram/vocabulary.tsv"
    )
    model = wordlab.open("skipgram", checkout)
    assert model.draws is None
    with pytest.raises(UserError, match="no draws of it with the same words and settings"):
        model.nearer("sun", "moon", "sea")


@pytest.mark.parametrize(
    "changes",
    [
        {"description": {"model": "word2vec", "rate": 0.05, "seed": 3}},
        {"description": {"model": "word2vec", "rate": 0.025, "window": 5, "seed": 3}},
        {"vocabulary": Vocabulary(WORDS, np.array([9, 8, 7, 5]))},
    ],
)
def test_draws_of_other_settings_or_another_text_are_left_alone(checkout, changes):
    folder = checkout / "data/models/skipgram"
    known = Vectors.load(folder)
    assert wordlab.open("skipgram", checkout).draws is not None
    replace(known, description={**known.description, "seed": 4}).save(folder)
    assert wordlab.open("skipgram", checkout).draws is not None
    replace(known, **changes).save(folder)
    assert wordlab.open("skipgram", checkout).draws is None


def test_python_gives_the_same_as_the_command(checkout):
    model = wordlab.open("skipgram", checkout)
    table = model.neighbours_over_draws("sun", 2)
    assert table["neighbour"].tolist() == ["moon", "star"]
    assert table["times"].tolist() == [4, 2]
    assert model.nearer("sun", "moon", "sea").verdict == 0


def test_what_is_not_known_is_a_dash():
    unknown = Nearer((0.5, 0.4), 3, 5, float("nan"), float("nan"))
    assert unknown.verdict is None
    assert "nan" not in tables.nearer("sun", ("moon", "sea"), unknown, 0.9)
