"""fastText's .bin, built here byte by byte, and as gensim reads it."""

import gzip
import struct

import numpy as np
import pytest

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import fasttext
from wordlab.embeddings.ngrams import Subwords, ngrams_of
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import Notice, UserError

WORDS = ("the", "</s>", "über", "walking")
COUNTS = (9, 5, 3, 2)
DIMENSIONS, BUCKETS = 3, 11


def built(version=12, model=2, **changes):
    """Return the bytes of a model by fastText's layout, its rows, and those of n-grams."""
    words, kinds = changes.pop("words", WORDS), changes.pop("kinds", None)
    bucket, minn, maxn = (changes.pop(n, d) for n, d in (("bucket", 11), ("minn", 2), ("maxn", 4)))
    labels = sum(kinds or ())
    generator = np.random.default_rng(1)
    rows = generator.normal(size=(len(words) - labels + bucket, DIMENSIONS)).astype("<f4")
    rows[changes.pop("spoilt", [])] = np.nan
    parts = [struct.pack("<ii", changes.pop("mark", 793712314), version)]
    parts.append(struct.pack("<12i", DIMENSIONS, 5, 1, 1, 5, 1, 2, model, bucket, minn, maxn, 100))
    parts.append(struct.pack("<d", 1e-4))
    sizes = (len(words), len(words) - labels, labels, 19, changes.pop("pruned", -1))
    parts.append(struct.pack("<iiiqq", *sizes))
    for place, word in enumerate(words):
        encoded = word if isinstance(word, bytes) else word.encode()
        count, kind = COUNTS[place % 4], kinds[place] if kinds else 0
        parts.append(encoded + b"\0" + struct.pack("<qb", count, kind))
    shape = changes.pop("shape", rows.shape)
    parts.append(struct.pack("<?qq", changes.pop("quantised", False), *shape) + rows.tobytes())
    outputs = np.zeros((len(words) - labels, DIMENSIONS), "<f4")
    parts.append(struct.pack("<?qq", False, *outputs.shape) + outputs.tobytes())
    assert not changes
    return b"".join(parts), rows[: len(words) - labels], rows[len(words) - labels :]


def read(folder, content):
    (folder / "model.bin").write_bytes(content)
    return fasttext.read(folder / "model.bin")


def test_words_are_the_means_of_their_rows_and_those_of_their_ngrams(tmp_path):
    content, own, shared = built()
    vectors, subwords, remarks = read(tmp_path, content)
    assert vectors.vocabulary.words == WORDS and not remarks
    assert vectors.vocabulary.counts.tolist() == list(COUNTS)
    for place, word in enumerate(WORDS):
        rows = ngrams_of([word], 2, 4, BUCKETS).rows
        assert len(rows) > 0 or word == "</s>"
        expected = np.vstack([own[place], shared[rows]]).astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(vectors.matrix[place], expected, atol=1e-6)
    assert (subwords.shortest, subwords.longest, subwords.lower_case) == (2, 4, True)
    np.testing.assert_array_equal(subwords.rows, shared)
    few = fasttext.read(tmp_path / "model.bin", words=2)
    np.testing.assert_array_equal(few.vectors.matrix, vectors.matrix[:2])
    read(tmp_path, built(words=("the", "Berlin"))[0])
    assert not fasttext.read(tmp_path / "model.bin", words=1).subwords.lower_case


def test_a_packed_file_is_read_and_recognised(tmp_path):
    content, *_ = built()
    (tmp_path / "model.bin.gz").write_bytes(gzip.compress(content))
    assert fasttext.is_binary(tmp_path / "model.bin.gz")
    packed = fasttext.read(tmp_path / "model.bin.gz").vectors.matrix
    np.testing.assert_array_equal(packed, read(tmp_path, content).vectors.matrix)
    (tmp_path / "other").write_text("3 2\n")
    assert not fasttext.is_binary(tmp_path / "other")


def test_without_ngrams_words_have_their_rows(tmp_path):
    content, own, _ = built(bucket=0, minn=0, maxn=0)
    vectors, subwords, _ = read(tmp_path, content)
    assert subwords is None
    np.testing.assert_array_equal(vectors.matrix, own)


@pytest.mark.parametrize(("version", "has"), [(11, False), (12, True)])
def test_a_classifier_has_words_and_labels(tmp_path, version, has):
    """Those of version 11 had no n-grams, whatever their settings say."""
    words, kinds = (*WORDS, "__label__a"), (0, 0, 0, 0, 1)
    content, own, _ = built(version=version, model=3, words=words, kinds=kinds)
    vectors, subwords, _ = read(tmp_path, content)
    assert vectors.vocabulary.words == WORDS and (subwords is not None) is has
    assert np.array_equal(vectors.matrix, own) is not has


def test_words_that_cannot_be_had_are_counted(tmp_path):
    content, *_ = built(words=("a", b"\xff", "a", "b"), spoilt=[3])
    vectors, _, remarks = read(tmp_path, content)
    assert vectors.vocabulary.words == ("a",)
    assert [remark.split(" are ")[0].split(" have ")[0] for remark in remarks] == [
        "1 of 4 words repeat an earlier word and", "1 of 4 words", "1 of 4 words"
    ]  # fmt: skip
    with pytest.warns(Notice, match="1 of 4 words repeat"):
        fasttext.read_with_notice(tmp_path / "model.bin")


def test_every_cut_of_a_file_is_one_line(tmp_path):
    content, *_ = built()
    for size in range(4, len(content)):
        with pytest.raises(UserError, match=r"model\.bin, byte [\d,]+: ends within ") as found:
            read(tmp_path, content[:size])
        assert "\n" not in str(found.value)
    with pytest.raises(UserError, match="more behind its end"):
        read(tmp_path, content + b"\0")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"mark": 5}, "mark 5 and version 12"),
        ({"version": 13}, "version 13"),
        ({"bucket": -1}, "3 dimensions and -1 rows of n-grams"),
        ({"minn": 5}, "n-grams of 5 to 4 characters"),
        ({"minn": 0}, "n-grams of 0 to 4 characters"),
        ({"pruned": 3}, "quantised"),
        ({"quantised": True}, "quantised"),
        ({"kinds": (0, 1, 0, 0)}, "the word '</s>' of kind 1"),
        ({"shape": (14, 3)}, "inputs of 14 rows, not 15"),
        ({"shape": (15, 4)}, "inputs of 15 x 4, not 3 dimensions"),
        ({"shape": (2**62, 3)}, "inputs of 4,611,686,018,427,387,904 x 3"),
    ],
)
def test_what_does_not_fit_together_is_one_line(tmp_path, changes, problem):
    if "bucket" in changes:
        content = built()[0]
        content = content[:40] + struct.pack("<i", changes["bucket"]) + content[44:]
    else:
        content = built(**changes)[0]
    with pytest.raises(UserError, match=r"model\.bin, byte ") as found:
        read(tmp_path, content)
    assert problem in str(found.value)


def test_a_file_without_words_that_can_be_had_is_refused(tmp_path):
    with pytest.raises(UserError, match="no word vectors in it"):
        read(tmp_path, built(words=(b"\xff",))[0])


def test_ngrams_that_are_not_finite_are_refused(tmp_path):
    with pytest.raises(UserError, match="n-grams with NaN or infinity"):
        read(tmp_path, built(words=("a", "bc"), minn=4, spoilt=[7])[0])


def made(buckets=50):
    generator = np.random.default_rng(2)
    vocabulary = Vocabulary(("one", "señor", "日本語"), np.array([7, 4, 2]))
    matrix = generator.normal(size=(3, 5)).astype(np.float32)
    subwords = Subwords(generator.normal(size=(buckets, 5)).astype(np.float32), 3, 6, True)
    return Vectors(vocabulary, matrix, {"window": 10}), subwords


def test_written_is_read_back(tmp_path):
    vectors, subwords = made()
    fasttext.write(vectors, subwords, tmp_path / "v.bin")
    again = fasttext.read(tmp_path / "v.bin")
    assert again.vectors.vocabulary.words == vectors.vocabulary.words
    np.testing.assert_array_equal(again.vectors.vocabulary.counts, vectors.vocabulary.counts)
    np.testing.assert_allclose(again.vectors.matrix, vectors.matrix, atol=1e-6)
    np.testing.assert_array_equal(again.subwords.rows, subwords.rows)
    np.testing.assert_array_equal(again.subwords.vector("neu"), subwords.vector("neu"))
    fasttext.write(vectors, None, tmp_path / "plain.bin")
    plain = fasttext.read(tmp_path / "plain.bin")
    assert plain.subwords is None
    np.testing.assert_array_equal(plain.vectors.matrix, vectors.matrix)


def test_gensim_reads_it_and_makes_the_same_vector_of_a_word_never_seen(tmp_path):
    from gensim.models.fasttext import load_facebook_vectors

    vectors, subwords = made()
    fasttext.write(vectors, subwords, tmp_path / "v.bin")
    keyed = load_facebook_vectors(str(tmp_path / "v.bin"))
    assert keyed.index_to_key == list(vectors.vocabulary.words)
    np.testing.assert_allclose(keyed.vectors, vectors.matrix, atol=1e-5)
    for word in ("unseen", "größe", "日本"):
        np.testing.assert_allclose(keyed[word], subwords.vector(word), atol=1e-5)


def test_a_word_with_a_zero_byte_is_refused(tmp_path):
    spoilt = Vectors(Vocabulary(("a\0b",), np.array([1])), np.ones((1, 2), np.float32))
    with pytest.raises(UserError, match=r"'a\\x00b' is no word"):
        fasttext.write(spoilt, None, tmp_path / "v.bin")
