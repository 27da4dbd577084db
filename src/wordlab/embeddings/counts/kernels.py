"""Compiled kernels of co-occurrence counting: one row of the matrix at a time, in whole units.

A row is summed in an array as long as the vocabulary, beside a bitmap of two levels that marks the
cells in use, so that these come out in the order of their columns, without a sort and without
reading the others.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

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
