from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit

from wordlab.embeddings.word2vec.meeting import fetch_add, load, wait_until


@njit(nogil=True)
def take_part(counters, written, steps, parts):
    """Write the parts of each step once; return how many were missing after the wait."""
    missing = 0
    for step in range(steps):
        part = fetch_add(counters, 2 * step, 1)
        while part < parts:
            written[step, part] += 1
            fetch_add(counters, 2 * step + 1, 1)
            part = fetch_add(counters, 2 * step, 1)
        wait_until(counters, 2 * step + 1, parts)
        for part in range(parts):
            missing += written[step, part] != 1
    return missing + (load(counters, 2 * steps - 1) != parts)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_each_part_is_done_once_and_seen_by_all_after_the_wait(threads):
    steps, parts = 500, 5
    counters = np.zeros(2 * steps, dtype=np.int64)
    written = np.zeros((steps, parts), dtype=np.int64)
    with ThreadPoolExecutor(threads) as pool:
        missing = pool.map(lambda _: take_part(counters, written, steps, parts), range(threads))
        assert sum(missing) == 0
    assert (written == 1).all()
