"""Analogies: which word is to c what b is to a?

With unit vectors, every method needs only the cosines of the words asked about with every word x:

- 3cosadd: cos(x, b) - cos(x, a) + cos(x, c), the offset method of Mikolov et al. 2013
  ("Linguistic regularities in continuous space word representations", eq. 1);
- 3cosmul: s(x, b) s(x, c) / (s(x, a) + epsilon), Levy & Goldberg 2014 ("Linguistic regularities
  in sparse and explicit word representations", eq. 4), s being the cosine, moved to 0..1 as
  (cos + 1) / 2 where it can be negative;
- pair_direction: cos(x - c, b - a) (the same paper, eq. 2).

word2vec's 19,544 questions use 905 words and 554 pairs (a, b). The cosines of the 905 words and the
contributions of the 554 pairs are computed once per block of words x; a question then adds two
rows of the block (logarithms of similarities, for 3cosmul) and takes the best. That is a twentieth
of the multiplications of one matrix product for all questions. Most of the additions are spared
too: the highest contributions of a pair and of c to a stretch of words bound the score of each of
them, rounding being monotonic, and a stretch that cannot have a better word than the best so far is
passed over.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from wordlab.errors import UserError, notice
from wordlab.evaluation.statistics import CrossedResamples, Floats
from wordlab.evaluation.vectors.similarity import Ids, Lookup, Space, lookup_in
from wordlab.evaluation.vectors.tables import read_lines
from wordlab.progress import thread_count

Matrix = NDArray[np.floating]

WORDS = 2048
STRETCH = 64
"""The words of a block, and of each of its stretches, whose scores are bounded together."""
QUESTIONS = 2048
"""Questions whose stretches are bounded together, and stretches that are scored together: their
scores (0.5 MB) stay in the cache of a core."""
EPSILON = 1e-3
"""What 3cosmul adds to its denominator, as in the paper."""
SHORTEST = 1e-3
"""The least length given to x - c, which float32 cannot tell from 0."""


def best_rows(space: Space, asked: Ids, lookup: Lookup, method: str) -> list[int | None]:
    """Return for each question the row of `lookup` that scores highest, the lowest of equals.

    asked: int64 (n, 3), the rows of a, b and c, which are no answers, nor are their spellings.
    None where no word has a score above minus infinity. `space` is left as it was.
    """
    words, places = np.unique(asked, return_inverse=True)
    places = places.reshape(asked.shape)
    pairs, pair = np.unique(places[:, :2], axis=0, return_inverse=True)
    question = pair.reshape(-1), places[:, 2]
    spellings = {word: lookup.spellings(word) for word in words.tolist()}
    excluded = [
        (number, row)
        for number, abc in enumerate(asked.tolist())
        for word in abc
        for row in spellings[word]
    ]
    barred = np.array(excluded, dtype=np.int64).reshape(-1, 2)
    shift = None
    if method == "pair_direction":
        a, b, c = asked.T
        shift = (space.between(c, b) - space.between(c, a)).astype(np.float32)
    best = np.full(len(asked), -np.inf, dtype=np.float32)
    answers = np.zeros(len(asked), dtype=np.int64)
    starts = range(0, len(asked), QUESTIONS)
    with ThreadPoolExecutor(thread_count()) as pool:
        for first in range(0, lookup.size, WORDS):
            last = min(first + WORDS, lookup.size)
            cosines = space.against(words, slice(first, last))
            block = Block.of(*_terms(cosines, pairs, method, non_negative=space.non_negative))
            inside = (barred[:, 1] >= first) & (barred[:, 1] < last)
            here = barred[inside] - (0, first)
            search = partial(_search, block, first, question, shift, here, best, answers)
            list(pool.map(search, starts))
    found = np.isfinite(best).tolist()
    return [row if known else None for row, known in zip(answers.tolist(), found, strict=True)]


def answers(
    space: Space, asked: tuple[int, int, int], lookup: Lookup, n: int
) -> list[tuple[str, float]]:
    """Return the `n` best answers to one question by 3cosadd, with their scores, best first.

    asked: the rows of a, b and c, which are no answers, nor are their spellings.
    """
    a, b, c = space.against(np.array(asked), slice(lookup.size))
    scores = b - a + c
    scores[[row for one in asked for row in lookup.spellings(one)]] = -np.inf
    best = np.argsort(-scores, kind="stable")[:n]
    words = space.vocabulary.words
    return [(words[row], float(scores[row])) for row in best if np.isfinite(scores[row])]


@dataclass(frozen=True, eq=False)
class Block:
    """What pairs and words c contribute to the scores of a block of S stretches of words.

    offsets: float32 (P * S, STRETCH), of each pair; addends: float32 (W * S, STRETCH), of each
    word c; highest_offsets, highest_addends: float32 (P, S) and (W, S), the highest of each
    stretch.
    """

    offsets: Matrix
    addends: Matrix
    highest_offsets: Matrix
    highest_addends: Matrix

    @classmethod
    def of(cls, offsets: Matrix, addends: Matrix) -> "Block":
        """Return the block of offsets (P, B) and addends (W, B); words that it lacks score -inf."""
        lacking = -offsets.shape[1] % STRETCH
        if lacking:
            offsets = np.pad(offsets, ((0, 0), (0, lacking)), constant_values=-np.inf)
            addends = np.pad(addends, ((0, 0), (0, lacking)), constant_values=1)
        count = offsets.shape[1] // STRETCH
        parts = [one.reshape(len(one), count, STRETCH) for one in (offsets, addends)]
        rows = [one.reshape(-1, STRETCH) for one in parts]
        return cls(*rows, *(part.max(axis=2) for part in parts))

    @property
    def stretches(self) -> int:
        """How many stretches there are."""
        return self.highest_offsets.shape[1]

    def bounds(self, pair: Ids, c: Ids, shift: Matrix | None) -> Matrix:
        """Return what no score of a question in a stretch exceeds, float32 (n, S)."""
        offsets = self.highest_offsets.take(pair, axis=0)
        addends = self.highest_addends.take(c, axis=0)
        if shift is None:
            offsets += addends
            return offsets
        return np.maximum(offsets - shift[:, None], 0) * addends

    def scores(self, pair: Ids, c: Ids, shift: Matrix | None, stretch: Ids) -> Matrix:
        """Return the scores of questions in a stretch each, float32 (n, STRETCH)."""
        offsets = self.offsets.take(pair * self.stretches + stretch, axis=0)
        addends = self.addends.take(c * self.stretches + stretch, axis=0)
        if shift is None:
            offsets += addends
        else:
            offsets -= shift[:, None]
            offsets *= addends
        return offsets


def _search(
    block: Block,
    first: int,
    question: tuple[Ids, Ids],
    shift: NDArray[np.float32] | None,
    barred: Ids,
    best: NDArray[np.float32],
    answers: Ids,
    start: int,
) -> None:
    """Find better answers in a block of words, `first` and more, to the questions from `start` on.

    question: (n,) each, its pair and its c; shift: (n,), c . (b - a), for pair_direction; barred:
    (m, 2), questions in rising order and the words of the block that may not answer them. Mutates
    best and answers, (n,): the best score and its word.
    """
    own = slice(start, start + QUESTIONS)
    pair, c, best, answers = question[0][own], question[1][own], best[own], answers[own]
    shift = None if shift is None else shift[own]
    numbers, stretches = np.nonzero(block.bounds(pair, c, shift) > best[:, None])
    low, high = np.searchsorted(barred[:, 0], (start, start + QUESTIONS))
    asked, word = barred[low:high].T - np.array([[start], [0]])
    places = asked * block.stretches + word // STRETCH
    for begin in range(0, len(numbers), QUESTIONS):
        part = slice(begin, begin + QUESTIONS)
        number, stretch = numbers[part], stretches[part]
        moved = None if shift is None else shift[number]
        scores = block.scores(pair[number], c[number], moved, stretch)
        there = number * block.stretches + stretch
        row = np.searchsorted(there, places).clip(max=len(there) - 1)
        found = there[row] == places
        scores[row[found], word[found] % STRETCH] = -np.inf
        winner = scores.argmax(axis=1)
        value = scores[np.arange(len(scores)), winner]
        # the first stretch with the highest score, for each question of this part
        begins = np.append(True, number[1:] != number[:-1])
        firsts = np.flatnonzero(begins)
        highest = np.maximum.reduceat(value, firsts)
        equal = np.flatnonzero(value == highest[np.cumsum(begins) - 1])
        chosen, one = equal[np.searchsorted(equal, firsts)], number[firsts]
        better = highest > best[one]
        chosen, one = chosen[better], one[better]
        best[one] = value[chosen]
        answers[one] = first + stretch[chosen] * STRETCH + winner[chosen]


def _terms(
    cosines: Matrix, pairs: Ids, method: str, *, non_negative: bool
) -> tuple[Matrix, Matrix]:
    """Return what each pair (P, B) and each word c (W, B) contribute, from cosines (W, B)."""
    a, b = pairs.T
    if method == "3cosadd":
        return cosines[b] - cosines[a], cosines
    if method == "pair_direction":
        lengths = np.sqrt(np.maximum(2 - 2 * cosines, SHORTEST**2))
        return cosines[b] - cosines[a], np.float32(1) / lengths
    if method == "3cosmul":
        similarity = np.maximum(cosines if non_negative else (cosines + 1) / 2, 0)
        with np.errstate(divide="ignore"):
            logarithms = np.log(similarity)
        return logarithms[b] - np.log(similarity + np.float32(EPSILON))[a], logarithms
    raise ValueError(f"{method}: expected 3cosadd, 3cosmul or pair_direction")


@dataclass(frozen=True, eq=False)
class Questions:
    """Analogy questions a : b :: c : d.

    words: n times (a, b, c, d); sections: names in the order of the file; section: int64 (n,),
    the section of each question; others: n times the right answers besides d, if any has some.
    """

    words: tuple[tuple[str, str, str, str], ...] = field(repr=False)
    sections: tuple[str, ...]
    section: NDArray[np.int64] = field(repr=False)
    others: tuple[tuple[str, ...], ...] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.words)

    def right(self, number: int) -> tuple[str, ...]:
        """Return the right answers to a question."""
        return (self.words[number][3], *(self.others[number] if self.others else ()))

    def parts(self) -> tuple[Ids, Ids]:
        """Return the clusters of words of (a, b) and of (c, d) of each question, int64 (n,) each.

        The two words of a pair are in one cluster, whatever its section: a country with its
        capital, its currency and its people, and countries that share a currency.
        `benchmarks/interval_coverage.py` measures how often the intervals hold, and those with
        pairs for parts.
        """
        flat = [word.casefold() for words in self.words for word in words]
        known, places = np.unique(np.array(flat, dtype=object), return_inverse=True)
        ends = places.reshape(-1, 2)
        joined = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), (len(known),) * 2)
        cluster = connected_components(joined, directed=False)[1].astype(np.int64)
        of_pairs = cluster[ends[:, 0]].reshape(-1, 2)
        return of_pairs[:, 0], of_pairs[:, 1]

    def group(self, name: str) -> NDArray[np.bool_]:
        """Return which questions are of the group `semantic`, `syntactic` or `total`, bool (n,).

        As in word2vec's file, a section is syntactic if its name begins with `gram`. Where none
        does, nothing says which are, and neither group has questions.
        """
        syntactic = np.array([s.startswith("gram") for s in self.sections], dtype=bool)
        everything = np.ones_like(syntactic)
        semantic = ~syntactic & syntactic.any()
        groups = {"semantic": semantic, "syntactic": syntactic, "total": everything}
        return groups[name][self.section]


@dataclass(frozen=True, eq=False)
class AnalogyResult:
    """A model's answers by one method.

    known: bool (n,), whether its three words and a right answer are in the vocabulary; answers: the
    word given to each question, None where one is unknown or no word scores; correct: bool (n,).
    """

    least: ClassVar[float] = 0.0
    questions: Questions
    known: NDArray[np.bool_] = field(repr=False)
    answers: tuple[str | None, ...] = field(repr=False)
    correct: NDArray[np.bool_] = field(repr=False)

    def accuracy(self, among: NDArray[np.bool_], *, unknown: bool = False) -> float:
        """Return the share of right answers among the known questions of `among`.

        unknown: among all of them, those with an unknown word being wrong. NaN if there are none.
        """
        asked = among if unknown else among & self.known
        return float(self.correct[asked].mean()) if asked.any() else float("nan")

    @property
    def items(self) -> Questions:
        """What was asked."""
        return self.questions

    def score(self, among: NDArray[np.bool_]) -> float:
        """Return the accuracy among the items of `among`, all of them known."""
        return self.accuracy(among)

    def resampled(self, among: NDArray[np.bool_], crossed: CrossedResamples) -> Floats:
        """Return the same in resamples of the items of `among`, (2R,)."""
        return crossed.means(self.correct[among])


def read_questions(path: Path) -> Questions:
    """Read a file as word2vec's questions-words.txt: `: section` lines, then four words per line.

    Skips empty lines and those that begin with # or //, and warns of those with four words. A file
    without questions gives none, and a warning. Raises UserError, naming the line, if
    it is anything else.
    """
    words: list[tuple[str, str, str, str]] = []
    section: list[int] = []
    sections: dict[str, int] = {}
    alike = []
    for number, line in read_lines(path):
        line = line.lstrip()
        if line.startswith(("#", "//")):
            if len(line.split()) == 4 and line.split()[0] not in ("#", "//"):
                alike.append(number)
            continue
        if line.startswith(":") and line.split()[0] != ":" and len(line.split()) == 4:
            raise UserError(
                f"{path}, line {number}: expected four words or `: section`; this may be either"
            )
        if line.startswith(":"):
            current = sections.setdefault(line[1:].strip(), len(sections))
            continue
        match line.split():
            case [a, b, c, d] if sections:
                words.append((a, b, c, d))
                section.append(current)
            case [_, _, _, _]:
                raise UserError(f"{path}, line {number}: expected `: section` before the questions")
            case _:
                raise UserError(f"{path}, line {number}: expected four words or `: section`")
    if not words:
        notice(f"{path}: no analogy questions in it")
    if alike:
        notice(
            f"{path}: {len(alike)} lines that begin with # or // are passed over as comments, "
            f"though they have four words (line {alike[0]})"
        )
    return Questions(tuple(words), tuple(sections), np.array(section, dtype=np.int64))


def score(
    space: Space,
    questions: Questions,
    method: str,
    *,
    ignore_case: bool,
    restrict_vocabulary: int | None = None,
) -> AnalogyResult:
    """Return the answers of `space` to `questions`.

    method: 3cosadd, 3cosmul or pair_direction. Answers are sought among the `restrict_vocabulary`
    commonest words (None for all) without the three words of the question; a question with a word
    outside them is unknown. With `ignore_case`, words that differ in case only are the same, in
    the question and the answer.
    """
    lookup = lookup_in(space.vocabulary, ignore_case=ignore_case, size=restrict_vocabulary)
    row_of = {word: lookup.row(word) for word in set(chain.from_iterable(questions.words))}
    rows = [[row_of[word] for word in question] for question in questions.words]
    for i, others in enumerate(questions.others or ()):
        if rows[i][3] is None:
            known_others = (row for word in others if (row := lookup.row(word)) is not None)
            rows[i][3] = next(known_others, None)
    known = np.array([None not in row for row in rows], dtype=bool)
    asked = np.array([row[:3] for row in rows if None not in row], dtype=np.int64).reshape(-1, 3)
    found = iter(best_rows(space, asked, lookup, method))
    answers: list[str | None] = []
    correct = np.zeros(len(questions), dtype=bool)
    for i in range(len(questions)):
        row = next(found) if known[i] else None
        answers.append(None if row is None else space.vocabulary.words[row])
        correct[i] = row is not None and lookup.forms[row] in map(lookup.form, questions.right(i))
    return AnalogyResult(questions, known, tuple(answers), correct)
