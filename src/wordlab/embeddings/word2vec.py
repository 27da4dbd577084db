"""word2vec: skip-gram and CBOW, in parallel and yet the same bytes at any number of threads."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from wordlab import progress, rng
from wordlab.checkpoints import Checkpoint
from wordlab.embeddings import sampling, softmax_kernels, word2vec_kernels
from wordlab.embeddings.huffman import paths
from wordlab.embeddings.sampling_kernels import Noise, Stretch, thin
from wordlab.embeddings.team_kernels import COUNTER_STRIDE
from wordlab.embeddings.vectors import Vectors
from wordlab.embeddings.word2vec_kernels import (
    BLOCK,
    Gradients,
    Progress,
    Settings,
    Weights,
    Workspace,
)
from wordlab.errors import UserError
from wordlab.params.embeddings import Word2vecParams
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import UNKNOWN, Vocabulary

Architecture = Literal["skipgram", "cbow"]
Probe = Callable[[Vectors], Mapping[str, float]]

STRETCH = 1 << 19
"""Tokens between two looks at the clock, the loss and the checkpoint."""
LARGEST_BATCH = 512
"""Words, at most, whose gradients are taken at the same weights."""
STEP_BOUND = 1.0
"""The rate times the updates of the commonest row in one batch stays below this."""
FULL_SOFTMAX_HOURS = 2.0
_FULL_SOFTMAX_SPEED = 1.5e10
_CHECKPOINT_SECONDS = 10.0


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
    checkpoint: Checkpoint = Checkpoint(None),  # noqa: B008
) -> Vectors:
    """Return the word vectors that word2vec learns from `corpus` (Mikolov et al. 2013a, b).

    Unknown words are dropped before windows are laid; windows end where documents end. on_epoch
    gets `loss`, the mean of the objective over all predictions of the epoch as they were made,
    and `rate`, with what `probe` says of the vectors so far. A checkpoint of the same training is
    gone on from, and ends at the bytes of an uninterrupted one.
    Raises UserError if nothing can be learnt, the vocabulary is too large for the full softmax,
    or the weights overflow.
    """
    training = _Training(corpus, vocabulary, params, architecture, seed, threads)
    training.run(on_epoch, probe, checkpoint)
    return training.vectors()


@dataclass
class _Training:
    corpus: EncodedCorpus
    vocabulary: Vocabulary
    params: Word2vecParams
    architecture: Architecture
    seed: int
    threads: int | None
    weights: Weights = field(init=False)
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        self.threads = self.threads or progress.thread_count()
        if len(self.vocabulary) < 2 or int((self.corpus.tokens != UNKNOWN).sum()) < 2:
            raise UserError("word2vec: expected a corpus of two known words or more")
        counts, params = self.vocabulary.counts, self.params
        self.keep = sampling.keep_probabilities(counts, params.subsample, params.subsample_formula)
        self._refuse_hours()
        self.settings = self._settings()
        self.weights = _initial_weights(len(self.vocabulary), params.dimensions, self.seed)
        self.engine = self._engine()
        reach = 2 * params.window
        self.buffers = [np.empty(STRETCH + reach, dtype=np.int32) for _ in range(3)]
        self.keep_bits = np.round(self.keep * 2.0**32).astype(np.uint64)

    def _settings(self) -> Settings:
        params, cbow = self.params, self.architecture == "cbow"
        noise_rows = noise_words(params.negatives, self.architecture)
        return Settings(
            words=len(self.vocabulary),
            dimensions=params.dimensions,
            window=params.window,
            noise_rows=noise_rows,
            noise_weight=params.negatives / noise_rows,
            cbow=cbow,
            corrected=cbow and params.cbow_gradient == "corrected",
            lock_free=params.mode == "lock_free",
            batch_blocks=batch_words(self.vocabulary, params, self.architecture) // BLOCK,
            rate_floor=params.rate * params.rate_floor,
        )

    def _engine(self) -> "_Engine":
        kinds = {
            "negative_sampling": _NegativeSampling,
            "hierarchical_softmax": _HierarchicalSoftmax,
            "full_softmax": _FullSoftmax,
        }
        threads = self.threads or 1
        return kinds[self.params.output](
            self.weights, self.settings, self.vocabulary, self.params, threads
        )

    def _refuse_hours(self) -> None:
        if self.params.output != "full_softmax":
            return
        kept = float(self.keep @ self.vocabulary.counts)
        work = 3.0 * kept * self.params.epochs * len(self.vocabulary) * self.params.dimensions
        hours = work / _FULL_SOFTMAX_SPEED / 3600
        if hours > FULL_SOFTMAX_HOURS:
            raise UserError(
                f"word2vec.output: full_softmax over {len(self.vocabulary)} words would take about "
                f"{hours:.0f} hours; expected negative_sampling or hierarchical_softmax, or a "
                "smaller vocabulary"
            )

    def run(
        self, on_epoch: progress.StepLogger, probe: Probe | None, checkpoint: Checkpoint
    ) -> None:
        """Train to the end, from the checkpoint if it is one of this training."""
        total = len(self.corpus)
        epoch, position, loss, predictions, history = self._resume(checkpoint)
        for step, metrics in enumerate(history, 1):
            on_epoch(step, metrics)
        saved = time.monotonic()
        with progress.bar(
            total * self.params.epochs, f"word2vec {self.architecture}", "words"
        ) as bar:
            bar.update(epoch * total + position)
            while epoch < self.params.epochs:
                for start in range(position, total, STRETCH):
                    stop = min(total, start + STRETCH)
                    stretch_loss, stretch_predictions = self._stretch(epoch, start, stop)
                    loss += stretch_loss
                    predictions += stretch_predictions
                    self._stop_if_overflown(loss, epoch)
                    bar.update(stop - start)
                    if stop < total and time.monotonic() - saved > _CHECKPOINT_SECONDS:
                        self._save(checkpoint, epoch, stop, loss, predictions, history)
                        saved = time.monotonic()
                epoch += 1
                history.append(self._epoch_metrics(epoch, loss, predictions, probe))
                on_epoch(epoch, history[-1])
                position, loss, predictions = 0, 0.0, 0
                if time.monotonic() - saved > _CHECKPOINT_SECONDS:
                    self._save(checkpoint, epoch, 0, 0.0, 0, history)
                    saved = time.monotonic()

    def _stretch(self, epoch: int, start: int, stop: int) -> tuple[float, int]:
        params = self.params
        key = np.uint64(rng.derive(self.seed, "word2vec", "words", epoch))
        tokens, documents, widths = self.buffers
        n, first, last = thin(
            self.corpus.tokens, self.corpus.document_ends, start, stop, params.window,
            params.dynamic_window, self.keep_bits, key, tokens, documents, widths,
        )  # fmt: skip
        stretch = Stretch(tokens[:n], documents[:n], widths[:n], first, last)
        noise_key = np.uint64(rng.derive(self.seed, "word2vec", "noise", epoch, start))
        return self.engine.train(
            stretch, noise_key, (self._rate(epoch, start), self._rate(epoch, stop))
        )

    def _rate(self, epoch: int, position: int) -> float:
        """Return the linear rate, before its floor."""
        done = epoch * len(self.corpus) + position
        return self.params.rate * (1 - done / (len(self.corpus) * self.params.epochs))

    def _epoch_metrics(
        self, epoch: int, loss: float, predictions: int, probe: Probe | None
    ) -> dict[str, float]:
        if predictions == 0:
            raise UserError(
                "word2vec.subsample: no word has another in its window after subsampling; "
                "expected a higher threshold, or a larger corpus"
            )
        for matrix in self.weights:
            if not np.isfinite(matrix).all():
                self._overflow(epoch)
        metrics = {
            "loss": loss / predictions,
            "rate": max(self._rate(epoch, 0), self.settings.rate_floor),
        }
        return metrics | (dict(probe(self.vectors())) if probe else {})

    def _stop_if_overflown(self, loss: float, epoch: int) -> None:
        if not np.isfinite(loss):
            self._overflow(epoch + 1)

    def _overflow(self, epoch: int) -> None:
        raise UserError(
            f"word2vec.{self.architecture}.rate: the weights overflowed in epoch {epoch} at a "
            f"rate of {self.params.rate:g}; expected a lower rate"
        )

    def vectors(self) -> Vectors:
        """Return the vectors as they are now, with the settings that made them."""
        inputs, outputs = (
            matrix[: len(self.vocabulary), : self.params.dimensions] for matrix in self.weights
        )
        matrix = {"input": inputs, "output": outputs, "sum": inputs + outputs}[self.params.vectors]
        return Vectors(self.vocabulary, np.array(matrix, dtype=np.float32), self._description())

    def _description(self) -> dict[str, Any]:
        return {
            "model": "word2vec",
            "architecture": self.architecture,
            "seed": self.seed,
            "reproducible": not self.settings.lock_free,
            **self.params.model_dump(),
        }

    def _identity(self) -> str:
        """Return a digest of all that decides the result."""
        digest = hashlib.blake2b(json.dumps(self._description(), sort_keys=True).encode())
        digest.update("\n".join(self.vocabulary.words).encode())
        for array in (self.vocabulary.counts, self.corpus.tokens, self.corpus.document_ends):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _save(
        self,
        checkpoint: Checkpoint,
        epoch: int,
        position: int,
        loss: float,
        predictions: int,
        history: list[dict[str, float]],
    ) -> None:
        if checkpoint.path is None:
            return
        state = {
            "identity": self._identity(),
            "epoch": epoch,
            "position": position,
            "loss": loss,
            "predictions": predictions,
            "history": history,
        }
        checkpoint.save(self.weights._asdict(), state)

    def _resume(
        self, checkpoint: Checkpoint
    ) -> tuple[int, int, float, int, list[dict[str, float]]]:
        saved = checkpoint.load()
        if saved is None or saved[1].get("identity") != self._identity():
            return 0, 0, 0.0, 0, []
        arrays, state = saved
        self.weights.inputs[:] = arrays["inputs"]
        self.weights.outputs[:] = arrays["outputs"]
        return (
            state["epoch"], state["position"], state["loss"], state["predictions"],
            state["history"],
        )  # fmt: skip


def noise_words(negatives: int, architecture: Architecture) -> int:
    """Return how many noise words a block shares, a multiple of 16.

    About as many as the pairs of one input word would draw by themselves.
    """
    wanted = 6 * negatives if architecture == "skipgram" else 3 * negatives
    return (wanted + 15) // 16 * 16


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


def _initial_weights(words: int, dimensions: int, seed: int) -> Weights:
    """Return inputs drawn evenly from +-1/(2 D) and outputs of 0, as word2vec.c."""
    rows, columns = _up(words, 4), _up(dimensions, 16)
    inputs, outputs = aligned((rows, columns)), aligned((rows, columns))
    generator = rng.stream(seed, "word2vec", "weights")
    inputs[:words, :dimensions] = generator.random((words, dimensions), dtype=np.float32)
    inputs[:words, :dimensions] -= np.float32(0.5)
    inputs /= np.float32(dimensions)
    return Weights(inputs, outputs)


def aligned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return float32 zeros that start at a cache line."""
    size = int(np.prod(shape))
    raw = np.zeros(size + 16, dtype=np.float32)
    skip = (-raw.ctypes.data // 4) % 16
    return raw[skip : skip + size].reshape(shape)


def _up(number: int, multiple: int) -> int:
    return (number + multiple - 1) // multiple * multiple


class _Engine:
    """Trains the weights on a stretch; one for each output layer."""

    def __init__(
        self,
        weights: Weights,
        settings: Settings,
        vocabulary: Vocabulary,
        params: Word2vecParams,
        threads: int,
    ) -> None:
        self.weights, self.settings, self.threads = weights, settings, threads
        self.prepare(vocabulary, params)

    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        """Allocate what the layer needs."""
        raise NotImplementedError

    def train(
        self, stretch: Stretch, key: np.uint64, rates: tuple[float, float]
    ) -> tuple[float, int]:
        """Train on a stretch at rates from rates[0] to rates[1]; return loss and predictions."""
        raise NotImplementedError

    def blocks(
        self, stretch: Stretch, rates: tuple[float, float]
    ) -> Iterator[tuple[int, int, float]]:
        """Yield (start, stop, rate) of each block of a stretch."""
        starts = range(stretch.first, stretch.last, BLOCK)
        slope = (rates[1] - rates[0]) / max(1, len(starts))
        for k, start in enumerate(starts):
            rate = max(rates[0] + slope * k, self.settings.rate_floor)
            yield start, min(stretch.last, start + BLOCK), rate


class _NegativeSampling(_Engine):
    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        settings = self.settings
        self.noise = Noise(
            *sampling.alias_table(
                sampling.noise_probabilities(vocabulary.counts, params.noise_exponent)
            )
        )
        padded = self.weights.inputs.shape[1]
        around = _up(BLOCK + 2 * settings.window, 4)
        rows_in = around if settings.cbow else BLOCK
        rows_out = (BLOCK if settings.cbow else around) + settings.noise_rows
        columns = around + _up(4 + 2 * settings.window, 16) + 2 * settings.window
        slots = self.threads if settings.lock_free else settings.batch_blocks
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
                transposed=aligned((padded, columns)),
                scores=aligned((rows_out, columns)),
                mask=aligned((rows_out - settings.noise_rows, columns)),
                noise_pairs=aligned((settings.noise_rows, BLOCK)),
                pairs=aligned((BLOCK,)),
                losses=aligned((columns,)),
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
            np.zeros(batches, dtype=np.int64),
            np.zeros(2 * COUNTER_STRIDE, dtype=np.int64),
        )

        def work(thread: int) -> None:
            word2vec_kernels.train_stretch(
                self.weights, stretch, self.noise, key, rates, self.settings,
                self.workspaces[thread], self.gradients, done, thread, self.threads,
            )  # fmt: skip

        if self.threads == 1:
            work(0)
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(work, range(self.threads)))
        return float(done.losses.sum()), int(done.predictions.sum())


class _HierarchicalSoftmax(_Engine):
    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        self.paths = paths(vocabulary.counts)
        self.scratch = aligned((2, self.weights.inputs.shape[1]))

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


class _FullSoftmax(_Engine):
    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        rows, padded = self.weights.outputs.shape
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
