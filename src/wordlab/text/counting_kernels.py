"""The words of a text as numbers: a hash table over its bytes, compiled by numba.

Words are apart by spaces and line ends. Word w of a table is known[starts[w] : starts[w] +
sizes[w]], with its hash in hashes[w]; slots, int32 (a power of two,), hold the numbers of words,
or NONE where there is none: open addressing, a word stands at its hash or in the next free slot.
"""

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
ONE, FOLD = np.uint64(1), np.uint64(29)
AT, WORDS, TOKENS, SENTENCES, DOCUMENTS, LINE_BEGIN, UNKNOWN = range(7)
"""Places in the state of `number`: the byte it is at, how many words are known and how many
tokens, sentences and documents were found, the tokens before this line, and the unknown ones."""


@numba.njit(nogil=True, cache=True)
def number(
    text: Bytes, known: Bytes, slots: Slots, hashes: Hashes, starts: Longs, sizes: Longs,
    learn: bool, tokens: Slots, sentence_ends: Longs, document_ends: Longs, state: Longs,
) -> None:  # fmt: skip
    """Write the number of each word of a text that ends with a line end.

    text: uint8 (N,). learn: new words get the next number, known is the text then, and the work
    ends early when half of the slots are taken; else they get NONE. Mutates tokens: int32, the
    numbers; sentence_ends: int64, the tokens before each end of a line with words; document_ends:
    int64, the tokens before each empty line; state: int64 (7,), and with learn the table. There is
    room in tokens and sentence_ends for N / 2, in document_ends for N.
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
            # all in one place: numba is slow to hand arrays on, even where it inlines a call
            slot = (word_hash ^ word_hash >> FOLD) & mask
            while slots[slot] != NONE:
                word = slots[slot]
                if hashes[word] == word_hash and sizes[word] == size:
                    # an index with a sign is looked at for whether it counts from the end
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


@numba.njit(nogil=True, cache=True)
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


@numba.njit(nogil=True, cache=True)
def hashed(words: Bytes, bounds: Longs) -> Hashes:
    """Return the hash of each word, words[bounds[w]:bounds[w + 1]], uint64 (W,)."""
    hashes = np.empty(len(bounds) - 1, np.uint64)
    for word in range(len(hashes)):
        word_hash = BASIS
        for at in range(bounds[word], bounds[word + 1]):
            word_hash = (word_hash ^ np.uint64(words[at])) * PRIME
        hashes[word] = word_hash
    return hashes


@numba.njit(nogil=True, cache=True)
def gathered(text: Bytes, starts: Longs, sizes: Longs) -> tuple[Bytes, Longs]:
    """Return words of a text one after the other, and the bounds between them, int64 (W + 1,)."""
    bounds = np.zeros(len(starts) + 1, np.int64)
    bounds[1:] = np.cumsum(sizes)
    found = np.empty(bounds[-1], np.uint8)
    for word in range(len(starts)):
        for place in range(sizes[word]):
            found[bounds[word] + place] = text[starts[word] + place]
    return found, bounds
