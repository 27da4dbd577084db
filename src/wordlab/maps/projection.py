"""Words in the plane: principal components, and t-SNE."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from wordlab.evaluation import neighbours
from wordlab.evaluation.geometry import cosines_of_commonest
from wordlab.evaluation.spaces import Space
from wordlab.params.maps import MapParams
from wordlab.rng import derive

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
        """Return a row a word: word, count, pca_x, pca_y, tsne_x, tsne_y."""
        places = {"pca_x": self.pca[:, 0], "pca_y": self.pca[:, 1],
                  "tsne_x": self.tsne[:, 0], "tsne_y": self.tsne[:, 1]}  # fmt: skip
        return pd.DataFrame({"word": self.words, "count": self.counts, **places})


def project(space: Space, params: MapParams, *, seed: int) -> Projection:
    """Lay the `params.words` commonest words of `space` out in the plane.

    Both ways see the rows at length 1: PCA their inner products (classical scaling, Torgerson
    1952), t-SNE (van der Maaten & Hinton 2008) their distances, from the PCA on.
    """
    with threadpool_limits(1):  # sums depend on the number of threads
        cosines = cosines_of_commonest(space, params.words)
        n = len(cosines)
        near, values = neighbours.nearest(space, np.arange(n), params.neighbours)
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
