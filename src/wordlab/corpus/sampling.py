"""Which words word2vec keeps, and which it draws as noise: Mikolov et al. 2013b, section 2."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray


def keep_probabilities(
    counts: NDArray[np.int64], threshold: float, formula: Literal["reference", "paper"]
) -> NDArray[np.float64]:
    """Return the probability that an occurrence of each word is kept, float64 (V,).

    With f the word's share of the tokens and t the threshold, it is (sqrt(f/t) + 1) t/f in
    word2vec.c and sqrt(t/f) in equation 5 of Mikolov et al. 2013b; at most 1. A threshold of 0
    keeps all.
    """
    if threshold == 0:
        return np.ones(len(counts))
    ratio = threshold / (counts / counts.sum())
    kept = np.sqrt(ratio) + ratio if formula == "reference" else np.sqrt(ratio)
    return np.minimum(kept, 1.0)


def noise_probabilities(counts: NDArray[np.int64], exponent: float) -> NDArray[np.float64]:
    """Return the noise distribution, proportional to count ** exponent; float64 (V,)."""
    weights = counts.astype(np.float64) ** exponent
    return weights / weights.sum()


def alias_table(
    probabilities: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return (share, other), for drawing an outcome exactly in constant time.

    Draw a place i evenly and u in [0, 1): the outcome is i if u < share[i], else other[i]. The
    method of Vose 1991; share float64 (V,), other int32 (V,).
    """
    size = len(probabilities)
    shares = (probabilities * size).tolist()
    other = list(range(size))
    small = [i for i, share in enumerate(shares) if share < 1]
    large = [i for i, share in enumerate(shares) if share >= 1]
    while small and large:
        low, high = small.pop(), large[-1]
        other[low] = high
        shares[high] -= 1 - shares[low]
        if shares[high] < 1:
            small.append(large.pop())
    for i in small + large:
        shares[i] = 1.0
    return np.array(shares), np.array(other, dtype=np.int32)
