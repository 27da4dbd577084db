import numpy as np
import pytest
import word2vec_reference as reference
from test_word2vec_kernels import LENGTH, PAIR, WORDS, Case, moves_along_the_slope, params
from test_word2vec_softmax import KINDS

from wordlab.corpus.vocabulary import Vocabulary
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
    case.engine.tree = tree._replace(steps=case.steps[tree.paths.nodes])
    return case


def path_of(case):
    tree = case.engine.tree.paths

    def path(word):
        span = slice(tree.starts[word], tree.starts[word + 1])
        return list(zip(tree.nodes[span], tree.turns[span], strict=True))

    return path


def expected_of(case, matrices, start, gradient):
    """Return loss, number of predictions and steps of the block at `start`, by the reference."""
    cbow, stop = case.settings.cbow, min(case.stretch.last, start + BLOCK)
    found = reference.predictions_of(case.stretch, start, stop, cbow)
    loss = reference.path_loss(*matrices, found, path_of(case))
    by_input, by_output = reference.path_gradients(
        *matrices, found, path_of(case), gradient == "corrected"
    )
    by_output[: WORDS - 1] *= case.steps[:, None]
    return loss, len(found), (by_input, by_output)


def block_of(case, stretch, start):
    """Return (loss, predictions, gradients) of the kernel's block of `stretch` at `start`."""
    engine = case.engine
    loss, predictions = hierarchical_block(
        case.weights, stretch, start, engine.tree, case.settings, engine.workspaces[0],
        engine.gradients, 0,
    )  # fmt: skip
    return loss, predictions, case.sums()


@pytest.mark.parametrize(("architecture", "gradient"), KINDS)
@pytest.mark.parametrize("changes", SHAPES)
@pytest.mark.parametrize(("first", "last"), [(0, LENGTH), (5, 70)])
def test_blocks_equal_the_reference(architecture, gradient, changes, first, last):
    """One after the other in the same workspace, as in a stretch."""
    case = tree_case(architecture, gradient, **changes)
    case.stretch = case.stretch._replace(first=first, last=last)
    for start in range(first, last, BLOCK):
        loss, predictions, found = block_of(case, case.stretch, start)
        expected = expected_of(case, case.exact, start, gradient)
        assert (loss, predictions) == (pytest.approx(expected[0], rel=1e-5), expected[1])
        for ours, theirs in zip(found, expected[2], strict=True):
            np.testing.assert_allclose(ours, theirs, atol=2e-5)


@pytest.mark.parametrize(("architecture", "gradient"), KINDS)
def test_a_block_of_lone_words_predicts_nothing_whatever_was_there_before(architecture, gradient):
    case = tree_case(architecture, gradient)
    block_of(case, case.stretch, BLOCK)
    lone = case.stretch._replace(documents=np.arange(LENGTH, dtype=np.int32))
    loss, predictions, found = block_of(case, lone, BLOCK)
    assert (loss, predictions) == (0, 0)
    assert (case.engine.gradients.output_ids[0] == -1).all()
    assert not found[0].any() and not found[1].any()


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_two_words_are_told_apart_by_one_node(architecture):
    vocabulary = Vocabulary(("a", "b"), np.array([3, 2]))
    settings = params(output="hierarchical_softmax", window=1)
    engine = engines.ENGINES[settings.output](vocabulary, settings, architecture, 1, 1)
    inputs = engine.weights.inputs[:2, : settings.dimensions].astype(np.float64)
    pair = PAIR._replace(tokens=np.array([0, 1], dtype=np.int32))
    loss, _ = engine.train(pair, np.uint64(0), np.array([0.5]))
    expected = 0.5 * 0.5 * inputs[int(architecture == "cbow")] * engine.tree.steps[0]
    root = engine.weights.outputs[0, : settings.dimensions]
    assert loss == pytest.approx(np.log(2))
    np.testing.assert_allclose(np.abs(root), np.abs(expected), rtol=1e-5)


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
    case = tree_case("cbow")
    losses = [
        block_of(case, PAIR._replace(tokens=np.array([word, 3], dtype=np.int32)), 0)[0]
        for word in range(WORDS)
    ]
    assert np.exp(-np.array(losses)).sum() == pytest.approx(1, abs=1e-5)
    assert len(set(np.round(losses, 3))) > WORDS / 2


def test_how_often_each_node_is_passed_by_hand():
    tree = paths(np.array([8, 4, 2, 1]))
    found = engines.passed(np.array([8, 4, 2, 1]) / 15, tree)
    assert sorted((found * 15).round(9).tolist()) == [3, 7, 15]
    assert found[2] == 1, "the root"


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_only_nodes_that_a_batch_moves_far_take_smaller_steps(architecture):
    case = Case(architecture, output="hierarchical_softmax")
    counts = case.vocabulary.counts
    found = engines.node_steps(case.vocabulary, case.params, paths(counts), case.settings)
    np.testing.assert_array_equal(case.engine.tree.steps, found[case.engine.tree.paths.nodes])
    contexts = 1 if architecture == "cbow" else (case.params.window + 1)
    shares = engines.passed(counts / counts.sum(), paths(counts))
    moves = case.params.rate * case.settings.batch_blocks * BLOCK * contexts * shares
    bound = engines.STEP_BOUND[architecture]
    assert found[moves < bound] == pytest.approx(1)
    assert (found * moves)[moves > bound] == pytest.approx(bound)
    assert (moves > bound).any() and (moves < bound).any()
