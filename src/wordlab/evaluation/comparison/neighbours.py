"""Nearest neighbours: who they are, how far two spaces agree on them, hubs and anisotropy.

Also the projection of words to the plane, by principal components and t-SNE.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from wordlab.evaluation.vectors.similarity import Ids, Space
from wordlab.params.embeddings import MapParams
from wordlab.rng import derive

ROUNDING = 1e-3
"""What float32 cosines may leave of an eigenvalue that is 0; the eigenvalues sum to n."""


def cosines_of_commonest(space: Space, words: int) -> NDArray[np.float64]:
    """Return the cosines among the `words` commonest words, float64 (n, n), symmetric."""
    n = min(words, len(space.vocabulary))
    cosines = space.against(np.arange(n), slice(n)).astype(np.float64)
    return (cosines + cosines.T) / 2


def geometry(spaces: Mapping[str, Space], words: int, neighbours: int) -> pd.DataFrame:
    """Return hubness and isotropy of each space among its `words` commonest words.

    One row per model. words: n. skewness: of the number of times that a word is among the
    `neighbours` nearest of another, 0 without hubs (Radovanovic, Nanopoulos & Ivanovic 2010,
    section 2); hub, hub_share: the word that is most often, and the share of words it is near;
    orphans: the share of words that are never. mean_cosine: of two different words, 0 where vectors
    point everywhere (Ethayarajh 2019); isotropy: least over greatest of Z(c) = sum_w exp(c w), c
    being plus and minus each eigenvector of W'W, 1 where vectors point everywhere (Mu & Viswanath
    2018, eq. 2); first_share: of the variance along its first direction; dimensions: the effective
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
        near = space.against(part, slice(size))
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
            (found,), (cosines,) = nearest(space, np.array([row]), n)
            near = zip(found.tolist(), cosines.tolist(), strict=True)
            for rank, (neighbour, cosine) in enumerate(near, start=1):
                rows.append((word, model, rank, space.vocabulary.words[neighbour], cosine))
    return pd.DataFrame(rows, columns=["word", "model", "rank", "neighbour", "cosine"])


def overlap(models: Mapping[str, Space], words: int, n: int) -> pd.DataFrame:
    """Return the mean share of the `n` nearest neighbours that two models have in common.

    A square table, models by models, over the `words` commonest words that all models know,
    commonest by the first model's counts. NaN if there are none.
    """
    spaces = list(models.values())
    each = [set(space.vocabulary.words) for space in spaces]
    known = set.intersection(*each)
    chosen = [word for word in spaces[0].vocabulary.words if word in known][:words]
    number = {word: i for i, word in enumerate(sorted(set.union(*each)))}
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


FEWEST = 4
"""Words below which there is nothing to lay out by t-SNE."""


@dataclass(frozen=True, eq=False)
class Projection:
    """The commonest words of a space in the plane.

    words: n; counts: int64 (n,); pca, tsne: float64 (n, 2); near: for each word its nearest among
    all words of the space, with their cosines; explained: the share of the variance that the
    two principal components hold.
    """

    words: tuple[str, ...] = field(repr=False)
    counts: NDArray[np.int64] = field(repr=False)
    pca: NDArray[np.float64] = field(repr=False)
    tsne: NDArray[np.float64] = field(repr=False)
    near: tuple[tuple[tuple[str, float], ...], ...] = field(repr=False)
    explained: float

    def table(self) -> pd.DataFrame:
        """Return one row per word: word, count, pca_x, pca_y, tsne_x, tsne_y."""
        places = {"pca_x": self.pca[:, 0], "pca_y": self.pca[:, 1],
                  "tsne_x": self.tsne[:, 0], "tsne_y": self.tsne[:, 1]}  # fmt: skip
        return pd.DataFrame({"word": self.words, "count": self.counts, **places})

    def drawn(self) -> dict[str, Any]:
        """Return what a page draws, for JSON: words, pca and tsne (from -1 to 1), near, explained.

        explained is None where the words have no variance.
        """
        return {
            "words": list(self.words),
            "pca": _scaled(self.pca),
            "tsne": _scaled(self.tsne),
            "near": [[[word, round(cosine, 3)] for word, cosine in near] for near in self.near],
            "explained": round(self.explained, 4) if self.explained >= 0 else None,
        }


def _scaled(places: NDArray[np.float64]) -> list[list[float]]:
    """Return places moved and scaled to -1..1 in their wider direction, to four decimals."""
    middle = (places.max(axis=0) + places.min(axis=0)) / 2
    reach = float(np.abs(places - middle).max()) or 1.0
    return [[round(float(x), 4) for x in place] for place in (places - middle) / reach]


def project(space: Space, params: MapParams, *, seed: int) -> Projection:
    """Lay the `params.words` commonest words of `space` out in the plane.

    Both ways see the rows at length 1: PCA their inner products (classical scaling, Torgerson
    1952), t-SNE (van der Maaten & Hinton 2008) their distances, from the PCA on.
    """
    with threadpool_limits(1):  # sums depend on the number of threads
        cosines = cosines_of_commonest(space, params.words)
        n = len(cosines)
        near, values = nearest(space, np.arange(n), params.neighbours)
        pca, explained = principal_components(cosines)
        places = tsne(cosines, pca, params, seed=derive(seed, "t-SNE"))
    words = space.vocabulary.words
    return Projection(
        words=words[:n],
        counts=space.vocabulary.counts[:n].copy(),
        pca=pca,
        tsne=places,
        near=tuple(
            tuple((words[j], float(x)) for j, x in zip(*both, strict=True))
            for both in zip(near.tolist(), values.tolist(), strict=True)
        ),
        explained=explained,
    )


def principal_components(cosines: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return the first two principal components of rows with these inner products, float64 (n, 2).

    And the share of the variance that they hold, NaN if there is none. Of the two signs that a
    component may have, its largest value is positive.
    """
    n = len(cosines)
    centred = cosines - cosines.mean(axis=0) - cosines.mean(axis=1)[:, None] + cosines.mean()
    variances, directions = np.linalg.eigh(centred)
    places = np.zeros((n, 2))
    for column, (variance, direction) in enumerate(
        zip(variances[::-1][:2], directions.T[::-1][:2], strict=True)
    ):
        sign = np.sign(direction[np.abs(direction).argmax()]) or 1.0
        places[:, column] = sign * direction * np.sqrt(max(float(variance), 0.0))
    total = float(variances.sum())
    return places, float(variances[-2:].sum()) / total if total > 0 else float("nan")


def tsne(
    cosines: NDArray[np.float64], start: NDArray[np.float64], params: MapParams, *, seed: int
) -> NDArray[np.float64]:
    """Return the t-SNE of rows at length 1 with these cosines, float64 (n, 2).

    start: where it begins, at a small scale; of less than four words it is all there is.
    """
    from sklearn.manifold import TSNE

    n = len(cosines)
    if n < FEWEST:
        return start
    spread = start[:, 0].std() or 1.0
    model = TSNE(
        perplexity=min(params.perplexity, (n - 1) / 3),
        max_iter=params.iterations,
        metric="precomputed",
        init=(start / spread * 1e-4).astype(np.float32),
        learning_rate="auto",
        random_state=seed % 2**32,
        n_jobs=1,
    )
    distances = np.sqrt(np.maximum(2 - 2 * cosines, 0))
    np.fill_diagonal(distances, 0)
    return model.fit_transform(distances).astype(np.float64)
