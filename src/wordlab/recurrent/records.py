"""What a training measured, epoch by epoch."""

import math
from dataclasses import asdict, dataclass

from wordlab.errors import UserError


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
class TrainingRecord:
    """All epochs of a training, and the one whose weights the model has."""

    epochs: tuple[Epoch, ...]
    best_epoch: int
    stopped_early: bool

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
