"""The text in shards for windows to pass over, and arrays that move to disk as they grow."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.sampling import keep_probabilities
from wordlab.corpus.vocabulary import UNKNOWN, Vocabulary
from wordlab.params.embeddings import CooccurrenceParams
from wordlab.rng import stream

BREAK = -1
"""Stands between documents, where no window reaches across."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch of the text, with what its windows reach on either side.

    tokens: int32, ids and BREAKs, a BREAK at either end of the text; widths: int32, the window of
    each, or empty where all windows are full; the centres are those from `first` to before `last`.
    """

    tokens: NDArray[np.int32] = field(repr=False)
    widths: NDArray[np.int32] = field(repr=False)
    first: int
    last: int


def pieces(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: CooccurrenceParams,
    seed: int,
    size: int,
) -> Iterator[Piece]:
    """Cut the text into pieces of `size` tokens, unknown words left out, frequent words thinned.

    Random numbers are drawn token by token in reading order, wherever the cuts are.
    """
    keep = keep_probabilities(vocabulary.counts, params.subsample, params.subsample_formula)
    subsampling = stream(seed, "cooccurrence", "subsample")
    windows = stream(seed, "cooccurrence", "window")
    tokens = np.full(1, BREAK, np.int32)
    widths = np.zeros(1 if params.dynamic_window else 0, np.int32)
    first = 1
    for start in range(0, len(corpus), size):
        stop = min(start + size, len(corpus))
        raw = corpus.tokens[start:stop]
        kept = raw != UNKNOWN
        if params.subsample:
            known = raw[kept]
            kept[kept] = subsampling.random(len(known)) < keep[known]
        breaks = _breaks(corpus.document_ends, start, stop, kept)
        tokens = np.concatenate([tokens, np.insert(raw[kept], breaks, BREAK)])
        if params.dynamic_window:
            drawn = windows.random(np.count_nonzero(kept)) * params.window
            widths = np.concatenate([widths, np.insert(drawn.astype(np.int32) + 1, breaks, 0)])
        last = len(tokens) if stop == len(corpus) else max(first, len(tokens) - params.window)
        yield Piece(tokens, widths, first, last)
        carried = max(0, last - params.window)
        tokens, widths, first = tokens[carried:], widths[carried:], last - carried


def _breaks(
    document_ends: NDArray[np.int64], start: int, stop: int, kept: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return how many of the kept tokens come before each document's end in start..stop."""
    inside = slice(*np.searchsorted(document_ends, (start, stop), "right"))
    before = np.zeros(len(kept) + 1, np.int64)
    np.cumsum(kept, out=before[1:])
    return before[document_ends[inside] - start]


Rows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]
"""Consecutive rows of a matrix: their ends, and the columns and units of their cells."""


class GrowingArray:
    """A one-dimensional array that is appended to, then read or finished.

    dtype: of its items; memory: the bytes it may hold before it moves to an unnamed file in
    `folder` (None: the system's folder for temporary files). Used in a `with` statement, at the
    end of which the file is closed, and gone when nothing is mapped to it any more.
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
        while self._parts:  # each part is given back as soon as it is copied
            part = self._parts.pop()
            whole[stop - len(part) : stop] = part
            stop -= len(part)
        return whole


class Runs:
    """The rows of a sparse matrix from each piece of a text, on disk, run after run.

    scratch: the folder of the files (None: the system's for temporary ones). Used in a `with`
    statement, at the end of which they are gone.
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
        """Append the rows of a piece, given in consecutive blocks."""
        starts = [np.array([len(self._columns)], np.int64)]
        for ends, columns, units in blocks:
            starts.append(ends + len(self._columns))
            self._columns.append(columns)
            self._units.append(units)
        self._starts.append(np.concatenate(starts))

    def cells(self) -> NDArray[np.int64]:
        """Return how many cells each row has in all runs together, int64 (V,)."""
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
