"""What trains word2vec's weights: negative sampling, hierarchical or full softmax."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wordlab import progress, rng
from wordlab.corpus.vocabulary import (
    Vocabulary,
    alias_table,
    keep_probabilities,
    noise_probabilities,
)
from wordlab.embeddings.ngrams import NO_NGRAMS, Ngrams
from wordlab.embeddings.word2vec import batches, huffman, kernels, softmax
from wordlab.embeddings.word2vec.hierarchical import Tree, TreeWorkspace
from wordlab.embeddings.word2vec.kernels import Gradients, Settings, Weights, Workspace, aligned
from wordlab.embeddings.word2vec.stretch import BLOCK, Noise, Stretch
from wordlab.errors import UserError
from wordlab.params.embeddings import SubwordParams, Word2vecParams
from wordlab.simd import TILE_ROWS, rounded_up

Architecture = Literal["skipgram", "cbow", "subword"]
Learnt = tuple[float, int]  # the sum of the losses of some predictions, and their number

NOISE_ROWS = {"skipgram": 6, "cbow": 6, "subword": 24}
"""Noise words per block, for each that a prediction would draw by itself.

6 are about as many as the pairs of one input word of skip-gram would draw; with half of them both
skip-gram and CBOW lose analogies. The rows of n-grams, which many words move, need more: with 12
the vectors lose on SimLex-999.
"""
LARGEST_BATCH = 128
"""The most words whose gradients are taken at the same weights."""
STEP_BOUND = {"skipgram": 2.0, "cbow": 2.0, "subword": 0.5}
"""The rate times the updates of the commonest row in one batch stays below this.

With n-grams, where at 2.0 a batch of 80 words (noise exponent 0.5) halved the scores, it is less.
"""
BURST_BOUND = {"skipgram": 1.2, "cbow": 0.5, "subword": 1.2}
"""The rate times the updates of any word in one batch, as counted there, stays below this.

A batch ends before the block that would exceed it; where a single block does, the rows of the word
take smaller steps. Else a word that comes many times at once, as in a table, overshoots, further
each time: its vector grew to hundreds of times the length of others.
"""
FULL_SOFTMAX_HOURS = 2.0
"""The full softmax is refused where it would take longer."""
_FULL_SOFTMAX_SPEED = 1.5e10  # multiply-adds per second, for that estimate


class Engine(ABC):
    """Trains `weights`, stretch after stretch; one subclass per output layer."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        params: Word2vecParams,
        architecture: Architecture,
        seed: int,
        threads: int,
        ngrams: Ngrams = NO_NGRAMS,
    ) -> None:
        cbow = architecture == "cbow"
        buckets = params.buckets if isinstance(params, SubwordParams) else 0
        noise_rows = rounded_up(NOISE_ROWS[architecture] * params.negatives, 16)
        self.settings = Settings(
            words=len(vocabulary),
            dimensions=params.dimensions,
            window=params.window,
            noise_rows=noise_rows,
            noise_weight=params.negatives / noise_rows * (BLOCK // kernels.GROUP if cbow else 1),
            cbow=cbow,
            corrected=cbow and params.cbow_gradient == "corrected",
            batch_blocks=batch_words(vocabulary, params, architecture, ngrams) // BLOCK,
            subword=architecture == "subword",
            ngrams=ngrams,
        )
        self.occurrence_bound = BURST_BOUND[architecture] / contexts_of(params, cbow)
        self.counts = np.zeros(len(vocabulary), dtype=np.int32)
        self.threads = threads
        self.prepare(vocabulary, params)
        self.weights = initial_weights(len(vocabulary), params.dimensions, seed, buckets)

    @abstractmethod
    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        """Allocate what the layer needs; raise UserError if it cannot serve."""

    @abstractmethod
    def train(self, stretch: Stretch, key: np.uint64, rates: NDArray[np.float64]) -> Learnt:
        """Train on the blocks of a stretch, one rate for each; return loss and predictions."""


class _Batched(Engine):
    """Takes the gradients of a batch of blocks at the same weights, in several threads."""

    noise: Noise | None = None
    tree: Tree | None = None
    workspaces: Sequence[Workspace | TreeWorkspace]

    def hold_gradients(self, rows_in: int, rows_out: int) -> None:
        """Allocate `gradients`, with rows for a batch of each thread; no more threads than blocks.

        Raises UserError if they do not fit into memory.
        """
        blocks, padded = self.settings.batch_blocks, rounded_up(self.settings.dimensions, 16)
        self.threads = min(self.threads, blocks)
        slots = self.threads * blocks
        # the scratch rows of each thread are as many as those of a slot
        needed = 4.0 * (slots + self.threads) * (rows_in + rows_out) * padded
        progress.require_memory(needed, "word2vec.window")
        self.gradients = Gradients(
            np.empty((slots, rows_in), dtype=np.int32),
            aligned((slots, rows_in, padded)),
            np.empty((slots, rows_out), dtype=np.int32),
            aligned((slots, rows_out, padded)),
        )

    def train(self, stretch: Stretch, key: np.uint64, rates: NDArray[np.float64]) -> Learnt:
        blocks = len(rates)
        openings = np.empty(blocks + 1, dtype=np.int64)
        limits = np.maximum(self.occurrence_bound / np.maximum(rates, 1e-9), 1).astype(np.int64)
        count = batches.batch_openings(
            stretch, limits, self.settings.batch_blocks, self.counts, openings
        )
        done = batches.Progress(
            np.zeros(blocks),
            np.zeros(blocks, dtype=np.int64),
            np.zeros((3, count), dtype=np.int64),
        )

        def work(thread: int) -> None:
            batches.train_stretch(
                self.weights, stretch, self.noise, self.tree, key, rates, limits,
                openings[: count + 1], self.settings, self.workspaces[thread], self.gradients,
                done, thread,
            )  # fmt: skip

        if self.threads == 1:
            work(0)
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(work, range(self.threads)))
        return float(done.losses.sum()), int(done.predictions.sum())


class _NegativeSampling(_Batched):
    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        settings = self.settings
        noise = noise_probabilities(vocabulary.counts, params.noise_exponent)
        self.noise = Noise(*alias_table(noise))
        padded = rounded_up(params.dimensions, 16)
        around = rounded_up(BLOCK + 2 * settings.window, TILE_ROWS)
        rows_in = around if settings.cbow else BLOCK
        rows_out = (BLOCK if settings.cbow else around) + settings.noise_rows
        self.hold_gradients(rows_in, rows_out)
        columns = kernels.GROUP if settings.cbow else BLOCK
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
                targets=aligned((BLOCK,)),
                losses=aligned((BLOCK,)),
            )
            for _ in range(self.threads)
        ]


class _HierarchicalSoftmax(_Batched):
    def prepare(self, vocabulary: Vocabulary, params: Word2vecParams) -> None:
        settings = self.settings
        paths = huffman.paths(vocabulary.counts)
        steps = node_steps(vocabulary, params, paths, settings)
        self.tree = Tree(paths, steps[paths.nodes])
        padded = rounded_up(params.dimensions, 16)
        around = rounded_up(BLOCK + 2 * settings.window, TILE_ROWS)
        targets = BLOCK if settings.cbow else BLOCK + 2 * settings.window
        rows = rounded_up(targets * int(np.diff(paths.starts).max()), TILE_ROWS)
        self.hold_gradients(around if settings.cbow else BLOCK, rows)

        def marks() -> NDArray[np.float32]:
            made = aligned((targets + 1, BLOCK))
            if settings.cbow:
                np.fill_diagonal(made, 1)
            return made

        self.workspaces = [
            TreeWorkspace(
                rows_in=aligned((around, padded)),
                hidden=aligned((BLOCK, padded)),
                rows_out=aligned((rows, padded)),
                transposed=aligned((padded, BLOCK)),
                scores=aligned((rows, BLOCK)),
                mask=aligned((BLOCK, around)),
                shares=aligned((BLOCK,)),
                marks=marks(),
                turns=aligned((rows,)),
                steps=aligned((rows,)),
                losses=aligned((BLOCK,)),
                targets=np.empty(targets, dtype=np.int32),
                owners=np.empty(rows, dtype=np.int32),
                firsts=np.empty(targets + 1, dtype=np.int32),
            )
            for _ in range(self.threads)
        ]


class _FullSoftmax(Engine):
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
        rows, padded = rounded_up(len(vocabulary), TILE_ROWS), rounded_up(params.dimensions, 16)
        self.scratch = aligned((3, BLOCK, padded))
        self.scores, self.targets = aligned((rows, BLOCK)), aligned((rows, BLOCK))

    def train(self, stretch: Stretch, key: np.uint64, rates: NDArray[np.float64]) -> Learnt:
        loss, predictions = 0.0, 0
        starts = range(stretch.first, stretch.last, BLOCK)
        for start, rate in zip(starts, rates.tolist(), strict=True):
            of_block = softmax.train_full(
                self.weights, stretch, start, min(stretch.last, start + BLOCK), rate,
                self.settings, self.scratch, self.scores, self.targets,
            )  # fmt: skip
            loss += of_block[0]
            predictions += of_block[1]
        return loss, predictions


ENGINES: dict[str, type[Engine]] = {
    "negative_sampling": _NegativeSampling,
    "hierarchical_softmax": _HierarchicalSoftmax,
    "full_softmax": _FullSoftmax,
}


def batch_words(
    vocabulary: Vocabulary,
    params: Word2vecParams,
    architecture: Architecture,
    ngrams: Ngrams = NO_NGRAMS,
) -> int:
    """Return the number of words that are trained on at the same weights, a multiple of BLOCK.

    Few enough that the steps of the commonest word in a batch, all computed before the first is
    taken, do not add up to more than STEP_BOUND; LARGEST_BATCH at most. With n-grams the word
    counts that moves most, by its own rows and by those that it shares.
    """
    cbow = architecture == "cbow"
    kept = kept_shares(vocabulary, params)
    share = kept.max()
    if architecture == "subword":
        share = max(share, moved_along(kept, ngrams).max())
    if params.output == "negative_sampling" or architecture == "subword":
        noise = noise_probabilities(vocabulary.counts, params.noise_exponent)
        share += params.negatives * noise.max()
    updates = share * contexts_of(params, cbow)
    words = min(LARGEST_BATCH, STEP_BOUND[architecture] / (params.rate * updates))
    return max(1, int(words) // BLOCK) * BLOCK


def kept_shares(vocabulary: Vocabulary, params: Word2vecParams) -> NDArray[np.float64]:
    """Return how often each word is among those that subsampling leaves, float64 (V,)."""
    counts = vocabulary.counts
    kept = counts * keep_probabilities(counts, params.subsample, params.subsample_formula)
    return np.asarray(kept / kept.sum())


def contexts_of(params: Word2vecParams, cbow: bool) -> int:
    """Return how many predictions have one word of the text as their target.

    In CBOW one, in skip-gram about as many as its window has words.
    """
    if cbow:
        return 1
    return params.window + 1 if params.dynamic_window else 2 * params.window


def node_steps(
    vocabulary: Vocabulary, params: Word2vecParams, paths: huffman.Paths, settings: Settings
) -> NDArray[np.float32]:
    """Return what the gradient of each inner node is multiplied by, float32 (V-1,).

    1, or less for a node whose updates in a batch, times the rate at the start, would add up to
    more than STEP_BOUND: so much that they come to the bound. It stays the same as the rate falls.
    """
    updates = passed(kept_shares(vocabulary, params), paths)
    updates *= contexts_of(params, settings.cbow) * settings.batch_blocks * BLOCK
    bound = STEP_BOUND["cbow" if settings.cbow else "skipgram"]
    return (bound / np.maximum(params.rate * updates, bound)).astype(np.float32)


def passed(shares: NDArray[np.float64], paths: huffman.Paths) -> NDArray[np.float64]:
    """Return the share of targets whose path passes each inner node, float64 (V-1,).

    shares: float64 (V,), that of each word among the targets.
    """
    weights = np.repeat(shares, np.diff(paths.starts))
    found = np.bincount(paths.nodes, weights=weights, minlength=len(shares) - 1)
    return np.asarray(found, dtype=np.float64)


def moved_along(shares: NDArray[np.float64], ngrams: Ngrams) -> NDArray[np.float64]:
    """Return how often each word is moved when a word of the text is, float64 (V,).

    Each row of n-grams moves with every word that has it, which moves the mean of a word's rows by
    its part of them. shares: float64 (V,), how often each word is read.
    """
    lengths = np.diff(ngrams.ends, prepend=0)
    of_rows = np.bincount(ngrams.rows, weights=np.repeat(shares, lengths))
    words = np.repeat(np.arange(len(shares)), lengths)
    sums = np.bincount(words, weights=of_rows[ngrams.rows], minlength=len(shares))
    return (shares + sums) / (1 + lengths)


def initial_weights(words: int, dimensions: int, seed: int, buckets: int = 0) -> Weights:
    """Return inputs drawn evenly from +-1/(2 D) and outputs of 0, as word2vec.c.

    buckets: rows of n-grams, drawn likewise behind the inputs of the words.
    """
    rows, columns = rounded_up(words, TILE_ROWS), rounded_up(dimensions, 16)
    drawn = words + buckets
    in_rows = rounded_up(drawn, TILE_ROWS)
    progress.require_memory(4.0 * (in_rows + rows) * columns, "word2vec.dimensions")
    inputs, outputs = aligned((in_rows, columns)), aligned((rows, columns))
    generator = rng.stream(seed, "word2vec", "weights")
    for start in range(0, drawn, 4096):
        some = inputs[start : min(drawn, start + 4096), :dimensions]
        some[:] = (generator.random(some.shape, dtype=np.float32) - np.float32(0.5)) / dimensions
    return Weights(inputs, outputs)
