"""GloVe (Pennington et al. 2014): word vectors by weighted least squares on log counts.

Trained by AdaGrad over blocks that share nothing (Gemulla et al. 2011, DSGD). Words are divided
into groups, as rows and as columns; the blocks (r, r + s) of one round s touch every group once, so
threads take whole blocks without locks, and their number changes no byte. A block's vectors fit
into the cache. Several processes share the blocks of a round in the same way (`glove_parts`).
"""

import hashlib
import math
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.embeddings.counts.cooccurrence import Counts
from wordlab.embeddings.glove_parts import Parts
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.parallel import environment
from wordlab.params.embeddings import GloveParams
from wordlab.processes import joined
from wordlab.progress import StepLogger, bar, ignore_step, thread_count
from wordlab.rng import stream
from wordlab.simd import inner_product, inverse_root

CLIP = 100.0
"""The reference program's bound on each component of a gradient."""

Ids = NDArray[np.int32]
Ends = NDArray[np.integer[Any]]
Short = NDArray[np.uint16]
Longs = NDArray[np.int64]
Floats = NDArray[np.float32]


@njit(cache=True, nogil=True)
def count_by_group(indices: Ids, indptr: Ends, group_of: Short, group: int, cells: Longs) -> None:
    """Count the cells of each block of row group `group`. Mutates cells, int64 (groups,).

    group_of: the group of each word, as row and as column: its id modulo the number of groups.
    """
    for row in range(group, len(indptr) - 1, len(cells)):
        for cell in range(indptr[row], indptr[row + 1]):
            cells[group_of[indices[cell]]] += 1


@njit(cache=True, nogil=True)
def deal(
    data: Floats, indices: Ids, indptr: Ends, group_of: Short, place_of: Short, group: int,
    x_max: float, exponent: float, free: Longs, rows: Short, columns: Short, logs: Floats,
    weights: Floats,
) -> None:  # fmt: skip
    """Copy the cells of row group `group` to their blocks, row after row.

    group_of, place_of: the group of each word, and its place in it. Mutates free: the next place
    of each of the row group's blocks; rows, columns: places within the groups; logs, weights:
    log x and f(x).
    """
    log_max = math.log(x_max)
    for row in range(group, len(indptr) - 1, len(free)):
        for cell in range(indptr[row], indptr[row + 1]):
            column = indices[cell]
            place = free[group_of[column]]
            free[group_of[column]] = place + 1
            log = math.log(data[cell])
            rows[place] = place_of[row]
            columns[place] = place_of[column]
            logs[place] = log
            weights[place] = math.exp(exponent * min(0.0, log - log_max))


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def step_reference(
    cells: Longs, rows: Short, columns: Short, logs: Floats, weights: Floats, words: Floats,
    word_squares: Floats, contexts: Floats, context_squares: Floats, rate: np.float32,
) -> float:  # fmt: skip
    """Take one AdaGrad step per cell of a block, as the reference program does; return the cost.

    words, contexts: float32 (n, D + 1), a vector and its bias; the squares: their accumulators,
    which start at 1 and add up (rate * gradient)^2, for a bias gradient^2. Mutates all four.
    """
    last = words.shape[1] - 1
    cost = 0.0
    for cell in range(cells[0], cells[1]):
        word, context = words[rows[cell]], contexts[columns[cell]]
        word_square, context_square = word_squares[rows[cell]], context_squares[columns[cell]]
        biases = word[last] + context[last] - logs[cell]
        error = biases + inner_product(word, context, last)
        slope = weights[cell] * error
        cost += 0.5 * slope * error
        for k in range(last):
            word_step = rate * min(max(slope * context[k], np.float32(-CLIP)), np.float32(CLIP))
            context_step = rate * min(max(slope * word[k], np.float32(-CLIP)), np.float32(CLIP))
            word[k] -= word_step * inverse_root(word_square[k])
            context[k] -= context_step * inverse_root(context_square[k])
            word_square[k] += word_step * word_step
            context_square[k] += context_step * context_step
        word[last] -= slope / np.sqrt(word_square[last])
        context[last] -= slope / np.sqrt(context_square[last])
        word_square[last] += slope * slope
        context_square[last] += slope * slope
    return cost


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def step_paper(
    cells: Longs, rows: Short, columns: Short, logs: Floats, weights: Floats, words: Floats,
    word_squares: Floats, contexts: Floats, context_squares: Floats, rate: np.float32,
) -> float:  # fmt: skip
    """Take one AdaGrad step per cell of a block, as Duchi et al. 2011; return the cost.

    As `step_reference`, but the accumulators start at 0 and add up gradient^2, including this
    step's, for vectors and biases alike.
    """
    last = words.shape[1] - 1
    tiny = np.float32(1e-12)
    cost = 0.0
    for cell in range(cells[0], cells[1]):
        word, context = words[rows[cell]], contexts[columns[cell]]
        word_square, context_square = word_squares[rows[cell]], context_squares[columns[cell]]
        biases = word[last] + context[last] - logs[cell]
        error = biases + inner_product(word, context, last)
        slope = weights[cell] * error
        cost += 0.5 * slope * error
        for k in range(last):
            word_slope = slope * context[k]
            context_slope = slope * word[k]
            word_square[k] += word_slope * word_slope
            context_square[k] += context_slope * context_slope
            word[k] -= rate * word_slope / np.sqrt(word_square[k] + tiny)
            context[k] -= rate * context_slope / np.sqrt(context_square[k] + tiny)
        word_square[last] += slope * slope
        context_square[last] += slope * slope
        word[last] -= rate * slope / np.sqrt(word_square[last] + tiny)
        context[last] -= rate * slope / np.sqrt(context_square[last] + tiny)
    return cost


CACHE = 1 << 20
"""The most bytes that one block's columns should take, with their accumulators."""
FEWEST_GROUPS, MOST_GROUPS = 16, 256


@dataclass(frozen=True)
class Cells:
    """The observed cells of some row groups, block by block.

    starts: int64 (row groups, groups + 1), where the blocks of each start; rows, columns:
    uint16, places within the groups; logs, weights: float32, log x and f(x).
    """

    starts: NDArray[np.int64]
    rows: NDArray[np.uint16]
    columns: NDArray[np.uint16]
    logs: NDArray[np.float32]
    weights: NDArray[np.float32]


def train(
    counts: Counts,
    params: GloveParams,
    *,
    seed: int,
    threads: int | None = None,
    on_iteration: StepLogger = ignore_step,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> Vectors:
    """Train GloVe on `counts` and return the vectors that `params.vectors` names.

    on_iteration receives each iteration (from 1) with its mean `cost` per cell, each measured just
    before its step. Resumes from a checkpoint of the same training, also a finished one; the
    result is byte-identical. Several processes that torchrun started share the work and all return
    the vectors of one. Raises UserError if the cost stops being finite or a process is gone.
    """
    ((_, vectors),) = train_and_stop_by(
        counts, params, (params.iterations,),
        seed=seed, threads=threads, on_iteration=on_iteration, checkpoint=checkpoint,
    )  # fmt: skip
    return vectors


def train_and_stop_by(
    counts: Counts,
    params: GloveParams,
    stops: Collection[int],
    *,
    seed: int,
    threads: int | None = None,
    on_iteration: StepLogger = ignore_step,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> Iterator[tuple[int, Vectors]]:
    """Train once, and yield each iteration of `stops` with the vectors at that point.

    They equal those of a training of that many `iterations`. A checkpoint leaves out the stops
    before it, except the last of all. Raises as `train`.
    """
    size, last = len(counts.vocabulary), max(stops)
    groups = group_count(size, params.dimensions)
    recipe = [params.model_dump(), seed, counts.matrix.nnz]
    with joined() as together:
        if together.count > 1:
            together.require_same(_digest(counts, recipe), "counts, params or code of wordlab")
        parts = Parts(size, groups, params, seed, together)
        costs = parts.resume(checkpoint, recipe)
        for iteration, cost in enumerate(costs, start=1):
            on_iteration(iteration, {"cost": cost})

        def vectors(iterations: int) -> Vectors:
            own = params.model_copy(update={"iterations": iterations})
            description = {"model": "glove", "params": own.model_dump()}
            return Vectors(counts.vocabulary, parts.vectors(params.vectors), description)

        if len(costs) == last:
            yield last, vectors(last)
            return
        with ThreadPoolExecutor(threads or thread_count()) as pool:
            cells = deal_cells(counts, params, groups, pool, parts.own)
            with bar(last * len(cells.rows), "GloVe", "cell") as progress:
                progress.update(len(costs) * len(cells.rows))
                for iteration in range(len(costs) + 1, last + 1):
                    total = _iterate(cells, parts, params, seed, iteration, pool, progress.update)
                    costs.append(total / counts.matrix.nnz)
                    on_iteration(iteration, {"cost": costs[-1]})
                    if parts.due(checkpoint, iteration == last):
                        parts.save(checkpoint, recipe, costs)
                    if iteration in stops:
                        yield iteration, vectors(iteration)


def _digest(counts: Counts, recipe: Any) -> bytes:
    """Return a digest of what processes that train together must have in common."""
    digest = hashlib.sha256(repr([recipe, environment()]).encode())
    digest.update("\n".join(counts.vocabulary.words).encode())
    matrix = counts.matrix
    for part in (matrix.indptr.astype(np.int64), matrix.indices, matrix.data):
        digest.update(np.ascontiguousarray(part).data)
    return digest.digest()


def group_count(size: int, dimensions: int) -> int:
    """Return the number of groups for `size` words, so that a block's columns fit the cache.

    A group has at most 2^16 words, so that 16 bits number them.
    """
    columns_bytes = size * (dimensions + 1) * 2 * np.dtype(np.float32).itemsize
    for_cache = min(max(FEWEST_GROUPS, -(-columns_bytes // CACHE)), MOST_GROUPS)
    return max(for_cache, -(-size // 2**16))


def deal_cells(
    counts: Counts, params: GloveParams, groups: int, pool: ThreadPoolExecutor, own: range
) -> Cells:
    """Sort the cells of `counts` into blocks; word i belongs to group i % groups.

    own: the row groups whose cells are wanted.
    """
    matrix = counts.matrix
    columns = np.arange(matrix.shape[1])
    group_of = (columns % groups).astype(np.uint16)
    place_of = (columns // groups).astype(np.uint16)
    shares = np.zeros((len(own), groups), np.int64)

    def measure(group: int) -> None:
        count_by_group(matrix.indices, matrix.indptr, group_of, group, shares[group - own.start])

    list(pool.map(measure, own))
    ends = np.cumsum(shares).reshape(shares.shape)
    starts = np.empty((len(own), groups + 1), np.int64)
    starts[:, 1:] = ends
    starts[:, :-1] = ends - shares
    total = int(shares.sum())
    places = np.empty(total, np.uint16), np.empty(total, np.uint16)
    cells = Cells(starts, *places, np.empty(total, np.float32), np.empty(total, np.float32))

    def fill(group: int) -> None:
        deal(
            matrix.data, matrix.indices, matrix.indptr, group_of, place_of, group,
            params.x_max, params.exponent, starts[group - own.start, :-1].copy(),
            cells.rows, cells.columns, cells.logs, cells.weights,
        )  # fmt: skip

    list(pool.map(fill, own))
    return cells


def _iterate(
    cells: Cells,
    parts: Parts,
    params: GloveParams,
    seed: int,
    iteration: int,
    pool: ThreadPoolExecutor,
    done: Callable[[float], Any],
) -> float:
    """Visit every cell once, the rounds in random order; return the cost of all together.

    Contexts go to where the next round needs them as soon as their block is done.
    """
    groups, first = parts.groups, parts.own.start
    step = step_reference if params.adagrad == "reference" else step_paper
    rate = np.float32(params.rate)
    shifts = stream(seed, "glove", "rounds", iteration).permutation(groups).tolist()
    costs = np.zeros((groups, groups))
    parts.move(shifts[0])
    for number, (shift, following) in enumerate(pairwise([*shifts, shifts[-1]])):

        def train_block(row: int, shift: int = shift) -> float:
            column = (row + shift) % groups
            words, contexts = parts.words[row], parts.contexts[column]
            return step(
                cells.starts[row - first, column : column + 2],
                cells.rows, cells.columns, cells.logs, cells.weights,
                words[0], words[1], contexts[0], contexts[1], rate,
            )  # fmt: skip

        with parts.moving(following) as go:
            for row, cost in zip(parts.own, pool.map(train_block, parts.own), strict=True):
                costs[number, row] = cost
                go((row + shift) % groups)
        rows = np.array(parts.own, np.int64)
        columns = (rows + shift) % groups
        ends, starts = (cells.starts[rows - first, columns + k] for k in (1, 0))
        done(int((ends - starts).sum()))
    parts.together.add_up(costs)
    total = 0.0
    for of_round in costs:
        total += math.fsum(of_round)
    if not math.isfinite(total):
        raise UserError(
            f"glove.rate: the cost is no longer a number in iteration {iteration}; "
            f"expected a rate below {params.rate:g}"
        )
    return total
