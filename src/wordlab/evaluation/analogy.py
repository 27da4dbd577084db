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
of the multiplications of one matrix product for all questions.
"""

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wordlab.errors import UserError
from wordlab.evaluation.similarity import Ids, Lookup, Space, read_lines
from wordlab.progress import thread_count

Matrix = NDArray[np.floating]

WORDS = 2048
QUESTIONS = 64
"""The words and questions of a block: its scores (0.5 MB) stay in the cache of a core."""
EPSILON = 1e-3
"""What 3cosmul adds to its denominator, as in the paper."""
SHORTEST = 1e-3
"""The least length given to x - c, which float32 cannot tell from 0."""


@dataclass(frozen=True)
class _Plan:
    """The questions as places among their distinct words and pairs.

    words: rows (W,); pairs: (P, 2), places of a and b in `words`; pair, c: (n,), places in
    `pairs` and `words`; excluded: (m, 2), questions in rising order and the rows that may not
    answer them; shift: float32 (n,), c . (b - a), for pair_direction.
    """

    words: Ids
    pairs: Ids
    pair: Ids
    c: Ids
    excluded: Ids
    shift: NDArray[np.float32] | None


def best_rows(space: Space, asked: Ids, lookup: Lookup, method: str) -> list[int | None]:
    """Return for each question the row of `lookup` that scores highest, the lowest of equals.

    asked: int64 (n, 3), the rows of a, b and c, which are no answers, nor are their spellings.
    None where no word has a score above minus infinity. `space` is left as it was.
    """
    plan = _plan(space, asked, lookup, method)
    best = np.full(len(asked), -np.inf, dtype=np.float32)
    answers = np.zeros(len(asked), dtype=np.int64)
    starts = range(0, len(asked), QUESTIONS)
    workers = thread_count()
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, lookup.size, WORDS):
            last = min(first + WORDS, lookup.size)
            block = _block(space, plan, method, first, last)
            list(pool.map(block.search, (starts[worker::workers] for worker in range(workers))))
            better = block.values > best
            best[better] = block.values[better]
            answers[better] = first + block.winners[better]
    return [
        answer if found else None
        for answer, found in zip(answers.tolist(), np.isfinite(best).tolist(), strict=True)
    ]


@dataclass(frozen=True)
class _Block:
    """The search among a block of B words.

    offsets: (P, B) and addends: (W, B), what each pair and each word c contribute; excluded: as in
    the plan, with columns of the block; values, winners: (n,), the best score of each question
    and its column, filled by `search`.
    """

    plan: _Plan
    offsets: Matrix
    addends: Matrix
    excluded: Ids
    values: NDArray[np.float32]
    winners: Ids

    def search(self, starts: range) -> None:
        """Fill `values` and `winners` for the questions that begin at `starts`."""
        plan, (_, width) = self.plan, self.offsets.shape
        n, numbers = len(plan.pair), np.arange(QUESTIONS)
        buffers = np.empty((2, QUESTIONS, width), dtype=np.float32)
        bounds = np.searchsorted(self.excluded[:, 0], np.arange(0, n + QUESTIONS, QUESTIONS))
        for start in starts:
            stop = min(start + QUESTIONS, n)
            scores, part = buffers[:, : stop - start]
            np.take(self.offsets, plan.pair[start:stop], axis=0, out=scores, mode="clip")
            np.take(self.addends, plan.c[start:stop], axis=0, out=part, mode="clip")
            if plan.shift is None:
                scores += part
            else:
                scores -= plan.shift[start:stop, None]
                scores *= part
            low, high = bounds[start // QUESTIONS : start // QUESTIONS + 2]
            if low < high:
                question, column = self.excluded[low:high].T
                scores[question - start, column] = -np.inf
            winners = scores.argmax(axis=1, out=self.winners[start:stop])
            self.values[start:stop] = scores[numbers[: stop - start], winners]


def _block(space: Space, plan: _Plan, method: str, first: int, last: int) -> _Block:
    cosines = space.against(plan.words, first, last)
    offsets, addends = _terms(cosines, plan, method, non_negative=space.non_negative)
    here = (plan.excluded[:, 1] >= first) & (plan.excluded[:, 1] < last)
    n = len(plan.pair)
    return _Block(
        plan=plan,
        offsets=offsets,
        addends=addends,
        excluded=plan.excluded[here] - (0, first),
        values=np.empty(n, dtype=np.float32),
        winners=np.empty(n, dtype=np.int64),
    )


def _plan(space: Space, asked: Ids, lookup: Lookup, method: str) -> _Plan:
    words, places = np.unique(asked, return_inverse=True)
    places = places.reshape(asked.shape)
    pairs, pair = np.unique(places[:, :2], axis=0, return_inverse=True)
    spellings = {word: lookup.spellings(word) for word in words.tolist()}
    excluded = [
        (question, row)
        for question, abc in enumerate(asked.tolist())
        for word in abc
        for row in spellings[word]
    ]
    shift = None
    if method == "pair_direction":
        a, b, c = asked.T
        shift = (space.between(c, b) - space.between(c, a)).astype(np.float32)
    return _Plan(
        words=words,
        pairs=pairs,
        pair=pair.reshape(-1),
        c=places[:, 2],
        excluded=np.array(excluded, dtype=np.int64).reshape(-1, 2),
        shift=shift,
    )


def _terms(
    cosines: Matrix, plan: _Plan, method: str, *, non_negative: bool
) -> tuple[Matrix, Matrix]:
    """Return what each pair (P, B) and each word c (W, B) contribute, from cosines (W, B)."""
    a, b = plan.pairs.T
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
    the section of each question.
    """

    words: tuple[tuple[str, str, str, str], ...] = field(repr=False)
    sections: tuple[str, ...]
    section: NDArray[np.int64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.words)

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the pair (a, b) and the pair (c, d) of each question as ids, int64 (n,) each.

        A pair is the same only within a section.
        """
        ids: dict[tuple[int, str, str], int] = {}
        sections = self.section.tolist()
        both = [
            [ids.setdefault((s, *words), len(ids)) for words in ((a, b), (c, d))]
            for s, (a, b, c, d) in zip(sections, self.words, strict=True)
        ]
        first, second = np.array(both, dtype=np.int64).reshape(-1, 2).T
        return first, second

    def group(self, name: str) -> NDArray[np.bool_]:
        """Return which questions are of the group `semantic`, `syntactic` or `total`, bool (n,).

        As in word2vec's file, a section is syntactic if its name begins with `gram`.
        """
        syntactic = np.array([s.startswith("gram") for s in self.sections], dtype=bool)
        chosen = {
            "semantic": ~syntactic,
            "syntactic": syntactic,
            "total": np.ones_like(syntactic),
        }[name]
        return chosen[self.section]


@dataclass(frozen=True, eq=False)
class AnalogyResult:
    """A model's answers by one method.

    known: bool (n,), whether all four words are in the vocabulary; answers: the word given to
    each question, None where a word is unknown or no word scores; correct: bool (n,).
    """

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


def read_questions(path: Path) -> Questions:
    """Read a file as word2vec's questions-words.txt: `: section` lines, then four words a line.

    Empty lines and those that begin with # or // are passed over. A file without questions gives
    none, and a warning. Raises UserError, naming the line, if it is anything else.
    """
    words: list[tuple[str, str, str, str]] = []
    section: list[int] = []
    sections: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip() or line.startswith(("#", "//")):
            continue
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
        warnings.warn(f"{path}: no analogy questions in it", stacklevel=2)
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

    method: 3cosadd, 3cosmul or pair_direction, as in `analogy_search`.
    Answers are sought among the `restrict_vocabulary` commonest words (None for all) without the
    three words of the question; a question with a word outside them is unknown. With
    `ignore_case`, words that differ in case only are the same, in the question and the answer.
    """
    lookup = Lookup(space.vocabulary, ignore_case=ignore_case, size=restrict_vocabulary)
    row_of = {word: lookup.row(word) for word in set(chain.from_iterable(questions.words))}
    rows = [[row_of[word] for word in question] for question in questions.words]
    known = np.array([None not in row for row in rows], dtype=bool)
    asked = np.array([row[:3] for row in rows if None not in row], dtype=np.int64).reshape(-1, 3)
    found = iter(best_rows(space, asked, lookup, method))
    answers: list[str | None] = []
    correct = np.zeros(len(questions), dtype=bool)
    for i, question in enumerate(questions.words):
        row = next(found) if known[i] else None
        answers.append(None if row is None else space.vocabulary.words[row])
        correct[i] = row is not None and lookup.forms[row] == lookup.form(question[3])
    return AnalogyResult(questions, known, tuple(answers), correct)
