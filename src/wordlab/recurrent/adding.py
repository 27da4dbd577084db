"""The adding task: two numbers of a long sequence are marked, their sum is asked for at its end.

Hochreiter & Schmidhuber 1997, 5.4, with numbers drawn from 0..1. What a network can answer tells
over how many steps it has learnt to remember.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from wordlab import rng
from wordlab.params.studies import AddingParams
from wordlab.recurrent.layers import CellSettings, RecurrentLayers
from wordlab.recurrent.optimizers import AdamW, clip_gradients
from wordlab.recurrent.records import DivergedError
from wordlab.recurrent.threads import threads

BASELINE = 1 / 6
"""The mean squared error of always answering 1, the variance of the sum of two such numbers."""


def draw(length: int, count: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return inputs (T, B, 2), a number and a mark at each step, and the sums (B,), float32.

    One mark is in the first half, the other in the second.
    """
    values = random.random((length, count), dtype=np.float32)
    marks = np.zeros_like(values)
    columns = np.arange(count)
    for low, high in ((0, length // 2), (length // 2, length)):
        marks[random.integers(low, high, size=count), columns] = 1
    inputs = torch.from_numpy(np.stack([values, marks], axis=2))
    return inputs, torch.from_numpy((values * marks).sum(axis=0))


class AddingNetwork(nn.Module):
    """One recurrent layer, and a line from its last hidden state to the sum."""

    def __init__(self, settings: CellSettings, hidden_size: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(rng.derive(seed, "adding", settings.cell))
        self.layers = RecurrentLayers(settings, 2, hidden_size, 1, generator)
        self.weight = nn.Parameter(
            torch.empty(hidden_size).uniform_(
                -(hidden_size**-0.5), hidden_size**-0.5, generator=generator
            )
        )
        self.bias = nn.Parameter(torch.ones(1))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the answers (B,) to `inputs` (T, B, 2)."""
        hidden, _ = self.layers(inputs)
        return hidden[-1] @ self.weight + self.bias


def learn(
    settings: CellSettings,
    length: int,
    params: AddingParams,
    *,
    seed: int,
    torch_threads: int,
    on_batches: Callable[[float], object] = lambda count: None,
) -> float:
    """Train a network on sequences of `length` and return its mean squared error on new ones.

    Raises DivergedError where the loss is no longer a number.
    """
    random = rng.stream(seed, "adding task", length)
    test_inputs, test_sums = draw(length, params.test_sequences, random)
    with threads(torch_threads):
        network = AddingNetwork(settings, params.hidden_size, seed)
        optimizer = AdamW(dict(network.named_parameters()), weight_decay=0.0)
        for step in range(params.steps):
            inputs, sums = draw(length, params.batch_size, random)
            network.zero_grad(set_to_none=True)
            loss = (network(inputs) - sums).square().mean()
            loss.backward()
            clip_gradients(network.parameters(), params.clip_norm)
            if not np.isfinite(loss.item()):
                raise DivergedError(
                    f"gradient_study.adding.rate: the adding task diverged at batch {step + 1}; "
                    f"expected a rate lower than {params.rate:g}"
                )
            optimizer.step(params.rate, step + 1)
            on_batches(1)
        with torch.no_grad():
            return float((network(test_inputs) - test_sums).square().mean())
