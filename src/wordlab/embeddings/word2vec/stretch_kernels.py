"""Training word2vec by negative sampling over a stretch of the corpus, by several threads."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from wordlab.embeddings.word2vec.architecture_kernels import cbow_block, skipgram_block
from wordlab.embeddings.word2vec.kernels import BLOCK, apply_block
from wordlab.embeddings.word2vec.llvm import fetch_add, wait_until


class Progress(NamedTuple):
    """What the threads note of a stretch, all of it zeros at first.

    losses float64 (blocks,), predictions int64 (blocks,); counters int64 (3, batches): blocks that
    are somebody's, blocks whose gradients are taken, and blocks that are applied, of each batch.
    """

    losses: NDArray[np.float64]
    predictions: NDArray[np.int64]
    counters: NDArray[np.int64]


@njit(nogil=True, cache=True)
def _block(
    weights: Any,
    stretch: Any,
    noise: Any,
    key: np.uint64,
    settings: Any,
    work: Any,
    gradients: Any,
    slot: int,
    k: int,
    progress: Any,
) -> None:
    """Take the gradients of the stretch's block k to gradients[slot], and note its loss."""
    start = stretch.first + k * BLOCK
    if settings.cbow:
        progress.losses[k], progress.predictions[k] = cbow_block(
            weights, stretch, start, noise, key, settings, work, gradients, slot
        )
    else:
        progress.losses[k], progress.predictions[k] = skipgram_block(
            weights, stretch, start, noise, key, settings, work, gradients, slot
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

    Deterministic: the gradients of a batch of blocks are all taken at the same weights, by
    whoever is free; then each thread applies those that it took when their turn comes, in the
    order of the text. So neither the number of threads nor their pace matters, nobody waits for a
    thread that has nothing in hand, and a gradient never leaves the core that made it, which is
    faster than sharing out the rows. Lock-free: whoever is free takes the next block and applies
    its gradients at once (Niu et al. 2011, Hogwild). rates: at the start and the end of the
    stretch, before the floor. gradients: slots for a batch for each thread. Mutates weights, work,
    gradients and progress.
    """
    blocks = len(progress.losses)
    slope = (rates[1] - rates[0]) / max(1, blocks)
    taken, done, applied = progress.counters[0], progress.counters[1], progress.counters[2]
    own = thread * settings.batch_blocks
    for batch in range(len(taken)):
        opening = batch * settings.batch_blocks
        size = min(blocks - opening, settings.batch_blocks)
        slot, held = own, 0
        k = fetch_add(taken, batch, 1)
        while k < size:
            _block(
                weights, stretch, noise, key, settings, work, gradients, slot, opening + k, progress
            )
            if settings.lock_free:
                rate = max(rates[0] + slope * (opening + k), settings.rate_floor)
                apply_block(weights, gradients, slot, rate)
            else:
                held |= 1 << k
                slot += 1
            fetch_add(done, batch, 1)
            k = fetch_add(taken, batch, 1)
        if settings.lock_free:
            continue
        wait_until(done, batch, size)
        slot = own
        for k in range(size):
            if (held >> k) & 1:
                wait_until(applied, batch, k)
                rate = max(rates[0] + slope * (opening + k), settings.rate_floor)
                apply_block(weights, gradients, slot, rate)
                fetch_add(applied, batch, 1)
                slot += 1
        wait_until(applied, batch, size)
