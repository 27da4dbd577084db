"""Cells without products in their steps, and the Mogrifier LSTM: equations, passes, threads."""

import numpy as np
import pytest
import torch

from cell_params import cells
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.params.studies import TaskParams
from wordlab.recurrent import devices
from wordlab.recurrent.cells import Cell, RecurrentCell
from wordlab.recurrent.devices import threads
from wordlab.recurrent.kinds import make
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.layers import LayerDropout, RecurrentLayers
from wordlab.recurrent.unrolled import unroll
from wordlab.studies.gradients.tasks import learn

LINEAR = ["mingru", "minlstm", "sru", "hgrn2"]
NEW = [*LINEAR, "mogrifier"]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def drawn_cell(kind: str, inputs: int = 3, size: int = 4, **changes: object) -> Cell:
    cell = make(cells(kind, **changes), inputs, size, generator()).double()
    for seed, weight in enumerate(cell.parameters(), start=10):
        weight.data = draw(*weight.shape, seed=seed)
    return cell


def drawn_state(cell: Cell, batch: int) -> tuple[torch.Tensor, ...]:
    zeros = cell.initial_state(batch)
    return tuple(draw(*part.shape, seed=seed) for seed, part in enumerate(zeros, start=5))


def own_weight(cell: Cell) -> torch.Tensor | None:
    return cell.recurrent_weight if isinstance(cell, RecurrentCell) else None


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def positive(x: np.ndarray) -> np.ndarray:
    return np.where(x >= 0, x + 0.5, sigmoid(x))


def of(*tensors: torch.Tensor) -> list[np.ndarray]:
    return [tensor.detach().numpy() for tensor in tensors]


def stepped(cell: Cell, x: torch.Tensor, state: tuple[torch.Tensor, ...]) -> list[np.ndarray]:
    return of(*cell(x, state))


def test_mingru_follows_its_equations():
    cell, x = drawn_cell("mingru"), draw(5, 3)
    (h,) = state = drawn_state(cell, 5)
    weight, bias, x_, h_ = of(cell.input_weight, cell.bias, x, h)
    z, n = np.split(x_ @ weight.T + bias, 2, axis=1)
    assert (n < 0).any() and (n > 0).any()
    expected = (1 - sigmoid(z)) * h_ + sigmoid(z) * positive(n)
    np.testing.assert_allclose(stepped(cell, x, state), [expected])


def test_minlstm_follows_its_equations():
    cell, x = drawn_cell("minlstm"), draw(5, 3)
    (h,) = state = drawn_state(cell, 5)
    weight, bias, x_, h_ = of(cell.input_weight, cell.bias, x, h)
    f, i, n = np.split(x_ @ weight.T + bias, 3, axis=1)
    f, i = sigmoid(f), sigmoid(i)
    expected = f / (f + i) * h_ + i / (f + i) * positive(n)
    np.testing.assert_allclose(stepped(cell, x, state), [expected])
    fresh = make(cells("minlstm", forget_bias=1.5), 3, 2, generator())
    assert fresh.bias.tolist() == [1.5, 1.5, 0, 0, 0, 0]


@pytest.mark.parametrize("inputs", [3, 4])
def test_sru_follows_its_equations(inputs):
    cell, x = drawn_cell("sru", inputs), draw(5, inputs)
    state = drawn_state(cell, 5)
    weight, bias, v, x_, c = of(cell.input_weight, cell.bias, cell.memory_weight, x, state[1])
    candidate, forget, reset = (x_ @ block.T for block in np.split(weight, 3))
    f, r = (sigmoid(a + v[k] * c + bias[4 * k : 4 * k + 4]) for k, a in enumerate((forget, reset)))
    memory = f * c + (1 - f) * candidate
    passed = x_ if inputs == 4 else x_ @ of(cell.highway_weight)[0].T
    hidden = r * memory + (1 - r) * 3**0.5 * passed
    got_hidden, got_memory = stepped(cell, x, state)
    np.testing.assert_allclose(got_memory, memory)
    np.testing.assert_allclose(got_hidden, hidden)
    assert (cell.highway_weight is None) == (inputs == 4)


def test_hgrn2_follows_its_equations():
    cell, x = drawn_cell("hgrn2"), draw(5, 3)
    state = drawn_state(cell, 5)
    weight, bias, scale, x_, given = of(cell.input_weight, cell.bias, cell.scale, x, state[1])
    a_f, a_q, v = np.split(x_ @ weight.T + bias, 3, axis=1)
    f, q = sigmoid(a_f), a_q * sigmoid(a_q)
    for row in range(5):
        y, matrices = [], []
        for head in (slice(0, 2), slice(2, 4)):  # two heads of two units
            before = given[row].reshape(2, 2, 2)[len(matrices)]
            after = np.diag(f[row, head]) @ before + np.outer(1 - f[row, head], v[row, head])
            y.append(after.T @ q[row, head])
            matrices.append(after)
        whole = np.concatenate(y)
        hidden, memory = (part[row] for part in stepped(cell, x, state))
        np.testing.assert_allclose(memory, np.ravel(matrices))
        np.testing.assert_allclose(hidden, scale * whole / np.sqrt((whole**2).mean() + 1e-5))


@pytest.mark.parametrize("rank", [None, 2])
def test_the_mogrifier_lstm_follows_its_equations(rank):
    cell, x = drawn_cell("mogrifier", mogrifier_rounds=3, mogrifier_rank=rank), draw(5, 3)
    state = drawn_state(cell, 5)
    weight, recurrent, bias, x_, h, c = of(
        cell.input_weight, cell.recurrent_weight, cell.bias, x, *state
    )
    q_1, r_2, q_3 = (np.linalg.multi_dot(of(*factors, torch.eye(factors[-1].shape[1],
                     dtype=torch.float64))) for factors in cell.rounds)  # fmt: skip
    x_ = 2 * sigmoid(h @ q_1.T) * x_
    h = 2 * sigmoid(x_ @ r_2.T) * h
    x_ = 2 * sigmoid(h @ q_3.T) * x_
    o, i, f, g = np.split(x_ @ weight.T + bias + h @ recurrent.T, 4, axis=1)
    memory = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    got_hidden, got_memory = stepped(cell, x, state)
    np.testing.assert_allclose(got_memory, memory)
    np.testing.assert_allclose(got_hidden, sigmoid(o) * np.tanh(memory))


def test_a_mogrifier_without_rounds_is_the_lstm():
    plain, none = (
        make(cells(kind, mogrifier_rounds=0), 3, 4, generator()) for kind in ("lstm", "mogrifier")
    )
    inputs, state = draw(6, 2, 3).float(), plain.initial_state(2)
    one, other = (unroll(cell, inputs, state, cell.recurrent_weight) for cell in (plain, none))
    torch.testing.assert_close(one, other)


@pytest.mark.parametrize("inputs", [3, 4])
@pytest.mark.parametrize("kind", NEW)
def test_the_pass_is_the_steps_and_its_backward_the_gradient(kind, inputs):
    cell = drawn_cell(kind, inputs)
    x = draw(4, 3, inputs).requires_grad_()
    start = tuple(part.requires_grad_() for part in drawn_state(cell, 3))
    states, state = unroll(cell, x, start, own_weight(cell)), start
    for t in range(4):
        state = cell(x[t], state)
        for every, one in zip(states, state, strict=True):
            torch.testing.assert_close(every[t], one)

    def run(inputs, *rest):
        return unroll(cell, inputs, rest[: cell.states], own_weight(cell))

    assert torch.autograd.gradcheck(run, (x, *start, *cell.parameters()))


@pytest.mark.parametrize("kind", NEW)
def test_resets_start_from_zeros(kind):
    layers = RecurrentLayers(cells(kind), 3, 4, 2, generator())
    inputs = draw(6, 2, 3).float().requires_grad_()
    resets = torch.zeros(6, 2, dtype=torch.bool)
    resets[4, 0] = resets[2, 1] = True
    output, ends = layers(inputs, resets=resets)
    for column, start in ((0, 4), (1, 2)):
        parts = [layers(inputs[:start, [column]])[0], layers(inputs[start:, [column]])[0]]
        torch.testing.assert_close(output[:, [column]], torch.cat(parts))
    output[5, 0].sum().backward()
    assert torch.equal(inputs.grad.abs().sum((1, 2)) > 0, torch.arange(6) >= 4)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", NEW)
def test_each_sequence_ends_at_its_own_length(kind, bidirectional):
    layers = RecurrentLayers(cells(kind), 3, 4, 2, generator(), bidirectional=bidirectional)
    inputs = draw(5, 2, 3).float()
    inputs[3:, 1] = 1e3
    output, ends = layers(inputs, lengths=torch.tensor([5, 3]))
    for column, length in ((0, 5), (1, 3)):
        alone, own_ends = layers(inputs[:length, [column]])
        torch.testing.assert_close(output[:length, [column]], alone)
        for end, own_end in zip(ends, own_ends, strict=True):
            for part, own in zip(end, own_end, strict=True):
                torch.testing.assert_close(part[[column]], own)


@pytest.mark.parametrize("kind", LINEAR)
def test_any_number_of_threads_gives_the_same_bytes(kind, monkeypatch):
    monkeypatch.setattr(devices, "_PART", 1)
    found = []
    for count in (1, 3):
        with threads(count):
            cell = make(cells(kind), 4, 4, generator())
            inputs = draw(7, 5, 4).float().requires_grad_()
            states = unroll(cell, inputs, cell.initial_state(5), None)
            states[0].square().sum().backward()
            found.append([*states, inputs.grad, *(weight.grad for weight in cell.parameters())])
    for one, other in zip(*found, strict=True):
        assert one.shape == other.shape
        assert one.detach().numpy().tobytes() == other.detach().numpy().tobytes()


@pytest.mark.parametrize("kind", NEW)
def test_recurrent_dropout_acts_where_there_are_recurrent_weights(kind):
    layers = RecurrentLayers(cells(kind), 3, 4, 1, generator())
    inputs, noise = draw(5, 2, 3).float(), LayerDropout(0.0, 0.5, True, np.random.default_rng(7))
    plain, dropped = layers(inputs)[0], layers(inputs, dropout=noise)[0]
    assert torch.equal(plain, dropped) == (kind in LINEAR)


@pytest.mark.parametrize("kind", NEW)
def test_torch_has_none_of_them(kind):
    layers = RecurrentLayers(cells(kind), 3, 4, 1, generator(), backend="torch")
    with pytest.raises(UserError, match=f"cell_backend: torch has no {kind}; expected wordlab"):
        layers(draw(5, 2, 3).float())


def test_heads_divide_the_units():
    with pytest.raises(UserError, match="heads: expected a number that divides hidden_size 5"):
        make(cells("hgrn2"), 3, 5, generator())


@pytest.mark.parametrize("kind", NEW)
def test_a_language_model_is_saved_and_loaded(kind, tmp_path, repository):
    from wordlab.params.whole import load

    shipped = getattr(load(repository / "params.yaml").language_model, kind)
    params = shipped.model_copy(update={"embedding_size": 8, "hidden_size": 8})
    vocabulary = Vocabulary(tuple("abcdef"), np.ones(6, np.int64))
    model = LanguageModel(params, vocabulary, "word", seed=1)
    model.save(tmp_path / "model")
    ids = np.arange(40) % 6
    again = LanguageModel.load(tmp_path / "model")
    assert again.params.cell == kind
    np.testing.assert_array_equal(again.token_losses(ids), model.token_losses(ids))


@pytest.mark.parametrize("kind", NEW)
def test_each_learns_to_copy(kind):
    params = TaskParams(
        delays=[3], symbols=4, initialisations=["uniform"], copied=1, hidden_size=16, steps=120,
        batch_size=32, rate=0.03, clip_norm=1.0, test_sequences=200,
    )  # fmt: skip
    found = learn("copying", cells(kind), 3, params, seed=1)
    assert found["loss"] < 0.5 * np.log(4)
