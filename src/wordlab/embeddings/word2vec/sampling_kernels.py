"""Random choices that depend on (key, position) only, so that no thread's timing shows in them."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class Noise(NamedTuple):
    """The noise distribution as an alias table: share float64 (V,), other int32 (V,)."""

    share: NDArray[np.float64]
    other: NDArray[np.int32]


class Stretch(NamedTuple):
    """Part of the corpus after subsampling, with the words around it that its windows reach.

    tokens: int32 (n,) ids; documents: int32 (n,), the document of each, as a number; widths:
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
def draw_noise(noise: Any, key: np.uint64, start: int, drawn: Any) -> None:
    """Fill `drawn`, int32 (n,), with noise words: those of positions start.. under `key`."""
    size = np.uint64(len(noise.other))
    for k in range(len(drawn)):
        bits = mix(key, start + k)
        place = np.int64(((bits >> np.uint64(32)) * size) >> np.uint64(32))
        u = np.float64(bits & np.uint64(0xFFFFFFFF)) / 4294967296.0
        drawn[k] = place if u < noise.share[place] else noise.other[place]


@njit(nogil=True, cache=True)
def thin(
    tokens: Any,
    document_ends: Any,
    start: int,
    stop: int,
    window: int,
    dynamic: bool,
    keep: Any,
    key: np.uint64,
    out_tokens: Any,
    out_documents: Any,
    out_widths: Any,
) -> tuple[int, int, int]:
    """Subsample tokens[start:stop], with `window` kept words of the document on either side.

    Unknown words are never kept. keep: uint64 (V,), the probability of each word times 2^32.
    Fills the three int32 arrays `out_...`; returns how many words there are, and the bounds of
    those from start..stop-1.
    The width of a window is drawn evenly from 1..window if `dynamic`, else it is `window`.
    """
    document = np.searchsorted(document_ends, start, side="right")
    opening = 0 if document == 0 else document_ends[document - 1]
    low, found = start, 0
    while low > opening and found < window:
        low -= 1
        if tokens[low] >= 0 and (mix(key, low) >> np.uint64(32)) < keep[tokens[low]]:
            found += 1
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
