"""Training word2vec by negative sampling over a stretch of the corpus, by several threads."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from wordlab.embeddings.block_kernels import BLOCK, apply_block
from wordlab.embeddings.cbow_kernels import cbow_block
from wordlab.embeddings.skipgram_kernels import skipgram_block
from wordlab.embeddings.team_kernels import fetch_add, wait_until


class Progress(NamedTuple):
    """What the threads note of a stretch, all of it zeros at first.

    losses float64 (blocks,), predictions int64 (blocks,); counters int64 (4, batches): blocks
    taken, blocks done, shares of the rows taken, shares done, of each batch.
    """

    losses: NDArray[np.float64]
    predictions: NDArray[np.int64]
    counters: NDArray[np.int64]


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
                apply_block(weights, gradients, slot, rate, 0, 1)
            fetch_add(done, batch, 1)
            k = opening + fetch_add(taken, batch, 1)
        if settings.lock_free:
            continue
        wait_until(done, batch, closing - opening)
        share = fetch_add(shares_taken, batch, 1)
        while share < threads:
            for k in range(opening, closing):
                rate = max(rates[0] + slope * k, settings.rate_floor)
                apply_block(weights, gradients, k - opening, rate, share, threads)
            fetch_add(shares_done, batch, 1)
            share = fetch_add(shares_taken, batch, 1)
        wait_until(shares_done, batch, threads)
