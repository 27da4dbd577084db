"""Truncated singular value decomposition of a large sparse matrix, the same at any thread count.

Block Krylov iteration with full reorthogonalisation and Rayleigh-Ritz (Musco & Musco 2015,
"Randomized Block Krylov Methods", algorithm 2): the singular vectors are sought in the span of
X, (A'A)X, (A'A)^2 X, ... for a random block X, until the residuals are small enough.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from wordlab.embeddings.sparse_kernels import multiply_rows
from wordlab.errors import UserError
from wordlab.progress import bar, thread_count
from wordlab.rng import stream

Matrix = NDArray[np.floating[Any]]

STRIPE = 4096
"""Rows of a tall matrix that one thread takes at a time; sums over rows go stripe by stripe."""


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
    ||A v - s u||, ||A'u - s v|| of a triplet, as a share of the largest singular value. The bytes
    do not depend on `threads`. Raises UserError if there are fewer rows or columns than `rank`.
    """
    if rank > min(matrix.shape):
        raise UserError(
            f"ppmi.dimensions: {rank} singular vectors of a matrix of {matrix.shape[0]} rows and "
            f"{matrix.shape[1]} columns; expected {min(matrix.shape)} or fewer"
        )
    # BLAS sums in an order that its threads decide, so it gets one, and the stripes get the rest.
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
    """Enlarge the space by one block at a time until the wanted triplets are good enough."""
    transposed = matrix.T.tocsr()
    columns = matrix.shape[1]
    width = min(max(32, rank // 4), columns)
    start = stream(seed, "svd").standard_normal((columns, width)).astype(matrix.dtype)
    block = products.orthonormal(start, [])
    basis: list[Matrix] = []
    images: list[Matrix] = []
    while True:
        basis.append(block)
        images.append(products.sparse(matrix, block))
        size = sum(part.shape[1] for part in basis)
        done(block.shape[1])
        following = products.sparse(transposed, images[-1])
        block = products.orthonormal(following, basis)
        full = block.shape[1] == 0 or size >= columns
        if not full and size < rank + width:
            continue
        values, rotation = products.ritz(images)
        # A v = s u holds by construction; A'u - s v lies in the span of the next block, and only
        # the last image has a part there.
        residual = 0.0
        if not full:
            coupling = products.inner(block, following)
            last = rotation[-images[-1].shape[1] :, :rank] / np.maximum(values[:rank], 1e-30)
            residual = float(np.linalg.norm(coupling @ last, axis=0).max() / values[0])
        if full or residual <= tolerance:
            break
    missing = max(0, rank - len(values))
    values = np.pad(values[:rank], (0, missing))
    rotation = np.pad(rotation[:, :rank], ((0, 0), (0, missing)))
    # Values come as the roots of a Gram matrix's: what is below its rounding is no value at all.
    values[values < 4 * np.sqrt(np.finfo(matrix.dtype).eps) * values[0]] = 0
    left = products.combine(images, rotation) / np.where(values > 0, values, np.inf)
    right = products.combine(basis, rotation)
    return _signed(left, values, right, matrix.dtype)


def _signed(left: Matrix, values: Matrix, right: Matrix, dtype: np.dtype[Any]) -> Svd:
    """Turn each pair of singular vectors so that the left one's largest entry is positive."""
    largest = left[np.argmax(np.abs(left), axis=0), np.arange(left.shape[1])]
    signs = np.where(largest < 0, -1, 1)
    return Svd(
        (left * signs).astype(dtype, copy=False),
        values.astype(dtype),
        (right * signs).astype(dtype, copy=False),
    )


class _Products:
    """Matrix products in fixed stripes of rows, shared out among threads."""

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

    def combine(self, parts: list[Matrix], weights: Matrix) -> Matrix:
        """Return the columns of all `parts`, side by side, times `weights`."""
        dtype = parts[0].dtype
        product = np.zeros((len(parts[0]), weights.shape[1]), dtype)
        ends = np.cumsum([part.shape[1] for part in parts])
        split = np.split(weights.astype(dtype), ends[:-1])

        def stripe(rows: slice) -> None:
            for part, weight in zip(parts, split, strict=True):
                product[rows] += part[rows] @ weight

        list(self._pool.map(stripe, self._stripes(len(product))))
        return product

    def orthonormal(self, block: Matrix, basis: list[Matrix]) -> Matrix:
        """Return an orthonormal basis of what `block` adds to the span of `basis`.

        Projected and normalised twice, as rounding asks; directions that add nothing but rounding
        are dropped (Stathopoulos & Wu 2002).
        """
        floor = 100 * float(np.finfo(block.dtype).eps)
        for _ in range(2):
            scale = np.sqrt(np.diag(self.inner(block, block)).max(initial=0))
            for part in basis:
                block = block - self.combine([part], self.inner(part, block))
            values, vectors = np.linalg.eigh(self.inner(block, block))
            kept = values > (floor * scale) ** 2
            block = self.combine([block], vectors[:, kept] / np.sqrt(values[kept]))
            if not block.shape[1]:
                break
        return block

    def ritz(self, images: list[Matrix]) -> tuple[Matrix, Matrix]:
        """Return the singular values of the images, falling, and their right singular vectors."""
        rows = [np.hstack([self.inner(one, other) for other in images]) for one in images]
        gram = np.vstack(rows)
        values, vectors = np.linalg.eigh((gram + gram.T) / 2)
        order = np.argsort(-values, kind="stable")
        return np.sqrt(np.maximum(values[order], 0)), vectors[:, order]
