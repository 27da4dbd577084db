import numpy as np
import pytest
import torch
from torch import nn

from cell_params import cells, copy_from_torch
from wordlab.recurrent.cells import Cell
from wordlab.recurrent.devices import threads
from wordlab.recurrent.kinds import make

SIZE = 3


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def numbers(cell: Cell) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    weights = cell.input_weight, cell.recurrent_weight, cell.bias
    return tuple(weight.detach().numpy().astype(float) for weight in weights)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_rnn_follows_its_equation(activation):
    cell = make(cells("rnn", activation=activation), 2, SIZE, generator())
    x, h = draw(4, 2), draw(4, SIZE, seed=2)
    weight, recurrent, bias = numbers(cell)
    total = x.numpy() @ weight.T + bias + h.numpy() @ recurrent.T
    expected = np.tanh(total) if activation == "tanh" else np.maximum(total, 0)
    np.testing.assert_allclose(cell(x, (h,))[0].detach(), expected, rtol=1e-5, atol=1e-6)


def test_lstm_follows_its_equations():
    cell = make(cells("lstm", forget_bias=1.5), 2, SIZE, generator())
    x, h, c = draw(4, 2), draw(4, SIZE, seed=2), draw(4, SIZE, seed=3)
    weight, recurrent, bias = numbers(cell)
    o, i, f, g = np.split(x.numpy() @ weight.T + bias + h.numpy() @ recurrent.T, 4, axis=1)
    memory = sigmoid(f) * c.numpy() + sigmoid(i) * np.tanh(g)
    hidden = sigmoid(o) * np.tanh(memory)
    got_hidden, got_memory = cell(x, (h, c))
    np.testing.assert_allclose(got_hidden.detach(), hidden, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got_memory.detach(), memory, rtol=1e-5, atol=1e-6)
    assert bias.tolist() == [0] * 2 * SIZE + [1.5] * SIZE + [0] * SIZE


@pytest.mark.parametrize("reset", ["before", "after"])
def test_gru_follows_its_equations(reset):
    cell = make(cells("gru", gru_reset=reset), 2, SIZE, generator())
    x, h = draw(4, 2), draw(4, SIZE, seed=2)
    if reset == "after":
        cell.recurrent_bias.data = draw(SIZE, seed=3)
    weight, recurrent, bias = numbers(cell)
    a_r, a_z, a_n = np.split(x.numpy() @ weight.T + bias, 3, axis=1)
    u_r, u_z, u_n = np.split(recurrent, 3)
    before = h.numpy()
    r, z = sigmoid(a_r + before @ u_r.T), sigmoid(a_z + before @ u_z.T)
    if reset == "before":
        n = np.tanh(a_n + (r * before) @ u_n.T)
    else:
        n = np.tanh(a_n + r * (before @ u_n.T + cell.recurrent_bias.detach().numpy()))
    expected = (1 - z) * n + z * before
    np.testing.assert_allclose(cell(x, (h,))[0].detach(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("gates", ["no_input", "no_forget", "no_output", "coupled"])
def test_an_lstm_without_a_gate_follows_its_equations(gates):
    cell = make(cells("lstm", forget_bias=1.5, gates=gates), 2, SIZE, generator())
    x, h, c = draw(4, 2), draw(4, SIZE, seed=2), draw(4, SIZE, seed=3)
    weight, recurrent, bias = numbers(cell)
    assert weight.shape == (3 * SIZE, 2)
    total = np.split(x.numpy() @ weight.T + bias + h.numpy() @ recurrent.T, 3, axis=1)
    o, i, f = {
        "no_input": lambda o, f, g: (sigmoid(o), 1, sigmoid(f)),
        "no_forget": lambda o, i, g: (sigmoid(o), sigmoid(i), 1),
        "no_output": lambda i, f, g: (1, sigmoid(i), sigmoid(f)),
        "coupled": lambda o, i, g: (sigmoid(o), sigmoid(i), 1 - sigmoid(i)),
    }[gates](*total)
    memory = f * c.numpy() + i * np.tanh(total[2])
    got_hidden, got_memory = cell(x, (h, c))
    np.testing.assert_allclose(got_hidden.detach(), o * np.tanh(memory), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got_memory.detach(), memory, rtol=1e-5, atol=1e-6)
    starts = {"no_input": [0, 1.5, 0], "no_output": [0, 1.5, 0], "coupled": [0, -1.5, 0]}
    assert bias[::SIZE].tolist() == starts.get(gates, [0, 0, 0])


@pytest.mark.parametrize("gates", ["no_reset", "no_update"])
@pytest.mark.parametrize("reset", ["before", "after"])
def test_a_gru_without_a_gate_follows_its_equations(reset, gates):
    cell = make(cells("gru", gru_reset=reset, gates=gates), 2, SIZE, generator())
    x, h = draw(4, 2), draw(4, SIZE, seed=2)
    weight, recurrent, bias = numbers(cell)
    assert recurrent.shape == (2 * SIZE, SIZE)
    before = h.numpy()
    a, a_n = np.split(x.numpy() @ weight.T + bias, 2, axis=1)
    u, u_n = np.split(recurrent, 2)
    gate = sigmoid(a + before @ u.T)
    r, z = (1, gate) if gates == "no_reset" else (gate, 0)
    # with recurrent_bias 0, as at the start
    inner = (r * before) @ u_n.T if reset == "before" else r * (before @ u_n.T)
    expected = (1 - z) * np.tanh(a_n + inner) + z * before
    np.testing.assert_allclose(cell(x, (h,))[0].detach(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["tanh", "relu", "lstm", "gru"])
def test_with_copied_weights_each_equals_torch(kind):
    peers = {"lstm": nn.LSTMCell, "gru": nn.GRUCell}
    if kind in peers:
        cell, peer = make(cells(kind), 2, SIZE, generator()), peers[kind](2, SIZE)
    else:
        cell = make(cells("rnn", activation=kind), 2, SIZE, generator())
        peer = nn.RNNCell(2, SIZE, nonlinearity=kind)
    copy_from_torch(cell, [peer.weight_ih, peer.weight_hh, peer.bias_ih, peer.bias_hh])
    x, state = draw(4, 2), tuple(draw(4, SIZE, seed=s) for s in range(2, 2 + cell.states))
    expected = peer(x, state if cell.states == 2 else state[0])
    expected = expected if isinstance(expected, tuple) else (expected,)
    for got, want in zip(cell(x, state), expected, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6)


def test_the_generator_alone_decides_the_weights():
    first, again, other = (
        make(cells("lstm"), 2, SIZE, generator(seed)).recurrent_weight for seed in (5, 5, 6)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_orthogonal_initialisation_keeps_lengths_whatever_the_threads(kind):
    settings = cells(kind, initialisation="orthogonal")
    cell = make(settings, 3, 130, generator())
    for gate in cell.recurrent_weight.detach().split(130):
        torch.testing.assert_close(gate @ gate.T, torch.eye(130), atol=1e-5, rtol=0)
    with threads(2):
        again = make(settings, 3, 130, generator())
    assert torch.equal(cell.recurrent_weight, again.recurrent_weight)
    plain = make(cells(kind), 3, 130, generator())
    assert torch.equal(cell.input_weight, plain.input_weight)
    assert float(plain.recurrent_weight.detach().abs().max()) <= 130**-0.5
