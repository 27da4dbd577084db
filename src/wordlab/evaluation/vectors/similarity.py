"""Cosines between the words of any model, and whether they rank word pairs as people do."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import notice
from wordlab.evaluation import statistics
from wordlab.evaluation.statistics import CrossedResamples, Floats
from wordlab.evaluation.vectors.tables import columns_of, read_table

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

    def against(self, ids: Ids, others: Ids | slice) -> NDArray[np.float32]:
        """Return the cosines of n words with m others, float32 (n, m)."""

    def among(self, ids: Ids) -> NDArray[np.float64]:
        """Return the cosines of `ids` with one another, float64 (n, n)."""


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

    def against(self, ids: Ids, others: Ids | slice) -> NDArray[np.float32]:
        unit = self.vectors.normalized
        return unit[ids] @ unit[others].T

    def among(self, ids: Ids) -> NDArray[np.float64]:
        unit = self.vectors.normalized[ids].astype(np.float64)
        return unit @ unit.T


@dataclass(frozen=True, eq=False)
class SparseSpace:
    """The space of sparse rows, such as PPMI's, which are never made dense.

    vocabulary: V words; matrix: (V, C) in CSR, one row per word.
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

    def against(self, ids: Ids, others: Ids | slice) -> NDArray[np.float32]:
        return (self.normalized[ids] @ self.normalized[others].T).toarray()

    def among(self, ids: Ids) -> NDArray[np.float64]:
        unit = self.normalized[ids].astype(np.float64)
        return (unit @ unit.T).toarray()


def space(model: Vectors | Space) -> Space:
    """Return `model` as a space."""
    return DenseSpace(model) if isinstance(model, Vectors) else model


class Lookup:
    """Finds the row of a word in a vocabulary, or the commonest spelling of it.

    ignore_case: words that differ in case only are one word, found at its lowest id.
    size: only the `size` commonest rows are found; None for all.
    """

    def __init__(
        self, vocabulary: Vocabulary, *, ignore_case: bool, size: int | None = None
    ) -> None:
        self.vocabulary = vocabulary
        self.size = min(size or len(vocabulary), len(vocabulary))
        self._ignore_case = ignore_case
        words = vocabulary.words[: self.size]
        self.forms = [word.casefold() for word in words] if ignore_case else list(words)
        self._rows = dict(zip(reversed(self.forms), range(self.size - 1, -1, -1), strict=True))

    def form(self, word: str) -> str:
        """Return the form that `word` shares with its other spellings."""
        return word.casefold() if self._ignore_case else word

    def row(self, word: str) -> int | None:
        """Return the row of `word`, or None if it is unknown."""
        return self._rows.get(self.form(word))

    def spellings(self, row: int) -> list[int]:
        """Return the rows of all spellings of the word at `row`, itself among them."""
        if len(self._rows) == self.size:
            return [row]
        return self._spellings[self.forms[row]]

    @cached_property
    def _spellings(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for row, form in enumerate(self.forms):
            found.setdefault(form, []).append(row)
        return found


@lru_cache(maxsize=4)
def lookup_in(vocabulary: Vocabulary, *, ignore_case: bool, size: int | None = None) -> Lookup:
    """Return `Lookup` of a vocabulary, made once for all sets that are asked one after another."""
    return Lookup(vocabulary, ignore_case=ignore_case, size=size)


def numbered(pairs: Iterable[tuple[Hashable, Hashable]]) -> tuple[Ids, Ids]:
    """Return the first and the second part of each pair, as ids from 0, int64 (n,) each."""
    ids: dict[Hashable, int] = {}
    both = [[ids.setdefault(part, len(ids)) for part in pair] for pair in pairs]
    first, second = np.array(both, dtype=np.int64).reshape(-1, 2).T
    return first, second


@dataclass(frozen=True, eq=False)
class WordPairs:
    """Pairs of words with the scores people gave them.

    name: of the set; words: n pairs; gold: float64 (n,).
    """

    name: str
    words: tuple[tuple[str, str], ...] = field(repr=False)
    gold: NDArray[np.float64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.words)

    def parts(self) -> tuple[Ids, Ids]:
        """Return the two words of each pair as ids, int64 (n,) each, whatever their case."""
        return numbered((a.casefold(), b.casefold()) for a, b in self.words)


class Items(Protocol):
    """What is asked: n items. Two are the same only if they are one object."""

    def __hash__(self) -> int: ...

    def parts(self) -> tuple[Ids, Ids]:
        """Return the two parts of each item, which others may share, as ids, int64 (n,) each."""


class Answered(Protocol):
    """What a model makes of n items, in a task of any kind. least: the lowest score there is."""

    least: ClassVar[float]

    @property
    def items(self) -> Items:
        """What was asked."""

    @property
    def known(self) -> NDArray[np.bool_]:
        """Of which items the model knows the words, bool (n,)."""

    def score(self, among: NDArray[np.bool_]) -> float:
        """Return the score over the items of `among`, all of them known."""

    def resampled(self, among: NDArray[np.bool_], crossed: CrossedResamples) -> Floats:
        """Return the same in resamples of the items of `among`, (2R,)."""


@dataclass(frozen=True, eq=False)
class SimilarityResult:
    """The cosines of a model for a set of pairs.

    known: bool (n,), whether both words are in the vocabulary; cosines: float64 (n,), 0 where
    they are not.
    """

    least: ClassVar[float] = -1.0
    pairs: WordPairs
    known: NDArray[np.bool_] = field(repr=False)
    cosines: NDArray[np.float64] = field(repr=False)

    @property
    def n(self) -> int:
        """How many pairs have both words known."""
        return int(self.known.sum())

    @property
    def coverage(self) -> float:
        """The share of the pairs with both words known; NaN if there are no pairs."""
        return self.n / len(self.pairs) if len(self.pairs) else float("nan")

    def spearman(self, *, unknown: bool = False) -> float:
        """Return Spearman's correlation with the gold scores over the known pairs.

        unknown: over all pairs, those with an unknown word at cosine 0.
        """
        return self.score(np.ones_like(self.known) if unknown else self.known)

    def pearson(self) -> float:
        """Return Pearson's correlation with the gold scores over the known pairs."""
        return statistics.pearson(self.cosines[self.known], self.pairs.gold[self.known])

    @property
    def items(self) -> WordPairs:
        """What was asked."""
        return self.pairs

    def score(self, among: NDArray[np.bool_]) -> float:
        """Return Spearman's correlation over the items of `among`, all of them known."""
        return statistics.spearman(self.cosines[among], self.pairs.gold[among])

    def resampled(self, among: NDArray[np.bool_], crossed: CrossedResamples) -> Floats:
        """Return the same in resamples of the items of `among`, (2R,)."""
        return crossed.spearman(self.cosines[among], self.pairs.gold[among])


def read_pairs(path: Path, name: str) -> WordPairs:
    """Read a file of two words and a score per line: tabs, semicolons, commas or blanks between.

    Cells may be quoted. Skips a header, and lines that are empty or begin with #;
    `tables.columns_of` finds the columns of words and scores. A file without pairs gives none, and
    a warning. Raises UserError, naming the line, if it is anything else.
    """
    what = "two words and a score"
    table = read_table(path, 3, what)
    at = columns_of(table) if table.rows else None
    begin = 0 if at is None or at.header is None else 1
    if at is None or len(table.rows) == begin:
        notice(f"{path}: no word pairs in it")
        return WordPairs(name, (), np.zeros(0))
    words, gold = [], []
    for i, row in enumerate(table.rows[begin:], start=begin):
        score = table.number(row[at.score])
        if score is None or not row[at.first] or not row[at.second]:
            raise table.fault(i, f"{what}; found {', '.join(map(repr, row))}")
        words.append((row[at.first], row[at.second]))
        gold.append(score)
    table.say_comments_like(at.score)
    return WordPairs(name, tuple(words), np.array(gold))


def score(space: Space, pairs: WordPairs, *, ignore_case: bool) -> SimilarityResult:
    """Return the cosines of `pairs` in `space`; a pair with an unknown word has none."""
    lookup = lookup_in(space.vocabulary, ignore_case=ignore_case)
    rows = [(lookup.row(first), lookup.row(second)) for first, second in pairs.words]
    known = np.array([None not in row for row in rows], dtype=bool)
    ids = np.array([row for row in rows if None not in row], dtype=np.int64).reshape(-1, 2)
    cosines = np.zeros(len(pairs))
    cosines[known] = space.between(ids[:, 0], ids[:, 1])
    return SimilarityResult(pairs, known, cosines)
