"""Products of matrices whose factors may be rounded, with and without gradients."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from wordlab.recurrent.devices import in_parts, part_size


def rounded_to(values: Tensor, kind: torch.dtype | None) -> Tensor:
    """Return `values` rounded to `kind`, None for as they are."""
    return values if kind is None else values.to(kind)


def multiply(
    one: Tensor, other: Tensor, *, out: Tensor, bias: Tensor | None = None, add: bool = False
) -> None:
    """Set `out` (M, N) to one (M, K) @ other (K, N), + bias (N,); `add` it to what is there.

    The factors may be rounded, both to the same dtype. No gradient is kept.
    """
    with torch.no_grad():
        if one.dtype != out.dtype:
            result = torch.mm(one, other)
            out.add_(result) if add else out.copy_(result)
            if bias is not None:
                out.add_(bias)
        elif bias is not None:
            torch.addmm(bias, one, other, out=out)
        elif add:
            out.addmm_(one, other)
        else:
            torch.mm(one, other, out=out)


def product(
    one: Tensor, other: Tensor, rounded: torch.dtype | None = None, *, bias: Tensor | None = None
) -> Tensor:
    """Return one (M, K) @ other (K, N), + bias (N,), computed in parts of some rows each.

    rounded: what both factors are rounded to, where they are not yet; the result is float32 then.
    No gradient is kept.
    """
    kind = rounded or one.dtype
    out = one.new_empty(len(one), other.shape[1], dtype=torch.float32 if rounded else kind)
    factor = other.to(kind)  # once, not for each part
    in_parts(
        lambda rows: multiply(one[rows].to(kind), factor, bias=bias, out=out[rows]),
        len(one),
        part_size(other.numel(), 16, rounded),
    )
    return out


def linear(
    inputs: Tensor, weight: Tensor, bias: Tensor | None, rounded: torch.dtype | None
) -> Tensor:
    """Return W x + b of `inputs` (..., I), weight (O, I), bias (O,): (..., O), for autograd.

    rounded: what the factors of the product, and of those of its gradients, are rounded to; None
    for not at all.
    """
    if rounded is None:
        return F.linear(inputs, weight, bias)
    found: Tensor = _RoundedLinear.apply(inputs.flatten(0, -2), weight, bias, rounded)
    return found.view(*inputs.shape[:-1], -1)


class _RoundedLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None, rounded: torch.dtype
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.rounded = rounded
        return product(inputs, weight.to(rounded).t(), rounded, bias=bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_output: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        wanted, error = ctx.needs_input_grad, d_output.to(ctx.rounded)
        d_inputs = product(error, weight, ctx.rounded) if wanted[0] else None
        d_weight = product(error.t(), inputs, ctx.rounded) if wanted[1] else None
        return d_inputs, d_weight, d_output.sum(0) if wanted[2] else None, None
