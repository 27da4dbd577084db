"""What a trial measures besides its loss: its progress, and text drawn from it."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.evaluation.language.drawn_text import Reference, cut, yardsticks
from wordlab.evaluation.language.generation import draw_texts
from wordlab.params.language import NetworkParams
from wordlab.params.sweeps import DrawnTextParams
from wordlab.recurrent import language_model, training
from wordlab.recurrent.training import Update
from wordlab.sweeps.language import trial
from wordlab.sweeps.language.trial import Progress

VOCABULARY = Vocabulary(tuple("abcdef"), np.arange(6, 0, -1, dtype=np.int64))
DRAWN = DrawnTextParams(texts=2, length=4, window=2, common_words=1)


def updates(losses: list[float], symbols: int) -> list[Update]:
    return [Update(n, symbols, loss, loss > 2) for n, loss in enumerate(losses, start=1)]


def test_progress_records_when_a_loss_was_reached() -> None:
    followed = Progress(interval=20, target=2.0)
    for update, loss in zip(updates([3.0, 2.5, 2.0, 1.5], 10), (None, 2.2, None, 1.9), strict=True):
        followed.updated(update)
        if loss is not None:
            followed.validated(update.step, update.step * 10, loss)
    found = followed.metrics()
    assert (found["steps"], found["steps_to_target"], found["tokens_to_target"]) == (4, 4, 40)
    assert found["clip_rate"] == 0.5
    assert (found["valid_loss_at_20"], found["valid_loss_at_40"]) == (2.2, 1.9)
    never = Progress(interval=20, target=1.0).metrics()
    assert math.isnan(never["steps_to_target"])
    assert math.isnan(never["clip_rate"])


def test_the_scatter_is_that_of_the_text_whatever_the_window() -> None:
    random = np.random.default_rng(1)
    losses = (4 - np.arange(4000) / 4000 + random.normal(0, 0.3, 4000)).tolist()
    short = trial.scatter(updates(losses, 5))
    long = trial.scatter(updates(np.mean(np.reshape(losses, (-1, 4)), axis=1).tolist(), 20))
    assert short == pytest.approx(long, rel=1e-6)
    assert short == pytest.approx(0.09 / 100, rel=0.5)  # of means of 100 updates
    assert trial.scatter(updates(np.linspace(4, 3, 400).tolist(), 5)) == pytest.approx(0, abs=1e-9)


def test_the_curves_leave_the_table_of_trials() -> None:
    trials = pd.DataFrame(
        {
            "model": ["gru", "gru"],
            "rate": [0.1, 0.2],
            "seed": [1, 1],
            "valid_loss": [2.0, 3.0],
            "valid_loss_at_100": [2.5, 3.5],
            "valid_loss_at_20": [3.0, np.nan],
        }
    )
    left, curves = trial.curves(trials)
    assert list(left) == ["model", "rate", "seed", "valid_loss"]
    assert curves.to_numpy().tolist() == [
        ["gru", 0.1, 1, 20, 3.0],
        ["gru", 0.1, 1, 100, 2.5],
        ["gru", 0.2, 1, 100, 3.5],
    ]


def test_a_watcher_changes_nothing_of_a_training(network: Callable[..., NetworkParams]) -> None:
    ids = np.random.default_rng(1).integers(0, 8, 300)
    found = []
    for watcher in (None, Progress(interval=100, target=1.0)):
        params = network(dropout_input=0.2)
        model = language_model.LanguageModel(params, VOCABULARY, level="word", seed=1)
        record = training.train(model, ids, ids[:80], params, seed=1, watcher=watcher)
        found.append(record)
    assert found[0] == found[1]
    assert watcher is not None
    assert sorted(watcher.marks) == [100, 200, 300, 400, 500]


def test_drawn_texts_follow_the_model(network: Callable[..., NetworkParams]) -> None:
    ids = np.tile([0, 1, 2, 3, 7], 400)
    params = network(rate=0.05, epochs=3)
    model = language_model.LanguageModel(params, VOCABULARY, level="word", seed=1)
    untrained = draw_texts(model, 20, 10, seed=1)
    assert (untrained != draw_texts(model, 20, 10, seed=2)).any()
    training.train(model, ids, ids[:80], params, seed=1)
    texts = draw_texts(model, 20, 10, seed=1)
    assert texts.shape == (20, 10)
    right = [(part == [0, 1, 2, 3, 7, 0, 1, 2, 3, 7]).mean() for part in (texts, untrained)]
    assert right[0] > 0.9 > 0.5 > right[1]
    np.testing.assert_array_equal(texts, draw_texts(model, 20, 10, seed=1))


def corpus(tokens: list[int]) -> EncodedCorpus:
    ends = np.array([len(tokens)])
    return EncodedCorpus(np.array(tokens, dtype=np.int32), ends, ends)


def reference(tokens: list[int], params: DrawnTextParams = DRAWN) -> Reference:
    return Reference.of(corpus(tokens), VOCABULARY, order=2, params=params)


def test_coherence_is_the_npmi_of_pairs_nearby() -> None:
    # pairs of 1 to 5, at most two apart: 1 2, 1 2, 3 4, 1 3 (0 is common, -1 unknown)
    judge = reference([1, 2, 0, 0, 2, 1, 0, 0, 3, 4, -1, -1, 3, 1])
    assert judge.pairs.tolist() == [1 * 6 + 2, 1 * 6 + 3, 3 * 6 + 4]
    # p(1, 2) = 2/4; of the eight words in pairs 1 is three and 2 is two
    both = math.log((2 / 4) / (2 * (3 / 8) * (2 / 8))) / -math.log(2 / 4)
    assert judge.coherence(np.array([[1, 2, 0, 0]])) == pytest.approx(both)
    assert judge.coherence(np.array([[1, 2, 0, 0], [2, 0, 4, 4]])) == pytest.approx((both - 1) / 2)
    assert math.isnan(judge.coherence(np.array([[0, 0, 1, 1]])))


def test_real_text_is_worth_more_than_its_words_shuffled() -> None:
    phrase = [1, 2, 0, 3, 4, 0, 5, 0]
    params = DRAWN.model_copy(update={"texts": 20, "length": 8})
    judge = reference(phrase * 100, params)
    table = yardsticks([corpus(phrase * 30)], VOCABULARY, judge, seed=1).set_index("text")
    real, shuffled = table.loc["held out"], table.loc["shuffled"]
    assert real["text_perplexity"] < shuffled["text_perplexity"]
    assert real["text_distinct_2"] < shuffled["text_distinct_2"]
    assert real["text_coherence"] > shuffled["text_coherence"]
    assert cut(np.arange(3), params).tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("symbols", [3, 8, 23, 40, 160, 1003])
def test_real_text_is_cut_from_all_of_a_fold(symbols: int) -> None:
    params = DRAWN.model_copy(update={"texts": 20, "length": 8})
    texts = cut(np.arange(symbols), params)
    assert len(texts) == min(20, max(1, symbols // 8))
    assert len(np.unique(texts)) == texts.size  # no symbol twice
    assert (np.diff(texts) == 1).all()
    gaps = np.diff([*texts[:, 0], symbols])
    assert gaps.max() - gaps.min() <= 1
