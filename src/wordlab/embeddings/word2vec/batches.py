"""Batches of blocks: gradients taken at the same weights by all threads, applied in turns."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from wordlab.embeddings.word2vec.hierarchical import hierarchical_block
from wordlab.embeddings.word2vec.kernels import cbow_block, skipgram_block
from wordlab.embeddings.word2vec.meeting import fetch_add, wait_until
from wordlab.embeddings.word2vec.stretch import BLOCK
from wordlab.embeddings.word2vec.subword_kernels import apply_to_ngrams


class Progress(NamedTuple):
    """What the threads note of a stretch, zeros at first.

    losses float64 (blocks,), predictions int64 (blocks,); counters int64 (3, batches): how many
    blocks of each batch are claimed, have their gradients taken, and are applied.
    """

    losses: NDArray[np.float64]
    predictions: NDArray[np.int64]
    counters: NDArray[np.int64]


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
def calm(ids: Any, rows: Any, words: Any, limit: int) -> None:
    """Scale the rows of `ids` that are more often among `words` than `limit`, down to it."""
    for k in range(len(ids)):
        often = 0
        for word in words:
            often += ids[k] == word
        if often > limit:
            factor = np.float32(limit / often)
            for d in range(rows.shape[1]):
                rows[k, d] *= factor


@njit(nogil=True, cache=True)
def apply_block(weights: Any, settings: Any, gradients: Any, slot: int, rate: float) -> None:
    """Apply gradients[slot] to both weights, those of inputs to the rows of n-grams too."""
    input_ids, inputs = gradients.input_ids[slot], gradients.inputs[slot]
    apply_rows(weights.inputs, input_ids, inputs, rate)
    if settings.subword:
        words, ngrams = settings.words, settings.ngrams
        apply_to_ngrams(weights.inputs, words, ngrams, input_ids, inputs, rate)
    apply_rows(weights.outputs, gradients.output_ids[slot], gradients.outputs[slot], rate)


@njit(nogil=True, cache=True)
def batch_openings(stretch: Any, limits: Any, most: int, counts: Any, openings: Any) -> int:
    """Fill `openings` with the first block of each batch and the end of the last; return how many.

    A batch has `most` blocks at most, and no word more often than `limits`, int64 (blocks,), says
    of its last block; but a batch of one block has whatever is in that. counts: int32 (V,), zeros,
    and again so afterwards; openings: int64 (blocks + 1,).
    """
    tokens, found, opening, size, peak = stretch.tokens, 0, 0, 0, 0
    for block in range(len(limits)):
        first = stretch.first + block * BLOCK
        last = min(first + BLOCK, stretch.last)
        for place in range(first, last):
            counts[tokens[place]] += 1
            peak = max(peak, counts[tokens[place]])
        size += 1
        if size > most or (size > 1 and peak > limits[block]):
            for place in range(opening, last):
                counts[tokens[place]] = 0
            size, peak = 1, 0
            for place in range(first, last):
                counts[tokens[place]] += 1
                peak = max(peak, counts[tokens[place]])
        if size == 1:
            openings[found], opening = block, first
            found += 1
    for place in range(opening, stretch.last):
        counts[tokens[place]] = 0
    openings[found] = len(limits)
    return found


@njit(nogil=True, cache=True)
def train_stretch(
    weights: Any, stretch: Any, noise: Any, tree: Any, key: np.uint64, rates: Any, limits: Any,
    openings: Any, settings: Any, work: Any, gradients: Any, progress: Any, thread: int,
) -> None:  # fmt: skip
    """Be number `thread` of the threads that train `weights` on a stretch.

    All gradients of a batch of blocks are taken at the same weights, by whichever thread is free;
    then each thread applies its own when their turn comes, in the order of the text. So neither
    the number of threads nor their pace matters, no thread waits for one that has nothing in hand,
    and a gradient never leaves the core that made it, which is faster than dividing the rows among
    threads. noise or tree, the other one None: what negative sampling or hierarchical softmax
    needs, and `work` likewise. rates: float64 (blocks,), the learning rate of each block; limits
    int64 (blocks,), openings int64 (batches + 1,): as of `batch_openings`; where a block by itself
    has a word more often than its limit, the gradients of that word are scaled down. gradients:
    slots for one batch per thread. Mutates weights, work, gradients and progress.
    """
    taken, done, applied = progress.counters[0], progress.counters[1], progress.counters[2]
    own = thread * settings.batch_blocks
    for batch in range(len(taken)):
        # take the gradients of blocks, as long as the batch has one that nobody has claimed
        opening = openings[batch]
        size = openings[batch + 1] - opening
        slot, held = own, 0
        k = fetch_add(taken, batch, 1)
        while k < size:
            block = opening + k
            start = stretch.first + block * BLOCK
            loss, predictions = 0.0, 0
            if tree is not None:  # numba leaves a branch out where what it asks for is None
                loss, predictions = hierarchical_block(
                    weights, stretch, start, tree, settings, work, gradients, slot
                )
            if noise is not None:
                if settings.cbow:
                    loss, predictions = cbow_block(
                        weights, stretch, start, noise, key, settings, work, gradients, slot
                    )
                else:
                    loss, predictions = skipgram_block(
                        weights, stretch, start, noise, key, settings, work, gradients, slot
                    )
            progress.losses[block], progress.predictions[block] = loss, predictions
            if size == 1:
                words = stretch.tokens[start : min(start + BLOCK, stretch.last)]
                calm(gradients.input_ids[slot], gradients.inputs[slot], words, limits[block])
                if noise is not None:  # else the output rows are those of nodes
                    calm(gradients.output_ids[slot], gradients.outputs[slot], words, limits[block])
            held |= 1 << k
            slot += 1
            fetch_add(done, batch, 1)
            k = fetch_add(taken, batch, 1)
        # apply those this thread took, each in its turn
        wait_until(done, batch, size)
        slot = own
        for k in range(size):
            if (held >> k) & 1:
                wait_until(applied, batch, k)
                apply_block(weights, settings, gradients, slot, rates[opening + k])
                fetch_add(applied, batch, 1)
                slot += 1
        wait_until(applied, batch, size)
