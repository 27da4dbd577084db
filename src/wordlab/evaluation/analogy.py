"""Analogies: which word is to c what b is to a?"""

import warnings
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wordlab.errors import UserError
from wordlab.evaluation.analogy_search import best_rows
from wordlab.evaluation.datasets import Lookup, read_lines
from wordlab.evaluation.spaces import Space


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
