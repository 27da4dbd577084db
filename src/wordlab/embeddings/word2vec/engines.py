"""The output layers of word2vec: how each trains the weights on a stretch of the corpus."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wordlab import rng
from wordlab.corpus import sampling
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.word2vec import softmax_kernels, stretch_kernels
from wordlab.embeddings.word2vec.huffman import paths
from wordlab.embeddings.word2vec.kernels import BLOCK, Gradients, Settings, Weights, Workspace
from wordlab.embeddings.word2vec.llvm import TILE_ROWS
from wordlab.embeddings.word2vec.sampling_kernels import Noise, Stretch
from wordlab.embeddings.word2vec.stretch_kernels import Progress
from wordlab.errors import UserError
from wordlab.params.embeddings import Word2vecParams

Architecture = Literal["skipgram", "cbow"]

LARGEST_BATCH = 128
"""Words, at most, whose gradients are taken at the same weights."""
STEP_BOUND = 2.0
"""The rate times the updates of the commonest row in one batch stays below this."""
FULL_SOFTMAX_HOURS = 2.0
"""The full softmax is refused where it would take longer."""
_FULL_SOFTMAX_SPEED = 1.5e10


class Engine(ABC):
    """Trains `weights` on one stretch after the other; one kind for each output layer."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        params: Word2vecParams,
        architecture: Architecture,
        seed: int,
        threads: int,
    ) -> None:
        cbow = architecture == "cbow"
        noise_rows = noise_words(params.negatives)
        self.settings = Settings(
            words=len(vocabulary),
            dimensions=params.dimensions,
            window=params.window,
            noise_rows=noise_rows,
            noise_weight=params.negatives / noise_rows,
            cbow=cbow,
            corrected=cbow and params.cbow_gradient == "corrected",
            lock_free=params.mode == "lock_free",
            batch_blocks=batch_words(vocabulary, params, architecture) // BLOCK,
            rate_floor=params.rate * params.rate_floor,
        )
        self.threads = threads
        self.prepare(vocabulary, params)
        self.weights = initial_weights(len(vocabulary), params.dimensions, seed)

    @abstractmethod
    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        """Allocate what the layer needs; raise UserError if it cannot serve."""

    @abstractmethod
    def train(
        self, stretch: Stretch, key: np.uint64, rates: tuple[float, float]
    ) -> tuple[float, int]:
        """Train on a stretch at rates from rates[0] to rates[1]; return loss and predictions."""

    def blocks(
        self, stretch: Stretch, rates: tuple[float, float]
    ) -> Iterator[tuple[int, int, float]]:
        """Yield (start, stop, rate) of each block of a stretch."""
        starts = range(stretch.first, stretch.last, BLOCK)
        slope = (rates[1] - rates[0]) / max(1, len(starts))
        for k, start in enumerate(starts):
            rate = max(rates[0] + slope * k, self.settings.rate_floor)
            yield start, min(stretch.last, start + BLOCK), rate


class _NegativeSampling(Engine):
    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        settings = self.settings
        self.noise = Noise(
            *sampling.alias_table(
                sampling.noise_probabilities(vocabulary.counts, params.noise_exponent)
            )
        )
        padded = _up(params.dimensions, 16)
        around = _up(BLOCK + 2 * settings.window, TILE_ROWS)
        rows_in = around if settings.cbow else BLOCK
        rows_out = (BLOCK if settings.cbow else around) + settings.noise_rows
        self.threads = min(self.threads, settings.batch_blocks)
        slots = self.threads * settings.batch_blocks
        self.gradients = Gradients(
            np.empty((slots, rows_in), dtype=np.int32),
            aligned((slots, rows_in, padded)),
            np.empty((slots, rows_out), dtype=np.int32),
            aligned((slots, rows_out, padded)),
        )
        self.workspaces = [
            Workspace(
                rows_in=aligned((rows_in, padded)),
                rows_out=aligned((rows_out, padded)),
                hidden=aligned((BLOCK, padded)),
                transposed=aligned((padded, BLOCK)),
                scores=aligned((rows_out - BLOCK if settings.cbow else rows_out, BLOCK)),
                mask=aligned((BLOCK, around) if settings.cbow else (around, BLOCK)),
                noise_pairs=aligned((settings.noise_rows, BLOCK)),
                pairs=aligned((BLOCK,)),
                losses=aligned((BLOCK,)),
            )
            for _ in range(self.threads)
        ]

    def train(
        self, stretch: Stretch, key: np.uint64, rates: tuple[float, float]
    ) -> tuple[float, int]:
        blocks = -(-(stretch.last - stretch.first) // BLOCK)
        batches = -(-blocks // self.settings.batch_blocks)
        done = Progress(
            np.zeros(blocks),
            np.zeros(blocks, dtype=np.int64),
            np.zeros((3, batches), dtype=np.int64),
        )

        def work(thread: int) -> None:
            stretch_kernels.train_stretch(
                self.weights, stretch, self.noise, key, rates, self.settings,
                self.workspaces[thread], self.gradients, done, thread, self.threads,
            )  # fmt: skip

        if self.threads == 1:
            work(0)
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(work, range(self.threads)))
        return float(done.losses.sum()), int(done.predictions.sum())


class _HierarchicalSoftmax(Engine):
    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        self.paths = paths(vocabulary.counts)
        self.scratch = aligned((2, _up(params.dimensions, 16)))

    def train(
        self, stretch: Stretch, key: np.uint64, rates: tuple[float, float]
    ) -> tuple[float, int]:
        loss, predictions = 0.0, 0
        for start, stop, rate in self.blocks(stretch, rates):
            block_loss, block_predictions = softmax_kernels.train_hierarchical(
                self.weights, stretch, start, stop, self.paths, rate, self.settings, self.scratch
            )
            loss += block_loss
            predictions += block_predictions
        return loss, predictions


class _FullSoftmax(Engine):
    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        _refuse_hours(vocabulary, params)
        rows, padded = _up(len(vocabulary), TILE_ROWS), _up(params.dimensions, 16)
        self.scratch = aligned((3, BLOCK, padded))
        self.scores, self.targets = aligned((rows, BLOCK)), aligned((rows, BLOCK))

    def train(
        self, stretch: Stretch, key: np.uint64, rates: tuple[float, float]
    ) -> tuple[float, int]:
        loss, predictions = 0.0, 0
        for start, stop, rate in self.blocks(stretch, rates):
            block_loss, block_predictions = softmax_kernels.train_full(
                self.weights, stretch, start, stop, rate, self.settings, self.scratch,
                self.scores, self.targets,
            )  # fmt: skip
            loss += block_loss
            predictions += block_predictions
        return loss, predictions


def _refuse_hours(vocabulary: Vocabulary, params: Word2vecParams) -> None:
    kept = vocabulary.counts @ sampling.keep_probabilities(
        vocabulary.counts, params.subsample, params.subsample_formula
    )
    work = 3.0 * kept * params.epochs * len(vocabulary) * params.dimensions
    hours = work / _FULL_SOFTMAX_SPEED / 3600
    if hours > FULL_SOFTMAX_HOURS:
        raise UserError(
            f"word2vec.output: full_softmax over {len(vocabulary)} words would take about "
            f"{hours:.0f} hours; expected negative_sampling or hierarchical_softmax, or a "
            "smaller vocabulary"
        )


_ENGINES: dict[str, type[Engine]] = {
    "negative_sampling": _NegativeSampling,
    "hierarchical_softmax": _HierarchicalSoftmax,
    "full_softmax": _FullSoftmax,
}


def engine(
    vocabulary: Vocabulary,
    params: Word2vecParams,
    architecture: Architecture,
    seed: int,
    threads: int,
) -> Engine:
    """Return the engine of the output layer that `params` names, its weights not yet trained.

    Raises UserError for a full softmax that would take hours.
    """
    return _ENGINES[params.output](vocabulary, params, architecture, seed, threads)


def noise_words(negatives: int) -> int:
    """Return how many noise words a block shares: 6 K, rounded up to a multiple of 16.

    About as many as the pairs of one input word of skip-gram would draw by themselves; with half
    of them both architectures lose analogies.
    """
    return _up(6 * negatives, 16)


def batch_words(vocabulary: Vocabulary, params: Word2vecParams, architecture: Architecture) -> int:
    """Return how many words are trained on at the same weights, a multiple of BLOCK.

    Few enough that the steps that the commonest word takes in a batch, all computed before the
    first of them is done, do not add up to more than STEP_BOUND; LARGEST_BATCH at most.
    """
    counts = vocabulary.counts
    kept = counts * sampling.keep_probabilities(counts, params.subsample, params.subsample_formula)
    noise = sampling.noise_probabilities(counts, params.noise_exponent)
    share = kept.max() / kept.sum() + params.negatives * noise.max()
    contexts = params.window + 1 if params.dynamic_window else 2 * params.window
    updates = share * (contexts if architecture == "skipgram" else 1)
    words = min(LARGEST_BATCH, STEP_BOUND / (params.rate * updates))
    return max(1, int(words) // BLOCK) * BLOCK


def initial_weights(words: int, dimensions: int, seed: int) -> Weights:
    """Return inputs drawn evenly from +-1/(2 D) and outputs of 0, as word2vec.c."""
    rows, columns = _up(words, TILE_ROWS), _up(dimensions, 16)
    inputs, outputs = aligned((rows, columns)), aligned((rows, columns))
    generator = rng.stream(seed, "word2vec", "weights")
    for start in range(0, words, 4096):
        some = inputs[start : min(words, start + 4096), :dimensions]
        some[:] = (generator.random(some.shape, dtype=np.float32) - np.float32(0.5)) / dimensions
    return Weights(inputs, outputs)


def aligned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return float32 zeros that start at a cache line."""
    size = int(np.prod(shape))
    raw = np.zeros(size + 16, dtype=np.float32)
    skip = (-raw.ctypes.data // 4) % 16
    return raw[skip : skip + size].reshape(shape)


def _up(number: int, multiple: int) -> int:
    return (number + multiple - 1) // multiple * multiple
