"""Training a language model: truncated backpropagation through time, clipped, stopped early."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wordlab import progress, rng
from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.params.recurrent import NetworkParams
from wordlab.recurrent.batching import Streams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.optimizers import (
    SGD,
    AdamW,
    clip_gradients,
    clip_values,
    gradient_norms,
)
from wordlab.recurrent.threads import threads

_SECONDS_BETWEEN_CHECKPOINTS = 10.0
_NO_CHECKPOINT = Checkpoint(None)


GradientLogger = Callable[[int, Mapping[str, float], bool], None]
"""Receives the number of a window, counted from 1 over all epochs, the norm of each weight's
gradient before clipping, and whether it was clipped."""


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


def train(
    model: LanguageModel,
    train_ids: NDArray[np.int64],
    valid_ids: NDArray[np.int64],
    params: NetworkParams,
    *,
    seed: int,
    torch_threads: int,
    on_epoch: progress.StepLogger = progress.ignore_step,
    on_gradients: GradientLogger | None = None,
    checkpoint: Checkpoint = _NO_CHECKPOINT,
) -> TrainingRecord:
    """Train `model` in place on `train_ids` (N,) and leave it with the best epoch's weights.

    The best epoch is that of the lowest loss on `valid_ids`. torch's sums depend on its number of
    threads: `torch_threads` is part of the recipe, while nothing else about the machine's load
    is. With a `checkpoint` that holds an earlier start of the same training, goes on from there
    to the same bytes, reporting the epochs already done first. Raises DivergedError where the
    loss is no longer a number, and UserError where a split is too short.
    """
    if len(valid_ids) == 0:
        raise UserError("preprocess.splits.valid: a language model needs validation text, got none")
    with threads(torch_threads):
        training = _Training(model, train_ids, valid_ids, params, seed, checkpoint, on_gradients)
        training.resume()
        for row in training.position.epochs:
            on_epoch(row["epoch"], row)
        with progress.bar(params.epochs * training.windows, "language model", "window") as bar:
            bar.update(training.position.step)
            while not training.finished:
                epoch = training.run_epoch(bar)
                on_epoch(epoch.epoch, asdict(epoch))
        return training.conclude()


@dataclass
class _Position:
    """Where a training is, as JSON can hold it."""

    step: int = 0
    """Windows done, over all epochs."""
    loss_sum: float = 0.0
    """Of this epoch, as the two below; the loss is weighted by symbols."""
    norm_sum: float = 0.0
    clipped: int = 0
    plateau_factor: float = 1.0
    best_loss: float = math.inf
    best_epoch: int = 0
    epochs: list[dict[str, Any]] = field(default_factory=list)


class _Training:
    """A training in progress: everything that a checkpoint must bring back."""

    def __init__(
        self,
        model: LanguageModel,
        train_ids: NDArray[np.int64],
        valid_ids: NDArray[np.int64],
        params: NetworkParams,
        seed: int,
        checkpoint: Checkpoint,
        on_gradients: GradientLogger | None,
    ) -> None:
        self.on_gradients = on_gradients
        self.model, self.params, self.checkpoint = model, params, checkpoint
        self.valid_ids = valid_ids
        self.streams = Streams.cut(train_ids, params.batch_size)
        self.windows = self.streams.window_count(params.bptt_length)
        kind = AdamW if params.optimizer == "adamw" else SGD
        self.optimizer = kind(dict(model.named_parameters()), weight_decay=params.weight_decay)
        self.generator = torch.Generator().manual_seed(rng.derive(seed, "dropout"))
        self.state = model.initial_state(params.batch_size)
        self.best = {name: weight.clone() for name, weight in model.weights().items()}
        self.position = _Position()
        self.saved_at = time.monotonic()

    @property
    def finished(self) -> bool:
        done = len(self.position.epochs)
        patience = self.params.patience
        stale = patience is not None and done - self.position.best_epoch >= patience
        return done >= self.params.epochs or stale

    def run_epoch(self, bar: Any) -> Epoch:
        """Go through the rest of this epoch's windows, then validate."""
        position, params = self.position, self.params
        first = position.step - len(position.epochs) * self.windows
        for window in self.streams.windows(params.bptt_length, first):
            self._run_window(torch.from_numpy(window.inputs), torch.from_numpy(window.targets))
            bar.update(1)
            if time.monotonic() - self.saved_at > _SECONDS_BETWEEN_CHECKPOINTS:
                self.save()
        epoch = self._close_epoch()
        bar.set_postfix(perplexity=f"{epoch.valid_perplexity:.1f}")
        if self.checkpoint.path is not None:
            self.save()
        return epoch

    def _run_window(self, inputs: Tensor, targets: Tensor) -> None:
        """Make one update from a window of int64 (T, B)."""
        position, params = self.position, self.params
        self.model.zero_grad(set_to_none=True)
        total, cross_entropy, state = self.model.loss(inputs, targets, self.state, self.generator)
        total.backward()
        norms = self._gradient_norms() if self.on_gradients is not None else {}
        norm = clip_gradients(self.model.parameters(), params.clip_norm)
        clipped = clip_values(self.model.parameters(), params.clip_value)
        clipped |= params.clip_norm is not None and norm > params.clip_norm
        loss = float(cross_entropy)
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise DivergedError(
                f"rate: training diverged at window {position.step + 1} (epoch "
                f"{len(position.epochs) + 1}): loss {loss}, gradient norm {norm}; expected a "
                f"rate lower than {params.rate:g}, or a lower clip_norm"
            )
        self.optimizer.step(self._rate(position.step), position.step + 1)
        position.step += 1
        position.loss_sum += loss * targets.numel()
        position.norm_sum += norm
        position.clipped += clipped
        if self.on_gradients is not None:
            self.on_gradients(position.step, norms, clipped)
        if params.carry_state:
            self.state = [tuple(part.detach() for part in layer) for layer in state]

    def _gradient_norms(self) -> dict[str, float]:
        names = [name for name, w in self.model.named_parameters() if w.grad is not None]
        return dict(zip(names, gradient_norms(self.model.parameters()).tolist(), strict=True))

    def _rate(self, step: int) -> float:
        """Return the learning rate of window `step` of this epoch, counted over all epochs."""
        params, total = self.params, self.params.epochs * self.windows
        rising = params.warmup * total
        if step + 1 < rising:
            return params.rate * (step + 1) / rising
        share = (step - rising) / max(1.0, total - rising)  # of the way down
        if params.schedule == "linear":
            return params.rate * (1 - max(0.0, share))
        if params.schedule == "cosine":
            return params.rate * 0.5 * (1 + math.cos(math.pi * max(0.0, share)))
        return params.rate * self.position.plateau_factor

    def _close_epoch(self) -> Epoch:
        """Validate, note what the epoch measured, and keep the weights if they are the best."""
        position, params = self.position, self.params
        losses = self.model.token_losses(self.valid_ids, streams=params.batch_size)
        valid_loss = float(losses.mean(dtype=np.float64))
        train_loss = position.loss_sum / self.streams.targets.size
        epoch = Epoch(
            epoch=len(position.epochs) + 1,
            train_loss=train_loss,
            train_perplexity=_perplexity(train_loss),
            valid_loss=valid_loss,
            valid_perplexity=_perplexity(valid_loss),
            rate=self._rate(position.step - 1),
            gradient_norm=position.norm_sum / self.windows,
            clip_rate=position.clipped / self.windows,
        )
        if not math.isfinite(valid_loss):
            raise DivergedError(
                f"rate: validation loss {valid_loss} after epoch {epoch.epoch}; expected a rate "
                f"lower than {params.rate:g}"
            )
        position.epochs.append(asdict(epoch))
        position.loss_sum, position.norm_sum, position.clipped = 0.0, 0.0, 0
        self.state = self.model.initial_state(params.batch_size)
        if valid_loss < position.best_loss:
            position.best_loss, position.best_epoch = valid_loss, epoch.epoch
            self.best = {name: weight.clone() for name, weight in self.model.weights().items()}
        elif params.schedule == "plateau":
            position.plateau_factor /= 4
        return epoch

    def conclude(self) -> TrainingRecord:
        """Give the model its best weights and return the record."""
        self.model.restore(self.best, source="training")
        epochs = tuple(Epoch(**row) for row in self.position.epochs)
        return TrainingRecord(
            epochs, self.position.best_epoch, stopped_early=len(epochs) < self.params.epochs
        )

    def save(self) -> None:
        """Write everything to the checkpoint."""
        arrays = {f"weight.{name}": weight for name, weight in self.model.weights().items()}
        arrays |= {f"best.{name}": weight for name, weight in self.best.items()}
        arrays |= {f"optimizer.{name}": kept for name, kept in self.optimizer.state().items()}
        for layer, parts in enumerate(self.state):
            arrays |= {f"state.{layer}.{number}": part for number, part in enumerate(parts)}
        arrays["generator"] = self.generator.get_state()
        numpy_arrays = {name: tensor.detach().numpy() for name, tensor in arrays.items()}
        self.checkpoint.save(numpy_arrays, asdict(self.position) | self._recipe())
        self.saved_at = time.monotonic()

    def resume(self) -> None:
        """Go back to where the checkpoint was saved, if it is one of this training."""
        loaded = self.checkpoint.load()
        if loaded is None:
            return
        arrays, saved = loaded
        recipe = self._recipe()
        if {key: saved.pop(key, None) for key in recipe} != recipe:
            return  # of other settings or another text: start again
        tensors = {name: torch.tensor(array) for name, array in arrays.items()}
        source = str(self.checkpoint.path)
        self.model.restore(_under("weight.", tensors), source=source)
        self.best = _under("best.", tensors)
        self.optimizer.restore(_under("optimizer.", tensors))
        self.state = [
            tuple(tensors[f"state.{layer}.{number}"] for number in range(len(parts)))
            for layer, parts in enumerate(self.state)
        ]
        self.generator.set_state(tensors["generator"])
        self.position = _Position(**saved)

    def _recipe(self) -> dict[str, Any]:
        """Return what must be the same for a checkpoint to be of this training."""
        return {
            "params": self.params.model_dump(),
            "symbols": self.streams.targets.size,
            "classes": self.model.classes,
            "seed": self.generator.initial_seed(),
        }


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names start with `prefix`, without it."""
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}


def _perplexity(loss: float) -> float:
    return math.exp(min(loss, 700.0))
