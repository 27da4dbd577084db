"""What the report says of draws of the documents."""

import math

import pandas as pd
import pytest

from wordlab.report.findings import draws
from wordlab.report.results import Unmeasured

NEAR = ["model", "word", "neighbour", "rank", "times", "draws", "share", "low", "high"]
SCORES = [
    *("model", "task", "score", "items_low", "items_high", "documents_low", "documents_high"),
    *("n", "draws"),
]


def neighbours(*ends):
    rows = [
        (model, "city", f"{model} {rank}", rank, 9 - rank, 10, (9 - rank) / 10, low, high)
        for model in ("skipgram", "ppmi_svd")
        for rank, (low, high) in enumerate(ends, start=1)
    ]
    return pd.DataFrame(rows, columns=NEAR)


@pytest.fixture
def stability():
    words = [f"w{i}" for i in range(6)]
    shares = [0.2, 0.9, 0.3, 0.8, 0.7, 0.1]
    return pd.DataFrame({"model": "skipgram", "word": words, "count": 9, "stability": shares})


@pytest.fixture
def scores():
    rows = [
        ("skipgram", "wordsim353", 0.5, 0.4, 0.6, 0.3, 0.7, 200, 10),
        ("ppmi_svd", "wordsim353", 0.6, 0.4, 0.8, 0.5, 0.7, 200, 10),
    ]
    return pd.DataFrame(rows, columns=SCORES)


def test_neighbours_that_stay_are_counted_by_model(scores):
    table = neighbours((1, 2), (1, 3), (2, math.inf))
    found = draws.steady(table, scores, 2, 0.9)
    assert found.decided
    assert "1 of 2 with skip-gram and 1 of 2 with PPMI-SVD" in found.text
    head = ["90 % interval over items", "90 % prediction for other texts"]
    assert [title.replace("\N{NO-BREAK SPACE}", " ") for title in found.table.head[1:]] == head
    assert found.table.rows[0] == ["skip-gram, WordSim-353", ".50", ".40 to .60", ".30 to .70"]
    (example,) = found.examples
    assert example.title == "Nearest to city"
    assert [row[0] for row in example.rows] == ["1", "2"]
    assert example.rows[0][1:4] == ["skipgram 1", "8 of 10", "1 to 2"]
    wider = draws.steady(table, scores, 3, 0.9)
    assert wider.examples[0].rows[2][3] == "from 2"


def test_neighbours_that_few_documents_have_are_not_counted(scores):
    table = neighbours((1, 2), (1, 3), (math.nan, math.nan))
    found = draws.steady(table, scores, 3, 0.9)
    assert "2 of 2 with skip-gram and 2 of 2 with PPMI-SVD" in found.text
    assert found.text.startswith("4 of the 6 neighbours looked up occur in enough documents to ")
    assert draws.steady(table, scores, 2, 0.9).text.startswith("4 of the 4 neighbours looked up")


def test_a_text_of_few_documents_decides_nothing(scores):
    table = neighbours((math.nan, math.nan))
    few = scores.assign(documents_low=math.nan, documents_high=math.nan)
    found = draws.steady(table, few, 2, 0.9)
    assert found.table.rows[0][3] == "–"
    assert not found.decided
    assert "too few documents" in found.text
    assert found.examples[0].rows[0][3] == "–"
    with pytest.raises(Unmeasured):
        draws.steady(table[:0], scores, 2, 0.9)


def test_the_steadiest_and_the_least_steady_words_are_named(stability):
    sentences = draws.found(stability, 10, 8)
    assert any("a draw keeps 50\N{NO-BREAK SPACE}% of the 10 nearest" in one for one in sentences)
    (words,) = [one for one in sentences if "steadiest" in one]
    assert words.endswith("those of w1, w3 and w4, the least steady those of w5, w0 and w2.")
    assert words == sentences[-1]
