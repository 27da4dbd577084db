"""Sequence autoencoders: one network reads a sequence into a vector, another writes it again.

The encoder-decoder of Cho et al. 2014 and Sutskever et al. 2014, trained to repeat its input.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from wordlab import rng
from wordlab.artifacts import read_json, replacing, write_json
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.params.studies import AutoencoderParams
from wordlab.recurrent.layers import RecurrentLayers
from wordlab.recurrent.output import FullSoftmax

Symbols = NDArray[np.int64]
"""A sequence as classes, int64 (L,), without its end."""


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
        self.embedding = nn.Parameter(
            torch.empty(self.classes, width).uniform_(-0.1, 0.1, generator=generator)
        )
        self.encoder = RecurrentLayers(
            params.cells, width, hidden, 1, generator, bidirectional=params.bidirectional
        )
        self.decoder = RecurrentLayers(params.cells, width + latent, hidden, 1, generator)
        states = len(self.decoder.initial_state(1)[0])
        self.to_latent = _Linear(self.encoder.output_size, latent, generator)
        self.to_state = _Linear(latent, states * hidden, generator)
        self.output = FullSoftmax(hidden, self.classes, generator, None)

    def encode(self, batch: Batch) -> Tensor:
        """Return the vector of each sequence: (B, Z)."""
        symbols = batch.symbols
        if self.params.reversed_input:
            symbols = _reversed(batch)
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
        self, latent: Tensor, symbol: Tensor, state: list[tuple[Tensor, ...]]
    ) -> tuple[Tensor, list[tuple[Tensor, ...]]]:
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

    def _first_state(self, latent: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.tanh(self.to_state(latent)).split(self.params.hidden_size, dim=1))

    def save(self, folder: Path) -> None:
        """Write model.safetensors, model.json and vocabulary.tsv as `folder`, whole or not."""
        with replacing(folder) as partial:
            partial.mkdir()
            save_file(self.weights(), partial / "model.safetensors")
            write_json(partial / "model.json", self.params.model_dump())
            self.vocabulary.save(partial / "vocabulary.tsv")

    @classmethod
    def load(cls, folder: Path) -> "Autoencoder":
        """Read what `save` wrote. Raises UserError where it is missing, damaged or does not fit."""
        try:
            params = AutoencoderParams.model_validate(read_json(folder / "model.json"))
            vocabulary = Vocabulary.load(folder / "vocabulary.tsv")
            weights = load_file(folder / "model.safetensors")
            model = cls(params, vocabulary, seed=0)
            model.load_state_dict(weights)
        except FileNotFoundError as error:
            raise UserError(f"{error.filename}: not found; expected a saved autoencoder") from None
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
        bound = inputs**-0.5
        self.weight = nn.Parameter(
            torch.empty(outputs, inputs).uniform_(-bound, bound, generator=generator)
        )
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, values: Tensor) -> Tensor:
        return F.linear(values, self.weight, self.bias)


def _reversed(batch: Batch) -> Tensor:
    """Return the symbols (T, B) with each sequence backwards, its end and padding in place."""
    steps = torch.arange(len(batch.symbols))[:, None]
    mirrored = batch.lengths - 2 - steps
    return batch.symbols.gather(0, torch.where(mirrored >= 0, mirrored, steps))
