"""How often each word occurs, and a text as ids: a hash table over its bytes, compiled by numba.

Words are counted by shards of a text and added up, beyond a size on disk: `tally` is a pure
function of a shard and `added` of tallies, in any order and grouping.

Words are separated by spaces and line ends. Word w of a table is known[starts[w] : starts[w] +
sizes[w]], with its hash in hashes[w]; slots, int32 (a power of two,), hold the numbers of words,
or NONE: open addressing, a word is in the slot of its hash or in the next free one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from wordlab import parallel
from wordlab.artifacts import reading
from wordlab.corpus.corpus import Writer
from wordlab.corpus.vocabulary import Vocabulary

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Slots = NDArray[np.int32]

SHARD = 1 << 22
"""Bytes of text that a worker holds at a time."""
MOST_WORDS = 1_000_000
"""Different words held at a time; beyond, counts go to disk and are added up there."""
FILES = 64
"""The files they go to, each with all counts of the words whose hashes it has."""

SPACE, LINE = 32, 10
NONE = -1
BASIS, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
"""Of the hash FNV-1a (Fowler, Noll and Vo; RFC 9923)."""
ONE, FOLD = np.uint64(1), np.uint64(29)
AT, WORDS, TOKENS, SENTENCES, DOCUMENTS, LINE_BEGIN, UNKNOWN = range(7)
"""Places in the state of `number`: the byte to read next, how many words are known and how many
tokens, sentences and documents were found, the tokens before this line, and the unknown ones."""


@njit(nogil=True, cache=True)
def number(
    text: Bytes, known: Bytes, slots: Slots, hashes: Hashes, starts: Longs, sizes: Longs,
    learn: bool, tokens: Slots, sentence_ends: Longs, document_ends: Longs, state: Longs,
) -> None:  # fmt: skip
    """Write the number of each word of a text that ends with a line end.

    text: uint8 (N,). learn: a new word gets the next number, `known` is the text itself, and the
    work ends early when half of the slots are taken; otherwise new words get NONE. Mutates tokens:
    int32, the numbers; sentence_ends: int64, the tokens before the end of each line with words;
    document_ends: int64, the tokens before each empty line; state: int64 (7,); and, to learn, the
    table. tokens and sentence_ends have room for N / 2, document_ends for N.
    """
    at, words, found, sentences, documents, line_begin, unknown = state
    mask = np.uint64(len(slots) - 1)
    most = len(slots) // 2
    start, word_hash = at, BASIS
    while at < len(text):
        byte = text[at]
        at += 1
        if byte != SPACE and byte != LINE:
            word_hash = (word_hash ^ np.uint64(byte)) * PRIME
            continue
        size = at - 1 - start
        if size:
            # look the word up, here: numba is slow to pass arrays on, even where it inlines a call
            slot = (word_hash ^ word_hash >> FOLD) & mask
            while slots[slot] != NONE:
                word = slots[slot]
                if hashes[word] == word_hash and sizes[word] == size:
                    # unsigned, as numba tests whether a signed index counts from the end
                    here, there, left = np.uint64(start), np.uint64(starts[word]), np.uint64(size)
                    while left and known[there] == text[here]:
                        here, there, left = here + ONE, there + ONE, left - ONE
                    if not left:
                        break
                slot = (slot + ONE) & mask
            if slots[slot] == NONE:
                if learn:
                    slots[slot] = words
                    hashes[words], starts[words], sizes[words] = word_hash, start, size
                    words += 1
                else:
                    unknown += 1
            tokens[found] = slots[slot]
            found += 1
        if byte == LINE:
            if found > line_begin:
                sentence_ends[sentences] = found
                sentences += 1
            else:
                document_ends[documents] = found
                documents += 1
            line_begin = found
        start, word_hash = at, BASIS
        if learn and words >= most:
            break
    state[:] = at, words, found, sentences, documents, line_begin, unknown


@njit(nogil=True, cache=True)
def spread(hashes: Hashes, count: int, capacity: int) -> Slots:
    """Return a table of `capacity` slots with the first `count` words, all of them different."""
    slots = np.full(capacity, np.int32(NONE), np.int32)
    mask = np.uint64(capacity - 1)
    for word in range(count):
        slot = (hashes[word] ^ hashes[word] >> FOLD) & mask
        while slots[slot] != NONE:
            slot = (slot + ONE) & mask
        slots[slot] = word
    return slots


@njit(nogil=True, cache=True)
def hashed(words: Bytes, bounds: Longs) -> Hashes:
    """Return the hash of each word, words[bounds[w]:bounds[w + 1]], uint64 (W,)."""
    hashes = np.empty(len(bounds) - 1, np.uint64)
    for word in range(len(hashes)):
        word_hash = BASIS
        for at in range(bounds[word], bounds[word + 1]):
            word_hash = (word_hash ^ np.uint64(words[at])) * PRIME
        hashes[word] = word_hash
    return hashes


@njit(nogil=True, cache=True)
def gathered(text: Bytes, starts: Longs, sizes: Longs) -> tuple[Bytes, Longs]:
    """Return words of a text one after the other, and the bounds between them, int64 (W + 1,)."""
    bounds = np.zeros(len(starts) + 1, np.int64)
    bounds[1:] = np.cumsum(sizes)
    found = np.empty(bounds[-1], np.uint8)
    for word in range(len(starts)):
        for place in range(sizes[word]):
            found[bounds[word] + place] = text[starts[word] + place]
    return found, bounds


@dataclass(frozen=True, eq=False)
class Encoded:
    """A shard of a text as ids.

    tokens: int32 (N,), UNKNOWN for words that are not in the vocabulary; sentence_ends and
    document_ends: int64, the number of the shard's tokens before each; unknown: the number of
    unknown tokens. An empty line ends a document.
    """

    tokens: Slots = field(repr=False)
    sentence_ends: Longs = field(repr=False)
    document_ends: Longs = field(repr=False)
    unknown: int


class Encoder:
    """Encodes shards of a text, each a pure function of the shard and the vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._words, bounds = bytes_and_bounds(pa.array(vocabulary.words, pa.string()))
        self._hashes = hashed(self._words, bounds)
        self._starts, self._sizes = bounds[:-1], np.diff(bounds)
        capacity = 1 << (2 * len(vocabulary)).bit_length()
        self._slots = spread(self._hashes, len(vocabulary), capacity)

    def encode(self, shard: bytes) -> Encoded:
        """Return whole lines of a text as ids."""
        reading = _Reading(shard)
        table = self._words, self._slots, self._hashes, self._starts, self._sizes
        reading.read(*table, learn=False)
        return reading.encoded()


def counted(shard: bytes) -> tuple[pa.StringArray, Longs]:
    """Return the different words of whole lines of a text, as they are first seen, and counts."""
    reading = _Reading(shard)
    room = len(shard) // 2 + 1
    hashes = np.empty(room, np.uint64)
    starts, sizes = np.empty(room, np.int64), np.empty(room, np.int64)
    capacity = 1 << 12
    while reading.state[AT] < len(shard):
        capacity *= 4
        slots = spread(hashes, int(reading.state[WORDS]), capacity)
        reading.read(reading.text, slots, hashes, starts, sizes, learn=True)
    size = int(reading.state[WORDS])
    words, bounds = gathered(reading.text, starts[:size], sizes[:size])
    buffers = [None, pa.py_buffer(bounds.astype(np.int32)), pa.py_buffer(words)]
    strings = pa.Array.from_buffers(pa.string(), size, buffers)
    return strings, np.bincount(reading.encoded().tokens, minlength=size)


class _Reading:
    """A shard, and what `number` has found in it so far."""

    def __init__(self, shard: bytes) -> None:
        self.text = np.frombuffer(shard, np.uint8)
        self.state = np.zeros(7, np.int64)
        room = len(shard) // 2 + 1
        self._tokens = np.empty(room, np.int32)
        self._sentence_ends = np.empty(room, np.int64)
        self._document_ends = np.empty(len(shard), np.int64)

    def read(self, known: Bytes, slots: Slots, *words: Any, learn: bool) -> None:
        """Read on, with a table: its bytes, slots, hashes, starts and sizes."""
        found = self._tokens, self._sentence_ends, self._document_ends
        number(self.text, known, slots, *words, learn, *found, self.state)

    def encoded(self) -> Encoded:
        """Return what was found so far."""
        return Encoded(
            self._tokens[: self.state[TOKENS]],
            self._sentence_ends[: self.state[SENTENCES]],
            self._document_ends[: self.state[DOCUMENTS]],
            int(self.state[UNKNOWN]),
        )


def bytes_and_bounds(words: pa.StringArray) -> tuple[Bytes, Longs]:
    """Return the bytes of words one after the other, and the bounds between them (W + 1,)."""
    _, offsets, content = words.buffers()
    bounds = np.frombuffer(offsets or b"\0" * 4, np.int32)
    bounds = bounds[words.offset : words.offset + len(words) + 1]
    return np.frombuffer(content or b"", np.uint8), bounds.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Tally:
    """Words and their counts, in no order: a Table of word (string) and count (int64).

    different: the number of words, those left out included.
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


def _tally(words: pa.StringArray, counts: pa.Int64Array) -> Tally:
    return Tally(pa.table([words, counts], ["word", "count"]).combine_chunks(), len(words))


def tally(shard: bytes) -> Tally:
    """Return the counts of the words of whole lines of a text."""
    words, counts = counted(shard)
    return _tally(words, pa.array(counts))


def added(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of tallies."""
    tables = pa.concat_tables([tally.table for tally in tallies])
    summed = tables.group_by("word").aggregate([("count", "sum")])
    return _tally(summed["word"], summed["count_sum"])


EMPTY = _tally(pa.array([], pa.string()), pa.array([], pa.int64()))


def count_words(path: Path, min_count: int) -> Tally:
    """Return how often each word of the split at `path` occurs.

    If it has more than `MOST_WORDS` different words, those seen fewer than `min_count` times are
    left out. The result does not depend on the number of threads.
    """
    with TemporaryDirectory() as scratch:
        disk = _OnDisk(Path(scratch))
        held: list[Tally] = [EMPTY]
        for one in parallel.in_order_of_threads(tally, shards(path)):
            held.append(one)
            if sum(map(len, held)) > 2 * MOST_WORDS:
                held = [added(held)]
                if len(held[0]) > MOST_WORDS:
                    disk.write(held[0])
                    held = [EMPTY]
        if not disk.runs:
            return added(held)
        disk.write(added(held))
        return disk.merged(min_count)


class _OnDisk:
    """Counts in files, all of one word in the same file, so that each is added up by itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.runs = 0

    def write(self, counts: Tally) -> None:
        """Append the counts to the files of their words."""
        table = counts.table
        hashes = hashed(*bytes_and_bounds(table["word"].combine_chunks()))
        share = (hashes >> np.uint64(40)) % np.uint64(FILES)
        for file in range(FILES):
            own = table.take(np.flatnonzero(share == file))
            with pa.ipc.new_file(str(self._path(file, self.runs)), own.schema) as out:
                out.write_table(own)
        self.runs += 1

    def merged(self, min_count: int) -> Tally:
        """Return the sums over all files, of words counted `min_count` times or more."""
        kept = []
        for file in range(FILES):
            runs = (self._read(self._path(file, run)) for run in range(self.runs))
            kept.append(added(runs).at_least(min_count))
        table = pa.concat_tables([tally.table for tally in kept]).combine_chunks()
        return Tally(table, sum(tally.different for tally in kept))

    def _path(self, file: int, run: int) -> Path:
        return self._folder / f"{file}-{run}.arrow"

    def _read(self, path: Path) -> Tally:
        with pa.OSFile(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
        return Tally(table, len(table))


def shards(path: Path) -> Iterator[bytes]:
    """Yield the text at `path` in shards of whole lines. Raises UserError if it is not UTF-8."""
    with reading(path), path.open("rb") as file:
        while shard := file.read(SHARD):
            shard += file.readline()
            shard.decode()
            yield shard if shard.endswith(b"\n") else shard + b"\n"


def encode(path: Path, vocabulary: Vocabulary, folder: Path) -> dict[str, float]:
    """Write the split at `path` as an EncodedCorpus of `vocabulary` into `folder`.

    Returns its documents, sentences and tokens, and the share of unknown tokens. The files do not
    depend on the number of threads.
    """
    encoder, unknown = Encoder(vocabulary), 0
    with Writer(folder) as writer:
        for shard in parallel.in_order_of_threads(encoder.encode, shards(path)):
            writer.add(shard.tokens, shard.sentence_ends, shard.document_ends)
            unknown += shard.unknown
    sizes = writer.sizes
    return {
        "documents": sizes["document_ends"],
        "sentences": sizes["sentence_ends"],
        "tokens": sizes["tokens"],
        "unknown_share": unknown / max(1, sizes["tokens"]),
    }
