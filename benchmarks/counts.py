"""Co-occurrence counts, PPMI and its SVD, beside what SciPy and scikit-learn do on the same text.

    python benchmarks/counts.py --corpus FILE [--threads 2] [--json OUT] [--no-peers]

`count` goes from ids in memory to sparse counts, `deal` from there to GloVe's blocks; together they
are what the C program of GloVe does by `cooccur` and `shuffle`. The peer of counting adds up one
SciPy matrix a distance. The peers of the SVD are ARPACK and scikit-learn's randomized solver, the
latter with the fewest rounds that reach our residual. Compilation is not timed. Counts must be
equal to the peer's, or the benchmark fails.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--dimensions", type=int, default=300)
    parser.add_argument("--tolerance", type=float, default=0.01)
    parser.add_argument("--memory-mb", type=int, default=1024)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "WORDLAB_THREADS"):
        os.environ[name] = str(asked.threads)  # before NumPy is imported

    figures = measure(asked)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(" ".join(f"{name}={value}" for name, value in figures.items()))
    if figures.get("same_counts") is False:
        sys.exit("the counts are not those of the peer")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that `work` takes, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return seconds, rates, residuals and the peak of memory after counting."""
    from reading import encoded

    from wordlab.embeddings import cooccurrence, glove, ppmi
    from wordlab.embeddings.svd import truncated_svd
    from wordlab.params.embeddings import CooccurrenceParams, GloveParams, PpmiParams
    from wordlab.text.corpus import EncodedCorpus

    counting = CooccurrenceParams(
        window=asked.window, dynamic_window=False, weighting="inverse_distance", side="both",
        subsample=0.0, subsample_formula="code", memory_mb=asked.memory_mb,
    )  # fmt: skip
    training = GloveParams(
        dimensions=100, iterations=1, rate=0.05, x_max=10.0, exponent=0.75, adagrad="code",
        vectors="sum",
    )  # fmt: skip
    weighing = PpmiParams(
        context_exponent=0.75, shift=1.0, dimensions=asked.dimensions, eigenvalue_exponent=0.5,
        add_contexts=False, tolerance=asked.tolerance,
    )  # fmt: skip
    corpus, vocabulary = encoded(asked.corpus, asked.min_count)
    groups = glove.group_count(len(vocabulary), training.dimensions)
    ends = corpus.document_ends[corpus.document_ends <= 20_000]
    few = EncodedCorpus(corpus.tokens[: ends[-1]], ends, ends)

    with ThreadPoolExecutor(asked.threads) as pool:
        small = cooccurrence.count(few, vocabulary, counting, seed=1)  # compiles
        glove.deal_cells(small, training, groups, pool)
        truncated_svd(ppmi.ppmi(small, weighing).matrix, 2, tolerance=0.5, seed=1)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        count_s, counts = timed(lambda: cooccurrence.count(corpus, vocabulary, counting, seed=1))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        deal_s = timed(lambda: glove.deal_cells(counts, training, groups, pool))[0]
    ppmi_s, model = timed(lambda: ppmi.ppmi(counts, weighing))
    svd_s, svd = timed(
        lambda: truncated_svd(model.matrix, asked.dimensions, tolerance=asked.tolerance, seed=1)
    )
    ours = residual(model.matrix, svd.left, svd.values, svd.right)
    figures = {
        "threads": asked.threads,
        "words": len(corpus),
        "vocabulary": len(vocabulary),
        "cells": counts.matrix.nnz,
        "count_s": round(count_s, 2),
        "words_per_s": round(len(corpus) / count_s),
        "cells_per_s": round(counts.matrix.nnz / count_s),
        "deal_s": round(deal_s, 2),
        "ready_s": round(count_s + deal_s, 2),
        "memory_mb": round(peak / 1024),
        "memory_of_counting_mb": round((peak - before) / 1024),
        "ppmi_s": round(ppmi_s, 2),
        "svd_s": round(svd_s, 2),
        "svd_residual": round(ours, 5),
    }
    return figures if asked.no_peers else {**figures, **peers(asked, corpus, counts, model, ours)}


def peers(
    asked: argparse.Namespace, corpus: Any, counts: Any, model: Any, ours: float
) -> dict[str, Any]:
    """Return the seconds of the peers, and the residuals of their SVDs."""
    from scipy.sparse.linalg import svds
    from sklearn.utils.extmath import randomized_svd

    plain_s, plain = timed(lambda: plain_counts(corpus, asked.window, len(model.vocabulary)))
    difference = abs(plain - counts.matrix).max() / counts.matrix.max()
    figures: dict[str, Any] = {
        "scipy_count_s": round(plain_s, 2),
        "same_counts": bool(plain.nnz == counts.matrix.nnz and difference < 1e-6),
    }
    size = asked.dimensions
    for rounds in range(1, 20):
        seconds, (left, values, right) = timed(
            lambda rounds=rounds: randomized_svd(model.matrix, size, n_iter=rounds, random_state=0)
        )
        reached = residual(model.matrix, left, values, right.T)
        if reached <= ours:
            break
    figures |= {
        "sklearn_svd_s": round(seconds, 2),
        "sklearn_rounds": rounds,
        "sklearn_residual": round(reached, 5),
    }
    seconds, (left, values, right) = timed(
        lambda: svds(model.matrix, size, tol=asked.tolerance, solver="arpack", random_state=0)
    )
    reached = residual(model.matrix, left, values, right.T)
    return figures | {"arpack_svd_s": round(seconds, 2), "arpack_residual": round(reached, 5)}


def plain_counts(corpus: Any, window: int, size: int) -> Any:
    """Return counts weighted 1/distance, summed by SciPy from a matrix for each distance."""
    import numpy as np
    from scipy.sparse import coo_array, csr_array

    document = np.searchsorted(corpus.document_ends, np.arange(len(corpus)), "right")
    total = csr_array((size, size))
    for distance in range(1, window + 1):
        together = document[:-distance] == document[distance:]
        pair = corpus.tokens[:-distance][together], corpus.tokens[distance:][together]
        weights = np.full(len(pair[0]), 1 / distance)
        total = total + coo_array((weights, pair), shape=(size, size)).tocsr()
    return total + total.T


def residual(matrix: Any, left: Any, values: Any, right: Any) -> float:
    """Return the largest residual of a triplet, as a share of the largest singular value."""
    import numpy as np

    there = np.linalg.norm(matrix @ right - left * values, axis=0)
    back = np.linalg.norm(matrix.T @ left - right * values, axis=0)
    return float(max(there.max(), back.max()) / values.max())


if __name__ == "__main__":
    main()
