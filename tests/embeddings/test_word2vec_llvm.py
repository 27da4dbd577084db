from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit

from wordlab.embeddings.word2vec.llvm import (
    TILE_ROWS,
    add_product,
    error_and_loss,
    fetch_add,
    load,
    wait_until,
)


@pytest.mark.parametrize("width", [16, 32, 48, 112])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("fresh", [False, True])
def test_product_equals_numpy(width, transposed, fresh):
    generator = np.random.default_rng(0)
    a = generator.normal(size=(12, 9)).astype(np.float32)
    b = generator.normal(size=(11, 128)).astype(np.float32)
    out = generator.normal(size=(8, 120)).astype(np.float32)
    expected = out.astype(np.float64)
    product = a[3:7, 1:8].astype(np.float64) @ b[2:9, 5 : 5 + width]
    expected[4:8, 7 : 7 + width] = product + (0 if fresh else expected[4:8, 7 : 7 + width])

    a = np.ascontiguousarray(a.T).T if transposed else a
    add_product(out, 4, 7, width, a, 3, 1, b, 2, 5, 7, fresh)

    assert TILE_ROWS == 4
    np.testing.assert_allclose(out, expected, atol=2e-5)


def test_error_and_loss_equal_the_formulas():
    scores = np.concatenate([np.linspace(-40, 40, 4001), [0, 1e-30, -1e-30, 1e4, -1e4]])
    found = np.array([error_and_loss(np.float32(s)) for s in scores])
    exact = scores.astype(np.float32).astype(np.float64)
    error = 1 / (1 + np.exp(np.minimum(exact, 700)))
    np.testing.assert_allclose(found[:, 0], error, atol=2e-7)
    np.testing.assert_allclose(found[:, 1], np.logaddexp(0, -exact), rtol=1e-6, atol=2e-7)


def test_a_score_that_is_not_a_number_stays_one():
    assert np.isnan(error_and_loss(np.float32(np.nan))).any()


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
