"""Compiled kernels of GloVe: sorting cells into blocks, and the AdaGrad steps of one block.

Pennington et al. 2014: the cost of a cell x of word i and context j is
f(x) (w_i . c_j + b_i + d_j - log x)^2 / 2, with f(x) = min(1, (x / x_max)^exponent) (eq. 8, 9).
"""

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

CLIP = 100.0
"""The reference program's bound on each component of a gradient."""

Ids = NDArray[np.int32]
Ends = NDArray[np.integer[Any]]
Short = NDArray[np.uint16]
Longs = NDArray[np.int64]
Floats = NDArray[np.float32]

FAST = {"reassoc", "contract", "arcp", "afn", "nsz"}
"""What sums and divisions may do for speed; NaN and infinity keep their meaning."""


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


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def step_reference(
    cells: Longs, rows: Short, columns: Short, logs: Floats, weights: Floats, words: Floats,
    word_squares: Floats, contexts: Floats, context_squares: Floats, rate: np.float32,
) -> float:  # fmt: skip
    """Take one AdaGrad step per cell of a block, as the reference program does; return the cost.

    words, contexts: float32 (n, D + 1), a vector and its bias; the squares: their accumulators,
    which start at 1 and add up (rate * gradient)^2, for a bias gradient^2. Mutates all four.
    """
    last = words.shape[1] - 1
    one = np.float32(1)
    cost = 0.0
    for cell in range(cells[0], cells[1]):
        word, context = words[rows[cell]], contexts[columns[cell]]
        word_square, context_square = word_squares[rows[cell]], context_squares[columns[cell]]
        error = word[last] + context[last] - logs[cell]
        for k in range(last):
            error += word[k] * context[k]
        slope = weights[cell] * error
        cost += 0.5 * slope * error
        for k in range(last):
            word_step = rate * min(max(slope * context[k], np.float32(-CLIP)), np.float32(CLIP))
            context_step = rate * min(max(slope * word[k], np.float32(-CLIP)), np.float32(CLIP))
            word[k] -= word_step * (one / np.sqrt(word_square[k]))
            context[k] -= context_step * (one / np.sqrt(context_square[k]))
            word_square[k] += word_step * word_step
            context_square[k] += context_step * context_step
        word[last] -= slope / np.sqrt(word_square[last])
        context[last] -= slope / np.sqrt(context_square[last])
        word_square[last] += slope * slope
        context_square[last] += slope * slope
    return cost


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
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
        error = word[last] + context[last] - logs[cell]
        for k in range(last):
            error += word[k] * context[k]
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
