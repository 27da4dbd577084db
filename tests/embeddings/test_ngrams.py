import numpy as np
import pytest

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import ngrams
from wordlab.embeddings.ngrams import Subwords, in_lower_case, ngrams_of
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError


def by_hand(word, shortest, longest):
    """Return the n-grams of a marked word in fastText's order: by place, then by length."""
    marked = f"<{word}>"
    return [
        marked[start:stop]
        for start in range(len(marked))
        for stop in range(start + shortest, min(start + longest, len(marked)) + 1)
        if stop - start > 1 or (start > 0 and stop < len(marked))
    ]


def hashed(text):
    """Return FNV-1a of signed bytes, in Python's whole numbers."""
    found = 2166136261
    for byte in text.encode():
        signed = byte - 256 if byte > 127 else byte
        found = ((found ^ (signed % 2**32)) * 16777619) % 2**32
    return found


def test_the_hash_is_the_published_one():
    """The test vectors of FNV-1a's authors, and what a byte above 127 gives by its sign.

    By hand for the byte 0xC3: (0x811C9DC5 ^ 0xFFFFFFC3) * 0x01000193 mod 2^32.
    """
    for text, value in ((b"", 0x811C9DC5), (b"a", 0xE40C292C), (b"foobar", 0xBF9CF968)):
        assert ngrams.fnv1a(np.frombuffer(text, dtype=np.uint8), 0, len(text)) == value
    byte = np.array([0xC3], dtype=np.uint8)
    assert ngrams.fnv1a(byte, 0, 1) == (0x7EE36206 * 0x01000193) % 2**32


@pytest.mark.parametrize(("shortest", "longest"), [(3, 6), (1, 2), (2, 2), (5, 30)])
def test_the_rows_are_those_of_the_ngrams_of_the_marked_word(shortest, longest):
    words = ["where", "a", "banana", "señor", "日本語", "naïveté", "😀x"]
    found = ngrams_of(words, shortest, longest, 50_021)
    starts = [0, *found.ends[:-1]]
    for word, start, stop in zip(words, starts, found.ends, strict=True):
        expected = [hashed(gram) % 50_021 for gram in by_hand(word, shortest, longest)]
        assert found.rows[start:stop].tolist() == expected


def test_the_example_of_the_paper_has_its_trigrams():
    """Bojanowski et al. 2017, section 3.2: where with n = 3."""
    expected = ["<wh", "whe", "her", "ere", "re>"]
    assert by_hand("where", 3, 3) == expected
    rows = ngrams_of(["where"], 3, 3, 1 << 20).rows
    assert rows.tolist() == [hashed(gram) % (1 << 20) for gram in expected]


def test_the_end_of_a_sentence_has_no_ngrams_and_words_in_parts_are_the_same(monkeypatch):
    words = [f"word{number}" for number in range(50)]
    words[20] = "</s>"
    whole = ngrams_of(words, 3, 6, 1000)
    assert whole.ends[20] == whole.ends[19] > 0
    monkeypatch.setattr(ngrams, "WORDS", 7)
    parts = ngrams_of(words, 3, 6, 1000)
    np.testing.assert_array_equal(parts.ends, whole.ends)
    np.testing.assert_array_equal(parts.rows, whole.rows)


def subwords(lower_case=True, buckets=500, dimensions=4):
    rows = np.random.default_rng(3).normal(size=(buckets, dimensions)).astype(np.float32)
    return Subwords(rows, 3, 6, lower_case)


def test_a_word_never_seen_is_the_mean_of_its_ngrams():
    made = subwords()
    rows = [hashed(gram) % 500 for gram in by_hand("banana", 3, 6)]
    assert len(rows) > len(set(by_hand("banana", 3, 6)))  # `ana` is there twice, and counts twice
    expected = made.rows[rows].astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(made.vector("banana"), expected, atol=1e-6)
    np.testing.assert_array_equal(made.vector("Banana"), made.vector("banana"))
    assert not np.array_equal(subwords(False).vector("Banana"), made.vector("banana"))
    assert made.vector("") is None  # <> has two characters


def test_words_that_are_lacking_come_behind_those_known():
    made = subwords()
    known = Vocabulary(("one", "two"), np.array([3, 2]))
    vectors = Vectors(known, np.ones((2, 4), dtype=np.float32), {"model": "made"})
    found = made.extended(vectors, ["Two", "new", "", "NEW", "one", "other"])
    assert found.vocabulary.words == ("one", "two", "new", "other")
    assert found.vocabulary.counts.tolist() == [3, 2, 0, 0]
    np.testing.assert_array_equal(found.matrix[:2], vectors.matrix)
    np.testing.assert_array_equal(found.matrix[2], made.vector("new"))
    assert made.extended(vectors, ["one", ""]) is vectors


def test_words_in_upper_case_are_seen():
    assert in_lower_case(["one", "two2"])
    assert not in_lower_case(["one", "Two"])


def test_they_are_read_as_they_were_written(tmp_path):
    made = subwords()
    made.save(tmp_path)
    again = Subwords.load(tmp_path)
    np.testing.assert_array_equal(again.rows, made.rows)
    assert (again.shortest, again.longest, again.lower_case) == (3, 6, True)


@pytest.mark.parametrize(
    "settings", ['{"shortest": 4, "longest": 3, "lower_case": true}', "[]", "{}", "{"]
)
def test_damaged_settings_are_one_line(tmp_path, settings):
    subwords().save(tmp_path)
    (tmp_path / "ngrams.json").write_text(settings)
    with pytest.raises(UserError, match=r"ngrams\.json: damaged"):
        Subwords.load(tmp_path)


def test_damaged_rows_are_one_line(tmp_path):
    made = subwords()
    rows = made.rows.copy()
    rows[7, 1] = np.nan
    Subwords(rows, 3, 6, True).save(tmp_path)
    with pytest.raises(UserError, match=r"ngrams\.npy: damaged \(a vector that is not finite\)"):
        Subwords.load(tmp_path)
