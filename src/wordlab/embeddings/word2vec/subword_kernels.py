"""Words as the means of shared rows: their own and those of their n-grams.

The mean of a word's rows takes the place of its input row in skip-gram (Bojanowski et al. 2017,
with fastText's mean for the paper's sum); the gradient of the mean goes to each row undivided, as
in fastText, so that the mean moves as far as an input row would.
"""

from typing import Any

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def rows_of(ngrams: Any, word: int) -> tuple[int, int]:
    """Return the bounds of the n-grams of `word` in ngrams.rows."""
    return (ngrams.ends[word - 1] if word > 0 else 0), ngrams.ends[word]


@njit(nogil=True, cache=True, error_model="numpy")
def gather_means(matrix: Any, words: int, ngrams: Any, ids: Any, means: Any) -> None:
    """Set means[k] to the mean of the rows of word ids[k]; a negative id gives zeros.

    matrix: float32 (words + B, P), the rows of words and those of n-grams behind them; means:
    float32 (n, P). Mutates means.
    """
    for k in range(len(ids)):
        means[k] = 0
        if ids[k] < 0:
            continue
        word = np.uint64(ids[k])
        first, last = rows_of(ngrams, ids[k])
        for d in range(means.shape[1]):
            means[k, d] = matrix[word, d]
        for at in range(first, last):
            row = np.uint64(words + ngrams.rows[at])
            for d in range(means.shape[1]):
                means[k, d] += matrix[row, d]
        share = np.float32(1) / np.float32(1 + last - first)
        for d in range(means.shape[1]):
            means[k, d] *= share


@njit(nogil=True, cache=True, fastmath={"contract"})
def apply_to_ngrams(
    matrix: Any, words: int, ngrams: Any, ids: Any, gradients: Any, rate: float
) -> None:
    """Add rate times gradients[k] to each row of the n-grams of word ids[k], one after another.

    The rows of the words themselves are left to `batches.apply_rows`. Mutates matrix.
    """
    step = np.float32(rate)
    for k in range(len(ids)):
        if ids[k] < 0:
            continue
        first, last = rows_of(ngrams, ids[k])
        for at in range(first, last):
            row = np.uint64(words + ngrams.rows[at])
            for d in range(gradients.shape[1]):
                matrix[row, d] += step * gradients[k, d]
