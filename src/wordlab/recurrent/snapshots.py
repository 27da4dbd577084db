"""A training as arrays and numbers, to go on from after it was cut off."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from wordlab.recurrent.cells import State
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.optimizers import SGD


@dataclass
class Position:
    """Where a training is, as JSON can hold it."""

    step: int = 0
    """Windows done, over all epochs."""
    learnt: int = 0
    """Symbols predicted in them."""
    loss_sum: float = 0.0
    """Of this epoch, as norm_sum and clipped; the loss is weighted by symbols."""
    norm_sum: float = 0.0
    seconds: float = 0.0
    """Of the training, by the clock, up to the last checkpoint."""
    clipped: int = 0
    plateau_factor: float = 1.0
    best_loss: float = math.inf
    best_epoch: int = 0
    epochs: list[dict[str, Any]] = field(default_factory=list)


def pack(
    model: LanguageModel,
    best: Mapping[str, Tensor],
    optimizer: SGD,
    state: Sequence[State],
    generator: torch.Generator,
) -> dict[str, NDArray[Any]]:
    """Return all that a training has in tensors, as arrays by name."""
    tensors = {f"weight.{name}": weight for name, weight in model.weights().items()}
    tensors |= {f"best.{name}": weight for name, weight in best.items()}
    tensors |= {f"optimizer.{name}": kept for name, kept in optimizer.state().items()}
    for layer, parts in enumerate(state):
        tensors |= {f"state.{layer}.{number}": part for number, part in enumerate(parts)}
    tensors["generator"] = generator.get_state()
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def unpack(
    arrays: Mapping[str, NDArray[Any]],
    model: LanguageModel,
    optimizer: SGD,
    state: Sequence[State],
    generator: torch.Generator,
    *,
    source: str,
) -> tuple[dict[str, Tensor], list[State]]:
    """Take over what `pack` returned; return the best weights and the layers' states.

    state: of the same shapes, and where they are to be. Raises UserError, naming `source`, if the
    weights are not those of `model`.
    """
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    model.restore(_under("weight.", tensors), source=source)
    optimizer.restore(_under("optimizer.", tensors))
    generator.set_state(tensors["generator"])
    states = [
        tuple(tensors[f"state.{layer}.{n}"].to(part.device) for n, part in enumerate(parts))
        for layer, parts in enumerate(state)
    ]
    return _under("best.", tensors), states


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names start with `prefix`, without it."""
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}
