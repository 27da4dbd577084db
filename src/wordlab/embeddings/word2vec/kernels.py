"""Skip-gram and CBOW with negative sampling: blocks of words that meet the same noise words.

The objective of a pair (input x, output c) is log sigma(x.c) + K E_n log sigma(-x.n)
(Mikolov et al. 2013b, equation 4). Its expectation is taken over N noise words drawn once for a
block of BLOCK neighbouring words, each with weight K/N, instead of K words drawn for each pair:
the same objective, and scores, errors and gradients become products of matrices that stay in the
first cache. In CBOW each half of a block has half of the noise words to itself, with twice the
weight: as many rows to read and change, half of the arithmetic.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from wordlab.embeddings.ngrams import Ngrams
from wordlab.embeddings.word2vec.stretch import BLOCK, draw_noise, mark_contexts, mark_windows
from wordlab.embeddings.word2vec.subword_kernels import gather_means
from wordlab.simd import (
    TILE_ROWS,
    add_product,
    error_and_loss,
    inner_product,
    narrow_product,
    slim_product,
    transpose,
)

GROUP = 8
"""Neighbouring words of CBOW that share noise words: a block is two groups, each with N/2."""
assert GROUP == 2 * TILE_ROWS, "slim_product takes the words of one group, and noise rows of one"


class Weights(NamedTuple):
    """float32 (V, P) each, P the dimensions rounded up to 16; the padding is 0 and stays 0.

    Behind the inputs of the words are the rows of n-grams, where there are any.
    """

    inputs: NDArray[np.float32]
    outputs: NDArray[np.float32]


class Settings(NamedTuple):
    """What the kernels need of the params.

    noise_rows is N, noise_weight is K over the number of noise words that a word meets: N, or N/2
    in CBOW. ngrams: of all words if `subword`; then `words` is the row of the first n-gram.
    """

    words: int
    dimensions: int
    window: int
    noise_rows: int
    noise_weight: float
    cbow: bool
    corrected: bool
    batch_blocks: int
    subword: bool
    ngrams: Ngrams


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
    (BLOCK, P): the means of contexts, then their gradients; transposed (P, BLOCK): the right-hand
    factor of the scores; scores (O, BLOCK), in CBOW (N, GROUP), then errors; mask: which words are
    in whose window; noise_pairs (N, BLOCK), in CBOW (N, GROUP), pairs (BLOCK,): the weight of each
    pair; targets (BLOCK,): in CBOW the scores of the words predicted, then their errors; losses
    (BLOCK,).
    """

    rows_in: NDArray[np.float32]
    rows_out: NDArray[np.float32]
    hidden: NDArray[np.float32]
    transposed: NDArray[np.float32]
    scores: NDArray[np.float32]
    mask: NDArray[np.float32]
    noise_pairs: NDArray[np.float32]
    pairs: NDArray[np.float32]
    targets: NDArray[np.float32]
    losses: NDArray[np.float32]


def aligned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return float32 zeros that start at a cache line."""
    size = int(np.prod(shape))
    raw = np.zeros(size + 16, dtype=np.float32)
    skip = (-raw.ctypes.data // 4) % 16
    return raw[skip : skip + size].reshape(shape)


@njit(nogil=True, cache=True)
def gather(matrix: Any, ids: Any, rows: Any) -> None:
    """Copy the rows `ids` of `matrix` to `rows`; a negative id gives zeros."""
    for k in range(len(ids)):
        source = np.uint64(max(ids[k], 0))
        known = np.float32(1 if ids[k] >= 0 else 0)
        for d in range(rows.shape[1]):
            rows[k, d] = known * matrix[source, d]


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
    weights: Any, stretch: Any, start: int, noise: Any, key: np.uint64, settings: Any,
    work: Any, gradients: Any, slot: int,
) -> tuple[float, int]:  # fmt: skip
    """Fill gradients[slot] with those of the pairs whose input words are start..start+BLOCK-1.

    The input of a pair is a word in the window, its output the word at the centre, as in
    word2vec.c. Where there are n-grams, the mean of a word's rows is its input row, and the
    gradients are those of the means. Returns the loss and the number of pairs. Mutates work and
    gradients.
    """
    window, dimensions, noise_rows = settings.window, settings.dimensions, settings.noise_rows
    input_ids, output_ids = gradients.input_ids[slot], gradients.output_ids[slot]
    grad_in, grad_out = gradients.inputs[slot], gradients.outputs[slot]
    rows_in, rows_out, scores = work.rows_in, work.rows_out, work.scores
    losses, centres, padded = work.losses, len(work.mask), grad_in.shape[1]
    reach_rows = TILE_ROWS + 2 * window

    for i in range(BLOCK):
        input_ids[i] = stretch.tokens[start + i] if start + i < stretch.last else -1
    pairs = mark_windows(stretch, start, window, output_ids, work.mask, work.pairs)
    draw_noise(noise, key, start * noise_rows, output_ids[centres:])
    _weigh_noise(
        output_ids, output_ids[centres:], work.mask, work.pairs, settings.noise_weight,
        work.noise_pairs,
    )  # fmt: skip
    if settings.subword:
        gather_means(weights.inputs, settings.words, settings.ngrams, input_ids, rows_in)
    else:
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
def mean_of_contexts(hidden: Any, mask: Any, rows_in: Any, shares: Any, window: int) -> None:
    """Set hidden (BLOCK, P) to the means of the rows that `mask` marks for each word."""
    padded, band = hidden.shape[1], TILE_ROWS + 2 * window
    for r in range(0, BLOCK, TILE_ROWS):
        add_product(hidden, r, 0, padded, mask, r, r, rows_in, r, 0, band, True)
    _scale(hidden, shares)


@njit(nogil=True, cache=True)
def spread_to_contexts(
    grad_in: Any, mask: Any, changes: Any, shares: Any, window: int, corrected: bool
) -> None:
    """Set grad_in (I, P) to the sums of the rows of changes (BLOCK, P) by whose mean each came.

    corrected: each change is divided among its contexts first, which mutates it.
    """
    if corrected:
        _scale(changes, shares)
    by_context = mask.T
    for q in range(0, len(grad_in), TILE_ROWS):
        left, right = max(0, q - 2 * window), min(BLOCK, q + TILE_ROWS)
        add_product(
            grad_in, q, 0, grad_in.shape[1], by_context, q, left, changes, left, 0, right - left,
            True,
        )  # fmt: skip


@njit(nogil=True, cache=True)
def cbow_block(
    weights: Any, stretch: Any, start: int, noise: Any, key: np.uint64, settings: Any,
    work: Any, gradients: Any, slot: int,
) -> tuple[float, int]:  # fmt: skip
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
    padded, met = grad_in.shape[1], noise_rows // (BLOCK // GROUP)

    predictions = mark_contexts(stretch, start, window, input_ids, output_ids, mask, shares)
    draw_noise(noise, key, start * noise_rows, output_ids[BLOCK:])
    part = np.float32(settings.noise_weight)
    for k in range(noise_rows):
        first = k // met * GROUP
        for i in range(GROUP):
            word = output_ids[first + i]
            work.noise_pairs[k, i] = part if word >= 0 and word != output_ids[BLOCK + k] else 0
    gather(weights.inputs, input_ids, rows_in)
    gather(weights.outputs, output_ids, rows_out)

    mean_of_contexts(hidden, mask, rows_in, shares, window)
    transpose(hidden, work.transposed)
    for q in range(0, noise_rows, 2 * TILE_ROWS):
        group = q // met * GROUP
        slim_product(scores, q, rows_out, BLOCK + q, work.transposed, group, dimensions)
    losses[:] = 0
    noise_errors(scores.reshape(-1, BLOCK), work.noise_pairs.reshape(-1, BLOCK), losses)

    for q in range(0, noise_rows, TILE_ROWS):
        group = q // met * GROUP
        add_product(grad_out, BLOCK + q, 0, padded, scores, q, 0, hidden, group, 0, GROUP, True)
    _target_scores(hidden, rows_out, work.targets)
    _target_errors(work.targets, output_ids, losses)
    _target_gradients(work.targets, hidden, rows_out, grad_out)
    errors_by_word = scores.T
    for r in range(0, BLOCK, TILE_ROWS):
        noise_row, of_group = r // GROUP * met, r % GROUP
        add_product(
            hidden, r, 0, padded, errors_by_word, of_group, noise_row,
            rows_out, BLOCK + noise_row, 0, met, False,
        )  # fmt: skip
    spread_to_contexts(grad_in, mask, hidden, shares, window, settings.corrected)
    return total(losses), predictions


@njit(nogil=True, cache=True)
def _scale(rows: Any, factors: Any) -> None:
    """Multiply row i of `rows` by factors[i]."""
    for i in range(len(rows)):
        factor = factors[i]
        for d in range(rows.shape[1]):
            rows[i, d] *= factor


@njit(nogil=True, cache=True)
def _target_scores(hidden: Any, targets: Any, scores: Any) -> None:
    """Set scores[i] to the product of row i of `hidden` with that of `targets`."""
    for i in range(len(hidden)):
        scores[i] = inner_product(hidden[i], targets[i], hidden.shape[1])


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _target_errors(scores: Any, ids: Any, losses: Any) -> None:
    """Turn the scores of the words predicted into errors, 0 where there is none; add the losses."""
    for i in range(BLOCK):
        error, loss = error_and_loss(scores[i])
        present = np.float32(1 if ids[i] >= 0 else 0)
        scores[i] = present * error
        losses[i] += present * loss


@njit(nogil=True, cache=True)
def _target_gradients(errors: Any, hidden: Any, targets: Any, grad_out: Any) -> None:
    """Take the gradients of the words predicted, those of the means replacing `hidden`."""
    for i in range(BLOCK):
        for d in range(hidden.shape[1]):
            mean = hidden[i, d]
            hidden[i, d] = errors[i] * targets[i, d]
            grad_out[i, d] = errors[i] * mean
