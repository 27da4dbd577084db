"""Claims of params/embeddings.py that tests of the vectors' own modules do not hold."""

import numpy as np
import pytest

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary, keep_probabilities
from wordlab.embeddings.ngrams import ngrams_of
from wordlab.embeddings.vectors import Vectors
from wordlab.embeddings.word2vec import engines
from wordlab.embeddings.word2vec.training import train
from wordlab.evaluation.vectors import scores
from wordlab.params.whole import load

WORDS = Vocabulary(tuple(f"w{i}" for i in range(30)), np.arange(300, 0, -10))


@pytest.fixture
def params(repository):
    return load(repository / "params.yaml")


def trained(params, architecture="skipgram", **changes):
    small = {"dimensions": 16, "epochs": 1, "subsample": 0.0, "window": 3}
    tokens = np.random.default_rng(1).integers(0, 30, 900).astype(np.int32)
    ends = np.arange(30, 901, 30)
    settings = getattr(params.word2vec, architecture).model_copy(update=small | changes)
    corpus = EncodedCorpus(tokens, ends, ends)
    return train(corpus, WORDS, settings, architecture=architecture, seed=1).matrix


@pytest.mark.parametrize("name", ["score_epochs", "negatives", "noise_exponent"])
def test_settings_of_other_outputs_and_of_the_curve_move_no_vector(params, name):
    """word2vec.score_epochs; negatives and noise_exponent are for negative sampling."""
    values = {"score_epochs": (False, True), "negatives": (2, 9), "noise_exponent": (0.0, 1.0)}
    output = {} if name == "score_epochs" else {"output": "hierarchical_softmax"}
    one, other = (trained(params, **output, **{name: value}) for value in values[name])
    np.testing.assert_array_equal(one, other)


def test_a_window_wider_than_every_document_is_as_wide_as_they_are(params):
    """word2vec.window."""
    fixed = {"dynamic_window": False}
    widths = {width: trained(params, window=width, **fixed) for width in (5, 29, 40)}
    np.testing.assert_array_equal(widths[29], widths[40])
    assert not np.array_equal(widths[5], widths[29])


@pytest.mark.parametrize(("negatives", "shared"), [(1, 16), (5, 32), (20, 128)])
def test_the_noise_words_that_a_block_shares_weigh_as_many_as_are_asked_for(
    params, negatives, shared
):
    """word2vec.negatives."""
    own = params.word2vec.skipgram.model_copy(update={"negatives": negatives})
    settings = engines._NegativeSampling(WORDS, own, "skipgram", 1, 1).settings
    assert settings.noise_rows == shared
    assert settings.noise_rows * settings.noise_weight == pytest.approx(negatives)
    own = params.word2vec.subword.model_copy(update={"negatives": negatives})
    ngrams = ngrams_of(WORDS.words, own.min_ngram, own.max_ngram, own.buckets)
    many = engines._NegativeSampling(WORDS, own, "subword", 1, 1, ngrams).settings
    assert many.noise_rows == -(-24 * negatives // 16) * 16
    assert many.noise_rows * many.noise_weight == pytest.approx(negatives)


@pytest.mark.parametrize(("formula", "kept_up_to"), [("reference", 2.6), ("paper", 1.0)])
def test_words_up_to_a_frequency_are_never_left_out(formula, kept_up_to):
    """word2vec and cooccurrence: subsample, subsample_formula."""
    threshold, counts = 0.01, np.arange(1000, 0, -1)
    kept = keep_probabilities(counts, threshold * counts[0] / counts.sum(), formula)
    frequencies = counts / (threshold * counts[0])
    np.testing.assert_array_equal(kept >= 1, frequencies < (1.0001 if kept_up_to == 1 else 2.618))
    assert (keep_probabilities(counts, 0.0, formula) == 1).all()


def evaluated(params, matrix, **changes):
    folder = changes.pop("folder")
    pairs = [f"w{i} w{j} {(i * j) % 11}" for i in range(30) for j in range(i)]
    (folder / "pairs.txt").write_text("\n".join(pairs))
    (folder / "questions.txt").write_text(
        ": gram\nw1 w2 w3 w4\nw1 w2 w20 w21\n: family\nw5 w6 w7 w8\n"
    )
    evaluation = params.evaluation.model_dump() | {
        "similarity": [{"name": "pairs", "path": str(folder / "pairs.txt")}],
        "analogies": {
            "path": str(folder / "questions.txt"),
            "methods": changes.pop("methods", ["3cosadd"]),
            "restrict_vocabulary": changes.pop("restrict_vocabulary", None),
        },
    }
    seed = changes.pop("seed", 1)
    settings = type(params.evaluation).model_validate(evaluation | changes)
    return scores.evaluate(Vectors(WORDS, matrix), settings, seed=seed)


def test_more_resamples_make_the_ends_of_intervals_steadier(params, tmp_path):
    """evaluation.resamples."""
    matrix = np.random.default_rng(3).standard_normal((30, 8)).astype(np.float32)

    def spread(resamples):
        found = (
            evaluated(params, matrix, folder=tmp_path, resamples=resamples, seed=seed).metrics()
            for seed in range(6)
        )
        return np.std([one["pairs"]["low"] for one in found])

    assert spread(2000) < 0.5 * spread(100)


def test_a_narrower_confidence_makes_narrower_intervals(params, tmp_path):
    """evaluation.confidence."""
    matrix = np.random.default_rng(3).standard_normal((30, 8)).astype(np.float32)
    wide, narrow = (
        evaluated(params, matrix, folder=tmp_path, confidence=level).metrics()["pairs"]
        for level in (0.95, 0.5)
    )
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]


def test_only_the_commonest_words_are_asked_for(params, tmp_path):
    """evaluation.analogies.restrict_vocabulary."""
    matrix = np.random.default_rng(3).standard_normal((30, 8)).astype(np.float32)
    asked = {
        most: evaluated(params, matrix, folder=tmp_path, restrict_vocabulary=most).metrics()
        for most in (None, 10)
    }
    assert [found["analogy"]["n"] for found in asked.values()] == [3, 2]


def test_the_first_method_of_analogies_is_the_one_that_is_quoted(params, tmp_path):
    """evaluation.analogies.methods."""
    both = params.evaluation.analogies.model_copy(update={"methods": ("3cosmul", "3cosadd")})
    quoted = scores.by_first_method(params.evaluation.model_copy(update={"analogies": both}))
    assert quoted.analogies.methods == ("3cosmul",)
