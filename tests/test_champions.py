"""A model beats the champion where a paired test on the same items says so."""

from dataclasses import replace

import numpy as np
import pytest

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.language.held_out import HeldOut
from wordlab.evaluation.vectors import scores
from wordlab.evaluation.vectors.analogy import Questions
from wordlab.evaluation.vectors.sets import NO_SETS, EvaluationSets
from wordlab.evaluation.vectors.similarity import WordPairs
from wordlab.params.whole import load
from wordlab.pipeline import champions

WORDS = tuple(f"w{number}" for number in range(80))
KNOWN = Vocabulary(WORDS, np.arange(80, 0, -1))


@pytest.fixture
def scored(repository):
    """Return a maker of scored vectors: those the gold scores were made from, and some noise."""
    params = load(repository / "params.yaml").evaluation
    random = np.random.default_rng(1)
    true = random.normal(size=(80, 8))
    unit = true / np.linalg.norm(true, axis=1, keepdims=True)
    pairs = tuple((WORDS[i], WORDS[i + 40]) for i in range(40))
    gold = (unit[:40] * unit[40:]).sum(axis=1)
    questions = Questions((WORDS[:4],), ("one",), np.zeros(1, np.int64))
    sets = EvaluationSets((WordPairs("pairs", pairs, gold),), questions)

    def scored(noise, sets=sets):
        drawn = np.random.default_rng(2).normal(size=true.shape)
        vectors = Vectors(KNOWN, (true + noise * drawn).astype(np.float32))
        found = scores.evaluate(vectors, params, seed=1, sets=sets)
        return champions.of_vectors(found, {})

    scored.sets = sets
    return scored


def test_better_vectors_win_and_others_do_not(scored):
    good, bad = scored(0.1), scored(20.0)
    better, verdict = good.against(bad.answers)
    assert better is True
    assert verdict.startswith("the difference is ")
    assert ") on pairs" in verdict
    assert bad.against(good.answers)[0] is False
    assert good.against(good.answers)[0] is False


def test_vectors_scored_on_other_sets_are_not_compared(scored):
    pairs = scored.sets.pairs[0]
    flipped = tuple((b, a) for a, b in pairs.words)
    questions = replace(scored.sets.questions, words=(WORDS[4:8],))
    other = EvaluationSets((replace(pairs, words=flipped),), questions)
    assert scored(0.1).against(scored(20.0, other).answers) == champions.APART


def test_a_set_of_which_nothing_is_known_is_not_compared(scored):
    pairs = scored.sets.pairs[0]
    foreign = replace(pairs, words=tuple((f"{a}x", f"{b}x") for a, b in pairs.words))
    found = scored(0.1, EvaluationSets((foreign,), NO_SETS.questions))
    assert found.against(found.answers) == champions.APART


def test_a_language_model_wins_by_the_interval_of_its_ratio():
    random = np.random.default_rng(1)
    ids = random.integers(0, 50, size=2000)
    text = HeldOut(ids, np.arange(0, 2000, 100), unknown=50, end=0)
    losses = random.exponential(4, size=2000)
    model = champions.of_losses(losses, text, {}, 1)
    worse = champions.of_losses(losses + 0.5, text, {}, 1)
    better, verdict = model.against(worse.answers)
    assert better is True
    assert verdict.startswith(f".{100 * np.exp(-0.5):.0f} (")
    assert verdict.endswith(" times its perplexity on the 2,000 symbols of the test split.")
    assert worse.against(model.answers)[0] is False
    elsewhere = HeldOut(ids[::-1].copy(), text.document_starts, 50, 0)
    assert champions.of_losses(losses, elsewhere, {}, 1).against(model.answers) == champions.APART
