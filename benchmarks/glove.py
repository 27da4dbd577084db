"""Iterations of GloVe: cells per second and cost, beside a plain NumPy baseline.

    python benchmarks/glove.py --corpus FILE [--threads 2] [--iterations 5] [--json OUT] [--score]

The counts, the weighting and the settings are those the C program was measured with: window 10,
1/distance, x_max 10, rate .05. No GloVe can be installed that is maintained; the baseline takes
AdaGrad steps for batches of cells in NumPy, on a part of the cells. Compilation is not timed.
"""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import harness
import published

BATCH = 4096


def main(arguments: Sequence[str] | None = None) -> None:
    parser = harness.parser(__doc__.splitlines()[0], dimensions=100)
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--x-max", type=float, default=published.GLOVE["x_max"])
    parser.add_argument("--score", action="store_true", help="score the vectors at the end")
    asked = parser.parse_args(arguments)
    if asked.iterations < 2:
        parser.error("--iterations: expected 2 or more; the time of the first includes the dealing")
    harness.run(asked, measure)


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the seconds of the best iteration, rates, the cost of each, and scores if asked."""
    import numpy as np
    from reading import encoded
    from scipy.sparse import csr_array

    from wordlab.corpus.vocabulary import Vocabulary
    from wordlab.embeddings import glove
    from wordlab.embeddings.counts import cooccurrence
    from wordlab.embeddings.counts.cooccurrence import Counts

    shipped = harness.params()
    counting = harness.counting(asked)
    settings = published.GLOVE | {"x_max": asked.x_max, "iterations": asked.iterations}
    training = harness.changed(shipped.glove, **settings, dimensions=asked.dimensions)
    corpus, vocabulary = encoded(asked.corpus, asked.min_count)
    counts = cooccurrence.count(corpus, vocabulary, counting, seed=1)
    pair = Counts(Vocabulary(("a", "b"), np.array([2, 1])), csr_array(np.eye(2, dtype=np.float32)))
    glove.train(pair, training, seed=1)  # compiles

    ends: list[float] = []
    costs: list[float] = []

    def note(iteration: int, metrics: Any) -> None:
        ends.append(time.perf_counter())
        costs.append(round(metrics["cost"], 4))

    vectors = glove.train(counts, training, seed=1, on_iteration=note)
    seconds = np.diff(ends)
    baseline = plain_cells_per_second(counts.matrix, training)
    figures = {
        "threads": asked.threads,
        "words": len(corpus),
        "vocabulary": len(vocabulary),
        "cells": counts.matrix.nnz,
        "iteration_s": round(float(seconds.min()), 2),
        "median_iteration_s": round(float(np.median(seconds)), 2),
        "cells_per_s": round(counts.matrix.nnz / seconds.min()),
        "numpy_cells_per_s": round(baseline),
        "costs": ",".join(map(str, costs)),
    }
    return {**figures, **harness.scores(vectors)} if asked.score else figures


def plain_cells_per_second(matrix: Any, params: Any, cells: int = 50 * BATCH) -> float:
    """Return how many cells per second batches of AdaGrad steps in NumPy get through."""
    import numpy as np

    rng = np.random.default_rng(0)
    chosen = rng.integers(0, matrix.nnz, cells)
    rows = np.searchsorted(matrix.indptr, chosen, "right") - 1
    columns, logs = matrix.indices[chosen], np.log(matrix.data[chosen])
    weights = np.minimum(1, (matrix.data[chosen] / params.x_max) ** params.exponent)
    shape = (matrix.shape[0], params.dimensions + 1)
    words, contexts = (rng.random((2, *shape), np.float32) - 0.5) / params.dimensions
    squares = np.ones((2, *shape), np.float32)
    started = time.perf_counter()
    for start in range(0, cells, BATCH):
        batch = slice(start, start + BATCH)
        i, j = rows[batch], columns[batch]
        w, c = words[i], contexts[j]
        error = (w[:, :-1] * c[:, :-1]).sum(1) + w[:, -1] + c[:, -1] - logs[batch]
        slope = (params.rate * weights[batch] * error)[:, None]
        w[:, -1] = c[:, -1] = 1
        for table, square, at, step in (
            (words, squares[0], i, slope * c),
            (contexts, squares[1], j, slope * w),
        ):
            np.subtract.at(table, at, step / np.sqrt(square[at]))
            np.add.at(square, at, step**2)
    return cells / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
