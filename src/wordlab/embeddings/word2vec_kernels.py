"""Negative sampling in blocks of words that share their noise words, as small matrix products.

The objective of a pair (input x, output c) is log sigma(x.c) + K E_n log sigma(-x.n)
(Mikolov et al. 2013b, equation 4). Its expectation is taken over N noise words drawn once for a
block of BLOCK neighbouring words, each with weight K/N, instead of K words drawn for each pair:
the same objective, at a similar variance for each input word, and scores, errors and gradients
become products of matrices that stay in the first cache.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from wordlab.embeddings.sampling_kernels import draw_noise
from wordlab.embeddings.simd_kernels import TILE_ROWS, add_product, error_and_loss
from wordlab.embeddings.team_kernels import fetch_add, wait_for_all

BLOCK = 32
"""Neighbouring words that share their noise words; a multiple of 16."""


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

    rows_in (I, P) and rows_out (O, P): the weights of the block's input and output words; hidden
    (BLOCK, P); transposed (P, C): the columns that scores are taken of; scores, mask (O or
    BLOCK, C); weights (N, BLOCK); pairs, losses (C,).
    """

    rows_in: NDArray[np.float32]
    rows_out: NDArray[np.float32]
    hidden: NDArray[np.float32]
    transposed: NDArray[np.float32]
    scores: NDArray[np.float32]
    mask: NDArray[np.float32]
    weights: NDArray[np.float32]
    pairs: NDArray[np.float32]
    losses: NDArray[np.float32]


class Progress(NamedTuple):
    """What a stretch writes: losses float64 (blocks,), predictions int64 (blocks,), counters."""

    losses: NDArray[np.float64]
    predictions: NDArray[np.int64]
    batch_counters: NDArray[np.int64]
    barrier: NDArray[np.int64]


@njit(nogil=True, cache=True)
def reach(stretch: Any, centre: int, low: int, high: int) -> tuple[int, int]:
    """Return the bounds of the centre's window, within its document and low..high-1."""
    document = stretch.documents[centre]
    width = stretch.widths[centre]
    left = max(centre - width, low)
    right = min(centre + width + 1, high)
    while left < right and stretch.documents[left] != document:
        left += 1
    while right > left and stretch.documents[right - 1] != document:
        right -= 1
    return left, right


@njit(nogil=True, cache=True)
def _gather(matrix: Any, ids: Any, rows: Any) -> None:
    """Copy the rows `ids` of `matrix` to `rows`; a negative id gives zeros."""
    for k in range(len(ids)):
        if ids[k] >= 0:
            for d in range(rows.shape[1]):
                rows[k, d] = matrix[ids[k], d]
        else:
            rows[k] = 0


@njit(nogil=True, cache=True)
def _transpose(rows: Any, count: int, column: int, transposed: Any) -> None:
    """Write the first `count` of `rows` as columns of `transposed` from `column` on."""
    for d in range(rows.shape[1]):
        for k in range(count):
            transposed[d, column + k] = rows[k, d]


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _noise_errors(work: Any, row: int, column: int, noise_weight: float) -> None:
    """Turn the scores of the noise words into errors -W K/N sigma(s), and add up their losses.

    The scores are scores[row:row+N, column:column+BLOCK], W is work.weights.
    """
    share = np.float32(noise_weight)
    for k in range(len(work.weights)):
        for i in range(BLOCK):
            error, loss = error_and_loss(-work.scores[row + k, column + i])
            weight = share * work.weights[k, i]
            work.scores[row + k, column + i] = -weight * error
            work.losses[column + i] += weight * loss


@njit(nogil=True, cache=True)
def skipgram_block(
    weights: Any,
    stretch: Any,
    start: int,
    noise: Any,
    key: np.uint64,
    settings: Any,
    work: Any,
    gradients: Any,
    slot: int,
) -> tuple[float, int]:
    """Fill gradients[slot] with those of the pairs whose input words are start..start+BLOCK-1.

    The input of a pair is a word in the window, its output the word at the centre, as in
    word2vec.c. Returns the loss and the number of pairs. Mutates work and gradients.
    """
    window, dimensions = settings.window, settings.dimensions
    count = min(BLOCK, stretch.last - start)
    input_ids = gradients.input_ids[slot]
    output_ids = gradients.output_ids[slot]
    grad_in, grad_out = gradients.inputs[slot], gradients.outputs[slot]
    noise_start = len(output_ids) - settings.noise_rows
    noise_ids = output_ids[noise_start:]
    band = TILE_ROWS + 2 * window
    band_width = (band + 15) // 16 * 16
    pad = 2 * window

    input_ids[:] = -1
    input_ids[:count] = stretch.tokens[start : start + count]
    output_ids[:noise_start] = -1
    low = max(0, start - window)
    high = min(len(stretch.tokens), start + count + window)
    draw_noise(noise, key, start * settings.noise_rows, noise_ids)
    work.pairs[:] = 0
    work.losses[:] = 0
    work.scores[:] = 0
    work.mask[:noise_start] = 0
    pairs = 0
    for centre in range(low, high):
        left, right = reach(stretch, centre, start, start + count)
        row = centre - start + window
        inside = left <= centre < right
        if right - left - inside <= 0:
            continue
        output_ids[row] = stretch.tokens[centre]
        for i in range(left - start, right - start):
            work.mask[row, pad + i] = 1
            work.pairs[pad + i] += 1
        if inside:
            work.mask[row, pad + centre - start] = 0
            work.pairs[pad + centre - start] -= 1
        pairs += right - left - inside
    for k in range(settings.noise_rows):
        work.weights[k] = work.pairs[pad : pad + BLOCK]
        for row in range(noise_start):
            if output_ids[row] == noise_ids[k]:
                work.weights[k] -= work.mask[row, pad : pad + BLOCK]

    _gather(weights.inputs, input_ids, work.rows_in)
    _gather(weights.outputs, output_ids, work.rows_out)
    _transpose(work.rows_in, BLOCK, pad, work.transposed)
    for q in range(0, noise_start, TILE_ROWS):
        add_product(
            work.scores, q, q, band_width,
            work.rows_out, q, 0, work.transposed, 0, q, dimensions,
        )  # fmt: skip
    for q in range(noise_start, len(output_ids), TILE_ROWS):
        add_product(
            work.scores, q, pad, BLOCK,
            work.rows_out, q, 0, work.transposed, 0, pad, dimensions,
        )  # fmt: skip
    _pair_errors(work, noise_start, band_width)
    _noise_errors(work, noise_start, pad, settings.noise_weight)

    padded = grad_in.shape[1]
    grad_in[:] = 0
    grad_out[:] = 0
    by_input = work.scores.T
    for r in range(0, BLOCK, TILE_ROWS):
        add_product(grad_in, r, 0, padded, by_input, pad + r, r, work.rows_out, r, 0, band)
        add_product(
            grad_in, r, 0, padded,
            by_input, pad + r, noise_start, work.rows_out, noise_start, 0, settings.noise_rows,
        )  # fmt: skip
    for q in range(0, noise_start, TILE_ROWS):
        left = max(0, q - pad)
        right = min(BLOCK, q + TILE_ROWS)
        add_product(
            grad_out, q, 0, padded,
            work.scores, q, pad + left, work.rows_in, left, 0, right - left,
        )  # fmt: skip
    for q in range(noise_start, len(output_ids), TILE_ROWS):
        add_product(grad_out, q, 0, padded, work.scores, q, pad, work.rows_in, 0, 0, BLOCK)
    return work.losses.astype(np.float64).sum(), pairs


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _pair_errors(work: Any, rows: int, band_width: int) -> None:
    """Turn the scores of the pairs in `mask` into errors sigma(-s), all others into 0."""
    for row in range(rows):
        column = row - row % TILE_ROWS
        for i in range(column, column + band_width):
            error, loss = error_and_loss(work.scores[row, i])
            work.scores[row, i] = work.mask[row, i] * error
            work.losses[i] += work.mask[row, i] * loss


@njit(nogil=True, cache=True)
def cbow_block(
    weights: Any,
    stretch: Any,
    start: int,
    noise: Any,
    key: np.uint64,
    settings: Any,
    work: Any,
    gradients: Any,
    slot: int,
) -> tuple[float, int]:
    """Fill gradients[slot] with those of the predictions of the words start..start+BLOCK-1.

    Each word is predicted from the mean of the words in its window. The gradient of that mean
    goes to each of them undivided, as in word2vec.c, or divided by their number if
    settings.corrected (Irsoy et al. 2021). Returns the loss and the number of predictions.
    Mutates work and gradients.
    """
    window, dimensions = settings.window, settings.dimensions
    count = min(BLOCK, stretch.last - start)
    input_ids = gradients.input_ids[slot]
    output_ids = gradients.output_ids[slot]
    grad_in, grad_out = gradients.inputs[slot], gradients.outputs[slot]
    padded = grad_in.shape[1]
    noise_ids = output_ids[BLOCK:]
    band = TILE_ROWS + 2 * window

    low = max(0, start - window)
    high = min(len(stretch.tokens), start + count + window)
    input_ids[:] = -1
    for at in range(low, high):
        input_ids[at - start + window] = stretch.tokens[at]
    output_ids[:BLOCK] = -1
    draw_noise(noise, key, start * settings.noise_rows, noise_ids)
    work.losses[:] = 0
    work.scores[:] = 0
    work.mask[:] = 0
    work.pairs[:] = 0
    predictions = 0
    for i in range(count):
        left, right = reach(stretch, start + i, low, high)
        if right - left <= 1:
            continue
        output_ids[i] = stretch.tokens[start + i]
        work.mask[i, left - start + window : right - start + window] = 1
        work.mask[i, i + window] = 0
        work.pairs[i] = np.float32(1) / np.float32(right - left - 1)
        predictions += 1
    for k in range(settings.noise_rows):
        for i in range(BLOCK):
            known = output_ids[i] >= 0 and output_ids[i] != noise_ids[k]
            work.weights[k, i] = 1 if known else 0

    _gather(weights.inputs, input_ids, work.rows_in)
    _gather(weights.outputs, output_ids, work.rows_out)
    hidden = work.hidden
    hidden[:] = 0
    for r in range(0, BLOCK, TILE_ROWS):
        add_product(hidden, r, 0, padded, work.mask, r, r, work.rows_in, r, 0, band)
    for i in range(BLOCK):
        hidden[i] *= work.pairs[i]
    _transpose(hidden, BLOCK, 0, work.transposed)
    for q in range(0, settings.noise_rows, TILE_ROWS):
        add_product(
            work.scores, q, 0, BLOCK, work.rows_out, BLOCK + q, 0, work.transposed, 0, 0, dimensions
        )
    _noise_errors(work, 0, 0, settings.noise_weight)

    grad_in[:] = 0
    grad_out[:] = 0
    for q in range(0, settings.noise_rows, TILE_ROWS):
        add_product(grad_out, BLOCK + q, 0, padded, work.scores, q, 0, hidden, 0, 0, BLOCK)
    _targets(work, output_ids, grad_out, settings.corrected, noise_rows=settings.noise_rows)
    by_context = work.mask.T
    for q in range(0, len(input_ids), TILE_ROWS):
        left = max(0, q - 2 * window)
        right = min(BLOCK, q + TILE_ROWS)
        add_product(grad_in, q, 0, padded, by_context, q, left, hidden, left, 0, right - left)
    return work.losses.astype(np.float64).sum(), predictions


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _targets(work: Any, output_ids: Any, grad_out: Any, corrected: bool, noise_rows: int) -> None:
    """Add the predicted words' part; leave the gradients of the means in work.hidden."""
    hidden, targets = work.hidden, work.rows_out
    for i in range(BLOCK):
        if output_ids[i] < 0:
            hidden[i] = 0
            continue
        score = np.float32(0)
        for d in range(hidden.shape[1]):
            score += hidden[i, d] * targets[i, d]
        error, loss = error_and_loss(score)
        work.losses[i] += loss
        for d in range(hidden.shape[1]):
            grad_out[i, d] = error * hidden[i, d]
            hidden[i, d] = error * targets[i, d]
    by_target = work.scores.T
    for r in range(0, BLOCK, TILE_ROWS):
        add_product(hidden, r, 0, hidden.shape[1], by_target, r, 0, targets, BLOCK, 0, noise_rows)
    if corrected:
        for i in range(BLOCK):
            hidden[i] *= work.pairs[i]


@njit(nogil=True, cache=True, fastmath={"contract"})
def _apply(matrix: Any, ids: Any, rows: Any, rate: float, thread: int, threads: int) -> None:
    """Add rate times `rows` to the rows `ids` of `matrix` that `thread` owns, in order."""
    step = np.float32(rate)
    for k in range(len(ids)):
        if ids[k] >= 0 and ids[k] % threads == thread:
            for d in range(rows.shape[1]):
                matrix[ids[k], d] += step * rows[k, d]


@njit(nogil=True, cache=True)
def _block(
    weights: Any,
    stretch: Any,
    start: int,
    noise: Any,
    key: np.uint64,
    settings: Any,
    work: Any,
    gradients: Any,
    slot: int,
) -> tuple[float, int]:
    if settings.cbow:
        return cbow_block(weights, stretch, start, noise, key, settings, work, gradients, slot)
    return skipgram_block(weights, stretch, start, noise, key, settings, work, gradients, slot)


@njit(nogil=True, cache=True)
def train_stretch(
    weights: Any,
    stretch: Any,
    noise: Any,
    key: np.uint64,
    rates: tuple[float, float],
    settings: Any,
    work: Any,
    gradients: Any,
    progress: Any,
    thread: int,
    threads: int,
) -> None:
    """Be thread `thread` of `threads` that train `weights` on a stretch.

    Deterministic: the gradients of a batch of blocks are all taken at the same weights, then each
    thread applies those of the rows it owns, in the order of the text; so neither their number
    nor their pace matters. Lock-free: each thread applies a block's gradients at once (Niu et al.
    2011, Hogwild). rates: at the start and the end of the stretch, before the floor.
    Mutates weights, work, gradients and progress.
    """
    blocks = len(progress.losses)
    slope = (rates[1] - rates[0]) / max(1, blocks)
    for opening in range(0, blocks, settings.batch_blocks):
        closing = min(blocks, opening + settings.batch_blocks)
        batch = opening // settings.batch_blocks
        while True:
            k = opening + fetch_add(progress.batch_counters, batch, 1)
            if k >= closing:
                break
            slot = thread if settings.lock_free else k - opening
            loss, predictions = _block(
                weights, stretch, stretch.first + k * BLOCK, noise, key, settings, work,
                gradients, slot,
            )  # fmt: skip
            progress.losses[k] = loss
            progress.predictions[k] = predictions
            if settings.lock_free:
                rate = max(rates[0] + slope * k, settings.rate_floor)
                _apply(
                    weights.inputs, gradients.input_ids[slot], gradients.inputs[slot], rate, 0, 1
                )
                _apply(
                    weights.outputs, gradients.output_ids[slot], gradients.outputs[slot],
                    rate, 0, 1,
                )  # fmt: skip
        if settings.lock_free:
            continue
        wait_for_all(progress.barrier, 0, threads)
        for k in range(opening, closing):
            slot = k - opening
            rate = max(rates[0] + slope * k, settings.rate_floor)
            _apply(
                weights.inputs, gradients.input_ids[slot], gradients.inputs[slot], rate,
                thread, threads,
            )  # fmt: skip
            _apply(
                weights.outputs, gradients.output_ids[slot], gradients.outputs[slot], rate,
                thread, threads,
            )  # fmt: skip
        wait_for_all(progress.barrier, 0, threads)
