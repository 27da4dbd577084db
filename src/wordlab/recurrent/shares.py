"""A batch learnt from in shares of its columns, by as many threads as there are.

Threads that divide single products wait for one another at each of them; those that have a share
of the batch each meet once per update. How many shares there are depends on sizes alone, so no
number of threads changes a byte.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wordlab.recurrent.cells import State
from wordlab.recurrent.devices import Share, at_once
from wordlab.recurrent.language_model import LanguageModel

SHARES = 2
"""Of a batch that is worth it; with more of them each is too small for fast products."""
WORTH = 1 << 29
"""Multiplications of the recurrent layers, from one window forwards, that shares are worth: with
fewer, threads would wait for Python."""


class Learners:
    """Copies of `model` with the same weights in the same memory, each with its own gradients.

    One copy for each share of the columns that this process has, `share`; the model itself where
    a batch is learnt from as a whole.
    """

    def __init__(self, model: LanguageModel, share: Share) -> None:
        params = model.params
        layers = sum(weight.numel() for weight in model.layers.parameters())
        worth = layers * params.batch_size * params.bptt_length >= WORTH
        whole = not worth or share.count % SHARES or model.embedding.device.type != "cpu"
        self.model, self.share = model, share
        self.copies = [model] if whole else [_beside(model) for _ in range(SHARES)]

    def learn(
        self,
        inputs: Tensor,
        targets: Tensor,
        state: Sequence[State],
        stream: Callable[[], np.random.Generator],
        *,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, list[State]]:
        """Give each weight the gradient of the mean loss; return the cross-entropy and the state.

        Arguments as those of `LanguageModel.loss`; stream gives each share the same generator.
        """
        size = self.share.count // len(self.copies)

        def learn_from(place: int) -> tuple[Tensor, list[State]]:
            learner, columns = self.copies[place], slice(place * size, (place + 1) * size)
            learner.zero_grad(set_to_none=True)
            total, cross_entropy, after = learner.loss(
                inputs[:, columns].contiguous(),
                targets[:, columns].contiguous(),
                [tuple(part[columns] for part in layer) for layer in state],
                stream(),
                resets=None if resets is None else resets[:, columns].contiguous(),
                share=Share(self.share.first + place * size, size, self.share.total),
            )
            total.backward()
            return cross_entropy, [tuple(part.detach() for part in layer) for layer in after]

        if len(self.copies) == 1:
            return learn_from(0)
        found = at_once(learn_from, range(len(self.copies)))
        predicted = (targets >= 0).view(len(targets), len(found), size).sum(dim=(0, 2))
        parts = (predicted / predicted.sum().clamp(min=1)).tolist()
        for weight, *own in zip(
            *map(nn.Module.parameters, [self.model, *self.copies]), strict=True
        ):
            weight.grad = _weighted([copied.grad for copied in own], parts)
        losses, ends = zip(*found, strict=True)
        loss = torch.stack([loss * part for loss, part in zip(losses, parts, strict=True)]).sum()
        after = [
            tuple(map(torch.cat, zip(*layer, strict=True))) for layer in zip(*ends, strict=True)
        ]
        return loss, after


def _beside(model: LanguageModel) -> LanguageModel:
    """Return a copy of `model` whose weights are in the same memory."""
    kept: dict[int, Any] = {id(model.vocabulary): model.vocabulary}
    kept |= {id(w): nn.Parameter(w.data, w.requires_grad) for w in model.parameters()}
    return copy.deepcopy(model, kept)


def _weighted(gradients: Sequence[Tensor | None], parts: Sequence[float]) -> Tensor | None:
    """Return the sum of the gradients that there are, each times its part; uses up their memory."""
    total: Tensor | None = None
    for gradient, part in zip(gradients, parts, strict=True):
        if gradient is not None:
            total = gradient.mul_(part) if total is None else total.add_(gradient, alpha=part)
    return total
