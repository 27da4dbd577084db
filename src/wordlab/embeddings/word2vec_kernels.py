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

    losses float64 (blocks,), predictions int64 (blocks,); counters int64 (2,): blocks whose
    gradients are taken (lock-free: that are somebody's), and blocks that are applied.
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

    Deterministic: the gradients of a batch of blocks are all taken at the same weights, each
    thread's for a run of blocks; then the threads apply theirs one after the other, in the order
    of the text, so that neither their number nor their pace matters. Taking turns is faster than
    sharing out the rows: a gradient never leaves the core that made it. Lock-free: whoever is
    free takes the next block and applies its gradients at once (Niu et al. 2011, Hogwild). rates:
    at the start and the end of the stretch, before the floor. Mutates weights, work, gradients
    and progress.
    """
    blocks = len(progress.losses)
    slope = (rates[1] - rates[0]) / max(1, blocks)
    if settings.lock_free:
        k = fetch_add(progress.counters, 0, 1)
        while k < blocks:
            _block(weights, stretch, noise, key, settings, work, gradients, thread, k, progress)
            rate = max(rates[0] + slope * k, settings.rate_floor)
            apply_block(weights, gradients, thread, rate)
            k = fetch_add(progress.counters, 0, 1)
        return
    for opening in range(0, blocks, settings.batch_blocks):
        size = min(blocks - opening, settings.batch_blocks)
        first = opening + size * thread // threads
        last = opening + size * (thread + 1) // threads
        for k in range(first, last):
            _block(
                weights, stretch, noise, key, settings, work, gradients, k - opening, k, progress
            )
        fetch_add(progress.counters, 0, last - first)
        wait_until(progress.counters, 0, opening + size)
        wait_until(progress.counters, 1, first)
        for k in range(first, last):
            rate = max(rates[0] + slope * k, settings.rate_floor)
            apply_block(weights, gradients, k - opening, rate)
        fetch_add(progress.counters, 1, last - first)
        wait_until(progress.counters, 1, opening + size)
