"""The shape of a space: hubs among its neighbours, and how evenly its vectors point everywhere."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from wordlab.evaluation.spaces import Space

ROUNDING = 1e-3
"""What float32 cosines may leave of an eigenvalue that is 0; the eigenvalues sum to n."""


def cosines_of_commonest(space: Space, words: int) -> NDArray[np.float64]:
    """Return the cosines among the `words` commonest words, float64 (n, n), symmetric."""
    n = min(words, len(space.vocabulary))
    cosines = space.against(np.arange(n), 0, n).astype(np.float64)
    return (cosines + cosines.T) / 2


def geometry(spaces: Mapping[str, Space], words: int, neighbours: int) -> pd.DataFrame:
    """Return hubness and isotropy of each space among its `words` commonest words, a row a model.

    words: n. skewness: of the number of times that a word is among the `neighbours` nearest of
    another, 0 without hubs (Radovanovic, Nanopoulos & Ivanovic 2010, section 2); hub, hub_share:
    the word that is most often, and the share of words it is near; orphans: the share of words
    that are never. mean_cosine: of two different words, 0 where vectors point everywhere
    (Ethayarajh 2019); isotropy: least over greatest of Z(c) = sum_w exp(c w), c being plus
    and minus each eigenvector of W'W, 1 where vectors point everywhere (Mu & Viswanath 2018,
    eq. 2); first_share: of the variance along its first direction; dimensions: the effective
    number, (sum of variances)^2 / sum of their squares. All of it is of rows at length 1.
    """
    return pd.DataFrame(
        [
            {"model": name, **_measure(space, cosines_of_commonest(space, words), neighbours)}
            for name, space in spaces.items()
        ]
    )


def _measure(space: Space, cosines: NDArray[np.float64], k: int) -> dict[str, float | str]:
    n = len(cosines)
    times = occurrences(cosines, k)
    deviation = times.std()
    skewness = ((times - times.mean()) ** 3).mean() / deviation**3 if deviation else 0.0
    hub = int(times.argmax())
    centred = cosines - cosines.mean(axis=0) - cosines.mean(axis=1)[:, None] + cosines.mean()
    with threadpool_limits(1):  # LAPACK's sums depend on its threads
        variances = np.linalg.eigvalsh(centred)
        squares, directions = np.linalg.eigh(cosines)
    total, lengths = variances.sum(), np.sqrt(np.maximum(squares, 0))
    real = squares > ROUNDING
    projected = directions[:, real] * lengths[real]
    partition = np.concatenate([np.exp(projected).sum(axis=0), np.exp(-projected).sum(axis=0)])
    return {
        "words": n,
        "skewness": float(skewness),
        "hub": space.vocabulary.words[hub],
        "hub_share": float(times[hub] / max(1, n - 1)),
        "orphans": float((times == 0).mean()),
        "mean_cosine": float((cosines.sum() - np.trace(cosines)) / max(1, n * (n - 1))),
        "isotropy": float(partition.min() / partition.max()) if partition.size else np.nan,
        "first_share": float(variances[-1] / total) if total > 0 else np.nan,
        "dimensions": float(total**2 / (variances**2).sum()) if total > 0 else np.nan,
    }


def occurrences(cosines: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return how often each word is among the k nearest of another one, int64 (n,)."""
    n = len(cosines)
    others = np.where(np.eye(n, dtype=bool), -np.inf, cosines)
    nearest = np.argsort(-others, axis=1, kind="stable")[:, : min(k, n - 1)]
    return np.bincount(nearest.ravel(), minlength=n)
