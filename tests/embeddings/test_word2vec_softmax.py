import numpy as np
import pytest
import word2vec_reference as reference
from test_word2vec_kernels import LENGTH, WORDS, Case, moves_along_the_slope

from wordlab.embeddings.word2vec.stretch import BLOCK

KINDS = [("skipgram", "reference"), ("cbow", "reference"), ("cbow", "corrected")]
KEY = np.uint64(0)


def trained(case, stretch, rate):
    """Return the loss and the weights (inputs, outputs) after one pass over `stretch`."""
    loss, predictions = case.engine.train(stretch, KEY, np.full(-(-stretch.last // BLOCK), rate))
    return loss, predictions, case.exact_weights()


def test_the_step_of_one_prediction_equals_finite_differences():
    case = Case("cbow", output="full_softmax")

    def loss(inputs, outputs):
        return reference.softmax_loss(inputs, outputs, [(np.array([11]), 7)])

    moved = moves_along_the_slope(case, loss)
    assert [rows.tolist() for rows in moved] == [[11], list(range(WORDS))]


@pytest.mark.parametrize(("architecture", "gradient"), KINDS)
def test_full_softmax_equals_the_reference_block_by_block(architecture, gradient):
    case = Case(
        architecture, output="full_softmax", cbow_gradient=gradient, window=4, dimensions=21
    )
    matrices = [matrix.copy() for matrix in case.exact]
    expected, count = 0.0, 0
    for start in range(0, LENGTH, BLOCK):
        predictions = reference.predictions_of(
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
