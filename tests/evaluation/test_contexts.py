"""What the far context gains, without the cost of a cold start."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.evaluation.language.contexts import _last_loss, context_losses
from wordlab.params.language import NetworkParams
from wordlab.recurrent import language_model, training

VOCABULARY = Vocabulary(tuple("abcdef"), np.arange(6, 0, -1, dtype=np.int64))
END = VOCABULARY.end
STARTS = np.zeros(1, dtype=np.int64)


def sentences(count: int) -> np.ndarray:
    """Random sentences of nine words."""
    ids = np.random.default_rng(1).integers(0, 6, (count, 10))
    ids[:, -1] = END
    return ids.ravel()


def test_other_text_stands_before_the_last_symbols(network: Callable[..., NetworkParams]) -> None:
    model = language_model.LanguageModel(network(), VOCABULARY, level="word", seed=1)
    ids = sentences(4)
    found = context_losses(model, ids, (2,), document_starts=STARTS, far=3)
    alone = []
    for place in range(5, 40):
        opposite = (place + 20) % 40
        start = next((s for s in range(0, 40, 10) if s >= opposite), 0)
        other = [END, *ids[start : start + 2]]  # what is read to predict the first three
        window = torch.tensor([*other, *ids[place - 2 : place]])[:, None]
        hidden, _ = model(window, model.initial_state(1))
        alone.append(model.output.losses(hidden[-1], torch.tensor([ids[place]])).item())
    assert found["context_2_loss"] == pytest.approx(np.mean(alone), rel=1e-5)
    whole = model.token_losses(ids, document_starts=STARTS, streams=1)
    assert found["context_loss"] == pytest.approx(whole[5:].mean(), rel=1e-5)


def test_a_text_without_far_dependence_has_nothing_to_gain_from_it(
    network: Callable[..., NetworkParams],
) -> None:
    """A bigram text: a state of zeros costs the network something, other text does not."""
    random, ids = np.random.default_rng(2), [0]
    for _ in range(8000):
        ids.append(int((2 * ids[-1] + random.choice([1, 2, 3], p=[0.8, 0.1, 0.1])) % 7))
    text = np.where(np.array(ids) == 6, END, ids)
    learnt, held_out = text[:6000], text[6000:]
    params = network(rate=0.01, epochs=4, batch_size=8, schedule="linear")
    model = language_model.LanguageModel(params, VOCABULARY, level="word", seed=1)
    training.train(model, learnt, learnt[:300], params, seed=1)
    found = context_losses(model, held_out, (4,), document_starts=STARTS)
    places = np.arange(54, len(held_out))
    windows = held_out[places + np.arange(-4, 0)[:, None]]
    cold = _last_loss(model, windows, held_out[places]) / len(places)
    gain = found["context_4_loss"] - found["context_loss"]
    assert abs(gain) < 0.005 < cold - found["context_loss"]


@pytest.mark.parametrize("changes", [{"carry_state": "never"}, {"examples": "sentences"}])
def test_a_network_that_carries_no_state_has_no_far_context(
    network: Callable[..., NetworkParams], changes: dict[str, Any]
) -> None:
    model = language_model.LanguageModel(network(**changes), VOCABULARY, level="word", seed=1)
    found = context_losses(model, sentences(20), (2,), document_starts=STARTS)
    assert all(math.isnan(loss) for loss in found.values())
    assert context_losses(model, sentences(20), (), document_starts=STARTS) == {}


def test_a_text_shorter_than_the_far_context_says_nothing(
    network: Callable[..., NetworkParams],
) -> None:
    model = language_model.LanguageModel(network(), VOCABULARY, level="word", seed=1)
    found = context_losses(model, sentences(5), (2,), document_starts=STARTS)
    assert math.isnan(found["context_2_loss"])
