"""The Mogrifier LSTM: input and state scale one another before each step of an LSTM."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wordlab.params.language import CellParams
from wordlab.recurrent.cells import LSTMCell, State, drawn


class MogrifierLSTMCell(LSTMCell):
    """An LSTM on x and h after `mogrifier_rounds` rounds (Melis, Kocisky & Blunsom 2020, 2).

    In round k, x = 2 sigmoid(Q_k h) * x where k is odd, h = 2 sigmoid(R_k x) * h where it is even,
    without biases. Q_k (I, H) and R_k (H, I) are drawn uniformly from +-1/sqrt of their columns;
    with a `mogrifier_rank` each is a product of two matrices of that rank, drawn likewise.
    """

    def __init__(
        self, params: CellParams, input_size: int, hidden_size: int, generator: torch.Generator
    ) -> None:
        super().__init__(params, input_size, hidden_size, generator)
        self.rounds = nn.ModuleList()
        for number in range(params.mogrifier_rounds):
            sizes = [input_size, hidden_size] if number % 2 == 0 else [hidden_size, input_size]
            if params.mogrifier_rank is not None:
                sizes.insert(1, params.mogrifier_rank)
            factors = [
                drawn(rows, columns, columns**-0.5, generator)
                for rows, columns in zip(sizes, sizes[1:], strict=False)
            ]
            self.rounds.append(nn.ParameterList(factors))

    def project(self, inputs: Tensor) -> Tensor:
        """Return `inputs`: nothing of a step can be computed before its state is known."""
        return inputs

    def step(self, projection: Tensor, state: State, weight: Tensor | None) -> State:
        assert weight is not None
        x = projection
        hidden, memory = state
        for number, factors in enumerate(self.rounds):
            scaled = hidden if number % 2 == 0 else x
            for factor in reversed([*factors.parameters()]):
                scaled = F.linear(scaled, factor)
            if number % 2 == 0:
                x = 2 * scaled.sigmoid() * x  # (B, I)
            else:
                hidden = 2 * scaled.sigmoid() * hidden  # (B, H)
        total = F.linear(x, self.input_weight, self.bias) + hidden @ weight.T
        return self.advanced(total, memory)
