"""Dynamic evaluation: a model that learns from a text while it is scored (Krause et al. 2018).

The text is read in order, as one stream, in segments: each is scored, then learnt from, so that no
score knows of what comes after it.
"""

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wordlab.evaluation.language.held_out import HeldOut
from wordlab.params.language import DynamicEvaluationParams
from wordlab.recurrent.batches import piece_starts, sentence_starts
from wordlab.recurrent.cells import State
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.reading import read


@dataclass(frozen=True, eq=False)
class Trace:
    """What a network makes of a text: -log p of each symbol, nats (N,), and the state before each.

    hidden: (N, H), or empty where nothing needs it; ranks: how many symbols the network thinks
    likelier than each, int64 (N,), None where nothing needs them.
    """

    losses: NDArray[np.floating]
    hidden: Tensor
    ranks: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Learning:
    """How fast a model learns from a segment, and how strongly it is drawn back to what it was."""

    rate: float
    decay: float


def gradient_sizes(
    model: LanguageModel, ids: NDArray[np.int64], params: DynamicEvaluationParams
) -> list[Tensor]:
    """Return the root mean square of each weight's gradient, divided by the mean over all weights.

    A tensor in the shape of each trained weight. ids (N,): the training text, of which as many
    segments as `params.gradients` are read, each from the beginning of a sentence and a state of
    zeros, evenly spread. All are 1 where `params.damping` is None.
    """
    learner = _learner(model)
    squares = [torch.zeros_like(weight) for weight in _trained(learner)]
    if params.damping is None:
        return [torch.ones_like(square) for square in squares]
    begins = sentence_starts(ids, model.end, np.zeros(0, dtype=np.int64))
    before = np.concatenate([[model.end], ids[:-1]])
    for place in np.linspace(0, len(begins) - 1, params.gradients).astype(np.int64):
        segment = slice(begins[place], begins[place] + params.steps)
        inputs, targets = (torch.from_numpy(part[segment]) for part in (before, ids))
        hidden, _ = learner(inputs[:, None], learner.initial_state(1))
        learner.output.loss(hidden.flatten(0, 1), targets).backward()
        for weight, square in zip(_trained(learner), squares, strict=True):
            if weight.grad is not None:
                square.addcmul_(weight.grad, weight.grad)
                weight.grad = None
    sizes = [square.div_(params.gradients).sqrt_() for square in squares]
    mean = sum(float(size.sum()) for size in sizes) / sum(size.numel() for size in sizes)
    return [size / mean for size in sizes]


def dynamic_trace(
    model: LanguageModel,
    text: HeldOut,
    learning: Learning,
    sizes: Sequence[Tensor],
    params: DynamicEvaluationParams,
    *,
    states: bool = False,
) -> Trace:
    """Return what `model` makes of `text` when it learns from each segment it has been scored on.

    After each, w' = w - rate * g * (1 + damping) / (size + damping) + min(1, decay * size) * (w0 -
    w), where g is the gradient of its mean loss, w0 the trained weight and size that of
    `gradient_sizes`: equations 4 to 7 of Krause et al. 2018 with the rate in the unit of SGD's.
    A segment is `params.steps` symbols; of streams whose state is not carried, `bptt_length`; of
    windows, as many as are read at once. The weights are kept from one document to the next;
    `model` stays as it is. states: whether to keep those. Raises FloatingPointError if a loss is
    not a number.
    """
    learner, damping = _learner(model), params.damping or 0.0
    weights = _trained(learner)
    start = [weight.detach().clone() for weight in weights]
    speeds = [learning.rate * (1 + damping) / (size + damping).clamp_(min=1e-9) for size in sizes]
    pulls = [(learning.decay * size).clamp_(max=1) for size in sizes]
    own, starts = learner.params, text.document_starts
    if own.examples == "sentences":  # in order, not those of a length together
        own = own.model_copy(update={"examples": "streams", "carry_state": "within_documents"})
        starts = piece_starts(text.ids, model.end, starts, own.bptt_length)
    ids, state = torch.from_numpy(text.ids), list[State]()
    losses, kept = torch.empty(len(ids)), torch.empty(0)
    if states:
        kept = torch.empty(len(ids), learner.layers.output_size)
    for reading in read(
        text.ids, own, end=model.end, document_starts=starts, streams=1, steps=params.steps
    ):
        if reading.fresh:
            state = learner.initial_state(reading.inputs.shape[1])
        resets = None if reading.resets is None else torch.from_numpy(reading.resets)
        hidden, state = learner(torch.from_numpy(reading.inputs), state, resets)
        state = [tuple(part.detach() for part in layer) for layer in state]
        predicted = torch.from_numpy(reading.places)
        hidden, places = hidden[predicted >= 0], predicted[predicted >= 0]  # (n, H), (n,)
        losses[places] = learner.output.losses(hidden, ids[places])
        if states:
            kept[places] = hidden.detach()
        if learning.rate == 0:
            continue
        loss = learner.output.loss(hidden, ids[places])
        if not math.isfinite(loss.item()):
            raise FloatingPointError
        loss.backward()
        with torch.no_grad():
            for weight, trained, speed, pull in zip(weights, start, speeds, pulls, strict=True):
                if learning.decay:
                    weight.lerp_(trained, pull)
                if weight.grad is not None:
                    weight.addcmul_(weight.grad, speed, value=-1)
                    weight.grad = None
    return Trace(losses.numpy(), kept)


def _learner(model: LanguageModel) -> LanguageModel:
    """Return a copy of `model` with weights of its own."""
    return deepcopy(model, {id(model.vocabulary): model.vocabulary})


def _trained(model: LanguageModel) -> list[nn.Parameter]:
    return [weight for weight in model.parameters() if weight.requires_grad]
