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
from wordlab.embeddings.team_kernels import fetch_add, wait_until

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

    rows_in (I, P), rows_out (O, P): the weights of the block's input and output words; hidden
    (BLOCK, P): the means of contexts, then their gradients; transposed (P, C): the columns that
    scores are taken of; scores (O, C), then errors; mask (O - N or BLOCK, C): who is paired with
    whom; noise_pairs (N, BLOCK), pairs (BLOCK,): how much each pair counts; losses (C,).
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


class Progress(NamedTuple):
    """What the threads note of a stretch, all of it zeros at first.

    losses float64 (blocks,), predictions int64 (blocks,); counters int64 (4, batches): blocks
    taken, blocks done, shares of the rows taken, shares done, of each batch.
    """

    losses: NDArray[np.float64]
    predictions: NDArray[np.int64]
    counters: NDArray[np.int64]


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
def _gather(matrix: Any, ids: Any, rows: Any) -> None:
    """Copy the rows `ids` of `matrix` to `rows`; a negative id gives zeros."""
    for k in range(len(ids)):
        source = np.uint64(max(ids[k], 0))
        known = np.float32(1 if ids[k] >= 0 else 0)
        for d in range(rows.shape[1]):
            rows[k, d] = known * matrix[source, d]


@njit(nogil=True, cache=True)
def _transpose(rows: Any, column: int, transposed: Any) -> None:
    """Write the first BLOCK of `rows` as columns of `transposed` from `column` on."""
    for d in range(rows.shape[1]):
        for k in range(BLOCK):
            transposed[d, column + k] = rows[k, d]


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _noise_errors(scores: Any, row: int, column: int, pairs: Any, losses: Any) -> None:
    """Turn scores s of pairs with noise words into errors -pairs sigma(s), and add their losses.

    The scores are scores[row:row+N, column:column+BLOCK]; pairs (N, BLOCK), how much each counts.
    """
    for k in range(len(pairs)):
        for i in range(BLOCK):
            error, loss = error_and_loss(-scores[row + k, column + i])
            scores[row + k, column + i] = -pairs[k, i] * error
            losses[column + i] += pairs[k, i] * loss


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _pair_errors(scores: Any, rows: int, band_width: int, mask: Any, losses: Any) -> None:
    """Turn the scores s of the pairs in `mask` into errors sigma(-s), all others into 0."""
    for row in range(rows):
        column = row - row % TILE_ROWS
        for i in range(column, column + band_width):
            error, loss = error_and_loss(scores[row, i])
            scores[row, i] = mask[row, i] * error
            losses[i] += mask[row, i] * loss


@njit(nogil=True, cache=True)
def _total(losses: Any) -> float:
    total = 0.0
    for loss in losses:
        total += loss
    return total


@njit(nogil=True, cache=True)
def _lay_windows(
    stretch: Any, start: int, window: int, output_ids: Any, mask: Any, pairs: Any
) -> int:
    """Mark the pairs whose input words are start..start+BLOCK-1, and return their number.

    output_ids[r] is the centre word r - window places from `start`, or -1; mask[r, 2 window + i]
    is 1 where input word i is in its window, else 0; pairs[i] counts the windows of input word i.
    """
    tokens, documents, widths = stretch.tokens, stretch.documents, stretch.widths
    stop = min(start + BLOCK, stretch.last)
    pad = 2 * window
    for i in range(BLOCK):
        pairs[i] = 0
    total = 0
    for row in range(len(mask)):
        for i in range(mask.shape[1]):
            mask[row, i] = 0
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
            mask[row, pad + i] = 1
            pairs[i] += 1
        if inside:
            mask[row, pad + centre - start] = 0
            pairs[centre - start] -= 1
        total += right - left - inside
    return total


@njit(nogil=True, cache=True)
def _weigh_noise(
    output_ids: Any, noise_ids: Any, mask: Any, pad: int, pairs: Any, share: float, weights: Any
) -> None:
    """Fill weights (N, BLOCK): `share` times the pairs of each input word with a noise word.

    A noise word is not paired where it is the output word itself, as in word2vec.c.
    """
    part = np.float32(share)
    for k in range(len(noise_ids)):
        for i in range(BLOCK):
            weights[k, i] = part * pairs[i]
        word, met = noise_ids[k], 0
        for row in range(len(mask)):
            met += output_ids[row] == word
        if met == 0:
            continue
        for row in range(len(mask)):
            if output_ids[row] == word:
                for i in range(BLOCK):
                    weights[k, i] -= part * mask[row, pad + i]


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
    window, dimensions, noise_rows = settings.window, settings.dimensions, settings.noise_rows
    input_ids, output_ids = gradients.input_ids[slot], gradients.output_ids[slot]
    grad_in, grad_out = gradients.inputs[slot], gradients.outputs[slot]
    rows_in, rows_out, scores = work.rows_in, work.rows_out, work.scores
    transposed, losses = work.transposed, work.losses
    centres, padded, pad = len(work.mask), grad_in.shape[1], 2 * window
    band = TILE_ROWS + 2 * window
    band_width = (band + 15) // 16 * 16

    for i in range(BLOCK):
        input_ids[i] = stretch.tokens[start + i] if start + i < stretch.last else -1
    pairs = _lay_windows(stretch, start, window, output_ids, work.mask, work.pairs)
    draw_noise(noise, key, start * noise_rows, output_ids[centres:])
    _weigh_noise(
        output_ids, output_ids[centres:], work.mask, pad, work.pairs, settings.noise_weight,
        work.noise_pairs,
    )  # fmt: skip
    _gather(weights.inputs, input_ids, rows_in)
    _gather(weights.outputs, output_ids, rows_out)
    _transpose(rows_in, pad, transposed)

    for q in range(0, centres, TILE_ROWS):
        add_product(scores, q, q, band_width, rows_out, q, 0, transposed, 0, q, dimensions, True)
    for q in range(centres, len(rows_out), TILE_ROWS):
        add_product(scores, q, pad, BLOCK, rows_out, q, 0, transposed, 0, pad, dimensions, True)
    for i in range(len(losses)):
        losses[i] = 0
    _pair_errors(scores, centres, band_width, work.mask, losses)
    _noise_errors(scores, centres, pad, work.noise_pairs, losses)

    errors_by_input = scores.T
    for r in range(0, BLOCK, TILE_ROWS):
        add_product(grad_in, r, 0, padded, errors_by_input, pad + r, r, rows_out, r, 0, band, True)
        add_product(
            grad_in, r, 0, padded, errors_by_input, pad + r, centres, rows_out, centres, 0,
            noise_rows, False,
        )  # fmt: skip
    for q in range(0, centres, TILE_ROWS):
        left, right = max(0, q - pad), min(BLOCK, q + TILE_ROWS)
        add_product(
            grad_out, q, 0, padded, scores, q, pad + left, rows_in, left, 0, right - left, True
        )
    for q in range(centres, len(rows_out), TILE_ROWS):
        add_product(grad_out, q, 0, padded, scores, q, pad, rows_in, 0, 0, BLOCK, True)
    return _total(losses), pairs


@njit(nogil=True, cache=True)
def _lay_contexts(
    stretch: Any, start: int, window: int, input_ids: Any, output_ids: Any, mask: Any, shares: Any
) -> int:
    """Mark the contexts of the words start..start+BLOCK-1; return how many words have any.

    input_ids[r] is the word r - window places from `start`; mask[i, r] is 1 where it is a context
    of word i, else 0; shares[i] is 1 over their number; output_ids[i] is word i, or -1 if none.
    """
    tokens, documents, widths = stretch.tokens, stretch.documents, stretch.widths
    low, high = max(0, start - window), min(len(tokens), start + BLOCK + window)
    for row in range(len(input_ids)):
        at = start - window + row
        input_ids[row] = tokens[at] if low <= at < high else -1
    predictions = 0
    for i in range(BLOCK):
        for row in range(mask.shape[1]):
            mask[i, row] = 0
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
    window, dimensions, noise_rows = settings.window, settings.dimensions, settings.noise_rows
    input_ids, output_ids = gradients.input_ids[slot], gradients.output_ids[slot]
    grad_in, grad_out = gradients.inputs[slot], gradients.outputs[slot]
    rows_in, rows_out, hidden, mask = work.rows_in, work.rows_out, work.hidden, work.mask
    scores, losses, shares = work.scores, work.losses, work.pairs
    padded, band = grad_in.shape[1], TILE_ROWS + 2 * window

    predictions = _lay_contexts(stretch, start, window, input_ids, output_ids, mask, shares)
    draw_noise(noise, key, start * noise_rows, output_ids[BLOCK:])
    part = np.float32(settings.noise_weight)
    for k in range(noise_rows):
        for i in range(BLOCK):
            known = output_ids[i] >= 0 and output_ids[i] != output_ids[BLOCK + k]
            work.noise_pairs[k, i] = part if known else 0
    _gather(weights.inputs, input_ids, rows_in)
    _gather(weights.outputs, output_ids, rows_out)

    for r in range(0, BLOCK, TILE_ROWS):
        add_product(hidden, r, 0, padded, mask, r, r, rows_in, r, 0, band, True)
    _scale(hidden, shares)
    _transpose(hidden, 0, work.transposed)
    for q in range(0, noise_rows, TILE_ROWS):
        add_product(
            scores, q, 0, BLOCK, rows_out, BLOCK + q, 0, work.transposed, 0, 0, dimensions, True
        )
    for i in range(len(losses)):
        losses[i] = 0
    _noise_errors(scores, 0, 0, work.noise_pairs, losses)

    for q in range(0, noise_rows, TILE_ROWS):
        add_product(grad_out, BLOCK + q, 0, padded, scores, q, 0, hidden, 0, 0, BLOCK, True)
    _target_errors(hidden, rows_out, output_ids, grad_out, losses)
    errors_by_word = scores.T
    for r in range(0, BLOCK, TILE_ROWS):
        add_product(
            hidden, r, 0, padded, errors_by_word, r, 0, rows_out, BLOCK, 0, noise_rows, False
        )
    if settings.corrected:
        _scale(hidden, shares)
    by_context = mask.T
    for q in range(0, len(input_ids), TILE_ROWS):
        left, right = max(0, q - 2 * window), min(BLOCK, q + TILE_ROWS)
        add_product(grad_in, q, 0, padded, by_context, q, left, hidden, left, 0, right - left, True)
    return _total(losses), predictions


@njit(nogil=True, cache=True)
def _scale(rows: Any, factors: Any) -> None:
    """Multiply row i of `rows` by factors[i]."""
    for i in range(len(rows)):
        factor = factors[i]
        for d in range(rows.shape[1]):
            rows[i, d] *= factor


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _target_errors(hidden: Any, targets: Any, ids: Any, grad_out: Any, losses: Any) -> None:
    """Take the gradients of the words predicted, those of the means replacing `hidden`."""
    for i in range(len(hidden)):
        score = np.float32(0)
        for d in range(hidden.shape[1]):
            score += hidden[i, d] * targets[i, d]
        error, loss = error_and_loss(score)
        present = np.float32(1 if ids[i] >= 0 else 0)
        error *= present
        losses[i] += present * loss
        for d in range(hidden.shape[1]):
            mean = hidden[i, d]
            hidden[i, d] = error * targets[i, d]
            grad_out[i, d] = error * mean


@njit(nogil=True, cache=True, fastmath={"contract"})
def _apply(matrix: Any, ids: Any, rows: Any, rate: float, share: int, shares: int) -> None:
    """Add rate times `rows` to the rows `ids` of `matrix`, those of `share` of `shares` only."""
    step = np.float32(rate)
    for k in range(len(ids)):
        if ids[k] >= 0 and ids[k] % shares == share:
            owned = np.uint64(ids[k])
            for d in range(rows.shape[1]):
                matrix[owned, d] += step * rows[k, d]


@njit(nogil=True, cache=True)
def _apply_block(
    weights: Any, gradients: Any, slot: int, rate: float, share: int, shares: int
) -> None:
    """Apply gradients[slot] to one share of the rows of both weights."""
    _apply(weights.inputs, gradients.input_ids[slot], gradients.inputs[slot], rate, share, shares)
    _apply(
        weights.outputs, gradients.output_ids[slot], gradients.outputs[slot], rate, share, shares
    )


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
    """Be one of `threads` threads that train `weights` on a stretch.

    Deterministic: the gradients of a batch of blocks are all taken at the same weights, then
    applied row by row in the order of the text, the rows shared out; so neither the number of
    threads nor their pace matters. Whoever is free takes the next block or share of rows, and
    nobody waits for a thread that has nothing in hand. Lock-free: each thread applies a block's
    gradients at once (Niu et al. 2011, Hogwild). rates: at the start and the end of the stretch,
    before the floor. Mutates weights, work, gradients and progress.
    """
    blocks = len(progress.losses)
    slope = (rates[1] - rates[0]) / max(1, blocks)
    taken, done = progress.counters[0], progress.counters[1]
    shares_taken, shares_done = progress.counters[2], progress.counters[3]
    for batch in range(len(taken)):
        opening = batch * settings.batch_blocks
        closing = min(blocks, opening + settings.batch_blocks)
        k = opening + fetch_add(taken, batch, 1)
        while k < closing:
            slot = thread if settings.lock_free else k - opening
            start = stretch.first + k * BLOCK
            if settings.cbow:
                progress.losses[k], progress.predictions[k] = cbow_block(
                    weights, stretch, start, noise, key, settings, work, gradients, slot
                )
            else:
                progress.losses[k], progress.predictions[k] = skipgram_block(
                    weights, stretch, start, noise, key, settings, work, gradients, slot
                )
            if settings.lock_free:
                rate = max(rates[0] + slope * k, settings.rate_floor)
                _apply_block(weights, gradients, slot, rate, 0, 1)
            fetch_add(done, batch, 1)
            k = opening + fetch_add(taken, batch, 1)
        if settings.lock_free:
            continue
        wait_until(done, batch, closing - opening)
        share = fetch_add(shares_taken, batch, 1)
        while share < threads:
            for k in range(opening, closing):
                rate = max(rates[0] + slope * k, settings.rate_floor)
                _apply_block(weights, gradients, k - opening, rate, share, threads)
            fetch_add(shares_done, batch, 1)
            share = fetch_add(shares_taken, batch, 1)
        wait_until(shares_done, batch, threads)
