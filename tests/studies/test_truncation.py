"""Truncated backpropagation: the gradient of windows, and what they keep."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.params.language import NetworkParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies.gradients.measures import agreement, window_cost, window_gradient

IDS = np.random.default_rng(4).integers(0, 10, (25, 3))


@pytest.fixture
def model(network: Callable[..., NetworkParams]) -> LanguageModel:
    vocabulary = Vocabulary(tuple("abcdefgh"), np.ones(8, np.int64))
    return LanguageModel(network(cell="gru"), vocabulary, "word", 3)


def test_one_window_over_all_has_the_gradient_of_the_loss(model: LanguageModel) -> None:
    inputs, targets = IDS[:-1], IDS[1:]
    whole = window_gradient(model, inputs, targets, 24)
    generator = np.random.default_rng(0)
    ids = torch.from_numpy(inputs), torch.from_numpy(targets)
    model.zero_grad()
    model.loss(*ids, model.initial_state(3), generator)[0].backward()
    expected = torch.cat([weight.grad.flatten() for weight in model.parameters()])
    torch.testing.assert_close(whole, expected)
    torch.testing.assert_close(window_gradient(model, inputs, targets, 100), whole)
    assert agreement(whole, 2 * whole) == pytest.approx(1)


def test_a_cut_changes_the_gradient_the_less_the_longer_the_window(model: LanguageModel) -> None:
    with torch.no_grad():  # a memory that lasts: the update gate all but shut
        model.layers.cells[0].bias[16:32] = 4.0
    inputs, targets = IDS[:-1], IDS[1:]
    whole = window_gradient(model, inputs, targets, 24)
    cosines = [agreement(window_gradient(model, inputs, targets, k), whole) for k in (1, 6, 12)]
    assert 0 < cosines[0] < cosines[1] < cosines[2] < 1


@pytest.mark.parametrize("embedding", ["frozen", "one_hot"])
def test_weights_that_are_not_trained_have_no_part_in_a_gradient(
    network: Callable[..., NetworkParams], embedding: str
) -> None:
    vocabulary = Vocabulary(tuple("abcdefgh"), np.ones(8, np.int64))
    params = network(cell="gru", embedding=embedding, tied=False)
    model = LanguageModel(params, vocabulary, "word", 3)
    learnt = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert learnt < sum(weight.numel() for weight in model.parameters())
    assert len(window_gradient(model, IDS[:-1], IDS[1:], 6)) == learnt


@pytest.mark.parametrize("steps", [6, 24])
def test_what_a_window_keeps_is_what_is_counted_by_hand(model: LanguageModel, steps: int) -> None:
    batch, size, classes = 3, 16, 10
    read = steps * batch * (8 + 4 * size)  # symbols as int64, their vectors
    run = 4 * size * batch * (steps * (3 + 1 + 1) + 1)  # gates, U h + u, states and the first one
    output = 4 * (steps * batch * size + classes * (size + 1))  # its gradients
    kept, seconds = window_cost(model, IDS[:steps], IDS[1 : steps + 1])
    assert kept == read + run + output
    assert seconds > 0
    assert all(weight.grad is None for weight in model.parameters())
