"""Cells unrolled over all steps, each with a backward pass of its own.

All steps' inputs are projected in one product, and so are all weights' gradients formed. The
backward pass multiplies the error of one step by factors that were computed for all steps
together, in place: memory that is fresh from the system costs more than the arithmetic on it.
Shapes: T steps, B sequences, I inputs, H units, G gates.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from wordlab.errors import UserError
from wordlab.recurrent.cells import (
    Cell,
    GRUCell,
    LSTMCell,
    RecurrentCell,
    RNNCell,
    State,
    to_torch_order,
)
from wordlab.recurrent.devices import product

HERE = (RNNCell, LSTMCell, GRUCell)
"""The cells whose unrolled form is in this module; the others have a method `unroll`."""


def unroll_with_torch(
    cell: Cell,
    inputs: Tensor,
    state: State,
    recurrent_weight: Tensor | None,
    lengths: Tensor | None,
    products: torch.dtype | None,
) -> tuple[Tensor, State]:
    """Return the output (T, B, H) of `cell` on `inputs` (T, B, I), and its state at the end.

    The weights are the cell's, `recurrent_weight` in place of its own; with `products` all of it
    is computed in that dtype. Raises UserError for what
    torch.nn has not: a GRU that resets before the product, sequences of unequal length.
    """
    if recurrent_weight is None or type(cell) not in HERE:
        raise UserError(f"cell_backend: torch has no {cell.params.cell}; expected wordlab")
    assert isinstance(cell, RecurrentCell)
    if isinstance(cell, GRUCell) and cell.params.gru_reset == "before":
        raise UserError(
            "cell_backend: torch has no GRU whose reset gate acts before the product; expected "
            "cell_backend wordlab, or gru_reset after"
        )
    if lengths is not None:
        raise UserError("cell_backend: sequences of unequal length need wordlab, got torch")
    input_weight, bias, recurrent_weight = cell.weights_of_all_gates(recurrent_weight)
    recurrent_bias = torch.zeros_like(bias)
    if isinstance(cell, GRUCell):
        recurrent_bias = torch.cat([recurrent_bias[: 2 * cell.hidden_size], cell.recurrent_bias])
    ordered = (input_weight, recurrent_weight, bias, recurrent_bias)
    kind = products or inputs.dtype
    weights = [to_torch_order(cell, weight).to(kind) for weight in ordered]
    start = [part[None].contiguous().to(kind) for part in state]
    given, full = inputs.to(kind), inputs.dtype
    # biases, one layer, no dropout, training, one direction, steps first
    how = (True, 1, 0.0, True, False, False)
    if isinstance(cell, LSTMCell):
        output, *end = torch.lstm(given, start, weights, *how)
    elif isinstance(cell, RNNCell):
        run = torch.rnn_tanh if cell.params.activation == "tanh" else torch.rnn_relu
        output, *end = run(given, start[0], weights, *how)
    else:
        output, *end = torch.gru(given, start[0], weights, *how)
    return output.to(full), tuple(part[0].to(full) for part in end)


Gradients = tuple[Tensor | None, ...]


def unroll(
    cell: Cell,
    inputs: Tensor,
    state: State,
    recurrent_weight: Tensor | None,
    products: torch.dtype | None = None,
) -> tuple[Tensor, ...]:
    """Return the states after every step: one tensor (T, B, H) for each tensor of `state`.

    inputs (T, B, I); recurrent_weight (G*H, H): the cell's own, or that with entries dropped, None
    for a cell without one;
    products: what the factors of products over all steps are rounded to. The small product of
    one step stays as it is, for its error would add up from step to step.
    """
    if recurrent_weight is None or type(cell) not in HERE:
        return cell.unroll(inputs, state, recurrent_weight, products)
    assert isinstance(cell, RecurrentCell)
    given = (inputs, *cell.weights_of_all_gates(recurrent_weight))
    if isinstance(cell, LSTMCell):
        return _UnrolledLSTM.apply(products, *given, *state)
    if isinstance(cell, RNNCell):
        return (_UnrolledRNN.apply(products, *given, *state, cell.params.activation),)
    if isinstance(cell, GRUCell) and cell.params.gru_reset == "after":
        return (_UnrolledGRUAfter.apply(products, *given, *state, cell.recurrent_bias),)
    return (_UnrolledGRUBefore.apply(products, *given, *state),)


class _UnrolledRNN(torch.autograd.Function):
    """h_t = f(a_t + U h_(t-1))."""

    @staticmethod
    def forward(ctx: Any, products: torch.dtype | None, *given: Any) -> Tensor:
        inputs, input_weight, bias, weight, hidden, activation = given
        hiddens = _room(inputs, hidden)  # (T + 1, B, H)
        _project(inputs, input_weight, bias, products, out=hiddens[1:].view(-1, len(bias)))
        apply = torch.tanh_ if activation == "tanh" else torch.relu_
        transposed = weight.t().contiguous()
        h = hiddens.unbind(0)
        for t in range(1, len(h)):
            apply(h[t].addmm_(h[t - 1], transposed))
        ctx.products = products
        ctx.save_for_backward(inputs, input_weight, weight, hiddens)
        ctx.activation = activation
        return hiddens[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_hiddens: Tensor) -> Gradients:
        inputs, input_weight, weight, hiddens = ctx.saved_tensors
        after = hiddens[1:]
        if ctx.activation == "tanh":
            d_a = torch.mul(after, after).neg_().add_(1)
        else:
            d_a = (after > 0).to(after.dtype)
        errors, steps = d_hiddens.unbind(0), d_a.unbind(0)
        d_h = errors[-1]
        for t in reversed(range(len(steps))):
            steps[t].mul_(d_h)
            d_h = torch.addmm(errors[t - 1], steps[t], weight) if t else steps[0] @ weight
        d_weight = _product(ctx, d_a, hiddens[:-1])
        return None, *_input_gradients(ctx, d_a, inputs, input_weight), d_weight, d_h, None


class _UnrolledLSTM(torch.autograd.Function):
    """o, i, f, g of a_t + U h_(t-1);  c_t = f * c_(t-1) + i * g;  h_t = o * tanh(c_t)."""

    @staticmethod
    def forward(ctx: Any, products: torch.dtype | None, *given: Tensor) -> tuple[Tensor, Tensor]:
        inputs, input_weight, bias, weight, hidden, memory = given
        size = hidden.shape[1]
        gates = _project(inputs, input_weight, bias, products)  # (T, B, 4H)
        hiddens, memories = _room(inputs, hidden), _room(inputs, memory)  # (T + 1, B, H)
        squashed = torch.empty_like(hiddens[1:])  # tanh(c)
        transposed = weight.t().contiguous()
        every, sigmoids = gates.unbind(0), gates[..., : 3 * size].unbind(0)
        o, i, f, g = (part.unbind(0) for part in gates.chunk(4, dim=2))
        h, c, s = hiddens.unbind(0), memories.unbind(0), squashed.unbind(0)
        for t in range(len(every)):
            every[t].addmm_(h[t], transposed)
            sigmoids[t].sigmoid_()
            g[t].tanh_()
            torch.mul(f[t], c[t], out=c[t + 1])
            c[t + 1].addcmul_(i[t], g[t])
            torch.tanh(c[t + 1], out=s[t])
            torch.mul(o[t], s[t], out=h[t + 1])
        ctx.products = products
        ctx.save_for_backward(inputs, input_weight, weight, gates, hiddens, memories, squashed)
        ctx.set_materialize_grads(False)
        return hiddens[1:], memories[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_hiddens: Tensor | None, d_memories: Tensor | None) -> Gradients:
        inputs, input_weight, weight, gates, hiddens, memories, squashed = ctx.saved_tensors
        steps, batch, size = squashed.shape
        blocks = gates.view(steps, batch, 4, size)
        o, i, f, g = blocks.unbind(2)
        through = torch.addcmul(o, o * squashed, squashed, value=-1)  # d c / d h, (T, B, H)
        # d a / d h of the output gate, d a / d c of the others; the loop makes d a of them
        d_blocks = torch.addcmul(blocks, blocks, blocks, value=-1)  # (T, B, 4, H)
        d_blocks[:, :, 0] *= squashed
        d_blocks[:, :, 1] *= g
        d_blocks[:, :, 2] *= memories[:-1]
        torch.addcmul(i, i * g, g, value=-1, out=d_blocks[:, :, 3])
        d_a = d_blocks.view(steps, batch, 4 * size)
        if d_hiddens is None:
            d_hiddens = torch.zeros_like(squashed)
        errors, memory_slopes, forget = d_hiddens.unbind(0), through.unbind(0), f.unbind(0)
        every, d_o, d_rest = (
            part.unbind(0) for part in (d_a, d_blocks[:, :, 0], d_blocks[:, :, 1:])
        )
        d_h = errors[-1]
        d_c = torch.zeros_like(d_h)
        for t in reversed(range(steps)):
            if d_memories is not None:
                d_c += d_memories[t]
            d_o[t].mul_(d_h)
            d_c.addcmul_(d_h, memory_slopes[t])
            d_rest[t].mul_(d_c.unsqueeze(1))
            d_c *= forget[t]
            d_h = torch.addmm(errors[t - 1], every[t], weight) if t else every[0] @ weight
        d_weight = _product(ctx, d_a, hiddens[:-1])
        return None, *_input_gradients(ctx, d_a, inputs, input_weight), d_weight, d_h, d_c


class _UnrolledGRUAfter(torch.autograd.Function):
    """r, z of a_t + U h_(t-1);  n = tanh(a_t + r * (U h_(t-1) + u));  h_t = n + z (h_(t-1) - n)."""

    @staticmethod
    def forward(ctx: Any, products: torch.dtype | None, *given: Tensor) -> Tensor:
        inputs, input_weight, bias, weight, hidden, recurrent_bias = given
        size = hidden.shape[1]
        gates = _project(inputs, input_weight, bias, products)  # (T, B, 3H)
        hiddens = _room(inputs, hidden)  # (T + 1, B, H)
        recurrent = torch.empty_like(gates)  # U h + u
        recurrent[..., : 2 * size] = 0
        recurrent[..., 2 * size :] = recurrent_bias
        transposed = weight.t().contiguous()
        every, sums = recurrent.unbind(0), recurrent[..., : 2 * size].unbind(0)
        candidates = recurrent[..., 2 * size :].unbind(0)
        sigmoids = gates[..., : 2 * size].unbind(0)
        r, z, n = (part.unbind(0) for part in gates.chunk(3, dim=2))
        h = hiddens.unbind(0)
        for t in range(len(every)):
            every[t].addmm_(h[t], transposed)
            sigmoids[t].add_(sums[t]).sigmoid_()
            n[t].addcmul_(r[t], candidates[t]).tanh_()
            torch.lerp(n[t], h[t], z[t], out=h[t + 1])
        ctx.products = products
        ctx.save_for_backward(inputs, input_weight, weight, gates, recurrent, hiddens)
        return hiddens[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_hiddens: Tensor) -> Gradients:
        inputs, input_weight, weight, gates, recurrent, hiddens = ctx.saved_tensors
        steps, batch, size = d_hiddens.shape
        r, z, n = gates.chunk(3, dim=2)  # (T, B, H) each
        slope = (1 - z).mul_(torch.mul(n, n).neg_().add_(1))  # d a_n / d h, (T, B, H)
        # d (U h + u) / d h; the loop makes d (U h + u) of them
        d_blocks = torch.empty_like(gates).view(steps, batch, 3, size)
        torch.mul(slope, r, out=d_blocks[:, :, 2])
        candidate = recurrent[..., 2 * size :]
        torch.addcmul(candidate, candidate, r, value=-1, out=d_blocks[:, :, 0])
        d_blocks[:, :, 0] *= d_blocks[:, :, 2]
        torch.sub(hiddens[:-1], n, out=d_blocks[:, :, 1])
        d_blocks[:, :, 1] *= torch.addcmul(z, z, z, value=-1)
        d_recurrent = d_blocks.view(steps, batch, 3 * size)
        d_totals = torch.empty_like(slope)  # d loss / d h, all later steps included
        errors, totals, update = d_hiddens.unbind(0), d_totals.unbind(0), z.unbind(0)
        every, blocks = d_recurrent.unbind(0), d_blocks.unbind(0)
        d_initial = torch.empty_like(errors[0])
        totals[-1].copy_(errors[-1])
        for t in reversed(range(steps)):
            blocks[t].mul_(totals[t].unsqueeze(1))
            if t:
                d_before = torch.addcmul(errors[t - 1], totals[t], update[t], out=totals[t - 1])
            else:
                d_before = torch.mul(totals[0], update[0], out=d_initial)
            d_before.addmm_(every[t], weight)
        d_weight = _product(ctx, d_recurrent, hiddens[:-1])
        d_recurrent_bias = d_blocks[:, :, 2].sum((0, 1))
        torch.mul(d_totals, slope, out=d_blocks[:, :, 2])  # from here on it is d a
        own = _input_gradients(ctx, d_recurrent, inputs, input_weight)
        return None, *own, d_weight, d_initial, d_recurrent_bias


class _UnrolledGRUBefore(torch.autograd.Function):
    """r, z of a_t + U h_(t-1);  n = tanh(a_t + U (r * h_(t-1)));  h_t = n + z (h_(t-1) - n)."""

    @staticmethod
    def forward(ctx: Any, products: torch.dtype | None, *given: Tensor) -> Tensor:
        inputs, input_weight, bias, weight, hidden = given
        size = hidden.shape[1]
        gates = _project(inputs, input_weight, bias, products)  # (T, B, 3H)
        hiddens = _room(inputs, hidden)  # (T + 1, B, H)
        resets = torch.empty_like(hiddens[1:])  # r * h
        gate_transposed = weight[: 2 * size].t().contiguous()
        candidate_transposed = weight[2 * size :].t().contiguous()
        sigmoids = gates[..., : 2 * size].unbind(0)
        r, z, n = (part.unbind(0) for part in gates.chunk(3, dim=2))
        h, reset = hiddens.unbind(0), resets.unbind(0)
        for t in range(len(n)):
            sigmoids[t].addmm_(h[t], gate_transposed).sigmoid_()
            torch.mul(r[t], h[t], out=reset[t])
            n[t].addmm_(reset[t], candidate_transposed).tanh_()
            torch.lerp(n[t], h[t], z[t], out=h[t + 1])
        ctx.products = products
        ctx.save_for_backward(inputs, input_weight, weight, gates, resets, hiddens)
        return hiddens[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_hiddens: Tensor) -> Gradients:
        inputs, input_weight, weight, gates, resets, hiddens = ctx.saved_tensors
        steps, _, size = d_hiddens.shape
        r, z, n = gates.chunk(3, dim=2)  # (T, B, H) each
        gate_weight, candidate_weight = weight[: 2 * size], weight[2 * size :]
        # d a_r / d (r * h), d a_z / d h, d a_n / d h; the loop makes d a of them
        d_a = torch.empty_like(gates)
        d_r, d_z, d_n = d_a.chunk(3, dim=2)
        torch.addcmul(resets, resets, r, value=-1, out=d_r)
        torch.sub(hiddens[:-1], n, out=d_z)
        d_z *= torch.addcmul(z, z, z, value=-1)
        torch.mul(1 - z, torch.mul(n, n).neg_().add_(1), out=d_n)
        gate_errors = d_a[..., : 2 * size].unbind(0)
        errors, reset, update = d_hiddens.unbind(0), r.unbind(0), z.unbind(0)
        reset_errors, update_errors, candidate_errors = d_r.unbind(0), d_z.unbind(0), d_n.unbind(0)
        d_h = errors[-1]
        for t in reversed(range(steps)):
            candidate_errors[t].mul_(d_h)
            update_errors[t].mul_(d_h)
            d_reset = candidate_errors[t] @ candidate_weight  # d loss / d (r * h), (B, H)
            reset_errors[t].mul_(d_reset)
            d_before = torch.addcmul(errors[t - 1], d_h, update[t]) if t else d_h * update[0]
            d_h = d_before.addcmul_(d_reset, reset[t]).addmm_(gate_errors[t], gate_weight)
        d_gates = _product(ctx, d_a[..., : 2 * size], hiddens[:-1])
        d_weight = torch.cat([d_gates, _product(ctx, d_n, resets)])
        return None, *_input_gradients(ctx, d_a, inputs, input_weight), d_weight, d_h


def _project(
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor,
    products: torch.dtype | None,
    out: Tensor | None = None,
) -> Tensor:
    """Return a = W x + b of all steps, (T, B, G*H)."""
    rows = inputs.flatten(0, 1)
    if products is None:
        flat = torch.addmm(bias, rows, weight.t(), out=out)
    else:
        flat = product(rows, weight.t(), products, out=out).add_(bias)
    return flat.view(*inputs.shape[:2], -1)


def _room(inputs: Tensor, first: Tensor) -> Tensor:
    """Return (T + 1, B, H) that starts with the state `first` and is otherwise to be filled."""
    room = first.new_empty(len(inputs) + 1, *first.shape)
    room[0] = first
    return room


def _product(ctx: Any, errors: Tensor, sources: Tensor) -> Tensor:
    """Return the gradient (G*H, S) of W from the errors (T, B, G*H) of W s and all s (T, B, S)."""
    return product(errors.flatten(0, 1).t(), sources.flatten(0, 1), ctx.products)


def _input_gradients(ctx: Any, d_a: Tensor, inputs: Tensor, weight: Tensor) -> Gradients:
    """Return the gradients of x, W and b from the errors `d_a` (T, B, G*H) of W x + b."""
    d_inputs = None
    if ctx.needs_input_grad[1]:
        d_inputs = product(d_a.flatten(0, 1), weight, ctx.products).view_as(inputs)
    return d_inputs, _product(ctx, d_a, inputs), d_a.sum((0, 1))
