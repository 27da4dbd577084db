"""The training of a sequence autoencoder, which resumes where it was cut off."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from wordlab import progress, rng
from wordlab.checkpoints import Checkpoint
from wordlab.params.studies import AutoencoderParams
from wordlab.recurrent.devices import threads
from wordlab.recurrent.optimizers import AdamW, clip_gradients
from wordlab.recurrent.records import DivergedError, as_arrays, as_tensors
from wordlab.studies.autoencoder.network import Autoencoder, Batch, Symbols

_POOL = 16
"""Batches whose sequences are sorted by length together, so that little is padded."""
_NO_CHECKPOINT = Checkpoint()


@dataclass(frozen=True)
class AutoencoderEpoch:
    """What one epoch measured; losses are means in nats per symbol, ends included."""

    epoch: int
    train_loss: float
    valid_loss: float
    """With the true symbols before, whatever the training's teacher forcing."""
    valid_exact_match: float
    """The share of validation sequences that come back without a fault, decoded freely."""
    rate: float
    gradient_norm: float
    """The mean over batches of the norm of all gradients together, before clipping."""


def train(
    model: Autoencoder,
    train_sequences: Sequence[Symbols],
    valid_sequences: Sequence[Symbols],
    params: AutoencoderParams,
    *,
    seed: int,
    torch_threads: int,
    on_epoch: progress.StepLogger = progress.ignore_step,
    checkpoint: Checkpoint = _NO_CHECKPOINT,
) -> list[AutoencoderEpoch]:
    """Train `model` in place to repeat `train_sequences`, and return what each epoch measured.

    Both lists hold at least one sequence. With a `checkpoint` of an earlier start of the same
    training, resumes from it to the same bytes. Raises DivergedError where the loss is no
    longer a number.
    """
    with threads(torch_threads):
        training = _Training(model, train_sequences, params, seed, checkpoint)
        training.resume()
        for done in training.epochs:
            on_epoch(done.epoch, asdict(done))
        batches = training.batch_count
        with progress.bar(params.epochs * batches, f"autoencoder {params.cell}", "batch") as bar:
            bar.update(len(training.epochs) * batches)
            while len(training.epochs) < params.epochs:
                epoch = training.run_epoch(valid_sequences, bar.update)
                on_epoch(epoch.epoch, asdict(epoch))
                if checkpoint.due():
                    training.save()
        return training.epochs


class _Training:
    """A training in progress; checkpoints are taken between epochs."""

    def __init__(
        self,
        model: Autoencoder,
        sequences: Sequence[Symbols],
        params: AutoencoderParams,
        seed: int,
        checkpoint: Checkpoint,
    ) -> None:
        self.model, self.sequences, self.params = model, sequences, params
        self.seed, self.checkpoint = seed, checkpoint
        self.batch_count = -(-len(sequences) // params.batch_size)
        self.optimizer = AdamW(dict(model.named_parameters()), weight_decay=params.weight_decay)
        self.epochs: list[AutoencoderEpoch] = []

    def run_epoch(
        self, valid: Sequence[Symbols], on_batches: Callable[[float], object]
    ) -> AutoencoderEpoch:
        """Learn from every sequence once."""
        number = len(self.epochs) + 1
        generator = torch.Generator()
        generator.manual_seed(rng.derive(self.seed, "autoencoder teacher forcing", number))
        loss_sum = norm_sum = symbols = 0.0
        rate = self.params.rate
        for place, batch in enumerate(self._batches(number)):
            done = (number - 1) * self.batch_count + place
            rate = self.params.rate * (1 - done / (self.params.epochs * self.batch_count))
            loss, norm = self._learn(batch, rate, generator, done + 1)
            weight = int(batch.lengths.sum())
            loss_sum, norm_sum, symbols = (
                loss_sum + loss * weight,
                norm_sum + norm,
                symbols + weight,
            )
            on_batches(1)
        latent = vectors(self.model, valid)
        valid_sum, valid_symbols = total_loss(self.model, valid, latent)
        pairs = zip(decoded(self.model, latent), valid, strict=True)
        epoch = AutoencoderEpoch(
            epoch=number,
            train_loss=loss_sum / symbols,
            valid_loss=valid_sum / valid_symbols,
            valid_exact_match=float(np.mean([np.array_equal(own, true) for own, true in pairs])),
            rate=rate,
            gradient_norm=norm_sum / self.batch_count,
        )
        self.epochs.append(epoch)
        return epoch

    def _learn(
        self, batch: Batch, rate: float, generator: torch.Generator, number: int
    ) -> tuple[float, float]:
        """Take one step and return the loss and the norm of the gradients before clipping."""
        self.model.zero_grad(set_to_none=True)
        loss = self.model.loss(batch, generator)
        loss.backward()
        norm = clip_gradients(self.model.parameters(), self.params.clip_norm)
        value = float(loss.detach())
        if not math.isfinite(value) or not math.isfinite(norm):
            raise DivergedError(
                f"autoencoder.rates.{self.params.cell}: training diverged at batch {number}: loss "
                f"{value}, gradient norm {norm}; expected a rate lower than {self.params.rate:g}, "
                "or a lower clip_norm"
            )
        self.optimizer.step(rate, number)
        return value, norm

    def _batches(self, epoch: int) -> list[Batch]:
        """Return the sequences as batches in this epoch's order, alike lengths together."""
        random = rng.stream(self.seed, "autoencoder batches", epoch)
        lengths = np.array([len(sequence) for sequence in self.sequences])
        order = random.permutation(len(self.sequences))
        size = self.params.batch_size
        pools = [order[i : i + _POOL * size] for i in range(0, len(order), _POOL * size)]
        chunks = [
            pool[start : start + size]
            for pool in (pool[np.argsort(lengths[pool], kind="stable")] for pool in pools)
            for start in range(0, len(pool), size)
        ]
        return [
            Batch.of([self.sequences[i] for i in chunks[place]], self.model.end)
            for place in random.permutation(len(chunks))
        ]

    def save(self) -> None:
        """Write weights, the optimiser's moments and the epochs."""
        arrays = {"weight": self.model.weights(), "optimizer": self.optimizer.state()}
        state = {"epochs": [asdict(epoch) for epoch in self.epochs]}
        self.checkpoint.save({name: as_arrays(group) for name, group in arrays.items()}, state)

    def resume(self) -> None:
        """Go back to where the checkpoint was saved, if it is one of this training."""
        loaded = self.checkpoint.resume(self._recipe)
        if loaded is None:
            return
        arrays, state = loaded
        self.model.restore(arrays["weight"])
        self.optimizer.restore(as_tensors(arrays["optimizer"]))
        self.epochs = [AutoencoderEpoch(**row) for row in state["epochs"]]

    def _recipe(self) -> list[object]:
        """Return what must be the same for a checkpoint to be of this training."""
        symbols = sum(len(sequence) for sequence in self.sequences)
        return [self.params.model_dump(), self.seed, len(self.sequences), symbols]


def vectors(model: Autoencoder, sequences: Sequence[Symbols]) -> torch.Tensor:
    """Return the vectors (N, Z) of `sequences`, in the order given."""
    groups = [sequences[rows] for rows in _groups(model, len(sequences))]
    return torch.cat([model.vectors(group) for group in groups])


def total_loss(
    model: Autoencoder, sequences: Sequence[Symbols], latent: torch.Tensor
) -> tuple[float, int]:
    """Return the sum of -log p, in nats, of symbols and ends given vectors (N, Z); and how many."""
    total = 0.0
    for rows in _groups(model, len(sequences)):
        batch = Batch.of(sequences[rows], model.end)
        total += float(model.losses(batch, latent[rows]).sum(dtype=torch.float64))
    return total, sum(len(sequence) + 1 for sequence in sequences)


def decoded(model: Autoencoder, latent: torch.Tensor) -> list[Symbols]:
    """Return what comes back of vectors (N, Z), in the order given."""
    return [own for rows in _groups(model, len(latent)) for own in model.decode(latent[rows])]


def _groups(model: Autoencoder, count: int) -> list[slice]:
    size = 4 * model.params.batch_size
    return [slice(start, start + size) for start in range(0, count, size)]
