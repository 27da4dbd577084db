"""Neighbours over draws: counted by hand; a stable and an unstable one are planted and found."""

import numpy as np
import pytest

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.draws import Draws
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation import stability
from wordlab.evaluation.vectors.similarity import DenseSpace

WORDS = ("sun", "moon", "star", "sea")
VOCABULARY = Vocabulary(WORDS, np.array([9, 8, 7, 6]))


def at(*degrees):
    """Return rows of length 1 at angles, so that the nearer angle is the nearer word; None: 0."""
    return np.array(
        [(0, 0) if one is None else (np.cos(np.deg2rad(one)), np.sin(np.deg2rad(one)))
         for one in degrees]
    )  # fmt: skip


def drawn(*rows, documents=50, least=10):
    counts = np.array([40, 30, 20, least])
    return Draws(VOCABULARY, np.stack(rows).astype(np.float16), counts, {"documents": documents})


@pytest.fixture
def space():
    return DenseSpace(Vectors(VOCABULARY, at(0, 10, 20, 80).astype(np.float32)))


def test_neighbours_of_the_text_and_of_draws_with_their_ranks(space):
    draws = drawn(at(0, 10, 20, 80), at(0, 10, 40, 20), at(0, 10, None, 20), at(None, 0, 10, 20))
    found = stability.neighbours(space, draws, ["sun"], 2, 0.9).set_index("neighbour")
    assert list(found.index) == ["moon", "star", "sea"]
    assert found["rank"].tolist() == [1, 2, 3]
    assert found["draws"].tolist() == [3, 3, 3]  # the last draw lacks the word
    assert found["times"].tolist() == [3, 1, 2]
    np.testing.assert_allclose(found["share"], [1, 1 / 3, 2 / 3])
    assert found.loc["moon", ["low", "high"]].tolist() == [1, 1]
    logs = np.log([2, 3, 4])  # the ranks of star, which one draw lacks
    half = 2.919986 * np.sqrt(2 + 1 / 3) * logs.std(ddof=1)
    assert found.loc["star", "low"] == max(1, round(np.exp(logs.mean() - half)))
    assert found.loc["star", "high"] == np.inf  # it may be lacking elsewhere too
    close = drawn(at(0, 10, 20, 80), at(0, 10, 20, 80), at(0, 20, 10, 80))
    found = stability.neighbours(space, close, ["sun"], 2, 0.5).set_index("neighbour")
    logs = np.log([1, 1, 2])
    half = 0.816497 * np.sqrt(2 + 1 / 3) * logs.std(ddof=1)
    assert found.loc["moon", "high"] == round(np.exp(logs.mean() + half)) == 2


def test_a_text_of_few_documents_gives_shares_but_no_ranks(space):
    draws = drawn(at(0, 10, 20, 80), at(0, 10, 20, 80), documents=9)
    found = stability.neighbours(space, draws, ["sun"], 1, 0.9)
    assert found["times"].tolist() == [2]
    assert found[["low", "high"]].isna().all(axis=None)


def test_words_of_few_documents_give_shares_but_no_ranks(space):
    rows = (at(0, 10, 20, 80), at(0, 12, 21, 30), at(0, 9, 22, 30))
    found = stability.neighbours(space, drawn(*rows, least=9), ["sun", "sea"], 3, 0.9)
    rare = (found["word"] == "sea") | (found["neighbour"] == "sea")
    assert found["times"].tolist() == [3] * 6
    assert rare.tolist() == [False, False, True, True, True, True]
    assert (found[["low", "high"]].isna().all(axis=1) == rare).all()
    assert found.loc[~rare, ["low", "high"]].notna().all(axis=None)


def test_a_word_that_a_draw_lacks_is_not_near_however_few_words_there_are(space):
    draws = drawn(at(0, 10, 20, 80), at(0, 10, 20, None), at(0, 10, None, 20))
    found = stability.neighbours(space, draws, ["sun"], 10, 0.9).set_index("neighbour")
    assert found["times"].to_dict() == {"moon": 3, "star": 2, "sea": 2}


def test_stability_is_the_share_of_neighbours_that_draws_keep(space):
    draws = drawn(at(0, 10, 20, 80), at(0, 10, 45, 20), at(0, None, 20, 30), at(None, 0, 10, 20))
    found = stability.stability(space, draws, np.array([0, 3]), 2)
    # of moon and star, draws keep both, moon, star; the last lacks the word
    assert found[0] == pytest.approx((1 + 0.5 + 0.5) / 3)
    # of star and moon beside sea, both, moon, star, both
    assert found[1] == pytest.approx((1 + 0.5 + 0.5 + 1) / 4)


def test_which_of_two_words_is_nearer(space):
    ids = (0, 1, 3)
    steady = drawn(at(0, 10, 20, 80), at(0, 12, 20, 78), at(0, 8, 20, 83))
    found = stability.nearer(space, steady, ids, 0.9)
    assert (found.times, found.draws, found.verdict) == (3, 3, 0)
    assert found.low < found.difference < found.high
    assert found.difference == pytest.approx(np.cos(np.deg2rad(10)) - np.cos(np.deg2rad(80)))
    turned = stability.nearer(space, steady, (0, 3, 1), 0.9)
    assert (turned.times, turned.verdict) == (0, 1)
    open_ = drawn(at(0, 10, 20, 80), at(0, 80, 20, 10), at(0, 8, 20, 83), at(0, None, 20, 9))
    found = stability.nearer(space, open_, ids, 0.9)
    assert (found.times, found.draws, found.verdict) == (2, 3, None)
    for few in ({"documents": 9}, {"least": 9}):
        found = stability.nearer(space, drawn(*steady.rows, **few), ids, 0.9)
        assert (found.times, found.verdict) == (3, None)
