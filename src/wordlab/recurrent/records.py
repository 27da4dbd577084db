"""What a training measured, epoch by epoch."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from wordlab.errors import UserError


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
    """Of the training, by the clock, before it was last resumed."""
    clipped: int = 0
    plateau_factor: float = 1.0
    best_loss: float = math.inf
    best_epoch: int = 0
    epochs: list[dict[str, Any]] = field(default_factory=list)


def as_arrays(tensors: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Return tensors as arrays, for a checkpoint."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def as_tensors(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    """Return the arrays of a checkpoint as tensors."""
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


class DivergedError(UserError):
    """The loss or the gradient is no longer a number."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch measured; losses are means in nats per symbol."""

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

    def summary(self) -> dict[str, float]:
        """Return the best epoch's numbers, how many epochs there were, whether it stopped early."""
        best = asdict(self.epochs[self.best_epoch - 1])
        best["best_epoch"] = best.pop("epoch")
        return {**best, "epochs": len(self.epochs), "stopped_early": float(self.stopped_early)}


def perplexity(loss: float) -> float:
    """Return exp of a mean loss in nats; that of a loss beyond 700 would be no float."""
    return math.exp(min(loss, 700.0))
