import numpy as np
import pytest

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.vectors import scores


def test_vectors_are_scored_on_the_packaged_sets():
    """Six words by hand: queen is king - man + woman, and near the pairs that people find near."""
    words = ("king", "man", "woman", "queen", "tiger", "cat")
    matrix = np.array(
        [[1, 1, 0, 0], [0, 1, 0.3, 0], [0, 1, 0.9, 0], [1, 1, 0.6, 0], [0, 0, 0, 1], [1, 0, 0, 1]],
        dtype=np.float32,
    )
    vocabulary = Vocabulary(words, np.array([6, 5, 4, 3, 2, 1]))
    score = scores.scorer()
    found = score(Vectors(vocabulary, matrix.copy(), {}))
    assert found["analogy"] == 1  # both ways round
    # judged: tiger-tiger 10, king-queen 8.58, man-woman 8.30, tiger-cat 7.35; cosines 1 .92 .90 .71
    assert found["wordsim353"] == pytest.approx(1)
    matrix[5] = matrix[4]  # tiger-cat: 1 as well; ranks 3.5, 2, 1, 3.5 beside 4, 3, 2, 1
    found = score(Vectors(vocabulary, matrix, {}))
    assert found["wordsim353"] == pytest.approx(0.5 / np.sqrt(4.5 * 5))
