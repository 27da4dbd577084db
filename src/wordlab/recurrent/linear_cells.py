"""Cells whose step has no product of matrices: one pass over all steps, compiled, in `scans`.

Their gates depend on the input alone, but for SRU's, which see a unit's own state. * is
elementwise, a(x) = W x + b.
"""

from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wordlab.errors import UserError
from wordlab.params.language import CellParams
from wordlab.recurrent import scans
from wordlab.recurrent.cells import Cell, State, drawn, stretches
from wordlab.recurrent.products import linear


class LinearCell(Cell):
    """What cells without recurrent weights have in common."""

    gates: int
    """Blocks of H rows in the input's weights."""

    def __init__(
        self, params: CellParams, input_size: int, hidden_size: int, generator: torch.Generator
    ) -> None:
        super().__init__(params, input_size, hidden_size, self.gates, generator)

    def project(self, inputs: Tensor, products: torch.dtype | None = None) -> Tensor:
        """Return a(x) of `inputs` (..., I): (..., G*H), factors rounded to `products`."""
        return linear(inputs, self.input_weight, self.bias, products)

    def unroll(
        self,
        inputs: Tensor,
        state: State,
        weight: Tensor | None,
        products: torch.dtype | None,
        resets: Tensor | None,
    ) -> State:
        """Return the states after every step: compiled on a processor, else one by one."""
        if inputs.device.type != "cpu":
            return super().unroll(inputs, state, weight, products, resets)
        found = []
        for steps, kept in stretches(len(inputs), resets):
            if kept is not None:
                state = tuple(part * kept for part in state)
            found.append(self.scan(inputs[steps], state, products))
            state = tuple(part[-1] for part in found[-1])
        return tuple(map(torch.cat, zip(*found, strict=True))) if len(found) > 1 else found[0]

    @abstractmethod
    def scan(
        self, inputs: Tensor, state: State, products: torch.dtype | None
    ) -> tuple[Tensor, ...]:
        """Return what `unroll` does, by the compiled pass."""


def positive(values: Tensor) -> Tensor:
    """Return g(x) > 0: x + .5 where x >= 0, else sigmoid(x) (Feng et al. 2024, appendix B)."""
    return torch.where(values >= 0, values + 0.5, values.sigmoid())


class MinGRUCell(LinearCell):
    """minGRU: z = sigmoid(a_z);  h' = (1 - z) * h + z * g(a_n) (Feng et al. 2024).

    The log-space variant of appendix B, which keeps candidates above 0 by g, `positive`; its
    logarithms serve parallel scans, and are not needed one step after another.
    """

    gates = 2

    def step(self, projection: Tensor, state: State, weight: Tensor | None) -> State:
        update, candidate = projection.chunk(2, dim=1)
        z = update.sigmoid()
        return ((1 - z) * state[0] + z * positive(candidate),)

    def scan(
        self, inputs: Tensor, state: State, products: torch.dtype | None
    ) -> tuple[Tensor, ...]:
        return (scans.blended(self.project(inputs, products), state[0]),)


class MinLSTMCell(LinearCell):
    """minLSTM: f, i = sigmoid;  h' = (f * h + i * g(a_n)) / (f + i) (Feng et al. 2024).

    The log-space variant of appendix B, as for minGRU; f / (f + i) = sigmoid(log f - log i). The
    forget gate's bias starts at `forget_bias`.
    """

    gates = 3

    def __init__(
        self, params: CellParams, input_size: int, hidden_size: int, generator: torch.Generator
    ) -> None:
        super().__init__(params, input_size, hidden_size, generator)
        with torch.no_grad():
            self.bias[:hidden_size] = params.forget_bias

    def step(self, projection: Tensor, state: State, weight: Tensor | None) -> State:
        forget, write, candidate = projection.chunk(3, dim=1)
        f, i = forget.sigmoid(), write.sigmoid()
        return (f / (f + i) * state[0] + i / (f + i) * positive(candidate),)

    def scan(
        self, inputs: Tensor, state: State, products: torch.dtype | None
    ) -> tuple[Tensor, ...]:
        forget, write, candidate = self.project(inputs, products).chunk(3, dim=2)
        update = F.softplus(-forget) - F.softplus(-write)  # log i - log f
        return (scans.blended(torch.cat([update, candidate], dim=2), state[0]),)


class SRUCell(LinearCell):
    """Simple recurrent unit (Lei et al. 2018, 3): f and r see the unit's own memory.

    f = sigmoid(W_f x + v_f * c + b_f);  c' = f * c + (1 - f) * W x;
    r = sigmoid(W_r x + v_r * c + b_r);  h' = r * c' + (1 - r) * alpha * x, a highway for the
    input, alpha = sqrt(3) for gates that start half open. An input of another size than H reaches
    it by a matrix of its own. The state is (h, c), and h is not read.
    """

    gates = 3
    states = 2

    def __init__(
        self, params: CellParams, input_size: int, hidden_size: int, generator: torch.Generator
    ) -> None:
        super().__init__(params, input_size, hidden_size, generator)
        self.bias = nn.Parameter(torch.zeros(2 * hidden_size))  # of f and r
        with torch.no_grad():
            self.bias[:hidden_size] = params.forget_bias
        self.memory_weight = drawn(2, hidden_size, self.bound, generator)  # v_f, v_r
        self.highway_weight = (
            None
            if input_size == hidden_size
            else drawn(hidden_size, input_size, self.bound, generator)
        )

    def project(self, inputs: Tensor, products: torch.dtype | None = None) -> Tensor:
        """Return W x, W_f x + b_f, W_r x + b_r and what takes the highway: (..., 4H)."""
        return torch.cat(self._parts(inputs, products), dim=-1)

    def _parts(self, inputs: Tensor, products: torch.dtype | None) -> tuple[Tensor, Tensor]:
        bias = F.pad(self.bias, (self.hidden_size, 0))
        totals = linear(inputs, self.input_weight, bias, products)  # (..., 3H)
        if self.highway_weight is None:
            return totals, inputs
        return totals, linear(inputs, self.highway_weight, None, products)

    def step(self, projection: Tensor, state: State, weight: Tensor | None) -> State:
        memory = state[1]
        candidate, forget, reset, highway = projection.chunk(4, dim=1)
        v_f, v_r = self.memory_weight
        f, r = (forget + v_f * memory).sigmoid(), (reset + v_r * memory).sigmoid()
        memory = f * memory + (1 - f) * candidate
        return r * memory + (1 - r) * scans.HIGHWAY * highway, memory

    def scan(
        self, inputs: Tensor, state: State, products: torch.dtype | None
    ) -> tuple[Tensor, ...]:
        totals, highway = self._parts(inputs, products)
        return scans.simple(totals, highway, self.memory_weight, state[1])


class HGRN2Cell(LinearCell):
    """Gated linear RNN whose state is a matrix for each of `heads` (Qin et al. 2024, HGRN2).

    Of each head, with vectors of D = H / heads: f = sigmoid(a_f), q = a_q * sigmoid(a_q),
    v = a_v;  S' = diag(f) S + (1 - f) v^T;  y = S'^T q. Then h' = s * y / rms(y) over all H, with a
    scale s (H,). The forget gate's bias starts at `forget_bias`; the lower bounds of f that grow
    from layer to layer are left out, and the product after it is that of whatever reads h. The
    state is (h, S), S (B, H*D), and h is not read.
    """

    gates = 3
    states = 2

    def __init__(
        self, params: CellParams, input_size: int, hidden_size: int, generator: torch.Generator
    ) -> None:
        if hidden_size % params.heads:
            raise UserError(
                f"heads: expected a number that divides hidden_size {hidden_size}, got "
                f"{params.heads}"
            )
        super().__init__(params, input_size, hidden_size, generator)
        self.scale = nn.Parameter(torch.ones(hidden_size))
        with torch.no_grad():
            self.bias[:hidden_size] = params.forget_bias

    def initial_state(self, batch_size: int) -> State:
        """Return zeros: h (B, H) and S (B, H*D)."""
        width = self.hidden_size * (self.hidden_size // self.params.heads)
        zeros = self.bias.new_zeros(batch_size, self.hidden_size + width)
        return zeros[:, : self.hidden_size], zeros[:, self.hidden_size :]

    @property
    def multiply_adds(self) -> int:
        """How many multiply-adds one step takes, those of S' and y among them."""
        return super().multiply_adds + 3 * self.hidden_size * (
            self.hidden_size // self.params.heads
        )

    def step(self, projection: Tensor, state: State, weight: Tensor | None) -> State:
        heads = (len(projection), self.params.heads, -1)
        forget, query, value = (part.reshape(heads) for part in projection.chunk(3, dim=1))
        f, q = forget.sigmoid(), F.silu(query)  # (B, heads, D)
        matrix = state[1].view(*f.shape, -1)  # (B, heads, D, D)
        matrix = f[..., None] * matrix + (1 - f)[..., None] * value[..., None, :]
        y = (q[..., None, :] @ matrix)[..., 0, :]  # (B, heads, D)
        return self._normalised(y.flatten(1)), matrix.flatten(1)

    def scan(
        self, inputs: Tensor, state: State, products: torch.dtype | None
    ) -> tuple[Tensor, ...]:
        forget, query, value = self.project(inputs, products).chunk(3, dim=2)
        y, matrices = scans.expanded(
            forget.sigmoid(), F.silu(query), value.contiguous(), state[1], self.params.heads
        )
        return self._normalised(y), matrices

    def _normalised(self, values: Tensor) -> Tensor:
        return F.rms_norm(values, self.scale.shape, self.scale, eps=1e-5)
