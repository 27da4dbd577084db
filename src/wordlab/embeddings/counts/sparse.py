"""Sparse square matrices: made, kept, and worked on by blocks of rows in several threads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_array

from wordlab.artifacts import read_array, write_array


@njit(cache=True, nogil=True, fastmath={"contract"})
def multiply_rows(
    data: NDArray[np.floating[Any]],
    indices: NDArray[np.int32],
    indptr: NDArray[np.int32],
    dense: NDArray[np.floating[Any]],
    product: NDArray[np.floating[Any]],
    first: int,
    last: int,
) -> None:
    """Write rows `first` to `last` of (sparse matrix) @ dense into `product`, which it mutates."""
    width = dense.shape[1]
    for row in range(first, last):
        product[row, :] = 0
        for cell in range(indptr[row], indptr[row + 1]):
            weight = data[cell]
            column = indices[cell]
            for k in range(width):
                product[row, k] += weight * dense[column, k]


Item = TypeVar("Item")
Result = TypeVar("Result")


def square(
    data: NDArray[Any], indices: NDArray[np.int32], indptr: NDArray[np.integer[Any]]
) -> csr_array:
    """Return the sparse (V, V) matrix of these arrays, without copying the cells.

    SciPy wants one type for both index arrays, and keeps int32 where the cells can be so numbered.
    """
    size = len(indptr) - 1
    if len(indices) <= np.iinfo(np.int32).max:
        indptr = indptr.astype(np.int32)
    return csr_array((data, indices, indptr), shape=(size, size))


def save(folder: Path, matrix: csr_array) -> None:
    """Write `matrix` as data.npy, indices.npy and indptr.npy into `folder`."""
    for name in ("data", "indices", "indptr"):
        write_array(folder / f"{name}.npy", getattr(matrix, name))


def load(folder: Path) -> csr_array:
    """Open what `save` wrote; the cells are memory-mapped, not read."""
    data, indices = (
        np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        for name in ("data", "indices")
    )
    return square(data, indices, read_array(folder / "indptr.npy"))


def row_blocks(cells: NDArray[np.integer[Any]], most: int) -> Iterator[tuple[int, int]]:
    """Cut rows of so many `cells` into blocks of at most `most`, or of one row that has more."""
    ends = np.cumsum(cells, dtype=np.int64)
    first = 0
    while first < len(ends):
        before = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + most, "right")))
        yield first, last
        first = last


def in_order(
    pool: ThreadPoolExecutor,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    ahead: int,
) -> Iterator[Result]:
    """Yield function(item) for each of `items` in order, at most `ahead` of them under way."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def summary(matrix: csr_array) -> dict[str, float]:
    """Return the size of a square matrix in numbers: its words, cells and density."""
    words = matrix.shape[0]
    return {"words": words, "cells": int(matrix.nnz), "density": matrix.nnz / words**2}
