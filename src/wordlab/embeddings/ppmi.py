"""Pointwise mutual information of words and contexts, and the word vectors of its SVD.

Church & Hanks 1990; Levy & Goldberg 2014; Levy, Goldberg & Dagan 2015, section 3. Only observed
cells are held: the PMI of a pair never seen is minus infinity, its PPMI 0.
"""

import difflib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from wordlab.embeddings import sparse
from wordlab.embeddings.cooccurrence import Counts
from wordlab.embeddings.svd import truncated_svd
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.params.embeddings import PpmiParams
from wordlab.progress import thread_count
from wordlab.text.vocabulary import Vocabulary

CELLS = 1 << 20
"""Cells that one thread takes at a time."""


@dataclass(frozen=True, eq=False)
class PpmiModel:
    """Positive pointwise mutual information of words and contexts.

    vocabulary: V words; matrix: sparse float32 (V, V), row by word, column by context, entries
    above 0 only.
    """

    vocabulary: Vocabulary
    matrix: csr_array = field(repr=False)

    def associations(self, word: str, n: int) -> list[tuple[str, float]]:
        """Return the `n` contexts of highest PPMI with `word`, highest first, the commoner on ties.

        Raises UserError if the word is unknown, with the nearest spellings.
        """
        row = self.vocabulary.id(word)
        if row is None:
            near = difflib.get_close_matches(word, self.vocabulary.words, n=3)
            hint = f"; near it: {', '.join(near)}" if near else ""
            raise UserError(f"{word}: not in the vocabulary of {len(self.vocabulary)} words{hint}")
        cells = slice(self.matrix.indptr[row], self.matrix.indptr[row + 1])
        contexts, values = self.matrix.indices[cells], self.matrix.data[cells]
        best = np.argsort(-values, kind="stable")[:n]
        return [(self.vocabulary.words[contexts[i]], float(values[i])) for i in best]

    def save(self, folder: Path) -> None:
        """Write vocabulary.tsv and the matrix as data.npy, indices.npy, indptr.npy."""
        sparse.save(folder, self.matrix)
        self.vocabulary.save(folder / "vocabulary.tsv")

    @classmethod
    def load(cls, folder: Path) -> "PpmiModel":
        """Open what `save` wrote; the cells are memory-mapped, not read."""
        return cls(Vocabulary.load(folder / "vocabulary.tsv"), sparse.load(folder))


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
    words, contexts = _sums(matrix)
    smoothed = contexts**params.context_exponent
    # x / (words * share of the contexts * k) is the exponential of what is sought.
    by_word = params.shift * np.where(words > 0, words, 1)
    by_context = np.where(contexts > 0, smoothed / smoothed.sum(), 1)

    def block(rows: tuple[int, int]) -> tuple[NDArray[np.int64], ...]:
        starts = matrix.indptr[rows[0] : rows[1] + 1]
        cells = slice(starts[0], starts[-1])
        columns = matrix.indices[cells]
        ratio = matrix.data[cells] / np.repeat(by_word[rows[0] : rows[1]], np.diff(starts))
        ratio /= by_context[columns]
        kept = ratio > np.exp(floor)
        ends = np.concatenate([[0], np.cumsum(kept)])[starts[1:] - starts[0]]
        return ends, columns[kept], np.log(ratio[kept]).astype(np.float32)

    ends, columns, values = [np.zeros(1, np.int64)], [], []
    with ThreadPoolExecutor(threads) as pool:
        blocks = sparse.row_blocks(np.diff(matrix.indptr), CELLS)
        for block_ends, block_columns, block_values in sparse.in_order(
            pool, block, blocks, 2 * threads
        ):
            ends.append(block_ends + ends[-1][-1])
            columns.append(block_columns)
            values.append(block_values)
    return sparse.square(np.concatenate(values), np.concatenate(columns), np.concatenate(ends))


def _sums(matrix: csr_array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sums of the rows and of the columns, float64 (V,)."""
    rows, columns = np.zeros(matrix.shape[0]), np.zeros(matrix.shape[1])
    for first, last in sparse.row_blocks(np.diff(matrix.indptr), CELLS):
        starts = matrix.indptr[first : last + 1]
        cells = slice(starts[0], starts[-1])
        data = matrix.data[cells]
        owners = np.repeat(np.arange(last - first), np.diff(starts))
        rows[first:last] = np.bincount(owners, data, last - first)
        columns += np.bincount(matrix.indices[cells], data, matrix.shape[1])
    return rows, columns
