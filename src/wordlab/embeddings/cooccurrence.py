"""Weighted co-occurrence counts: exact, sparse, in parallel and in bounded memory.

Words are counted row by row. A first pass lists where each word stands; then all contexts of one
word are summed before the next, so that rows are whole when they are written and threads share
nothing. Sums are whole numbers of a unit that every weight is a multiple of, so that neither the
number of threads nor the way a large corpus is cut into pieces can change a result.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from wordlab.embeddings import sparse
from wordlab.embeddings.cooccurrence_kernels import count_rows, group_by_word, merge_rows
from wordlab.embeddings.spill import GrowingArray
from wordlab.errors import UserError
from wordlab.params.embeddings import CooccurrenceParams
from wordlab.progress import bar, thread_count
from wordlab.rng import stream
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import UNKNOWN, Vocabulary

BREAK = -1
"""Stands between documents, where no window reaches across."""

Rows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]
"""Consecutive rows: their ends, and the columns and units of their cells."""


@dataclass(frozen=True, eq=False)
class Counts:
    """How often words occur together.

    vocabulary: V words, of rows and columns alike; matrix: (V, V), float32 with int32 indices in
    rising order within a row; entry (i, j) is the weight with which context j was seen around
    word i, each the exact sum rounded once to float32.
    """

    vocabulary: Vocabulary
    matrix: csr_array = field(repr=False)

    def save(self, folder: Path) -> None:
        """Write vocabulary.tsv and the matrix as data.npy, indices.npy, indptr.npy."""
        sparse.save(folder, self.matrix)
        self.vocabulary.save(folder / "vocabulary.tsv")

    @classmethod
    def load(cls, folder: Path) -> "Counts":
        """Open what `save` wrote; the cells are memory-mapped, not read."""
        return cls(Vocabulary.load(folder / "vocabulary.tsv"), sparse.load(folder))


def count(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: CooccurrenceParams,
    *,
    seed: int,
    threads: int | None = None,
    scratch: Path | None = None,
) -> Counts:
    """Count which words of `vocabulary` occur within a window of one another in `corpus`.

    Unknown words are gone before windows are laid, as for word2vec; windows end with the document.
    scratch: the folder for what does not fit into `params.memory_mb` (None: the system's for
    temporary files). The result depends neither on `threads` nor on `params.memory_mb`.
    Raises UserError if no two words occur together.
    """
    threads = threads or thread_count()
    memory = params.memory_mb << 20
    units_at, scale = _units(params)
    columns = GrowingArray(np.int32, memory * 3 // 16, scratch)
    weights = GrowingArray(np.float32, memory * 3 // 16, scratch)
    row_ends = [np.zeros(1, np.int64)]
    with bar(len(corpus), "count", "word") as progress, ThreadPoolExecutor(threads) as pool:
        for ends, block_columns, block_units in _all_rows(
            corpus, vocabulary, params, units_at, seed, threads, pool, scratch, progress.update
        ):
            row_ends.append(ends + len(columns))
            columns.append(block_columns)
            weights.append((block_units / scale).astype(np.float32))
    if not len(columns):
        raise UserError(
            "cooccurrence: no two words of the vocabulary occur together in the training split; "
            "expected a longer text or a lower vocabulary.min_count"
        )
    matrix = sparse.square(weights.finish(), columns.finish(), np.concatenate(row_ends))
    return Counts(vocabulary, matrix)


def keep_probabilities(
    vocabulary: Vocabulary, params: CooccurrenceParams
) -> NDArray[np.float64] | None:
    """Return the probability that each word survives subsampling, float64 (V,), or None for all.

    f is a word's share of the known training words, t the threshold `params.subsample`: the paper
    (Mikolov et al. 2013b, section 2.3) keeps it with sqrt(t/f), the code with (sqrt(f/t) + 1) t/f.
    """
    if params.subsample == 0:
        return None
    relative = params.subsample / (vocabulary.counts / vocabulary.counts.sum())
    probability = np.sqrt(relative)
    if params.subsample_formula == "code":
        probability = probability + relative
    return np.minimum(probability, 1)


def _units(params: CooccurrenceParams) -> tuple[NDArray[np.int64], int]:
    """Return the units of a pair at distance 1, 2, ..., window, and how many make a weight of 1."""
    distances = range(1, params.window + 1)
    if params.weighting == "uniform":
        return np.ones(params.window, np.int64), 1
    if params.weighting == "linear":
        return np.arange(params.window, 0, -1, dtype=np.int64), params.window
    # Above a window of 22 no unit within 32 bits divides all of them; 2^32 is then within a
    # tenth of what float32 can tell apart.
    scale = min(math.lcm(*distances), 2**32)
    return np.array([round(scale / distance) for distance in distances], np.int64), scale


@dataclass(frozen=True)
class _Piece:
    """A stretch of the text, with what its windows reach on either side.

    tokens: ids and BREAKs; widths: the window of each, or empty; the words that stand from first
    to last are this piece's own.
    """

    tokens: NDArray[np.int32]
    widths: NDArray[np.int32]
    first: int
    last: int


def _pieces(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: CooccurrenceParams,
    seed: int,
    size: int,
) -> Iterator[_Piece]:
    """Cut the text into pieces of `size` tokens, unknown and subsampled words left out.

    Both streams of random numbers are drawn token by token, wherever the cuts are.
    """
    keep = keep_probabilities(vocabulary, params)
    subsampling = stream(seed, "cooccurrence", "subsampling")
    windows = stream(seed, "cooccurrence", "windows")
    tokens = np.full(1, BREAK, np.int32)
    widths = np.zeros(1 if params.dynamic_window else 0, np.int32)
    first = 1
    for start in range(0, len(corpus), size):
        stop = min(start + size, len(corpus))
        raw = corpus.tokens[start:stop]
        kept = raw != UNKNOWN
        if keep is not None:
            kept &= subsampling.random(len(raw)) < keep[raw]
        ends = corpus.document_ends
        ends = ends[np.searchsorted(ends, start, "right") : np.searchsorted(ends, stop, "right")]
        before = np.concatenate([[0], np.cumsum(kept, dtype=np.int32)])[ends - start]
        fresh = np.insert(raw[kept], before, BREAK)
        tokens = np.concatenate([tokens, fresh])
        if params.dynamic_window:
            drawn = (windows.random(len(fresh)) * params.window).astype(np.int32) + 1
            widths = np.concatenate([widths, drawn])
        last = len(tokens) if stop == len(corpus) else max(first, len(tokens) - params.window)
        yield _Piece(tokens, widths, first, last)
        carried = max(0, last - params.window)
        tokens, widths, first = tokens[carried:], widths[carried:], last - carried


def _all_rows(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: CooccurrenceParams,
    units_at: NDArray[np.int64],
    seed: int,
    threads: int,
    pool: ThreadPoolExecutor,
    scratch: Path | None,
    done: Callable[[float], Any],
) -> Iterator[Rows]:
    """Count every row, in order, block by block; what is longer than one piece goes by the disk."""
    memory = params.memory_mb << 20
    size = max(memory // 64, 1024)  # tokens a piece: half of the memory at 32 bytes each
    cells = max(memory // (8 * 32 * 2 * threads), 1024)  # cells a block: an eighth, all blocks
    runs = []
    for piece in _pieces(corpus, vocabulary, params, seed, size):
        blocks = _count_piece(piece, len(vocabulary), params, units_at, cells, threads, pool)
        if len(corpus) <= size:
            yield from blocks
            done(len(corpus))
            return
        runs.append(_Run(blocks, scratch))
        done(min(size, len(corpus) - len(runs) * size + size))
    yield from _merged(runs, len(vocabulary), cells, threads, pool)


def _count_piece(
    piece: _Piece,
    size: int,
    params: CooccurrenceParams,
    units_at: NDArray[np.int64],
    cells: int,
    threads: int,
    pool: ThreadPoolExecutor,
) -> Iterator[Rows]:
    """Count one piece in blocks of rows that have about `cells` cells at most."""
    left = 0 if params.side == "right" else params.window
    right = 0 if params.side == "left" else params.window
    starts, places = group_by_word(piece.tokens, piece.first, piece.last, size)
    most = np.minimum(np.diff(starts) * (left + right), size)

    def count_block(rows: tuple[int, int]) -> Rows:
        capacity = int(most[rows[0] : rows[1]].sum())
        return count_rows(
            piece.tokens, piece.widths, starts, places, units_at, left, right, *rows, capacity
        )

    return sparse.in_order(pool, count_block, sparse.row_blocks(most, cells), 2 * threads)


class _Run:
    """The rows of one piece, on disk."""

    def __init__(self, blocks: Iterable[Rows], folder: Path | None) -> None:
        self._columns = GrowingArray(np.int32, 0, folder)
        self._units = GrowingArray(np.int64, 0, folder)
        ends = [np.zeros(1, np.int64)]
        for block_ends, columns, units in blocks:
            ends.append(block_ends + len(self._columns))
            self._columns.append(columns)
            self._units.append(units)
        self.starts = np.concatenate(ends)

    def read(self, first: int, last: int) -> Rows:
        """Return where rows `first` to `last` start among their cells, and those cells."""
        starts = self.starts[first : last + 1]
        bounds = int(starts[0]), int(starts[-1])
        return starts - bounds[0], self._columns.read(*bounds), self._units.read(*bounds)


def _merged(
    runs: list[_Run], size: int, cells: int, threads: int, pool: ThreadPoolExecutor
) -> Iterator[Rows]:
    """Add up the runs, block of rows by block of rows."""

    def read_blocks() -> Iterator[Rows]:
        cells_of_rows = np.sum([np.diff(run.starts) for run in runs], axis=0)
        for first, last in sparse.row_blocks(cells_of_rows, cells):
            parts = [run.read(first, last) for run in runs]
            lengths = [len(columns) for _, columns, _ in parts]
            offsets = np.cumsum([0, *lengths[:-1]])
            yield (
                np.stack([part[0] for part in parts]) + offsets[:, None],
                np.concatenate([part[1] for part in parts]),
                np.concatenate([part[2] for part in parts]),
            )

    return sparse.in_order(pool, lambda block: merge_rows(*block, size), read_blocks(), 2 * threads)
