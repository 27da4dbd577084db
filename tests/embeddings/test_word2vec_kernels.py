import numpy as np
import pytest
import word2vec_reference as reference

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.word2vec import engines, kernels
from wordlab.embeddings.word2vec.stretch import BLOCK, Stretch
from wordlab.params.embeddings import Word2vecParams

WORDS = 40
LENGTH = 75


def params(**changes):
    values = {
        "dimensions": 20, "window": 3, "dynamic_window": True, "output": "negative_sampling",
        "negatives": 4, "noise_exponent": 0.75, "subsample": 0.0, "subsample_formula": "reference",
        "rate": 0.05, "rate_floor": 1e-4, "epochs": 1, "cbow_gradient": "reference",
        "vectors": "input", "score_epochs": False,
    }  # fmt: skip
    return Word2vecParams(**(values | changes))


class Case:
    """A small corpus of three documents, weights of size 1, and the engine that trains them."""

    def __init__(self, architecture, **changes):
        generator = np.random.default_rng(5)
        tokens = generator.integers(0, WORDS, LENGTH).astype(np.int32)
        self.vocabulary = Vocabulary(
            tuple(f"w{i:02}" for i in range(WORDS)), np.arange(WORDS, 0, -1, dtype=np.int64)
        )
        self.params = params(**changes)
        engine = engines.ENGINES[self.params.output]
        self.engine = engine(self.vocabulary, self.params, architecture, seed=1, threads=1)
        self.settings = self.engine.settings
        self.weights = self.engine.weights
        d = self.params.dimensions
        for matrix in self.weights:
            matrix[:WORDS, :d] = generator.normal(size=(WORDS, d)) / np.sqrt(d)
        widths = generator.integers(1, self.params.window + 1, LENGTH).astype(np.int32)
        documents = np.repeat([0, 1, 2], [1, 40, LENGTH - 41]).astype(np.int32)
        self.stretch = Stretch(tokens, documents, widths, 0, LENGTH)
        self.exact = self.exact_weights()

    def exact_weights(self):
        """Return inputs and outputs as they are now, without padding, in float64."""
        d = self.params.dimensions
        return [matrix[:WORDS, :d].astype(np.float64) for matrix in self.weights]

    def block(self, start):
        """Return (loss, predictions, gradients, noise words) of the kernel's block at `start`."""
        run = kernels.cbow_block if self.settings.cbow else kernels.skipgram_block
        engine = self.engine
        loss, predictions = run(
            self.weights, self.stretch, start, engine.noise, np.uint64(9), self.settings,
            engine.workspaces[0], engine.gradients, 0,
        )  # fmt: skip
        noise = engine.gradients.output_ids[0][-self.settings.noise_rows :].copy()
        return loss, predictions, self.sums(), noise

    def sums(self):
        """Return the gradients of inputs and outputs in the first slot, row by row summed."""
        sums, found = [], self.engine.gradients
        for ids, rows in (
            (found.input_ids[0], found.inputs[0]), (found.output_ids[0], found.outputs[0])
        ):  # fmt: skip
            total = np.zeros((WORDS, self.weights.inputs.shape[1]))
            np.add.at(total, ids[ids >= 0], rows[ids >= 0])
            assert not total[:, self.params.dimensions :].any()
            sums.append(total[:, : self.params.dimensions])
        return sums


PAIR = Stretch(*(np.array(of, dtype=np.int32) for of in ([7, 11], [0, 0], [1, 1])), 0, 1)
"""Two words alone, of which the first is predicted from the second."""


def moves_along_the_slope(case, loss):
    """Check that training on PAIR moves the weights by the rate times minus the slope of `loss`.

    Returns which rows of inputs and of outputs it moved.
    """
    rate, step = 1e-2, 1e-5
    _, predictions = case.engine.train(PAIR, np.uint64(0), np.array([rate]))
    assert predictions == 1
    generator, rows = np.random.default_rng(0), []
    for side, (new, old) in enumerate(zip(case.exact_weights(), case.exact, strict=True)):
        change = (new - old) / rate
        rows.append(np.flatnonzero(np.abs(change).sum(axis=1)))
        for word in rows[-1]:
            place = word, generator.integers(case.params.dimensions)
            either = []
            for sign in (1, -1):
                moved = [matrix.copy() for matrix in case.exact]
                moved[side][place] += sign * step
                either.append(loss(*moved))
            slope = (either[0] - either[1]) / (2 * step)
            assert change[place] == pytest.approx(-slope, abs=1e-4)
    return rows


CASES = [
    ("skipgram", {}),
    ("skipgram", {"window": 1, "dimensions": 16}),
    ("skipgram", {"window": 7, "negatives": 11, "dimensions": 33}),
    ("cbow", {}),
    ("cbow", {"cbow_gradient": "corrected"}),
    ("cbow", {"window": 7, "negatives": 11, "dimensions": 33}),
]


@pytest.mark.parametrize(("architecture", "changes"), CASES)
@pytest.mark.parametrize("start", [0, BLOCK, 2 * BLOCK])
def test_a_block_equals_the_reference(architecture, changes, start):
    case = Case(architecture, **changes)
    loss, predictions, found, noise = case.block(start)
    stop = min(start + BLOCK, LENGTH)
    of_block = (*case.exact, case.stretch, start, stop, noise, case.settings.noise_weight)
    if architecture == "cbow":
        expected = reference.cbow_loss(*of_block)
        gradients = reference.cbow_gradients(*of_block, case.settings.corrected)
    else:
        expected = reference.skipgram_loss(*of_block)
        gradients = reference.skipgram_gradients(*of_block)
    assert (loss, predictions) == (pytest.approx(expected[0], rel=1e-5), expected[1])
    for ours, theirs in zip(found, gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_gradients_equal_finite_differences(architecture):
    case = Case(architecture, cbow_gradient="corrected")
    _, _, found, noise = case.block(BLOCK)
    of_block = (case.stretch, BLOCK, 2 * BLOCK, noise, case.settings.noise_weight)
    loss = reference.cbow_loss if architecture == "cbow" else reference.skipgram_loss
    generator = np.random.default_rng(0)
    for side in (0, 1):
        used = np.flatnonzero(np.abs(found[side]).sum(axis=1))
        for word in generator.choice(used, 8, replace=False):
            d, step = generator.integers(case.params.dimensions), 1e-5
            either = []
            for sign in (1, -1):
                moved = [matrix.copy() for matrix in case.exact]
                moved[side][word, d] += sign * step
                either.append(loss(*moved, *of_block)[0])
            slope = (either[1] - either[0]) / (2 * step)
            assert found[side][word, d] == pytest.approx(slope, abs=2e-5)


def test_blocks_cover_every_pair_once():
    case = Case("skipgram")
    found = sum(case.block(start)[1] for start in range(0, LENGTH, BLOCK))
    assert found == sum(len(contexts) for _, contexts in reference.windows(case.stretch))


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_a_stretch_applies_what_the_blocks_say(architecture):
    case = Case(architecture, rate=1e-3)  # low, for a batch of more than one block
    case.engine.occurrence_bound = 1e9
    assert case.settings.batch_blocks >= 5
    expected = [matrix.copy() for matrix in case.exact]
    rates = np.linspace(0.05, 0.02, -(-LENGTH // BLOCK))
    for rate, start in zip(rates, range(0, LENGTH, BLOCK), strict=True):
        _, _, found, _ = case.block(start)
        for matrix, change in zip(expected, found, strict=True):
            matrix += rate * change
    case.engine.train(case.stretch, np.uint64(9), rates)
    for live, matrix in zip(case.weights, expected, strict=True):
        np.testing.assert_allclose(live[:WORDS, : case.params.dimensions], matrix, atol=1e-5)
