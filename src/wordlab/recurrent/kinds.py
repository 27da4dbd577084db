"""The kinds of cells by their names in the params."""

from collections.abc import Callable

import torch

from wordlab.params.language import CellParams, Kind
from wordlab.recurrent.cells import Cell, GRUCell, LSTMCell, RNNCell
from wordlab.recurrent.linear_cells import HGRN2Cell, MinGRUCell, MinLSTMCell, SRUCell
from wordlab.recurrent.mogrifier import MogrifierLSTMCell

_KINDS: dict[Kind, Callable[[CellParams, int, int, torch.Generator], Cell]] = {
    "rnn": RNNCell,
    "lstm": LSTMCell,
    "gru": GRUCell,
    "mingru": MinGRUCell,
    "minlstm": MinLSTMCell,
    "sru": SRUCell,
    "mogrifier": MogrifierLSTMCell,
    "hgrn2": HGRN2Cell,
}


def make(params: CellParams, input_size: int, hidden_size: int, generator: torch.Generator) -> Cell:
    """Return a new cell, its weights drawn from `generator`."""
    return _KINDS[params.cell](params, input_size, hidden_size, generator)
