"""Co-occurrence counts, PPMI and its SVD, beside what SciPy and scikit-learn do on the same text.

    python benchmarks/counts.py --corpus FILE [--threads 2] [--json OUT] [--no-peers] [--score]

- count_s: from ids in memory to sparse counts; deal_s: from there to GloVe's blocks; ready_s: both,
  which is what the C program of GloVe does by `cooccur` and `shuffle`; words_per_s, cells_per_s: of
  count_s; memory_mb, memory_ready_mb: the largest resident memory of the process after either.
- ppmi_s, svd_s: PPMI from the counts, and its truncated SVD; svd_residual: the largest residual of
  a triplet as a share of the largest singular value; associations_ms: of one word, mean of 1,000.
- scipy_count_s: the peer of counting, the sum of one SciPy matrix per distance. Its counts must be
  ours, or the benchmark fails.
- arpack_svd_s, propack_svd_s: SciPy's svds asked for our tolerance; sklearn_svd_s: scikit-learn's
  randomized_svd with the fewest rounds that reach our residual; each with the residual it reached.
- wordsim353, simlex999, analogy: of the vectors U S^.5.

Compilation is not timed. With the peers it takes some ten minutes on a text of 17 M words.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import harness
import published
from harness import timed


def main(arguments: Sequence[str] | None = None) -> None:
    parser = harness.parser(__doc__.splitlines()[0], dimensions=300)
    parser.add_argument("--tolerance", type=float, default=published.PPMI["tolerance"])
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--score", action="store_true", help="score the vectors of the SVD")
    figures = harness.run(parser.parse_args(arguments), measure)
    if figures.get("same_counts") is False:
        sys.exit("the counts are not those of the peer")


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return seconds, rates, residuals and peaks of memory."""
    from reading import encoded

    from wordlab.corpus.corpus import EncodedCorpus
    from wordlab.embeddings import glove, ppmi
    from wordlab.embeddings.counts import cooccurrence
    from wordlab.embeddings.ppmi import truncated_svd
    from wordlab.embeddings.vectors import Vectors
    from wordlab.progress import peak_mib

    shipped = harness.params()
    counting = harness.counting(asked)
    training = harness.changed(shipped.glove, **published.GLOVE, dimensions=100)
    settings = published.PPMI | {"dimensions": asked.dimensions, "tolerance": asked.tolerance}
    weighing = harness.changed(shipped.ppmi, **settings)
    corpus, vocabulary = encoded(asked.corpus, asked.min_count)
    groups = glove.group_count(len(vocabulary), training.dimensions)
    ends = corpus.document_ends[corpus.document_ends <= 20_000]
    few = EncodedCorpus(corpus.tokens[: ends[-1]], ends, ends)

    with ThreadPoolExecutor(asked.threads) as pool:
        small = cooccurrence.count(few, vocabulary, counting, seed=1)  # compiles
        glove.deal_cells(small, training, groups, pool, range(groups))
        truncated_svd(ppmi.ppmi(small, weighing).matrix, 2, tolerance=0.5, seed=1)
        count_s, counts = timed(lambda: cooccurrence.count(corpus, vocabulary, counting, seed=1))
        memory = round(peak_mib())
        deal_s = timed(lambda: glove.deal_cells(counts, training, groups, pool, range(groups)))[0]
        memory_ready = round(peak_mib())
    ppmi_s, model = timed(lambda: ppmi.ppmi(counts, weighing))
    common = vocabulary.words[:1000]
    associations_s = timed(lambda: [model.associations(word, 10) for word in common])[0]
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
        "memory_mb": memory,
        "memory_ready_mb": memory_ready,
        "ppmi_s": round(ppmi_s, 2),
        "associations_ms": round(1000 * associations_s / len(common), 2),
        "svd_s": round(svd_s, 2),
        "svd_residual": f"{ours:.2g}",
    }
    if asked.score:
        vectors = svd.left * svd.values**weighing.eigenvalue_exponent
        figures |= harness.scores(Vectors(vocabulary, vectors, {}))
    return figures if asked.no_peers else {**figures, **peers(asked, corpus, counts, model, ours)}


def peers(
    asked: argparse.Namespace, corpus: Any, counts: Any, model: Any, ours: float
) -> dict[str, Any]:
    """Return the seconds of the peers, and the residuals of their SVDs."""
    from scipy.sparse.linalg import svds

    plain_s, plain = timed(lambda: plain_counts(corpus, asked.window, len(model.vocabulary)))
    difference = abs(plain - counts.matrix).max() / counts.matrix.max()
    figures: dict[str, Any] = {
        "scipy_count_s": round(plain_s, 2),
        "same_counts": bool(plain.nnz == counts.matrix.nnz and difference < 1e-6),
    }
    size = asked.dimensions
    for solver in ("arpack", "propack"):
        seconds, (left, values, right) = timed(
            lambda solver=solver: svds(
                model.matrix, size, tol=asked.tolerance, solver=solver, random_state=0
            )
        )
        reached = residual(model.matrix, left, values, right.T)
        figures |= {f"{solver}_svd_s": round(seconds, 2), f"{solver}_residual": f"{reached:.2g}"}
    return figures | randomized(model.matrix, size, ours)


def randomized(matrix: Any, size: int, wanted: float) -> dict[str, Any]:
    """Return what scikit-learn's solver takes with the fewest rounds that reach a residual."""
    from sklearn.utils.extmath import randomized_svd

    tried: dict[int, tuple[float, float]] = {}
    rounds = 4  # its own choice for a matrix of this kind
    while rounds not in tried:
        seconds, (left, values, right) = timed(
            lambda rounds=rounds: randomized_svd(matrix, size, n_iter=rounds, random_state=0)
        )
        tried[rounds] = seconds, residual(matrix, left, values, right.T)
        rounds += 1 if tried[rounds][1] > wanted else -1
    fewest = min(n for n, (_, reached) in tried.items() if reached <= wanted)
    seconds, reached = tried[fewest]
    return {
        "sklearn_svd_s": round(seconds, 2),
        "sklearn_rounds": fewest,
        "sklearn_residual": f"{reached:.2g}",
    }


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
