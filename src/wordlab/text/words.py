"""A piece of a text as numbers of words: of those it has, or of those of a vocabulary."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wordlab.text import word_kernels as kernels
from wordlab.text.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False)
class Encoded:
    """A piece of a text as ids.

    tokens: int32 (N,), UNKNOWN for words that are not in the vocabulary; sentence_ends and
    document_ends: int64, how many tokens of the piece come before each; unknown: how many tokens
    are. An empty line ends a document.
    """

    tokens: NDArray[np.int32] = field(repr=False)
    sentence_ends: NDArray[np.int64] = field(repr=False)
    document_ends: NDArray[np.int64] = field(repr=False)
    unknown: int


class Encoder:
    """Encodes pieces of a text, each a pure function of the piece and the vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._words, bounds = bytes_and_bounds(pa.array(vocabulary.words, pa.string()))
        self._hashes = kernels.hashed(self._words, bounds)
        self._starts, self._sizes = bounds[:-1], np.diff(bounds)
        capacity = 1 << (2 * len(vocabulary)).bit_length()
        self._slots = kernels.spread(self._hashes, len(vocabulary), capacity)

    def encode(self, piece: bytes) -> Encoded:
        """Return a text in lines, all of them whole, as ids."""
        work = _Work(piece)
        work.go_on(self._words, self._slots, self._hashes, self._starts, self._sizes, learn=False)
        return work.encoded()


def counted(piece: bytes) -> tuple[pa.StringArray, NDArray[np.int64]]:
    """Return the different words of a text in lines, as they are first seen, and their counts."""
    work = _Work(piece)
    room = len(piece) // 2 + 1
    hashes = np.empty(room, np.uint64)
    starts, sizes = np.empty(room, np.int64), np.empty(room, np.int64)
    capacity = 1 << 12
    while work.unread:
        capacity *= 4
        slots = kernels.spread(hashes, work.words, capacity)
        work.go_on(work.text, slots, hashes, starts, sizes, learn=True)
    words, bounds = kernels.gathered(work.text, starts[: work.words], sizes[: work.words])
    return _strings(words, bounds), np.bincount(work.encoded().tokens, minlength=work.words)


class _Work:
    """The kernel at work on a piece."""

    def __init__(self, piece: bytes) -> None:
        self.text = np.frombuffer(piece, np.uint8)
        room = len(piece) // 2 + 1
        self._tokens = np.empty(room, np.int32)
        self._sentence_ends = np.empty(room, np.int64)
        self._document_ends = np.empty(len(piece), np.int64)
        self._state = np.zeros(7, np.int64)

    @property
    def unread(self) -> int:
        """How many bytes are left."""
        return len(self.text) - int(self._state[kernels.AT])

    @property
    def words(self) -> int:
        """How many different words were learnt."""
        return int(self._state[kernels.WORDS])

    def go_on(self, known, slots, hashes, starts, sizes, *, learn: bool) -> None:  # type: ignore[no-untyped-def]
        """Read on, with a table as `word_kernels` explains it."""
        kernels.number(
            self.text, known, slots, hashes, starts, sizes, learn,
            self._tokens, self._sentence_ends, self._document_ends, self._state,
        )  # fmt: skip

    def encoded(self) -> Encoded:
        """Return what was found so far."""
        state = self._state
        return Encoded(
            self._tokens[: state[kernels.TOKENS]],
            self._sentence_ends[: state[kernels.SENTENCES]],
            self._document_ends[: state[kernels.DOCUMENTS]],
            int(state[kernels.UNKNOWN]),
        )


def _strings(words: NDArray[np.uint8], bounds: NDArray[np.int64]) -> pa.StringArray:
    """Return words that lie one after the other, between bounds, as an Arrow array."""
    offsets = pa.py_buffer(bounds.astype(np.int32))
    buffers = [None, offsets, pa.py_buffer(words)]
    return pa.Array.from_buffers(pa.string(), len(bounds) - 1, buffers)


def bytes_and_bounds(words: pa.StringArray) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the bytes of words one after the other, and the bounds between them (W + 1,)."""
    _, offsets, content = words.buffers()
    bounds = np.frombuffer(offsets or b"\0" * 4, np.int32)
    bounds = bounds[words.offset : words.offset + len(words) + 1]
    return np.frombuffer(content or b"", np.uint8), bounds.astype(np.int64)
