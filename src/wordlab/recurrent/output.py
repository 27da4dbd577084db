"""Output layers: a softmax over all classes, full or in two levels, and its cross-entropy."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from wordlab.recurrent.cells import drawn
from wordlab.recurrent.devices import in_parts, part_size
from wordlab.recurrent.products import multiply, rounded_to

_BLOCK = 1 << 20
"""Logits worked on at a time: few enough for a processor's cache, enough for fast products."""
_BLOCKS = 4
"""How many such blocks there are at a time."""


class FullSoftmax(nn.Module):
    """p(class | h) = softmax(W h + b), over all C classes.

    weight (C, H): `tied` where given, else drawn uniformly from +-1/sqrt(H); bias (C,) starts
    at 0. products: what the factors of products are rounded to in training, None for not at all.
    """

    def __init__(
        self,
        hidden_size: int,
        classes: int,
        generator: torch.Generator,
        tied: nn.Parameter | None,
    ) -> None:
        super().__init__()
        self.products: torch.dtype | None = None
        bound = hidden_size**-0.5
        self.weight = drawn(classes, hidden_size, bound, generator) if tied is None else tied
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
        return linear_cross_entropy(hidden, self.weight, self.bias, targets, self.products)


class AdaptiveSoftmax(FullSoftmax):
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
        super().__init__(hidden_size, classes, generator, tied)
        self.cluster_weight = drawn(len(cutoffs), hidden_size, hidden_size**-0.5, generator)
        self.cluster_bias = nn.Parameter(torch.zeros(len(cutoffs)))
        self.classes = classes
        self.bounds = [*cutoffs, classes - 2]

    def log_probabilities(self, hidden: Tensor) -> Tensor:
        first = self.bounds[0]
        head = F.log_softmax(F.linear(hidden, *self._head()), dim=-1)
        clusters = head[..., first + 2 :].split(1, dim=-1)
        tails = [
            F.log_softmax(F.linear(hidden, self.weight[rows], self.bias[rows]), dim=-1) + cluster
            for rows, cluster in zip(self._clusters(), clusters, strict=True)
        ]
        return torch.cat([head[..., :first], *tails, head[..., first : first + 2]], dim=-1)

    def losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        with torch.no_grad():
            losses = _losses(hidden, *self._head(), self._head_targets(targets))
            for rows in self._clusters():
                inside = _inside(targets, rows)
                losses[inside] += _losses(
                    hidden[inside], self.weight[rows], self.bias[rows], targets[inside] - rows.start
                )
        return losses

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        weights = (self.weight, self.bias, self.cluster_weight, self.cluster_bias)
        return _AdaptiveCrossEntropy.apply(hidden, *weights, targets, self)

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


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    products: torch.dtype | None = None,
) -> Tensor:
    """Return the mean of -log softmax(W h + b)[target], its gradients ready when it returns.

    hidden (N, H), weight (C, H), bias (C,), targets int64 (N,).
    """
    return _LinearCrossEntropy.apply(hidden, weight, bias, targets, products)


class _CrossEntropy(torch.autograd.Function):
    """A function whose forward pass has its gradients ready, for all arguments but the last two."""

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        if d_loss.device.type == "cpu" and d_loss == 1:  # spares a pass over the gradients
            return (*ctx.saved_tensors, None, None)
        return (*(gradient * d_loss for gradient in ctx.saved_tensors), None, None)


class _LinearCrossEntropy(_CrossEntropy):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        products: torch.dtype | None,
    ) -> Tensor:
        d_weight, d_bias = torch.empty_like(weight), torch.empty_like(bias)
        scale = 1 / len(targets)
        loss, d_hidden = _cross_entropy(
            hidden, weight, bias, targets, scale, products, d_weight, d_bias
        )
        ctx.save_for_backward(d_hidden, d_weight, d_bias)
        return loss


class _AdaptiveCrossEntropy(_CrossEntropy):
    """The gradients of all clusters go into one matrix: slices of it would be added up by
    autograd in a matrix of zeros each."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        cluster_weight: Tensor,
        cluster_bias: Tensor,
        targets: Tensor,
        layer: AdaptiveSoftmax,
    ) -> Tensor:
        scale, first, last = 1 / len(targets), layer.bounds[0], layer.bounds[-1]
        d_weight, d_bias = torch.empty_like(weight), torch.empty_like(bias)
        head = layer._head()
        d_head = [torch.empty_like(part) for part in head]
        loss, d_hidden = _cross_entropy(
            hidden, *head, layer._head_targets(targets), scale, layer.products, *d_head
        )
        for whole, part in ((d_weight, d_head[0]), (d_bias, d_head[1])):
            whole[:first] = part[:first]
            whole[last:] = part[first : first + 2]
        for rows in layer._clusters():
            inside = _inside(targets, rows)
            rare, d_rare = _cross_entropy(
                hidden[inside],
                weight[rows],
                bias[rows],
                targets[inside] - rows.start,
                scale,
                layer.products,
                d_weight[rows],
                d_bias[rows],
            )
            loss += rare
            d_hidden.index_add_(0, inside, d_rare)
        ctx.save_for_backward(
            d_hidden, d_weight, d_bias, d_head[0][first + 2 :], d_head[1][first + 2 :]
        )
        return loss


def _cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    scale: float,
    products: torch.dtype | None,
    d_weight: Tensor,
    d_bias: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the sum of -scale * log softmax(W h + b)[target] and its gradient for `hidden`.

    d_weight, d_bias: take its gradients for `weight` and `bias`. d / d logits = scale * (p -
    onehot). Of the (N, C) logits only some rows exist at a time. They go through the products for
    `hidden` by blocks of rows, and through that for `weight` by blocks of classes.
    """
    count, classes = len(targets), len(weight)
    d_hidden, losses = torch.empty_like(hidden), hidden.new_empty(count, 1)
    step, rounded = max(1, _BLOCK // classes), rounded_to(weight, products)
    room = hidden.new_empty(min(count, _BLOCKS * step), classes)
    factors = room if products is None else torch.empty_like(room, dtype=products)

    def work_on(some: slice) -> None:
        errors, factor = (every[: some.stop - some.start] for every in (room, factors))
        given, wanted = rounded_to(hidden[some], products), targets[some, None]
        found, d_given = losses[some], d_hidden[some]

        def by_rows(rows: slice) -> None:
            block, target = errors[rows], wanted[rows]  # logits first
            multiply(given[rows], rounded.t(), bias=bias, out=block)
            at_target = block.gather(1, target)  # (n, 1)
            highest = block.amax(dim=1, keepdim=True)
            block.sub_(highest).exp_()
            totals = block.sum(dim=1, keepdim=True)
            found[rows] = totals.log() + highest - at_target
            block.mul_(scale / totals)
            block.scatter_add_(1, target, block.new_full((1, 1), -scale).expand_as(target))
            if products is not None:
                factor[rows] = block
            multiply(factor[rows], rounded, out=d_given[rows])

        def by_classes(part: slice) -> None:
            multiply(factor[:, part].t(), given, out=d_weight[part], add=some.start > 0)
            d_bias[part] += errors[:, part].t().sum(1)

        in_parts(by_rows, len(errors), step)
        in_parts(by_classes, classes, part_size(given.numel(), 16, products))

    d_bias.zero_()
    if not count:
        d_weight.zero_()
    for start in range(0, count, _BLOCKS * step):
        work_on(slice(start, min(start + _BLOCKS * step, count)))
    return losses.sum() * scale, d_hidden


def _losses(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    losses = hidden.new_empty(len(targets))

    def compute(rows: slice) -> None:
        logits = F.linear(hidden[rows], weight, bias)
        losses[rows] = F.cross_entropy(logits, targets[rows], reduction="none")

    in_parts(compute, len(targets), max(1, _BLOCK // len(weight)))
    return losses


def _inside(targets: Tensor, rows: slice) -> Tensor:
    return ((targets >= rows.start) & (targets < rows.stop)).nonzero().squeeze(1)
