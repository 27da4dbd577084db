import numpy as np
import pytest

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.recurrent.batches import Streams, alphabet, character_ids, language_ids, read_lines


def test_language_ids_end_sentences_and_hide_rare_words():
    corpus = EncodedCorpus(
        tokens=np.array([0, 2, -1, 1, 0], dtype=np.int32),
        sentence_ends=np.array([3, 5]),
        document_ends=np.array([5]),
    )
    vocabulary = Vocabulary(("the", "cat", "sat"), np.array([3, 2, 1]))
    assert language_ids(corpus, vocabulary.truncated(2)).tolist() == [0, 2, 2, 3, 1, 0, 3]
    assert language_ids(corpus, vocabulary).tolist() == [0, 2, 3, 4, 1, 0, 4]


def test_streams_are_stretches_of_the_text_and_targets_what_follows():
    streams = Streams.cut(np.arange(12), 3)  # 3 streams of 3 symbols; 9, 10 have no full step
    assert streams.inputs.T.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert streams.targets.T.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_windows_cover_the_streams_in_order_from_any_of_them():
    streams = Streams.cut(np.arange(21), 2)
    windows = list(streams.windows(4))
    assert [len(window.inputs) for window in windows] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([w.inputs for w in windows]), streams.inputs)
    np.testing.assert_array_equal(next(streams.windows(4, 2)).targets, windows[2].targets)


def test_a_text_too_short_is_refused():
    with pytest.raises(UserError, match="batch_size: 8 streams need 9 symbols"):
        Streams.cut(np.arange(8), 8)


def test_the_alphabet_is_that_of_the_training_lines(tmp_path):
    (tmp_path / "train.txt").write_text("ab a\n\nb\n", encoding="utf-8")
    lines = read_lines(tmp_path / "train.txt")
    characters = alphabet(lines, min_count=2)
    assert characters.words == ("a", "b")
    assert character_ids(["ab", "c "], characters).tolist() == [0, 1, 3, 2, 2, 3]
