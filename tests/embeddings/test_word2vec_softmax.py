import numpy as np
import pytest
import word2vec_reference as reference
from test_word2vec_kernels import LENGTH, WORDS, Case

from wordlab.embeddings.word2vec import softmax
from wordlab.embeddings.word2vec.softmax import paths
from wordlab.embeddings.word2vec.stretch import BLOCK, Stretch

KINDS = [("skipgram", "reference"), ("cbow", "reference"), ("cbow", "corrected")]
KEY = np.uint64(0)


def softmax_case(output, architecture, gradient="reference", **changes):
    return Case(architecture, output=output, cbow_gradient=gradient, **changes)


def trained(case, stretch, rate):
    """Return the loss and the weights (inputs, outputs) after one pass over `stretch`."""
    loss, predictions = case.engine.train(stretch, KEY, np.full(-(-stretch.last // BLOCK), rate))
    d = case.params.dimensions
    return loss, predictions, [matrix[:WORDS, :d] for matrix in case.weights]


def path_of(case):
    tree = case.engine.paths

    def path(word):
        span = slice(tree.starts[word], tree.starts[word + 1])
        return list(zip(tree.nodes[span], tree.turns[span], strict=True))

    return path


def slope(loss, matrices, side, place):
    """Return the derivative of loss(*matrices) by matrices[side][place], by central differences."""
    either = []
    for step in (1e-5, -1e-5):
        moved = [matrix.copy() for matrix in matrices]
        moved[side][place] += step
        either.append(loss(*moved))
    return (either[0] - either[1]) / 2e-5


@pytest.mark.parametrize(("architecture", "gradient"), KINDS)
def test_hierarchical_softmax_equals_the_reference(architecture, gradient):
    case = softmax_case("hierarchical_softmax", architecture, gradient, window=4, dimensions=21)
    inputs, outputs = (matrix.copy() for matrix in case.exact)
    expected = reference.train_hierarchical(
        inputs, outputs, case.stretch, path_of(case), 0.05,
        architecture == "cbow", gradient == "corrected",
    )  # fmt: skip
    loss, predictions, found = trained(case, case.stretch, 0.05)
    windows = [contexts for _, contexts in reference.windows(case.stretch) if contexts]
    assert predictions == (len(windows) if architecture == "cbow" else sum(map(len, windows)))
    assert loss == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(found[0], inputs, atol=1e-5)
    np.testing.assert_allclose(found[1], outputs, atol=1e-5)


def test_the_probabilities_of_hierarchical_softmax_sum_to_one():
    case = softmax_case("hierarchical_softmax", "skipgram")
    hidden = case.weights.inputs[3].copy()
    nodes, change = case.weights.outputs, np.zeros_like(hidden)
    losses = [
        softmax.descend(case.engine.paths, word, hidden, nodes, 0.0, change)
        for word in range(WORDS)
    ]
    assert np.exp(-np.array(losses)).sum() == pytest.approx(1, abs=1e-5)
    assert len(set(np.round(losses, 3))) > WORDS / 2


@pytest.mark.parametrize("output", ["hierarchical_softmax", "full_softmax"])
def test_the_step_of_one_prediction_equals_finite_differences(output):
    """Two words alone, the one predicted from the other: the step is rate times the slope."""
    case = softmax_case(output, "cbow")
    pair = Stretch(*(np.array(of, dtype=np.int32) for of in ([7, 11], [0, 0], [1, 1])), 0, 1)
    if output == "full_softmax":

        def loss(inputs, outputs):
            return reference.softmax_loss(inputs, outputs, [(np.array([11]), 7)])
    else:

        def loss(inputs, outputs):
            return reference.path_loss(inputs[11], outputs, path_of(case)(7))

    _, predictions, found = trained(case, pair, 1e-2)
    assert predictions == 1
    changes = [(new - old) / 1e-2 for new, old in zip(found, case.exact, strict=True)]
    generator = np.random.default_rng(0)
    moved = [np.flatnonzero(np.abs(change).sum(axis=1)) for change in changes]
    assert moved[0].tolist() == [11]
    assert len(moved[1]) == (WORDS if output == "full_softmax" else len(path_of(case)(7)))
    for side in (0, 1):
        for word in moved[side]:
            place = word, generator.integers(case.params.dimensions)
            assert changes[side][place] == pytest.approx(
                -slope(loss, case.exact, side, place), abs=1e-4
            )


@pytest.mark.parametrize(("architecture", "gradient"), KINDS)
def test_full_softmax_equals_the_reference_block_by_block(architecture, gradient):
    case = softmax_case("full_softmax", architecture, gradient, window=4, dimensions=21)
    matrices = [matrix.copy() for matrix in case.exact]
    expected, count = 0.0, 0
    for start in range(0, LENGTH, BLOCK):
        predictions = reference.softmax_predictions(
            case.stretch, start, min(LENGTH, start + BLOCK), architecture == "cbow"
        )
        expected += reference.softmax_loss(*matrices, predictions)
        count += len(predictions)
        gradients = reference.softmax_gradients(*matrices, predictions, gradient == "corrected")
        for matrix, change in zip(matrices, gradients, strict=True):
            matrix += 0.05 * change
    loss, predicted, found = trained(case, case.stretch, 0.05)
    assert predicted == count
    assert loss == pytest.approx(expected, rel=1e-5)
    for ours, theirs in zip(found, matrices, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def lengths(counts):
    return np.diff(paths(np.array(counts, dtype=np.int64)).starts).tolist()


def test_a_tree_by_hand():
    assert lengths([8, 4, 2, 1]) == [1, 2, 3, 3]
    assert lengths([1, 1, 1, 1]) == [2, 2, 2, 2]
    assert lengths([5, 3]) == [1, 1]


@pytest.mark.parametrize("size", [2, 3, 50, 333])
def test_codes_are_complete_distinct_and_optimal(size):
    counts = np.sort(np.random.default_rng(size).zipf(1.3, size).clip(max=10**6))[::-1].copy()
    tree = paths(counts)
    found = np.diff(tree.starts)
    assert (0.5**found).sum() == 1
    assert (tree.nodes[tree.starts[:-1]] == size - 2).all()
    assert set(tree.nodes.tolist()) == set(range(size - 1))
    codes = {
        tuple(zip(tree.nodes[a:b].tolist(), tree.turns[a:b].tolist(), strict=True))
        for a, b in zip(tree.starts[:-1], tree.starts[1:], strict=True)
    }
    assert len(codes) == size
    share = counts / counts.sum()
    entropy = -(share * np.log2(share)).sum()
    assert entropy <= share @ found < entropy + 1
