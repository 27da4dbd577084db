"""How far back a loss's gradient reaches, and what a step of the recurrence does to it.

After Bengio, Simard & Frasconi 1994 and Pascanu, Mikolov & Bengio 2013.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from wordlab import rng
from wordlab.evaluation.statistics import median_interval
from wordlab.params.studies import GradientStudyParams
from wordlab.recurrent.cells import Cell, State
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies.jobs import Outcome

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
    cell = _last_cell(model)
    with torch.no_grad():
        fed, before = _before_last_step(model, torch.from_numpy(inputs))
        projections = cell.project(fed)  # (B, G*H)
    jacobians = torch.func.vmap(torch.func.jacrev(_as_vector(cell)))(before, projections)
    return torch.linalg.eigvals(jacobians.detach().double()).abs().amax(dim=1).numpy()


def _as_vector(cell: Cell) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the cell's step as a function of one vector, (S,) -> (S,)."""

    def step(vector: Tensor, projection: Tensor) -> Tensor:
        parts = vector[None].split(cell.hidden_size, dim=1)
        return torch.cat(cell.step(projection[None], parts), dim=1)[0]

    return step


def _states(model: LanguageModel, ids: Tensor, start: list[State]) -> list[State]:
    """Return the last layer's state after each step, as tensors a gradient can be asked for."""
    embedded = F.embedding(ids, model.embedding)  # (T, B, E)
    state, last = list(start), []
    for step in range(len(ids)):
        values = embedded[step]
        for layer, cell in enumerate(model.layers.cells):
            # clones: the parts of a state stand side by side, h_t does not count as made of c_t
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


def _last_cell(model: LanguageModel) -> Cell:
    cell = model.layers.cells[-1]
    assert isinstance(cell, Cell)
    return cell


FADED = 0.01
"""A gradient has faded out where its norm is below this share of that at lag 0."""


@dataclass(frozen=True, eq=False)
class Texts:
    """What language models of the study learn, and what they are measured on, as classes."""

    train: NDArray[np.int64]
    valid: NDArray[np.int64]

    def sequences(self, length: int, count: int, seed: int) -> NDArray[np.int64]:
        """Return stretches of the validation text, each with what follows: (T + 1, B).

        They do not overlap, so that they count as independent draws; B is `count`, or as many as
        the text has room for.
        """
        random = rng.stream(seed, "gradient sequences", length)
        room = len(self.valid) // (length + 1)
        shift = random.integers(0, len(self.valid) % (length + 1) + 1)
        chosen = np.sort(random.permutation(room)[:count])
        return self.valid[shift + (length + 1) * chosen + np.arange(length + 1)[:, None]]


def measure_lags(
    model: LanguageModel, texts: Texts, params: GradientStudyParams, seed: int
) -> Outcome:
    """Return how gradients fade in `model` over sequences of each length, and its Jacobians.

    rows: part, length, lag, norm, low, high; reach: by length, see `reach`, and the spectral
    radius of the Jacobian at the end of each of the longest sequences.
    """
    rows: list[dict[str, Any]] = []
    reached: dict[str, Any] = {}
    for length in params.lengths:
        ids = texts.sequences(length, params.sequences, seed)
        norms = gradient_by_lag(model, ids[:-1], ids[-1])
        for part, table in norms.items():
            rows += _lag_rows(table / norms["state"][0], part, length)
        reached[f"length {length}"] = reach(norms["state"], params.confidence)
    longest = texts.sequences(max(params.lengths), params.sequences, seed)[:-1]
    radii = spectral_radii(model, longest)
    middle, low, high = median_interval(radii, params.confidence)
    reached["spectral_radius"] = {"median": middle, "low": low, "high": high,
                                  "greatest": float(radii.max())}  # fmt: skip
    return Outcome({"rows": rows, "reach": reached})


def _lag_rows(ratios: NDArray[np.float64], part: str, length: int) -> list[dict[str, Any]]:
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75], axis=1)
    numbers = {"lag": np.arange(length), "norm": middle, "low": low, "high": high}
    table = pd.DataFrame({"part": part, "length": length, **numbers})
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def reach(norms: NDArray[np.float64], confidence: float) -> dict[str, float]:
    """Return after how many steps a gradient has faded out, and the most it ever grows to.

    norms: (T, B) by lag, of B independent sequences. A gradient that does not fade out counts as T
    steps.
    """
    ratios = norms / norms[0]
    faded = ratios < FADED
    steps = np.where(faded.any(axis=0), faded.argmax(axis=0), len(ratios)).astype(np.float64)
    middle, low, high = median_interval(steps, confidence)
    return {
        "sequences": len(steps),
        "steps": middle,
        "low": low,
        "high": high,
        "greatest_ratio": float(np.median(ratios.max(axis=0))),
        "last_ratio": float(np.median(ratios[-1])),
    }
