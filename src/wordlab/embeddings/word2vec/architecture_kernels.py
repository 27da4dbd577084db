"""Skip-gram and CBOW with negative sampling, one block at a time; see `kernels`."""

from typing import Any

import numpy as np
from numba import njit

from wordlab.embeddings.word2vec.kernels import (
    BLOCK,
    gather,
    noise_errors,
    pair_errors,
    reach,
    total,
    transpose,
)
from wordlab.embeddings.word2vec.llvm import TILE_ROWS, add_product, error_and_loss, narrow_product
from wordlab.embeddings.word2vec.sampling_kernels import draw_noise


@njit(nogil=True, cache=True)
def _lay_windows(
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
def _weigh_noise(
    output_ids: Any, noise_ids: Any, mask: Any, pairs: Any, share: float, weights: Any
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
                    weights[k, i] -= part * mask[row, i]


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
    losses, centres, padded = work.losses, len(work.mask), grad_in.shape[1]
    reach_rows = TILE_ROWS + 2 * window

    for i in range(BLOCK):
        input_ids[i] = stretch.tokens[start + i] if start + i < stretch.last else -1
    pairs = _lay_windows(stretch, start, window, output_ids, work.mask, work.pairs)
    draw_noise(noise, key, start * noise_rows, output_ids[centres:])
    _weigh_noise(
        output_ids, output_ids[centres:], work.mask, work.pairs, settings.noise_weight,
        work.noise_pairs,
    )  # fmt: skip
    gather(weights.inputs, input_ids, rows_in)
    gather(weights.outputs, output_ids, rows_out)

    transpose(rows_in, work.transposed)
    narrow_product(scores, rows_out, work.transposed, dimensions)
    losses[:] = 0
    pair_errors(scores, work.mask, losses)
    noise_errors(scores[centres:], work.noise_pairs, losses)

    errors_by_input = scores.T
    for r in range(0, BLOCK, TILE_ROWS):
        add_product(grad_in, r, 0, padded, errors_by_input, r, r, rows_out, r, 0, reach_rows, True)
        add_product(
            grad_in, r, 0, padded, errors_by_input, r, centres, rows_out, centres, 0, noise_rows,
            False,
        )  # fmt: skip
    for q in range(0, centres, TILE_ROWS):
        left, right = max(0, q - 2 * window), min(BLOCK, q + TILE_ROWS)
        add_product(grad_out, q, 0, padded, scores, q, left, rows_in, left, 0, right - left, True)
    for q in range(centres, len(rows_out), TILE_ROWS):
        add_product(grad_out, q, 0, padded, scores, q, 0, rows_in, 0, 0, BLOCK, True)
    return total(losses), pairs


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
    gather(weights.inputs, input_ids, rows_in)
    gather(weights.outputs, output_ids, rows_out)

    for r in range(0, BLOCK, TILE_ROWS):
        add_product(hidden, r, 0, padded, mask, r, r, rows_in, r, 0, band, True)
    _scale(hidden, shares)
    transpose(hidden, work.transposed)
    narrow_product(scores, rows_out[BLOCK:], work.transposed, dimensions)
    losses[:] = 0
    noise_errors(scores, work.noise_pairs, losses)

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
    return total(losses), predictions


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
