"""How a file of vectors, a set or a text would be read: a look at it before a long run."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from wordlab.embeddings import fasttext, reading
from wordlab.errors import UserError
from wordlab.evaluation.vectors import analogy, similarity
from wordlab.evaluation.vectors.further import read_relations
from wordlab.evaluation.vectors.tables import (
    SEPARATORS,
    Table,
    beginning,
    columns_of,
    number_in,
    read_table,
)
from wordlab.params.whole import PARAMS, load
from wordlab.text import readers
from wordlab.text.records import TEXT

NUMBERS = 2_000_000
"""Numbers of a file of vectors to look at."""
HEAD = 1 << 16
"""Bytes to recognise a set by."""
FIRST = 5
"""Words or pairs that are shown."""


def check(path: Path, kind: str = "") -> list[str]:
    """Return lines that say how the file at `path` would be read: its format, then what is in it.

    kind: one of KINDS, "" to recognise it. Raises UserError as reading it would.
    """
    if path.is_dir():
        raise UserError(f"{path}: a folder; expected a file")
    archive = reading.archive_of(path)
    if archive is None:
        raise UserError(f"{path}: not found")
    if archive != path:  # vectors alone may be one file of an archive
        kind = "vectors"
    first, *others = KINDS[kind or recognised(path)](path)
    return [f"{path}: {first}", *(f"  {line}" for line in others)]


def recognised(path: Path) -> str:
    """Return the kind of the file at `path`, by its first lines."""
    try:
        if fasttext.is_binary(path):
            return "vectors"
        reading.header_of(path)
        return "vectors"
    except UserError:
        pass
    lines = _beginning(path)
    if lines and lines[0].startswith(":"):
        return "analogies"
    if lines and all(any(_has_numbers([line], s) for s in SEPARATORS) for line in lines):
        return "pairs"  # with another separator in the second line, which reading it names
    for separator in SEPARATORS:
        if _has_numbers(lines, separator):
            return "pairs"
        rows = beginning(lines, separator)
        if rows and separator == "\t" and len(rows[0]) == 3:
            return "relations"
    return "text"


def _has_numbers(lines: Sequence[str], separator: str) -> bool:
    """Say whether lines are rows of two words and a number or more, and of no text."""
    rows = beginning(lines, separator)
    if not rows or len(rows[0]) < 3 or TEXT in rows[0]:
        return False
    return any(number_in(cell, separator) is not None for cell in rows[-1])


def _beginning(path: Path) -> list[str]:
    """Return the first two lines that are neither empty nor a comment, none of a binary file."""
    if not path.is_file():
        return []
    with path.open("rb") as file:
        text = file.read(HEAD).decode("utf-8-sig", "replace")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [] if "\0" in text else lines[:2]


def _vectors(path: Path) -> list[str]:
    if fasttext.is_binary(path):
        return _fasttext(path)
    header = reading.header_of(path)
    most = max(100, NUMBERS // header.dimensions)
    found = reading.reading(path, words=most)
    announced = f" of {header.words:,}" if header.words else ""
    whole = header.words == found.seen or len(found.vectors.vocabulary) < most
    return [
        f"{FORMATS[header.kind]}, {header.dimensions:,} dimensions",
        f"{found.seen:,}{announced} words looked at{'' if whole else ', from the beginning'}",
        _shown(found.vectors.vocabulary.words),
        *found.remarks(),
    ]


def _fasttext(path: Path) -> list[str]:
    vectors, subwords, remarks = fasttext.read(path)
    ngrams = "no vectors of n-grams"
    if subwords is not None:
        ngrams = (
            f"vectors of n-grams of {subwords.shortest} to {subwords.longest} characters in "
            f"{len(subwords.rows):,} rows"
        )
    words = vectors.vocabulary.words
    return [
        f"fastText's .bin, {vectors.matrix.shape[1]:,} dimensions",
        f"{len(words):,} words; {ngrams}",
        _shown(words),
        *remarks,
    ]


def _pairs(path: Path) -> list[str]:
    table = read_table(path, 3, "two words and a score")
    pairs = similarity.read_pairs(path, path.stem)
    if not len(pairs):
        return ["word pairs: none"]
    at = columns_of(table)
    header = (
        "no header" if at.header is None else f"a header, which calls it {at.header[at.score]!r}"
    )
    shown = zip(pairs.words, pairs.gold.tolist(), strict=True)
    return [
        f"{len(pairs):,} word pairs, {SEPARATORS[table.separator]} between",
        f"the words are in columns {at.first + 1} and {at.second + 1}, the score in column "
        f"{at.score + 1}; {header}",
        _shown([f"{a} {b} {score:g}" for (a, b), score in shown]),
        *_comments(table),
    ]


def _analogies(path: Path) -> list[str]:
    questions = analogy.read_questions(path)
    return [
        f"{len(questions):,} analogy questions in {len(questions.sections):,} sections",
        _shown([" ".join(words) for words in questions.words]),
    ]


def _relations(path: Path) -> list[str]:
    found = read_relations(path)
    return [
        f"{sum(map(len, found.values())):,} word pairs in {len(found):,} relations",
        *(
            f"{name}: {len(pairs):,}, {_shown(list(map(' '.join, pairs)))}"
            for name, pairs in found.items()
        ),
    ]


def _text(path: Path) -> list[str]:
    params = load(PARAMS).corpus
    found = readers.inspect(path, params)
    if not found.documents:
        raise UserError(f"{path}: no text in it")
    looked = "" if found.whole else ", looked at from the beginning"
    return [
        f"text, {', '.join(found.formats)}",
        f"{found.documents:,} documents with {found.characters:,} characters{looked}",
        f"first: {' '.join(found.first_words)}",
        *(f"{number:,} {reason}: left out" for reason, number in sorted(found.left_out.items())),
    ]


FORMATS = {
    "word2vec_text": "word2vec text",
    "word2vec_binary": "word2vec binary",
    "glove_text": "GloVe text",
}
KINDS: Mapping[str, Callable[[Path], list[str]]] = {
    "vectors": _vectors,
    "pairs": _pairs,
    "analogies": _analogies,
    "relations": _relations,
    "text": _text,
}
"""What says, of each kind of file, how it would be read."""


def _shown(items: Sequence[str]) -> str:
    return f"first: {', '.join(items[:FIRST])}{', …' if len(items) > FIRST else ''}"


def _comments(table: Table) -> list[str]:
    count = len(table.comments)
    return [f"{count:,} lines that begin with # are left out"] if count else []
