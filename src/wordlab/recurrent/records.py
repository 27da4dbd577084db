"""What a training measured, epoch by epoch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from wordlab.errors import UserError
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


class DivergedError(UserError):
    """The loss or the gradient is no longer a number."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch measured; losses are means in nats a symbol."""

    epoch: int
    train_loss: float
    train_perplexity: float
    valid_loss: float
    valid_perplexity: float
    rate: float
    gradient_norm: float
    """The mean over windows of the norm of all gradients together, before clipping."""
    clip_rate: float
    """The share of windows whose gradients were clipped."""


@dataclass(frozen=True)
class Update:
    """What one update measured."""

    step: int
    """Its number, counted from 1 over all epochs."""
    symbols: int
    """How many were predicted."""
    loss: float
    """Their mean before the update, nats."""
    clipped: bool


class Watcher(Protocol):
    """Someone who follows a training update by update."""

    @property
    def interval(self) -> int:
        """The held-out loss is to be measured each time that so many symbols were learnt from."""

    def updated(self, update: Update) -> None:
        """Take note of an update."""

    def validated(self, step: int, mark: int, loss: float) -> None:
        """Take note of the held-out loss after update `step`, the first to reach `mark` symbols."""


@dataclass(frozen=True)
class TrainingRecord:
    """All epochs of a training, and the one whose weights the model has."""

    epochs: tuple[Epoch, ...]
    best_epoch: int
    stopped_early: bool
    updates: int

    def rows(self) -> list[dict[str, float]]:
        """Return one row of numbers an epoch."""
        return [asdict(epoch) for epoch in self.epochs]

    def summary(self) -> dict[str, float]:
        """Return the best epoch's numbers, how many epochs there were, whether it stopped early."""
        best = asdict(self.epochs[self.best_epoch - 1])
        best["best_epoch"] = best.pop("epoch")
        return {**best, "epochs": len(self.epochs), "stopped_early": float(self.stopped_early)}


def perplexity(loss: float) -> float:
    """Return exp of a mean loss in nats; that of a loss beyond 700 would be no float."""
    return math.exp(min(loss, 700.0))
