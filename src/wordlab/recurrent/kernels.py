"""Recurrent cells over all steps, forwards and backwards, compiled.

What a cell computes at a step is one product of matrices in registers and a few loops over rows
that stay in the first cache. Sequences do not depend on one another, so that threads have some of
them each; every sum has the order of its terms, so that no number of threads changes a byte.

Shapes: T steps, B sequences, H units, G gates, float32 and contiguous. All `*_forward` and all
`*_backward` kernels take the same arguments, a `CellRun` first, some of which a cell has no use
for. In a step that `resets` marks, a sequence starts from zeros.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from wordlab.recurrent.panels import COLUMNS, multiply
from wordlab.simd import TILE_ROWS, rounded_up, sigmoid, tanh

Floats = NDArray[np.float32]


class CellRun(NamedTuple):
    """What the kernels of one unrolled cell share.

    gates: (T, B, G*H), W x + b, which the forward kernels overwrite with the activations.
    hiddens, memories: (T, B, H), the states after each step; kept: (T, B, H), what else the
    backward pass needs; first: (2, B, H), the states at the start; bias: (H,), of the GRU's
    product, `u`; resets: bool (T, B). memories, kept, bias and resets are empty where there are
    none.
    """

    gates: Floats
    hiddens: Floats
    memories: Floats
    kept: Floats
    first: Floats
    bias: Floats
    resets: NDArray[np.bool_]


class Errors(NamedTuple):
    """The gradients of the loss by what the kernels of a `CellRun` compute.

    hiddens, memories: (T, B, H), given, memories empty where nothing depends on them; totals: (T,
    B, G*H), what the backward kernels find for U h (+ u); candidates: (T, B, H), the GRU's for the
    last of its gates, W x + b; first: (2, B, H), for the states at the start.
    """

    hiddens: Floats
    memories: Floats
    totals: Floats
    candidates: Floats
    first: Floats


_loop = njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})


@_loop
def _add_sigmoid(out: Any, total: Any) -> None:
    """out = sigmoid(out + total)."""
    for j in range(len(out)):
        out[j] = sigmoid(out[j] + total[j])


@_loop
def _add_tanh(out: Any, total: Any) -> None:
    """out = tanh(out + total)."""
    for j in range(len(out)):
        out[j] = tanh(out[j] + total[j])


@_loop
def _times_derivative(out: Any, error: Any, gate: Any) -> None:
    """out = out * error * gate (1 - gate): through a sigmoid whose value is `gate`.

    What a gate that is shut or open lets through is 0, however large the rest: so it comes first.
    """
    for j in range(len(out)):
        out[j] = out[j] * (error[j] * (gate[j] * (np.float32(1) - gate[j])))


@_loop
def _candidate_error(out: Any, error: Any, update: Any, candidate: Any) -> None:
    """out = error (1 - update) (1 - candidate^2): through the tanh of the GRU."""
    one = np.float32(1)
    for j in range(len(out)):
        out[j] = error[j] * ((one - update[j]) * (one - candidate[j] * candidate[j]))


@_loop
def _blend(hidden: Any, candidate: Any, update: Any) -> None:
    """hidden = candidate + update (hidden - candidate)."""
    for j in range(len(hidden)):
        hidden[j] = candidate[j] + update[j] * (hidden[j] - candidate[j])


@_loop
def _add(out: Any, other: Any) -> None:
    """out = out + other, as far as `other` goes."""
    for j in range(len(other)):
        out[j] += other[j]


@_loop
def _multiply(out: Any, one: Any, other: Any) -> None:
    """out = one * other."""
    for j in range(len(out)):
        out[j] = one[j] * other[j]


@njit(nogil=True, cache=True)
def _start(state: Any, run: Any, number: int, begin: int) -> None:
    """Fill a working state (R, H) with that at the start of the sequences from `begin` on."""
    for row in range(min(len(state), run.first.shape[1] - begin)):
        state[row] = run.first[number, begin + row]


@njit(nogil=True, cache=True)
def _reset(state: Any, run: Any, t: int, begin: int, rows: int) -> None:
    """Set to 0 the rows of a working state whose sequences start again at step t."""
    if len(run.resets):
        for row in range(rows):
            if run.resets[t, begin + row]:
                state[row] = 0


@njit(nogil=True, cache=True)
def _before(states: Any, run: Any, number: int, t: int, column: int, zeros: Any) -> Any:
    """Return the state (H,) that a sequence had before step t."""
    if len(run.resets) and run.resets[t, column]:
        return zeros
    return states[t - 1, column] if t else run.first[number, column]


@_loop
def rnn_forward(run: Any, weight: Any, other: Any, relu: bool, begin: int, end: int) -> None:
    """h = f(W x + b + U h), f = tanh or ReLU, of the sequences from `begin` to `end`."""
    rows, size = end - begin, run.hiddens.shape[2]
    hidden = np.zeros((rounded_up(rows, TILE_ROWS), size), np.float32)
    total = np.empty((len(hidden), rounded_up(size, COLUMNS)), np.float32)
    _start(hidden, run, 0, begin)
    for t in range(len(run.gates)):
        _reset(hidden, run, t, begin, rows)
        multiply(total, hidden, weight, size)
        for row in range(rows):
            gate, h = run.gates[t, begin + row], hidden[row]
            if relu:
                for j in range(size):
                    gate[j] = max(gate[j] + total[row, j], np.float32(0))
            else:
                _add_tanh(gate, total[row])
            h[:] = gate
            run.hiddens[t, begin + row] = gate


@_loop
def rnn_backward(
    run: Any, errors: Any, weight: Any, other: Any, relu: bool, begin: int, end: int
) -> None:
    """d a = d h f'(a)."""
    rows, size = end - begin, run.hiddens.shape[2]
    d_a = np.zeros((rounded_up(rows, TILE_ROWS), size), np.float32)
    d_hidden = np.zeros((len(d_a), rounded_up(size, COLUMNS)), np.float32)
    for t in range(len(run.gates) - 1, -1, -1):
        for row in range(rows):
            column = begin + row
            d_h, out, h = d_hidden[row], d_a[row], run.hiddens[t, column]
            given = errors.hiddens[t, column]
            if relu:
                for j in range(size):
                    out[j] = d_h[j] + given[j] if h[j] > 0 else np.float32(0)
            else:
                for j in range(size):
                    out[j] = (d_h[j] + given[j]) * (np.float32(1) - h[j] * h[j])
            errors.totals[t, column] = out
        multiply(d_hidden, d_a, weight, size)
        _reset(d_hidden, run, t, begin, rows)
    for row in range(rows):
        errors.first[0, begin + row] = d_hidden[row, :size]


@_loop
def lstm_forward(run: Any, weight: Any, other: Any, relu: bool, begin: int, end: int) -> None:
    """o, i, f, g of W x + b + U h; c = f c + i g; h = o tanh(c), which `kept` has."""
    rows, size = end - begin, run.hiddens.shape[2]
    hidden = np.zeros((rounded_up(rows, TILE_ROWS), size), np.float32)
    memory = np.zeros_like(hidden)
    total = np.empty((len(hidden), rounded_up(4 * size, COLUMNS)), np.float32)
    _start(hidden, run, 0, begin)
    _start(memory, run, 1, begin)
    for t in range(len(run.gates)):
        _reset(hidden, run, t, begin, rows)
        _reset(memory, run, t, begin, rows)
        multiply(total, hidden, weight, size)
        for row in range(rows):
            column = begin + row
            gates, sums, c, h = run.gates[t, column], total[row], memory[row], hidden[row]
            squashed = run.kept[t, column]
            _add_sigmoid(gates[: 3 * size], sums)
            _add_tanh(gates[3 * size :], sums[3 * size :])
            o, i, f = gates[:size], gates[size : 2 * size], gates[2 * size : 3 * size]
            g = gates[3 * size :]
            for j in range(size):
                c[j] = f[j] * c[j] + i[j] * g[j]
            for j in range(size):
                squashed[j] = tanh(c[j])
            _multiply(h, o, squashed)
            run.hiddens[t, column] = h
            run.memories[t, column] = c


@_loop
def lstm_backward(
    run: Any, errors: Any, weight: Any, other: Any, relu: bool, begin: int, end: int
) -> None:
    """d c += d h o (1 - tanh(c)^2); the errors of all gates; d c = d c f."""
    rows, size = end - begin, run.hiddens.shape[2]
    d_a = np.zeros((rounded_up(rows, TILE_ROWS), 4 * size), np.float32)
    d_hidden = np.zeros((len(d_a), rounded_up(size, COLUMNS)), np.float32)
    d_memory = np.zeros((len(d_a), size), np.float32)
    zeros = np.zeros(size, np.float32)
    for t in range(len(run.gates) - 1, -1, -1):
        for row in range(rows):
            column = begin + row
            gates, squashed = run.gates[t, column], run.kept[t, column]
            o, i, f = gates[:size], gates[size : 2 * size], gates[2 * size : 3 * size]
            g = gates[3 * size :]
            c = _before(run.memories, run, 1, t, column, zeros)
            d_h, d_c, given = d_hidden[row], d_memory[row], errors.hiddens[t, column]
            out = d_a[row]
            d_o, d_i, d_f = out[:size], out[size : 2 * size], out[2 * size : 3 * size]
            d_g = out[3 * size :]
            if len(errors.memories):
                _add(d_c, errors.memories[t, column])
            for j in range(size):
                d_o[j] = d_h[j] + given[j]
            for j in range(size):
                d_c[j] += d_o[j] * (o[j] * (np.float32(1) - squashed[j] * squashed[j]))
            _times_derivative(d_o, squashed, o)
            d_i[:] = d_c
            d_f[:] = d_c
            for j in range(size):
                d_g[j] = d_c[j] * (i[j] * (np.float32(1) - g[j] * g[j]))
            _times_derivative(d_i, g, i)
            _multiply(d_c, d_c, f)
            _times_derivative(d_f, c, f)
            errors.totals[t, column] = out
        multiply(d_hidden, d_a, weight, 4 * size)
        _reset(d_hidden, run, t, begin, rows)
        _reset(d_memory, run, t, begin, rows)
    for row in range(rows):
        errors.first[0, begin + row] = d_hidden[row, :size]
        errors.first[1, begin + row] = d_memory[row]


@_loop
def gru_after_forward(run: Any, weight: Any, other: Any, relu: bool, begin: int, end: int) -> None:
    """r, z of W x + b + U h; n = tanh(W x + b + r m), m = U h + u `kept`; h = n + z (h - n)."""
    rows, size = end - begin, run.hiddens.shape[2]
    hidden = np.zeros((rounded_up(rows, TILE_ROWS), size), np.float32)
    total = np.empty((len(hidden), rounded_up(3 * size, COLUMNS)), np.float32)
    _start(hidden, run, 0, begin)
    for t in range(len(run.gates)):
        _reset(hidden, run, t, begin, rows)
        multiply(total, hidden, weight, size)
        for row in range(rows):
            gates, sums, h = run.gates[t, begin + row], total[row], hidden[row]
            inner, summed = run.kept[t, begin + row], sums[2 * size :]
            _add_sigmoid(gates[: 2 * size], sums)
            r, z, n = gates[:size], gates[size : 2 * size], gates[2 * size :]
            for j in range(size):
                inner[j] = summed[j] + run.bias[j]
            for j in range(size):
                n[j] = tanh(n[j] + r[j] * inner[j])
            _blend(h, n, z)
            run.hiddens[t, begin + row] = h


@_loop
def gru_after_backward(
    run: Any, errors: Any, weight: Any, other: Any, relu: bool, begin: int, end: int
) -> None:
    """d n = d h (1 - z), of which d m = d n r; d z = d h (h - n)."""
    rows, size = end - begin, run.hiddens.shape[2]
    d_a = np.zeros((rounded_up(rows, TILE_ROWS), 3 * size), np.float32)
    d_hidden = np.zeros((len(d_a), rounded_up(size, COLUMNS)), np.float32)
    product = np.zeros_like(d_hidden)
    zeros = np.zeros(size, np.float32)
    for t in range(len(run.gates) - 1, -1, -1):
        for row in range(rows):
            column = begin + row
            gates, inner = run.gates[t, column], run.kept[t, column]
            r, z, n = gates[:size], gates[size : 2 * size], gates[2 * size :]
            h = _before(run.hiddens, run, 0, t, column, zeros)
            d_h, given, out = d_hidden[row], errors.hiddens[t, column], d_a[row]
            d_r, d_z, d_m = out[:size], out[size : 2 * size], out[2 * size :]
            d_n = errors.candidates[t, column]
            _add(d_h, given)
            _candidate_error(d_n, d_h, z, n)
            for j in range(size):
                d_z[j] = h[j] - n[j]
            _times_derivative(d_z, d_h, z)
            _multiply(d_m, d_n, r)
            d_r[:] = d_n
            _times_derivative(d_r, inner, r)
            _multiply(d_h[:size], d_h[:size], z)
            errors.totals[t, column] = out
        multiply(product, d_a, weight, 3 * size)
        for row in range(rows):
            _add(d_hidden[row], product[row])
        _reset(d_hidden, run, t, begin, rows)
    for row in range(rows):
        errors.first[0, begin + row] = d_hidden[row, :size]


@_loop
def gru_before_forward(
    run: Any, weight: Any, candidate: Any, relu: bool, begin: int, end: int
) -> None:
    """r, z of W x + b + U h; n = tanh(W x + b + U (r h)), r h `kept`; h = n + z (h - n)."""
    rows, size = end - begin, run.hiddens.shape[2]
    hidden = np.zeros((rounded_up(rows, TILE_ROWS), size), np.float32)
    reset = np.zeros_like(hidden)
    total = np.empty((len(hidden), rounded_up(2 * size, COLUMNS)), np.float32)
    inner = np.empty((len(hidden), rounded_up(size, COLUMNS)), np.float32)
    _start(hidden, run, 0, begin)
    for t in range(len(run.gates)):
        _reset(hidden, run, t, begin, rows)
        multiply(total, hidden, weight, size)
        for row in range(rows):
            gates, h, kept = run.gates[t, begin + row], hidden[row], reset[row]
            _add_sigmoid(gates[: 2 * size], total[row])
            _multiply(kept, gates[:size], h)
            run.kept[t, begin + row] = kept
        multiply(inner, reset, candidate, size)
        for row in range(rows):
            gates, h = run.gates[t, begin + row], hidden[row]
            z, n = gates[size : 2 * size], gates[2 * size :]
            _add_tanh(n, inner[row])
            _blend(h, n, z)
            run.hiddens[t, begin + row] = h


@_loop
def gru_before_backward(
    run: Any, errors: Any, weight: Any, candidate: Any, relu: bool, begin: int, end: int
) -> None:
    """d n = d h (1 - z); d (r h) = U d n; d z = d h (h - n)."""
    rows, size = end - begin, run.hiddens.shape[2]
    d_gates = np.zeros((rounded_up(rows, TILE_ROWS), 2 * size), np.float32)
    d_candidates = np.zeros((len(d_gates), size), np.float32)
    d_hidden = np.zeros((len(d_gates), rounded_up(size, COLUMNS)), np.float32)
    product, d_reset = np.zeros_like(d_hidden), np.zeros_like(d_hidden)
    zeros = np.zeros(size, np.float32)
    for t in range(len(run.gates) - 1, -1, -1):
        for row in range(rows):
            gates, given = run.gates[t, begin + row], errors.hiddens[t, begin + row]
            z, n = gates[size : 2 * size], gates[2 * size :]
            d_h, d_n = d_hidden[row], d_candidates[row]
            _add(d_h, given)
            _candidate_error(d_n, d_h, z, n)
            errors.totals[t, begin + row, 2 * size :] = d_n
        multiply(d_reset, d_candidates, candidate, size)
        for row in range(rows):
            column = begin + row
            gates = run.gates[t, column]
            r, z, n = gates[:size], gates[size : 2 * size], gates[2 * size :]
            h = _before(run.hiddens, run, 0, t, column, zeros)
            d_h, out, d_rh = d_hidden[row], d_gates[row], d_reset[row]
            d_r, d_z = out[:size], out[size:]
            for j in range(size):
                d_z[j] = h[j] - n[j]
            _times_derivative(d_z, d_h, z)
            d_r[:] = d_rh[:size]
            _times_derivative(d_r, h, r)
            for j in range(size):
                d_h[j] = d_h[j] * z[j] + d_rh[j] * r[j]
            errors.totals[t, column, : 2 * size] = out
        multiply(product, d_gates, weight, 2 * size)
        for row in range(rows):
            _add(d_hidden[row], product[row])
        _reset(d_hidden, run, t, begin, rows)
    for row in range(rows):
        errors.first[0, begin + row] = d_hidden[row, :size]
