import numpy as np
import pytest

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError

COUNTS = {"b": 3, "a": 3, "the": 9, "once": 1}


def test_words_are_ordered_by_falling_count_then_alphabetically():
    vocabulary = Vocabulary.build(COUNTS)
    assert vocabulary.words == ("the", "a", "b", "once")
    assert vocabulary.counts.tolist() == [9, 3, 3, 1]
    assert [vocabulary.id(word) for word in ("the", "once", "gone")] == [0, 3, None]


def test_rare_words_and_those_beyond_the_size_are_left_out():
    assert Vocabulary.build(COUNTS, min_count=3).words == ("the", "a", "b")
    assert Vocabulary.build(COUNTS, min_count=3, max_size=2).words == ("the", "a")


def test_a_vocabulary_left_empty_is_refused_with_the_param_and_the_highest_count():
    with pytest.raises(
        UserError, match=r"vocabulary\.min_count: .*10 times.*the commonest 9 times"
    ):
        Vocabulary.build(COUNTS, min_count=10)


def test_the_specials_of_language_models_come_after_the_words_that_are_kept():
    vocabulary = Vocabulary.build({"a": 3, "b": 2, "c": 1})
    assert (vocabulary.unknown, vocabulary.end, vocabulary.classes) == (3, 4, 5)
    fewer = vocabulary.truncated(1)
    assert (fewer.unknown, fewer.end, fewer.classes) == (1, 2, 3)


def test_a_saved_vocabulary_comes_back(tmp_path):
    vocabulary = Vocabulary.build(COUNTS)
    vocabulary.save(tmp_path / "vocabulary.tsv")
    assert (tmp_path / "vocabulary.tsv").read_text() == "the\t9\na\t3\nb\t3\nonce\t1\n"
    loaded = Vocabulary.load(tmp_path / "vocabulary.tsv")
    assert loaded.words == vocabulary.words
    assert np.array_equal(loaded.counts, vocabulary.counts)


def test_an_unknown_word_is_refused_with_the_nearest_spellings():
    vocabulary = Vocabulary(("cherry", "apple"), np.array([2, 1]))
    assert vocabulary.known_id("apple") == 1
    with pytest.raises(UserError, match=r"^chery: not in the vocabulary of 2 words; near it: che"):
        vocabulary.known_id("chery")
    with pytest.raises(UserError, match="^xyz: not in the vocabulary of 2 words$"):
        vocabulary.known_id("xyz")
