"""Cells unrolled over all steps, each with a backward pass of its own.

The input's projections come in for all steps at once; the backward pass multiplies the errors of
one step by factors that were computed for all steps together, and forms the recurrent weights'
gradient of all steps in one product. Shapes: T steps, B sequences, H units.
"""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from wordlab.recurrent.cells import Cell, GRUCell, LSTMCell, RNNCell, State


def unroll(
    cell: Cell, projections: Tensor, state: State, recurrent_weight: Tensor
) -> tuple[Tensor, ...]:
    """Return the states after every step: one tensor (T, B, H) for each tensor of `state`.

    projections (T, B, G*H): what `cell.project` returns for all steps; recurrent_weight: the
    cell's own, or that with some entries dropped.
    """
    if isinstance(cell, LSTMCell):
        return _UnrolledLSTM.apply(projections, recurrent_weight, *state)
    if isinstance(cell, RNNCell):
        return (_UnrolledRNN.apply(projections, recurrent_weight, *state, cell.activation),)
    if isinstance(cell, GRUCell) and cell.reset == "after":
        bias = cell.recurrent_bias
        return (_UnrolledGRUAfter.apply(projections, recurrent_weight, bias, *state),)
    return (_UnrolledGRUBefore.apply(projections, recurrent_weight, *state),)


class _UnrolledRNN(torch.autograd.Function):
    """h_t = f(a_t + U h_(t-1))."""

    @staticmethod
    def forward(
        ctx: Any, a: Tensor, weight: Tensor, hidden: Tensor, activation: Literal["tanh", "relu"]
    ) -> Tensor:
        steps, batch, size = a.shape
        hiddens = a.new_empty(steps + 1, batch, size)
        hiddens[0] = hidden
        apply = torch.tanh_ if activation == "tanh" else torch.relu_
        transposed = weight.t()
        all_h = hiddens.unbind(0)
        for t, a_t in enumerate(a.unbind(0)):
            apply(torch.addmm(a_t, all_h[t], transposed, out=all_h[t + 1]))
        ctx.save_for_backward(weight, hiddens)
        ctx.activation = activation
        return hiddens[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_hiddens: Tensor) -> tuple[Tensor | None, ...]:
        weight, hiddens = ctx.saved_tensors
        h = hiddens[1:]
        slope = 1 - h * h if ctx.activation == "tanh" else (h > 0).to(h.dtype)  # (T, B, H)
        d_a = torch.empty_like(h)
        d_h = d_hiddens[-1]
        all_d, all_slopes, all_d_a = d_hiddens.unbind(0), slope.unbind(0), d_a.unbind(0)
        for t in reversed(range(len(h))):
            torch.mul(d_h, all_slopes[t], out=all_d_a[t])
            d_h = torch.addmm(all_d[t - 1], all_d_a[t], weight) if t else all_d_a[0] @ weight
        return d_a, _weight_gradient(d_a, hiddens[:-1]), d_h, None


class _UnrolledLSTM(torch.autograd.Function):
    """o, i, f, g of a_t + U h_(t-1);  c_t = f * c_(t-1) + i * g;  h_t = o * tanh(c_t)."""

    @staticmethod
    def forward(
        ctx: Any, a: Tensor, weight: Tensor, hidden: Tensor, memory: Tensor
    ) -> tuple[Tensor, Tensor]:
        steps, batch, width = a.shape
        size = width // 4
        gates = torch.empty_like(a)
        hiddens, memories = a.new_empty(2, steps + 1, batch, size)
        hiddens[0], memories[0] = hidden, memory
        squashed = a.new_empty(steps, batch, size)  # tanh(c)
        transposed = weight.t()
        all_gates, all_sigmoids = gates.unbind(0), gates[..., : 3 * size].unbind(0)
        all_o, all_i, all_f, all_g = (part.unbind(0) for part in gates.chunk(4, dim=2))
        all_h, all_c, all_s = hiddens.unbind(0), memories.unbind(0), squashed.unbind(0)
        for t, a_t in enumerate(a.unbind(0)):
            torch.addmm(a_t, all_h[t], transposed, out=all_gates[t])
            all_sigmoids[t].sigmoid_()
            all_g[t].tanh_()
            torch.mul(all_f[t], all_c[t], out=all_c[t + 1])
            all_c[t + 1].addcmul_(all_i[t], all_g[t])
            torch.tanh(all_c[t + 1], out=all_s[t])
            torch.mul(all_o[t], all_s[t], out=all_h[t + 1])
        ctx.save_for_backward(weight, gates, hiddens, memories, squashed)
        ctx.set_materialize_grads(False)
        return hiddens[1:], memories[1:]

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, d_hiddens: Tensor | None, d_memories: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        weight, gates, hiddens, memories, squashed = ctx.saved_tensors
        steps, batch, size = squashed.shape
        blocks = gates.view(steps, batch, 4, size)
        o, i, f, g = blocks.unbind(2)
        # d a / d h of the output gate, d a / d c of the others, d c / d h
        factors = blocks * (1 - blocks)  # (T, B, 4, H)
        factors[:, :, 0] *= squashed
        factors[:, :, 1] *= g
        factors[:, :, 2] *= memories[:-1]
        torch.mul(i, 1 - g * g, out=factors[:, :, 3])
        through = o * (1 - squashed * squashed)  # (T, B, H)
        d_a = torch.empty_like(gates)
        d_blocks = d_a.view(steps, batch, 4, size)
        if d_hiddens is None:
            d_hiddens = torch.zeros_like(squashed)
        all_d, all_through, all_f = d_hiddens.unbind(0), through.unbind(0), f.unbind(0)
        all_d_a, all_d_o, all_d_rest = (
            d_a.unbind(0),
            d_blocks[:, :, 0].unbind(0),
            d_blocks[:, :, 1:].unbind(0),
        )
        o_factors, rest_factors = factors[:, :, 0].unbind(0), factors[:, :, 1:].unbind(0)
        d_h = all_d[-1]
        d_c = torch.zeros_like(d_h)
        for t in reversed(range(steps)):
            if d_memories is not None:
                d_c = d_c + d_memories[t]
            torch.mul(d_h, o_factors[t], out=all_d_o[t])
            d_c = torch.addcmul(d_c, d_h, all_through[t])
            torch.mul(d_c.unsqueeze(1), rest_factors[t], out=all_d_rest[t])
            d_c = d_c * all_f[t]
            d_h = torch.addmm(all_d[t - 1], all_d_a[t], weight) if t else all_d_a[0] @ weight
        return d_a, _weight_gradient(d_a, hiddens[:-1]), d_h, d_c


class _UnrolledGRUAfter(torch.autograd.Function):
    """r, z of a_t + U h_(t-1);  n = tanh(a_t + r * (U h_(t-1) + u));  h_t = n + z (h_(t-1) - n)."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, weight: Tensor, bias: Tensor, hidden: Tensor) -> Tensor:
        steps, batch, width = a.shape
        size = width // 3
        gates, recurrent = torch.empty_like(a), torch.empty_like(a)
        hiddens = a.new_empty(steps + 1, batch, size)
        hiddens[0] = hidden
        transposed = weight.t()
        full_bias = torch.cat([bias.new_zeros(2 * size), bias])  # (3H,)
        all_a, all_recurrent = a[..., : 2 * size].unbind(0), recurrent.unbind(0)
        all_a_n, all_u_n = a[..., 2 * size :].unbind(0), recurrent[..., 2 * size :].unbind(0)
        all_sums, all_rz = recurrent[..., : 2 * size].unbind(0), gates[..., : 2 * size].unbind(0)
        all_r, all_z, all_n = (part.unbind(0) for part in gates.chunk(3, dim=2))
        all_h = hiddens.unbind(0)
        for t in range(steps):
            torch.addmm(full_bias, all_h[t], transposed, out=all_recurrent[t])
            torch.add(all_a[t], all_sums[t], out=all_rz[t])
            all_rz[t].sigmoid_()
            torch.addcmul(all_a_n[t], all_r[t], all_u_n[t], out=all_n[t])
            all_n[t].tanh_()
            torch.lerp(all_n[t], all_h[t], all_z[t], out=all_h[t + 1])
        ctx.save_for_backward(weight, gates, recurrent, hiddens)
        return hiddens[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_hiddens: Tensor) -> tuple[Tensor | None, ...]:
        weight, gates, recurrent, hiddens = ctx.saved_tensors
        steps, batch, size = d_hiddens.shape
        r, z, n = gates.chunk(3, dim=2)  # (T, B, H) each
        candidate_factor = (1 - z) * (1 - n * n)
        factors = gates.new_empty(steps, batch, 3, size)  # d (U h) / d h
        torch.mul(candidate_factor * recurrent[..., 2 * size :], r * (1 - r), out=factors[:, :, 0])
        torch.mul(hiddens[:-1] - n, z * (1 - z), out=factors[:, :, 1])
        torch.mul(candidate_factor, r, out=factors[:, :, 2])
        d_recurrent = torch.empty_like(factors)
        d_totals = torch.empty_like(d_hiddens)  # d loss / d h, all later steps included
        all_d, all_z, all_totals = d_hiddens.unbind(0), z.unbind(0), d_totals.unbind(0)
        all_factors, all_d_blocks = factors.unbind(0), d_recurrent.unbind(0)
        d_flat = d_recurrent.view(steps, batch, 3 * size)
        all_d_flat = d_flat.unbind(0)
        all_totals[-1].copy_(all_d[-1])
        d_initial = torch.empty_like(all_d[0])
        for t in reversed(range(steps)):
            d_h = all_totals[t]
            torch.mul(d_h.unsqueeze(1), all_factors[t], out=all_d_blocks[t])
            if t:
                d_before = torch.addcmul(all_d[t - 1], d_h, all_z[t], out=all_totals[t - 1])
            else:
                d_before = torch.mul(d_h, all_z[t], out=d_initial)
            d_before.addmm_(all_d_flat[t], weight)
        d_a = torch.empty_like(d_flat)
        d_a[..., : 2 * size] = d_flat[..., : 2 * size]
        torch.mul(d_totals, candidate_factor, out=d_a[..., 2 * size :])
        d_weight = _weight_gradient(d_flat, hiddens[:-1])
        return d_a, d_weight, d_flat[..., 2 * size :].sum((0, 1)), d_initial


class _UnrolledGRUBefore(torch.autograd.Function):
    """r, z of a_t + U h_(t-1);  n = tanh(a_t + U (r * h_(t-1)));  h_t = n + z (h_(t-1) - n)."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, weight: Tensor, hidden: Tensor) -> Tensor:
        steps, batch, width = a.shape
        size = width // 3
        gates = torch.empty_like(a)
        hiddens = a.new_empty(steps + 1, batch, size)
        resets = a.new_empty(steps, batch, size)  # r * h
        hiddens[0] = hidden
        gate_transposed, candidate_transposed = weight[: 2 * size].t(), weight[2 * size :].t()
        all_a, all_a_n = a[..., : 2 * size].unbind(0), a[..., 2 * size :].unbind(0)
        all_rz = gates[..., : 2 * size].unbind(0)
        all_r, all_z, all_n = (part.unbind(0) for part in gates.chunk(3, dim=2))
        all_h, all_resets = hiddens.unbind(0), resets.unbind(0)
        for t in range(steps):
            torch.addmm(all_a[t], all_h[t], gate_transposed, out=all_rz[t])
            all_rz[t].sigmoid_()
            torch.mul(all_r[t], all_h[t], out=all_resets[t])
            torch.addmm(all_a_n[t], all_resets[t], candidate_transposed, out=all_n[t])
            all_n[t].tanh_()
            torch.lerp(all_n[t], all_h[t], all_z[t], out=all_h[t + 1])
        ctx.save_for_backward(weight, gates, resets, hiddens)
        return hiddens[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_hiddens: Tensor) -> tuple[Tensor | None, ...]:
        weight, gates, resets, hiddens = ctx.saved_tensors
        steps, _, size = d_hiddens.shape
        r, z, n = gates.chunk(3, dim=2)  # (T, B, H) each
        gate_weight, candidate_weight = weight[: 2 * size], weight[2 * size :]
        r_factor = hiddens[:-1] * r * (1 - r)  # d a / d (r * h)
        z_factor = (hiddens[:-1] - n) * z * (1 - z)  # d a / d h
        n_factor = (1 - z) * (1 - n * n)
        d_a = torch.empty_like(gates)
        all_d_gates = d_a[..., : 2 * size].unbind(0)
        all_d_r, all_d_z, all_d_n = (part.unbind(0) for part in d_a.chunk(3, dim=2))
        all_d, all_r, all_z = d_hiddens.unbind(0), r.unbind(0), z.unbind(0)
        r_factors, z_factors, n_factors = (
            factor.unbind(0) for factor in (r_factor, z_factor, n_factor)
        )
        d_h = all_d[-1]
        for t in reversed(range(steps)):
            torch.mul(d_h, n_factors[t], out=all_d_n[t])
            torch.mul(d_h, z_factors[t], out=all_d_z[t])
            d_reset = all_d_n[t] @ candidate_weight  # (B, H)
            torch.mul(d_reset, r_factors[t], out=all_d_r[t])
            d_before = torch.addcmul(all_d[t - 1], d_h, all_z[t]) if t else d_h * all_z[0]
            d_before.addcmul_(d_reset, all_r[t]).addmm_(all_d_gates[t], gate_weight)
            d_h = d_before
        d_weight = torch.cat(
            [
                _weight_gradient(d_a[..., : 2 * size], hiddens[:-1]),
                _weight_gradient(d_a[..., 2 * size :], resets),
            ]
        )
        return d_a, d_weight, d_h


def _weight_gradient(d_sums: Tensor, sources: Tensor) -> Tensor:
    """Return the gradient (G*H, H) of U from the errors (T, B, G*H) of U s and all s (T, B, H)."""
    return d_sums.flatten(0, 1).t() @ sources.flatten(0, 1)
