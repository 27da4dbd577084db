"""Which words a study shows: those named and known, or words that the text is about."""

import numpy as np
import pytest

from wordlab.corpus.vocabulary import Vocabulary, content_words, study_words

COUNTS = {
    "de": 300, "la": 200, "que": 120, "entonces": 100, "1492": 60, "guitarra": 50, "mar": 45,
    "castillo": 40, "«»": 35, "pescador": 30, "sol": 20,
}  # fmt: skip


@pytest.fixture
def vocabulary():
    return Vocabulary(tuple(COUNTS), np.array(list(COUNTS.values()), dtype=np.int64))


def test_the_commonest_the_shortest_and_what_is_no_word_are_not_chosen(vocabulary):
    # 600 of 1,000 tokens are the first three words, the mean token has 3.4 letters
    assert content_words(vocabulary, 4) == ("entonces", "guitarra", "castillo", "pescador")


def test_where_too_few_are_left_shorter_words_follow_then_commoner_ones(vocabulary):
    assert content_words(vocabulary, 8)[4:] == ("mar", "sol", "de", "la")
    assert set(content_words(vocabulary, 100)) == set(COUNTS)


def test_the_known_ones_of_those_named_are_taken(vocabulary):
    assert study_words(("war", "mar", "sea", "sol"), vocabulary, 6) == ("mar", "sol")


def test_a_word_of_another_language_that_is_known_by_chance_is_not_taken(vocabulary):
    """As English `war` in German, where it is a grammatical word."""
    assert study_words(("war", "de", "sea", "king"), vocabulary, 6) == (
        "entonces", "guitarra", "castillo", "pescador",
    )  # fmt: skip


def test_a_capital_is_no_reason_to_leave_a_word_out(vocabulary):
    assert study_words(("Mar", "SOL"), vocabulary, 6) == ("mar", "sol")
    assert study_words(("La guitarra de",), vocabulary, 3, prompts=True) == ("la guitarra de",)
    assert Vocabulary(("Sol", "sol"), np.array([1, 1])).spelling("Sol") == "Sol"


def test_where_none_is_known_as_many_are_chosen(vocabulary):
    assert study_words(("war", "sea"), vocabulary, 6) == ("entonces", "guitarra")


def test_where_none_is_named_they_are_chosen(vocabulary):
    assert study_words(None, vocabulary, 3) == ("entonces", "guitarra", "castillo")


def test_a_prompt_is_known_where_all_its_words_are(vocabulary):
    prompts = ("la guitarra de", "la guerra", "")
    assert study_words(prompts, vocabulary, 3, prompts=True) == ("la guitarra de", "")
    assert study_words(prompts[:1], vocabulary, 3) == ("entonces",)
