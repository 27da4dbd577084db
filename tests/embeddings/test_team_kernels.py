from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit

from wordlab.embeddings.team_kernels import COUNTER_STRIDE, fetch_add, wait_for_all


@njit(nogil=True)
def take_turns(counters, arrived, thread, threads, rounds):
    """Count the rounds in which some thread had not arrived when this one went on."""
    early = 0
    for step in range(rounds):
        arrived[thread, step] = 1
        wait_for_all(counters, 0, threads)
        for other in range(threads):
            early += 1 - arrived[other, step]
        fetch_add(counters, 2 * COUNTER_STRIDE, 1)
    return early


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_nobody_passes_the_barrier_early(threads):
    counters = np.zeros(3 * COUNTER_STRIDE, dtype=np.int64)
    arrived = np.zeros((threads, 300), dtype=np.int64)
    with ThreadPoolExecutor(threads) as pool:
        early = pool.map(
            lambda thread: take_turns(counters, arrived, thread, threads, 300), range(threads)
        )
        assert sum(early) == 0
    assert counters[2 * COUNTER_STRIDE] == 300 * threads
