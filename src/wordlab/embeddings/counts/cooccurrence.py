"""Weighted co-occurrence counts: exact, sparse, in parallel and in bounded memory.

Words are counted row by row. A first pass lists the places of each word; then all contexts of one
word are summed before the next, so that rows are whole when they are written and threads share
nothing. Sums are whole numbers of a unit that divides every weight, so that neither the number of
threads nor the cuts between the shards of a large text can change a result.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from wordlab import parallel
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import UNKNOWN, Vocabulary, keep_probabilities
from wordlab.embeddings.counts import sparse
from wordlab.embeddings.counts.sparse import GrowingArray, Rows, Runs, WordMatrix
from wordlab.errors import UserError
from wordlab.params.embeddings import CooccurrenceParams
from wordlab.progress import bar, thread_count
from wordlab.rng import stream

Ids = NDArray[np.int32]
Longs = NDArray[np.int64]
Bits = NDArray[np.uint64]


@intrinsic
def _trailing_zeros(typing_context: Any, word: Any) -> Any:
    """Return the place of the lowest set bit of a uint64 that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


@njit(cache=True, nogil=True)
def group_by_word(tokens: Ids, first: int, last: int, size: int) -> tuple[Longs, Ids]:
    """Return the places of each word among `tokens[first:last]`: a counting sort.

    tokens: ids below `size`, or -1 between documents. Returns starts, int64 (size + 1,), and
    places, int32: word i is at places[starts[i]:starts[i + 1]], rising.
    """
    starts = np.zeros(size + 1, np.int64)
    for place in range(first, last):
        if tokens[place] >= 0:
            starts[tokens[place] + 1] += 1
    for word in range(size):
        starts[word + 1] += starts[word]
    places = np.empty(starts[size], np.int32)
    free = starts[:size].copy()
    for place in range(first, last):
        word = tokens[place]
        if word >= 0:
            places[free[word]] = place
            free[word] += 1
    return starts, places


@njit(cache=True, nogil=True)
def _close_row(
    sums: Longs, fine: Bits, coarse: Bits, columns: Ids, units: Longs, cells: int
) -> int:
    """Write the open row's cells from place `cells` on, by rising column; return the new end.

    Mutates all arrays: `columns` and `units` are written, the first three are zeros again.
    """
    one = np.uint64(1)
    for top in range(len(coarse)):
        groups = coarse[top]
        coarse[top] = 0
        while groups:
            group = (top << 6) + np.int64(_trailing_zeros(groups))
            groups &= groups - one
            bits = fine[group]
            fine[group] = 0
            while bits:
                column = (group << 6) + np.int64(_trailing_zeros(bits))
                bits &= bits - one
                columns[cells] = column
                units[cells] = sums[column]
                sums[column] = 0
                cells += 1
    return cells


@njit(cache=True, nogil=True)
def _empty_row(size: int) -> tuple[Longs, Bits, Bits]:
    """Return the sums and the two bitmaps of a row of `size` columns."""
    return (
        np.zeros(size, np.int64),
        np.zeros((size >> 6) + 1, np.uint64),
        np.zeros((size >> 12) + 1, np.uint64),
    )


@njit(cache=True, nogil=True)
def count_rows(
    tokens: Ids, widths: Ids, starts: Longs, places: Ids, units_at: Longs,
    left: int, right: int, first_row: int, last_row: int, capacity: int,
) -> tuple[Longs, Ids, Longs]:  # fmt: skip
    """Count the contexts of the words first_row..last_row-1.

    tokens: ids, with -1 before the first, between documents and after the last; widths: the
    window of each token, or empty where all windows are full; starts, places: of `group_by_word`;
    units_at: the units of a pair at distance 1, 2, ...; left, right: how far a full window reaches;
    capacity: no fewer than the cells that come out. Returns the ends of the rows (counted from
    this block's first cell), the columns and the units of the cells.
    """
    size = len(starts) - 1
    sums, fine, coarse = _empty_row(size)
    ends = np.empty(last_row - first_row, np.int64)
    columns = np.empty(capacity, np.int32)
    units = np.empty(capacity, np.int64)
    one = np.uint64(1)
    cells = 0
    for row in range(first_row, last_row):
        for k in range(starts[row], starts[row + 1]):
            place = places[k]
            for side in range(2):
                reach = right if side else left
                if len(widths):
                    reach = min(reach, widths[place])
                for distance in range(1, reach + 1):
                    column = tokens[place + distance if side else place - distance]
                    if column < 0:
                        break
                    if sums[column] == 0:
                        fine[column >> 6] |= one << np.uint64(column & 63)
                        coarse[column >> 12] |= one << np.uint64((column >> 6) & 63)
                    sums[column] += units_at[distance - 1]
        cells = _close_row(sums, fine, coarse, columns, units, cells)
        ends[row - first_row] = cells
    return ends, columns[:cells].copy(), units[:cells].copy()


@njit(cache=True, nogil=True)
def merge_rows(
    run_starts: Longs, run_columns: Ids, run_units: Longs, size: int
) -> tuple[Longs, Ids, Longs]:
    """Add up several runs' cells of the same rows.

    run_starts: int64 (runs, rows + 1), where each run's rows start among the cells; run_columns,
    run_units: those cells. Returns the merged rows' ends, columns and units, as `count_rows`.
    """
    runs, rows = run_starts.shape[0], run_starts.shape[1] - 1
    sums, fine, coarse = _empty_row(size)
    ends = np.empty(rows, np.int64)
    columns = np.empty(len(run_columns), np.int32)
    units = np.empty(len(run_columns), np.int64)
    one = np.uint64(1)
    cells = 0
    for row in range(rows):
        for run in range(runs):
            for k in range(run_starts[run, row], run_starts[run, row + 1]):
                column = run_columns[k]
                if sums[column] == 0:
                    fine[column >> 6] |= one << np.uint64(column & 63)
                    coarse[column >> 12] |= one << np.uint64((column >> 6) & 63)
                sums[column] += run_units[k]
        cells = _close_row(sums, fine, coarse, columns, units, cells)
        ends[row] = cells
    return ends, columns[:cells].copy(), units[:cells].copy()


WeighedRows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]
"""Rows with weights in place of units."""
MOST_BLOCK_CELLS = 1 << 19
"""Small enough that the next block reuses the memory; the system would take larger ones back."""
CLUSTER_TOKENS = 1 << 21
"""Of a shard that a worker of a cluster counts: 8 MB to send, some 100 MB to send back."""
BREAK = -1
"""Stands between documents, where no window reaches across."""


class Counts(WordMatrix):
    """How often words occur together.

    Entry (i, j), float32, is the weight with which context j was seen around word i, the exact sum
    rounded once.
    """


@dataclass(frozen=True)
class Budget:
    """The most that counting holds in memory at a time.

    shard_tokens: of the text; a longer one is counted shard by shard, through files.
    block_cells: of a block of rows, at most 2 blocks per thread. finished_bytes: of the result, in
    each of its two arrays; a larger one goes to disk.
    """

    shard_tokens: int
    block_cells: int
    finished_bytes: int

    @classmethod
    def within(cls, memory_mb: int, threads: int) -> "Budget":
        """Divide `memory_mb` MiB: 3/8 for the text, 1/4 for the blocks, 3/8 for the result."""
        memory = memory_mb << 20
        return cls(
            shard_tokens=memory * 3 // 8 // 24,  # 24 bytes: a token, its place, and temporaries
            # 24 bytes: a cell takes 12, and is copied once
            block_cells=min(memory // 4 // 24 // (2 * threads), MOST_BLOCK_CELLS),
            finished_bytes=memory * 3 // 16,
        )


def count(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: CooccurrenceParams,
    *,
    seed: int,
    threads: int | None = None,
    scratch: Path | None = None,
    budget: Budget | None = None,
) -> Counts:
    """Count which words of `vocabulary` occur within a window of one another in `corpus`.

    Unknown words are dropped before windows are formed, as in word2vec; windows end with the
    document. scratch: the folder for what does not fit into memory (None: the system's for
    temporary files); budget: in place of that of `params.memory_mb`. The result depends on neither,
    nor on `threads`. Raises UserError if no two words occur together.
    """
    threads = threads or thread_count()
    budget = budget or Budget.within(params.memory_mb, threads)
    if parallel.address():
        budget = replace(budget, shard_tokens=min(CLUSTER_TOKENS, budget.shard_tokens))
    shard_count = -(-len(corpus) // budget.shard_tokens)
    passes = shard_count + 1 if shard_count > 1 else 1  # one per shard, one to merge them
    ends = [np.zeros(1, np.int64)]
    with (
        GrowingArray(np.int32, budget.finished_bytes, scratch) as columns,
        GrowingArray(np.float32, budget.finished_bytes, scratch) as weights,
        ThreadPoolExecutor(threads) as pool,
        bar(passes * len(vocabulary), "count", "row") as progress,
    ):
        blocks = _rows(
            shards(corpus, vocabulary, params, seed, budget.shard_tokens), passes == 1,
            len(vocabulary), params, budget, pool, 2 * threads, progress.update, scratch,
        )  # fmt: skip
        for block_ends, block_columns, block_weights in blocks:
            ends.append(block_ends + len(columns))
            columns.append(block_columns)
            weights.append(block_weights)
        if not len(columns):
            raise UserError(
                "cooccurrence: no two words of the vocabulary occur together in the training "
                "split; expected a longer text or a lower vocabulary.min_count"
            )
        matrix = sparse.square(weights.finish(), columns.finish(), np.concatenate(ends))
    return Counts(vocabulary, matrix)


def units_by_distance(params: CooccurrenceParams) -> tuple[NDArray[np.int64], int]:
    """Return the units of a pair at distance 1, 2, ..., window, and how many make a weight of 1.

    The largest unit that divides all weights 1/d is 1 / lcm(1..window). Beyond a window of 22 that
    would outgrow 32 bits; the unit is then 2^-32, and the error of a weight below float32's own.
    """
    distances = range(1, params.window + 1)
    if params.weighting == "uniform":
        return np.ones(params.window, np.int64), 1
    if params.weighting == "linear":
        return np.arange(params.window, 0, -1, dtype=np.int64), params.window
    scale = min(math.lcm(*distances), 2**32)
    return np.array([round(scale / distance) for distance in distances], np.int64), scale


@dataclass(frozen=True, eq=False)
class Shard:
    """Part of the text, with what its windows reach on either side.

    tokens: int32, ids and BREAKs, a BREAK at either end of the text; widths: int32, the window of
    each, or empty where all windows are full; the centres are tokens[first:last].
    """

    tokens: NDArray[np.int32] = field(repr=False)
    widths: NDArray[np.int32] = field(repr=False)
    first: int
    last: int


def shards(
    corpus: EncodedCorpus, vocabulary: Vocabulary, params: CooccurrenceParams, seed: int, size: int
) -> Iterator[Shard]:
    """Yield the text in shards of `size` tokens, without unknown words, frequent ones subsampled.

    Random numbers are drawn token by token in reading order, wherever the cuts are.
    """
    keep = keep_probabilities(vocabulary.counts, params.subsample, params.subsample_formula)
    subsampling = stream(seed, "cooccurrence", "subsample")
    windows = stream(seed, "cooccurrence", "window")
    tokens = np.full(1, BREAK, np.int32)
    widths = np.zeros(1 if params.dynamic_window else 0, np.int32)
    first = 1
    for start in range(0, len(corpus), size):
        stop = min(start + size, len(corpus))
        raw = corpus.tokens[start:stop]
        kept = raw != UNKNOWN
        if params.subsample:
            known = raw[kept]
            kept[kept] = subsampling.random(len(known)) < keep[known]
        inside = slice(*np.searchsorted(corpus.document_ends, (start, stop), "right"))
        before = np.concatenate([[0], np.cumsum(kept)])
        breaks = before[corpus.document_ends[inside] - start]  # kept tokens before each end
        tokens = np.concatenate([tokens, np.insert(raw[kept], breaks, BREAK)])
        if params.dynamic_window:
            widened = 1 + (windows.random(np.count_nonzero(kept)) * params.window).astype(np.int32)
            widths = np.concatenate([widths, np.insert(widened, breaks, 0)])
        last = len(tokens) if stop == len(corpus) else max(first, len(tokens) - params.window)
        yield Shard(tokens, widths, first, last)
        carried = max(0, last - params.window)
        tokens, widths, first = tokens[carried:], widths[carried:], last - carried


def _rows(
    parts: Iterator[Shard], one_shard: bool, size: int, params: CooccurrenceParams, budget: Budget,
    pool: ThreadPoolExecutor, ahead: int, done: Callable[[int], Any], scratch: Path | None,
) -> Iterator[WeighedRows]:  # fmt: skip
    """Yield all rows of the matrix, block by block; several shards go through files.

    ahead: the most blocks in flight; done: receives the number of rows counted or merged.
    """

    def in_order(work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        for rows in parallel.flow(lambda item: pool.submit(work, item), items, lambda: ahead):
            done(len(rows[0]))
            yield rows

    def weigh(sums: Callable[[Any], Rows], item: Any) -> WeighedRows:
        ends, columns, units = sums(item)
        return ends, columns, (units / units_by_distance(params)[1]).astype(np.float32)

    if one_shard:
        for shard in parts:
            block, blocks = _blocks(size, params, budget.block_cells, shard)
            yield from in_order(partial(weigh, block), blocks)
        return
    with Runs(scratch) as runs:
        if parallel.address():
            whole = partial(_count_whole, size, params, budget.block_cells)
            for counted in parallel.in_order(whole, parts, batch=1):
                runs.add([counted])
                done(size)
        else:
            for shard in parts:
                runs.add(in_order(*_blocks(size, params, budget.block_cells, shard)))
        read = (runs.read(*rows) for rows in sparse.row_blocks(runs.cells(), budget.block_cells))
        yield from in_order(partial(weigh, lambda rows: merge_rows(*rows, size)), read)


def _blocks(
    size: int, params: CooccurrenceParams, most_cells: int, shard: Shard
) -> tuple[Callable[[tuple[int, int]], Rows], Iterator[tuple[int, int]]]:
    """Return a function that counts one block of rows of a shard, and the blocks."""
    left = 0 if params.side == "right" else params.window
    right = 0 if params.side == "left" else params.window
    units_at, _ = units_by_distance(params)
    starts, places = group_by_word(shard.tokens, shard.first, shard.last, size)
    most = np.minimum(np.diff(starts) * (left + right), size)

    def block(rows: tuple[int, int]) -> Rows:
        return count_rows(
            shard.tokens, shard.widths, starts, places, units_at, left, right,
            *rows, int(most[slice(*rows)].sum()),
        )  # fmt: skip

    return block, sparse.row_blocks(most, most_cells)


def _count_whole(size: int, params: CooccurrenceParams, most_cells: int, shard: Shard) -> Rows:
    """Return all rows of a shard at once."""
    block, blocks = _blocks(size, params, most_cells, shard)
    ends, columns, units = zip(*map(block, blocks), strict=True)
    before = np.cumsum([0, *map(len, columns[:-1])])
    return (
        np.concatenate([own + start for own, start in zip(ends, before, strict=True)]),
        np.concatenate(columns),
        np.concatenate(units),
    )
