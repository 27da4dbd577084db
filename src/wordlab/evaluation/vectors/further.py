"""Tasks besides similarity and analogies: categories, odd ones out, degrees, and relations.

All of them need no more than cosines, so any `Space` can be asked. With unit vectors x_w and
G(v, w) = x_v . x_w, the offsets of two pairs have the product

    (x_b - x_a) . (x_d - x_c) = G(b, d) - G(b, c) - G(a, d) + G(a, c)
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.cluster import hierarchy

from wordlab.evaluation import statistics
from wordlab.evaluation.statistics import CrossedResamples, Floats
from wordlab.evaluation.vectors.similarity import Ids, Space, lookup_in, numbered
from wordlab.evaluation.vectors.tables import read_table, word_columns
from wordlab.progress import thread_count

UNRELATED = "unrelated"
"""Pairs of words that are in lists of relations, but in different pairs, drawn at random."""
BLOCK = 256
"""Pairs whose offsets are compared with all others at once."""


@dataclass(frozen=True, eq=False)
class Categories:
    """Words to be sorted into their categories.

    word: n words; categories: names; category: int64 (n,), that of each word. A word may be in
    several.
    """

    name: str
    word: tuple[str, ...] = field(repr=False)
    categories: tuple[str, ...]
    category: Ids = field(repr=False)

    def __len__(self) -> int:
        return len(self.word)

    @property
    def words(self) -> tuple[tuple[str, ...], ...]:
        return tuple((word,) for word in self.word)

    def parts(self) -> tuple[Ids, Ids]:
        """Return what a word and its neighbour share: nothing."""
        ids = np.arange(len(self))
        return ids, ids + len(self)


def sort_into_categories(space: Space, items: Categories, *, ignore_case: bool) -> "Guesses":
    """Return which known words are of the commonest category of their cluster.

    Their share is the purity of the clusters, which are made by Ward's method (Ward 1963) of unit
    vectors, as many as these words have categories. In resamples the clusters and their categories
    stay: found anew in each, they would suit the words drawn better than new ones.
    """
    rows = _rows(space, items.word, ignore_case)
    known, correct = rows >= 0, np.zeros(len(items), dtype=bool)
    category = items.category[known]
    if len(category) < 2:
        return Guesses(items, known, known, "purity")
    distances = np.sqrt(np.maximum(2 - 2 * space.among(rows[known]), 0))
    tree = hierarchy.linkage(distances[np.triu_indices(len(distances), 1)], method="ward")
    cluster = hierarchy.fcluster(tree, len(np.unique(category)), "maxclust") - 1
    counts = np.zeros((cluster.max() + 1, len(items.categories)), dtype=np.int64)
    np.add.at(counts, (cluster, category), 1)
    correct[known] = counts.argmax(axis=1)[cluster] == category
    return Guesses(items, known, correct, "purity")


@dataclass(frozen=True, eq=False)
class Puzzles:
    """Groups of words of which the last does not belong.

    words: n groups, the odd word at the end; group: int64 (n,), which share their other words.
    """

    name: str
    words: tuple[tuple[str, ...], ...] = field(repr=False)
    group: Ids = field(repr=False)

    def __len__(self) -> int:
        return len(self.words)

    def parts(self) -> tuple[Ids, Ids]:
        """Return the group of each puzzle, and its number after these."""
        return self.group, np.arange(len(self)) + int(self.group.max(initial=0)) + 1


@dataclass(frozen=True, eq=False)
class Related:
    """Pairs of words in known relations.

    words: n pairs; relations: names; relation: int64 (n,), that of each pair.
    """

    name: str
    words: tuple[tuple[str, str], ...] = field(repr=False)
    relations: tuple[str, ...]
    relation: Ids = field(repr=False)

    def __len__(self) -> int:
        return len(self.words)

    def parts(self) -> tuple[Ids, Ids]:
        """Return the two words of each pair as ids, int64 (n,) each, whatever their case."""
        return numbered((a.casefold(), b.casefold()) for a, b in self.words)

    def by_relation(self) -> dict[str, list[tuple[str, str]]]:
        """Return the pairs of each relation."""
        found: dict[str, list[tuple[str, str]]] = {name: [] for name in self.relations}
        for pair, relation in zip(self.words, self.relation.tolist(), strict=True):
            found[self.relations[relation]].append(pair)
        return found


def read_relations(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the pairs by relation of a file with a relation and two words per line, tabs between.

    Cells may be quoted, and lines that are empty or begin with # are passed over. So is a header,
    which calls the first column relation, or two columns word 1 and word 2, wherever these are.
    Raises UserError, naming the line, if it is anything else.
    """
    table = read_table(path, 3, "a relation and two words", separators="\t")
    if any(len(row) != 3 for row in table.rows[:1]):
        raise table.fault(0, "a relation and two words, tabs between")
    top = [cell.casefold() for row in table.rows[:1] for cell in row]
    named = word_columns(top)
    if named is None and "relation" in top[1:]:
        raise table.fault(0, "a relation first, or columns that a header calls word1 and word2")
    first, second = named or (1, 2)
    found: dict[str, list[tuple[str, str]]] = {}
    for i, row in enumerate(table.rows):
        if i == 0 and (named or row[0].casefold() == "relation"):
            continue
        if not all(row):
            raise table.fault(i, "a relation and two words, tabs between")
        relation = row[3 - first - second]
        if relation == UNRELATED:
            raise table.fault(i, f"a relation; `{UNRELATED}` pairs are drawn, not read")
        found.setdefault(relation, []).append((row[first], row[second]))
    return found


@dataclass(frozen=True, eq=False)
class Guesses:
    """Which puzzles a model solves, whose relations it guesses, which words it sorts well.

    known: bool (n,); correct: bool (n,), False where unknown; measure: what their share is called.
    """

    least: ClassVar[float] = 0.0
    items: Categories | Puzzles | Related
    known: NDArray[np.bool_] = field(repr=False)
    correct: NDArray[np.bool_] = field(repr=False)
    measure: str = "share right"

    def score(self, among: NDArray[np.bool_]) -> float:
        """Return the share of right ones among the items of `among`, all of them known."""
        return float(self.correct[among].mean()) if among.any() else float("nan")

    def resampled(self, among: NDArray[np.bool_], crossed: CrossedResamples) -> Floats:
        """Return the same in resamples of the items of `among`, (2R,)."""
        return crossed.means(self.correct[among])


def spot_odd_ones(space: Space, puzzles: Puzzles, *, ignore_case: bool) -> Guesses:
    """Return which odd words have the lowest mean cosine with the other words of their group.

    That is the lowest cosine with the mean of all unit vectors of the group. An unknown word of a
    group is left out; at least two are known besides the odd one.
    """
    lookup = lookup_in(space.vocabulary, ignore_case=ignore_case)
    known, correct = np.zeros((2, len(puzzles)), dtype=bool)
    for number, (*words, odd) in enumerate(puzzles.words):
        rows = [row for word in words if (row := lookup.row(word)) is not None]
        last = lookup.row(odd)
        if last is None or len(rows) < 2:
            continue
        known[number] = True
        sums = space.among(np.array([*rows, last])).sum(axis=1)
        correct[number] = sums[-1] < sums[:-1].min()
    return Guesses(puzzles, known, correct)


def guess_relations(space: Space, related: Related, *, ignore_case: bool) -> Guesses:
    """Return for which pairs the nearest other pair, by the cosine of offsets, is in the same
    relation.

    Pairs that share a word with the pair are not asked, so that no word gives its relation away
    (Levy et al. 2015, "Do supervised distributional methods really learn lexical inference
    relations?").
    """
    lookup = lookup_in(space.vocabulary, ignore_case=ignore_case)
    found = [(lookup.row(a), lookup.row(b)) for a, b in related.words]
    known = np.array([None not in pair and len(set(pair)) == 2 for pair in found], dtype=bool)
    correct = np.zeros(len(related), dtype=bool)
    rows = np.array([p for p, k in zip(found, known, strict=True) if k], np.int64).reshape(-1, 2)
    words, places = np.unique(rows, return_inverse=True)
    places = places.reshape(-1, 2)
    a, b = places.T
    lengths = np.sqrt(np.maximum(2 - 2 * space.between(*rows.T), 1e-6)).astype(np.float32)
    relation, right = related.relation[known], np.zeros(len(rows), dtype=bool)
    numbers = np.repeat(np.arange(len(rows)), 2)
    ones, shape = np.ones(len(numbers)), (len(rows), len(words))
    holds = scipy.sparse.csr_array((ones, (numbers, places.ravel())), shape)

    def guess(start: int) -> None:
        own = slice(start, start + BLOCK)
        asked, at = np.unique(places[own], return_inverse=True)
        cosines = space.against(words[asked], words)
        first, second = at.reshape(-1, 2).T
        offsets = cosines[second] - cosines[first]  # (block, words), of each with every word
        products = np.take(offsets, b, axis=1)
        products -= np.take(offsets, a, axis=1)
        products /= lengths
        products[(holds[own] @ holds.T).nonzero()] = -np.inf
        best = products.argmax(axis=1)
        answered = np.isfinite(products[np.arange(len(best)), best])
        right[own] = answered & (relation[best] == relation[own])

    with ThreadPoolExecutor(thread_count()) as pool:
        list(pool.map(guess, range(0, len(rows), BLOCK)))
    correct[known] = right
    return Guesses(related, known, correct)


@dataclass(frozen=True, eq=False)
class Degrees:
    """Pairs of words, and how well each stands for its relation (Jurgens et al. 2012).

    words: n pairs; relations: names; relation: int64 (n,), that of each pair; gold: float64 (n,);
    examples: the pairs that define each relation.
    """

    name: str
    words: tuple[tuple[str, str], ...] = field(repr=False)
    relations: tuple[str, ...]
    relation: Ids = field(repr=False)
    gold: NDArray[np.float64] = field(repr=False)
    examples: tuple[tuple[tuple[str, str], ...], ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.words)

    def parts(self) -> tuple[Ids, Ids]:
        """Return the relation of each pair, and its number after these."""
        return self.relation, np.arange(len(self)) + len(self.relations)


@dataclass(frozen=True, eq=False)
class DegreeResult:
    """The degrees that a model gives to pairs.

    known: bool (n,), whether both words are, and those of an example; degrees: float64 (n,), 0
    where they are not.
    """

    measure: ClassVar[str] = "mean Spearman"
    least: ClassVar[float] = -1.0
    items: Degrees
    known: NDArray[np.bool_] = field(repr=False)
    degrees: NDArray[np.float64] = field(repr=False)

    def score(self, among: NDArray[np.bool_]) -> float:
        """Return Spearman's correlation with the gold degrees, the mean over relations."""
        return float(self._mean(among, np.ones((1, int(among.sum()))))[0])

    def resampled(self, among: NDArray[np.bool_], crossed: CrossedResamples) -> Floats:
        """Return the same in resamples of the items of `among`, (2R,).

        A relation counts as often as it is drawn.
        """
        return self._mean(among, crossed.weights)

    def _mean(self, among: NDArray[np.bool_], weights: Floats) -> Floats:
        total, counted = np.zeros((2, len(weights)))
        relation = self.items.relation[among]
        degrees, gold = self.degrees[among], self.items.gold[among]
        for number in np.unique(relation):
            own = relation == number
            drawn = weights[:, own]
            found = statistics.resampled_spearman(degrees[own], gold[own], drawn)
            share = np.where(np.isfinite(found), drawn.mean(axis=1), 0)
            total += share * np.nan_to_num(found)
            counted += share
        with np.errstate(invalid="ignore"):
            return total / counted


def give_degrees(space: Space, items: Degrees, *, ignore_case: bool) -> DegreeResult:
    """Return the mean cosine of each pair's offset with those of its relation's known examples."""
    lookup = lookup_in(space.vocabulary, ignore_case=ignore_case)
    known, degrees = np.zeros(len(items), dtype=bool), np.zeros(len(items))
    for number, examples in enumerate(items.examples):
        own = np.flatnonzero(items.relation == number)
        pairs = [(lookup.row(a), lookup.row(b)) for a, b in examples]
        given = [pair for pair in pairs if None not in pair]
        asked = [(lookup.row(a), lookup.row(b)) for a, b in (items.words[i] for i in own)]
        here = np.array([None not in pair and bool(given) for pair in asked], dtype=bool)
        if not here.any():
            continue
        rows = np.array([*given, *(p for p, k in zip(asked, here, strict=True) if k)], np.int64)
        cosines = space.among(rows.ravel())
        offsets = cosines[1::2] - cosines[::2]
        products = offsets[:, 1::2] - offsets[:, ::2]
        lengths = np.sqrt(np.maximum(np.diag(products), 1e-12))
        alike = products / lengths / lengths[:, None]
        known[own[here]] = True
        degrees[own[here]] = alike[len(given) :, : len(given)].mean(axis=1)
    return DegreeResult(items, known, degrees)


def _rows(space: Space, words: Sequence[str], ignore_case: bool) -> Ids:
    """Return the row of each word, -1 for an unknown one."""
    lookup = lookup_in(space.vocabulary, ignore_case=ignore_case)
    found = (lookup.row(word) for word in words)
    return np.array([-1 if row is None else row for row in found], dtype=np.int64)
