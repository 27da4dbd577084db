"""word2vec: skip-gram and CBOW, in parallel, with the same bytes at any number of threads."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordlab import progress, rng
from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import UNKNOWN, Vocabulary, keep_probabilities
from wordlab.embeddings.vectors import Vectors
from wordlab.embeddings.word2vec.engines import ENGINES, Engine, Learnt
from wordlab.embeddings.word2vec.engines import Architecture as Architecture
from wordlab.embeddings.word2vec.kernels import Weights
from wordlab.embeddings.word2vec.stretch import BLOCK, Stretch, thin
from wordlab.errors import UserError
from wordlab.params.embeddings import Word2vecParams

Probe = Callable[[Vectors], Mapping[str, float]]

STRETCH = 1 << 19
"""Tokens between two looks at the loss and the checkpoint."""


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
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        # they meet at every batch: more of them than cores wait for one that does not run
        self.threads = min(self.threads or progress.thread_count(), progress.core_count())
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
        self.engine = self.made_engine(self.threads)
        size = min(STRETCH, len(self.corpus)) + 2 * params.window
        self.buffers = [np.empty(size, dtype=np.int32) for _ in range(3)]

    @property
    def window(self) -> int:
        """How far windows reach: not beyond the longest document."""
        longest = int(np.diff(self.corpus.document_ends, prepend=0).max())
        return max(1, min(self.params.window, longest - 1))

    def made_engine(self, threads: int) -> Engine:
        """Return what trains the weights."""
        params = self.params.model_copy(update={"window": self.window})
        return ENGINES[params.output](
            self.vocabulary, params, self.architecture, self.seed, threads
        )

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
