"""Pointwise mutual information of words and contexts, and the word vectors of its SVD.

Church & Hanks 1990; Levy & Goldberg 2014; Levy, Goldberg & Dagan 2015, section 3. Only observed
cells are stored: the PMI of a pair never seen is minus infinity, its PPMI 0.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.counts import sparse
from wordlab.embeddings.counts.cooccurrence import Counts
from wordlab.embeddings.counts.sparse import WordMatrix, multiply_rows
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.parallel import flow
from wordlab.params.embeddings import PpmiParams
from wordlab.progress import bar, thread_count
from wordlab.rng import stream

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


def ppmi(counts: Counts, params: PpmiParams, *, threads: int | None = None) -> PpmiModel:
    """Return the positive pointwise mutual information of words and contexts.

    PMI(w, c) = log(P(w, c) / (P(w) P_a(c))), natural logarithm, with smoothed context
    probabilities P_a(c) = #(c)^a / sum #(c')^a, a = `params.context_exponent` (Levy et al. 2015,
    section 3.2), less log k, k = `params.shift`; only what is above 0 is kept.
    """
    return PpmiModel(counts.vocabulary, _weigh(counts, params, threads or thread_count()))


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


def _weigh(counts: Counts, params: PpmiParams, threads: int) -> csr_array:
    """Return the shifted PMI of the observed pairs where it is above 0."""
    matrix = counts.matrix
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
            kept = np.flatnonzero(ratio > 1)
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


Matrix = NDArray[np.floating[Any]]

BLOCK = 32
"""Columns that each step adds to the space."""
STRIPE = 4096
"""Rows of a tall matrix that a thread takes at a time; sums over rows are added up by stripes."""


@dataclass(frozen=True)
class Svd:
    """A truncated SVD, A ~ left @ diag(values) @ right.T.

    left: (rows, rank); values: (rank,), falling; right: (columns, rank). In each column of `left`
    the entry of largest magnitude is positive.
    """

    left: Matrix = field(repr=False)
    values: Matrix
    right: Matrix = field(repr=False)


def truncated_svd(
    matrix: csr_array, rank: int, *, tolerance: float, seed: int, threads: int | None = None
) -> Svd:
    """Return the `rank` largest singular values of `matrix` and their vectors.

    matrix: float32 or float64 (rows, columns); the result has its dtype. tolerance: the largest
    ||A v - s u||, ||A'u - s v|| of a triplet, as a share of the largest singular value. Of a value
    that occurs more than BLOCK times, copies may be passed over for smaller values. The bytes do
    not depend on `threads`. Raises UserError if there are fewer rows or columns than `rank`.
    """
    if rank > min(matrix.shape):
        raise UserError(
            f"ppmi.dimensions: {rank} singular vectors of a matrix of {matrix.shape[0]} rows and "
            f"{matrix.shape[1]} columns; expected {min(matrix.shape)} or fewer"
        )
    # BLAS sums in an order that depends on its threads, so it gets one, and the stripes the others.
    with (
        ThreadPoolExecutor(threads or thread_count()) as pool,
        threadpool_limits(1, user_api="blas"),
        bar(0, "SVD", "vector") as progress,
    ):
        return _block_krylov(_Products(pool), matrix, rank, tolerance, seed, progress.update)


def _block_krylov(
    products: "_Products",
    matrix: csr_array,
    rank: int,
    tolerance: float,
    seed: int,
    done: Callable[[float], Any],
) -> Svd:
    """Enlarge the space by one block at a time until the wanted triplets are good enough.

    With the blocks so far as the columns of V, the squares of the singular values are eigenvalues
    of V'A'AV, whose columns come from each block's product with A'A. Where that adds nothing to
    the space, as where all values left are equal, the next block is drawn anew.
    """
    transposed = matrix.T.tocsr()
    columns = matrix.shape[1]
    random = stream(seed, "svd")
    basis, images = _Columns(columns, matrix.dtype), _Columns(matrix.shape[0], matrix.dtype)

    def drawn() -> Matrix:
        start = random.standard_normal((columns, min(BLOCK, columns - basis.filled.shape[1])))
        return products.orthonormal(start.astype(matrix.dtype), basis.filled)[0]

    block = drawn()
    gram = np.zeros((0, 0))
    while True:
        basis.append(block)
        image = products.sparse(matrix, block)
        images.append(image)
        done(block.shape[1])
        following = products.sparse(transposed, image)
        new = products.inner(basis.filled, following)
        gram = np.block([[gram, new[: len(gram)]], [new[: len(gram)].T, new[len(gram) :]]])
        following, beyond = products.orthonormal(following, basis.filled, new)
        spent = following.shape[1] == 0
        full = len(gram) >= (rank if spent else columns)
        if full or len(gram) >= rank + BLOCK:
            values, rotation = _ritz(gram, matrix.dtype)
            # A v = s u by construction; A'u - s v lies in the next block, and only the last image
            # has a part there.
            last = rotation[-block.shape[1] :, :rank] / _unless_0(values[:rank])
            residuals = np.linalg.norm(beyond @ last, axis=0)
            if full or residuals.max() <= tolerance * values[0]:
                break
        block = drawn() if spent else following
    values, rotation = values[:rank], rotation[:, :rank]
    left = products.dense(images.filled, rotation) / _unless_0(values)
    right = products.dense(basis.filled, rotation)
    return _signed(left, values, right, matrix.dtype)


def _ritz(gram: Matrix, dtype: np.dtype[Any]) -> tuple[Matrix, Matrix]:
    """Return the roots of the eigenvalues of `gram`, falling, and the eigenvectors.

    Values below the rounding of a matrix of squares count as 0.
    """
    squares, vectors = np.linalg.eigh((gram + gram.T) / 2)
    values = np.sqrt(np.maximum(squares[::-1], 0))
    values[values < 4 * np.sqrt(np.finfo(dtype).eps) * values[0]] = 0
    return values, vectors[:, ::-1]


def _unless_0(values: Matrix) -> Matrix:
    """Return what to divide by so that a value of 0 gives 0."""
    return np.where(values > 0, values, np.inf)


def _signed(left: Matrix, values: Matrix, right: Matrix, dtype: np.dtype[Any]) -> Svd:
    """Turn each pair of singular vectors so that the left one's largest entry is positive."""
    largest = left[np.argmax(np.abs(left), axis=0), np.arange(left.shape[1])]
    signs = np.where(largest < 0, -1, 1)
    return Svd(
        (left * signs).astype(dtype, copy=False),
        values.astype(dtype),
        (right * signs).astype(dtype, copy=False),
    )


class _Columns:
    """A tall matrix that grows by columns."""

    def __init__(self, rows: int, dtype: np.dtype[Any]) -> None:
        self._space = np.empty((rows, 0), dtype)
        self._size = 0

    @property
    def filled(self) -> Matrix:
        """The columns so far."""
        return self._space[:, : self._size]

    def append(self, block: Matrix) -> None:
        """Add the columns of `block`."""
        size = self._size + block.shape[1]
        if size > self._space.shape[1]:
            larger = np.empty((len(block), max(size, 3 * size // 2)), block.dtype)
            larger[:, : self._size] = self.filled
            self._space = larger
        self._space[:, self._size : size] = block
        self._size = size


class _Products:
    """Matrix products in fixed stripes of rows, divided among threads."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def _stripes(self, rows: int) -> list[slice]:
        return [slice(first, min(first + STRIPE, rows)) for first in range(0, rows, STRIPE)]

    def sparse(self, matrix: csr_array, dense: Matrix) -> Matrix:
        """Return matrix @ dense."""
        product = np.empty((matrix.shape[0], dense.shape[1]), dense.dtype)
        data, indices, indptr = matrix.data, matrix.indices, matrix.indptr

        def stripe(rows: slice) -> None:
            multiply_rows(data, indices, indptr, dense, product, rows.start, rows.stop)

        list(self._pool.map(stripe, self._stripes(len(product))))
        return product

    def inner(self, one: Matrix, other: Matrix) -> Matrix:
        """Return one.T @ other in float64, summed stripe by stripe."""
        parts = self._pool.map(lambda rows: one[rows].T @ other[rows], self._stripes(len(one)))
        total = np.zeros((one.shape[1], other.shape[1]))
        for part in parts:
            total += part
        return total

    def dense(self, tall: Matrix, weights: Matrix) -> Matrix:
        """Return tall @ weights, in the dtype of `tall`."""
        product = np.empty((len(tall), weights.shape[1]), tall.dtype)
        weights = weights.astype(tall.dtype)

        def stripe(rows: slice) -> None:
            np.matmul(tall[rows], weights, out=product[rows])

        list(self._pool.map(stripe, self._stripes(len(tall))))
        return product

    def orthonormal(
        self, block: Matrix, basis: Matrix, known: Matrix | None = None
    ) -> tuple[Matrix, Matrix]:
        """Return an orthonormal block Q of what `block` adds to the span of `basis`, and Q'block.

        Projected and normalised twice, as rounding asks; directions that add nothing but rounding
        are dropped (Stathopoulos & Wu 2002). known: basis.T @ block, if it is known already.
        """
        floor = 100 * float(np.finfo(block.dtype).eps)
        original = block
        for turn in range(2):
            lengths = np.diag(self.inner(block, block))
            shares = known if turn == 0 and known is not None else self.inner(basis, block)
            block = block - self.dense(basis, shares)
            values, vectors = np.linalg.eigh(self.inner(block, block))
            kept = values > floor**2 * lengths.max(initial=0)
            block = self.dense(block, vectors[:, kept] / np.sqrt(values[kept]))
        return block, self.inner(block, original)
