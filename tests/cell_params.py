"""Recurrent cells for tests: plain settings, and weights copied from torch.nn."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from wordlab.params.language import CellParams
from wordlab.recurrent.cells import Cell, GRUCell, LSTMCell


def cells(cell: str, **changes: Any) -> CellParams:
    """Return the settings of a plain cell, `changes` on top."""
    plain: dict[str, Any] = {
        "activation": "tanh",
        "gates": "all",
        "gru_reset": "after",
        "forget_bias": 1.0,
        "initialisation": "uniform",
        "mogrifier_rounds": 2,
        "mogrifier_rank": None,
        "heads": 2,
    }
    return CellParams.model_validate({"cell": cell, **plain, **changes})


def from_torch_order(cell: Cell, blocks: Tensor) -> Tensor:
    """Return `blocks`, whose rows are gates in torch.nn's order, in the order of `cell`.

    torch.nn has LSTM's as input, forget, candidate, output, and GRU's as here.
    """
    if not isinstance(cell, LSTMCell):
        return blocks
    i, f, g, o = blocks.chunk(4)
    return torch.cat([o, i, f, g])


def copy_from_torch(cell: Cell, weights: Sequence[Tensor]) -> None:
    """Take over torch.nn's (weight_ih, weight_hh, bias_ih, bias_hh) of one layer."""
    input_weight, recurrent_weight, input_bias, recurrent_bias = weights
    bias = input_bias + recurrent_bias
    with torch.no_grad():
        if isinstance(cell, GRUCell):
            size = cell.hidden_size
            bias = input_bias + torch.cat([recurrent_bias[: 2 * size], torch.zeros(size)])
            cell.recurrent_bias.copy_(recurrent_bias[2 * size :])
        cell.input_weight.copy_(from_torch_order(cell, input_weight))
        cell.recurrent_weight.copy_(from_torch_order(cell, recurrent_weight))
        cell.bias.copy_(from_torch_order(cell, bias))
