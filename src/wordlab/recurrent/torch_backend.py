"""Cells unrolled by torch.nn's kernels, for comparison with this package's."""

import torch
from torch import Tensor

from wordlab.errors import UserError
from wordlab.recurrent.cells import Cell, GRUCell, LSTMCell, RNNCell, State, to_torch_order


def unroll_with_torch(
    cell: Cell,
    inputs: Tensor,
    state: State,
    recurrent_weight: Tensor,
    lengths: Tensor | None,
    products: torch.dtype | None,
) -> tuple[Tensor, State]:
    """Return the output (T, B, H) of `cell` on `inputs` (T, B, I), and its state at the end.

    The weights are the cell's, `recurrent_weight` in place of its own; with `products` all of it
    is computed in that dtype. Raises UserError for what
    torch.nn has not: a GRU that resets before the product, sequences of unequal length.
    """
    if isinstance(cell, GRUCell) and cell.reset == "before":
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
        run = torch.rnn_tanh if cell.activation == "tanh" else torch.rnn_relu
        output, *end = run(given, start[0], weights, *how)
    else:
        output, *end = torch.gru(given, start[0], weights, *how)
    return output.to(full), tuple(part[0].to(full) for part in end)
