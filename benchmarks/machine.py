"""What one core of this machine can do at most, to set a kernel's speed against.

    python benchmarks/machine.py [--json OUT]

- multiply_adds_per_second: of the small matrix product that word2vec's kernels are made of
  (32 x 40 x 112, float32, all in the first cache), the best of --runs;
- plain_multiply_adds_per_second: of the same product as loops of plain numba;
- copy_bytes_per_second: of copying 256 MiB, read and written bytes together, likewise.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import harness
import numpy as np
from numba import njit

from wordlab.simd import TILE_ROWS, add_product

ROWS, DEPTH, WIDTH, REPEATS = 32, 40, 112, 20_000


@njit(nogil=True)
def _products(out, a, b, repeats):  # type: ignore[no-untyped-def]
    for _ in range(repeats):
        for row in range(0, ROWS, TILE_ROWS):
            add_product(out, row, 0, WIDTH, a, row, 0, b, 0, 0, DEPTH, True)


@njit(nogil=True, fastmath={"contract"})
def _plain_products(out, a, b, repeats):  # type: ignore[no-untyped-def]
    for _ in range(repeats):
        out[:] = 0
        for row in range(ROWS):
            for k in range(DEPTH):
                for column in range(WIDTH):
                    out[row, column] += a[row, k] * b[k, column]


def best(work: Callable[[], object], runs: int) -> float:
    """Return the seconds of the fastest of `runs` runs, after one that compiles."""
    work()
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--runs", type=int, default=20, help="runs of either, the best counts")
    asked = parser.parse_args(arguments)
    out, a, b = (
        np.ones(shape, dtype=np.float32) for shape in ((ROWS, WIDTH), (ROWS, DEPTH), (DEPTH, WIDTH))
    )
    source = np.ones(64 << 20, dtype=np.float32)
    target = np.empty_like(source)
    product = best(lambda: _products(out, a, b, REPEATS), asked.runs)
    plain = best(lambda: _plain_products(out, a, b, REPEATS), asked.runs)
    copy = best(lambda: np.copyto(target, source), asked.runs)
    work = ROWS * DEPTH * WIDTH * REPEATS
    figures = {
        "multiply_adds_per_second": work / product,
        "plain_multiply_adds_per_second": work / plain,
        "copy_bytes_per_second": 2 * source.nbytes / copy,
    }
    harness.write(figures, asked.json)
    print(" ".join(f"{name}={value / 1e9:.1f}e9" for name, value in figures.items()))


if __name__ == "__main__":
    main()
