"""Hierarchical and full softmax, word after word: every step changes the root or every word."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from wordlab.embeddings.word2vec.kernels import transpose
from wordlab.embeddings.word2vec.stretch import BLOCK, reach
from wordlab.simd import TILE_ROWS, add_product, error_and_loss


class Paths(NamedTuple):
    """The path from the root to each word.

    starts: int64 (V+1,); word w passes the inner nodes nodes[starts[w]:starts[w+1]], int32, each
    in 0..V-2, the root V-2 first; turns, float32: 1 where it takes the branch of code 0, else 0.
    """

    starts: NDArray[np.int64]
    nodes: NDArray[np.int32]
    turns: NDArray[np.float32]


def paths(counts: NDArray[np.int64]) -> Paths:
    """Return the paths of the Huffman tree over `counts` (V,), V >= 2.

    Two queues (van Leeuwen 1976) build it from the rarest up; of equal counts, words come before
    inner nodes and the rarer word in the vocabulary's order first.
    """
    size = len(counts)
    order = np.argsort(counts, kind="stable").tolist()
    weight = counts.tolist() + [0] * (size - 1)
    parent = [0] * (2 * size - 1)
    second = [False] * (2 * size - 1)
    leaf, inner = 0, size
    for new in range(size, 2 * size - 1):
        for is_second in (False, True):
            if leaf < size and (inner == new or weight[order[leaf]] <= weight[inner]):
                child, leaf = order[leaf], leaf + 1
            else:
                child, inner = inner, inner + 1
            parent[child], second[child] = new, is_second
            weight[new] += weight[child]
    root = 2 * size - 2
    starts: list[int] = [0]
    nodes: list[int] = []
    turns: list[float] = []
    for word in range(size):
        path, node = [], word
        while node != root:
            path.append((parent[node] - size, 0.0 if second[node] else 1.0))
            node = parent[node]
        nodes.extend(step[0] for step in reversed(path))
        turns.extend(step[1] for step in reversed(path))
        starts.append(len(nodes))
    return Paths(
        np.array(starts, dtype=np.int64),
        np.array(nodes, dtype=np.int32),
        np.array(turns, dtype=np.float32),
    )


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc"})
def descend(paths: Any, word: int, hidden: Any, nodes: Any, step: float, change: Any) -> float:
    """Move the nodes on the path to `word` along the gradient at `hidden`; return the loss.

    -log p(word) is the sum over its path of -log sigma(+-hidden.node) (Morin & Bengio 2005).
    Adds step times the gradient of `hidden` to `change`. Mutates nodes and change.
    """
    rate = np.float32(step)
    total = 0.0
    for k in range(paths.starts[word], paths.starts[word + 1]):
        node = nodes[paths.nodes[k]]
        score = np.float32(0)
        for d in range(len(hidden)):
            score += hidden[d] * node[d]
        sign = np.float32(1) if paths.turns[k] == 1 else np.float32(-1)
        error, loss = error_and_loss(sign * score)
        total += loss
        move = rate * sign * error
        for d in range(len(hidden)):
            change[d] += move * node[d]
            node[d] += move * hidden[d]
    return total


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def train_hierarchical(
    weights: Any, stretch: Any, start: int, stop: int, rate: float, settings: Any,
    paths: Any, scratch: Any,
) -> tuple[float, int]:  # fmt: skip
    """Train on the centre words start..stop-1, one after the other, as word2vec.c.

    scratch: float32 (2, P). Returns the loss and the number of predictions. Mutates weights and
    scratch.
    """
    tokens, documents, widths = stretch.tokens, stretch.documents, stretch.widths
    hidden, change = scratch[0], scratch[1]
    total, predictions = 0.0, 0
    for centre in range(start, stop):
        word = tokens[centre]
        left, right = reach(documents, widths, centre, 0, len(tokens))
        contexts = right - left - 1
        if contexts <= 0:
            continue
        if not settings.cbow:
            for at in range(left, right):
                if at != centre:
                    row = weights.inputs[tokens[at]]
                    change[:] = 0
                    total += descend(paths, word, row, weights.outputs, rate, change)
                    row += change
                    predictions += 1
            continue
        hidden[:] = 0
        change[:] = 0
        for at in range(left, right):
            if at != centre:
                hidden += weights.inputs[tokens[at]]
        hidden /= np.float32(contexts)
        total += descend(paths, word, hidden, weights.outputs, rate, change)
        if settings.corrected:
            change /= np.float32(contexts)
        for at in range(left, right):
            if at != centre:
                weights.inputs[tokens[at]] += change
        predictions += 1
    return total, predictions


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
