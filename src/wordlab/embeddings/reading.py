"""Word vectors read from the files that people publish: word2vec text and binary, GloVe text."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.formats import Format
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError, notice
from wordlab.text import packing

EXPECTED = (
    "expected a word and its numbers in each line (GloVe text), or a first line with the numbers "
    "of words and dimensions (word2vec text and binary)"
)
CHUNK = 1 << 20
"""Bytes read at a time; a first line, or a word, is no longer."""
GROWTH = 8
"""A matrix whose rows are not known beforehand grows by an eighth."""
FEWEST_NAMES = 10
"""Numbers in the first line, counting up from 0 or 1, that must be the names of columns."""
REPEATED = "repeat an earlier word"
UNFIT = "have numbers that are NaN or infinite"
UNDECODABLE = "are not UTF-8"
Row = NDArray[np.float32]


@dataclass(frozen=True)
class Header:
    """What the beginning of a file shows: its format, and the words and dimensions.

    words: as the file announces, None where it does not.
    """

    kind: Format
    words: int | None
    dimensions: int


@dataclass(frozen=True, eq=False)
class Reading:
    """The vectors in a file, and what of it they lack.

    seen: the words that were read, those left out among them; left_out: these by reason; mended:
    how many words have bytes that are not UTF-8, each replaced by U+FFFD.
    """

    path: Path
    header: Header
    vectors: Vectors = field(repr=False)
    seen: int
    left_out: Mapping[str, list[str]] = field(repr=False)
    mended: int

    def remarks(self) -> list[str]:
        """Return what a person should know, each in some words."""
        found = said(self.left_out, self.seen)
        if self.mended:
            found.append(f"{self.mended:,} of {self.seen:,} words {UNDECODABLE} and are mended")
        return found


def said(left_out: Mapping[str, list[str]], seen: int) -> list[str]:
    """Return a remark for each reason to leave words out of those `seen`."""
    return [
        f"{len(words):,} of {seen:,} words {reason} and are left out "
        f"({', '.join(map(repr, words[:2]))}{', …' if len(words) > 2 else ''})"
        for reason, words in left_out.items()
        if words
    ]


def read(
    path: Path, words: int | None = None, undecodable: Literal["replace", "drop"] = "replace"
) -> Vectors:
    """Return the vectors in the file at `path`, whose format is recognised, as `reading` does.

    A Notice counts what is left out or mended.
    """
    found = reading(path, words, undecodable)
    if found.remarks():
        notice(f"{path}: {'; '.join(found.remarks())}")
    return found.vectors


def reading(
    path: Path, words: int | None = None, undecodable: Literal["replace", "drop"] = "replace"
) -> Reading:
    """Read the vectors in the file at `path`, packed or not; one of several in an archive has the
    archive's path in front of its name.

    Formats are those that `formats.write` describes, with tabs or several blanks between numbers
    as well. Of a word that occurs twice the first vector is kept; one that is not finite is left
    out. words: how many to read, the commonest in most files; None for all; undecodable: what
    becomes of the bytes of words that are not UTF-8. The formats have no counts: these become
    V..1, so that the words keep their order. Raises UserError, which names the line, or the word
    and its byte, if the file is missing or in no such format.
    """
    header = header_of(path)
    index: dict[str, int] = {}
    left_out: dict[str, list[str]] = {REPEATED: [], UNFIT: [], UNDECODABLE: []}
    seen = mended = 0
    rows = min(header.words or 1024, words or header.words or 1024)
    try:
        matrix = np.empty((rows, header.dimensions), dtype=np.float32)
    except (MemoryError, OverflowError, ValueError):
        raise UserError(
            f"{path}: announces {header.words:,} words of {header.dimensions:,} dimensions, more "
            "than fit in memory; --words limits them"
        ) from None
    with opened(path) as stream:
        for name, row in _entries(path, stream, header):
            if len(index) == words:
                break
            seen += 1
            word = name.decode("utf-8", "replace")
            faulty = "\ufffd" in word and word.encode() != name
            if faulty and undecodable == "drop":
                left_out[UNDECODABLE].append(word)
            elif word in index:
                left_out[REPEATED].append(word)
            elif not np.isfinite(row).all():
                left_out[UNFIT].append(word)
            else:
                if len(index) == len(matrix):
                    matrix.resize(
                        (len(matrix) + len(matrix) // GROWTH + 1, header.dimensions), refcheck=False
                    )
                matrix[len(index)] = row
                index[word] = len(index)
                mended += faulty
    if not index:
        raise UserError(f"{path}: no word vectors in it; {EXPECTED}")
    matrix.resize((len(index), header.dimensions), refcheck=False)
    counts = np.arange(len(index), 0, -1, dtype=np.int64)
    description = {"model": "unknown", "format": header.kind}
    vectors = Vectors(Vocabulary(tuple(index), counts), matrix, description)
    return Reading(path, header, vectors, seen, left_out, mended)


def header_of(path: Path) -> Header:
    """Return what the first two lines of the file at `path` show.

    Raises UserError if they are those of no format that `reading` understands.
    """
    with opened(path) as stream:
        first, second = _beginning(stream), stream.readline(CHUNK)
    fields = first.split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        words, dimensions = map(int, fields)
        if not words or not dimensions:
            raise UserError(f"{path}, line 1: announces no vectors; {EXPECTED}")
        if _row(second, dimensions) is not None:
            return Header("word2vec_text", words, dimensions)
        if _is_text(second):
            raise _malformed(path, 2, dimensions)
        return Header("word2vec_binary", words, dimensions)
    dimensions = len(fields) - _words_before_numbers(first)
    if dimensions < 2 or _row(first, dimensions) is None:
        raise UserError(f"{path}, line 1: in no known format; {EXPECTED}")
    if all(_words_before_numbers(line) > 1 for line in (first, second or first)):
        raise UserError(
            f"{path}, line 1: several words and {dimensions} numbers, as in a set of word pairs; "
            f"{EXPECTED}"
        )
    numbers = fields[-dimensions:]
    if dimensions >= FEWEST_NAMES and numbers in _counting(dimensions):
        raise UserError(f"{path}, line 1: names of columns, as pandas writes them; {EXPECTED}")
    return Header("glove_text", None, dimensions)


def _counting(n: int) -> list[list[bytes]]:
    """Return the numbers from 0 and from 1, `n` of them."""
    return [[b"%d" % number for number in range(start, start + n)] for start in (0, 1)]


def _words_before_numbers(line: bytes) -> int:
    """Return how many words, one at least, are before the numbers that end a line."""
    fields = line.split()
    count = len(fields)
    while count > 1 and _is_number(fields[count - 1]):
        count -= 1
    return count


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open the file of vectors at `path`, unpacked as it is read; faults become UserErrors.

    In an archive of several files, `path` is the archive's and then the name of one of them, with
    its folders where others have it too.
    """
    archive = archive_of(path)
    if archive is None:
        raise UserError(f"{path}: not found; expected a file of vectors")
    wanted = path.relative_to(archive).parts
    names = [member.place for member in packing.unpacked(archive, Counter())]
    chosen = [name for name in names if _parts(name)[-len(wanted) :] == wanted or not wanted]
    if len(chosen) != 1:
        own = Counter(_parts(name)[-1] for name in names)
        shown = [_parts(name) if own[_parts(name)[-1]] > 1 else _parts(name)[-1:] for name in names]
        known = ", ".join(str(archive.joinpath(*parts)) for parts in shown)
        raise UserError(f"{path}: expected one file of vectors; it has {known or 'none'}")
    for member in packing.unpacked(archive, Counter()):
        if member.place == chosen[0]:
            yield member.stream
            return


def archive_of(path: Path) -> Path | None:
    """Return the file at `path`, or the one that `path` leads into; None if there is none."""
    return next((place for place in (path, *path.parents) if place.is_file()), None)


def _parts(place: str) -> tuple[str, ...]:
    """Return the name of a member of an archive, its folders before it."""
    return PurePosixPath(place.rpartition(": ")[2]).parts


def _beginning(stream: IO[bytes]) -> bytes:
    """Return the first line, without a byte order mark."""
    return stream.readline(CHUNK).removeprefix(b"\xef\xbb\xbf")


def _entries(path: Path, stream: IO[bytes], header: Header) -> Iterator[tuple[bytes, Row]]:
    """Yield each word and its vector. Raises UserError if there are not as many as announced."""
    first = _beginning(stream)
    if header.kind == "word2vec_binary":
        yield from _binary(path, stream, header, at=len(first))
        return
    found, number = 0, 1
    lines = stream if header.words is not None else _after(first, stream)
    for number, line in enumerate(lines, start=1 if header.words is None else 2):
        if not line.strip():
            continue
        entry = _row(line, header.dimensions)
        if entry is None:
            raise _malformed(path, number, header.dimensions)
        found += 1
        yield entry
    if header.words not in (None, found):
        raise UserError(
            f"{path}, line {number}: the end after {found:,} words; expected {header.words:,}, as "
            "line 1 announces"
        )


def _after(first: bytes, lines: IO[bytes]) -> Iterator[bytes]:
    yield first
    yield from lines


@np.errstate(over="ignore")  # a number too large for float32 is infinite
def _row(line: bytes, dimensions: int) -> tuple[bytes, Row] | None:
    """Return the word and the numbers in a line of text, None if it has not so many.

    A word may have blanks in it, but no number behind one.
    """
    word, *numbers = line.strip(b" \t\r\n").rsplit(None, dimensions) or [b""]
    parts = word.split() if b" " in word or b"\t" in word else ()
    if len(numbers) != dimensions or (parts and _is_number(parts[-1])):
        return None
    if b"_" in line and any(b"_" in number for number in numbers):
        return None  # Python takes 1_0 for 10
    try:
        return word, np.array([float(number) for number in numbers], dtype=np.float32)
    except ValueError:
        return None


def _is_text(line: bytes) -> bool:
    """Say whether a line has an end, and no byte that a text has not."""
    try:
        return line.endswith(b"\n") and line.decode().replace("\t", " ").strip("\r\n").isprintable()
    except UnicodeDecodeError:
        return False


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return b"_" not in text


def _malformed(path: Path, line: int, dimensions: int) -> UserError:
    return UserError(f"{path}, line {line}: expected a word and {dimensions} numbers")


def _binary(path: Path, stream: IO[bytes], header: Header, at: int) -> Iterator[tuple[bytes, Row]]:
    """Yield the words and vectors of word2vec's binary format; at: the byte that they begin at.

    The rows are views of what was read, in float32 of this machine's byte order.
    """
    size = 4 * header.dimensions
    buffer, begin = b"", 0
    for number in range(1, (header.words or 0) + 1):
        space = buffer.find(b" ", begin)
        if space < 0 or space + 1 + size > len(buffer):
            at += begin
            buffer, begin = buffer[begin:] + stream.read(CHUNK + size), 0
            space = buffer.find(b" ")
        if space < 0 or space + 1 + size > len(buffer):
            raise UserError(
                f"{path}, word {number:,} (byte {at + begin:,}): cut off; expected "
                f"{header.words:,} words with {header.dimensions} numbers of float32 each, as line "
                "1 announces"
            )
        numbers = np.frombuffer(buffer, "<f4", header.dimensions, space + 1)
        yield buffer[begin:space].lstrip(b"\n"), numbers.astype(np.float32, copy=False)
        begin = space + 1 + size
    if buffer[begin:].strip() or stream.read(CHUNK).strip():
        raise UserError(
            f"{path}, byte {at + begin:,}: more than the {header.words:,} words with "
            f"{header.dimensions} numbers of float32 each that line 1 announces"
        )
