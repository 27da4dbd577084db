"""Words counted and encoded, against Counter and dict."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordlab.corpus import corpus as splits
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import UNKNOWN, Vocabulary
from wordlab.text import counting
from wordlab.text.counting import Encoder

COUNTS = {"b": 3, "a": 3, "the": 9, "once": 1}


def write(path, text):
    path.write_text(text)
    return path


def test_encoding_keeps_sentences_documents_and_unknown_words(tmp_path):
    train = write(tmp_path / "train.txt", "the a the\nb\n\na b zzz\n\n")
    tally = counting.count_words(train, 2)
    assert tally.counts() == {"the": 2, "a": 2, "b": 2, "zzz": 1}
    assert tally.different == 4
    sizes = counting.encode(train, Vocabulary.build(tally.table, min_count=2), tmp_path)
    corpus = EncodedCorpus.load(tmp_path)
    assert corpus.tokens.tolist() == [2, 0, 2, 1, 0, 1, UNKNOWN]
    assert corpus.sentence_ends.tolist() == [3, 4, 7]
    assert corpus.document_ends.tolist() == [4, 7]
    assert sizes == {
        "documents": 2, "sentences": 3, "tokens": 7, "unknown_share": pytest.approx(1 / 7)
    }  # fmt: skip


TEXT = "the a the\nb\n\na\n\n" + "one two\nthe\n\n" * 20


@pytest.mark.parametrize("shard", [1, 7, 1000])
@pytest.mark.parametrize("text", [TEXT, "\n\nthe a  the \nb\n\n\né zz the\nb\n\na b"])
def test_shards_of_any_size_give_the_bytes_of_the_whole(tmp_path, monkeypatch, shard, text):
    train = write(tmp_path / "train.txt", text)
    vocabulary = Vocabulary(("the", "a"), np.array([22, 2]))
    monkeypatch.setattr(counting, "SHARD", shard)
    counting.encode(train, vocabulary, tmp_path / "shards")
    corpus = EncodedCorpus.load(tmp_path / "shards")
    documents = list(splits.read(train))
    words = [word for document in documents for sentence in document for word in sentence]
    assert corpus.tokens.tolist() == [vocabulary.index.get(word, UNKNOWN) for word in words]
    lengths = [sum(map(len, document)) for document in documents]
    assert corpus.document_ends.tolist() == np.cumsum(lengths).tolist()
    corpus.save(tmp_path / "whole")
    for name in ("tokens", "sentence_ends", "document_ends"):
        whole = (tmp_path / "whole" / f"{name}.npy").read_bytes()
        assert (tmp_path / "shards" / f"{name}.npy").read_bytes() == whole


WORDS = st.text(st.characters(codec="utf-8", exclude_characters=" \n"), min_size=1, max_size=3)


@given(st.lists(st.lists(WORDS, max_size=5), max_size=5), st.integers(1, 3))
def test_a_tally_is_that_of_a_counter_and_an_encoded_shard_that_of_a_dict(lines, min_count):
    shard = "".join(" ".join(line) + "\n" for line in lines).encode()
    words = [word for line in lines for word in line]
    tally = counting.tally(shard)
    assert tally.counts() == Counter(words)
    assert counting.added([tally, tally]).counts() == Counter(words * 2)
    known = [word for word, count in Counter(words).items() if count >= min_count]
    vocabulary = Vocabulary(tuple(known), np.ones(len(known), np.int64))
    encoded = Encoder(vocabulary).encode(shard)
    ids = [vocabulary.index.get(word, UNKNOWN) for word in words]
    assert encoded.tokens.tolist() == ids
    assert encoded.unknown == ids.count(UNKNOWN)


def test_a_shard_with_more_words_than_the_first_table_has_room_for():
    words = [f"w{number}" for number in range(40000)]
    shard = "".join(f"{word} {word}\n" for word in words).encode()
    assert counting.tally(shard).counts() == dict.fromkeys(words, 2)
    encoded = Encoder(Vocabulary(tuple(words), np.ones(40000, np.int64))).encode(shard)
    assert encoded.tokens.tolist() == np.repeat(np.arange(40000), 2).tolist()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_counts_that_go_by_way_of_the_disk_are_the_same(tmp_path, monkeypatch, threads):
    monkeypatch.setenv("WORDLAB_THREADS", threads)
    text = TEXT + " ".join(f"w{number % 70}" for number in range(100)) + "\n\n"
    train = write(tmp_path / "train.txt", text)
    whole = counting.count_words(train, 2)
    monkeypatch.setattr(counting, "MOST_WORDS", 3)
    monkeypatch.setattr(counting, "SHARD", 10)
    spilled = counting.count_words(train, 2)
    assert spilled.different == whole.different == 75
    assert spilled.counts() == whole.at_least(2).counts()


def test_an_empty_split_is_encoded(tmp_path):
    train = write(tmp_path / "test.txt", "")
    sizes = counting.encode(train, Vocabulary.build(COUNTS), tmp_path)
    assert set(sizes.values()) == {0}
    corpus = EncodedCorpus.load(tmp_path)
    assert (len(corpus), len(corpus.sentence_ends), len(corpus.document_ends)) == (0, 0, 0)
    assert counting.count_words(train, 1).counts() == {}
