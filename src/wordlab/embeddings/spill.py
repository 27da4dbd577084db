"""Arrays that grow piece by piece, and move to disk when they outgrow their share of memory."""

import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray


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
