"""What skip-gram and CBOW share: blocks of words that meet the same noise words.

The objective of a pair (input x, output c) is log sigma(x.c) + K E_n log sigma(-x.n)
(Mikolov et al. 2013b, equation 4). Its expectation is taken over N noise words drawn once for a
block of BLOCK neighbouring words, each with weight K/N, instead of K words drawn for each pair:
the same objective, and scores, errors and gradients become products of matrices that stay in the
first cache.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from wordlab.embeddings.word2vec.llvm import error_and_loss

BLOCK = 16
"""Neighbouring words that share their noise words: as many as the widest vector has floats."""


class Weights(NamedTuple):
    """float32 (V, P) each, P the dimensions rounded up to 16; the padding is 0 and stays 0."""

    inputs: NDArray[np.float32]
    outputs: NDArray[np.float32]


class Settings(NamedTuple):
    """What the kernels need of the params; noise_rows is N, noise_weight its draws' weight K/N."""

    words: int
    dimensions: int
    window: int
    noise_rows: int
    noise_weight: float
    cbow: bool
    corrected: bool
    lock_free: bool
    batch_blocks: int
    rate_floor: float


class Gradients(NamedTuple):
    """Gradients of `slots` blocks: the rows they belong to (-1: none) and their values.

    input_ids int32 (slots, I), inputs float32 (slots, I, P); output_ids int32 (slots, O),
    outputs float32 (slots, O, P).
    """

    input_ids: NDArray[np.int32]
    inputs: NDArray[np.float32]
    output_ids: NDArray[np.int32]
    outputs: NDArray[np.float32]


class Workspace(NamedTuple):
    """One thread's scratch matrices, float32.

    rows_in (I, P), rows_out (O, P): the weights of the block's input and output words; hidden
    (BLOCK, P): the means of contexts, then their gradients; transposed (P, BLOCK): the columns
    that scores are taken of; scores (O, BLOCK), then errors; mask: who is in whose window;
    noise_pairs (N, BLOCK), pairs (BLOCK,): how much each pair counts; losses (BLOCK,).
    """

    rows_in: NDArray[np.float32]
    rows_out: NDArray[np.float32]
    hidden: NDArray[np.float32]
    transposed: NDArray[np.float32]
    scores: NDArray[np.float32]
    mask: NDArray[np.float32]
    noise_pairs: NDArray[np.float32]
    pairs: NDArray[np.float32]
    losses: NDArray[np.float32]


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
def gather(matrix: Any, ids: Any, rows: Any) -> None:
    """Copy the rows `ids` of `matrix` to `rows`; a negative id gives zeros."""
    for k in range(len(ids)):
        source = np.uint64(max(ids[k], 0))
        known = np.float32(1 if ids[k] >= 0 else 0)
        for d in range(rows.shape[1]):
            rows[k, d] = known * matrix[source, d]


@njit(nogil=True, cache=True)
def transpose(rows: Any, transposed: Any) -> None:
    """Write the first BLOCK of `rows` as the columns of `transposed`."""
    for d in range(rows.shape[1]):
        for k in range(BLOCK):
            transposed[d, k] = rows[k, d]


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def noise_errors(scores: Any, pairs: Any, losses: Any) -> None:
    """Turn scores s (N, BLOCK) with noise words into errors -pairs sigma(s); add their losses."""
    for k in range(len(pairs)):
        for i in range(BLOCK):
            error, loss = error_and_loss(-scores[k, i])
            scores[k, i] = -pairs[k, i] * error
            losses[i] += pairs[k, i] * loss


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def pair_errors(scores: Any, mask: Any, losses: Any) -> None:
    """Turn the scores s of the pairs in `mask` into errors sigma(-s), all others into 0."""
    for row in range(len(mask)):
        for i in range(BLOCK):
            error, loss = error_and_loss(scores[row, i])
            scores[row, i] = mask[row, i] * error
            losses[i] += mask[row, i] * loss


@njit(nogil=True, cache=True)
def total(losses: Any) -> float:
    """Return the sum of `losses` in float64, in their order."""
    found = 0.0
    for loss in losses:
        found += loss
    return found


@njit(nogil=True, cache=True, fastmath={"contract"})
def apply_rows(matrix: Any, ids: Any, rows: Any, rate: float) -> None:
    """Add rate times `rows` to the rows `ids` of `matrix`, one after the other."""
    step = np.float32(rate)
    for k in range(len(ids)):
        if ids[k] >= 0:
            target = np.uint64(ids[k])
            for d in range(rows.shape[1]):
                matrix[target, d] += step * rows[k, d]


@njit(nogil=True, cache=True)
def apply_block(weights: Any, gradients: Any, slot: int, rate: float) -> None:
    """Apply gradients[slot] to both weights."""
    apply_rows(weights.inputs, gradients.input_ids[slot], gradients.inputs[slot], rate)
    apply_rows(weights.outputs, gradients.output_ids[slot], gradients.outputs[slot], rate)
