"""Word similarity: do cosines rank word pairs as people do?"""

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wordlab.errors import UserError
from wordlab.evaluation import statistics
from wordlab.evaluation.datasets import Lookup, read_lines
from wordlab.evaluation.spaces import Space


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

    def parts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the two words of each pair as ids, int64 (n,) each, whatever their case."""
        ids: dict[str, int] = {}
        both = [[ids.setdefault(word.casefold(), len(ids)) for word in pair] for pair in self.words]
        first, second = np.array(both, dtype=np.int64).reshape(-1, 2).T
        return first, second


@dataclass(frozen=True, eq=False)
class SimilarityResult:
    """The cosines of a model for a set of pairs.

    known: bool (n,), whether both words are in the vocabulary; cosines: float64 (n,), 0 where
    they are not.
    """

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
        chosen = np.ones_like(self.known) if unknown else self.known
        return statistics.spearman(self.cosines[chosen], self.pairs.gold[chosen])

    def pearson(self) -> float:
        """Return Pearson's correlation with the gold scores over the known pairs."""
        return statistics.pearson(self.cosines[self.known], self.pairs.gold[self.known])


def read_pairs(path: Path, name: str) -> WordPairs:
    """Read a file of two words and a score a line, separated by tabs, commas or spaces.

    Lines that are empty or begin with # are passed over, and so is a first line without a number
    (a header). Of several columns after the words the first that holds numbers only is the
    score, as in the original SimLex-999. A file without pairs gives none, and a warning.
    Raises UserError, naming the line, if it is anything else.
    """
    numbered = [
        (number, line.strip())
        for number, line in enumerate(read_lines(path), start=1)
        if line.strip() and not line.startswith("#")
    ]
    separator = next((s for s in "\t," if any(s in line for _, line in numbered)), None)
    rows = [(number, [cell.strip() for cell in line.split(separator)]) for number, line in numbered]
    if rows and not any(_is_number(cell) for cell in rows[0][1][2:]):
        rows = rows[1:]
    if not rows:
        warnings.warn(f"{path}: no word pairs in it", stacklevel=2)
        return WordPairs(name, (), np.zeros(0))
    width = len(rows[0][1])
    column = next(
        (i for i in range(2, width) if all(_is_number("".join(r[i : i + 1])) for _, r in rows)), 2
    )
    for number, row in rows:
        if len(row) < 3 or not _is_number(row[column]) or not row[0] or not row[1]:
            raise UserError(f"{path}, line {number}: expected two words and a score")
    return WordPairs(
        name=name,
        words=tuple((row[0], row[1]) for _, row in rows),
        gold=np.array([float(row[column]) for _, row in rows]),
    )


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def score(space: Space, pairs: WordPairs, *, ignore_case: bool) -> SimilarityResult:
    """Return the cosines of `pairs` in `space`; a pair with an unknown word has none."""
    lookup = Lookup(space.vocabulary, ignore_case=ignore_case)
    rows = [(lookup.row(first), lookup.row(second)) for first, second in pairs.words]
    known = np.array([None not in row for row in rows], dtype=bool)
    ids = np.array([row for row in rows if None not in row], dtype=np.int64).reshape(-1, 2)
    cosines = np.zeros(len(pairs))
    cosines[known] = space.between(ids[:, 0], ids[:, 1])
    return SimilarityResult(pairs, known, cosines)
