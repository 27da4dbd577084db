"""What backpropagation through time costs by the length of its windows, and what a cut costs it.

Truncated backpropagation through time carries the state from window to window, but no gradient
(Williams & Peng 1990).
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wordlab.recurrent.language_model import LanguageModel


@dataclass(frozen=True)
class WindowCost:
    """Of one window: bytes kept from the forward for the backward pass; seconds for both."""

    kept_bytes: int
    seconds: float


def window_gradient(
    model: LanguageModel, inputs: NDArray[np.int64], targets: NDArray[np.int64], length: int
) -> Tensor:
    """Return the gradient of the mean loss of a text cut into windows of `length` steps, (P,).

    inputs, targets: int64 (T, B), read from a state of zeros; the state is carried from window to
    window, the gradient is not. All weights' gradients one after another; nothing is dropped out.
    """
    weights = list(model.parameters())
    state = model.initial_state(inputs.shape[1])
    total = [torch.zeros_like(weight) for weight in weights]
    for start in range(0, len(inputs), length):
        ids, wanted = (torch.from_numpy(part[start : start + length]) for part in (inputs, targets))
        hidden, state = model(ids, state)
        loss = model.output.loss(hidden.flatten(0, 1), wanted.flatten()) * (len(ids) / len(inputs))
        for summed, gradient in zip(total, torch.autograd.grad(loss, weights), strict=True):
            summed += gradient
        state = [tuple(part.detach() for part in layer) for layer in state]
    return torch.cat([gradient.flatten() for gradient in total])


def agreement(truncated: Tensor, whole: Tensor) -> float:
    """Return the cosine of two gradients (P,): 1 where a cut changes no step's direction."""
    one, other = truncated.double(), whole.double()
    return float(one @ other / (one.norm() * other.norm()))


def window_cost(
    model: LanguageModel, inputs: NDArray[np.int64], targets: NDArray[np.int64]
) -> WindowCost:
    """Return what one window, int64 (T, B), costs a training without dropout.

    A tensor that several operations keep counts once; weights are not counted.
    """
    kept: dict[int, int] = {}
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    started = time.monotonic()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        hidden, _ = model(torch.from_numpy(inputs), model.initial_state(inputs.shape[1]))
        loss = model.output.loss(hidden.flatten(0, 1), torch.from_numpy(targets).flatten())
    loss.backward()
    seconds = time.monotonic() - started
    model.zero_grad(set_to_none=True)
    return WindowCost(sum(kept.values()), seconds)
