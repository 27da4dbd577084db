"""Nearest neighbours in any space, and how far two spaces agree about them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.evaluation.spaces import Ids, Space

ROWS = 256
"""Words whose cosines with all others are held at once."""


def nearest(space: Space, ids: Ids, n: int) -> tuple[Ids, NDArray[np.float32]]:
    """Return the `n` words of highest cosine with each of `ids`, nearest first, without itself.

    int64 (len(ids), m) and float32 (len(ids), m), m being n or all other words if they are fewer;
    of words equally near, the commoner comes first.
    """
    size = len(space.vocabulary)
    n = min(n, size - 1)
    found = np.empty((len(ids), n), dtype=np.int64)
    cosines = np.empty((len(ids), n), dtype=np.float32)
    for start in range(0, len(ids), ROWS):
        part = ids[start : start + ROWS]
        near = space.against(part, 0, size)
        near[np.arange(len(part)), part] = -np.inf
        if n == 0:
            continue
        threshold = np.partition(near, size - n, axis=1)[:, size - n]
        for i, row in enumerate(near):
            candidates = np.flatnonzero(row >= threshold[i])
            best = candidates[np.argsort(-row[candidates], kind="stable")[:n]]
            found[start + i], cosines[start + i] = best, row[best]
    return found, cosines


def table(models: Mapping[str, Space], words: Sequence[str], n: int) -> pd.DataFrame:
    """Return the neighbours of `words` by model: word, model, rank (from 1), neighbour, cosine.

    A word that a model does not know has no rows for it.
    """
    rows = []
    for word in words:
        for model, space in models.items():
            row = space.vocabulary.id(word)
            if row is None:
                continue
            found, cosines = nearest(space, np.array([row]), n)
            rows += [
                {
                    "word": word,
                    "model": model,
                    "rank": rank,
                    "neighbour": space.vocabulary.words[neighbour],
                    "cosine": float(cosine),
                }
                for rank, (neighbour, cosine) in enumerate(
                    zip(found[0], cosines[0], strict=True), start=1
                )
            ]
    return pd.DataFrame(rows, columns=["word", "model", "rank", "neighbour", "cosine"])


def overlap(models: Mapping[str, Space], words: int, n: int) -> pd.DataFrame:
    """Return the mean share of the `n` nearest neighbours that two models have in common.

    A square table, models by models, over the `words` commonest words that all models know,
    commonest by the first model's counts. NaN if there are none.
    """
    spaces = list(models.values())
    known = set.intersection(*(set(space.vocabulary.words) for space in spaces))
    chosen = [word for word in spaces[0].vocabulary.words if word in known][:words]
    number = {word: i for i, word in enumerate(sorted(set().union(*map(_words, spaces))))}
    sets = []
    for space in spaces:
        ids = np.array([space.vocabulary.index[word] for word in chosen], dtype=np.int64)
        places = np.array([number[word] for word in space.vocabulary.words])
        near = places[nearest(space, ids, n)[0]]
        # a number of its own for each word and neighbour, so that one intersection does for all
        sets.append((near + np.arange(len(chosen))[:, None] * len(number)).ravel())
    shares = [
        [len(np.intersect1d(a, b)) / max(len(a), len(b)) if len(a) else np.nan for b in sets]
        for a in sets
    ]
    return pd.DataFrame(shares, index=list(models), columns=list(models))


def _words(space: Space) -> tuple[str, ...]:
    return space.vocabulary.words
