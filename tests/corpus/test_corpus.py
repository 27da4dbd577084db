import numpy as np

from wordlab.corpus.corpus import EncodedCorpus


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
