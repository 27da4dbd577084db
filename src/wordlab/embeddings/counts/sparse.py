"""Sparse square matrices: their files, their blocks of rows, and rows on disk while they grow."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numba import njit
from numpy.typing import DTypeLike, NDArray
from scipy.sparse import csr_array

from wordlab.artifacts import check_range, check_rising, damaged, read_array, write_array
from wordlab.corpus.vocabulary import Vocabulary


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


def square(
    data: NDArray[Any], indices: NDArray[np.int32], indptr: NDArray[np.integer[Any]]
) -> csr_array:
    """Return the sparse (V, V) matrix of these arrays, without copying the cells.

    SciPy wants one type for both index arrays, and keeps int32 where that can number the cells.
    """
    size = len(indptr) - 1
    if len(indices) <= np.iinfo(np.int32).max:
        indptr = indptr.astype(np.int32)
    return csr_array((data, indices, indptr), shape=(size, size))


@dataclass(frozen=True, eq=False)
class WordMatrix:
    """A sparse matrix of words.

    vocabulary: V words, of rows and columns alike; matrix: (V, V), with int32 indices in rising
    order within a row.
    """

    vocabulary: Vocabulary
    matrix: csr_array = field(repr=False)

    def save(self, folder: Path) -> None:
        """Write vocabulary.tsv and the matrix as data.npy, indices.npy, indptr.npy."""
        for name in ("data", "indices", "indptr"):
            write_array(folder / f"{name}.npy", getattr(self.matrix, name))
        self.vocabulary.save(folder / "vocabulary.tsv")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote; the cells are memory-mapped, not kept.

        Raises UserError where the arrays do not fit one another and the vocabulary, or a value is
        below 0 or not finite.
        """
        vocabulary = Vocabulary.load(folder / "vocabulary.tsv")
        data_path, indices_path, ends_path = (
            folder / f"{name}.npy" for name in ("data", "indices", "indptr")
        )
        data = read_array(data_path, np.float32, np.float64, mapped=True)
        indices = read_array(indices_path, np.int32, mapped=True)
        ends = read_array(ends_path, np.int32, np.int64)
        if len(ends) != len(vocabulary) + 1 or len(data) != len(indices) or ends[0] != 0:
            raise damaged(
                folder,
                f"{len(vocabulary)} words, {len(ends)} ends of rows from {ends[:1]}, "
                f"{len(indices)} columns, {len(data)} values",
            )
        check_rising(ends_path, ends, len(indices), strict=False)
        check_range(indices_path, indices, 0, len(vocabulary))
        check_range(data_path, data, 0, np.inf)
        return cls(vocabulary, square(data, indices, ends))


def row_blocks(cells: NDArray[np.integer[Any]], most: int) -> Iterator[tuple[int, int]]:
    """Yield the bounds of blocks of rows with at most `most` cells, or of one row that has more.

    cells: the number of each row.
    """
    ends = np.cumsum(cells, dtype=np.int64)
    first = 0
    while first < len(ends):
        before = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + most, "right")))
        yield first, last
        first = last


def summary(matrix: csr_array) -> dict[str, float]:
    """Return the words, cells and density of a square matrix."""
    words = matrix.shape[0]
    return {"words": words, "cells": int(matrix.nnz), "density": matrix.nnz / words**2}


Rows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]
"""Consecutive rows: where each ends among their cells, and the columns and units of the cells."""


class GrowingArray:
    """A one-dimensional array that is appended to, then read or finished.

    dtype: of its items; memory: the bytes it may hold before it moves to an unnamed file in
    `folder` (None: the system's folder for temporary files). The file is closed at the end of the
    `with` block, and gone when nothing is mapped to it any more.
    """

    def __init__(self, dtype: DTypeLike, memory: int, folder: Path | None = None) -> None:
        self._dtype: np.dtype[Any] = np.dtype(dtype)
        self._memory = memory
        self._folder = folder
        self._parts: list[NDArray[Any]] = []
        self._file: IO[bytes] | None = None
        self._length = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        return self._length

    def append(self, items: NDArray[Any]) -> None:
        """Add `items` (1-d, of this array's dtype) at the end."""
        if items.dtype != self._dtype:
            raise TypeError(f"expected {self._dtype}, got {items.dtype}")
        self._length += len(items)
        if self._file is None and self._length * self._dtype.itemsize > self._memory:
            self._file = tempfile.TemporaryFile(prefix="wordlab-", dir=self._folder)  # noqa: SIM115
            for part in self._parts:
                part.tofile(self._file)
            self._parts.clear()
        if self._file is None:
            self._parts.append(items)
        else:
            items.tofile(self._file)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return a copy of the items from `start` to `stop`; nothing may be appended after it."""
        if self._file is None:
            return np.concatenate([np.empty(0, self._dtype), *self._parts])[start:stop]
        self._file.seek(start * self._dtype.itemsize)
        return np.fromfile(self._file, self._dtype, stop - start)

    def finish(self) -> NDArray[Any]:
        """Return all items as one array, memory-mapped if they are on disk; nothing can follow."""
        if self._file is not None:
            self._file.flush()
            return np.memmap(self._file, self._dtype, mode="r+", shape=(self._length,))
        whole = np.empty(self._length, self._dtype)
        stop = self._length
        while self._parts:  # each part is freed as soon as it is copied
            part = self._parts.pop()
            whole[stop - len(part) : stop] = part
            stop -= len(part)
        return whole


class Runs:
    """The rows of a sparse matrix from each shard of a text, on disk, run after run.

    scratch: the folder of the files (None: the system's for temporary ones), which are gone at the
    end of the `with` block.
    """

    def __init__(self, scratch: Path | None) -> None:
        self._files = ExitStack()
        self._columns = self._files.enter_context(GrowingArray(np.int32, 0, scratch))
        self._units = self._files.enter_context(GrowingArray(np.int64, 0, scratch))
        self._starts: list[NDArray[np.int64]] = []
        """Of each run: where each row begins among all cells, (V + 1,)."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._files.close()

    def add(self, blocks: Iterable[Rows]) -> None:
        """Append the rows of a shard, given in consecutive blocks."""
        starts = [np.array([len(self._columns)], np.int64)]
        for ends, columns, units in blocks:
            starts.append(ends + len(self._columns))
            self._columns.append(columns)
            self._units.append(units)
        self._starts.append(np.concatenate(starts))

    def cells(self) -> NDArray[np.int64]:
        """Return the number of cells of each row in all runs together, int64 (V,)."""
        return np.sum([np.diff(starts) for starts in self._starts], axis=0)

    def read(self, first: int, last: int) -> Rows:
        """Read rows `first` to `last` of all runs: starts (runs, rows + 1), columns and units."""
        starts, columns, units = [], [], []
        before = 0
        for run in self._starts:
            own = run[first : last + 1]
            bounds = int(own[0]), int(own[-1])
            starts.append(own - bounds[0] + before)
            columns.append(self._columns.read(*bounds))
            units.append(self._units.read(*bounds))
            before += bounds[1] - bounds[0]
        return np.stack(starts), np.concatenate(columns), np.concatenate(units)
