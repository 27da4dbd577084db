"""Iterations of GloVe: cells per second and cost, beside a plain NumPy baseline.

    python benchmarks/glove.py --corpus FILE [--threads 2] [--json OUT] [--iterations 5] [--score]

The counts, the weighting and the settings are those the C program was measured with: window 10,
1/distance, x_max 10, rate .05. No GloVe can be installed that is maintained; the baseline takes
AdaGrad steps for batches of cells in NumPy, on a part of the cells. Compilation is not timed.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

BATCH = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--dimensions", type=int, default=100)
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--x-max", type=float, default=10.0)
    parser.add_argument("--score", action="store_true", help="score the vectors at the end")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "WORDLAB_THREADS"):
        os.environ[name] = str(asked.threads)  # before NumPy is imported

    figures = measure(asked)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(" ".join(f"{name}={value}" for name, value in figures.items()))


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the seconds of the best iteration, rates, the cost of each, and scores if asked."""
    import numpy as np
    from reading import encoded
    from scipy.sparse import csr_array

    from wordlab.embeddings import cooccurrence, glove
    from wordlab.embeddings.cooccurrence import Counts
    from wordlab.params.embeddings import CooccurrenceParams, GloveParams
    from wordlab.text.vocabulary import Vocabulary

    counting = CooccurrenceParams(
        window=asked.window, dynamic_window=False, weighting="inverse_distance", side="both",
        subsample=0.0, subsample_formula="code", memory_mb=1024,
    )  # fmt: skip
    training = GloveParams(
        dimensions=asked.dimensions, iterations=asked.iterations, rate=0.05, x_max=asked.x_max,
        exponent=0.75, adagrad="code", vectors="sum",
    )  # fmt: skip
    corpus, vocabulary = encoded(asked.corpus, asked.min_count)
    counts = cooccurrence.count(corpus, vocabulary, counting, seed=1)
    pair = Counts(Vocabulary(("a", "b"), np.array([2, 1])), csr_array(np.eye(2, dtype=np.float32)))
    glove.train(pair, training, seed=1)  # compiles

    ends, costs = [], []

    def note(iteration: int, metrics: Any) -> None:
        ends.append(time.perf_counter())
        costs.append(round(metrics["cost"], 4))

    started = time.perf_counter()
    vectors = glove.train(counts, training, seed=1, on_iteration=note)
    seconds = np.diff(ends) if len(ends) > 1 else np.array([ends[0] - started])
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
    return {**figures, **scores(vectors)} if asked.score else figures


def plain_cells_per_second(matrix: Any, params: Any, cells: int = 50 * BATCH) -> float:
    """Return how many cells a second batches of AdaGrad steps in NumPy get through."""
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


def scores(vectors: Any) -> dict[str, float]:
    """Return WordSim-353, SimLex-999 and analogies over what the vocabulary knows."""
    from wordlab.evaluation.scores import evaluate
    from wordlab.params.evaluation import EvaluationParams

    params = EvaluationParams.model_validate(
        {
            "similarity": [{"name": n, "path": None} for n in ("wordsim353", "simlex999")],
            "analogies": {"path": None, "methods": ["3cosadd"], "restrict_vocabulary": None},
            "ignore_case": True,
            "resamples": 100,
            "confidence": 0.95,
        }
    )
    found = evaluate(vectors, params, seed=1).metrics()
    return {
        "wordsim353": found["wordsim353"]["spearman"],
        "simlex999": found["simlex999"]["spearman"],
        "analogy": found["analogy"]["3cosadd"]["total"],
    }


if __name__ == "__main__":
    main()
