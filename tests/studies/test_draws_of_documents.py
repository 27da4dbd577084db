"""Draws of documents: what one is, the same bytes, resumed, and what they tell apart."""

import numpy as np
import pytest
from scipy import stats

from wordlab import checkpoints
from wordlab.artifacts import md5
from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import ppmi
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.draws import Draws, unit_rows
from wordlab.embeddings.vectors import Vectors
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.evaluation.vectors import scores
from wordlab.params.whole import load
from wordlab.studies import draws, neighbours

DOCUMENTS, LENGTH, WORDS = 40, 60, 30
STEADY, STEADY_NEIGHBOUR, FICKLE, FICKLE_NEIGHBOUR = range(WORDS, WORDS + 4)


@pytest.fixture(scope="module")
def corpus():
    """Words at random; in every document STEADY between its neighbour, FICKLE so in one alone."""
    random = np.random.default_rng(3)
    tokens = random.integers(0, WORDS, (DOCUMENTS, LENGTH))
    tokens[:, 10:20:2], tokens[:, 11:20:2] = STEADY, STEADY_NEIGHBOUR
    tokens[:, 40], tokens[:, 55] = FICKLE, FICKLE_NEIGHBOUR
    tokens[7, 30:50:2], tokens[7, 31:50:2] = FICKLE, FICKLE_NEIGHBOUR
    ends = np.arange(LENGTH, DOCUMENTS * LENGTH + 1, LENGTH)
    return EncodedCorpus(tokens.astype(np.int32).ravel(), ends, ends)


@pytest.fixture(scope="module")
def vocabulary(corpus):
    return Vocabulary(tuple(f"w{i}" for i in range(WORDS + 4)), corpus.counts(WORDS + 4))


@pytest.fixture
def params(repository):
    return load(repository / "params.yaml")


def skipgram(params, **changes):
    small = params.word2vec.skipgram.model_copy(update={"dimensions": 8, "epochs": 4, **changes})

    def learn(text, words, seed, kept):
        return word2vec.train(
            text, words, small, architecture="skipgram", seed=seed, checkpoint=kept
        )

    return learn


def svd(params):
    small = params.ppmi.model_copy(update={"dimensions": 10})
    counting = params.cooccurrence.model_copy(update={"window": 2})

    def learn(text, words, seed, kept):
        counts = cooccurrence.count(text, words, counting, seed=seed)
        return ppmi.factorise(ppmi.ppmi(counts, small).matrix, words, small, seed=seed)

    return learn


def train(folder, corpus, vocabulary, learn, dimensions, count=3, seed=1, checkpoint=NOTHING_KEPT):
    draws.train(
        folder, corpus, vocabulary, learn, dimensions, count,
        model="any", seed=seed, checkpoint=checkpoint,
    )  # fmt: skip
    return folder


def test_a_draw_has_as_many_documents_and_the_words_of_the_text(corpus, vocabulary):
    text, words = draws.draw(corpus, vocabulary, 1, seed=1)
    assert len(text.document_ends) == DOCUMENTS
    assert words.words == vocabulary.words
    assert words.counts.tolist() == text.counts(len(vocabulary)).tolist()
    originals = {tuple(row) for row in corpus.tokens.reshape(DOCUMENTS, LENGTH)}
    own = [tuple(row) for row in text.tokens.reshape(DOCUMENTS, LENGTH)]
    assert set(own) < originals
    other, _ = draws.draw(corpus, vocabulary, 2, seed=1)
    assert other.tokens.tolist() != text.tokens.tolist()


def test_same_seed_same_bytes_other_seed_others(corpus, vocabulary, params, tmp_path):
    for learn, dimensions in ((skipgram(params), 8), (svd(params), 10)):
        first, again, other = (
            md5(train(tmp_path / name, corpus, vocabulary, learn, dimensions, seed=seed))
            for name, seed in (("first", 1), ("again", 1), ("other", 2))
        )
        assert first == again != other


def test_more_draws_begin_with_the_same(corpus, vocabulary, params, tmp_path):
    few, more = (
        Draws.load(train(tmp_path / str(n), corpus, vocabulary, svd(params), 10, count=n))
        for n in (2, 3)
    )
    np.testing.assert_array_equal(few.rows, more.rows[:2])


def test_draws_know_the_vectors_that_were_made_like_them(corpus, vocabulary, params, tmp_path):
    wider = params.model_copy(update={"ppmi": params.ppmi.model_copy(update={"shift": 2.0})})
    for name, learn, others, dimensions in (
        ("skipgram", skipgram(params), skipgram(params, rate=0.01), 8),
        ("ppmi_svd", svd(params), svd(wider), 10),
    ):
        found = Draws.load(train(tmp_path / name, corpus, vocabulary, learn, dimensions, count=1))
        whole = learn(corpus, vocabulary, 7, NOTHING_KEPT)
        assert found.are_of(whole)
        assert not found.are_of(others(corpus, vocabulary, 7, NOTHING_KEPT))


class Cut(Exception):
    pass


def test_resumed_equals_uninterrupted(corpus, vocabulary, params, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    learn, trained = skipgram(params), []

    def watched(text, words, seed, kept):
        trained.append(seed)
        return learn(text, words, seed, kept)

    whole = md5(train(tmp_path / "whole", corpus, vocabulary, watched, 8))
    seeds, saves, save = trained.copy(), 0, Checkpoint.save

    def save_and_die(self, arrays, state):
        nonlocal saves
        save(self, arrays, state)
        saves += 1
        if saves == 7:  # within the second draw: four epochs and the rows of the first, two more
            raise Cut

    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors")
    trained.clear()
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "save", save_and_die)
        with pytest.raises(Cut):
            train(tmp_path / "cut", corpus, vocabulary, watched, 8, checkpoint=checkpoint)
    assert trained == seeds[:2]
    trained.clear()
    again = train(tmp_path / "cut", corpus, vocabulary, watched, 8, checkpoint=checkpoint)
    assert trained == seeds[1:]
    assert md5(again) == whole


def test_a_planted_stable_neighbour_and_a_planted_unstable_one_are_told_apart(
    corpus, vocabulary, params, tmp_path
):
    learn = svd(params)
    folder = train(tmp_path / "draws", corpus, vocabulary, learn, 10, count=10)
    whole = learn(corpus, vocabulary, 1, NOTHING_KEPT)
    asked = params.draws.model_copy(update={"neighbours": 2})
    evaluation = params.evaluation.model_copy(update={"resamples": 10})
    words = [vocabulary.words[i] for i in (STEADY, FICKLE)]
    found = neighbours.study_neighbours(
        {"any": [whole]}, {"any": Draws.load(folder)}, words, 5, asked, evaluation, seed=1
    )
    table = found.tables["neighbours"].set_index(["word", "neighbour"])
    steady = table.loc[words[0], vocabulary.words[STEADY_NEIGHBOUR]]
    fickle = table.loc[words[1], vocabulary.words[FICKLE_NEIGHBOUR]]
    assert steady["share"] == 1 and steady["high"] <= 2
    assert fickle["rank"] <= 2 and fickle["share"] < 0.9 and fickle["high"] > 4
    assert found.tables["stability"]["word"].tolist() == list(vocabulary.words[:5])
    assert 0 <= found.metrics["stability"]["any"] <= 1


def fan(order):
    """Return vectors whose cosines with the first word fall in this order of the others."""
    angles = np.deg2rad(np.append(0, 5 * (np.asarray(order) + 1)))
    words = Vocabulary(tuple(f"w{i}" for i in range(len(angles))), np.full(len(angles), 20))
    return Vectors(words, np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))


def swapped(pairs):
    """Return 0 to 11 with so many of its six pairs of neighbours swapped."""
    order = np.arange(12).reshape(6, 2)
    order[:pairs] = order[:pairs, ::-1]
    return order.ravel()


def test_scores_have_an_interval_of_items_and_one_of_other_texts(params, tmp_path):
    random, gold = np.random.default_rng(5), np.arange(12)
    set_path = tmp_path / "set.tsv"
    set_path.write_text("".join(f"w0\tw{i + 1}\t{-i}\n" for i in gold))
    evaluation = params.evaluation.model_validate(
        {
            **params.evaluation.model_dump(),
            "similarity": [{"name": "own", "path": str(set_path)}],
            "analogies": {"path": "none", "methods": ["3cosadd"], "restrict_vocabulary": None},
            "confidence": params.draws.confidence,
        }
    )
    orders = {name: [random.permutation(gold) for _ in range(2)] for name in ("one", "other")}
    trained = {name: [fan(order) for order in own] for name, own in orders.items()}
    of_draws = {
        "other": [swapped(pairs) for pairs in (0, 1, 3)],
        "one": [swapped(pairs) for pairs in (0, 1, 2, 5)],
    }
    drawn = {
        name: Draws(
            trained["one"][0].vocabulary, np.stack([unit_rows(fan(order)) for order in own]),
            np.full(13, 20), {"documents": 20},
        )
        for name, own in of_draws.items()
    }  # fmt: skip
    table = neighbours.study_neighbours(
        trained, drawn, ["w0"], 5, params.draws, evaluation, seed=1
    ).tables["scores"].set_index(["model", "task"])  # fmt: skip
    assert list(table) == [
        "score", "items_low", "items_high", "documents_low", "documents_high", "n", "draws"
    ]  # fmt: skip
    for name, own in of_draws.items():
        row = table.loc[name, "own"]
        score = np.mean([stats.spearmanr(gold, order).statistic for order in orders[name]])
        each = [stats.spearmanr(gold, order).statistic for order in own]
        quantile = stats.t.ppf((1 + params.draws.confidence) / 2, len(own) - 1)
        half = quantile * np.sqrt(2) * np.std(each, ddof=1)
        assert row["score"] == pytest.approx(score)
        ends = row[["documents_low", "documents_high"]].tolist()
        assert ends == pytest.approx([score - half, score + half])
        items = scores.evaluate(trained[name], evaluation, seed=1, name=name).metrics()["own"]
        assert row[["items_low", "items_high"]].tolist() == pytest.approx(
            [items["low"], items["high"]], abs=1e-4
        )
        assert row[["n", "draws"]].tolist() == [12, len(own)]
