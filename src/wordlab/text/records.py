"""Documents in records with a column of text: JSON, CSV and Parquet."""

import csv
import html
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from wordlab.errors import UserError
from wordlab.text.documents import Document, Notes
from wordlab.text.lines import whole

ROWS = 1000
"""Rows of a Parquet file held in memory at a time."""
TEXT = "text"
TEXT_KEYS = (TEXT, "data", "section_texts")
"""The keys of the text, or of its list of paragraphs, where `corpus.column` names no other: JSON of
WikiExtractor and gensim-data."""
WITHOUT_TEXT = "records without text"
MISSING = {"NA", "N/A", "<NA>", "NaN", "nan", "NULL", "null", "None"}
"""What R, pandas and databases write in a cell of a CSV file that has nothing."""
JSON = re.compile(
    r'\s*(?:null\s+)*(?:\{\s*["}]|\[\s*(?:null\s*,\s*)*(?:[\]{]|\[\s*"|"(?:[^"\\]|\\.)*(?:"\s*[,\]]|$)))'
)
"""How a JSON object begins, or an array of objects or of texts; `[Emma by Jane Austen]` does not
match."""
SEPARATORS = ("\t", ",", ";", "|")
NAME = re.compile(r"[^\W_][\w .-]{0,39}|", re.UNICODE)
"""What a column of a CSV file may be called; pandas gives that of row numbers no name."""
SAMPLED, FEWEST_ROWS = 20, 3
"""Rows to look at, and those needed, to tell a CSV file without the column from prose."""
INCOMPLETE = 16
"""Characters at the end of a part of JSON where a mistake may be that more is to come."""


def document(title: Any, text: str, notes: Notes) -> Document | None:
    """Return a document of what a record holds, None if it has no text.

    Halves of surrogate pairs, which JSON may hold and UTF-8 may not, are replaced by U+FFFD.
    """
    named = title if isinstance(title, str) else None
    if isinstance(title, int | float) and title == title:
        named = str(title)
    paragraphs = "\n".join(filter(None, map(str.strip, _valid(text, notes).splitlines())))
    if not paragraphs:
        notes.left_out[WITHOUT_TEXT] += 1
        return None
    return Document(_valid(named, notes) if named else None, paragraphs)


def _valid(text: str, notes: Notes) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        before = text.count("\ufffd")
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        notes.left_out["halves of characters replaced by �"] += text.count("\ufffd") - before
    return text


def read_json(parts: Iterable[str], place: str, column: str, notes: Notes) -> Iterator[Document]:
    """Yield the documents in JSON: an object on each line, or one array of objects or of texts.

    column: the key of the text, a string or a list of strings; TEXT means any of TEXT_KEYS.
    Raises UserError with the line of a record that is damaged or has no such key.
    """
    keys = TEXT_KEYS if column == TEXT else (column,)
    for value, line in _values(parts, place):
        if isinstance(value, str):
            value = {keys[0]: value}
        if not isinstance(value, dict):
            shown = json.dumps(value)[:40]
            raise UserError(f"{place}, line {line}: found {shown}; expected a JSON object")
        key = next((key for key in keys if key in value), None)
        if key is None:
            expected = (
                f"one of the keys {', '.join(keys)}" if len(keys) > 1 else f"the key {column}"
            )
            found = ", ".join(map(str, value)) or "none"
            raise UserError(
                f"{place}, line {line}: expected {expected} in each object, found {found}; "
                "corpus.column names the one of the text"
            )
        texts = value[key] if isinstance(value[key], list) else [value[key]]
        texts = [text for text in texts if text is not None]
        if not all(isinstance(text, str) for text in texts):
            raise UserError(
                f"{place}, line {line}: {key} holds {json.dumps(value[key])[:40]}; "
                "expected a text or a list of texts"
            )
        text = "\n".join(texts)
        if "curid=" in str(value.get("url")):  # by WikiExtractor, which escapes
            text = html.unescape(text)
        found_one = document(value.get("title"), text, notes)
        if found_one:
            yield found_one


def _values(parts: Iterable[str], place: str) -> Iterator[tuple[Any, int]]:
    """Yield JSON values, one after the other or in an array, each with its line."""
    json_text = _Json(parts, place)
    array = json_text.next() == "["
    if array:
        json_text.skip()
    while (character := json_text.next()) and not (array and character == "]"):
        line = json_text.line
        yield json_text.value(), line
        if array and json_text.next() == ",":
            json_text.skip()
        elif array and json_text.next() != "]":
            raise json_text.mistake("cut off or without a comma; expected `,` or `]`")
    if array:
        if not character:
            raise json_text.mistake("cut off; expected `]` at the end of the array")
        json_text.skip()
        if json_text.next():
            raise json_text.mistake("text follows the array; expected an array alone")


class _Repeated(Exception):
    """A key that an object has twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, of which Python would keep the last of two values in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Repeated(next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i])))
    return found


class _Json:
    """JSON that is taken in as it is needed, so that an array may be larger than memory."""

    def __init__(self, parts: Iterable[str], place: str) -> None:
        self._parts, self._place = iter(parts), place
        self._decode = json.JSONDecoder(object_pairs_hook=_object).raw_decode
        self._held, self._at = "", 0
        self.line = 1

    def mistake(self, problem: str, after: int = 0) -> UserError:
        """Return the error of a mistake so many lines after what is read next."""
        return UserError(f"{self._place}, line {self.line + after}: {problem}")

    def next(self) -> str:
        """Return the character that follows white space, empty at the end."""
        while True:
            rest = self._held[self._at : self._at + 64] if self._at else self._held
            stripped = rest.lstrip()
            self._go_to(self._at + len(rest) - len(stripped))
            if stripped:
                return stripped[0]
            if self._at == len(self._held) and not self._more(1):
                return ""

    def skip(self) -> None:
        """Go past a character."""
        self._go_to(self._at + 1)

    def value(self) -> Any:
        """Return the value that begins here, and go past it."""
        while True:
            try:
                value, end = self._decode(self._held, self._at)
                self._go_to(end)
                return value
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self._held) - INCOMPLETE
                left = len(self._held) - self._at
                if (cut or error.msg.startswith("Unterminated")) and self._more(left):
                    continue
                lines = self._held.count("\n", self._at, error.pos)
                raise self.mistake(f"{error.msg}; expected a JSON object", lines) from None
            except _Repeated as error:
                raise self.mistake(f"the key {error} is twice in an object") from None
            except ValueError:
                raise self.mistake("a number too long to read; expected a JSON object") from None
            except RecursionError:
                raise self.mistake("brackets too deep; expected a JSON object") from None

    def _go_to(self, at: int) -> None:
        self.line += self._held.count("\n", self._at, at)
        self._at = at

    def _more(self, least: int) -> bool:
        """Take in so many characters or more; return whether there were any."""
        taken = [self._held[self._at :]]
        size = 0
        for part in self._parts:
            taken.append(part)
            size += len(part)
            if size >= least:
                break
        self._held, self._at = "".join(taken), 0
        return size > 0


def is_csv(first: list[str], column: str, named: bool) -> bool:
    """Say whether these first lines are of a CSV file: of its name, with a header that has
    `column`, or with one of another kind and as many columns in each row."""
    if named or separator(first[0], column, alone=False):
        return True
    for candidate in SEPARATORS:
        rows = csv.reader(first[:SAMPLED], delimiter=candidate)
        names = next(rows)
        sizes = {len(row) for row in rows}
        if len(names) > 1 and sizes == {len(names)} and all(map(NAME.fullmatch, names)):
            return len(first) > FEWEST_ROWS
    return False


def separator(header: str, column: str, *, alone: bool) -> str | None:
    """Return what separates the columns of a CSV file by its first line, None if that has no
    `column`. alone: it may be the only one."""
    for candidate in SEPARATORS:
        names = next(csv.reader([header], delimiter=candidate))
        if column in names and (alone or len(names) > 1) and all(map(NAME.fullmatch, names)):
            return candidate
    return None


def read_csv(
    parts: Iterable[str], place: str, column: str, notes: Notes, blank: int = 0
) -> Iterator[Document]:
    """Yield the documents in a CSV file, one per row, its first line naming the columns.

    blank: how many empty lines were before it.

    Raises UserError if it has no such column, and with the line of a row that has another number
    of columns, as one has with a comma that is not within quotes.
    """
    csv.field_size_limit(1 << 30)
    lines = whole(parts)
    header = next(lines)
    divided = separator(header, column, alone=True)
    if divided is None:
        raise UserError(
            f"corpus.column: {place} has no column {column!r}; its first line is "
            f"{header.strip()[:80]!r}, and corpus.column names the column of the text"
        )
    rows = csv.reader(chain([header], lines), delimiter=divided, strict=True)
    try:
        names = next(rows)
        _refuse_twins(names, column, f"{place}, line {blank + rows.line_num}")
        text, title = names.index(column), names.index("title") if "title" in names else None
        for row in rows:
            if not row:
                continue
            if len(row) != len(names):
                raise UserError(
                    f"{place}, line {blank + rows.line_num}: {len(row)} columns; expected "
                    f"{len(names)}, as the first line has ({', '.join(names)})"
                )
            cell = "" if row[text] in MISSING else row[text]
            found = document(None if title is None else row[title], cell, notes)
            if found:
                yield found
    except csv.Error as error:
        raise UserError(f"{place}, line {blank + rows.line_num}: {error}; expected CSV") from None


def read_parquet(source: Any, place: str, column: str, notes: Notes) -> Iterator[Document]:
    """Yield one document per row with a text in `column`; the column title has its title.

    Raises UserError if there is no such column, or the file is damaged and it shows: that a text
    is another shows by checksums alone, which few writers add.
    """
    try:
        with pq.ParquetFile(source, page_checksum_verification=True) as file:
            names = file.schema_arrow.names
            if column not in names:
                raise UserError(
                    f"corpus.column: {place} has no column {column!r}; expected one of "
                    f"{', '.join(names)}"
                )
            _refuse_twins(names, column, place)
            kind = file.schema_arrow.field(column).type
            plain = kind.value_type if pa.types.is_dictionary(kind) else kind
            if not (pa.types.is_string(plain) or pa.types.is_large_string(plain)):
                raise UserError(f"corpus.column: {place}: {column} holds {kind}; expected text")
            columns = [column] + ["title"] * ("title" in names and column != "title")
            for batch in file.iter_batches(batch_size=ROWS, columns=columns):
                for row in batch.to_pylist():
                    found = document(row.get("title"), row[column] or "", notes)
                    if found:
                        yield found
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the disk, not by pyarrow
            raise
        problem = str(error).strip().partition("\n")[0]
        raise UserError(f"{place}: not a whole Parquet file ({problem})") from None


def _refuse_twins(names: list[str], column: str, place: str) -> None:
    """Raise UserError if several columns of a table have the name of the text's."""
    if names.count(column) > 1:
        raise UserError(
            f"{place}: {names.count(column)} columns are called {column!r}; expected one"
        )
