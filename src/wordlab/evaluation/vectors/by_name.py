"""Evaluation sets by name, in the forms in which people publish them."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import permutations
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from wordlab import paths, published
from wordlab.errors import Unreachable, UserError, notice
from wordlab.evaluation.vectors import listed
from wordlab.evaluation.vectors.analogy import Questions, read_questions
from wordlab.evaluation.vectors.further import (
    Categories,
    Degrees,
    Puzzles,
    Related,
    read_relations,
)
from wordlab.evaluation.vectors.similarity import WordPairs, read_pairs
from wordlab.evaluation.vectors.tables import read_lines, read_table
from wordlab.params.embeddings import NONE
from wordlab.params.sets import PublicSet, catalogue

Items = WordPairs | Questions | Categories | Degrees | Puzzles | Related
"""What a set asks."""
ANALOGIES = "analogies"
"""The name of the analogies in the headline and among the sets of params."""
GOOGLE = "google"
"""The analogies that null stands for."""
NO_QUESTIONS = Questions((), (), np.zeros(0, dtype=np.int64))


def read(item: PublicSet, *, fetch: bool = True) -> Items | None:
    """Return a set of the catalogue, None if it is not here and `fetch` is false.

    Raises Unreachable if it is not here and its server cannot be reached, UserError if it refuses
    or sends something else.
    """
    found = published.files(item, fetch=fetch)
    if not found:
        return None
    try:
        items = FORMS[item.form](found, item.name)
        if not len(items):
            raise UserError(f"{found[0]}: expected {item.title}; found nothing")
    except UserError:
        published.forget(item)
        raise
    published.record(item)
    return items


def is_here(item: PublicSet) -> bool:
    """Say whether a set needs no network."""
    return bool(published.files(item, fetch=False))


def _read_all(
    items: Iterable[PublicSet], *, fetch: bool = True
) -> Iterator[tuple[PublicSet, Items | UserError | None]]:
    """Yield each set with what it asks, or why it is not here; fetch those that are not.

    None if its server could not be reached for a set before it: a server is then asked once; and
    where a set is not here and `fetch` is false.
    """
    gone = set()
    for item in items:
        host = urlsplit(item.urls[0]).netloc
        found: Items | UserError | None
        try:
            found = read(item, fetch=fetch and host not in gone)
        except UserError as error:
            found = error
            if isinstance(error, Unreachable):
                gone.add(host)
        yield item, found


def fetch_all(items: Iterable[PublicSet]) -> list[str]:
    """Fetch the sets that are not here yet; return a line per problem."""
    found = _read_all(items)
    return [f"{item.name}: {error}" for item, error in found if isinstance(error, UserError)]


def all_there(names: Iterable[str]) -> dict[str, Items]:
    """Return the sets of the catalogue by name, without those that cannot be reached.

    A notice names the latter; in a stage that is held to a list (`listed`), none is fetched. Raises
    UserError if a server sends something else.
    """
    found: dict[str, Items] = {}
    missing: list[str] = []
    known = catalogue()
    for item, items in _read_all((known[name] for name in names), fetch=listed.fetching()):
        if items is None or isinstance(items, Unreachable):
            missing.append(item.name)
        elif isinstance(items, UserError):
            raise items
        else:
            found[item.name] = items
    if missing:
        notice(f"no network: these evaluation sets are left out: {', '.join(missing)}")
    return found


def path_or_name(given: str | None, default: str) -> str | Path | None:
    """Return what a param means that takes a path or a name: a name, a path, or None for none."""
    given = default if given is None else given
    if given == NONE:
        return None
    return given if given in catalogue() else paths.given(given)


def questions(given: str | None) -> Questions:
    """Return the analogies that `evaluation.analogies.path` means, none if they are not there."""
    place = path_or_name(given, GOOGLE)
    if place is None or not listed.has(ANALOGIES, place):
        return NO_QUESTIONS
    if isinstance(place, Path):
        return read_questions(place)
    found = all_there([place]).get(place, NO_QUESTIONS)
    if not isinstance(found, Questions):
        raise UserError(f"evaluation.analogies.path: expected analogies; {place} is another task")
    return found


def _pairs(files: Sequence[Path], name: str) -> WordPairs:
    return read_pairs(files[0], name)


def _questions(files: Sequence[Path], name: str) -> Questions:
    return read_questions(files[0])


def _question_table(files: Sequence[Path], name: str) -> Questions:
    """Read rows of a number, a section and four words, commas between."""
    rows = _rows(files[0], 6, "a section and four words")
    return _asked((section, (a, b, c, d), ()) for _, section, a, b, c, d in rows)


def _answer_lists(files: Sequence[Path], name: str) -> Questions:
    """Read a file per section, with a word and its right answers per line, slashes between.

    Each two lines make a question in either direction; the first answer stands in the question.
    """

    def asked() -> Iterator[tuple[str, tuple[str, str, str, str], tuple[str, ...]]]:
        for path in files:
            pairs = []
            for number, line in read_lines(path):
                match line.split():
                    case [word, slashed]:
                        pairs.append((word, slashed.split("/")))
                    case _:
                        raise UserError(
                            f"{path}, line {number}: expected a word and its answers, slashes "
                            f"between; found {line.strip()!r}"
                        )
            for (a, (b, *_)), (c, answers) in permutations(pairs, 2):
                yield path.stem.rpartition("-")[2], (a, b, c, answers[0]), tuple(answers[1:])

    return _asked(asked())


def _asked(
    found: Iterable[tuple[str, tuple[str, str, str, str], tuple[str, ...]]],
) -> Questions:
    sections: dict[str, int] = {}
    words, section, others = [], [], []
    for name, four, more in found:
        section.append(sections.setdefault(name, len(sections)))
        words.append(four)
        others.append(more)
    numbers = np.array(section, dtype=np.int64)
    return Questions(tuple(words), tuple(sections), numbers, tuple(others) if any(others) else None)


def _degrees(files: Sequence[Path], name: str) -> Degrees:
    """Read two files per relation: GoldRatings-X with a rating and a pair per line, and
    Phase1Questions-X, with the pairs that define the relation in its fifth to last lines of pairs.
    """
    ratings: dict[str, list[tuple[str, str, float]]] = {}
    examples: dict[str, list[tuple[str, str]]] = {}
    pair = re.compile(r"\"?([^\s:\"]+):([^\s:\"]+)\"?")
    for path in files:
        kind, _, relation = path.stem.rpartition("-")
        for number, line in read_lines(path):
            match line.split():
                case [score, text] if kind.endswith("GoldRatings") and (m := pair.fullmatch(text)):
                    ratings.setdefault(relation, []).append((m[1], m[2], float(score)))
                case [text] if kind.endswith("Phase1Questions") and (m := pair.fullmatch(text)):
                    examples.setdefault(relation, []).append((m[1], m[2]))
                case _ if kind.endswith("GoldRatings") and not line.startswith("#"):
                    raise UserError(f'{path}, line {number}: expected a rating and "word:word"')
    relations = tuple(relation for relation in ratings if relation in examples)
    rows = [(i, *row) for i, name in enumerate(relations) for row in ratings[name]]
    return Degrees(
        name,
        tuple((first, second) for _, first, second, _ in rows),
        relations,
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[3] for row in rows], dtype=np.float64),
        tuple(tuple(examples[name]) for name in relations),
    )


def _category_table(files: Sequence[Path], name: str) -> Categories:
    """Read rows of a number, a category and a word, commas between; a row may lack its word."""
    rows = [(category, word) for _, category, word in _rows(files[0], 3, "a word's category")]
    words = dict.fromkeys((word, category) for category, word in rows if word)
    categories = list(dict.fromkeys(category for _, category in words))
    numbers = np.array([categories.index(category) for _, category in words], dtype=np.int64)
    return Categories(name, tuple(word for word, _ in words), tuple(categories), numbers)


def _puzzles(files: Sequence[Path], name: str) -> Puzzles:
    """Read a category, the odd word and the others per line, tabs between."""
    found: list[tuple[tuple[str, ...], str, int]] = []
    for path in files:
        for number, line in read_lines(path):
            _, *words = (_joined(cell) for cell in line.split("\t"))
            if len(words) < 3:
                raise UserError(f"{path}, line {number}: expected an odd word and two others")
            found.append((tuple(words[1:]), words[0], len(found)))
    return _puzzled(name, found)


def _outlier_groups(files: Sequence[Path], name: str) -> Puzzles:
    """Read a file per group: its words, an empty line, and the words that are odd among them."""
    found: list[tuple[tuple[str, ...], str, int]] = []
    for group, path in enumerate(files):
        words, _, odd = path.read_text(encoding="utf-8-sig").strip().partition("\n\n")
        found += [(tuple(words.split()), word, group) for word in odd.split()]
    return _puzzled(name, found)


def _outlier_table(files: Sequence[Path], name: str) -> Puzzles:
    """Read rows of a number, a group, the words that are odd in it and its own, as Python lists."""
    found: list[tuple[tuple[str, ...], str, int]] = []
    for group, (_, _, odd, words) in enumerate(_rows(files[0], 4, "two lists of words")):
        try:
            lists = [[word for word in ast.literal_eval(cell) if word] for cell in (odd, words)]
        except (SyntaxError, ValueError, TypeError):
            raise UserError(f"{files[0]}: expected lists of words, found {odd}") from None
        found += [(tuple(lists[1]), word, group) for word in lists[0]]
    return _puzzled(name, found)


def _puzzled(name: str, found: Sequence[tuple[tuple[str, ...], str, int]]) -> Puzzles:
    return Puzzles(
        name,
        tuple((*words, odd) for words, odd, _ in found),
        np.array([group for _, _, group in found], dtype=np.int64),
    )


def _relation_table(files: Sequence[Path], name: str) -> Related:
    """Read rows of a number, two words and their relation, commas between."""
    rows = _rows(files[0], 4, "two words and their relation")
    return _related(name, ((first, second, relation) for _, first, second, relation in rows))


def _relation_between(files: Sequence[Path], name: str) -> Related:
    """Read a word, a relation, a word and more per line, tabs between."""
    rows = (line.split("\t") for _, line in read_lines(files[0]))
    return _related(name, ((row[0], row[2], row[1]) for row in rows if len(row) > 2))


def _relation_first(files: Sequence[Path], name: str) -> Related:
    """Read a relation and two words per line, tabs between."""
    found = read_relations(files[0])
    return _related(name, ((*pair, relation) for relation in found for pair in found[relation]))


def _related(name: str, found: Iterable[tuple[str, str, str]]) -> Related:
    rows = list(dict.fromkeys((first, second, relation) for first, second, relation in found))
    relations = list(dict.fromkeys(relation for _, _, relation in rows))
    numbers = np.array([relations.index(relation) for _, _, relation in rows], dtype=np.int64)
    return Related(name, tuple((a, b) for a, b, _ in rows), tuple(relations), numbers)


def _rows(path: Path, columns: int, what: str) -> list[tuple[str, ...]]:
    """Return the rows of a table whose first row names its columns, but for that of the numbers."""
    table = read_table(path, columns, what, separators=",")
    if table.rows and (table.rows[0][0] or len(table.rows[0]) != columns):
        raise table.fault(0, f"names of {columns} columns, the first without one")
    return list(table.rows[1:])


def _joined(text: str) -> str:
    """Return a phrase as one token, as the other sets write it."""
    return text.strip().replace(" ", "_")


FORMS: dict[str, Callable[[Sequence[Path], str], Items]] = {
    "pairs": _pairs,
    "questions": _questions,
    "question_table": _question_table,
    "answer_lists": _answer_lists,
    "degrees": _degrees,
    "category_table": _category_table,
    "puzzles": _puzzles,
    "outlier_groups": _outlier_groups,
    "outlier_table": _outlier_table,
    "relation_table": _relation_table,
    "relation_between": _relation_between,
    "relation_first": _relation_first,
}
"""What reads the files of a set, by the `form` of the catalogue."""
