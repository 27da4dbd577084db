"""GloVe against finite differences, a sequential reference and itself."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from wordlab import checkpoints
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import glove
from wordlab.embeddings.counts.cooccurrence import Counts
from wordlab.embeddings.glove import step_paper, step_reference
from wordlab.errors import UserError
from wordlab.params.embeddings import GloveParams
from wordlab.rng import stream


def settings(**changes) -> GloveParams:
    plain = {
        "dimensions": 6,
        "iterations": 4,
        "rate": 0.05,
        "x_max": 5.0,
        "exponent": 0.75,
        "adagrad": "reference",
        "vectors": "sum",
    }
    return GloveParams(**{**plain, **changes})


@pytest.fixture(scope="module")
def counts() -> Counts:
    """A symmetric table of 50 words, more common words more often together."""
    rng = np.random.default_rng(0)
    expected = 40 / np.outer(np.arange(1, 51), np.arange(1, 51)) ** 0.7
    table = rng.poisson(expected)
    table = np.triu(table) + np.triu(table, 1).T
    vocabulary = Vocabulary(tuple(f"w{i}" for i in range(50)), np.arange(50, 0, -1))
    return Counts(vocabulary, csr_array(table.astype(np.float32)))


def cost_of(x: float, word: np.ndarray, context: np.ndarray, params: GloveParams) -> float:
    """The cost of one cell, by equation 8 of Pennington et al. 2014; biases stand last."""
    error = word[:-1] @ context[:-1] + word[-1] + context[-1] - np.log(x)
    return 0.5 * min(1.0, (x / params.x_max) ** params.exponent) * error**2


def slopes(x: float, word: np.ndarray, context: np.ndarray, params: GloveParams) -> np.ndarray:
    """The gradient of `cost_of` by central differences, (2, D + 1)."""
    both = np.stack([word, context])
    gradient = np.zeros_like(both)
    for place in np.ndindex(both.shape):
        step = np.zeros_like(both)
        step[place] = 1e-6
        up, down = (cost_of(x, *(both + sign * step), params) for sign in (1, -1))
        gradient[place] = (up - down) / 2e-6
    return gradient


@pytest.mark.parametrize("x", [0.4, 5.0, 70.0])
@pytest.mark.parametrize("adagrad", ["reference", "paper"])
def test_one_step_follows_the_gradient(x, adagrad):
    params, rng = settings(), np.random.default_rng(1)
    words, contexts = rng.normal(size=(2, 1, 7))
    squares = np.full((2, 1, 7), 1.0 if adagrad == "reference" else 1e12)
    before = np.stack([words[0], contexts[0]])
    weight = min(1.0, (x / params.x_max) ** params.exponent)
    step = step_reference if adagrad == "reference" else step_paper
    cost = step(
        np.array([0, 1]), np.zeros(1, np.uint16), np.zeros(1, np.uint16),
        np.array([np.log(x)]), np.array([weight]),
        words, squares[0], contexts, squares[1], 1e-3,
    )  # fmt: skip
    gradient = slopes(x, *before, params)
    taken = before - np.stack([words[0], contexts[0]])
    assert cost == pytest.approx(cost_of(x, *before, params), rel=1e-12)
    if adagrad == "reference":
        rates = np.append(np.full(6, 1e-3), 1.0)  # biases go without the rate
        np.testing.assert_allclose(taken, rates * gradient, rtol=1e-5)
        np.testing.assert_allclose(
            squares[:, 0] - 1, (rates * gradient) ** 2, rtol=1e-4, atol=1e-12
        )
    else:
        np.testing.assert_allclose(taken, 1e-3 * gradient / 1e6, rtol=1e-5, atol=1e-14)


def test_the_paper_s_first_step_is_the_rate_in_the_gradient_s_direction():
    rng = np.random.default_rng(2)
    words, contexts = rng.normal(size=(2, 1, 7))
    before = np.stack([words[0], contexts[0]])
    squares = np.zeros((2, 1, 7))
    one = np.zeros(1, np.uint16)
    step_paper(
        np.array([0, 1]), one, one, np.zeros(1), np.ones(1),
        words, squares[0], contexts, squares[1], 0.05,
    )  # fmt: skip
    taken = before - np.stack([words[0], contexts[0]])
    np.testing.assert_allclose(taken, 0.05 * np.sign(slopes(1.0, *before, settings(x_max=1.0))))


def sequential(counts: Counts, params: GloveParams, seed: int) -> tuple[np.ndarray, list[float]]:
    """Train in plain NumPy, one cell after another, in the order of the blocks."""
    size, d = len(counts.vocabulary), params.dimensions
    groups = glove.group_count(size, d)
    shape = (groups, -(-size // groups), d + 1)
    w, c = (
        ((stream(seed, "glove", name).random(shape, np.float32) - 0.5) / d).astype(np.float64)
        for name in ("words", "contexts")
    )
    code = params.adagrad == "reference"
    gw, gc = np.full(shape, float(code)), np.full(shape, float(code))
    rates = np.append(np.full(d, params.rate), 1.0 if code else params.rate)
    cells = counts.matrix.tocoo()
    rows, columns = cells.coords
    costs = []
    for iteration in range(1, params.iterations + 1):
        total = 0.0
        for shift in stream(seed, "glove", "rounds", iteration).permutation(groups):
            here = np.flatnonzero((columns - rows) % groups == shift)
            for k in here[np.lexsort((columns[here], rows[here], rows[here] % groups))]:
                i = rows[k] % groups, rows[k] // groups
                j = columns[k] % groups, columns[k] // groups
                x = cells.data[k]
                total += cost_of(x, w[i], c[j], params)
                error = w[i][:-1] @ c[j][:-1] + w[i][-1] + c[j][-1] - np.log(x)
                slope = min(1.0, (x / params.x_max) ** params.exponent) * error
                step_w = slope * np.append(c[j][:-1], 1.0)
                step_c = slope * np.append(w[i][:-1], 1.0)
                for weight, square, step, at in ((w, gw, step_w, i), (c, gc, step_c, j)):
                    if code:
                        step = rates * np.append(np.clip(step[:-1], -100, 100), step[-1])
                        weight[at] -= step / np.sqrt(square[at])
                        square[at] += step**2
                    else:
                        square[at] += step**2
                        weight[at] -= rates * step / np.sqrt(square[at] + 1e-12)
        costs.append(total / len(rows))
    picked = {"word": w, "context": c, "sum": w + c}[params.vectors]
    return picked[..., :-1].transpose(1, 0, 2).reshape(-1, d)[:size], costs


@pytest.mark.parametrize("adagrad", ["reference", "paper"])
@pytest.mark.parametrize("vectors", ["word", "context", "sum"])
def test_blocked_training_equals_a_sequential_reference(counts, adagrad, vectors):
    params = settings(iterations=2, adagrad=adagrad, vectors=vectors)
    costs: list[float] = []
    found = glove.train(
        counts, params, seed=3, on_iteration=lambda _, metrics: costs.append(metrics["cost"])
    )
    expected, expected_costs = sequential(counts, params, seed=3)
    np.testing.assert_allclose(costs, expected_costs, rtol=1e-4)
    np.testing.assert_allclose(found.matrix, expected, atol=2e-4)


def test_same_bytes_at_any_number_of_threads_other_bytes_for_another_seed(counts):
    runs = [
        glove.train(counts, settings(), seed=seed, threads=threads).matrix.tobytes()
        for seed, threads in ((1, 1), (1, 2), (1, 5), (2, 1))
    ]
    assert runs[0] == runs[1] == runs[2]
    assert runs[0] != runs[3]


def test_the_cost_falls(counts):
    for adagrad in ("reference", "paper"):
        costs: list[float] = []
        glove.train(
            counts,
            settings(adagrad=adagrad, iterations=8),
            seed=0,
            on_iteration=lambda _, metrics: costs.append(metrics["cost"]),  # noqa: B023
        )
        assert np.all(np.diff(costs) < 0)


class Interrupted(Exception):
    """Stands for a kill."""


def test_resumed_equals_uninterrupted(counts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    whole: list[float] = []
    expected = glove.train(
        counts, settings(), seed=0, on_iteration=lambda _, m: whole.append(m["cost"])
    )

    def stop_at_3(iteration: int, metrics: object) -> None:
        if iteration == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        glove.train(counts, settings(), seed=0, on_iteration=stop_at_3, checkpoint=checkpoint)
    resumed: list[float] = []
    found = glove.train(
        counts,
        settings(),
        seed=0,
        on_iteration=lambda _, m: resumed.append(m["cost"]),
        checkpoint=checkpoint,
    )
    assert found.matrix.tobytes() == expected.matrix.tobytes()
    assert resumed == whole
    other = settings(rate=0.04)
    afresh = glove.train(counts, other, seed=0, checkpoint=checkpoint)
    assert afresh.matrix.tobytes() == glove.train(counts, other, seed=0).matrix.tobytes()


def test_stops_on_the_way_equal_shorter_trainings(counts):
    stops = dict(glove.train_and_stop_by(counts, settings(), (1, 3), seed=0))
    assert list(stops) == [1, 3]
    for iterations, vectors in stops.items():
        alone = glove.train(counts, settings(iterations=iterations), seed=0)
        assert vectors.matrix.tobytes() == alone.matrix.tobytes()
        assert vectors.description == alone.description


def test_a_rate_too_high_stops_with_the_iteration_and_the_setting(counts):
    with pytest.raises(UserError, match=r"glove\.rate.*iteration 1;"):
        glove.train(counts, settings(rate=1e30, adagrad="paper"), seed=0)


def test_three_words_are_enough():
    table = np.array([[0, 2, 1], [2, 0, 3], [1, 3, 0]], np.float32)
    few = Counts(Vocabulary(("a", "b", "c"), np.array([3, 2, 1])), csr_array(table))
    costs: list[float] = []
    found = glove.train(
        few, settings(iterations=200), seed=0, on_iteration=lambda _, m: costs.append(m["cost"])
    )
    assert found.matrix.shape == (3, 6)
    assert costs[-1] < 0.01 * costs[0]


def test_groups_fit_the_cache_and_16_bits():
    assert glove.group_count(3, 100) == glove.FEWEST_GROUPS
    groups = glove.group_count(70_000, 100)
    assert 70_000 / groups * 101 * 2 * 4 <= glove.CACHE
    assert -(-(10**8) // glove.group_count(10**8, 100)) <= 2**16
