import dataclasses
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from cell_params import cells, copy_from_torch, from_torch_order
from wordlab.errors import UserError
from wordlab.params.language import CellParams
from wordlab.recurrent import devices, unrolled
from wordlab.recurrent.devices import threads
from wordlab.recurrent.kinds import make
from wordlab.recurrent.layers import LayerDropout, RecurrentLayers, drop
from wordlab.recurrent.unrolled import unroll

KINDS = ["tanh", "relu", "lstm", "gru_before", "gru_after"]
LINEAR = ["mingru", "minlstm", "sru", "hgrn2"]
WITHOUT = [
    *(f"lstm {gates}" for gates in ("no_input", "no_forget", "no_output", "coupled")),
    *(f"gru_{reset} {g}" for reset in ("before", "after") for g in ("no_reset", "no_update")),
]


def settings(kind: str) -> CellParams:
    kind, _, gates = kind.partition(" ")
    return cells(
        {"tanh": "rnn", "relu": "rnn"}.get(kind, kind.split("_")[0]),
        activation="relu" if kind == "relu" else "tanh",
        gru_reset="before" if kind == "gru_before" else "after",
        gates=gates or "all",
        heads=1,
    )


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw(*shape: int, seed: int = 1, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=dtype)


def torch_peer(kind: str, layers: int, bidirectional: bool) -> nn.RNNBase:
    if kind == "lstm":
        return nn.LSTM(3, 4, layers, bidirectional=bidirectional)
    if kind == "gru_after":
        return nn.GRU(3, 4, layers, bidirectional=bidirectional)
    return nn.RNN(3, 4, layers, nonlinearity=kind, bidirectional=bidirectional)


@pytest.mark.parametrize("kind", KINDS + WITHOUT)
def test_backward_of_the_equations_is_the_gradient(kind):
    cell = make(settings(kind), 3, 2, generator()).double()
    for seed, weight in enumerate(cell.parameters(), start=10):
        weight.data = draw(*weight.shape, seed=seed, dtype=torch.float64)
    inputs = draw(4, 3, 3, dtype=torch.float64).requires_grad_()
    state = tuple(
        draw(3, 2, seed=seed, dtype=torch.float64).requires_grad_()
        for seed in range(5, 5 + cell.states)
    )

    def run(inputs, *rest):
        return unroll(cell, inputs, rest[: cell.states], cell.recurrent_weight)

    assert torch.autograd.gradcheck(run, (inputs, *state, *cell.parameters()))


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("kind", KINDS + WITHOUT)
def test_compiled_equals_the_equations(kind, resets):
    """Values and gradients, in float64, with and without states that start again.

    The sizes are multiples neither of rows nor of columns that are computed together.
    """
    cell = make(settings(kind), 3, 19, generator())
    for seed, weight in enumerate(cell.parameters(), start=10):
        weight.data = draw(*weight.shape, seed=seed) / 3
    steps, batch = 7, 6
    marks = torch.rand(steps, batch, generator=generator(4)) < 0.3 if resets else None
    found = []
    for dtype in (torch.float32, torch.float64):
        cell = deepcopy(cell).to(dtype)
        cell.zero_grad()
        inputs = draw(steps, batch, 3).to(dtype).requires_grad_()
        state = tuple(
            draw(batch, 19, seed=seed).to(dtype).requires_grad_()
            for seed in range(5, 5 + cell.states)
        )
        states = unroll(cell, inputs, state, cell.recurrent_weight, resets=marks)
        sum((every * draw(*every.shape, seed=9).to(dtype)).sum() for every in states).backward()
        weights = [inputs, *state, *cell.parameters()]
        found.append([*states, *(weight.grad for weight in weights)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other.float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 6, 19), (7, 1, 19), (7, 6, 1)])
@pytest.mark.parametrize("kind", [*KINDS, *LINEAR, "mogrifier"])
def test_one_step_one_sequence_and_one_unit_are_as_any_other(kind, sizes):
    """Values and gradients are those of float64, step by step."""
    steps, batch, size = sizes
    cell = make(settings(kind), 3, size, generator())
    inputs, start = draw(steps, batch, 3), cell.initial_state(batch)
    start = [draw(*part.shape, seed=seed) for seed, part in enumerate(start, start=5)]
    found = []
    for dtype in (torch.float32, torch.float64):
        own = deepcopy(cell).to(dtype)
        x, *state = (each.detach().to(dtype).requires_grad_() for each in (inputs, *start))
        if dtype == torch.float32:
            states = unroll(own, x, tuple(state), getattr(own, "recurrent_weight", None))
        else:
            parts = [tuple(state)]
            for values in x:
                parts.append(own(values, parts[-1]))
            states = tuple(map(torch.stack, zip(*parts[1:], strict=True)))
        total = sum((every * draw(*every.shape, seed=9).to(dtype)).sum() for every in states)
        learnt = [x, *state, *own.parameters()]
        found.append([*states, *torch.autograd.grad(total, learnt, materialize_grads=True)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other.float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_change_no_byte(kind, monkeypatch):
    monkeypatch.setattr(devices, "_PART", 1)
    cell = make(settings(kind), 3, 19, generator())
    found = []
    for count in (1, 2, 3, 8):
        cell.zero_grad()
        inputs = draw(7, 22, 3).requires_grad_()
        with threads(count):
            state = tuple(part.requires_grad_() for part in cell.initial_state(22))
            states = unroll(cell, inputs, state, cell.recurrent_weight)
            states[0].square().sum().backward()
        learnt = [inputs, *state, *cell.parameters()]
        found.append([*states, *(each.grad.clone() for each in learnt)])
    for other in found[1:]:
        assert all(map(torch.equal, found[0], other))


@pytest.mark.parametrize(("count", "expected"), [(1, [22]), (2, [12, 10]), (8, [4] * 5 + [2])])
def test_a_thread_takes_all_its_sequences_through_a_step_together(count, expected, monkeypatch):
    monkeypatch.setattr(devices, "_PART", 1)
    cell, sizes = make(settings("gru_after"), 3, 19, generator()), []
    compiled = unrolled._COMPILED["gru after"]

    def forward(run, weight, other, relu, begin, end):
        sizes.append(end - begin)
        compiled.forward(run, weight, other, relu, begin, end)

    spied = dataclasses.replace(compiled, forward=forward)
    monkeypatch.setitem(unrolled._COMPILED, "gru after", spied)
    with threads(count):
        unroll(cell, draw(7, 22, 3), cell.initial_state(22), cell.recurrent_weight)
    assert sorted(sizes, reverse=True) == expected


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("lengths", [None, [5, 2, 4]])
@pytest.mark.parametrize("kind", ["tanh", "relu", "lstm", "gru_after"])
def test_with_copied_weights_all_equals_torch(kind, lengths, bidirectional):
    ours = RecurrentLayers(settings(kind), 3, 4, 2, generator(), bidirectional=bidirectional)
    peer = torch_peer(kind, 2, bidirectional)
    directions = 1 + bidirectional
    cells = [*ours.cells, *ours.backward_cells]
    peers = [k // directions + (k % directions) * 2 for k in range(2 * directions)]
    # torch.nn goes layer by layer, here all that read forwards come first
    for number, weights in zip(peers, peer.all_weights, strict=True):
        copy_from_torch(cells[number], weights)

    inputs = draw(5, 3, 3).requires_grad_()
    peer_inputs = inputs.detach().clone().requires_grad_()
    own_lengths = None if lengths is None else torch.tensor(lengths)
    output, ends = ours(inputs, lengths=own_lengths)
    if lengths is None:
        peer_output, peer_ends = peer(peer_inputs)
    else:
        packed = nn.utils.rnn.pack_padded_sequence(peer_inputs, own_lengths, enforce_sorted=False)
        peer_output, peer_ends = peer(packed)
        peer_output, _ = nn.utils.rnn.pad_packed_sequence(peer_output, total_length=5)
        inside = (torch.arange(5)[:, None] < own_lengths)[..., None]
        output = output * inside
    peer_ends = peer_ends if isinstance(peer_ends, tuple) else (peer_ends,)
    torch.testing.assert_close(output, peer_output)
    for k, number in enumerate(peers):
        for part, peer_part in zip(ends[number], peer_ends, strict=True):
            torch.testing.assert_close(part, peer_part[k])

    weighting = draw(*output.shape, seed=2)
    loss = (output * weighting).sum() + sum(part.square().sum() for end in ends for part in end)
    loss.backward()
    peer_loss = (peer_output * weighting).sum() + sum(end.square().sum() for end in peer_ends)
    peer_loss.backward()
    torch.testing.assert_close(inputs.grad, peer_inputs.grad, rtol=1e-4, atol=1e-5)
    for number, weights in zip(peers, peer.all_weights, strict=True):
        cell = cells[number]
        expected = [from_torch_order(cell, weight.grad) for weight in weights]
        got = [cell.input_weight.grad, cell.recurrent_weight.grad, cell.bias.grad]
        for own, want in zip(got, expected, strict=False):
            torch.testing.assert_close(own, want, rtol=1e-4, atol=1e-5)
        if kind == "gru_after":
            torch.testing.assert_close(
                cell.recurrent_bias.grad, expected[3][-4:], rtol=1e-4, atol=1e-5
            )


@pytest.mark.parametrize("kind", ["tanh", "relu", "lstm", "gru_after"])
def test_both_backends_give_the_same(kind):
    results = []
    for backend in ("wordlab", "torch"):
        layers = RecurrentLayers(settings(kind), 3, 4, 2, generator(), backend=backend)
        if kind == "gru_after":
            for cell in layers.cells:
                cell.recurrent_bias.data = draw(4, seed=3)
        noise = LayerDropout(0.2, 0.3, True, np.random.default_rng(7))
        output, ends = layers(draw(5, 2, 3), dropout=noise)
        (output.square().sum() + sum(part.sum() for end in ends for part in end)).backward()
        gradients = [weight.grad for weight in layers.parameters()]
        results.append((output, ends, gradients))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("kind", KINDS + LINEAR)
def test_rounded_products_leave_every_gradient_near_that_of_whole_ones(kind):
    layers = RecurrentLayers(settings(kind), 16, 16, 1, generator())
    found = []
    for products in (None, torch.bfloat16):
        layers.products = products
        layers.zero_grad()
        inputs = draw(6, 3, 16).requires_grad_()
        layers(inputs)[0].sin().sum().backward()
        found.append([inputs.grad, *(weight.grad for weight in layers.parameters())])
    for exact, rounded in zip(*found, strict=True):
        assert rounded.dtype == torch.float32
        assert 0 < (rounded - exact).norm() < 0.05 * exact.norm()


def test_the_torch_backend_names_what_it_cannot_do():
    layers = RecurrentLayers(settings("gru_before"), 3, 4, 1, generator(), backend="torch")
    with pytest.raises(UserError, match="cell_backend: torch has no GRU whose reset gate acts"):
        layers(draw(5, 2, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_carries_on(kind):
    layers = RecurrentLayers(settings(kind), 3, 4, 2, generator())
    inputs = draw(6, 2, 3)
    whole, ends = layers(inputs)
    first, state = layers(inputs[:4])
    second, last = layers(inputs[4:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(last, ends)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_changes_nothing(bidirectional):
    layers = RecurrentLayers(settings("lstm"), 3, 4, 2, generator(), bidirectional=bidirectional)
    inputs = draw(5, 2, 3)
    noisy = inputs.clone()
    noisy[3:, 1] = 1e3
    lengths = torch.tensor([5, 3])
    _, ends = layers(inputs, lengths=lengths)
    _, noisy_ends = layers(noisy, lengths=lengths)
    torch.testing.assert_close(noisy_ends, ends, rtol=0, atol=0)


def test_recurrent_dropout_changes_every_pass():
    layers = RecurrentLayers(settings("lstm"), 3, 4, 1, generator())
    inputs, noise = draw(5, 2, 3), LayerDropout(0.0, 0.5, True, np.random.default_rng(7))
    plain, _ = layers(inputs)
    one, _ = layers(inputs, dropout=noise)
    two, _ = layers(inputs, dropout=noise)
    assert torch.equal(one[0], plain[0])  # from a state of zeros U has no say in the first step
    assert not torch.allclose(one[1:], plain[1:])
    assert not torch.allclose(one[1:], two[1:])


def test_a_dropped_recurrent_weight_gets_no_gradient():
    layers = RecurrentLayers(settings("tanh"), 3, 4, 1, generator())
    layers(draw(5, 2, 3), dropout=LayerDropout(0.0, 0.5, True, np.random.default_rng(7)))[
        0
    ].sum().backward()
    kept = drop(torch.ones(1, 4, 4), 0.5, False, np.random.default_rng(7))[0] > 0
    assert 0 < kept.sum() < 16
    assert torch.equal(layers.cells[0].recurrent_weight.grad != 0, kept)


def test_variational_dropout_has_one_mask_for_all_steps():
    values = torch.ones(50, 8, 16)
    dropped = drop(values, 0.25, True, np.random.default_rng(0))
    assert torch.equal(dropped, dropped[:1].expand_as(dropped))
    stepwise = drop(values, 0.25, False, np.random.default_rng(0))
    assert not torch.equal(stepwise, stepwise[:1].expand_as(stepwise))
    for each in (dropped, stepwise):
        assert each.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (stepwise == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("kind", [kind for kind in WITHOUT if "before" not in kind])
def test_both_backends_leave_the_same_gate_out(kind):
    inputs = draw(5, 2, 3)
    found = []
    for backend in ("wordlab", "torch"):
        layers = RecurrentLayers(settings(kind), 3, 4, 2, generator(), backend=backend)
        output, _ = layers(inputs)
        output.square().sum().backward()
        found.append((output, [weight.grad for weight in layers.parameters()]))
    torch.testing.assert_close(found[0], found[1])
    whole = RecurrentLayers(settings(kind.split()[0]), 3, 4, 2, generator())
    per_gate = 4 * (3 + 4 + 1) + 4 * (4 + 4 + 1)
    sizes = [sum(weight.numel() for weight in each.parameters()) for each in (whole, layers)]
    assert sizes[0] - sizes[1] == per_gate
