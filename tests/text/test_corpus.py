import numpy as np

from wordlab.text.corpus import EncodedCorpus


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
