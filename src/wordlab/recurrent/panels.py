"""Products of small matrices with a weight that is used at many steps, compiled.

The weight is laid out once, in panels of the columns that one tile of sums has; at each step a
panel then stays in the first cache while all rows are multiplied by it. Every sum has the order of
its terms, whatever the sizes of panels and tiles.
"""

from typing import Any

import numpy as np
from numba import njit

from wordlab import simd
from wordlab.simd import TILE_ROWS, add_product

PANEL = 3 * simd.LANES
"""Columns of a weight that lie together, those of one tile of sums."""
DEPTH = 256
"""Rows of a panel that are gone through together, so that they stay in the first cache."""
COLUMNS = 16
"""Columns of products are rounded up to a multiple of it."""


@njit(nogil=True, cache=True)
def packed(weight: Any) -> Any:
    """Return a weight (K, N) in panels of columns, (K * panels, PANEL), for `multiply`.

    weight: any strides; the columns after the last are zeros.
    """
    depth, width = weight.shape
    panels = (width + PANEL - 1) // PANEL
    out = np.zeros((depth * panels, PANEL), np.float32)
    for panel in range(panels):
        start = panel * PANEL
        for k in range(depth):
            for column in range(min(PANEL, width - start)):
                out[panel * depth + k, column] = weight[k, start + column]
    return out


@njit(nogil=True, cache=True)
def multiply(out: Any, a: Any, panels: Any, depth: int) -> None:
    """Set out (R, N) to a (R, K) times a packed weight; R and N are rounded up."""
    rows, width = out.shape
    for start in range(0, width, PANEL):
        first, columns = start // PANEL * depth, min(PANEL, width - start)
        for k in range(0, depth, DEPTH):
            terms = min(DEPTH, depth - k)
            for row in range(0, rows, TILE_ROWS):
                add_product(
                    out, row, start, columns, a, row, k, panels, first + k, 0, terms, k == 0
                )
