import hashlib

import numpy as np
import pytest
import word2vec_reference as reference
from pydantic import ValidationError

from wordlab import checkpoints, progress
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.ngrams import ngrams_of
from wordlab.embeddings.word2vec import engines, kernels, subword, training
from wordlab.embeddings.word2vec.stretch import BLOCK, Stretch
from wordlab.errors import UserError
from wordlab.params.embeddings import SubwordParams

LENGTH = 75
BUCKETS = 90
STEMS = ("walk", "talk", "jump", "play", "turn", "look")
ENDINGS = ("", "s", "ed", "ing", "er", "ers")
WORDS = tuple(stem + ending for ending in ENDINGS for stem in STEMS)


def params(**changes):
    values = {
        "dimensions": 20, "window": 3, "dynamic_window": True, "output": "negative_sampling",
        "negatives": 4, "noise_exponent": 0.75, "subsample": 0.0, "subsample_formula": "reference",
        "rate": 0.05, "rate_floor": 1e-4, "epochs": 2, "cbow_gradient": "reference",
        "vectors": "input", "score_epochs": False, "min_ngram": 3, "max_ngram": 6,
        "buckets": BUCKETS,
    }  # fmt: skip
    return SubwordParams(**(values | changes))


def corpus_of_endings(tokens=6000, seed=0):
    """Return documents whose words all have one of the endings, each drawn evenly."""
    generator = np.random.default_rng(seed)
    ends = np.arange(20, tokens + 1, 20)
    ending = np.repeat(generator.integers(0, len(ENDINGS), len(ends)), 20)
    ids = (ending * len(STEMS) + generator.integers(0, len(STEMS), tokens)).astype(np.int32)
    counts = np.bincount(ids, minlength=len(WORDS))
    return EncodedCorpus(ids, ends, ends), Vocabulary(WORDS, counts)


def train(changes=None, seed=1, threads=1, **options):
    corpus, vocabulary = corpus_of_endings()
    return subword.train(
        corpus, vocabulary, params(**(changes or {})), seed=seed, threads=threads, **options
    )


def digest(trained):
    vectors, subwords = trained
    return hashlib.md5(vectors.matrix.tobytes() + subwords.rows.tobytes()).hexdigest()


class Case:
    """A stretch of three documents, weights of size 1, and the engine that trains them.

    counts: float64 (V, V + B), how often each word has each row.
    """

    def __init__(self, **changes):
        generator = np.random.default_rng(5)
        self.params = params(**changes)
        counts = np.arange(len(WORDS), 0, -1, dtype=np.int64)
        ends = np.array([LENGTH])
        tokens = generator.integers(0, len(WORDS), LENGTH).astype(np.int32)
        corpus = EncodedCorpus(tokens, ends, ends)
        self.training = subword.SubwordTraining(
            corpus, Vocabulary(WORDS, counts), self.params, "subword", 1, 1
        )
        self.engine, d = self.training.engine, self.params.dimensions
        rows = len(WORDS) + BUCKETS
        self.inputs, self.outputs = self.engine.weights.inputs, self.engine.weights.outputs
        self.inputs[:rows, :d] = generator.normal(size=(rows, d)) / 2
        self.outputs[: len(WORDS), :d] = generator.normal(size=(len(WORDS), d)) / np.sqrt(d)
        widths = generator.integers(1, self.params.window + 1, LENGTH).astype(np.int32)
        documents = np.repeat([0, 1, 2], [1, 40, LENGTH - 41]).astype(np.int32)
        self.stretch = Stretch(tokens, documents, widths, 0, LENGTH)
        self.exact = self.inputs[:rows, :d].astype(np.float64)
        self.exact_outputs = self.outputs[: len(WORDS), :d].astype(np.float64)
        self.counts = np.hstack([np.eye(len(WORDS)), np.zeros((len(WORDS), BUCKETS))])
        for w, word in enumerate(WORDS):
            for row in ngrams_of([word], 3, 6, BUCKETS).rows:
                self.counts[w, len(WORDS) + row] += 1
        self.means = self.counts / self.counts.sum(axis=1, keepdims=True)

    def block(self, start):
        """Return (loss, pairs, gradients of means, of outputs, noise words) of the kernel."""
        engine, d = self.engine, self.params.dimensions
        loss, pairs = kernels.skipgram_block(
            engine.weights, self.stretch, start, engine.noise, np.uint64(9), engine.settings,
            engine.workspaces[0], engine.gradients, 0,
        )  # fmt: skip
        sums = []
        for ids, rows in (
            (engine.gradients.input_ids[0], engine.gradients.inputs[0]),
            (engine.gradients.output_ids[0], engine.gradients.outputs[0]),
        ):
            total = np.zeros((len(WORDS), rows.shape[1]))
            np.add.at(total, ids[ids >= 0], rows[ids >= 0])
            sums.append(total[:, :d])
        noise = engine.gradients.output_ids[0][-engine.settings.noise_rows :].copy()
        return loss, pairs, *sums, noise


@pytest.mark.parametrize("changes", [{}, {"window": 6, "negatives": 11, "dimensions": 33}])
@pytest.mark.parametrize("start", [0, BLOCK, 4 * BLOCK])
def test_a_block_is_that_of_skipgram_over_the_means(changes, start):
    case = Case(**changes)
    loss, pairs, by_mean, by_output, noise = case.block(start)
    weight = case.engine.settings.noise_weight
    of_block = (case.means @ case.exact, case.exact_outputs, case.stretch, start)
    of_block += (min(start + BLOCK, LENGTH), noise, weight)
    expected = reference.skipgram_loss(*of_block)
    assert (loss, pairs) == (pytest.approx(expected[0], rel=1e-5), expected[1])
    for ours, theirs in zip(
        (by_mean, by_output), reference.skipgram_gradients(*of_block), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_gradients_equal_finite_differences():
    """By a row, the slope is the sum over words of their gradients times their parts of it."""
    case = Case()
    _, _, by_mean, _, noise = case.block(BLOCK)
    slopes = case.means.T @ by_mean
    of_block = (case.stretch, BLOCK, 2 * BLOCK, noise, case.engine.settings.noise_weight)
    generator = np.random.default_rng(0)
    used = np.flatnonzero(np.abs(slopes).sum(axis=1))
    assert (used >= len(WORDS)).sum() > 20  # n-grams among them
    for row in generator.choice(used, 24, replace=False):
        d, step = generator.integers(case.params.dimensions), 1e-5
        either = []
        for sign in (1, -1):
            moved = case.exact.copy()
            moved[row, d] += sign * step
            hidden = case.means @ moved
            either.append(reference.skipgram_loss(hidden, case.exact_outputs, *of_block)[0])
        slope = (either[0] - either[1]) / (2 * step)
        assert slopes[row, d] == pytest.approx(-slope, abs=2e-5)


@pytest.mark.parametrize("output", ["hierarchical_softmax", "full_softmax"])
def test_batches_are_those_of_negative_sampling_whatever_other_models_do(output):
    """It has no other output layer, so its params' output is that of the models beside it."""
    vocabulary, settings = Vocabulary(WORDS, np.arange(len(WORDS), 0, -1)), params(rate=0.005)
    words = [
        engines.batch_words(vocabulary, given, "subword", ngrams_of(WORDS, 3, 6, BUCKETS))
        for given in (settings, settings.model_copy(update={"output": output}))
    ]
    assert BLOCK < words[0] == words[1] < engines.LARGEST_BATCH


@pytest.mark.parametrize("blocks", [1, 2])
def test_a_stretch_equals_plain_steps_in_the_order_of_the_text(monkeypatch, blocks):
    """Each row of a word takes the whole gradient of its mean; a batch's are of the same means."""
    monkeypatch.setattr(engines, "batch_words", lambda *_: blocks * BLOCK)
    case = Case()
    inputs, outputs = case.exact.copy(), case.exact_outputs.copy()
    rates = np.linspace(0.05, 0.02, -(-LENGTH // BLOCK))
    starts = range(0, LENGTH, BLOCK)
    noises = [case.block(start)[-1] for start in starts]
    weight = case.engine.settings.noise_weight
    for first in range(0, len(rates), blocks):
        hidden, before = case.means @ inputs, outputs.copy()
        for rate, start, noise in list(zip(rates, starts, noises, strict=True))[
            first : first + blocks
        ]:
            of_block = (hidden, before, case.stretch, start, min(start + BLOCK, LENGTH))
            by_mean, by_output = reference.skipgram_gradients(*of_block, noise, weight)
            inputs += rate * case.counts.T @ by_mean
            outputs += rate * by_output
    case.engine.train(case.stretch, np.uint64(9), rates)
    d = case.params.dimensions
    np.testing.assert_allclose(case.inputs[: len(inputs), :d], inputs, atol=1e-5)
    np.testing.assert_allclose(case.outputs[: len(outputs), :d], outputs, atol=1e-5)
    assert not case.inputs[:, d:].any()
    found = case.training.vectors()
    np.testing.assert_allclose(found.matrix, case.means @ inputs, atol=1e-5)
    np.testing.assert_allclose(case.training.subwords().rows, inputs[len(WORDS) :], atol=1e-5)


def test_a_batch_is_the_smaller_the_more_words_have_the_same_ngrams():
    """Words of one ending move together, and those of an ending each by themselves."""
    shares = np.full(len(WORDS), 1 / len(WORDS))
    apart = tuple(chr(0x4E00 + number) * 3 for number in range(len(WORDS)))
    found = [engines.moved_along(shares, ngrams_of(words, 3, 6, 1 << 20)) for words in (
        WORDS, apart)]  # fmt: skip
    np.testing.assert_allclose(found[1], 1 / len(WORDS))
    assert (found[0] > 1.5 / len(WORDS)).all()


def test_moved_along_is_what_plain_counting_gives():
    case = Case()
    shares = np.arange(1, len(WORDS) + 1) / np.arange(1, len(WORDS) + 1).sum()
    found = engines.moved_along(shares, case.training.ngrams)
    np.testing.assert_allclose(found, case.means @ (case.counts.T @ shares))


def test_any_number_of_threads_gives_the_same_bytes_and_another_seed_others(monkeypatch):
    monkeypatch.setattr(progress, "core_count", lambda: 4)
    changes = {"rate": 1e-3, "epochs": 1}  # low, for a batch of several blocks
    found = [digest(train(changes, threads=threads)) for threads in (1, 2, 4)]
    assert len(set(found)) == 1
    assert digest(train(changes, seed=2)) != found[0]


def test_the_loss_falls_and_a_word_never_seen_is_near_those_of_its_ending():
    losses = []
    vectors, subwords = train(
        {"epochs": 6, "buckets": 4000},
        on_epoch=lambda _, metrics: losses.append(metrics["loss"]),
    )
    assert len(losses) == 6
    assert losses[-1] < losses[0] - 0.05
    for ending in ("ing", "ers"):
        unseen = subwords.extended(vectors, [f"help{ending}"])
        near = [word for word, _ in unseen.neighbours(f"help{ending}", len(STEMS))]
        assert sum(word.endswith(ending) for word in near) > len(STEMS) / 2


class Cut(Exception):
    pass


def test_resumed_equals_uninterrupted(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    monkeypatch.setattr(training, "STRETCH", 2500)
    whole = digest(train())
    save, saves = Checkpoint.save, 0

    def save_and_die(self, arrays, state):
        nonlocal saves
        save(self, arrays, state)
        saves += 1
        if saves == 3:
            raise Cut

    monkeypatch.setattr(Checkpoint, "save", save_and_die)
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    with pytest.raises(Cut):
        train(checkpoint=checkpoint)
    assert digest(train(threads=2, checkpoint=checkpoint)) == whole
    assert saves < 2 * 6  # it went on, rather than starting again
    other = train({"max_ngram": 5}, checkpoint=checkpoint)
    assert digest(other) == digest(train({"max_ngram": 5}))


def test_output_and_vectors_change_nothing():
    found = {
        digest(train({"output": output, "vectors": vectors, "epochs": 1}))
        for output, vectors in (("negative_sampling", "input"), ("full_softmax", "sum"))
    }
    assert len(found) == 1
    described = train({"epochs": 1, "output": "full_softmax", "vectors": "sum"})[0].description
    assert (described["output"], described["vectors"]) == ("negative_sampling", "input")


def test_the_description_has_the_ngrams():
    vectors, subwords = train({"epochs": 1})
    assert vectors.description["architecture"] == "subword"
    assert vectors.description["buckets"] == BUCKETS == len(subwords.rows)
    assert (subwords.shortest, subwords.longest, subwords.lower_case) == (3, 6, True)


def test_an_overflow_names_the_rate():
    with np.errstate(all="ignore"), pytest.raises(UserError, match=r"^word2vec\.subword\.rate: "):
        train({"rate": 1e30})


def test_fewer_characters_at_most_than_at_least_are_refused():
    with pytest.raises(ValidationError, match="min_ngram: expected at most max_ngram, 2, got 3"):
        params(max_ngram=2)
