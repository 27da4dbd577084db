"""Compiled kernels for sparse matrices in compressed rows."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, fastmath={"contract"})
def multiply_rows(
    data: NDArray[np.floating[Any]],
    indices: NDArray[np.int32],
    indptr: NDArray[np.int32],
    dense: NDArray[np.floating[Any]],
    product: NDArray[np.floating[Any]],
    first: int,
    last: int,
) -> None:
    """Write rows `first` to `last` of (sparse matrix) @ dense into `product`, which it mutates."""
    width = dense.shape[1]
    for row in range(first, last):
        product[row, :] = 0
        for cell in range(indptr[row], indptr[row + 1]):
            weight = data[cell]
            column = indices[cell]
            for k in range(width):
                product[row, k] += weight * dense[column, k]
