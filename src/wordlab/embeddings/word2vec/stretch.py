"""A stretch of the corpus as the kernels read it: subsampling, windows and noise words.

Every random choice depends on (key, position) only, so that no thread's timing shows in it.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

BLOCK = 16
"""Neighbouring words whose gradients are taken together: as many as a vector has floats."""


class Noise(NamedTuple):
    """The noise distribution as an alias table: share float64 (V,), other int32 (V,)."""

    share: NDArray[np.float64]
    other: NDArray[np.int32]


class Stretch(NamedTuple):
    """Part of the corpus after subsampling, with the words on either side that its windows reach.

    tokens: int32 (n,) ids; documents: int32 (n,), the number of each one's document; widths:
    int32 (n,), how far each word's window reaches; the words at first..last-1 are trained on.
    """

    tokens: NDArray[np.int32]
    documents: NDArray[np.int32]
    widths: NDArray[np.int32]
    first: int
    last: int


@njit(nogil=True, cache=True)
def mix(key: np.uint64, position: int) -> np.uint64:
    """Return 64 random bits for `position` under `key`: SplitMix64 (Steele et al. 2014)."""
    z = key + (np.uint64(position) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(nogil=True, cache=True)
def draw_noise(noise: Any, key: np.uint64, start: int, words: Any) -> None:
    """Fill `words`, int32 (n,), with the noise words of positions start.. under `key`."""
    size = np.uint64(len(noise.other))
    for k in range(len(words)):
        bits = mix(key, start + k)
        place = np.int64(((bits >> np.uint64(32)) * size) >> np.uint64(32))
        u = np.float64(bits & np.uint64(0xFFFFFFFF)) / 4294967296.0
        words[k] = place if u < noise.share[place] else noise.other[place]


@njit(nogil=True, cache=True)
def thin(
    tokens: Any, document_ends: Any, start: int, stop: int, window: int, dynamic: bool,
    keep: Any, key: np.uint64, out_tokens: Any, out_documents: Any, out_widths: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """Subsample tokens[start:stop], with `window` kept words of the document on either side.

    Unknown words are never kept. The width of a window is drawn evenly from 1..window if
    `dynamic`, else it is `window`. keep: uint64 (V,), the probability of each word times 2^32.
    Fills the three int32 arrays `out_...`; returns the number of words, and the bounds of those
    from start..stop-1.
    """
    # back to the `window` kept words before the stretch
    document = np.searchsorted(document_ends, start, side="right")
    opening = 0 if document == 0 else document_ends[document - 1]
    low, found = start, 0
    while low > opening and found < window:
        low -= 1
        if tokens[low] >= 0 and (mix(key, low) >> np.uint64(32)) < keep[tokens[low]]:
            found += 1
    # through the stretch, and on to the `window` kept words after it
    n, first, last, after = 0, 0, 0, 0
    at = low
    while at < len(tokens):
        if at == document_ends[document]:
            if at >= stop:
                break
            while at == document_ends[document]:
                document += 1
        if at == start:
            first = n
        bits = mix(key, at)
        if tokens[at] >= 0 and (bits >> np.uint64(32)) < keep[tokens[at]]:
            if at >= stop:
                after += 1
            out_tokens[n] = tokens[at]
            out_documents[n] = document
            width = window
            if dynamic:
                low_bits = bits & np.uint64(0xFFFFFFFF)
                width = 1 + int((low_bits * np.uint64(window)) >> np.uint64(32))
            out_widths[n] = width
            n += 1
        at += 1
        if at == stop:
            last = n
        if at >= stop and after == window:
            break
    return n, first, last


@njit(nogil=True, cache=True)
def reach(documents: Any, widths: Any, centre: int, low: int, high: int) -> tuple[int, int]:
    """Return the bounds of the centre's window, within its document and low..high-1."""
    document = documents[centre]
    left = max(centre - widths[centre], low)
    right = min(centre + widths[centre] + 1, high)
    while left < right and documents[left] != document:
        left += 1
    while right > left and documents[right - 1] != document:
        right -= 1
    return left, right


@njit(nogil=True, cache=True)
def mark_windows(
    stretch: Any, start: int, window: int, output_ids: Any, mask: Any, pairs: Any
) -> int:
    """Mark the pairs whose input words are start..start+BLOCK-1, and return their number.

    output_ids[r] is the centre word r - window places from `start`, or -1; mask[r, i] is 1 where
    input word i is in its window, else 0; pairs[i] counts the windows of input word i.
    """
    tokens, documents, widths = stretch.tokens, stretch.documents, stretch.widths
    stop = min(start + BLOCK, stretch.last)
    pairs[:] = 0
    mask[:] = 0
    found = 0
    for row in range(len(mask)):
        output_ids[row] = -1
        centre = start - window + row
        if centre < 0 or centre >= min(len(tokens), stop + window):
            continue
        left, right = reach(documents, widths, centre, start, stop)
        inside = left <= centre < right
        if right - left - inside <= 0:
            continue
        output_ids[row] = tokens[centre]
        for i in range(left - start, right - start):
            mask[row, i] = 1
            pairs[i] += 1
        if inside:
            mask[row, centre - start] = 0
            pairs[centre - start] -= 1
        found += right - left - inside
    return found


@njit(nogil=True, cache=True)
def mark_contexts(
    stretch: Any, start: int, window: int, input_ids: Any, output_ids: Any, mask: Any, shares: Any
) -> int:
    """Mark the contexts of the words start..start+BLOCK-1; return how many words have any.

    input_ids[r] is the word r - window places from `start`; mask[i, r] is 1 where it is a context
    of word i, else 0; shares[i] is 1 over their number; output_ids[i] is word i, or -1 without any.
    """
    tokens, documents, widths = stretch.tokens, stretch.documents, stretch.widths
    low, high = max(0, start - window), min(len(tokens), start + BLOCK + window)
    for row in range(len(input_ids)):
        at = start - window + row
        input_ids[row] = tokens[at] if low <= at < high else -1
    mask[:] = 0
    predictions = 0
    for i in range(BLOCK):
        output_ids[i] = -1
        shares[i] = 0
        if start + i >= stretch.last:
            continue
        left, right = reach(documents, widths, start + i, low, high)
        if right - left <= 1:
            continue
        output_ids[i] = tokens[start + i]
        for at in range(left, right):
            mask[i, at - start + window] = 1
        mask[i, i + window] = 0
        shares[i] = np.float32(1) / np.float32(right - left - 1)
        predictions += 1
    return predictions
