"""PMI, PPMI and their vectors against numbers worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.counts.cooccurrence import Counts
from wordlab.embeddings.ppmi import PpmiModel, factorise, ppmi
from wordlab.errors import UserError
from wordlab.params.embeddings import PpmiParams

SYMMETRIC = np.array([[4, 1, 0], [1, 2, 1], [0, 1, 2]])  # 12 in all, sums 5, 4, 3
SMOOTHED = np.array([[3, 0, 1], [1, 0, 4], [0, 1, 4]])  # 14 in all, contexts 4, 1, 9


def settings(**changes) -> PpmiParams:
    plain = {
        "context_exponent": 1.0,
        "shift": 1.0,
        "dimensions": 2,
        "eigenvalue_exponent": 0.5,
        "add_contexts": False,
        "tolerance": 1e-6,
    }
    return PpmiParams(**{**plain, **changes})


def counts_of(table: np.ndarray) -> Counts:
    words = ("apple", "banana", "cherry", "damson", "elder", "fig", "grape", "hazel")
    vocabulary = Vocabulary(words[: len(table)], np.arange(len(table), 0, -1))
    return Counts(vocabulary, csr_array(table.astype(np.float32)))


def test_ppmi_keeps_what_is_above_zero():
    found = ppmi(counts_of(SYMMETRIC), settings()).matrix
    expected = np.diag(np.log([48 / 25, 24 / 16, 24 / 9]))
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-6)
    assert found.nnz == 3
    assert (found.data.dtype, found.indices.dtype) == (np.float32, np.int32)


def test_shift_takes_log_k_away():
    found = ppmi(counts_of(SYMMETRIC), settings(shift=2.0)).matrix
    np.testing.assert_allclose(found.toarray(), np.diag([0, 0, np.log(24 / 18)]), rtol=1e-6)


def test_context_counts_are_smoothed():
    # Contexts to the power 1/2: 2, 1, 3, their sum 6.
    found = ppmi(counts_of(SMOOTHED), settings(context_exponent=0.5)).matrix.toarray()
    expected = np.log([3 * 6 / (4 * 2), 1, 1, 4 * 6 / (5 * 3)])  # below 1: 6 / 12, 6 / 10
    np.testing.assert_allclose(
        found[[0, 0, 1, 1], [0, 2, 0, 2]], np.maximum(expected, 0), rtol=1e-6
    )
    np.testing.assert_allclose(found[2, 1:], np.log([1 * 6 / (5 * 1), 4 * 6 / (5 * 3)]), rtol=1e-6)


@given(
    table=st.lists(st.lists(st.integers(0, 9), min_size=8, max_size=8), min_size=8, max_size=8),
    context_exponent=st.sampled_from([0.5, 0.75, 1.0]),
    shift=st.sampled_from([1.0, 2.5]),
)
def test_equals_the_dense_formula(table, context_exponent, shift):
    dense = np.array(table, dtype=float)
    dense[0, 0] += 1
    params = settings(context_exponent=context_exponent, shift=shift)
    words = dense.sum(1, keepdims=True) / dense.sum()
    contexts = dense.sum(0) ** context_exponent
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log(dense / dense.sum() / (words * contexts / contexts.sum())) - np.log(shift)
    expected = np.where(dense > 0, values, 0)
    counts = counts_of(dense)
    positive = ppmi(counts, params).matrix
    np.testing.assert_allclose(positive.toarray(), np.maximum(expected, 0), atol=1e-6)
    assert (positive.data > 0).all()


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("wordlab.embeddings.ppmi.CELLS", 4)
    table = np.random.default_rng(0).integers(0, 9, (8, 8))
    one, three = (ppmi(counts_of(table), settings(), threads=n).matrix for n in (1, 3))
    for name in ("data", "indices", "indptr"):
        assert getattr(one, name).tobytes() == getattr(three, name).tobytes()
    monkeypatch.setattr("wordlab.embeddings.ppmi.CELLS", 10**6)
    whole = ppmi(counts_of(table), settings(), threads=1).matrix
    assert whole.data.tobytes() == one.data.tobytes()


def test_associations_fall_and_ties_go_to_the_commoner():
    model = PpmiModel(
        counts_of(np.eye(4)).vocabulary,
        csr_array(np.array([[0, 1, 3, 1], [1, 0, 0, 0], [3, 0, 0, 0], [1, 0, 0, 0]], np.float32)),
    )
    assert model.associations("apple", 3) == [("cherry", 3.0), ("banana", 1.0), ("damson", 1.0)]
    assert model.associations("banana", 9) == [("apple", 1.0)]


def test_an_unknown_word_gets_the_nearest_spellings():
    model = ppmi(counts_of(SYMMETRIC), settings())
    with pytest.raises(UserError, match=r"chery: not in the vocabulary.*cherry"):
        model.associations("chery", 3)
    with pytest.raises(UserError, match=r"xxx: not in the vocabulary of 3 words$"):
        model.associations("xxx", 3)


def test_saved_and_loaded(tmp_path: Path):
    model = ppmi(counts_of(SYMMETRIC), settings())
    model.save(tmp_path)
    loaded = PpmiModel.load(tmp_path)
    assert loaded.associations("cherry", 1) == model.associations("cherry", 1)
    assert loaded.matrix.toarray().tolist() == model.matrix.toarray().tolist()


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_vectors_are_left_singular_vectors_times_values_to_the_power_p(exponent):
    matrix = csr_array(np.random.default_rng(0).random((8, 8), np.float32))
    vocabulary = counts_of(np.eye(8)).vocabulary
    left, values, right = np.linalg.svd(matrix.toarray().astype(np.float64))
    signs = np.sign(left[np.abs(left).argmax(0), np.arange(8)])
    words, contexts = left * signs, right.T * signs
    for add_contexts in (False, True):
        params = settings(dimensions=3, eigenvalue_exponent=exponent, add_contexts=add_contexts)
        found = factorise(matrix, vocabulary, params, seed=0).matrix
        expected = (words + contexts if add_contexts else words)[:, :3] * values[:3] ** exponent
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert found.dtype == np.float32


def test_more_dimensions_than_words_are_refused():
    model = ppmi(counts_of(SYMMETRIC), settings())
    with pytest.raises(UserError, match=r"ppmi\.dimensions.*3 or fewer"):
        factorise(model.matrix, model.vocabulary, settings(dimensions=4), seed=0)
