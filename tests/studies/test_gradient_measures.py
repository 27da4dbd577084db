"""Gradients by lag and Jacobians against finite differences and what is known by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.params.language import NetworkParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies.gradients.measures import gradient_by_lag, multiply_adds, spectral_radii

Model = Callable[..., LanguageModel]


@pytest.fixture
def model(network: Callable[..., NetworkParams]) -> Model:
    """Return a maker of untrained models of ten classes."""

    def make(cell: str, **changes: Any) -> LanguageModel:
        params = network(**{"cell": cell, "embedding_size": 5, "hidden_size": 5, **changes})
        return LanguageModel(params, Vocabulary(tuple("abcdefgh"), np.ones(8, np.int64)), "word", 3)

    return make


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_multiply_adds_are_those_that_torch_counts_at_any_length(cell: str, model: Model) -> None:
    own = model(cell, layers=2).double()  # step by step, by products that torch sees
    for length in (1, 4):
        inputs = torch.randn(length, 3, 5, dtype=torch.float64, requires_grad=True)
        start = [tuple(part.requires_grad_() for part in cell) for cell in own.initial_state(3)]
        with FlopCounterMode(display=False) as counted:
            own.layers(inputs, start)[0].sum().backward()
        assert counted.get_total_flops() / (2 * length * 3) == multiply_adds(own)


def text(steps: int, batch: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    return random.integers(0, 10, (steps, batch)), random.integers(0, 10, batch)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("layers", [1, 2])
def test_gradients_by_lag_equal_finite_differences(cell: str, layers: int, model: Model) -> None:
    own = model(cell, layers=layers).double()
    inputs, targets = text(7, 3)
    found = gradient_by_lag(own, inputs, targets)
    for lag in (0, 2, 5):
        for part, name in enumerate(("hidden", "memory")[: 2 if cell == "lstm" else 1]):
            expected = _differences(own, inputs, targets, lag, part)
            np.testing.assert_allclose(found[name][lag], expected, rtol=1e-4, atol=1e-9)
    parts = [table for name, table in found.items() if name != "state"]
    np.testing.assert_allclose(found["state"] ** 2, sum(table**2 for table in parts))


def _differences(
    own: LanguageModel, inputs: np.ndarray, targets: np.ndarray, lag: int, part: int
) -> np.ndarray:
    """Return |d loss / d state| by moving each entry of a state and running on from it."""
    step, size, reach = len(inputs) - lag, own.params.hidden_size, 1e-6
    ids, wanted = torch.from_numpy(inputs), torch.from_numpy(targets)[:, None]

    def losses(moved: torch.Tensor) -> torch.Tensor:
        state = [tuple(part.clone() for part in layer) for layer in own.initial_state(len(wanted))]
        for place in range(len(ids)):
            values = torch.nn.functional.embedding(ids[place], own.embedding)
            for layer, cell in enumerate(own.layers.cells):
                state[layer] = cell(values, state[layer])
                values = state[layer][0]
            if place == step - 1:
                last = list(state[-1])
                last[part] = last[part] + moved
                state[-1] = tuple(last)
        return -own.output.log_probabilities(state[-1][0]).gather(1, wanted)[:, 0]

    with torch.no_grad():
        moves = reach * torch.eye(size, dtype=torch.float64)
        columns = [(losses(move) - losses(-move)) / (2 * reach) for move in moves]
    return torch.stack(columns).norm(dim=0).numpy()


def test_the_spectral_radius_of_a_linear_recurrence_is_known(model: Model) -> None:
    own = model("rnn", activation="relu")
    weight = torch.diag(torch.tensor([0.9, 0.5, 0.1, 0.2, 0.3]))
    with torch.no_grad():
        own.layers.cells[0].recurrent_weight.copy_(weight)
        own.layers.cells[0].bias.fill_(10.0)  # every unit stays above 0: ReLU is the identity
    radii = spectral_radii(own, text(12, 4)[0])
    assert radii.shape == (4,)
    np.testing.assert_allclose(radii, 0.9, rtol=1e-6)


def test_an_lstm_that_forgets_nothing_has_radius_one(model: Model) -> None:
    own = model("lstm")
    size = own.params.hidden_size
    with torch.no_grad():
        own.layers.cells[0].recurrent_weight.zero_()
        own.layers.cells[0].bias[2 * size : 3 * size] = 30.0
    radii = spectral_radii(own, text(12, 4)[0])
    np.testing.assert_allclose(radii, 1.0, atol=1e-5)
