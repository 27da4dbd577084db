"""Recurrent cells, one step at a time, from their equations.

Weights are laid out for speed: all gates of a cell are rows of one matrix, in the order each cell
names. a(x) = W x + b below is the input's projection, U the recurrent weight, * is elementwise.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wordlab.params.language import CellParams
from wordlab.recurrent.devices import threads

State = tuple[Tensor, ...]
"""A layer's state: (h,) of RNN and GRU, (h, c) of LSTM, each (B, H); HGRN2's S is wider."""


REMOVED = {"input": 1.0, "forget": 1.0, "output": 1.0, "reset": 1.0, "update": 0.0}
"""What a gate that is removed counts as: it lets all through, and the GRU's keeps nothing."""


def drawn(rows: int, columns: int, bound: float, generator: torch.Generator) -> nn.Parameter:
    """Return a weight (rows, columns) drawn uniformly from +-`bound`."""
    return nn.Parameter(torch.empty(rows, columns).uniform_(-bound, bound, generator=generator))


class Cell(nn.Module, ABC):
    """What all cells have in common: input_weight (G*H, I) and bias (G*H,) for G gates, rows of H.

    The weight is drawn uniformly from +-1/sqrt(H) by `generator`, biases are 0.
    """

    all_gates: ClassVar[tuple[str, ...]]
    states: ClassVar[int] = 1

    def __init__(
        self,
        params: CellParams,
        input_size: int,
        hidden_size: int,
        gates: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.params, self.input_size, self.hidden_size = params, input_size, hidden_size
        self.bound = hidden_size**-0.5
        self.input_weight = drawn(gates * hidden_size, input_size, self.bound, generator)
        self.bias = nn.Parameter(torch.zeros(gates * hidden_size))

    @property
    def multiply_adds(self) -> int:
        """How many multiply-adds the products of one step take: one per weight of its matrices."""
        return sum(weight.numel() for weight in self.parameters() if weight.ndim == 2)

    def initial_state(self, batch_size: int) -> State:
        """Return a state of zeros: `states` tensors (B, H)."""
        zeros = self.bias.new_zeros(batch_size, self.hidden_size)
        return (zeros,) * self.states

    def project(self, inputs: Tensor) -> Tensor:
        """Return a(x) of `inputs` (..., I) for all gates: (..., G*H)."""
        return F.linear(inputs, self.input_weight, self.bias)

    @abstractmethod
    def step(self, projection: Tensor, state: State, weight: Tensor | None) -> State:
        """Return the state after one step, from `projection` = a(x) (B, G*H) and `state`.

        weight (G*H, H): U, the cell's own or that with entries dropped; None if it has none.
        """

    @property
    def weight(self) -> Tensor | None:
        """The recurrent weight U, None for a cell without one."""
        return None

    def forward(self, inputs: Tensor, state: State) -> State:
        """Return the state after one step on `inputs` (B, I) from `state`; h is the output."""
        return self.step(self.project(inputs), state, self.weight)

    def unroll(
        self,
        inputs: Tensor,
        state: State,
        weight: Tensor | None,
        products: torch.dtype | None,
        resets: Tensor | None,
    ) -> State:
        """Return the states after every step, as `unrolled.unroll` does: one by one, by autograd.

        Nothing is rounded to `products`.
        """
        every = []
        for t, projection in enumerate(self.project(inputs)):
            if resets is not None:
                state = tuple(part * ~resets[t, :, None] for part in state)
            state = self.step(projection, state, weight)
            every.append(state)
        return tuple(torch.stack(parts) for parts in zip(*every, strict=True))


def stretches(steps: int, resets: Tensor | None) -> Iterator[tuple[slice, Tensor | None]]:
    """Yield stretches of steps between resets, and before each what to multiply the state by.

    That is None, or (B, 1): 0 for the sequences that start again, 1 for the others.
    """
    if resets is None:
        yield slice(0, steps), None
        return
    starts = [0, *(start for start in resets.any(dim=1).nonzero().flatten().tolist() if start)]
    for start, stop in pairwise([*starts, steps]):
        yield slice(start, stop), ~resets[start, :, None]


class RecurrentCell(Cell):
    """A cell with a product in each step, by its recurrent_weight (G*H, H), for the G `gates`.

    That is drawn as `params.initialisation` says. A gate that is removed has no weights, and the
    value of REMOVED (Greff et al. 2017, 3).
    """

    def __init__(
        self, params: CellParams, input_size: int, hidden_size: int, generator: torch.Generator
    ) -> None:
        removed = {"all": None, "coupled": "forget"}.get(
            params.gates, params.gates.removeprefix("no_")
        )
        gates = tuple(gate for gate in self.all_gates if gate != removed)
        super().__init__(params, input_size, hidden_size, len(gates), generator)
        self.removed, self.gates = removed, gates
        rows = len(gates) * hidden_size
        self.recurrent_weight = drawn(rows, hidden_size, self.bound, generator)
        if params.initialisation == "orthogonal":
            self._make_orthogonal(generator)

    def _make_orthogonal(self, generator: torch.Generator) -> None:
        """Draw each gate's recurrent weight (H, H) anew, uniformly among orthogonal matrices.

        Such a weight keeps the length of what it multiplies (Saxe, McClelland & Ganguli 2014, 3).
        """
        with threads(1), torch.no_grad():
            for block in self.recurrent_weight.split(self.hidden_size):
                normal = torch.empty(block.shape, dtype=torch.float64)
                q, r = torch.linalg.qr(normal.normal_(generator=generator))
                block.copy_(q * r.diagonal().sign())

    @property
    def weight(self) -> Tensor:
        return self.recurrent_weight

    def weights_of_all_gates(self, recurrent_weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return input_weight, bias and `recurrent_weight` with rows for a gate that is removed.

        Whose bias alone decides its value: sigmoid(inf) = 1, sigmoid(-inf) = 0.
        """
        weights = self.input_weight, self.bias, recurrent_weight
        if self.removed is None:
            return weights
        start = self.all_gates.index(self.removed) * self.hidden_size
        ends = torch.inf if REMOVED[self.removed] else -torch.inf
        whole = []
        for rows, value in zip(weights, (0.0, ends, 0.0), strict=True):
            fixed = rows.new_full((self.hidden_size, *rows.shape[1:]), value)
            whole.append(torch.cat([rows[:start], fixed, rows[start:]]))
        return whole[0], whole[1], whole[2]

    def activations(self, total: Tensor) -> dict[str, Tensor]:
        """Return the sigmoid of each gate but the candidate, (B, H), from the sums of them all.

        total: (B, G*H), that of the candidate may be missing. A gate that is removed is constant.
        """
        parts = total.split(self.hidden_size, dim=1)
        found = {g: part.sigmoid() for g, part in zip(self.gates[:-1], parts, strict=False)}
        if self.removed is not None:
            blank = total[:, : self.hidden_size]
            found[self.removed] = torch.full_like(blank, REMOVED[self.removed])
        return found


class RNNCell(RecurrentCell):
    """Elman's cell: h' = f(a(x) + U h), f = tanh or ReLU (Elman 1990)."""

    all_gates = ("hidden",)

    def step(self, projection: Tensor, state: State, weight: Tensor | None) -> State:
        assert weight is not None
        (hidden,) = state
        total = projection + hidden @ weight.T  # (B, H)
        return (torch.tanh(total) if self.params.activation == "tanh" else torch.relu(total),)


class LSTMCell(RecurrentCell):
    """Long short-term memory with a forget gate (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

    o, i, f = sigmoid, g = tanh of a(x) + U h;  c' = f * c + i * g;  h' = o * tanh(c').
    The forget gate's bias starts at `forget_bias` (Jozefowicz et al. 2015). gates "coupled":
    f = 1 - i, whose bias then starts at -`forget_bias`; "no_input", "no_forget" and "no_output":
    that gate is 1 (Greff et al. 2017, CIFG, NIG, NFG, NOG).
    """

    all_gates = ("output", "input", "forget", "candidate")
    states = 2

    def __init__(
        self, params: CellParams, input_size: int, hidden_size: int, generator: torch.Generator
    ) -> None:
        super().__init__(params, input_size, hidden_size, generator)
        self.coupled = params.gates == "coupled"
        with torch.no_grad():
            start = self.bias.split(hidden_size)
            if self.coupled:
                start[self.gates.index("input")].fill_(-params.forget_bias)
            elif "forget" in self.gates:
                start[self.gates.index("forget")].fill_(params.forget_bias)

    def step(self, projection: Tensor, state: State, weight: Tensor | None) -> State:
        assert weight is not None
        hidden, memory = state
        return self.advanced(projection + hidden @ weight.T, memory)

    def advanced(self, total: Tensor, memory: Tensor) -> State:
        """Return the state after one step from the gates' sums `total` (B, G*H) and c (B, H)."""
        gate = self.activations(total)
        o, i, f = gate["output"], gate["input"], gate["forget"]  # (B, H) each
        if self.coupled:
            f = 1 - i
        g = total[:, -self.hidden_size :].tanh()  # (B, H)
        memory = f * memory + i * g
        return o * torch.tanh(memory), memory

    def weights_of_all_gates(self, recurrent_weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return them as for any cell; 1 - sigmoid(a) = sigmoid(-a) makes the coupled gate's."""
        if not self.coupled:
            return super().weights_of_all_gates(recurrent_weight)
        whole = []
        for rows in (self.input_weight, self.bias, recurrent_weight):
            o, i, g = rows.split(self.hidden_size)
            whole.append(torch.cat([o, i, -i, g]))
        return whole[0], whole[1], whole[2]


class GRUCell(RecurrentCell):
    """Gated recurrent unit (Cho et al. 2014): h' = (1 - z) * n + z * h, with r, z = sigmoid.

    reset "before": n = tanh(a(x) + U (r * h)), as in the paper; "after": n = tanh(a(x) + r * (U h
    + u)), as in cuDNN and torch.nn, with a bias u (H,) of its own, `recurrent_bias`. gates
    "no_reset": r = 1; "no_update": z = 0, so that h' = n.
    """

    all_gates = ("reset", "update", "candidate")

    def __init__(
        self, params: CellParams, input_size: int, hidden_size: int, generator: torch.Generator
    ) -> None:
        super().__init__(params, input_size, hidden_size, generator)
        if params.gru_reset == "after":
            self.recurrent_bias = nn.Parameter(torch.zeros(hidden_size))

    def step(self, projection: Tensor, state: State, weight: Tensor | None) -> State:
        assert weight is not None
        (hidden,) = state
        size = self.bias.shape[0] - self.hidden_size
        gate_weight, candidate_weight = weight[:size], weight[size:]
        total = projection[:, :size] + hidden @ gate_weight.T  # (B, G*H - H)
        gate = self.activations(total)
        r, z = gate["reset"], gate["update"]  # (B, H) each
        if self.params.gru_reset == "before":
            n = torch.tanh(projection[:, size:] + (r * hidden) @ candidate_weight.T)  # (B, H)
        else:
            recurrent = hidden @ candidate_weight.T + self.recurrent_bias  # (B, H)
            n = torch.tanh(projection[:, size:] + r * recurrent)  # (B, H)
        return ((1 - z) * n + z * hidden,)


def to_torch_order(cell: Cell, blocks: Tensor) -> Tensor:
    """Return `blocks`, whose rows are gates in the order of `cell`, in torch.nn's order."""
    if not isinstance(cell, LSTMCell):
        return blocks
    o, i, f, g = blocks.chunk(4)
    return torch.cat([i, f, g, o])
