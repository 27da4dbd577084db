"""What draws of the documents say of neighbours: which of them another text would give too."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.embeddings.draws import Draws
from wordlab.evaluation import statistics
from wordlab.evaluation.comparison.neighbours import ROWS, nearest
from wordlab.evaluation.statistics import Floats
from wordlab.evaluation.vectors.similarity import DenseSpace, Ids

COLUMNS = ["word", "neighbour", "cosine", "rank", "times", "draws", "share", "low", "high"]


def neighbours(
    space: DenseSpace, draws: Draws, words: Sequence[str], n: int, confidence: float
) -> pd.DataFrame:
    """Return the words that are among the `n` nearest of `words`, in `space` or in any draw.

    space: of the whole text, with the words of `draws`. One row per word and neighbour, nearest
    first: cosine and rank (from 1) in `space`; times, in how many of the `draws` that have the word
    the neighbour is among the n nearest, and their share; low, high: the ranks that it has in
    `confidence` of other texts of the kind (`statistics.elsewhere` of its logarithm), NaN where the
    text has too few documents, or either word is in too few of them (`Nearer`). A neighbour that a
    draw lacks comes after all words there; high is infinite where other texts may lack it, too.

    The share is no forecast: two texts have no document in common, a draw has most of its own.
    """
    ids = np.array([space.vocabulary.index[word] for word in words], dtype=np.int64)
    size = len(space.vocabulary)
    n = min(n, size - 1)  # the rank `size` is that of words without a vector
    whole = cosines_of(space.vectors.normalized, ids)
    drawn = [cosines_of(draws.unit(number), ids) for number in range(len(draws))]
    parts = []
    for place, word in enumerate(words):
        known = [one[place] for one in drawn if np.isfinite(one[place]).any()]
        ranked = np.stack([ranks(row) for row in (whole[place], *known)])
        found = np.flatnonzero((ranked <= n).any(axis=0))
        of_text, of_draws = ranked[0, found], ranked[1:, found]
        times = (of_draws <= n).sum(axis=0)
        ends = np.exp(np.clip(believed(np.log(of_draws.T), draws, confidence), 0, np.log(size)))
        rare = np.minimum(draws.document_counts[found], draws.document_counts[ids[place]])
        ends[rare < statistics.FEWEST] = math.nan
        low, high = np.round(ends).T
        part = pd.DataFrame(
            {
                "word": word,
                "neighbour": [space.vocabulary.words[i] for i in found],
                "cosine": whole[place][found],
                "rank": of_text,
                "times": times,
                "draws": len(known),
                "share": times / max(1, len(known)),
                "low": low,
                "high": np.where(high < size, high, high * np.inf),
            }
        )
        parts.append(part.sort_values("rank"))
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def cosines_of(unit: NDArray[np.float32], ids: Ids) -> NDArray[np.float32]:
    """Return the cosines of `ids` with all words, -inf for itself and for what has no vector."""
    cosines = unit[ids] @ unit.T
    cosines[:, ~unit.any(axis=1)] = -np.inf
    cosines[~unit[ids].any(axis=1)] = -np.inf
    cosines[np.arange(len(ids)), ids] = -np.inf
    return cosines


def ranks(cosines: NDArray[np.float32]) -> Ids:
    """Return the ranks of all words by their cosines (V,), from 1, V where one is not finite.

    Of words equally near, the commoner comes first.
    """
    order = np.argsort(-cosines, kind="stable")
    found = np.empty(len(order), dtype=np.int64)
    found[order] = np.arange(1, len(order) + 1)
    found[~np.isfinite(cosines)] = len(found)
    return found


def stability(space: DenseSpace, draws: Draws, ids: Ids, n: int) -> NDArray[np.float64]:
    """Return how stable each of the words `ids` is: the share of its neighbours that draws keep.

    The mean, over its `n` nearest in `space` and the draws that have the word, of whether the
    neighbour is among the n nearest there, float64 (len(ids),); NaN for a word that no draw has.
    """
    near, _ = nearest(space, ids, n)
    n = near.shape[1]
    kept = np.zeros((len(draws), len(ids)))
    known = np.zeros(kept.shape, dtype=bool)
    for number in range(len(draws)):
        unit = draws.unit(number)
        known[number] = unit[ids].any(axis=1)
        for start in range(0, len(ids), ROWS):
            part = slice(start, start + ROWS)
            cosines = cosines_of(unit, ids[part])
            nth = np.partition(cosines, -n, axis=1)[:, [-n]]
            own = np.take_along_axis(cosines, near[part], axis=1)
            kept[number, part] = ((own >= nth) & np.isfinite(own)).mean(axis=1)
    with np.errstate(invalid="ignore"):
        return kept.sum(axis=0, where=known) / known.sum(axis=0)


@dataclass(frozen=True)
class Nearer:
    """Which of two words is nearer to a third.

    cosines: of the first and the second, in the whole text; times: in how many of the `draws` that
    have all three words the first is nearer; low, high: the difference of their cosines in other
    texts of the kind, NaN where less than `statistics.FEWEST` documents have one of the words:
    draws then repeat the same few, and differ too little; verdict: 0 if the first is nearer, 1 if
    the second is, None where that is not decided, because the interval does not leave out 0.
    """

    cosines: tuple[float, float]
    times: int
    draws: int
    low: float
    high: float

    @property
    def difference(self) -> float:
        """By how much the first cosine exceeds the second in the whole text."""
        return self.cosines[0] - self.cosines[1]

    @property
    def verdict(self) -> int | None:
        if self.low > 0:
            return 0
        return 1 if self.high < 0 else None


def nearer(space: DenseSpace, draws: Draws, ids: tuple[int, int, int], confidence: float) -> Nearer:
    """Return whether the second or the third of `ids` is nearer to the first, by cosine."""
    word, first, second = ids
    whole = space.between(np.array([word, word]), np.array([first, second]))
    rows = np.asarray(draws.rows[:, list(ids)], dtype=np.float64)
    known = (rows != 0).any(axis=2).all(axis=1)
    cosines = np.einsum("bd,bnd->bn", rows[known, 0], rows[known, 1:])
    drawn = cosines[:, 0] - cosines[:, 1]
    low, high = believed(drawn, draws, confidence)
    if draws.document_counts[list(ids)].min() < statistics.FEWEST:
        low = high = math.nan
    return Nearer(
        (float(whole[0]), float(whole[1])), int((drawn > 0).sum()), len(drawn),
        float(low), float(high),
    )  # fmt: skip


def believed(drawn: Floats, draws: Draws, confidence: float, centre: float | None = None) -> Floats:
    """Return `statistics.elsewhere`, NaN where the text has too few documents."""
    if draws.documents < statistics.FEWEST:
        return np.full((*drawn.shape[:-1], 2), math.nan)
    return statistics.elsewhere(drawn, confidence, centre)
