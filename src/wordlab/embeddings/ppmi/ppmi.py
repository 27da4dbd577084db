"""Pointwise mutual information of words and contexts, and the word vectors of its SVD.

Church & Hanks 1990; Levy & Goldberg 2014; Levy, Goldberg & Dagan 2015, section 3. Only observed
cells are stored: the PMI of a pair never seen is minus infinity, its PPMI 0.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.counts import sparse
from wordlab.embeddings.counts.cooccurrence import Counts
from wordlab.embeddings.counts.sparse import WordMatrix
from wordlab.embeddings.ppmi.svd import truncated_svd
from wordlab.embeddings.vectors import Vectors
from wordlab.parallel import flow
from wordlab.params.embeddings import PpmiParams
from wordlab.progress import thread_count

CELLS = 1 << 20
"""Cells that one thread takes at a time."""


class PpmiModel(WordMatrix):
    """Positive pointwise mutual information, float32, only entries above 0: words by contexts."""

    def associations(self, word: str, n: int) -> list[tuple[str, float]]:
        """Return the `n` contexts of highest PPMI with `word`, highest first, the commoner on ties.

        Raises UserError if the word is unknown, with the nearest spellings.
        """
        row = self.vocabulary.known_id(word)
        cells = slice(self.matrix.indptr[row], self.matrix.indptr[row + 1])
        contexts, values = self.matrix.indices[cells], self.matrix.data[cells]
        best = np.argsort(-values, kind="stable")[:n]
        return [(self.vocabulary.words[contexts[i]], float(values[i])) for i in best]


def pmi(counts: Counts, params: PpmiParams, *, threads: int | None = None) -> csr_array:
    """Return the pointwise mutual information of every observed pair, sparse float32 (V, V).

    PMI(w, c) = log(P(w, c) / (P(w) P_a(c))), natural logarithm, with smoothed context
    probabilities P_a(c) = #(c)^a / sum #(c')^a, a = `params.context_exponent` (Levy et al. 2015,
    section 3.2), less log k, k = `params.shift`.
    """
    return _weigh(counts, params, -np.inf, threads or thread_count())


def ppmi(counts: Counts, params: PpmiParams, *, threads: int | None = None) -> PpmiModel:
    """Return the positive entries of `pmi`: (shifted) positive pointwise mutual information."""
    return PpmiModel(counts.vocabulary, _weigh(counts, params, 0, threads or thread_count()))


def factorise(
    matrix: csr_array,
    vocabulary: Vocabulary,
    params: PpmiParams,
    *,
    seed: int,
    threads: int | None = None,
) -> Vectors:
    """Return the word vectors U S^p of the truncated SVD of a PPMI matrix, or U S^p + V S^p.

    p = `params.eigenvalue_exponent` (Levy et al. 2015, section 3.3); the sum with the context
    vectors where `params.add_contexts`. Raises UserError if there are fewer words than dimensions.
    """
    svd = truncated_svd(
        matrix, params.dimensions, tolerance=params.tolerance, seed=seed, threads=threads
    )
    rows = svd.left + svd.right if params.add_contexts else svd.left
    scale = svd.values**params.eigenvalue_exponent
    vectors = (rows * scale).astype(np.float32, copy=False)
    return Vectors(vocabulary, vectors, {"model": "ppmi", "params": params.model_dump()})


def _weigh(counts: Counts, params: PpmiParams, floor: float, threads: int) -> csr_array:
    """Return the shifted PMI of the observed pairs where it is above `floor`."""
    matrix = counts.matrix
    least = np.exp(floor)
    ends, columns, values = [np.zeros(1, np.int64)], [], []
    with ThreadPoolExecutor(threads) as pool:
        words, contexts = _sums(matrix, pool, 2 * threads)
        smoothed = contexts**params.context_exponent
        # x times these two is the exponential of the shifted PMI
        by_word = 1 / (params.shift * np.where(words > 0, words, 1))
        by_context = np.where(contexts > 0, smoothed.sum() / np.where(contexts > 0, smoothed, 1), 0)

        def weigh(rows: tuple[int, int]) -> tuple[NDArray[Any], ...]:
            starts, indices, data = _block(matrix, *rows)
            ratio = np.repeat(by_word[slice(*rows)], np.diff(starts))
            ratio *= by_context.take(indices)
            ratio *= data
            kept = np.flatnonzero(ratio > least)
            logs = np.log(ratio.take(kept)).astype(np.float32)
            return np.searchsorted(kept, starts[1:]), indices.take(kept), logs

        blocks = sparse.row_blocks(np.diff(matrix.indptr), CELLS)
        for block_ends, block_columns, block_values in flow(
            lambda rows: pool.submit(weigh, rows), blocks, lambda: 2 * threads
        ):
            ends.append(block_ends + ends[-1][-1])
            columns.append(block_columns)
            values.append(block_values)
    return sparse.square(np.concatenate(values), np.concatenate(columns), np.concatenate(ends))


def _block(matrix: csr_array, first: int, last: int) -> tuple[NDArray[np.integer[Any]], ...]:
    """Return where rows `first` to `last` start among their cells, the columns and the values."""
    starts = matrix.indptr[first : last + 1]
    cells = slice(starts[0], starts[-1])
    return starts - starts[0], matrix.indices[cells], matrix.data[cells]


def _sums(
    matrix: csr_array, pool: ThreadPoolExecutor, ahead: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sums of the rows and of the columns, float64 (V,)."""

    def add_up(rows: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
        starts, indices, data = _block(matrix, *rows)
        owners = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        weights = data.astype(np.float64)
        return np.bincount(owners, weights, len(starts) - 1), np.bincount(
            indices, weights, matrix.shape[1]
        )

    blocks = sparse.row_blocks(np.diff(matrix.indptr), CELLS)
    row_sums, column_sums = [], np.zeros(matrix.shape[1])
    for of_rows, of_columns in flow(lambda rows: pool.submit(add_up, rows), blocks, lambda: ahead):
        row_sums.append(of_rows)
        column_sums += of_columns
    return np.concatenate(row_sums), column_sums
