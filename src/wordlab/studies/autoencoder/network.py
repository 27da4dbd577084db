"""Sequence autoencoders: one network reads a sequence into a vector, another writes it again.

The encoder-decoder of Cho et al. 2014 and Sutskever et al. 2014, trained to repeat its input.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from wordlab import progress, rng
from wordlab.artifacts import read_json
from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.params.studies import AutoencoderParams
from wordlab.recurrent.cells import State, drawn
from wordlab.recurrent.devices import threads
from wordlab.recurrent.language_model import save
from wordlab.recurrent.layers import RecurrentLayers
from wordlab.recurrent.optimizers import AdamW, clip_gradients
from wordlab.recurrent.output import FullSoftmax
from wordlab.recurrent.sizes import check_finite
from wordlab.recurrent.training import DivergedError, as_arrays, as_tensors

Symbols = NDArray[np.int64]
"""A sequence as classes, int64 (L,), without its end."""
_POOL = 16
"""Batches whose sequences are sorted by length together, so that little is padded."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Sequences side by side, each with its end, padded with ends.

    symbols: int64 (T, B), T the longest length + 1; lengths: int64 (B,), with the end.
    """

    symbols: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, sequences: Sequence[Symbols], end: int) -> "Batch":
        """Pad `sequences`, at least one, none of them with its end."""
        lengths = torch.tensor([len(sequence) + 1 for sequence in sequences])
        symbols = torch.full((int(lengths.max()), len(sequences)), end)
        for column, sequence in enumerate(sequences):
            symbols[: len(sequence), column] = torch.from_numpy(np.asarray(sequence))
        return cls(symbols, lengths)

    @property
    def present(self) -> Tensor:
        """Which entries of `symbols` are of a sequence, its end included: bool (T, B)."""
        return torch.arange(len(self.symbols))[:, None] < self.lengths


class Autoencoder(nn.Module):
    """z = W h_encoder + b from the encoder's last hidden state; the decoder starts at
    tanh(V z + d) and reads z beside the symbol before at every step.

    The classes are those of `vocabulary`; its end is also what a sequence begins with.
    """

    def __init__(self, params: AutoencoderParams, vocabulary: Vocabulary, seed: int) -> None:
        super().__init__()
        self.params, self.vocabulary = params, vocabulary
        self.classes, self.end = vocabulary.classes, vocabulary.end
        generator = torch.Generator().manual_seed(rng.derive(seed, "autoencoder"))
        width, hidden, latent = params.embedding_size, params.hidden_size, params.latent_size
        self.embedding = drawn(self.classes, width, 0.1, generator)
        self.encoder = RecurrentLayers(
            params.cells, width, hidden, 1, generator, bidirectional=params.bidirectional
        )
        self.decoder = RecurrentLayers(params.cells, width + latent, hidden, 1, generator)
        self.state_sizes = [part.shape[1] for part in self.decoder.initial_state(1)[0]]
        self.to_latent = _Linear(self.encoder.output_size, latent, generator)
        self.to_state = _Linear(latent, sum(self.state_sizes), generator)
        self.output = FullSoftmax(hidden, self.classes, generator, None)

    def encode(self, batch: Batch) -> Tensor:
        """Return the vector of each sequence: (B, Z)."""
        symbols = batch.symbols
        if self.params.reversed_input:  # ends and padding stay in their places
            steps = torch.arange(len(symbols))[:, None]
            mirrored = batch.lengths - 2 - steps
            symbols = symbols.gather(0, torch.where(mirrored >= 0, mirrored, steps))
        embedded = F.embedding(symbols, self.embedding)  # (T, B, E)
        _, ends = self.encoder(embedded, lengths=batch.lengths)
        return self.to_latent(torch.cat([state[0] for state in ends], dim=1))

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the mean cross-entropy, in nats, of the sequences' symbols and their ends.

        generator: draws where the decoder sees its own symbol instead of the true one.
        """
        latent = self.encode(batch)
        before = self._before(batch.symbols)
        if self.params.teacher_forcing < 1:
            before = self._own_symbols(latent, before, generator)
        hidden = self._decode(latent, before)  # (T, B, H)
        present = batch.present
        return self.output.loss(hidden[present], batch.symbols[present])

    def losses(self, batch: Batch, latent: Tensor) -> Tensor:
        """Return -log p of each symbol and end, given the true ones before and `latent` (B, Z).

        (T, B), in nats, 0 beyond a sequence's end.
        """
        with torch.no_grad():
            hidden = self._decode(latent, self._before(batch.symbols))
            flat = self.output.losses(hidden.flatten(0, 1), batch.symbols.flatten())
            return flat.view_as(batch.symbols) * batch.present

    def vectors(self, sequences: Sequence[Symbols]) -> Tensor:
        """Return the vectors (B, Z) of sequences, without a gradient."""
        with torch.no_grad():
            return self.encode(Batch.of(sequences, self.end))

    def decode(self, latent: Tensor) -> list[Symbols]:
        """Return what the decoder writes from each vector of `latent` (B, Z), greedily.

        At most `max_length` symbols each, without the end.
        """
        with torch.no_grad():
            state = [self._first_state(latent)]
            symbol = torch.full((len(latent),), self.end)
            written: list[Tensor] = []
            ended = torch.zeros(len(latent), dtype=torch.bool)
            for _ in range(self.params.max_length):
                symbol, state = self._step(latent, symbol, state)
                written.append(symbol)
                ended |= symbol == self.end
                if bool(ended.all()):
                    break
        columns = torch.stack(written).T.numpy()  # (B, T)
        lengths = [np.flatnonzero(column == self.end) for column in columns]
        return [
            column[: ends[0]] if len(ends) else column
            for column, ends in zip(columns, lengths, strict=True)
        ]

    def _before(self, symbols: Tensor) -> Tensor:
        """Return the symbol before each of `symbols` (T, B), the end before the first."""
        return torch.cat([torch.full_like(symbols[:1], self.end), symbols[:-1]])

    def _own_symbols(self, latent: Tensor, before: Tensor, generator: torch.Generator) -> Tensor:
        """Return `before` (T, B) with the decoder's own symbols where it is not taught.

        The decoder writes without gradient, seeing what it is given here; one more pass over the
        result has the same states, since no gradient goes through a choice of symbol.
        """
        taught = torch.empty(before.shape).uniform_(generator=generator)
        taught = taught < self.params.teacher_forcing
        seen = [before[0]]
        with torch.no_grad():
            state = [self._first_state(latent)]
            for step in range(1, len(before)):
                own, state = self._step(latent, seen[-1], state)
                seen.append(torch.where(taught[step], before[step], own))
        return torch.stack(seen)

    def _step(
        self, latent: Tensor, symbol: Tensor, state: list[State]
    ) -> tuple[Tensor, list[State]]:
        """Return the likeliest symbol (B,) after `symbol` (B,), and the decoder's new state."""
        embedded = torch.cat([F.embedding(symbol, self.embedding), latent], dim=1)
        hidden, state = self.decoder(embedded[None], state)
        logits = F.linear(hidden[0], self.output.weight, self.output.bias)
        return logits.argmax(dim=1), state

    def _decode(self, latent: Tensor, before: Tensor) -> Tensor:
        """Return the decoder's output (T, B, H) when it sees the symbols `before` (T, B)."""
        embedded = F.embedding(before, self.embedding)
        beside = latent.expand(len(before), *latent.shape)
        hidden, _ = self.decoder(torch.cat([embedded, beside], dim=2), [self._first_state(latent)])
        return hidden

    def _first_state(self, latent: Tensor) -> State:
        return tuple(torch.tanh(self.to_state(latent)).split(self.state_sizes, dim=1))

    def save(self, folder: Path) -> None:
        """Write model.safetensors, model.json and vocabulary.tsv as `folder`, whole or not."""
        save(folder, self.weights(), self.params.model_dump(), self.vocabulary)

    @classmethod
    def load(cls, folder: Path) -> "Autoencoder":
        """Read what `save` wrote. Raises UserError where it is missing, damaged or does not fit."""
        for name in ("model.json", "vocabulary.tsv", "model.safetensors"):
            if not (folder / name).is_file():
                raise UserError(f"{folder / name}: not found; expected a saved autoencoder")
        try:
            params = AutoencoderParams.model_validate(read_json(folder / "model.json"))
            vocabulary = Vocabulary.load(folder / "vocabulary.tsv")
            weights = load_file(folder / "model.safetensors")
            check_finite(weights)
            model = cls(params, vocabulary, seed=0)
            model.load_state_dict(weights)
        except (SafetensorError, ValidationError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{folder}: not a whole autoencoder ({reason})") from None
        return model

    def weights(self) -> dict[str, Tensor]:
        """Return each weight by name."""
        return {name: weight.detach() for name, weight in self.named_parameters()}

    def restore(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over `weights`, as `weights()` gives them."""
        with torch.no_grad():
            for name, weight in self.named_parameters():
                weight.copy_(torch.from_numpy(weights[name]))


class _Linear(nn.Module):
    """x -> W x + b, W drawn uniformly from +-1/sqrt(inputs) by `generator`, b = 0."""

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = drawn(outputs, inputs, inputs**-0.5, generator)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, values: Tensor) -> Tensor:
        return F.linear(values, self.weight, self.bias)


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
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> list[AutoencoderEpoch]:
    """Train `model` in place to repeat `train_sequences`, and return what each epoch measured.

    Both lists hold at least one sequence. With a `checkpoint` of an earlier start of the same
    training, resumes from it to the same bytes. Raises DivergedError where the loss is no
    longer a number.
    """
    with threads():
        training = _Training(model, train_sequences, params, seed, checkpoint)
        training.resume()
        batches = training.batch_count
        with progress.bar(params.epochs * batches, f"autoencoder {params.cell}", "batch") as bar:
            bar.update(len(training.epochs) * batches)
            while len(training.epochs) < params.epochs:
                training.run_epoch(valid_sequences, bar)
                if checkpoint.due():
                    training.save()
        return training.epochs


class _Training:
    """A training in progress; checkpoints are taken between epochs."""

    def __init__(
        self, model: Autoencoder, sequences: Sequence[Symbols], params: AutoencoderParams,
        seed: int, checkpoint: Checkpoint,
    ) -> None:  # fmt: skip
        self.model, self.sequences, self.params = model, sequences, params
        self.seed, self.checkpoint = seed, checkpoint
        self.batch_count = -(-len(sequences) // params.batch_size)
        self.optimizer = AdamW(dict(model.named_parameters()), weight_decay=params.weight_decay)
        self.epochs: list[AutoencoderEpoch] = []

    def run_epoch(self, valid: Sequence[Symbols], bar: Any) -> None:
        """Learn from every sequence once, then measure."""
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
            loss_sum += loss * weight
            norm_sum += norm
            symbols += weight
            bar.update(1)
        latent = vectors(self.model, valid)
        valid_sum, valid_symbols = total_loss(self.model, valid, latent)
        pairs = zip(decoded(self.model, latent), valid, strict=True)
        exact = float(np.mean([np.array_equal(own, true) for own, true in pairs]))
        train_loss, valid_loss = loss_sum / symbols, valid_sum / valid_symbols
        norm = norm_sum / self.batch_count
        self.epochs.append(AutoencoderEpoch(number, train_loss, valid_loss, exact, rate, norm))

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
        arrays = {"weight": self.model.weights(), "optimizer": self.optimizer.state()}
        state = {"epochs": [asdict(epoch) for epoch in self.epochs]}
        self.checkpoint.save({name: as_arrays(group) for name, group in arrays.items()}, state)

    def resume(self) -> None:
        symbols = sum(len(sequence) for sequence in self.sequences)
        recipe = [self.params.model_dump(), self.seed, len(self.sequences), symbols]
        loaded = self.checkpoint.resume(lambda: recipe)
        if loaded is None:
            return
        arrays, state = loaded
        self.model.restore(arrays["weight"])
        self.optimizer.restore(as_tensors(arrays["optimizer"]))
        self.epochs = [AutoencoderEpoch(**row) for row in state["epochs"]]


def vectors(model: Autoencoder, sequences: Sequence[Symbols]) -> torch.Tensor:
    """Return the vectors (N, Z) of `sequences`, in the order given."""
    return torch.cat([model.vectors(sequences[r]) for r in _groups(model, len(sequences))])


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
