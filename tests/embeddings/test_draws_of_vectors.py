"""Draws as files: written draw by draw, opened without being read."""

import numpy as np
import pytest

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import draws
from wordlab.embeddings.draws import Draws
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError


@pytest.fixture
def vocabulary():
    return Vocabulary(("a", "b", "c"), np.array([5, 4, 3]))


def test_rows_have_length_1_and_words_that_a_draw_lacks_have_none(vocabulary, tmp_path):
    drawn = Vocabulary(vocabulary.words, np.array([6, 0, 2]))
    matrix = np.array([[3, 4], [1, 1], [0, 2]], np.float32)
    rows = draws.unit_rows(Vectors(drawn, matrix))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0], [0, 1]], atol=1e-3)
    draws.save(
        tmp_path, vocabulary, [rows, rows[::-1]], (2, 2), np.array([4, 3, 2]), {"documents": 12}
    )
    opened = Draws.load(tmp_path)
    assert isinstance(opened.rows, np.memmap)
    assert (len(opened), opened.documents) == (2, 12)
    assert opened.document_counts.tolist() == [4, 3, 2]
    np.testing.assert_array_equal(opened.unit(1), rows[::-1].astype(np.float32))
    own = opened.vectors(0)
    assert own.vocabulary.words == ("a", "c")
    assert own.vocabulary.counts.tolist() == [5, 3]
    np.testing.assert_array_equal(own.matrix, rows[[0, 2]])


def test_a_folder_without_draws_and_one_of_other_words_are_refused(vocabulary, tmp_path):
    with pytest.raises(UserError, match="no draws here"):
        Draws.load(tmp_path)
    draws.save(
        tmp_path,
        vocabulary,
        [np.zeros((3, 2), np.float16)],
        (1, 2),
        np.ones(3, int),
        {"documents": 12},
    )
    vocabulary.truncated(2).save(tmp_path / "vocabulary.tsv")
    with pytest.raises(UserError, match="2 words but rows of"):
        Draws.load(tmp_path)
