"""Spaces of words: what the scores need of a model, dense vectors or sparse rows alike."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors

Ids = NDArray[np.int64]


class Space(Protocol):
    """Words among which there are cosines; a row of zeros has cosine 0 with every word."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The V words, commonest first."""

    @property
    def non_negative(self) -> bool:
        """Whether no cosine can be below 0."""

    def between(self, left: Ids, right: Ids) -> NDArray[np.float64]:
        """Return the cosine of left[i] with right[i], float64 (n,)."""

    def against(self, ids: Ids, start: int, stop: int) -> NDArray[np.float32]:
        """Return the cosines of `ids` with the words start..stop, float32 (n, stop - start)."""


@dataclass(frozen=True, eq=False)
class DenseSpace:
    """The space of dense word vectors."""

    vectors: Vectors

    @property
    def vocabulary(self) -> Vocabulary:
        return self.vectors.vocabulary

    @property
    def non_negative(self) -> bool:
        return False

    def between(self, left: Ids, right: Ids) -> NDArray[np.float64]:
        unit = self.vectors.normalized
        return np.einsum("nd,nd->n", unit[left].astype(np.float64), unit[right].astype(np.float64))

    def against(self, ids: Ids, start: int, stop: int) -> NDArray[np.float32]:
        unit = self.vectors.normalized
        return unit[ids] @ unit[start:stop].T


@dataclass(frozen=True, eq=False)
class SparseSpace:
    """The space of sparse rows, such as PPMI's, which are never made dense.

    vocabulary: V words; matrix: (V, C) in CSR, one row a word.
    """

    vocabulary: Vocabulary
    matrix: scipy.sparse.csr_array = field(repr=False)

    def __post_init__(self) -> None:
        if self.matrix.shape[0] != len(self.vocabulary):
            raise ValueError(f"{len(self.vocabulary)} words but a matrix of {self.matrix.shape}")

    @cached_property
    def non_negative(self) -> bool:
        return bool(self.matrix.nnz == 0 or self.matrix.data.min() >= 0)

    @cached_property
    def normalized(self) -> scipy.sparse.csr_array:
        """float32 (V, C) in CSR: the rows at length 1; a row of zeros stays zeros."""
        rows = self.matrix.astype(np.float64)
        norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1))).ravel()
        scale = 1 / np.where(norms == 0, 1, norms)
        data = rows.data * np.repeat(scale, np.diff(rows.indptr))
        return scipy.sparse.csr_array(
            (data.astype(np.float32), rows.indices, rows.indptr), shape=rows.shape
        )

    def between(self, left: Ids, right: Ids) -> NDArray[np.float64]:
        unit = self.normalized.astype(np.float64)
        return np.asarray(unit[left].multiply(unit[right]).sum(axis=1)).ravel()

    def against(self, ids: Ids, start: int, stop: int) -> NDArray[np.float32]:
        return (self.normalized[ids] @ self.normalized[start:stop].T).toarray()


def space(model: Vectors | Space) -> Space:
    """Return `model` as a space."""
    return DenseSpace(model) if isinstance(model, Vectors) else model
