import numpy as np
import pytest

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import UNKNOWN


def test_a_corpus_mapped_anew_is_the_same(tmp_path):
    ends = np.array([3, 5])
    corpus = EncodedCorpus(np.array([4, -1, 2, 0, 1], dtype=np.int32), ends, ends)
    assert corpus.reopened() is corpus  # it is in memory, mapped from nowhere
    corpus.save(tmp_path)
    mapped = EncodedCorpus.load(tmp_path)
    anew = mapped.reopened()
    assert anew.tokens is not mapped.tokens
    for old, new in (
        (corpus.tokens, anew.tokens),
        (corpus.document_ends, anew.document_ends),
        (corpus.sentence_ends, anew.sentence_ends),
    ):
        np.testing.assert_array_equal(old, new)
    assert anew.tokens.dtype == np.int32
    assert not anew.tokens.flags.writeable


def test_shortened_takes_the_same_share_of_each_document():
    counts = np.array([10, 20, 1]) * 10
    tokens = np.repeat(np.arange(3), counts).astype(np.int32)
    corpus = EncodedCorpus(tokens, np.arange(10, 311, 10), np.cumsum(counts))
    part = corpus.shortened(155)
    assert part.tokens.tolist() == [0] * 50 + [1] * 100 + [2] * 10
    assert part.document_ends.tolist() == [50, 150, 160]
    assert part.sentence_ends.tolist() == list(range(10, 161, 10))
    assert part.shortened(None) is part
    assert part.shortened(160) is part
    empty = EncodedCorpus(tokens[:0], np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert len(empty.shortened(5)) == 0


def test_a_saved_corpus_is_memory_mapped(tmp_path):
    corpus = EncodedCorpus(np.array([1, 0], np.int32), np.array([2]), np.array([2]))
    corpus.save(tmp_path)
    loaded = EncodedCorpus.load(tmp_path)
    assert isinstance(loaded.tokens, np.memmap)
    assert loaded.tokens.tolist() == [1, 0]


def test_known_drops_unknown_words_and_moves_the_bounds():
    tokens = np.array([UNKNOWN, 3, UNKNOWN, UNKNOWN, 4, 5], np.int32)
    corpus = EncodedCorpus(tokens, np.array([1, 3, 4, 6]), np.array([3, 4, 6]))
    known = corpus.known()
    assert known.tokens.tolist() == [3, 4, 5]
    assert known.sentence_ends.tolist() == [1, 3]
    assert known.document_ends.tolist() == [1, 3]


def test_bounds_that_miss_the_end_are_refused():
    with pytest.raises(ValueError, match="last sentence ends at 1 of 2"):
        EncodedCorpus(np.array([1, 0], np.int32), np.array([1]), np.array([2]))


def test_documents_are_taken_by_number_as_often_as_named():
    tokens = np.array([4, UNKNOWN, 2, 0, 1, 1], np.int32)
    corpus = EncodedCorpus(tokens, np.array([1, 3, 4, 6]), np.array([3, 4, 6]))
    taken = corpus.documents(np.array([2, 0, 2]))
    assert taken.tokens.tolist() == [1, 1, 4, UNKNOWN, 2, 1, 1]
    assert taken.sentence_ends.tolist() == [2, 3, 5, 7]
    assert taken.document_ends.tolist() == [2, 5, 7]
    assert taken.counts(6).tolist() == [0, 4, 1, 0, 1, 0]
    assert taken.document_counts(6).tolist() == [0, 2, 1, 0, 1, 0]
