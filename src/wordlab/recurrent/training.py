"""Training a language model: truncated backpropagation through time, clipped, stopped early."""

import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain, count, islice
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wordlab import progress, rng
from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.errors import UserError
from wordlab.params.language import NetworkParams
from wordlab.recurrent import optimizers
from wordlab.recurrent.batches import Text, Window
from wordlab.recurrent.devices import Processes, chosen_device, chosen_products, joined, threads
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.shares import Learners


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
    """Return exp of a mean loss in nats, infinite where that is beyond any float (709 nats)."""
    return math.exp(loss) if loss <= math.log(sys.float_info.max) else math.inf


_OPTIMIZERS = {
    "adamw": optimizers.AdamW,
    "sgd": optimizers.SGD,
    "averaged_sgd": optimizers.AveragedSGD,
}

GradientLogger = Callable[[int, Mapping[str, float], bool], None]
"""Receives the number of a window, counted from 1 over all epochs, the norm of each weight's
gradient before clipping, and whether it was clipped."""
DocumentStarts = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Where documents begin in the training and in the validation text."""


def train(
    model: LanguageModel,
    train_ids: NDArray[np.int64],
    valid_ids: NDArray[np.int64],
    params: NetworkParams,
    *,
    seed: int,
    rate_name: str = "language_model.rate",
    document_starts: DocumentStarts | None = None,
    on_epoch: progress.StepLogger = progress.ignore_step,
    on_gradients: GradientLogger | None = None,
    watcher: Watcher | None = None,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> TrainingRecord:
    """Train `model` in place on `train_ids` (N,) and leave it with the best epoch's weights.

    The best epoch is that of the lowest loss on `valid_ids`. No number of threads changes a byte.
    Started by torchrun, several processes share each batch and end at the model of one process but
    for rounding. rate_name: the param to name where it diverges; document_starts: None for one
    document each. Resumes from a `checkpoint` of the same training, after reporting its epochs; the
    result is byte-identical. Raises DivergedError where the loss is no longer a number, and
    UserError where a split is too short.
    """
    if len(valid_ids) == 0:
        raise UserError("preprocess.splits.valid: a language model needs validation text, got none")
    device = chosen_device(params.device)
    products = chosen_products(params.precision, device)
    starts = document_starts or (np.zeros(1, np.int64), np.zeros(1, np.int64))
    train_text, valid_text = map(Text, (train_ids, valid_ids), starts)
    with threads(), joined(device) as processes, model.placed(device, products):
        training = _Training(
            model, params, train_text, valid_text, seed, rate_name, processes, checkpoint,
            on_gradients, watcher,
        )  # fmt: skip
        training.resume()
        for row in training.position.epochs:
            on_epoch(row["epoch"], row)
        with progress.bar(training.updates, "language model", "window") as bar:
            bar.update(training.position.step)
            while training.begun or not (training.spent or training.stale):
                epoch = training.run_epoch(bar)
                on_epoch(epoch.epoch, asdict(epoch))
        return training.conclude()


@dataclass(eq=False)
class _Training:
    """A training in progress: everything that a checkpoint must bring back."""

    model: LanguageModel
    params: NetworkParams
    train_text: Text
    valid_text: Text
    seed: int
    rate_name: str
    processes: Processes
    checkpoint: Checkpoint
    on_gradients: GradientLogger | None
    watcher: Watcher | None

    def __post_init__(self) -> None:
        model, params, self.device = self.model, self.params, self.processes.device
        self.share = self.processes.share(params.batch_size)
        self.examples = self.train_text.examples(params, model.end, self.seed)
        learnt = {name: w for name, w in model.named_parameters() if w.requires_grad}
        self.optimizer = _OPTIMIZERS[params.optimizer](learnt, weight_decay=params.weight_decay)
        self.learners = Learners(model, self.share)
        self.state = model.initial_state(self.share.count)
        self.best = {name: weight.clone() for name, weight in model.weights().items()}
        self.position = Position()
        self.started = time.monotonic()

    @property
    def updates(self) -> int:
        """How many there are if none is spared: those of all epochs, or of `tokens`."""
        windows, tokens = self.examples.batch_count, self.params.tokens
        total = self.params.epochs * windows
        return min(total, -(-tokens * windows // self.examples.symbols)) if tokens else total

    @property
    def spent(self) -> bool:
        """Whether the budget of epochs, tokens or minutes is used up.

        Minutes go by the clock of the first process.
        """
        if self.position.step >= self.updates:
            return True
        if self.params.minutes is None or self.position.step == 0:
            return False
        left = torch.tensor(60 * self.params.minutes - self._seconds(), dtype=torch.float64)
        return float(self.processes.of_first(left)) <= 0

    @property
    def begun(self) -> bool:
        """Whether an epoch is under way and not yet validated."""
        return self.position.step > len(self.position.epochs) * self.examples.batch_count

    @property
    def stale(self) -> bool:
        """Whether there were `patience` epochs without a better validation loss."""
        patience, position = self.params.patience, self.position
        return patience is not None and len(position.epochs) - position.best_epoch >= patience

    def _seconds(self) -> float:
        return self.position.seconds + time.monotonic() - self.started

    def run_epoch(self, bar: Any) -> Epoch:
        """Go through the rest of this epoch's windows, then validate."""
        position, done = self.position, len(self.position.epochs)
        first = position.step - done * self.examples.batch_count
        for window in self.examples.batches(done, first):
            self._run_window(window)
            bar.update(1)
            if self.spent:
                break
            # other processes have other states: theirs are all zeros at the end of an epoch only
            if self.processes.count == 1 and self.checkpoint.due():
                self.save()
        epoch = self._close_epoch()
        bar.set_postfix(perplexity=f"{epoch.valid_perplexity:.1f}")
        if (self.spent or self.stale or self.checkpoint.due()) and self.processes.rank == 0:
            self.save()
        return epoch

    def _run_window(self, window: Window) -> None:
        """Make one update from the steps of all sequences, of which this process has a share."""
        position, params = self.position, self.params
        columns = slice(self.share.first, self.share.first + self.share.count)
        predicted = window.targets >= 0
        symbols, own = int(predicted.sum()), int(predicted[:, columns].sum())
        cross_entropy, state = self.learners.learn(
            self._tensor(window.inputs[:, columns]),
            self._tensor(window.targets[:, columns]),
            self.state,
            lambda: rng.stream(self.seed, "dropout", position.step),
            resets=None if window.resets is None else self._tensor(window.resets[:, columns]),
        )
        weights = self.model.parameters()
        cross_entropy = self.processes.combine(weights, cross_entropy, own / symbols)
        learnt = {n: w for n, w in self.model.named_parameters() if w.grad is not None}
        norms = optimizers.gradient_norms(learnt.values()) if self.on_gradients else None
        norm = optimizers.clip_gradients(learnt.values(), params.clip_norm)
        clipped = optimizers.clip_values(learnt.values(), params.clip_value)
        clipped |= params.clip_norm is not None and norm > params.clip_norm
        loss, number = float(cross_entropy), position.step + 1
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise DivergedError(
                f"{self.rate_name}: training diverged at window {number} (epoch "
                f"{len(position.epochs) + 1}): loss {loss}, gradient norm {norm}; expected a "
                f"rate lower than {params.rate:g}, or a lower clip_norm"
            )
        self.optimizer.step(self._rate(position.step), number)
        position.step = number
        position.learnt += symbols
        position.loss_sum += loss * symbols
        position.norm_sum += norm
        position.clipped += clipped
        if self.on_gradients is not None and norms is not None:
            named = dict(zip(learnt, norms.tolist(), strict=True))
            self.on_gradients(position.step, named, clipped)
        if self.examples.carries:
            self.state = state
        if self.watcher is not None:
            self.watcher.updated(Update(position.step, symbols, loss, clipped))
            mark = position.learnt - position.learnt % self.watcher.interval
            if mark > position.learnt - symbols:
                with self.optimizer.averaged():
                    self.watcher.validated(position.step, mark, self._valid_loss())

    def _tensor(self, columns: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(columns)).to(self.device)

    def _rate(self, step: int) -> float:
        return optimizers.rate(self.params, step, self.updates, self.position.plateau_factor)

    def _close_epoch(self) -> Epoch:
        """Validate, note what the epoch measured, and keep the weights if they are the best."""
        position, params, done = self.position, self.params, len(self.position.epochs)
        windows = position.step - done * self.examples.batch_count
        symbols = position.learnt - done * self.examples.symbols
        with self.optimizer.averaged():
            valid_loss = self._valid_loss()
            weights = {name: weight.clone() for name, weight in self.model.weights().items()}
        train_loss = position.loss_sum / symbols
        epoch = Epoch(
            done + 1, train_loss, perplexity(train_loss), valid_loss, perplexity(valid_loss),
            self._rate(position.step - 1), position.norm_sum / windows, position.clipped / windows,
        )  # fmt: skip
        if not math.isfinite(valid_loss):
            raise DivergedError(
                f"{self.rate_name}: validation loss {valid_loss} after epoch {epoch.epoch}; "
                f"expected a rate lower than {params.rate:g}"
            )
        earlier = [row["valid_loss"] for row in position.epochs[: -params.averaging_patience]]
        if earlier and valid_loss > min(earlier):
            self.optimizer.begin_average()
        position.epochs.append(asdict(epoch))
        position.loss_sum, position.norm_sum, position.clipped = 0.0, 0.0, 0
        self.state = self.model.initial_state(self.share.count)
        if valid_loss < position.best_loss:
            position.best_loss, position.best_epoch = valid_loss, epoch.epoch
            self.best = weights
        elif params.schedule == "plateau":
            position.plateau_factor /= 4
        return epoch

    def _valid_loss(self) -> float:
        """Return the mean loss of the validation text, read as any held-out text is."""
        text = self.valid_text
        with self.model.rounded(None):
            losses = self.model.token_losses(text.ids, document_starts=text.document_starts)
        loss = losses.mean(dtype=np.float64)
        return float(self.processes.of_first(torch.tensor(loss, dtype=torch.float64)))

    def conclude(self) -> TrainingRecord:
        self.model.restore(self.best, source="training")
        epochs = tuple(Epoch(**row) for row in self.position.epochs)
        early = self.stale and not self.spent
        return TrainingRecord(epochs, self.position.best_epoch, early, self.position.step)

    def save(self) -> None:
        arrays = {name: as_arrays(group) for name, group in self._tensors().items()}
        self.checkpoint.save(arrays, asdict(self.position) | {"seconds": self._seconds()})

    def resume(self) -> None:
        """Go back to where the checkpoint was saved, if it is one of this training.

        Of several processes the first one reads it, and all others take over what that has.
        """
        loaded = self.checkpoint.resume(self._recipe) if self.processes.rank == 0 else None
        if loaded is not None:
            self._restore({name: as_tensors(group) for name, group in loaded[0].items()})
            self.position = Position(**loaded[1])
        if self.processes.count > 1:
            get = self.processes.of_first
            own = self._tensors()
            self._restore({g: {name: get(t) for name, t in own[g].items()} for g in own})
            self.position = Position(**self.processes.described_by_first(asdict(self.position)))

    def _tensors(self) -> dict[str, dict[str, Tensor]]:
        """Return all that a training has in tensors, in groups."""
        return {
            "weights": self.model.weights(),
            "best": self.best,
            "optimizer": self.optimizer.state(),
            "state": {str(place): part for place, part in enumerate(chain(*self.state))},
        }

    def _restore(self, tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
        self.model.restore(tensors["weights"], source=str(self.checkpoint.path))
        self.best = {name: tensors["best"][name] for name in self.best}  # in every process's order
        self.optimizer.restore(tensors.get("optimizer", {}))
        parts = (tensors["state"][str(place)].to(self.device) for place in count())
        self.state = [tuple(islice(parts, len(layer))) for layer in self.state]

    def _recipe(self) -> dict[str, Any]:
        return {
            "params": self.params.model_dump(),
            "symbols": self.examples.symbols,
            "classes": self.model.classes,
            "seed": self.seed,
            "processes": self.processes.count,
        }
