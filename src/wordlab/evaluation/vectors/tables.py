"""Tables of words in the files that people publish: which separator, header and columns they have.

A table is read by the rules of its first line, and a line that breaks them is named.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from wordlab.errors import UserError, notice
from wordlab.paths import QUOTING

SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas", " ": "blanks"}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
WORD_STEMS = {"word", "w", "term", "item", "noun", "verb", "adjective", "lemma", "token", "concept"}
"""Columns of words are called so, with 1 and 2, or a and b, behind."""
SCORED = re.compile(r"mean|average|avg|gold|human|score|similarity|relatedness", re.IGNORECASE)
"""What a column is called that holds the score, rather than one rater's or a property of a word."""
SPREAD = re.compile(
    r"(?<![a-z])(sd|std|stdev|se|sem|var|variance|deviation|error|n|count|number|min|max|range)s?"
    r"(?![a-z])",
    re.IGNORECASE,
)
"""What a column is called that is about the scores, such as `Human (SD)` and `n_ratings`."""
TAGS = {"n", "v", "a", "r", "j", "nn", "vb", "jj", "rb", "adj", "adv", "noun", "verb", "adjective"}
"""Parts of speech, which may follow each word, as in Stanford's contextual similarities."""
ROW_NAME = re.compile(r"[^\W\d]+[\W_]*\d+")
"""What rows may be called: `p1`, `pair_2`."""
MISSING = {"", "na", "nan", "n/a", "null", "none", "inf", "infinity"}
"""What people write for a score that there is not."""
EARLIEST_YEAR = 1500
"""A first score from here on that dwarfs the others may be the year in a header."""


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines of the UTF-8 text at `path` that are not empty, numbered from 1.

    Raises UserError if it is missing, not a file or not UTF-8.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected a text; {QUOTING}") from None
    except (IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); expected a text") from None
    except UnicodeDecodeError as error:
        line, byte = content.count(b"\n", 0, error.start) + 1, content[error.start]
        raise UserError(
            f"{path}, line {line}: not UTF-8 (byte {error.start + 1:,} is 0x{byte:02x}); expected "
            "a UTF-8 text"
        ) from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


@dataclass(frozen=True)
class Table:
    """The cells of a file, line by line, all lines alike.

    separator: between cells; numbers: of the lines; rows: their cells, without blanks around;
    comments: lines that begin with # and are none.
    """

    path: Path
    separator: str
    numbers: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]
    comments: tuple[tuple[int, str], ...]

    def number(self, cell: str) -> float | None:
        """Return the number in a cell, None if it is none."""
        return number_in(cell, self.separator)

    def say_comments_like(self, score: int) -> None:
        """Say so where comments look like rows that have a number in the column `score`."""
        alike = [
            number
            for number, line in self.comments
            if len(row := _cells(line.replace('"', ""), self.separator)) == len(self.rows[0])
            and not line[1:2].isspace()
            and self.number(row[score]) is not None
        ]
        if alike:
            notice(
                f"{self.path}: {len(alike)} lines that begin with # are passed over as comments, "
                f"though they look like rows (line {alike[0]})"
            )

    def fault(self, row: int, expected: str) -> UserError:
        """Return the error of a row that is not as expected."""
        return UserError(f"{self.path}, line {self.numbers[row]}: expected {expected}")


def number_in(cell: str, separator: str) -> float | None:
    """Return the finite number in a cell, with a decimal point or comma, None if it is none."""
    if separator != "," and DECIMAL_COMMA.fullmatch(cell):
        cell = cell.replace(",", ".")
    return float(cell) if NUMBER.fullmatch(cell) else None


def read_table(path: Path, columns: int, what: str, separators: str = "\t;, ") -> Table:
    """Read the table at `path`, whose first line shows which of `separators` it has.

    Cells may be in double quotes. Lines that are empty or begin with # are passed over. columns:
    how many there are at least; what: they hold, for the error, which names the line that has
    fewer, or not as many as the first. Where R wrote a table, the first line has one cell less than
    the others, which begin with the number of their row. A row with nothing but its number is
    passed over. Raises as `read_lines` does too.
    """
    lines = read_lines(path)
    comments = tuple((number, line) for number, line in lines if line.startswith("#"))
    lines = [(number, line) for number, line in lines if not line.startswith("#")]
    separator = next((s for s in separators if _width(lines, s) >= columns), separators[-1])
    rows: list[tuple[str, ...]] = []
    for number, line in lines:
        try:
            rows.append(_cells(line, separator))
        except csv.Error:
            raise UserError(
                f"{path}, line {number}: expected {what}; a quote is not closed"
            ) from None
    _name_first_column(rows)
    full = [not (row[0].isdecimal() and len(row) > 2 and not any(row[1:])) for row in rows]
    lines, rows = list(compress(lines, full)), list(compress(rows, full))
    for (number, _), row in zip(lines, rows, strict=True):
        if len(row) < columns or len(row) != len(rows[0]):
            wanted = max(columns, len(rows[0]))
            raise UserError(
                f"{path}, line {number}: expected {what}, in {wanted} columns with "
                f"{SEPARATORS[separator]} between; found {len(row)}"
            )
    return Table(path, separator, tuple(number for number, _ in lines), tuple(rows), comments)


def beginning(lines: Sequence[str], separator: str) -> list[tuple[str, ...]]:
    """Return the cells of a table's first lines, none if these are not as wide as one another."""
    try:
        rows = [_cells(line, separator) for line in lines]
    except csv.Error:
        return []
    _name_first_column(rows)
    return rows if len(set(map(len, rows))) == 1 else []


def _name_first_column(rows: list[tuple[str, ...]]) -> None:
    """Give a header by R a name for the numbers of rows; mutates the first of `rows`."""
    if len(rows) > 1 and len(rows[0]) + 1 == len(rows[1]) and NUMBER.fullmatch(rows[1][0]):
        rows[0] = ("", *rows[0])


def _width(lines: Sequence[tuple[int, str]], separator: str) -> int:
    """Return how many cells the first line has with this separator."""
    try:
        return len(_cells(lines[0][1], separator)) if lines else 0
    except csv.Error:
        return 0


def _cells(line: str, separator: str) -> tuple[str, ...]:
    if separator == " ":
        line = line.replace("\t", " ").strip()
    cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True, strict=True))
    return tuple(cell.strip() for cell in cells)


@dataclass(frozen=True)
class Columns:
    """Where a table has its words and its scores.

    header: the first row where it holds names, else None; first, second, score: columns.
    """

    header: tuple[str, ...] | None
    first: int
    second: int
    score: int


def columns_of(table: Table) -> Columns:
    """Return where a table of two words and a score has them.

    A header names them, or its cell for the score is no number. Words are the first two columns,
    behind one of numbers that counts the rows, and but for parts of speech; the score is the first
    column of numbers behind them, or the first that the header calls the mean, the score or the
    like. Raises UserError if no column holds numbers, one of words does or may name the rows, or
    the first line may be a header or may not.
    """
    top, below = table.rows[0], table.rows[1:] or table.rows
    share = [_share_of_numbers(table, [row[i] for row in below]) for i in range(len(top))]
    named = word_columns(top)
    begin = 0
    if not named and len(top) > 3 and share[0] == 1 and max(share[1:3]) < 0.5:
        begin = 1
        numbers = [row[0] for row in table.rows if table.number(row[0]) is not None]
        if len(set(numbers)) < len(numbers) or not all(map(str.isdecimal, numbers)):
            raise table.fault(len(table.rows) - 1, "words, or the numbers of rows, in column 1")
    tags = [all(row[i].casefold() in TAGS for row in below) for i in range(len(top))]
    wordy = [i for i in range(begin, len(top)) if not tags[i] and len(top) > 3]
    first, second = named or (wordy if len(wordy) > 1 else [begin, begin + 1])[:2]
    numeric = [i for i in range(second + 1, len(top)) if share[i] > 0.5]
    if not numeric:
        if len(table.rows) == 1:
            return Columns(top, first, second, second + 1)
        raise table.fault(1, "two words and a score")
    if not named and share[second] == 1:
        found = f"words in column {second + 1}; found numbers"
        raise table.fault(len(table.rows) - 1, found)
    if not named and begin == 0 and max(share[:3]) < 0.5 and not any(tags[:3]):
        names = [row[0] for row in below]
        if all(map(ROW_NAME.fullmatch, names)) and len(set(names)) == len(names):
            raise table.fault(
                len(table.rows) - 1,
                f"a word in column 1, or a header that says where word1 and word2 are; found "
                f"{names[-1]!r}, which may be the name of a row",
            )
    plain = [i for i in numeric if not SPREAD.search(top[i])]
    called = [i for i in plain if SCORED.search(top[i]) and not top[i][-1].isdigit()]
    score = (called or plain or numeric)[0]
    cell, value = top[score], table.number(top[score])
    if named:
        return Columns(top, first, second, score)
    if value is None:
        if not re.match(r"[^\W\d_]", cell) or cell.casefold() in MISSING:
            raise table.fault(0, f"two words and a score, or names of columns; found {cell!r}")
        return Columns(top, first, second, score)
    if table.separator == "," and score == len(top) - 2:
        halves = [cell for row in table.rows for cell in row[score:]]
        if all(map(str.isdecimal, halves)):
            notice(
                f"{table.path}: {','.join(top[score:])} in the first line is read as two columns, "
                f"with {cell} as the score; if it is one number, write {'.'.join(top[score:])}"
            )
    highest = max(abs(table.number(row[score]) or 0) for row in below)
    if len(table.rows) > 1 and value >= EARLIEST_YEAR and value > 10 * highest:
        raise table.fault(0, f"a score, others being at most {highest:g}, or names; found {cell}")
    return Columns(None, first, second, score)


def _share_of_numbers(table: Table, cells: Sequence[str]) -> float:
    """Return how many of the cells that are not missing are numbers."""
    there = [cell for cell in cells if cell.casefold() not in MISSING]
    return sum(table.number(cell) is not None for cell in there) / max(1, len(there))


def word_columns(row: Sequence[str]) -> tuple[int, int] | None:
    """Return the two columns that a header calls word 1 and word 2, or the like; None if none."""
    found: dict[tuple[str, str], int] = {}
    for i, cell in enumerate(row):
        match = re.fullmatch(r"(.*?)[\s_.-]*([12ab])", cell.casefold())
        if match and match[1] in WORD_STEMS:
            found.setdefault((match[1], match[2]), i)
    pairs = [
        (i, found[stem, other])
        for (stem, mark), i in found.items()
        for other in {"1": "2", "a": "b"}.get(mark, "")
        if (stem, other) in found
    ]
    return min(pairs, default=None)
