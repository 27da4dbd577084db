"""The output layer: a softmax over all classes, and its cross-entropy without the logits' bulk."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

_BLOCK = 1 << 20
"""Logits worked on at a time: few enough for a processor's cache, enough for fast products."""


class FullSoftmax(nn.Module):
    """p(class | h) = softmax(W h + b), over all C classes.

    weight (C, H): given where it is tied to the embedding, else drawn uniformly from
    +-1/sqrt(H); bias (C,) starts at 0.
    """

    def __init__(
        self, hidden_size: int, classes: int, generator: torch.Generator, tied: nn.Parameter | None
    ) -> None:
        super().__init__()
        bound = hidden_size**-0.5
        self.weight = (
            tied
            if tied is not None
            else nn.Parameter(
                torch.empty(classes, hidden_size).uniform_(-bound, bound, generator=generator)
            )
        )
        self.bias = nn.Parameter(torch.zeros(classes))

    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """Return log p of every class after each of `hidden` (..., H): (..., C)."""
        return F.log_softmax(F.linear(hidden, self.weight, self.bias), dim=-1)

    def losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return -log p of `targets` int64 (N,) after `hidden` (N, H): (N,), no gradient."""
        losses = hidden.new_empty(len(targets))
        with torch.no_grad():
            for rows in _blocks(len(targets), len(self.weight)):
                logits = F.linear(hidden[rows], self.weight, self.bias)
                losses[rows] = F.cross_entropy(logits, targets[rows], reduction="none")
        return losses

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return the mean of -log p of `targets` int64 (N,) after `hidden` (N, H)."""
        return _LinearCrossEntropy.apply(hidden, self.weight, self.bias, targets)


class _LinearCrossEntropy(torch.autograd.Function):
    """Mean cross-entropy of softmax(W h + b), its gradients formed in the forward pass.

    d loss / d logits = (p - onehot) / N. A block of rows goes through all products while it is in
    the cache, so the (N, C) logits never exist as a whole.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
        count = len(targets)
        d_hidden = torch.empty_like(hidden)
        d_weight, d_bias = torch.zeros_like(weight), torch.zeros_like(bias)
        losses = hidden.new_empty(count, 1)
        transposed = weight.t()
        for rows in _blocks(count, len(weight)):
            part, wanted = hidden[rows], targets[rows, None]
            errors = torch.addmm(bias, part, transposed)  # logits (n, C)
            torch.log_softmax(errors, dim=1, out=errors)
            log_p = errors.gather(1, wanted)  # (n, 1)
            losses[rows] = -log_p
            errors.exp_().scatter_(1, wanted, log_p.exp() - 1)  # p - onehot
            torch.mm(errors, weight, out=d_hidden[rows])
            d_weight.addmm_(errors.t(), part)
            d_bias += errors.sum(0)
        ctx.save_for_backward(d_hidden, d_weight, d_bias)
        ctx.count = count
        return losses.mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        scale = d_loss / ctx.count
        d_hidden, d_weight, d_bias = ctx.saved_tensors
        return d_hidden * scale, d_weight * scale, d_bias * scale, None


def _blocks(rows: int, classes: int) -> list[slice]:
    """Return slices of rows whose logits are about `_BLOCK` numbers."""
    step = max(1, _BLOCK // classes)
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
