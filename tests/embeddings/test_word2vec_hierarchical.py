import numpy as np
import pytest
import word2vec_reference as reference
from test_word2vec_kernels import LENGTH, WORDS, Case, moves_along_the_slope
from test_word2vec_softmax import KINDS

from wordlab.embeddings.word2vec import engines
from wordlab.embeddings.word2vec.hierarchical import hierarchical_block
from wordlab.embeddings.word2vec.huffman import paths
from wordlab.embeddings.word2vec.stretch import BLOCK

SHAPES = [{}, {"window": 1, "dimensions": 16}, {"window": 7, "dimensions": 33}]


def tree_case(architecture, gradient="reference", **changes):
    """Return a Case whose nodes take steps of different sizes."""
    case = Case(architecture, output="hierarchical_softmax", cbow_gradient=gradient, **changes)
    case.steps = np.random.default_rng(3).uniform(0.1, 1, WORDS - 1).astype(np.float32)
    tree = case.engine.tree
    case.engine.tree = tree._replace(steps=case.steps[tree.nodes])
    return case


def path_of(case):
    tree = case.engine.tree

    def path(word):
        span = slice(tree.starts[word], tree.starts[word + 1])
        return list(zip(tree.nodes[span], tree.turns[span], strict=True))

    return path


def expected_of(case, matrices, start, gradient):
    """Return loss, number of predictions and steps of the block at `start`, by the reference."""
    cbow = case.settings.cbow
    found = reference.predictions_of(case.stretch, start, min(LENGTH, start + BLOCK), cbow)
    loss = reference.path_loss(*matrices, found, path_of(case))
    by_input, by_output = reference.path_gradients(
        *matrices, found, path_of(case), gradient == "corrected"
    )
    by_output[: WORDS - 1] *= case.steps[:, None]
    return loss, len(found), (by_input, by_output)


@pytest.mark.parametrize(("architecture", "gradient"), KINDS)
@pytest.mark.parametrize("changes", SHAPES)
@pytest.mark.parametrize("start", [0, BLOCK, LENGTH // BLOCK * BLOCK])
def test_a_block_equals_the_reference(architecture, gradient, changes, start):
    case = tree_case(architecture, gradient, **changes)
    engine = case.engine
    loss, predictions = hierarchical_block(
        case.weights, case.stretch, start, engine.tree, case.settings, engine.workspaces[0],
        engine.gradients, 0,
    )  # fmt: skip
    expected = expected_of(case, case.exact, start, gradient)
    assert (loss, predictions) == (pytest.approx(expected[0], rel=1e-5), expected[1])
    for ours, theirs in zip(case.sums(), expected[2], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


@pytest.mark.parametrize(("architecture", "gradient"), KINDS)
def test_a_stretch_takes_the_gradients_of_a_batch_at_the_same_weights(
    monkeypatch, architecture, gradient
):
    blocks = 2
    monkeypatch.setattr(engines, "batch_words", lambda *_: blocks * BLOCK)
    case = tree_case(architecture, gradient)
    rates = np.linspace(0.05, 0.02, -(-LENGTH // BLOCK))
    matrices, loss = case.exact, 0.0
    for first in range(0, len(rates), blocks):
        moved = [matrix.copy() for matrix in matrices]
        for block in range(first, min(first + blocks, len(rates))):
            of_block = expected_of(case, matrices, block * BLOCK, gradient)
            loss += of_block[0]
            for matrix, change in zip(moved, of_block[2], strict=True):
                matrix += rates[block] * change
        matrices = moved
    found, _ = case.engine.train(case.stretch, np.uint64(0), rates)
    assert found == pytest.approx(loss, rel=1e-5)
    for ours, theirs in zip(case.exact_weights(), matrices, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_step_of_one_prediction_equals_finite_differences():
    case = tree_case("cbow")
    tree = case.engine.tree
    case.engine.tree = tree._replace(steps=np.ones_like(tree.steps))

    def loss(inputs, outputs):
        return reference.path_loss(inputs, outputs, [(np.array([11]), 7)], path_of(case))

    moved = moves_along_the_slope(case, loss)
    assert moved[0].tolist() == [11]
    assert moved[1].tolist() == sorted(node for node, _ in path_of(case)(7))


def test_the_probabilities_of_all_words_sum_to_one():
    case = tree_case("skipgram")
    losses = [
        reference.path_loss(*case.exact, [(np.array([3]), word)], path_of(case))
        for word in range(WORDS)
    ]
    assert np.exp(-np.array(losses)).sum() == pytest.approx(1)
    assert len(set(np.round(losses, 3))) > WORDS / 2


def test_how_often_each_node_is_passed_by_hand():
    tree = paths(np.array([8, 4, 2, 1]))
    found = engines.passed(np.array([8, 4, 2, 1]) / 15, tree)
    assert sorted((found * 15).round(9).tolist()) == [3, 7, 15]
    assert found[2] == 1, "the root"


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_only_nodes_that_a_batch_moves_far_take_smaller_steps(architecture):
    case = Case(architecture, output="hierarchical_softmax")
    tree, counts = case.engine.tree, case.vocabulary.counts
    contexts = 1 if architecture == "cbow" else case.params.window + 1
    passed = engines.passed(counts / counts.sum(), paths(counts))
    moves = (case.params.rate * case.settings.batch_blocks * BLOCK * contexts * passed)[tree.nodes]
    bound = engines.STEP_BOUND[architecture]
    assert tree.steps[moves < bound] == pytest.approx(1)
    assert (tree.steps * moves)[moves > bound] == pytest.approx(bound)
    assert (moves > bound).any() and (moves < bound).any()
