"""Documents: read from files of any format, and kept as a Parquet file with title and text.

Formats: plain text, WikiExtractor, JSON lines, Parquet, Wikipedia dumps. Packed files are read as
streams, up to a limit, and never unpacked to disk.
"""

import bz2
import gzip
import io
import json
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wordlab import parallel
from wordlab.errors import UserError

ROWS = 1000
"""Documents held in memory at a time."""
CHARACTERS = 4 << 20
"""Characters of documents held in memory at a time, beside those of one more document."""
SCHEMA = pa.schema([("title", pa.string()), ("text", pa.string())])


@dataclass(frozen=True)
class Document:
    """One document: its title, if it has one, and its paragraphs, one per line."""

    title: str | None
    text: str


def write(path: Path, documents: Iterable[Document]) -> dict[str, int]:
    """Write the documents to `path`; return how many there are and their characters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = characters = 0
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for rows in _groups(documents):
            columns = [[row.title for row in rows], [row.text for row in rows]]
            writer.write_table(pa.table(columns, schema=SCHEMA))
            count += len(rows)
            characters += sum(len(row.text) for row in rows)
    return {"documents": count, "characters": characters}


def _groups(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yield the documents in groups of ROWS rows or CHARACTERS characters."""
    rows: list[Document] = []
    held = 0
    for document in documents:
        rows.append(document)
        held += len(document.text)
        if len(rows) == ROWS or held >= CHARACTERS:
            yield rows
            rows, held = [], 0
    if rows:
        yield rows


def batches(path: Path) -> Iterator[pa.StringArray]:
    """Yield the texts of the documents, in order, in the groups they were written in."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, columns=["text"]).column("text").combine_chunks()


def lengths(path: Path) -> NDArray[np.int64]:
    """Return the characters of each document, int64 (D,)."""
    found = [pc.utf8_length(batch).to_numpy() for batch in batches(path)]
    return np.concatenate([np.empty(0, np.int64), *found]).astype(np.int64)


EXPANSION = 200
"""The most a file may unpack to, in multiples of its size; text packs to a tenth at best."""
ALLOWANCE = 64 << 20
"""Bytes that any file may unpack to, however small it is."""


OPENERS: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".tgz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda path: pa.input_stream(str(path), compression="zstd"),
}
FAULTS = (OSError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, tarfile.TarError)


class Budget:
    """The bytes that may still be read from a file: one that unpacks to more is no text."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path, self._left = path, limit

    def spend(self, count: int) -> None:
        """Subtract `count` bytes; raises UserError if fewer are left."""
        self._left -= count
        if self._left < 0:
            raise UserError(
                f"{self._path}: unpacks to more than {EXPANSION} times its size; expected a text"
            )

    def stream(self, packed: IO[bytes]) -> io.BufferedReader:
        """Return a stream of the same bytes, which spends the budget as it is read."""
        return io.BufferedReader(_Bounded(packed, self), 1 << 17)


class _Bounded(io.RawIOBase):
    def __init__(self, stream: IO[bytes], budget: Budget) -> None:
        self._stream, self._budget = stream, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._stream.read(len(buffer))
        self._budget.spend(len(chunk))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def unpacked(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the name and the bytes of each file in `path`: itself, or a zip's or tar's members.

    Packed files (.gz, .bz2, .xz, .zst) are unpacked while they are read; nothing is written, so a
    member's name can do no harm. Raises UserError if the file is cut off or damaged, or unpacks to
    more than `EXPANSION` times its size.
    """
    limit = max(ALLOWANCE, EXPANSION * path.stat().st_size)
    with faults_named(path):
        if path.suffix == ".zip":
            yield from _zip_members(path, Budget(path, limit))
            return
        opener = OPENERS.get(path.suffix)
        if opener is None and path.suffix != ".tar":
            with path.open("rb") as stream:
                yield path.name, stream
            return
        with opener(path) if opener else path.open("rb") as stream:
            bounded = Budget(path, limit).stream(stream)
            name = path.name.removesuffix(path.suffix)
            if path.suffix in (".tar", ".tgz") or name.endswith(".tar"):
                yield from _tar_members(bounded, path)
            else:
                yield name, bounded


@contextmanager
def faults_named(path: Path) -> Iterator[None]:
    """Turn the errors of reading a packed file inside the block into a UserError that names it."""
    try:
        yield
    except EOFError:
        raise UserError(f"{path}: cut off; expected a whole archive") from None
    except FAULTS as error:
        raise UserError(f"{path}: cannot be read ({error})") from None


def _zip_members(path: Path, budget: Budget) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        for member in sorted(members, key=lambda member: member.filename):
            with archive.open(member) as stream:
                yield member.filename, budget.stream(stream)


def _tar_members(stream: IO[bytes], path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for entry in archive:
            content = archive.extractfile(entry) if entry.isfile() else None
            if content:
                yield entry.name, Budget(path, entry.size).stream(content)


FEWEST_TOKENS = 50
"""Wikipedia articles shorter than this are left out, as gensim's own reader does."""
LONGEST_LINE = 1 << 16
"""Characters of a line beyond which it is cut between words into documents: text8 is one line, and
splits are by document."""
LONGEST_TEXT = 1 << 18
"""Characters of plain text without an empty line after which the next line begins a document: a
text with one sentence per line may have no empty one."""
TEXT_KEYS = ("text", "data", "section_texts")
"""The keys of the text, or of its list of paragraphs: JSON of WikiExtractor and gensim-data."""
LARGE = 8 << 20
"""Bytes of a dump that are worth starting processes for, to strip its markup."""


def read(path: Path, column: str) -> Iterator[Document]:
    """Yield the documents of a file of any format, recognised by its name.

    column: of the text in a Parquet file, each row a document. Raises UserError if the file is
    damaged, not UTF-8, or has no such column.
    """
    if path.suffix == ".parquet":
        yield from read_parquet(path, column)
    elif path.name.endswith(".xml.bz2"):
        yield from read_wikipedia(path)
    else:
        for name, stream in unpacked(path):
            yield from read_lines(_decoded(stream, path), f"{path}: {name}")


def read_lines(lines: Iterable[str], place: str) -> Iterator[Document]:
    """Yield the documents in lines of text, whose first that is not empty shows the format.

    `<doc …>` begins an article of WikiExtractor and `{` a document in JSON, one per line; any other
    text has blank lines between documents.
    """
    remaining = iter(lines)
    first = next((line for line in remaining if line.strip()), "")
    whole = chain([first], remaining)
    if first.startswith("<doc "):
        yield from _wikiextractor(whole)
    elif first.startswith("{"):
        yield from _json_lines(whole, place)
    else:
        yield from _plain_text(whole)


def _plain_text(lines: Iterable[str]) -> Iterator[Document]:
    paragraphs: list[str] = []
    held = 0
    cut = ""  # the rest of a line that is too long
    for line in lines:
        if len(line) >= LONGEST_LINE and not line.endswith("\n"):
            whole, _, cut = (cut + line).rpartition(" ")
            if not whole:
                whole, cut = cut, ""
            yield Document(None, "\n".join([*paragraphs, whole.strip()]))
            paragraphs, held = [], 0
            continue
        text, cut = (cut + line).strip(), ""
        if text:
            paragraphs.append(text)
            held += len(text)
        if paragraphs and (not text or held >= LONGEST_TEXT):
            yield Document(None, "\n".join(paragraphs))
            paragraphs, held = [], 0
    if cut.strip():
        paragraphs.append(cut.strip())
    if paragraphs:
        yield Document(None, "\n".join(paragraphs))


def _wikiextractor(lines: Iterable[str]) -> Iterator[Document]:
    title = ""
    paragraphs: list[str] = []
    for line in lines:
        text = line.strip()
        if text.startswith("<doc "):
            found = re.search(r' title="([^"]*)"', text)
            title, paragraphs = found[1] if found else "", []
        elif text == "</doc>":
            if paragraphs:
                yield Document(title or None, "\n".join(paragraphs))
        elif text and not (text == title and not paragraphs):  # the title is repeated there
            paragraphs.append(text)


def _json_lines(lines: Iterable[str], place: str) -> Iterator[Document]:
    pending = ""
    for part in lines:
        pending += part
        if not pending.endswith("\n") and len(part) >= LONGEST_LINE:
            continue
        line, pending = pending, ""
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{place}: {error}; expected a JSON object on each line") from None
        key = next((key for key in TEXT_KEYS if key in entry), None)
        if key is None:
            raise UserError(
                f"{place}: expected one of the keys {', '.join(TEXT_KEYS)} on each line"
            )
        parts = entry[key] if isinstance(entry[key], list) else [entry[key]]
        paragraphs = [part.strip() for text in parts for part in str(text).splitlines()]
        if any(paragraphs):
            yield Document(entry.get("title"), "\n".join(filter(None, paragraphs)))


def read_parquet(path: Path, column: str) -> Iterator[Document]:
    """Yield one document per row with a text in `column`; the column title has its title."""
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if column not in names:
                raise UserError(
                    f"corpus.column: {path} has no column {column!r}; expected one of "
                    f"{', '.join(names)}"
                )
            kind = file.schema_arrow.field(column).type
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
                raise UserError(f"corpus.column: {path}: {column} holds {kind}; expected text")
            columns = [column] + ["title"] * ("title" in names and column != "title")
            for batch in file.iter_batches(batch_size=ROWS, columns=columns):
                for row in batch.to_pylist():
                    text = "\n".join(filter(None, map(str.strip, (row[column] or "").splitlines())))
                    if text:
                        yield Document(row.get("title"), text)
    except pa.ArrowException as error:
        raise UserError(f"{path}: not a whole Parquet file ({error})") from None


def read_wikipedia(path: Path) -> Iterator[Document]:
    """Yield the articles of a Wikipedia dump (pages-articles .xml.bz2), read by gensim.

    Redirects, pages outside the main namespace and articles of fewer than 50 words are left out.
    Raises UserError if the file is cut off or is no such dump.
    """
    from gensim.corpora.wikicorpus import extract_pages

    try:
        with bz2.open(path, "rb") as file:
            pages = ((title, markup) for title, markup, _ in extract_pages(file, ("0",)))
            if path.stat().st_size < LARGE:
                articles: Iterator[Document | None] = map(_article, pages)
            else:
                articles = parallel.in_order(_article, pages, batch=100)
            for article in articles:
                if article:
                    yield article
    except EOFError:
        raise UserError(f"{path}: cut off; expected a whole archive") from None
    except (OSError, SyntaxError) as error:  # an XML that is not well formed is a SyntaxError
        raise UserError(
            f"{path}: not a Wikipedia dump, pages-articles .xml.bz2 ({error})"
        ) from None


def _article(page: tuple[str, str]) -> Document | None:
    """Return a page without its markup, None if it is too short."""
    from gensim.corpora.wikicorpus import filter_wiki

    title, markup = page
    unquoted = re.sub(r"'{2,}", "", filter_wiki(markup))  # marks of bold type
    lines = (line.strip("=*#:; \t") for line in unquoted.splitlines())
    text = "\n".join(filter(None, lines))
    return Document(title, text) if len(text.split()) >= FEWEST_TOKENS else None


def _decoded(stream: IO[Any], path: Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 stream, those that are too long in parts."""
    file = io.TextIOWrapper(stream, encoding="utf-8-sig")
    try:
        while True:
            with faults_named(path):
                line = file.readline(LONGEST_LINE)
            if not line:
                break
            yield line
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise UserError(
            f"{path}: not UTF-8 (found the byte 0x{byte:02x}); expected a UTF-8 text"
        ) from None
    file.detach()
