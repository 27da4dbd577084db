"""The truncated SVD against NumPy's."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array
from threadpoolctl import threadpool_limits

from wordlab.embeddings.ppmi import truncated_svd


def sparse_matrix(rows: int, columns: int, dtype=np.float64, density=0.05) -> csr_array:
    """Return a sparse matrix whose singular values fall as those of texts do."""
    rng = np.random.default_rng(0)
    matrix = random_array((rows, columns), density=density, rng=rng, format="csr")
    scale = 1 / np.arange(1, rows + 1)
    return csr_array(matrix.multiply(scale[:, None]).astype(dtype).tocsr())


@pytest.mark.parametrize("shape", [(400, 400), (500, 300), (300, 500)])
def test_equals_numpy_in_float64(shape):
    matrix = sparse_matrix(*shape)
    found = truncated_svd(matrix, 20, tolerance=1e-9, seed=0)
    left, values, right = np.linalg.svd(matrix.toarray(), full_matrices=False)
    np.testing.assert_allclose(found.values, values[:20], rtol=1e-10)
    signs = np.sign(left[np.abs(left).argmax(0), np.arange(left.shape[1])])
    np.testing.assert_allclose(found.left, (left * signs)[:, :20], atol=1e-6)
    np.testing.assert_allclose(found.right, (right.T * signs)[:, :20], atol=1e-6)


def test_residuals_meet_the_tolerance_in_float32():
    matrix = sparse_matrix(2000, 2000, np.float32)
    for tolerance in (1e-1, 1e-2, 1e-4):
        found = truncated_svd(matrix, 30, tolerance=tolerance, seed=0)
        there = matrix @ found.right - found.left * found.values
        back = matrix.T @ found.left - found.right * found.values
        worst = max(np.linalg.norm(there, axis=0).max(), np.linalg.norm(back, axis=0).max())
        assert worst <= 1.05 * tolerance * found.values[0]
    assert found.left.dtype == np.float32
    np.testing.assert_allclose(found.left.T @ found.left, np.eye(30), atol=1e-5)
    np.testing.assert_allclose(found.right.T @ found.right, np.eye(30), atol=1e-5)


def test_a_matrix_of_lower_rank_has_zeros_beyond_it():
    rng = np.random.default_rng(0)
    matrix = csr_array(rng.random((60, 3)) @ rng.random((3, 50)))
    found = truncated_svd(matrix, 10, tolerance=1e-10, seed=0)
    values = np.linalg.svd(matrix.toarray())[1]
    np.testing.assert_allclose(found.values[:3], values[:3], rtol=1e-10)
    assert (found.values[3:] == 0).all()
    rebuilt = found.left * found.values @ found.right.T
    # values come from squares, so that they are right to the root of the machine's precision
    np.testing.assert_allclose(
        rebuilt, matrix.toarray(), rtol=0, atol=4 * np.sqrt(np.finfo(float).eps) * values[0]
    )


def test_more_singular_values_may_be_equal_than_a_block_has():
    """As of a text of many alike documents that share no word."""
    matrix = csr_array(2 * np.eye(80))
    found = truncated_svd(matrix, 50, tolerance=1e-8, seed=0)
    np.testing.assert_allclose(found.values, 2)
    np.testing.assert_allclose(found.left.T @ found.left, np.eye(50), atol=1e-8)
    np.testing.assert_allclose(matrix @ found.right, 2 * found.left, atol=1e-8)


def test_all_singular_values_of_a_small_matrix():
    matrix = csr_array(np.array([[2.0, 0, 0], [0, 3, 0], [1, 0, 1]]))
    found = truncated_svd(matrix, 3, tolerance=1e-6, seed=0)
    np.testing.assert_allclose(found.values, np.linalg.svd(matrix.toarray())[1], rtol=1e-10)


def test_same_bytes_at_any_number_of_threads():
    matrix = sparse_matrix(9000, 5000, np.float32, density=0.002)
    results = []
    for threads, blas in ((1, 1), (2, 2), (3, 1)):
        with threadpool_limits(blas, user_api="blas"):
            results.append(truncated_svd(matrix, 12, tolerance=1e-2, seed=0, threads=threads))
    for other in results[1:]:
        assert other.left.tobytes() == results[0].left.tobytes()
        assert other.values.tobytes() == results[0].values.tobytes()
        assert other.right.tobytes() == results[0].right.tobytes()


def test_the_largest_entry_of_each_left_vector_is_positive():
    found = truncated_svd(sparse_matrix(300, 300), 10, tolerance=1e-8, seed=0)
    assert (found.left[np.abs(found.left).argmax(0), np.arange(10)] > 0).all()
    again = truncated_svd(sparse_matrix(300, 300), 10, tolerance=1e-8, seed=1)
    np.testing.assert_allclose(again.left, found.left, atol=1e-6)


def test_a_matrix_of_zeros_has_values_of_0():
    found = truncated_svd(csr_array((50, 40)), 3, tolerance=1e-3, seed=0)
    assert found.values.tolist() == [0, 0, 0]
    assert np.isfinite(found.left).all()
    assert np.isfinite(found.right).all()
