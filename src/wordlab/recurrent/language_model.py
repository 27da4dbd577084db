"""Recurrent language models of words or characters."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

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
from wordlab.params.language import NetworkParams
from wordlab.recurrent.cells import State
from wordlab.recurrent.devices import Share, threads
from wordlab.recurrent.layers import LayerDropout, RecurrentLayers, drop
from wordlab.recurrent.output import AdaptiveSoftmax, FullSoftmax
from wordlab.recurrent.reading import STEPS, STREAMS, read
from wordlab.recurrent.sizes import check_saved, require_network

Level = Literal["word", "character"]


class LanguageModel(nn.Module):
    """p(next symbol | all before), over the symbols of `vocabulary` and its specials."""

    def __init__(
        self, params: NetworkParams, vocabulary: Vocabulary, level: Level, seed: int
    ) -> None:
        super().__init__()
        self.params, self.vocabulary, self.level = params, vocabulary, level
        self.unknown, self.end = vocabulary.unknown, vocabulary.end
        self.classes = vocabulary.classes
        require_network(params, self.classes)
        generator = torch.Generator().manual_seed(rng.derive(seed, "language model"))
        width = params.embedding_size
        if params.embedding == "one_hot":
            width = self.classes
            start = torch.eye(width)
        else:
            bound = 0.1 if params.tied else 1.0  # the output layer wants small weights
            start = torch.empty(self.classes, width).uniform_(-bound, bound, generator=generator)
        self.embedding = nn.Parameter(start, requires_grad=params.embedding == "trained")
        size, backend = params.hidden_size, params.cell_backend
        self.layers = RecurrentLayers(
            params, width, size, params.layers, generator, backend=backend
        )
        cutoffs = [cutoff for cutoff in params.adaptive_cutoffs if cutoff < len(vocabulary)]
        tied = self.embedding if params.tied else None
        self.output = (
            AdaptiveSoftmax(size, self.classes, cutoffs, generator, tied)
            if cutoffs
            else FullSoftmax(size, self.classes, generator, tied)
        )

    @contextmanager
    def placed(self, device: torch.device, products: torch.dtype | None) -> Iterator[None]:
        """Move to `device` inside the block, factors of large products rounded to `products`."""
        self.to(device)
        try:
            with self.rounded(products):
                yield
        finally:
            self.to("cpu")

    @contextmanager
    def rounded(self, products: torch.dtype | None) -> Iterator[None]:
        """Round the factors of large products to `products` inside the block, None for not at all.

        It holds for `placed` blocks around it too, until it ends.
        """
        before = self.layers.products
        self.layers.products = self.output.products = products
        try:
            yield
        finally:
            self.layers.products = self.output.products = before

    def initial_state(self, batch_size: int) -> list[State]:
        """Return the state at the start of a text: zeros, one State a layer."""
        return self.layers.initial_state(batch_size)

    def forward(
        self, inputs: Tensor, state: Sequence[State], resets: Tensor | None = None
    ) -> tuple[Tensor, list[State]]:
        """Return what the last layer puts out after each of `inputs` int64 (T, B): (T, B, H).

        And the state after the last step. resets, bool (T, B): steps that start from a state of
        zeros. Nothing is dropped out.
        """
        return self.layers(F.embedding(inputs, self.embedding), state, resets=resets)

    def loss(
        self,
        inputs: Tensor,
        targets: Tensor,
        state: Sequence[State],
        generator: np.random.Generator,
        *,
        resets: Tensor | None = None,
        share: Share | None = None,
    ) -> tuple[Tensor, Tensor, list[State]]:
        """Return what training minimises on a window, its cross-entropy, and the state after it.

        inputs, targets: int64 (T, B), a target below 0 is not to be predicted; generator: draws
        what is dropped out; resets, bool (T, B): steps that start from a state of zeros; share:
        which columns of a batch these are. The cross-entropy is a mean in nats; the first value
        adds the penalties of activations and of their changes (Merity et al. 2017, 4.5), means
        over the targets too, so that those of shares add up to those of the batch.
        """
        params = self.params
        dropout = LayerDropout(
            params.dropout_between, params.dropout_recurrent, params.variational, generator, share
        )
        embedded = F.embedding(inputs, self.embedding.detach())  # (T, B, E)
        if self.embedding.requires_grad:
            embedded.requires_grad_().register_hook(partial(self._add_gradient, inputs))
        embedded = drop(embedded, params.dropout_input, params.variational, generator, share)
        raw, end_state = self.layers(embedded, state, resets=resets, dropout=dropout)
        hidden = drop(raw, params.dropout_output, params.variational, generator, share)
        predicted = targets >= 0
        if predicted.all():
            hidden, targets = hidden.flatten(0, 1), targets.flatten()  # (N, H), (N,)
        else:
            hidden, targets = hidden[predicted], targets[predicted]
        if not len(targets):  # all padding: gradients of 0
            return hidden.sum(), hidden.new_zeros(()), end_state
        total = self.output.loss(hidden, targets)
        cross_entropy = total.detach()
        if params.activation_penalty:
            total = total + params.activation_penalty * hidden.square().mean()
        if params.temporal_penalty:
            carried = predicted[1:] if resets is None else predicted[1:] & ~resets[1:]
            changes = (raw[1:] - raw[:-1]).square().mean(dim=2)[carried]
            total = total + params.temporal_penalty * changes.sum() / len(targets)
        return total, cross_entropy, end_state

    def _add_gradient(self, inputs: Tensor, gradient: Tensor) -> None:
        """Add to the embedding's the `gradient` (T, B, E) of what was looked up.

        In place, beside the output layer's where the two are tied: autograd would add up matrices.
        """
        if self.embedding.grad is None:
            self.embedding.grad = torch.zeros_like(self.embedding)
        self.embedding.grad.index_add_(0, inputs.flatten(), gradient.flatten(0, 1))

    def token_losses(
        self,
        ids: NDArray[np.int64],
        *,
        document_starts: NDArray[np.int64] | None = None,
        streams: int = STREAMS,
        steps: int = STEPS,
        params: NetworkParams | None = None,
    ) -> NDArray[np.float32]:
        """Return -log p in nats of each of `ids` (N,), read as by `outputs`: float32 (N,)."""
        losses = torch.empty(len(ids))
        for places, hidden, targets in self.outputs(
            ids, document_starts=document_starts, streams=streams, steps=steps, params=params
        ):
            losses[torch.from_numpy(places)] = self.output.losses(hidden, targets).cpu()
        return losses.numpy()

    @torch.no_grad()
    def outputs(
        self,
        ids: NDArray[np.int64],
        *,
        document_starts: NDArray[np.int64] | None = None,
        streams: int = STREAMS,
        steps: int = STEPS,
        params: NetworkParams | None = None,
    ) -> Iterator[tuple[NDArray[np.int64], Tensor, Tensor]]:
        """Yield places in `ids` (N,), what the last layer puts out before each, and what is there.

        int64 (n,), (n, H), int64 (n,); each place once. document_starts: int64 (D,), where
        documents begin; None is one document. params: how it is read, see `read`; None is as the
        model was trained.
        """
        starts = np.zeros(1, np.int64) if document_starts is None else document_starts
        device, state = self.embedding.device, list[State]()
        for reading in read(
            ids, params or self.params, end=self.end, document_starts=starts, streams=streams,
            steps=steps,
        ):  # fmt: skip
            inputs = torch.from_numpy(reading.inputs).to(device)
            resets = None if reading.resets is None else torch.from_numpy(reading.resets).to(device)
            if reading.fresh:
                state = self.initial_state(inputs.shape[1])
            hidden, state = self(inputs, state, resets)
            hidden = hidden[torch.from_numpy(reading.places >= 0).to(device)]
            places = reading.places[reading.places >= 0]
            yield places, hidden, torch.from_numpy(ids[places]).to(device)

    def save(self, folder: Path) -> None:
        """Write model.safetensors, model.json and vocabulary.tsv as `folder`, whole or not."""
        network = self.params.model_dump(include=set(NetworkParams.model_fields))
        save(folder, self.weights(), {"level": self.level, "network": network}, self.vocabulary)

    @classmethod
    def load(cls, folder: Path) -> "LanguageModel":
        """Read what `save` wrote; raises UserError where it is missing, damaged or does not fit."""
        for name in ("model.json", "vocabulary.tsv", "model.safetensors"):
            if not (folder / name).is_file():
                raise UserError(f"{folder / name}: not found; expected a saved language model")
        try:
            description = read_json(folder / "model.json")
            params = NetworkParams.model_validate(description["network"])
            vocabulary = Vocabulary.load(folder / "vocabulary.tsv")
            weights = load_file(folder / "model.safetensors")
            level = description["level"]
            check_saved(params, weights, level, get_args(Level))
        except (SafetensorError, ValidationError, ValueError, KeyError, TypeError) as error:
            reason = str(error).splitlines()[0]
            if isinstance(error, ValidationError):
                first = error.errors()[0]
                reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise UserError(f"{folder}: not a whole language model ({reason})") from None
        model = cls(params, vocabulary, level, seed=0)
        model.restore(weights, source=str(folder))
        return model

    def weights(self) -> dict[str, Tensor]:
        """Return each weight by name, tied ones once, in the processor's memory."""
        return {name: weight.detach().cpu() for name, weight in self.named_parameters()}

    def restore(self, weights: Mapping[str, Tensor], *, source: str) -> None:
        """Take over `weights`, as `weights()` gives them.

        Raises UserError, naming `source`, if names or shapes differ from this model's.
        """
        own = dict(self.named_parameters())
        for name in sorted(own.keys() | weights.keys()):
            expected = tuple(own[name].shape) if name in own else None
            found = tuple(weights[name].shape) if name in weights else None
            if expected != found:
                raise UserError(
                    f"{source}: the weights do not fit this network and vocabulary: {name} has "
                    f"shape {found}, expected {expected}"
                )
        with torch.no_grad():
            for name, weight in own.items():
                weight.copy_(weights[name])


def save(
    folder: Path, weights: dict[str, Tensor], description: Any, vocabulary: Vocabulary
) -> None:
    """Write model.safetensors, model.json and vocabulary.tsv as `folder`, whole or not."""
    with replacing(folder) as partial:
        partial.mkdir()
        save_file(weights, partial / "model.safetensors")
        write_json(partial / "model.json", description)
        vocabulary.save(partial / "vocabulary.tsv")


def start_from(model: LanguageModel, vectors: NDArray[np.float32], *, source: str) -> None:
    """Give the symbols of `model` the word vectors of their ranks, float32 (V, D), as embedding.

    All are scaled by one number, so that they are as large as the random ones they replace:
    unknown and end keep theirs. Raises UserError, naming `source`, if D is not embedding_size or
    there are fewer vectors than symbols.
    """
    count, width = len(model.vocabulary), model.embedding.shape[1]
    if vectors.shape[1] != width:
        raise UserError(
            f"language_model.shared.embedding_size: expected {vectors.shape[1]}, the size of the "
            f"vectors in {source}, got {width}; a tied model's hidden_size has to follow"
        )
    if len(vectors) < count:
        raise UserError(f"{source}: {len(vectors)} vectors are too few for {count} symbols")
    with threads(1), torch.no_grad():
        given, drawn = torch.from_numpy(vectors[:count].copy()), model.embedding[:count]
        size = given.square().mean().sqrt()
        if size > 0:
            drawn.copy_(given * (drawn.square().mean().sqrt() / size))


def description(model: LanguageModel) -> dict[str, Any]:
    """Return the model's size in numbers: classes and parameters."""
    identity = model.embedding if model.params.embedding == "one_hot" else None
    own = (weight.numel() for weight in model.parameters() if weight is not identity)
    return {"classes": model.classes, "parameters": sum(own)}
