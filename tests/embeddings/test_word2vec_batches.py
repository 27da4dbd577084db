"""Batches of word2vec: how many blocks they have, and what that does where a word comes often."""

import numpy as np
import pytest
from gensim.models import Word2Vec
from test_word2vec import train

from wordlab import progress
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.word2vec.batches import batch_openings, calm
from wordlab.embeddings.word2vec.stretch import BLOCK, Stretch


def plain_openings(blocks, limits, most):
    found, batch = [], []
    for number, (block, limit) in enumerate(zip(blocks, limits, strict=True)):
        together = [word for one in [*batch, block] for word in one]
        if not batch or len(batch) == most or max(map(together.count, together)) > limit:
            found.append(number)
            batch = []
        batch.append(block)
    return [*found, len(blocks)]


@pytest.mark.parametrize("seed", [0, 1, 2, 35, 49])
def test_a_batch_ends_before_a_word_is_in_it_too_often(seed):
    random = np.random.default_rng(seed)
    first, length = 3, 30 * BLOCK - 5
    tokens = (random.random(first + length + 7) ** 2 * 60).astype(np.int32)
    stretch = Stretch(tokens, np.zeros_like(tokens), np.ones_like(tokens), first, first + length)
    limits = np.sort(random.integers(1, 20, 30))
    blocks = [
        tokens[i : min(i + BLOCK, first + length)].tolist()
        for i in range(first, first + length, BLOCK)
    ]
    counts, openings = np.zeros(60, np.int32), np.empty(31, np.int64)
    found = batch_openings(stretch, limits, 4, counts, openings)
    expected = plain_openings(blocks, limits.tolist(), 4)
    assert openings[: found + 1].tolist() == expected
    assert 30 / 4 < found < 30, "some batches have one block, and some have more"
    assert not counts.any()


def test_a_block_that_has_a_word_too_often_is_a_batch_of_its_own():
    tokens = np.concatenate([np.full(BLOCK, 0), np.arange(1, 2 * BLOCK + 1)]).astype(np.int32)
    stretch = Stretch(tokens, np.zeros_like(tokens), np.ones_like(tokens), 0, len(tokens))
    openings = np.empty(4, np.int64)
    limits, counts = np.full(3, 8), np.zeros(2 * BLOCK + 1, np.int32)
    found = batch_openings(stretch, limits, 8, counts, openings)
    assert openings[: found + 1].tolist() == [0, 1, 3]


def test_rows_of_a_word_that_is_there_too_often_are_scaled_down_to_the_limit():
    ids, words = np.array([5, 7, -1, 5], np.int32), np.array([5, 5, 7, 5, 5, 7], np.int32)
    rows = np.ones((4, 3), np.float32)
    calm(ids, rows, words, 3)
    np.testing.assert_array_equal(rows, np.array([3 / 4, 1, 1, 3 / 4])[:, None] * np.ones(3))


@pytest.fixture
def tables():
    """A text of 300 words, with tables in it that have two words again and again."""
    random = np.random.default_rng(1)
    tokens = random.integers(0, 300, 30_000).astype(np.int32)
    for start in range(500, len(tokens) - 500, 3000):
        tokens[start : start + 200 : 2], tokens[start + 1 : start + 201 : 4] = 300, 301
    ends = np.array([len(tokens)])
    words = tuple(f"w{i}" for i in range(302))
    counts = np.bincount(tokens, minlength=302)
    order = np.argsort(-counts, kind="stable")
    place = np.argsort(order).astype(np.int32)
    vocabulary = Vocabulary(tuple(words[i] for i in order), counts[order])
    return EncodedCorpus(place[tokens], ends, ends), vocabulary


def lengths(matrix):
    return np.linalg.norm(matrix, axis=1)


CHANGES = {"dimensions": 20, "window": 10, "rate": 0.05, "epochs": 5, "subsample": 0}


@pytest.mark.parametrize("output", ["negative_sampling", "hierarchical_softmax"])
@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_words_of_a_table_grow_no_longer_than_pair_after_pair(tables, architecture, output):
    corpus, vocabulary = tables
    ours = train(CHANGES | {"output": output}, architecture, data=tables).matrix
    words = [vocabulary.words[token] for token in corpus.tokens]
    tree = output == "hierarchical_softmax"
    theirs = Word2Vec(
        [words[i : i + 10_000] for i in range(0, len(words), 10_000)], min_count=1, seed=1,
        workers=1, vector_size=20, window=10, alpha=0.05, min_alpha=5e-6, epochs=5, sample=0,
        sg=architecture == "skipgram", hs=tree, negative=0 if tree else 5,
    ).wv.vectors  # fmt: skip
    longest, expected = lengths(ours).max(), lengths(theirs).max()
    assert expected / 2 < longest < 1.2 * expected


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_batches_of_any_length_give_the_same_bytes_at_any_number_of_threads(
    tables, architecture, monkeypatch
):
    monkeypatch.setattr(progress, "core_count", lambda: 8)
    one, *others = (
        train(CHANGES | {"epochs": 1}, architecture, threads=threads, data=tables).matrix
        for threads in (1, 2, 3, 8)
    )
    assert all(np.array_equal(one, other) for other in others)
