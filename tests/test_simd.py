import numpy as np
import pytest

from wordlab.simd import (
    TILE_ROWS,
    add_product,
    error_and_loss,
    inner_product,
    inverse_root,
    narrow_product,
    sigmoid,
    slim_product,
    tanh,
    transpose,
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


def test_slim_product_equals_numpy():
    generator = np.random.default_rng(0)
    a, b, out = (
        generator.normal(size=shape).astype(np.float32) for shape in ((12, 9), (11, 16), (12, 8))
    )
    expected = out.astype(np.float64)
    expected[4:12] = a[3:11, :7].astype(np.float64) @ b[:7, 5:13]
    slim_product(out, 4, a, 3, b, 5, 7)
    np.testing.assert_allclose(out, expected, atol=2e-5)


def test_narrow_product_equals_numpy():
    generator = np.random.default_rng(0)
    a, b = (generator.normal(size=shape).astype(np.float32) for shape in ((12, 9), (11, 16)))
    out = np.ones((12, 16), dtype=np.float32)
    narrow_product(out, a, b, 7)
    np.testing.assert_allclose(out, a[:, :7].astype(np.float64) @ b[:7], atol=2e-5)


@pytest.mark.parametrize("depth", [1, 15, 16, 17, 100, 160])
def test_inner_product_equals_numpy_up_to_a_depth(depth):
    a, b = np.random.default_rng(0).normal(size=(2, 170)).astype(np.float32)
    expected = a[:depth].astype(np.float64) @ b[:depth]
    assert inner_product(a, b, depth) == pytest.approx(expected, abs=1e-5)


def test_inner_product_has_sixteen_sums_that_are_added_up_by_halves():
    a, b = np.random.default_rng(0).integers(-9, 9, size=(2, 50)).astype(np.float32) / 7
    sums = np.zeros(16, np.float32)
    for k in range(48):
        sums[k % 16] = np.float32(np.float64(a[k]) * np.float64(b[k]) + np.float64(sums[k % 16]))
    while len(sums) > 1:
        sums = sums[: len(sums) // 2] + sums[len(sums) // 2 :]
    assert inner_product(a, b, 48) == sums[0]


def test_inverse_root_equals_numpy():
    numbers = np.geomspace(1e-37, 1e38, 5000).astype(np.float32)
    found = np.array([inverse_root(x) for x in numbers])
    np.testing.assert_allclose(found, 1 / np.sqrt(numbers.astype(np.float64)), rtol=5e-6)


def test_a_transposed_block_is_the_same_numbers():
    rows = np.arange(20 * 48, dtype=np.float32).reshape(20, 48)
    found = np.zeros((48, 16), dtype=np.float32)
    transpose(rows, found)
    assert (found == rows[:16].T).all()


def test_error_and_loss_equal_the_formulas():
    scores = np.concatenate([np.linspace(-40, 40, 4001), [0, 1e-30, -1e-30, 1e4, -1e4]])
    found = np.array([error_and_loss(np.float32(s)) for s in scores])
    exact = scores.astype(np.float32).astype(np.float64)
    error = 1 / (1 + np.exp(np.minimum(exact, 700)))
    np.testing.assert_allclose(found[:, 0], error, atol=2e-7)
    np.testing.assert_allclose(found[:, 1], np.logaddexp(0, -exact), rtol=1e-6, atol=2e-7)


@pytest.mark.parametrize("function", [sigmoid, tanh])
def test_functions_equal_numpy(function):
    exact = {sigmoid: lambda x: 1 / (1 + np.exp(np.minimum(-x, 700))), tanh: np.tanh}[function]
    small = np.geomspace(1e-30, 1, 500)
    numbers = np.concatenate([np.linspace(-40, 40, 4001), small, -small, [0, 1e4, -1e4]])
    numbers = numbers.astype(np.float32)
    found = np.array([function(x) for x in numbers])
    np.testing.assert_allclose(found, exact(numbers.astype(float)), rtol=1e-5, atol=2e-7)
    assert function(np.float32(np.inf)) == 1
    assert function(np.float32(-np.inf)) == {sigmoid: 0, tanh: -1}[function]
    if function is tanh:
        np.testing.assert_allclose(found, exact(numbers.astype(float)), rtol=1e-5)
        assert (found == -np.array([tanh(-x) for x in numbers])).all()


def test_what_is_not_a_number_stays_so():
    for function in (error_and_loss, sigmoid, tanh):
        assert np.isnan(function(np.float32(np.nan))).any()
