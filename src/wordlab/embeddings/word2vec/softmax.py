"""Full softmax, block after block: every step changes every word."""

from typing import Any

import numpy as np
from numba import njit

from wordlab.embeddings.word2vec.stretch import BLOCK, reach
from wordlab.simd import TILE_ROWS, add_product, transpose


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def softmax_errors(scores: Any, targets: Any, words: int) -> float:
    """Turn scores (V', BLOCK) into the gradient targets - n softmax, n a column's targets.

    targets: float32 (V', BLOCK), how often each word is to be predicted from each column; only
    the first `words` rows are words. Returns the loss; mutates scores.
    """
    total = 0.0
    for i in range(scores.shape[1]):
        highest = scores[0, i]
        wanted = np.float32(0)
        for v in range(words):
            highest = max(highest, scores[v, i])
            wanted += targets[v, i]
        if wanted == 0:
            scores[:, i] = 0
            continue
        mass = 0.0
        for v in range(words):
            mass += np.exp(np.float64(scores[v, i] - highest))
        log_mass = np.log(mass)
        for v in range(words):
            log_probability = np.float64(scores[v, i] - highest) - log_mass
            if targets[v, i] > 0:
                total -= targets[v, i] * log_probability
            scores[v, i] = targets[v, i] - wanted * np.float32(np.exp(log_probability))
        scores[words:, i] = 0
    return total


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def train_full(
    weights: Any, stretch: Any, start: int, stop: int, rate: float, settings: Any,
    scratch: Any, scores: Any, targets: Any,
) -> tuple[float, int]:  # fmt: skip
    """Train on the words start..stop-1, at most BLOCK, by the softmax over the whole vocabulary.

    Skip-gram predicts, from each of these words, the centres whose windows hold it; CBOW these
    words from the means of their windows. All gradients are taken at the same weights. scratch:
    float32 (3, BLOCK, P); scores and targets: float32 (V', BLOCK), V' the rows of the outputs.
    Returns the loss and the number of predictions. Mutates weights, scratch, scores and targets.
    """
    tokens, documents, widths = stretch.tokens, stretch.documents, stretch.widths
    hidden, change = scratch[0], scratch[1]
    transposed = scratch[2].reshape(scratch.shape[2], BLOCK)
    hidden[:] = 0
    targets[:] = 0
    count, predictions = stop - start, 0
    padded = hidden.shape[1]
    if settings.cbow:
        for i in range(count):
            left, right = reach(documents, widths, start + i, 0, len(tokens))
            if right - left <= 1:
                continue
            for at in range(left, right):
                if at != start + i:
                    hidden[i] += weights.inputs[tokens[at]]
            hidden[i] /= np.float32(right - left - 1)
            targets[tokens[start + i], i] = 1
            predictions += 1
    else:
        for i in range(count):
            hidden[i] = weights.inputs[tokens[start + i]]
        for centre in range(
            max(0, start - settings.window), min(len(tokens), stop + settings.window)
        ):
            left, right = reach(documents, widths, centre, start, stop)
            for at in range(left, right):
                if at != centre:
                    targets[tokens[centre], at - start] += 1
                    predictions += 1
    transpose(hidden, transposed)
    outputs = weights.outputs
    for v in range(0, len(outputs), TILE_ROWS):
        add_product(scores, v, 0, BLOCK, outputs, v, 0, transposed, 0, 0, padded, True)
    loss = softmax_errors(scores, targets, settings.words)
    step = np.float32(rate)
    for v in range(len(scores)):
        scores[v] *= step
    for i in range(0, BLOCK, TILE_ROWS):
        add_product(change, i, 0, padded, scores.T, i, 0, outputs, 0, 0, len(outputs), True)
    for v in range(0, len(outputs), TILE_ROWS):
        add_product(outputs, v, 0, padded, scores, v, 0, hidden, 0, 0, BLOCK, False)
    for i in range(count):
        if not settings.cbow:
            weights.inputs[tokens[start + i]] += change[i]
            continue
        left, right = reach(documents, widths, start + i, 0, len(tokens))
        if right - left > 1:
            if settings.corrected:
                change[i] /= np.float32(right - left - 1)
            for at in range(left, right):
                if at != start + i:
                    weights.inputs[tokens[at]] += change[i]
    return loss, predictions
