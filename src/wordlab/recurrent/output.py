"""Output layers: a softmax over all classes, full or in two levels, and its cross-entropy."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

_BLOCK = 1 << 20
"""Logits worked on at a time: few enough for a processor's cache, enough for fast products."""


class FullSoftmax(nn.Module):
    """p(class | h) = softmax(W h + b), over all C classes.

    weight (C, H): `tied` where given, else drawn uniformly from +-1/sqrt(H); bias (C,) starts
    at 0.
    """

    def __init__(
        self, hidden_size: int, classes: int, generator: torch.Generator, tied: nn.Parameter | None
    ) -> None:
        super().__init__()
        self.weight = tied if tied is not None else _drawn(classes, hidden_size, generator)
        self.bias = nn.Parameter(torch.zeros(classes))

    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """Return log p of every class after each of `hidden` (..., H): (..., C)."""
        return F.log_softmax(F.linear(hidden, self.weight, self.bias), dim=-1)

    def losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return -log p of `targets` int64 (N,) after `hidden` (N, H): (N,), no gradient."""
        with torch.no_grad():
            return _losses(hidden, self.weight, self.bias, targets)

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return the mean of -log p of `targets` int64 (N,) after `hidden` (N, H)."""
        return linear_cross_entropy(hidden, self.weight, self.bias, targets) / len(targets)


class AdaptiveSoftmax(nn.Module):
    """A softmax in two levels (Grave et al. 2017): the frequent classes, then the cluster of a
    rare one, then that class within its cluster.

    The head is the `cutoffs[0]` commonest classes, the last two (unknown and end), and one logit
    a cluster; cluster k is the classes from cutoffs[k] up to the next cutoff. All classes keep
    vectors of full size, so that they can be tied to the embedding. cutoffs: rising, each below
    C - 2.
    """

    def __init__(
        self,
        hidden_size: int,
        classes: int,
        cutoffs: Sequence[int],
        generator: torch.Generator,
        tied: nn.Parameter | None,
    ) -> None:
        super().__init__()
        self.weight = tied if tied is not None else _drawn(classes, hidden_size, generator)
        self.bias = nn.Parameter(torch.zeros(classes))
        self.cluster_weight = _drawn(len(cutoffs), hidden_size, generator)
        self.cluster_bias = nn.Parameter(torch.zeros(len(cutoffs)))
        self.classes = classes
        self.bounds = [*cutoffs, classes - 2]

    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """Return log p of every class after each of `hidden` (..., H): (..., C)."""
        first = self.bounds[0]
        head = F.log_softmax(F.linear(hidden, *self._head()), dim=-1)
        clusters = head[..., first + 2 :].split(1, dim=-1)
        tails = [
            F.log_softmax(F.linear(hidden, self.weight[rows], self.bias[rows]), dim=-1) + cluster
            for rows, cluster in zip(self._clusters(), clusters, strict=True)
        ]
        return torch.cat([head[..., :first], *tails, head[..., first : first + 2]], dim=-1)

    def losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return -log p of `targets` int64 (N,) after `hidden` (N, H): (N,), no gradient."""
        with torch.no_grad():
            losses = _losses(hidden, *self._head(), self._head_targets(targets))
            for rows in self._clusters():
                inside = _inside(targets, rows)
                losses[inside] += _losses(
                    hidden[inside], self.weight[rows], self.bias[rows], targets[inside] - rows.start
                )
        return losses

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return the mean of -log p of `targets` int64 (N,) after `hidden` (N, H)."""
        total = linear_cross_entropy(hidden, *self._head(), self._head_targets(targets))
        for rows in self._clusters():
            inside = _inside(targets, rows)
            if len(inside):
                total = total + linear_cross_entropy(
                    hidden[inside], self.weight[rows], self.bias[rows], targets[inside] - rows.start
                )
        return total / len(targets)

    def _clusters(self) -> list[slice]:
        return [slice(start, stop) for start, stop in pairwise(self.bounds)]

    def _head(self) -> tuple[Tensor, Tensor]:
        """Return the weight and bias of the head's logits: commonest, last two, clusters."""
        first, last = self.bounds[0], self.bounds[-1]
        weight = torch.cat([self.weight[:first], self.weight[last:], self.cluster_weight])
        return weight, torch.cat([self.bias[:first], self.bias[last:], self.cluster_bias])

    def _head_targets(self, targets: Tensor) -> Tensor:
        """Return the place of each target, or of its cluster, among the head's logits."""
        first, last = self.bounds[0], self.bounds[-1]
        bounds = torch.tensor(self.bounds[:-1], device=targets.device)
        cluster = torch.bucketize(targets, bounds, right=True) - 1
        places = torch.where(targets < first, targets, first + 2 + cluster)
        return torch.where(targets >= last, first + targets - last, places)


def linear_cross_entropy(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """Return the sum of -log softmax(W h + b)[target], its gradients ready when it returns.

    hidden (N, H), weight (C, H), bias (C,), targets int64 (N,). d sum / d logits = p - onehot. A
    block of rows goes through all products while it is in the cache, so that the (N, C) logits
    never exist as a whole.
    """
    return _LinearCrossEntropy.apply(hidden, weight, bias, targets)


class _LinearCrossEntropy(torch.autograd.Function):
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
            at_target = errors.gather(1, wanted)  # (n, 1)
            highest = errors.amax(dim=1, keepdim=True)
            errors.sub_(highest).exp_()
            totals = errors.sum(dim=1, keepdim=True)
            losses[rows] = totals.log() + highest - at_target
            errors.div_(totals)
            errors.scatter_add_(1, wanted, errors.new_full((1, 1), -1.0).expand_as(wanted))
            torch.mm(errors, weight, out=d_hidden[rows])  # errors: p - onehot
            d_weight.addmm_(errors.t(), part)
            d_bias += errors.sum(0)
        ctx.save_for_backward(d_hidden, d_weight, d_bias)
        return losses.sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        d_hidden, d_weight, d_bias = ctx.saved_tensors
        return d_hidden * d_loss, d_weight * d_loss, d_bias * d_loss, None


def _losses(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    losses = hidden.new_empty(len(targets))
    for rows in _blocks(len(targets), len(weight)):
        logits = F.linear(hidden[rows], weight, bias)
        losses[rows] = F.cross_entropy(logits, targets[rows], reduction="none")
    return losses


def _drawn(classes: int, hidden_size: int, generator: torch.Generator) -> nn.Parameter:
    bound = hidden_size**-0.5
    return nn.Parameter(
        torch.empty(classes, hidden_size).uniform_(-bound, bound, generator=generator)
    )


def _inside(targets: Tensor, rows: slice) -> Tensor:
    return ((targets >= rows.start) & (targets < rows.stop)).nonzero().squeeze(1)


def _blocks(rows: int, classes: int) -> list[slice]:
    """Return slices of rows whose logits are about `_BLOCK` numbers."""
    step = max(1, _BLOCK // classes)
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
