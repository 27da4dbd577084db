import numpy as np
import pytest
from scipy import stats

from wordlab.corpus.vocabulary import alias_table, keep_probabilities, noise_probabilities
from wordlab.embeddings.word2vec.stretch import Noise, draw_noise, thin

COUNTS = np.array([5000, 3000, 1200, 500, 200, 60, 30, 10], dtype=np.int64)


def test_keep_probabilities_follow_code_and_paper():
    share = 5000 / 10000
    code = keep_probabilities(COUNTS, 1e-2, "reference")
    paper = keep_probabilities(COUNTS, 1e-2, "paper")
    assert code[0] == pytest.approx((np.sqrt(share / 1e-2) + 1) * 1e-2 / share)
    assert paper[0] == pytest.approx(np.sqrt(1e-2 / share))
    assert code[-1] == paper[-1] == 1
    np.testing.assert_array_equal(keep_probabilities(COUNTS, 0, "reference"), np.ones(8))


@pytest.mark.parametrize("exponent", [0.0, 0.75, 1.0])
def test_noise_words_follow_their_distribution(exponent):
    wanted = noise_probabilities(COUNTS, exponent)
    np.testing.assert_allclose(wanted, COUNTS**exponent / (COUNTS**exponent).sum())
    drawn = np.empty(200_000, dtype=np.int32)
    draw_noise(Noise(*alias_table(wanted)), np.uint64(7), 0, drawn)
    found = np.bincount(drawn, minlength=8)
    assert stats.chisquare(found, wanted * len(drawn)).pvalue > 1e-3


def test_alias_table_is_exact():
    wanted = noise_probabilities(COUNTS, 0.75)
    share, other = alias_table(wanted)
    mass = share / 8
    np.add.at(mass, other, (1 - share) / 8)
    np.testing.assert_allclose(mass, wanted, rtol=1e-12)


def thinned(tokens, ends, start, stop, window=2, dynamic=True, keep=1.0, words=8):
    kept = np.full(words, round(keep * 2**32), dtype=np.uint64)
    out = [np.empty(stop - start + 2 * window, dtype=np.int32) for _ in range(3)]
    n, first, last = thin(
        tokens, ends, start, stop, window, dynamic, kept, np.uint64(3), *out
    )  # fmt: skip
    return *(array[:n] for array in out), first, last


def test_subsampling_keeps_what_the_formula_says():
    tokens = np.random.default_rng(0).integers(0, 8, 100_000).astype(np.int32)
    keep = keep_probabilities(COUNTS, 1e-2, "reference")
    out = [np.empty(len(tokens) + 10, dtype=np.int32) for _ in range(3)]
    n, _, _ = thin(
        tokens, np.array([len(tokens)]), 0, len(tokens), 5, True,
        np.round(keep * 2**32).astype(np.uint64), np.uint64(3), *out,
    )  # fmt: skip
    seen, kept = np.bincount(tokens, minlength=8), np.bincount(out[0][:n], minlength=8)
    error = np.sqrt(seen * keep * (1 - keep))
    assert (np.abs(kept - seen * keep) <= 4 * error).all()


def test_widths_are_even_from_one_to_the_window_or_fixed():
    tokens = np.zeros(60_000, dtype=np.int32)
    ends = np.array([len(tokens)])
    _, _, widths, _, _ = thinned(tokens, ends, 0, len(tokens), window=4)
    found = np.bincount(widths)[1:]
    assert len(found) == 4
    assert stats.chisquare(found).pvalue > 1e-3
    _, _, fixed, _, _ = thinned(tokens, ends, 0, len(tokens), window=4, dynamic=False)
    assert set(fixed.tolist()) == {4}


@pytest.mark.parametrize("keep", [1.0, 0.4])
def test_stretches_join_to_the_whole(keep):
    tokens = np.random.default_rng(1).integers(-1, 8, 500).astype(np.int32)
    ends = np.array([90, 91, 250, 500])
    whole = thinned(tokens, ends, 0, 500, keep=keep)
    parts = [thinned(tokens, ends, a, b, keep=keep) for a, b in ((0, 90), (90, 300), (300, 500))]
    for field in range(3):
        joined = np.concatenate([part[field][part[3] : part[4]] for part in parts])
        np.testing.assert_array_equal(joined, whole[field])
    assert (whole[0] >= 0).all()


def test_a_stretch_reaches_into_its_document_only():
    tokens = np.arange(8, dtype=np.int32)
    ends = np.array([3, 8])
    found, documents, _, first, last = thinned(tokens, ends, 3, 5)
    assert found.tolist() == [3, 4, 5, 6]
    assert (first, last) == (0, 2)
    assert set(documents.tolist()) == {1}
    found, _, _, first, last = thinned(tokens, ends, 5, 6)
    assert found.tolist() == [3, 4, 5, 6, 7]
    assert (first, last) == (2, 3)
