"""How often each word occurs: counted by pieces of a text, added up, beyond a size on disk.

`tally` is a pure function of a piece and `added` of tallies, in any order and grouping.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wordlab import parallel
from wordlab.corpus.corpus import Writer
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.text import counting_kernels as kernels


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


PIECE = 1 << 22
"""Bytes of text held at a time by a worker."""
MOST_WORDS = 1_000_000
"""Different words held at a time; beyond, counts go to disk and are added up there by shares."""
SHARES = 64
"""Into how many files they go, each with all counts of the words whose hash is its own."""


@dataclass(frozen=True, eq=False)
class Tally:
    """Words and their counts, in no order: a Table of word (string) and count (int64).

    different: how many words there were, those left out too.
    """

    table: pa.Table = field(repr=False)
    different: int

    def __len__(self) -> int:
        return self.table.num_rows

    def counts(self) -> dict[str, int]:
        """Return the counts as a mapping."""
        words, counts = (self.table[name].to_pylist() for name in ("word", "count"))
        return dict(zip(words, counts, strict=True))

    def at_least(self, min_count: int) -> "Tally":
        """Return those of the words that were counted `min_count` times."""
        kept = self.table.filter(pc.greater_equal(self.table["count"], min_count))
        return Tally(kept, self.different)


def _table(words: pa.StringArray, counts: pa.Int64Array) -> pa.Table:
    return pa.table([words, counts], ["word", "count"])


def tally(piece: bytes) -> Tally:
    """Return the counts of the words of a text in lines, all of them whole."""
    words, counts = counted(piece)
    return Tally(_table(words, pa.array(counts)), len(words))


def added(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of tallies."""
    tables = pa.concat_tables([tally.table for tally in tallies])
    summed = tables.group_by("word").aggregate([("count", "sum")])
    return Tally(_table(summed["word"], summed["count_sum"]).combine_chunks(), len(summed))


def count_words(path: Path, min_count: int) -> Tally:
    """Return how often each word of the split at `path` occurs.

    Of a text with more than `MOST_WORDS` different words, those seen fewer than `min_count` times
    are left out. The result does not depend on how many threads count.
    """
    tallies = parallel.in_order_of_threads(tally, pieces(path))
    with TemporaryDirectory() as scratch:
        spill = _Spill(Path(scratch))
        held: list[Tally] = [EMPTY]
        for one in tallies:
            held.append(one)
            if sum(map(len, held)) > 2 * MOST_WORDS:
                held = [added(held)]
                if len(held[0]) > MOST_WORDS:
                    spill.take(held[0])
                    held = [EMPTY]
        if spill.empty:
            return added(held)
        spill.take(added(held))
        parts = list(spill.sums(min_count))
    return Tally(
        pa.concat_tables([part.table for part in parts]).combine_chunks(),
        sum(part.different for part in parts),
    )


class _Spill:
    """Counts on disk, a word's all in one file, so that each file can be added up by itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = 0
        self.empty = True

    def take(self, counts: Tally) -> None:
        """Write the counts to the files of their words."""
        self.empty = False
        table = counts.table
        hashes = kernels.hashed(*bytes_and_bounds(table["word"].combine_chunks()))
        share = (hashes >> np.uint64(40)) % np.uint64(SHARES)
        for number in range(SHARES):
            own = table.take(np.flatnonzero(share == number))
            path = self._folder / f"{number}-{self._runs}.arrow"
            with pa.ipc.new_file(str(path), own.schema) as file:
                file.write_table(own)
        self._runs += 1

    def sums(self, min_count: int) -> Iterator[Tally]:
        """Yield the sums of each file, of words counted `min_count` times or more."""
        for number in range(SHARES):
            runs = [self._read(number, run) for run in range(self._runs)]
            yield added(runs).at_least(min_count)

    def _read(self, number: int, run: int) -> Tally:
        with pa.OSFile(str(self._folder / f"{number}-{run}.arrow")) as file:
            table = pa.ipc.open_file(file).read_all()
        return Tally(table, len(table))


def pieces(path: Path) -> Iterator[bytes]:
    """Yield the text at `path` in pieces of whole lines."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            piece += file.readline()
            yield piece if piece.endswith(b"\n") else piece + b"\n"


EMPTY = Tally(_table(pa.array([], pa.string()), pa.array([], pa.int64())), 0)


def encode(path: Path, vocabulary: Vocabulary, folder: Path) -> dict[str, float]:
    """Write the split at `path` as an EncodedCorpus of `vocabulary` into `folder`.

    Returns how many documents, sentences and tokens it has and the share of them that is unknown.
    The files do not depend on how many threads encode.
    """
    encoder, unknown = Encoder(vocabulary), 0
    with Writer(folder) as writer:
        for piece in parallel.in_order_of_threads(encoder.encode, pieces(path)):
            writer.add(piece.tokens, piece.sentence_ends, piece.document_ends)
            unknown += piece.unknown
    sizes = writer.sizes
    return {
        "documents": sizes["document_ends"],
        "sentences": sizes["sentence_ends"],
        "tokens": sizes["tokens"],
        "unknown_share": unknown / max(1, sizes["tokens"]),
    }
