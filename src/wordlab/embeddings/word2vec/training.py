"""word2vec: skip-gram and CBOW, in parallel, with the same bytes at any number of threads."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from wordlab import progress, rng
from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import (
    UNKNOWN,
    Vocabulary,
    alias_table,
    keep_probabilities,
    noise_probabilities,
)
from wordlab.embeddings.vectors import Vectors
from wordlab.embeddings.word2vec import kernels, softmax
from wordlab.embeddings.word2vec.kernels import Gradients, Settings, Weights, Workspace, aligned
from wordlab.embeddings.word2vec.stretch import BLOCK, Noise, Stretch, thin
from wordlab.errors import UserError
from wordlab.params.embeddings import Word2vecParams
from wordlab.simd import TILE_ROWS

Architecture = Literal["skipgram", "cbow"]
Learnt = tuple[float, int]  # the sum of the losses of some predictions, and their number
Probe = Callable[[Vectors], Mapping[str, float]]

LARGEST_BATCH = 128
"""The most words whose gradients are taken at the same weights."""
STEP_BOUND = 2.0
"""The rate times the updates of the commonest row in one batch stays below this."""
FULL_SOFTMAX_HOURS = 2.0
"""The full softmax is refused where it would take longer."""
_FULL_SOFTMAX_SPEED = 1.5e10  # multiply-adds per second, for that estimate
STRETCH = 1 << 19
"""Tokens between two looks at the loss and the checkpoint."""


class Engine(ABC):
    """Trains `weights`, stretch after stretch; one subclass per output layer."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        params: Word2vecParams,
        architecture: Architecture,
        seed: int,
        threads: int,
    ) -> None:
        cbow = architecture == "cbow"
        # As many noise words per block as the pairs of one input word of skip-gram would draw by
        # themselves, about 6 K; with half of them both architectures lose analogies.
        noise_rows = _up(6 * params.negatives, 16)
        self.settings = Settings(
            words=len(vocabulary),
            dimensions=params.dimensions,
            window=params.window,
            noise_rows=noise_rows,
            noise_weight=params.negatives / noise_rows * (BLOCK // kernels.GROUP if cbow else 1),
            cbow=cbow,
            corrected=cbow and params.cbow_gradient == "corrected",
            batch_blocks=batch_words(vocabulary, params, architecture) // BLOCK,
        )
        self.threads = threads
        self.prepare(vocabulary, params)
        self.weights = initial_weights(len(vocabulary), params.dimensions, seed)

    @abstractmethod
    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        """Allocate what the layer needs; raise UserError if it cannot serve."""

    @abstractmethod
    def train(self, stretch: Stretch, key: np.uint64, rates: NDArray[np.float64]) -> Learnt:
        """Train on the blocks of a stretch, one rate for each; return loss and predictions."""


class _Softmax(Engine):
    def train(self, stretch: Stretch, key: np.uint64, rates: NDArray[np.float64]) -> Learnt:
        loss, predictions = 0.0, 0
        starts = range(stretch.first, stretch.last, BLOCK)
        for start, rate in zip(starts, rates.tolist(), strict=True):
            stop = min(stretch.last, start + BLOCK)
            block_loss, block_predictions = self.train_block(stretch, start, stop, rate)
            loss += block_loss
            predictions += block_predictions
        return loss, predictions

    @abstractmethod
    def train_block(self, stretch: Stretch, start: int, stop: int, rate: float) -> Learnt:
        """Train on the words start..stop-1; return loss and predictions."""


class _NegativeSampling(Engine):
    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        settings = self.settings
        noise = noise_probabilities(vocabulary.counts, params.noise_exponent)
        self.noise = Noise(*alias_table(noise))
        padded = _up(params.dimensions, 16)
        around = _up(BLOCK + 2 * settings.window, TILE_ROWS)
        rows_in = around if settings.cbow else BLOCK
        rows_out = (BLOCK if settings.cbow else around) + settings.noise_rows
        self.threads = min(self.threads, settings.batch_blocks)
        slots = self.threads * settings.batch_blocks
        columns = kernels.GROUP if settings.cbow else BLOCK
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
                scores=aligned((settings.noise_rows if settings.cbow else rows_out, columns)),
                mask=aligned((BLOCK, around) if settings.cbow else (around, BLOCK)),
                noise_pairs=aligned((settings.noise_rows, columns)),
                pairs=aligned((BLOCK,)),
                losses=aligned((BLOCK,)),
            )
            for _ in range(self.threads)
        ]

    def train(self, stretch: Stretch, key: np.uint64, rates: NDArray[np.float64]) -> Learnt:
        blocks = len(rates)
        batches = -(-blocks // self.settings.batch_blocks)
        done = kernels.Progress(
            np.zeros(blocks),
            np.zeros(blocks, dtype=np.int64),
            np.zeros((3, batches), dtype=np.int64),
        )

        def work(thread: int) -> None:
            kernels.train_stretch(
                self.weights, stretch, self.noise, key, rates, self.settings,
                self.workspaces[thread], self.gradients, done, thread, self.threads,
            )  # fmt: skip

        if self.threads == 1:
            work(0)
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(work, range(self.threads)))
        return float(done.losses.sum()), int(done.predictions.sum())


class _HierarchicalSoftmax(_Softmax):
    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        self.paths = softmax.paths(vocabulary.counts)
        self.scratch = aligned((2, _up(params.dimensions, 16)))

    def train_block(self, stretch: Stretch, start: int, stop: int, rate: float) -> Learnt:
        return softmax.train_hierarchical(
            self.weights, stretch, start, stop, rate, self.settings, self.paths, self.scratch
        )


class _FullSoftmax(_Softmax):
    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        counts = vocabulary.counts
        kept = counts @ keep_probabilities(counts, params.subsample, params.subsample_formula)
        work = 3.0 * kept * params.epochs * len(vocabulary) * params.dimensions
        hours = work / _FULL_SOFTMAX_SPEED / 3600
        if hours > FULL_SOFTMAX_HOURS:
            raise UserError(
                f"word2vec.output: full_softmax over {len(vocabulary)} words would take about "
                f"{hours:.0f} hours; expected negative_sampling or hierarchical_softmax, or a "
                "smaller vocabulary"
            )
        rows, padded = _up(len(vocabulary), TILE_ROWS), _up(params.dimensions, 16)
        self.scratch = aligned((3, BLOCK, padded))
        self.scores, self.targets = aligned((rows, BLOCK)), aligned((rows, BLOCK))

    def train_block(self, stretch: Stretch, start: int, stop: int, rate: float) -> Learnt:
        return softmax.train_full(
            self.weights, stretch, start, stop, rate, self.settings, self.scratch,
            self.scores, self.targets,
        )  # fmt: skip


ENGINES: dict[str, type[Engine]] = {
    "negative_sampling": _NegativeSampling,
    "hierarchical_softmax": _HierarchicalSoftmax,
    "full_softmax": _FullSoftmax,
}


def batch_words(vocabulary: Vocabulary, params: Word2vecParams, architecture: Architecture) -> int:
    """Return the number of words that are trained on at the same weights, a multiple of BLOCK.

    Few enough that the steps of the commonest word in a batch, all computed before the first is
    taken, do not add up to more than STEP_BOUND; LARGEST_BATCH at most.
    """
    counts = vocabulary.counts
    kept = counts * keep_probabilities(counts, params.subsample, params.subsample_formula)
    noise = noise_probabilities(counts, params.noise_exponent)
    share = kept.max() / kept.sum() + params.negatives * noise.max()
    contexts = params.window + 1 if params.dynamic_window else 2 * params.window
    updates = share * (contexts if architecture == "skipgram" else 1)
    words = min(LARGEST_BATCH, STEP_BOUND / (params.rate * updates))
    return max(1, int(words) // BLOCK) * BLOCK


def initial_weights(words: int, dimensions: int, seed: int) -> Weights:
    """Return inputs drawn evenly from +-1/(2 D) and outputs of 0, as word2vec.c."""
    rows, columns = _up(words, TILE_ROWS), _up(dimensions, 16)
    progress.require_memory(8.0 * rows * columns, "word2vec.dimensions")
    inputs, outputs = aligned((rows, columns)), aligned((rows, columns))
    generator = rng.stream(seed, "word2vec", "weights")
    for start in range(0, words, 4096):
        some = inputs[start : min(words, start + 4096), :dimensions]
        some[:] = (generator.random(some.shape, dtype=np.float32) - np.float32(0.5)) / dimensions
    return Weights(inputs, outputs)


def _up(number: int, multiple: int) -> int:
    return (number + multiple - 1) // multiple * multiple


def train(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: Word2vecParams,
    *,
    architecture: Architecture,
    seed: int,
    threads: int | None = None,
    on_epoch: progress.StepLogger = progress.ignore_step,
    probe: Probe | None = None,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> Vectors:
    """Return the word vectors that word2vec learns from `corpus` (Mikolov et al. 2013a, b).

    Unknown words are dropped before windows are formed; windows end where documents end. on_epoch
    receives `loss`, the mean of the objective over all predictions of the epoch, each measured
    when it was made, and `rate`, with what `probe` returns for the vectors so far. Resumes from a
    checkpoint of the same training, also a finished one; the result is byte-identical.
    Raises UserError if nothing can be learnt, the vocabulary is too large for the full softmax,
    or the weights overflow.
    """
    training = Training(corpus, vocabulary, params, architecture, seed, threads)
    training.run(on_epoch, probe, checkpoint)
    weights, description = training.engine.weights, training.description()
    del training
    if params.vectors == "input":  # the outputs make room for the copy
        weights = weights._replace(outputs=weights.inputs[:0])
    return Vectors(vocabulary, _chosen(weights, vocabulary, params), description)


def _chosen(
    weights: Weights, vocabulary: Vocabulary, params: Word2vecParams
) -> NDArray[np.float32]:
    """Return a copy of the weights that become word vectors, without their padding, (V, D)."""
    inputs, outputs = (matrix[: len(vocabulary), : params.dimensions] for matrix in weights)
    matrix = outputs if params.vectors == "output" else inputs
    if params.vectors == "sum":
        matrix = inputs + outputs
    return np.array(matrix, dtype=np.float32)


@dataclass
class Training:
    corpus: EncodedCorpus
    vocabulary: Vocabulary
    params: Word2vecParams
    architecture: Architecture
    seed: int
    threads: int | None

    def __post_init__(self) -> None:
        self.threads = self.threads or progress.thread_count()
        known = (
            np.count_nonzero(self.corpus.tokens[start : start + STRETCH] != UNKNOWN)
            for start in range(0, len(self.corpus), STRETCH)
        )
        if len(self.vocabulary) < 2 or not any(total >= 2 for total in accumulate(known)):
            raise UserError("word2vec: expected a corpus of two known words or more")
        params = self.params
        keep = keep_probabilities(
            self.vocabulary.counts, params.subsample, params.subsample_formula
        )
        self.keep_bits = np.round(keep * 2.0**32).astype(np.uint64)
        self.engine = ENGINES[params.output](
            self.vocabulary, params, self.architecture, self.seed, self.threads
        )
        size = min(STRETCH, len(self.corpus)) + 2 * params.window
        self.buffers = [np.empty(size, dtype=np.int32) for _ in range(3)]

    def run(
        self, on_epoch: progress.StepLogger, probe: Probe | None, checkpoint: Checkpoint
    ) -> None:
        """Train to the end, from the checkpoint if it is one of this training."""
        total = len(self.corpus)
        epoch, position, loss, predictions = 0, 0, 0.0, 0
        history: list[dict[str, float]] = []
        saved = checkpoint.resume(self._recipe)
        if saved is not None:
            for name, matrix in self.engine.weights._asdict().items():
                matrix[:] = saved[0]["weights"][name]
            epoch, position, loss, predictions, history = saved[1]["reached"]

        def save() -> None:
            reached = [epoch, position, loss, predictions, history]
            checkpoint.save({"weights": self.engine.weights._asdict()}, {"reached": reached})

        for step, metrics in enumerate(history, 1):
            on_epoch(step, metrics)
        title = f"word2vec {self.architecture}"
        with progress.bar(total * self.params.epochs, title, "words") as bar:
            bar.update(epoch * total + position)
            while epoch < self.params.epochs:
                while position < total:
                    stop = min(total, position + STRETCH)
                    stretch_loss, stretch_predictions = self.stretch(epoch, position, stop)
                    loss += stretch_loss
                    predictions += stretch_predictions
                    if not np.isfinite(loss):
                        self._overflow(epoch + 1)
                    bar.update(stop - position)
                    position = stop
                    if position < total and checkpoint.due():
                        save()
                epoch += 1
                history.append(self._epoch_metrics(epoch, loss, predictions, probe))
                on_epoch(epoch, history[-1])
                position, loss, predictions = 0, 0.0, 0
                if epoch == self.params.epochs or checkpoint.due():
                    save()

    def stretch(self, epoch: int, start: int, stop: int) -> Learnt:
        params = self.params
        key = np.uint64(rng.derive(self.seed, "word2vec", "words", epoch))
        tokens, documents, widths = self.buffers
        n, first, last = thin(
            self.corpus.tokens, self.corpus.document_ends, start, stop, params.window,
            params.dynamic_window, self.keep_bits, key, tokens, documents, widths,
        )  # fmt: skip
        stretch = Stretch(tokens[:n], documents[:n], widths[:n], first, last)
        self.corpus = self.corpus.reopened()
        noise_key = np.uint64(rng.derive(self.seed, "word2vec", "noise", epoch, start))
        return self.engine.train(stretch, noise_key, self.rates(epoch, start, stop, last - first))

    def rates(self, epoch: int, start: int, stop: int, words: int) -> NDArray[np.float64]:
        """Return the rate of each block of tokens[start:stop], of which `words` are kept.

        It falls to 0 over the whole training in a straight line, but not below its floor.
        """
        params, total = self.params, len(self.corpus) * self.params.epochs
        first, last = (
            params.rate * (1 - (epoch * len(self.corpus) + place) / total)
            for place in (start, stop)
        )
        blocks = -(-words // BLOCK)
        slope = (last - first) / max(1, blocks)
        return np.maximum(first + slope * np.arange(blocks), params.rate * params.rate_floor)

    def _epoch_metrics(
        self, epoch: int, loss: float, predictions: int, probe: Probe | None
    ) -> dict[str, float]:
        if predictions == 0:
            raise UserError(
                "word2vec.subsample: no word has another in its window after subsampling; "
                "expected a higher threshold, or a larger corpus"
            )
        for matrix in self.engine.weights:
            if not np.isfinite(matrix).all():
                self._overflow(epoch)
        metrics = {"loss": loss / predictions, "rate": float(self.rates(epoch, 0, 0, 1)[0])}
        return metrics | (dict(probe(self.vectors())) if probe else {})

    def _overflow(self, epoch: int) -> None:
        raise UserError(
            f"word2vec.{self.architecture}.rate: the weights overflowed in epoch {epoch} at a "
            f"rate of {self.params.rate:g}; expected a lower rate"
        )

    def vectors(self) -> Vectors:
        """Return the vectors as they are now, with the settings that made them."""
        matrix = _chosen(self.engine.weights, self.vocabulary, self.params)
        return Vectors(self.vocabulary, matrix, self.description())

    def description(self) -> dict[str, Any]:
        """Return the settings that make the vectors, in types of JSON."""
        return {
            "model": "word2vec",
            "architecture": self.architecture,
            "seed": self.seed,
            **self.params.model_dump(exclude={"score_epochs"}),
        }

    def _recipe(self) -> list[Any]:
        """Return all that decides the result, the text by a digest."""
        digest = hashlib.blake2b("\n".join(self.vocabulary.words).encode())
        for array in (self.vocabulary.counts, self.corpus.tokens, self.corpus.document_ends):
            digest.update(np.ascontiguousarray(array).data)
        self.corpus = self.corpus.reopened()
        return [self.description(), self.params.score_epochs, digest.hexdigest()]
