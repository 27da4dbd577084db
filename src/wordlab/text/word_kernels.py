"""Different words of a text, and the number of each of its words: hash tables over bytes, by numba.

Words lie in uint8 arrays, one after the other, between bounds: word w is text[bounds[w]:
bounds[w + 1]]. In a text they are apart by spaces and line ends.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Slots = NDArray[np.int32]

SPACE, LINE = 32, 10
NONE = -1
BASIS, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
"""Of the hash FNV-1a (Fowler, Noll and Vo; RFC 9923)."""


@numba.njit(nogil=True, cache=True)
def _slot(
    slots: Slots, hashes: Hashes, starts: Longs, sizes: Longs, known: Bytes,
    word_hash: np.uint64, text: Bytes, start: int, size: int,
) -> np.uint64:  # fmt: skip
    """Return the place in `slots` of a word of `text`, or the empty one where it would go.

    slots: int32 (a power of two,), numbers of words in `known`, or NONE.
    """
    mask = np.uint64(len(slots) - 1)
    slot = (word_hash ^ word_hash >> np.uint64(29)) & mask
    while slots[slot] != NONE:
        word = slots[slot]
        if hashes[word] == word_hash and sizes[word] == size:
            begin, same = starts[word], True
            for place in range(size):
                if known[begin + place] != text[start + place]:
                    same = False
                    break
            if same:
                break
        slot = (slot + np.uint64(1)) & mask
    return slot


@numba.njit(nogil=True, cache=True)
def _grown(values: NDArray[Any], size: int) -> NDArray[Any]:
    """Return the values in an array of another size."""
    grown = np.empty(size, values.dtype)
    grown[: len(values)] = values
    return grown


@numba.njit(nogil=True, cache=True)
def _spread(hashes: Hashes, count: int, capacity: int) -> Slots:
    """Return a table of `capacity` slots with the first `count` words, all of them different."""
    slots = np.full(capacity, np.int32(NONE), np.int32)
    mask = np.uint64(capacity - 1)
    for word in range(count):
        slot = (hashes[word] ^ hashes[word] >> np.uint64(29)) & mask
        while slots[slot] != NONE:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = word
    return slots


@numba.njit(nogil=True, cache=True)
def tally(text: Bytes) -> tuple[Bytes, Longs, Longs, Hashes]:
    """Return the different words of a text that ends with a line end, as they are first seen.

    text: uint8 (N,). Returns their bytes, uint8; bounds, int64 (W + 1,); counts, int64 (W,); and
    hashes, uint64 (W,).
    """
    room = 1 << 12
    hashes = np.empty(room, np.uint64)
    starts, sizes, counts = (
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
    )
    slots = np.full(2 * room, np.int32(NONE), np.int32)
    words = 0
    start, word_hash = 0, BASIS
    for at in range(len(text)):
        byte = text[at]
        if byte != SPACE and byte != LINE:
            word_hash = (word_hash ^ np.uint64(byte)) * PRIME
            continue
        size = at - start
        if size:
            slot = _slot(slots, hashes, starts, sizes, text, word_hash, text, start, size)
            word = slots[slot]
            if word == NONE:
                if words == room:
                    room *= 2
                    hashes, counts = _grown(hashes, room), _grown(counts, room)
                    starts, sizes = _grown(starts, room), _grown(sizes, room)
                    slots = _spread(hashes, words, 2 * room)
                    slot = _slot(slots, hashes, starts, sizes, text, word_hash, text, start, size)
                slots[slot] = words
                hashes[words], starts[words], sizes[words] = word_hash, start, size
                counts[words] = 1
                words += 1
            else:
                counts[word] += 1
        start, word_hash = at + 1, BASIS
    bounds = np.zeros(words + 1, np.int64)
    for word in range(words):
        bounds[word + 1] = bounds[word] + sizes[word]
    found = np.empty(bounds[words], np.uint8)
    for word in range(words):
        found[bounds[word] : bounds[word + 1]] = text[starts[word] : starts[word] + sizes[word]]
    return found, bounds, counts[:words], hashes[:words]


@numba.njit(nogil=True, cache=True)
def table(words: Bytes, bounds: Longs) -> tuple[Slots, Hashes]:
    """Return a table of different words: its slots, int32, and the hash of each, uint64 (W,)."""
    count = len(bounds) - 1
    hashes = np.empty(count, np.uint64)
    for word in range(count):
        word_hash = BASIS
        for at in range(bounds[word], bounds[word + 1]):
            word_hash = (word_hash ^ np.uint64(words[at])) * PRIME
        hashes[word] = word_hash
    capacity = 1 << 10
    while capacity < 2 * count:
        capacity *= 2
    return _spread(hashes, count, capacity), hashes


@numba.njit(nogil=True, cache=True)
def encode(
    text: Bytes, words: Bytes, bounds: Longs, slots: Slots, hashes: Hashes,
    tokens: NDArray[np.int32], sentence_ends: Longs, document_ends: Longs,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Write the number of each word of a text that ends with a line end.

    words, bounds, slots, hashes: the known words and their `table`. Mutates tokens: int32, the
    number of each word, NONE if unknown; sentence_ends: int64, the words before each end of a
    line with words; document_ends: int64, the words before each empty line. There is room in the
    first two for half the bytes of the text, in the last for all. Returns how many tokens,
    sentences, documents and unknown tokens there are.
    """
    starts, sizes = bounds[:-1], bounds[1:] - bounds[:-1]
    found, sentences, documents, unknown, line_begin = 0, 0, 0, 0, 0
    start, word_hash = 0, BASIS
    for at in range(len(text)):
        byte = text[at]
        if byte != SPACE and byte != LINE:
            word_hash = (word_hash ^ np.uint64(byte)) * PRIME
            continue
        size = at - start
        if size:
            slot = _slot(slots, hashes, starts, sizes, words, word_hash, text, start, size)
            tokens[found] = slots[slot]
            unknown += slots[slot] == NONE
            found += 1
        if byte == LINE:
            if found > line_begin:
                sentence_ends[sentences] = found
                sentences += 1
            else:
                document_ends[documents] = found
                documents += 1
            line_begin = found
        start, word_hash = at + 1, BASIS
    return found, sentences, documents, unknown
