"""Recurrences without products of matrices, each in one compiled pass over all steps, and back.

Every sequence is a loop by itself, and every sum has one order: the same bytes at any number of
threads. Shapes: T steps, B sequences, H units.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable

from wordlab.recurrent.devices import in_parts, part_size

HIGHWAY = math.sqrt(3)
"""What SRU's highway multiplies the input by: sqrt(1 + 2 exp(b)) for a bias b = 0 of its gate."""
_WORK = 16
"""A value takes about as long as so many multiplications of a product."""


def _run(kernel: Callable[..., None], values: int, *tensors: Tensor) -> None:
    """Run `kernel` on all sequences, in parts; `values`: how many it computes for all of them.

    It takes the first sequence and the one after the last, then `tensors`, which have B in the
    second place or, those of one step, in the first.
    """
    batch = tensors[0].shape[1]
    arrays = [tensor.detach().numpy() for tensor in tensors]
    step = part_size(_WORK * values // batch)
    in_parts(lambda part: kernel(part.start, part.stop, *arrays), batch, step)


def _room(first: Tensor, steps: int) -> Tensor:
    """Return (T + 1, ...) that starts with the state `first` and is otherwise to be filled."""
    room = first.new_empty(steps + 1, *first.shape)
    room[0] = first
    return room


def blended(totals: Tensor, hidden: Tensor) -> Tensor:
    """Return h (T, B, H) of h_t = (1 - z_t) * h_(t-1) + z_t * g(a_t), from h_0 = `hidden` (B, H).

    totals (T, B, 2H): z's logits and a. g(a) = a + .5 where a >= 0, else sigmoid(a).
    """
    return _Blended.apply(totals, hidden)


@njit(nogil=True, cache=True)
def _blend(first: int, last: int, hiddens: Any, totals: Any, gates: Any) -> None:
    """Fill hiddens[1:] (T + 1, B, H), and put g(a) in the second half of `gates`.

    totals, gates (T, B, 2H): logits and their sigmoids. Mutates hiddens and gates.
    """
    size = hiddens.shape[2]
    half = totals.dtype.type(0.5)
    for sequence in range(first, last):
        for t in range(len(totals)):
            before, after = hiddens[t, sequence], hiddens[t + 1, sequence]
            update, candidate = gates[t, sequence, :size], gates[t, sequence, size:]
            total = totals[t, sequence, size:]
            for unit in range(size):
                a, s = total[unit], candidate[unit]
                n = a + half if a >= 0 else s
                candidate[unit] = n
                after[unit] = before[unit] + update[unit] * (n - before[unit])


@njit(nogil=True, cache=True)
def _blend_back(
    first: int, last: int, hiddens: Any, gates: Any, errors: Any, d_totals: Any, carried: Any
) -> None:
    """Fill d_totals (T, B, 2H) and carried (B, H), the gradient of h_0, from errors (T, B, H).

    gates (T, B, 2H): z and g(a). Mutates d_totals and carried, which starts as zeros.
    """
    size = hiddens.shape[2]
    one, half = gates.dtype.type(1), gates.dtype.type(0.5)
    for sequence in range(first, last):
        carry = carried[sequence]
        for t in range(len(errors) - 1, -1, -1):
            before, error = hiddens[t, sequence], errors[t, sequence]
            update, candidate = gates[t, sequence, :size], gates[t, sequence, size:]
            d_update, d_candidate = d_totals[t, sequence, :size], d_totals[t, sequence, size:]
            for unit in range(size):
                z, n = update[unit], candidate[unit]
                whole = error[unit] + carry[unit]
                through = whole * z
                d_update[unit] = through * (one - z) * (n - before[unit])
                d_candidate[unit] = through * (one if n >= half else n * (one - n))
                carry[unit] = whole - through


class _Blended(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, totals: Tensor, hidden: Tensor) -> Tensor:
        totals = totals.contiguous()
        gates = totals.sigmoid()
        hiddens = _room(hidden, len(totals))
        _run(_blend, hiddens.numel(), hiddens, totals, gates)
        ctx.save_for_backward(hiddens, gates)
        return hiddens[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, errors: Tensor) -> tuple[Tensor, Tensor]:
        hiddens, gates = ctx.saved_tensors
        d_totals, carried = torch.empty_like(gates), torch.zeros_like(hiddens[0])
        _run(_blend_back, hiddens.numel(), hiddens, gates, errors.contiguous(), d_totals, carried)
        return d_totals, carried


def simple(
    totals: Tensor, highway: Tensor, memory_weight: Tensor, memory: Tensor
) -> tuple[Tensor, Tensor]:
    """Return h and c (T, B, H) of SRU from c_0 = `memory` (B, H).

    totals (T, B, 3H): W x, and the sums of f and r without v * c; highway (T, B, H): what passes
    by; memory_weight (2, H): v_f and v_r.
    """
    return _Simple.apply(totals, highway, memory_weight, memory)


@njit(nogil=True, cache=True)
def _pass_simple(
    first: int, last: int, memories: Any, hiddens: Any, totals: Any, highway: Any, weight: Any,
    gates: Any,
) -> None:  # fmt: skip
    """Fill memories[1:] (T + 1, B, H), hiddens (T, B, H), and gates (T, B, 2H) with f and r."""
    size = memories.shape[2]
    one, scale = totals.dtype.type(1), totals.dtype.type(HIGHWAY)
    for sequence in range(first, last):
        for t in range(len(totals)):
            before, after = memories[t, sequence], memories[t + 1, sequence]
            total, gate = totals[t, sequence], gates[t, sequence]
            hidden, passed = hiddens[t, sequence], highway[t, sequence]
            for unit in range(size):
                c = before[unit]
                f = one / (one + math.exp(-(total[size + unit] + weight[0, unit] * c)))
                r = one / (one + math.exp(-(total[2 * size + unit] + weight[1, unit] * c)))
                x = total[unit]
                c = x + f * (c - x)
                skipped = scale * passed[unit]
                after[unit] = c
                hidden[unit] = skipped + r * (c - skipped)
                gate[unit], gate[size + unit] = f, r


@njit(nogil=True, cache=True)
def _pass_simple_back(
    first: int, last: int, memories: Any, totals: Any, highway: Any, weight: Any, gates: Any,
    errors: Any, memory_errors: Any, d_totals: Any, d_highway: Any, d_weight: Any, carried: Any,
) -> None:  # fmt: skip
    """Fill d_totals, d_highway, d_weight (B, 2, H) and carried (B, H), the gradient of c_0.

    errors, memory_errors (T, B, H): of h and c. d_weight and carried start as zeros.
    """
    size = memories.shape[2]
    one, scale = totals.dtype.type(1), totals.dtype.type(HIGHWAY)
    for sequence in range(first, last):
        carry, d_v = carried[sequence], d_weight[sequence]
        for t in range(len(totals) - 1, -1, -1):
            before, after = memories[t, sequence], memories[t + 1, sequence]
            total, gate, passed = totals[t, sequence], gates[t, sequence], highway[t, sequence]
            error, memory_error = errors[t, sequence], memory_errors[t, sequence]
            d_total, d_passed = d_totals[t, sequence], d_highway[t, sequence]
            for unit in range(size):
                f, r, c, e = gate[unit], gate[size + unit], before[unit], error[unit]
                d_passed[unit] = e * (one - r) * scale
                d_r = e * (after[unit] - scale * passed[unit]) * r * (one - r)
                d_c = e * r + carry[unit] + memory_error[unit]
                d_f = d_c * (c - total[unit]) * f * (one - f)
                d_total[unit] = d_c * (one - f)
                d_total[size + unit], d_total[2 * size + unit] = d_f, d_r
                d_v[0, unit] += d_f * c
                d_v[1, unit] += d_r * c
                carry[unit] = d_c * f + d_f * weight[0, unit] + d_r * weight[1, unit]


class _Simple(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, totals: Tensor, highway: Tensor, weight: Tensor, memory: Tensor
    ) -> tuple[Tensor, Tensor]:
        totals, highway, weight = totals.contiguous(), highway.contiguous(), weight.contiguous()
        memories = _room(memory, len(totals))
        hiddens = torch.empty_like(memories[1:])
        gates = totals.new_empty(*totals.shape[:2], 2 * memory.shape[1])
        _run(
            _pass_simple, memories.numel(), memories, hiddens, totals, highway, weight, gates,
        )  # fmt: skip
        ctx.save_for_backward(memories, totals, highway, weight, gates)
        return hiddens, memories[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, errors: Tensor, memory_errors: Tensor) -> tuple[Tensor, ...]:
        memories, totals, highway, weight, gates = ctx.saved_tensors
        d_totals, d_highway = torch.empty_like(totals), torch.empty_like(highway)
        d_weight = weight.new_zeros(totals.shape[1], *weight.shape)
        carried = torch.zeros_like(memories[0])
        _run(
            _pass_simple_back, memories.numel(), memories, totals, highway, weight, gates,
            errors.contiguous(), memory_errors.contiguous(), d_totals, d_highway, d_weight,
            carried,
        )  # fmt: skip
        return d_totals, d_highway, d_weight.sum(0), carried


def expanded(
    forget: Tensor, query: Tensor, value: Tensor, matrix: Tensor, heads: int
) -> tuple[Tensor, Tensor]:
    """Return y (T, B, H) and S (T, B, H*D) of HGRN2 from S_0 = `matrix` (B, H*D), D = H / heads.

    S_t = diag(f) S_(t-1) + (1 - f) v^T and y_t = S_t^T q of each head; forget, query, value
    (T, B, H).
    """
    return _Expanded.apply(forget, query, value, matrix, heads)


@njit(nogil=True, cache=True)
def _expand(
    first: int, last: int, matrices: Any, outputs: Any, forget: Any, query: Any, value: Any
) -> None:
    """Fill matrices[1:] (T + 1, B, heads, D, D) and outputs (T, B, heads, D)."""
    _, _, heads, size = outputs.shape
    one = forget.dtype.type(1)
    for sequence in range(first, last):
        for t in range(len(outputs)):
            for head in range(heads):
                before, after = matrices[t, sequence, head], matrices[t + 1, sequence, head]
                output, values = outputs[t, sequence, head], value[t, sequence, head]
                output[:] = 0
                for row in range(size):
                    f, q = forget[t, sequence, head, row], query[t, sequence, head, row]
                    old, new = before[row], after[row]
                    for column in range(size):
                        s = f * old[column] + (one - f) * values[column]
                        new[column] = s
                        output[column] += q * s


@njit(nogil=True, cache=True)
def _expand_back(
    first: int, last: int, matrices: Any, forget: Any, query: Any, value: Any, errors: Any,
    matrix_errors: Any, d_forget: Any, d_query: Any, d_value: Any, carried: Any,
) -> None:  # fmt: skip
    """Fill d_forget, d_query, d_value (T, B, heads, D) and carried, the gradient of S_0.

    errors (T, B, heads, D): of y; matrix_errors: of S, (T, B, heads, D, D), or (0, ...) for none.
    d_value and carried (B, heads, D, D) start as zeros.
    """
    _, _, heads, size = errors.shape
    one, zero = forget.dtype.type(1), forget.dtype.type(0)
    for sequence in range(first, last):
        for t in range(len(errors) - 1, -1, -1):
            for head in range(heads):
                before, after = matrices[t, sequence, head], matrices[t + 1, sequence, head]
                error, values = errors[t, sequence, head], value[t, sequence, head]
                d_values = d_value[t, sequence, head]
                carry = carried[sequence, head]
                if len(matrix_errors):
                    carry += matrix_errors[t, sequence, head]
                for row in range(size):
                    f, q = forget[t, sequence, head, row], query[t, sequence, head, row]
                    old, new, d_s = before[row], after[row], carry[row]
                    d_f, d_q = zero, zero
                    for column in range(size):
                        d = d_s[column] + q * error[column]
                        d_q += new[column] * error[column]
                        d_f += d * (old[column] - values[column])
                        d_values[column] += d * (one - f)
                        d_s[column] = d * f
                    d_forget[t, sequence, head, row] = d_f
                    d_query[t, sequence, head, row] = d_q


class _Expanded(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, forget: Tensor, query: Tensor, value: Tensor, matrix: Tensor, heads: int
    ) -> tuple[Tensor, Tensor]:
        steps, batch, size = forget.shape
        split = (steps, batch, heads, size // heads)
        given = [part.contiguous().view(split) for part in (forget, query, value)]
        matrices = _room(matrix.reshape(batch, heads, size // heads, size // heads), steps)
        outputs = torch.empty_like(given[0])
        _run(_expand, matrices.numel(), matrices, outputs, *given)
        ctx.save_for_backward(matrices, *given)
        ctx.set_materialize_grads(False)
        return outputs.flatten(2), matrices[1:].flatten(2)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, errors: Tensor | None, matrix_errors: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        matrices, *given = ctx.saved_tensors
        split = given[0].shape
        errors = torch.zeros_like(given[0]) if errors is None else errors.reshape(split)
        if matrix_errors is None:
            matrix_errors = matrices[:0]
        forget, query, value = (torch.zeros_like(part) for part in given)
        carried = torch.zeros_like(matrices[0])
        _run(
            _expand_back, matrices.numel(), matrices, *given, errors.contiguous(),
            matrix_errors.reshape(-1, *matrices.shape[1:]).contiguous(), forget, query, value,
            carried,
        )  # fmt: skip
        found = (part.flatten(2) for part in (forget, query, value))
        return *found, carried.flatten(1), None
