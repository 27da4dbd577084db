"""How far back a loss's gradient reaches, and what it costs to cut it off.

After Bengio, Simard & Frasconi 1994 and Pascanu, Mikolov & Bengio 2013. Truncated backpropagation
through time carries the state from window to window, but no gradient (Williams & Peng 1990).
"""

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from wordlab.evaluation.statistics import median_interval
from wordlab.recurrent.cells import Cell, State
from wordlab.recurrent.language_model import LanguageModel

STATE_NAMES = ("hidden", "memory")
"""The parts of a state: h of every cell, c of the LSTM."""


def gradient_by_lag(
    model: LanguageModel, inputs: NDArray[np.int64], targets: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """Return |d loss / d state| of the last layer at each lag, and that of each part of the state.

    inputs: int64 (T, B), from a state of zeros; targets: int64 (B,), what follows each sequence;
    the loss is that of the last step alone. Each array is (T, B), row k of the state k steps
    before the last; the parts of a state are taken as independent. `state` is the norm over all
    of them: an LSTM remembers in c what its h does not carry. A gradient too small for float32
    is 0.
    """
    states = _states(model, torch.from_numpy(inputs), model.initial_state(inputs.shape[1]))
    last = states[-1][0]  # (B, H)
    log_p = model.output.log_probabilities(last)
    loss = -log_p.gather(1, torch.from_numpy(targets)[:, None]).sum()
    tensors = [tensor for state in states for tensor in state]
    gradients = torch.autograd.grad(loss, tensors, materialize_grads=True)
    norms = torch.stack([gradient.double().norm(dim=1) for gradient in gradients])
    kinds = len(states[0])
    table = norms.view(len(states), kinds, -1).flip(0).numpy()  # (T, kinds, B), by lag
    parts = {STATE_NAMES[kind]: table[:, kind] for kind in range(kinds)}
    return {"state": np.sqrt(np.square(table).sum(axis=1)), **parts}


def spectral_radii(model: LanguageModel, inputs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the largest |eigenvalue| of d state' / d state at the last step of each sequence.

    inputs: int64 (T, B), T at least 2, read from a state of zeros -> float64 (B,). Of the last
    layer; an LSTM's state is (h, c) as one vector.
    """
    cell = model.layers.cells[-1]
    assert isinstance(cell, Cell)
    with torch.no_grad():
        fed, before = _before_last_step(model, torch.from_numpy(inputs))
        projections = cell.project(fed)  # (B, G*H)

    def step(vector: Tensor, projection: Tensor) -> Tensor:  # (S,) -> (S,)
        parts = vector[None].split(cell.hidden_size, dim=1)
        return torch.cat(cell.step(projection[None], parts, cell.weight), dim=1)[0]

    jacobians = torch.func.vmap(torch.func.jacrev(step))(before, projections)
    return torch.linalg.eigvals(jacobians.detach().double()).abs().amax(dim=1).numpy()


def _states(model: LanguageModel, ids: Tensor, start: list[State]) -> list[State]:
    """Return the last layer's state after each step, as tensors a gradient can be asked for."""
    embedded = F.embedding(ids, model.embedding)  # (T, B, E)
    state, last = list(start), []
    for step in range(len(ids)):
        values = embedded[step]
        for layer, cell in enumerate(model.layers.cells):
            # clones: the parts of a state are side by side, h_t does not count as made of c_t
            state[layer] = tuple(part.clone() for part in cell(values, state[layer]))
            values = state[layer][0]
        last.append(state[-1])
    return last


def _before_last_step(model: LanguageModel, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the last layer reads at the last of `ids` (T, B), and its state before it.

    (B, I), and (B, S): the parts of the state side by side.
    """
    *lower, _ = model.layers.cells
    _, reached = model(ids[:-1], model.initial_state(ids.shape[1]))
    values = F.embedding(ids[-1], model.embedding)
    for cell, state in zip(lower, reached, strict=False):
        values = cell(values, state)[0]
    return values, torch.cat(reached[-1], dim=1)


def reach(norms: NDArray[np.float64], faded: float, confidence: float) -> dict[str, float]:
    """Return after how many steps a gradient has faded out, and the most it ever grows to.

    norms: (T, B) by lag, of B independent sequences; faded: the share of that at lag 0 below which
    a norm has faded. A gradient that does not fade counts as T steps.
    """
    ratios = norms / norms[0]
    below = ratios < faded
    steps = np.where(below.any(axis=0), below.argmax(axis=0), len(ratios)).astype(np.float64)
    middle, low, high = median_interval(steps, confidence)
    return {
        "sequences": len(steps),
        "steps": middle,
        "low": low,
        "high": high,
        "greatest_ratio": float(np.median(ratios.max(axis=0))),
        "last_ratio": float(np.median(ratios[-1])),
    }


def window_gradient(
    model: LanguageModel, inputs: NDArray[np.int64], targets: NDArray[np.int64], length: int
) -> Tensor:
    """Return the gradient of the mean loss of a text cut into windows of `length` steps, (P,).

    inputs, targets: int64 (T, B), read from a state of zeros; the state is carried from window to
    window, the gradient is not. The gradients of all weights that are trained, one after another;
    nothing is dropped out.
    """
    weights = [weight for weight in model.parameters() if weight.requires_grad]
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


def multiply_adds(model: LanguageModel) -> int:
    """Return how many multiply-adds a token of a training takes in the layers.

    Each product is made once forward, and twice backward: for the gradient of the weight,
    and for that of its input. No length of windows changes it, nor what the output layer adds.
    """
    cells = [cell for cell in model.layers.cells if isinstance(cell, Cell)]
    return 3 * sum(cell.multiply_adds for cell in cells)


def agreement(truncated: Tensor, whole: Tensor) -> float:
    """Return the cosine of two gradients (P,): 1 where a cut changes no step's direction."""
    one, other = truncated.double(), whole.double()
    return float(one @ other / (one.norm() * other.norm()))


def window_cost(
    model: LanguageModel, inputs: NDArray[np.int64], targets: NDArray[np.int64]
) -> tuple[int, float]:
    """Return what one window, int64 (T, B), costs a training without dropout: bytes and seconds.

    The bytes are those that the forward pass keeps for the backward pass, without the weights; a
    tensor that several operations keep counts once. The seconds are those of both passes.
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
    return sum(kept.values()), seconds
