"""Documents from files of any format, which their first bytes show: names do not matter.

Formats: Wikipedia dumps, WikiExtractor, JSON, CSV, Parquet and plain text, packed in any way that
`packing` knows.
"""

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, dropwhile, islice, pairwise
from pathlib import Path

import pyarrow as pa
import regex

from wordlab.errors import UserError
from wordlab.params.text import CorpusParams, Separation
from wordlab.text import records, wikipedia
from wordlab.text.documents import Document, Notes
from wordlab.text.lines import LONGEST_LINE, UNSPACED, decoded, whole
from wordlab.text.packing import HEAD, Member, unpacked

HEADING = re.compile(r" = [^=].* = \s*")
"""A line of WikiText that begins an article."""
LONGEST_TEXT = 1 << 18
"""Characters of plain text without an empty line after which the next line begins a document: a
text with one sentence per line may have no empty one."""
PART = 1 << 15
"""Characters of a document that is a part of a file, some ten pages: a book has dozens."""
LONGEST_DOCUMENT = 1 << 28
"""Characters after which even a whole file is cut; a document is held in memory."""
LARGE = 8 << 20
"""Bytes of a dump that are worth starting processes for, to strip its markup."""
DUMP = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<mediawiki\b", re.S)
ARTICLE = re.compile(r"\s*<doc [^>]*>")
TAG = re.compile(
    r"\s*(?!<(?:unk|eos)>)"
    r"(?:<(?:\?xml|!doctype|html|TEI)\b|</?[a-z!?][^<>]*>(?:\s*\n|[^\n]*</[a-z]+>))",
    re.IGNORECASE,
)
"""The beginning of a text in a markup that is not read: its first line is a tag, or an element.
The unknown word and the end of a line in a text that is tokenised are neither."""
OTHERS = {
    "CoNLL-U": re.compile(r"\s*(?:#[^\n]*\n)*1(?:-\d+)?\t[^\t\n]*(?:\t[^\t\n]*){6,8}\n"),
    "subtitles": re.compile(r"\s*(?:WEBVTT\b|\d+\s*\n\d\d:\d\d:\d\d,\d{3} -->)"),
    "LaTeX": re.compile(r"(?:\s*%[^\n]*\n)*\s*\\(?:documentclass|documentstyle|input|begin)\b"),
}
"""The beginning of texts in other formats that are not read."""


def read(
    path: Path,
    column: str,
    separation: Separation,
    notes: Notes,
    *,
    longest: int = LONGEST_TEXT,
    processes: bool = True,
) -> Iterator[Document]:
    """Yield the documents of a file of any format, packed or not.

    column: of the text in JSON, CSV and Parquet, each record a document; separation: what is a
    document in plain text, `corpus.documents`; notes: mutated, what was found and left out;
    longest: characters of plain text after which the next line begins a document, where blank lines
    separate them; processes: strip the markup of a large dump in several. Raises UserError with the
    place if the file is damaged, not understood, not UTF-8, or has no such column.
    """
    several = processes and path.stat().st_size >= LARGE
    for member in unpacked(path, notes.left_out):
        yield from _documents(member, column, separation, notes, longest, processes=several)


def longest_text(params: CorpusParams) -> int:
    """Return after how many characters without a blank line a document begins: of a split that is
    given, hardly ever."""
    return LONGEST_TEXT if params.splits is None else LONGEST_DOCUMENT


def read_dump(path: Path, notes: Notes, *, as_gensim: bool = False) -> Iterator[Document]:
    """Yield the articles of a Wikipedia dump, packed or not.

    as_gensim: as gensim's own reader gives them. Raises UserError if it is no such dump.
    """
    for member in unpacked(path, notes.left_out):
        if not DUMP.match(member.stream.peek(HEAD)):
            raise UserError(f"{member.place}: not a Wikipedia dump; expected pages-articles .xml")
        _note("Wikipedia dump", member, notes)
        several = path.stat().st_size >= LARGE
        yield from wikipedia.read(
            member.stream, member.place, notes, processes=several, as_gensim=as_gensim
        )


def _note(kind: str, member: Member, notes: Notes) -> None:
    notes.formats[" in ".join([kind, *reversed(member.packings)])] += 1


def _documents(
    member: Member,
    column: str,
    separation: Separation,
    notes: Notes,
    longest: int,
    *,
    processes: bool,
) -> Iterator[Document]:
    """Yield the documents of a file that is not packed."""
    stream, place = member.stream, member.place
    head = stream.peek(HEAD)
    if DUMP.match(head):
        _note("Wikipedia dump", member, notes)
        yield from wikipedia.read(stream, place, notes, processes=processes)
        return
    if head.startswith(b"PAR1"):
        _note("Parquet", member, notes)
        source = pa.BufferReader(stream.read()) if member.packings else stream
        yield from records.read_parquet(source, place, column, notes)
        return
    lines = decoded(stream, place)
    first: list[str] = []
    size = 0
    for line in lines:
        first.append(line)
        size += len(line)
        if size >= LONGEST_LINE:
            break
    yield from _text(member, first, lines, column, separation, notes, longest)


def _text(
    member: Member,
    first: list[str],
    following: Iterator[str],
    column: str,
    separation: Separation,
    notes: Notes,
    longest: int,
) -> Iterator[Document]:
    """Yield the documents of a text; `first`: its first lines, which show the format."""
    shown = list(dropwhile(lambda line: not line.strip(), first))
    if not shown:
        return
    place, lines = member.place, chain(first, following)
    head = "".join(shown)
    own_name = place.lower().rpartition(": ")[2]
    named_csv = bool({".csv", ".tsv"} & set(Path(own_name).suffixes))
    if ARTICLE.match(head):
        _note("WikiExtractor", member, notes)
        yield from _wikiextractor(whole(lines), place, notes)
    elif records.JSON.match(head):
        _note("JSON", member, notes)
        yield from records.read_json(lines, place, column, notes)
    elif records.is_csv(shown, column, named_csv):
        _note("CSV", member, notes)
        blank = len(first) - len(shown)
        yield from records.read_csv(chain(shown, following), place, column, notes, blank)
    elif found := _other_format(head):
        raise UserError(
            f"{place}, line 1: {found}; expected plain text, a Wikipedia dump, the "
            "output of WikiExtractor, JSON, CSV or Parquet"
        )
    else:
        width = column_width(first)
        kind = "plain text, one line per paragraph"
        if width:
            kind = f"plain text, lines broken at column {width}"
        _note(kind, member, notes)
        if separation == "auto":
            if HEADING.fullmatch(shown[0]):
                yield from articles(whole(lines), notes)
                return
            separation = "files" if width else "blank_lines"
        yield from _plain_text(_unwrapped(whole(lines)) if width else lines, separation, longest)


def _other_format(head: str) -> str | None:
    """Return what shows that a text begins in a format that is not read, None if nothing does."""
    for name, beginning in OTHERS.items():
        if beginning.match(head):
            return f"begins like {name}"
    return f"begins with {head.strip().splitlines()[0][:40]}" if TAG.match(head) else None


FEWEST_BREAKS = 4
BROKEN = 0.7
"""The share of line ends where the next word would not have fitted, of a text with broken lines."""
SENTENCE_MARK = regex.compile(r"""\p{STerm}["'”’»)]*$""")
CLOSE = regex.compile(rf"[{UNSPACED}\u3001-\u303f\uff01-\uff65]")
"""A character that has no space before the next, when a line is not broken between them."""
SOFT_HYPHEN = "\u00ad"
WIDTHS = (40, 110)
"""Columns at which lines are broken; beyond, a line is a paragraph."""


def column_width(lines: list[str]) -> int | None:
    """Return the column at which a text's lines are broken, None if its lines are paragraphs.

    Lines are broken if most of those within paragraphs end where the next word would be too long,
    and within a sentence.
    """
    stripped = [line.strip() for line in lines]
    lengths = sorted(len(line) for line in stripped if line)
    if not lengths:
        return None
    width = lengths[len(lengths) * 95 // 100]
    pairs = [(line, after) for line, after in pairwise(stripped) if line and after]
    full = sum(len(line) + _needed(after) > width for line, after in pairs)
    within = sum(not SENTENCE_MARK.search(line) for line, _ in pairs)
    if len(pairs) < FEWEST_BREAKS or min(full, within) < BROKEN * len(pairs):
        return None
    return width if WIDTHS[0] <= width <= WIDTHS[1] else None


def _needed(line: str) -> int:
    """Return how much longer the line before would be with the first word of this one."""
    return 1 if CLOSE.match(line) else 1 + len(line.split()[0])


def _unwrapped(lines: Iterable[str]) -> Iterator[str]:
    """Yield each paragraph as one line, one without end in parts of LONGEST_LINE characters.

    A break between characters of Chinese is no space, nor is one at a soft hyphen.
    """
    paragraph = ""
    for line in lines:
        text = line.strip()
        if not text or len(paragraph) >= LONGEST_LINE:
            yield f"{paragraph}\n"
            paragraph = ""
        if not text:
            yield "\n"
        elif paragraph.endswith(SOFT_HYPHEN):
            paragraph = paragraph[:-1] + text
        elif paragraph and not (CLOSE.match(paragraph[-1]) and CLOSE.match(text)):
            paragraph += f" {text}"
        else:
            paragraph += text
    yield f"{paragraph}\n"


def _plain_text(lines: Iterable[str], separation: Separation, longest: int) -> Iterator[Document]:
    limits = {"blank_lines": longest, "files": LONGEST_DOCUMENT, "parts": PART}
    limit = limits[separation]
    paragraphs: list[str] = []
    held = 0
    cut = ""  # the rest of a line that is too long
    for line in lines:
        if len(line) >= LONGEST_LINE and not line.endswith("\n"):
            text, _, cut = (cut + line).rpartition(" ")
            if not text:
                text, cut = cut, ""
            ends = separation != "files"
        else:
            text, cut = cut + line, ""
            ends = separation == "blank_lines" and not text.strip()
        text = text.strip()
        if text:
            paragraphs.append(text)
            held += len(text)
        if paragraphs and (ends or held >= limit):
            yield Document(None, "\n".join(paragraphs))
            paragraphs, held = [], 0
    if cut.strip():
        paragraphs.append(cut.strip())
    if paragraphs:
        yield Document(None, "\n".join(paragraphs))


def articles(rows: Iterable[str | None], notes: Notes) -> Iterator[Document]:
    """Yield one document per row; rows of WikiText, which are lines, are joined into articles."""
    article: list[str] = []
    wikitext = False
    empty = 0
    for row in rows:
        if row and HEADING.fullmatch(row):
            wikitext = True
            if article:
                yield Document(None, "\n".join(article))
            article = []
        text = "\n".join(filter(None, map(str.strip, (row or "").split("\n"))))
        if not text:
            empty += 1
        elif wikitext:
            article.append(text)
        else:
            yield Document(None, text)
    if article:
        yield Document(None, "\n".join(article))
    if empty and not wikitext:
        notes.left_out[records.WITHOUT_TEXT] += empty


def _wikiextractor(lines: Iterable[str], place: str, notes: Notes) -> Iterator[Document]:
    title: str | None = None
    paragraphs: list[str] = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        begins, ends = text.startswith("<doc "), text == "</doc>"
        if text and begins == (title is not None):
            expected = "</doc> before another <doc>" if begins else "<doc> before a text"
            raise UserError(f"{place}, line {number}: {text[:40]!r}; expected {expected}")
        if begins:
            found = re.search(r' title="([^"]*)"', text)
            title, paragraphs = html.unescape(found[1]) if found else "", []
        elif ends:
            article = records.document(title or None, "\n".join(paragraphs), notes)
            if article:
                yield article
            title = None
        elif text:
            text = html.unescape(text).strip()
            if text != title or paragraphs:  # the title is repeated there
                paragraphs.append(text)
    if title is not None:
        raise UserError(f"{place}: cut off within {title!r}; expected </doc> at the end")


WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*")
FIRST_WORDS = 8
LOOK = 1000
"""Documents to look at."""
LOOK_CHARACTERS = 1 << 18


@dataclass(frozen=True)
class Inspection:
    """How a text would be read.

    formats: files of each format and packing, such as "WikiExtractor in bzip2"; documents, and
    characters in them, of what was looked at; first_words: of the first document; left_out: how
    many were, by reason; whole: whether the file was read to its end.
    """

    formats: dict[str, int]
    documents: int
    characters: int
    first_words: tuple[str, ...]
    left_out: dict[str, int]
    whole: bool


def inspect(path: Path, params: CorpusParams) -> Inspection:
    """Return how the file at `path` would be read, from its first documents.

    Raises UserError, as reading it would.
    """
    notes = Notes()
    longest = longest_text(params)
    found = read(path, params.column, params.documents, notes, longest=longest, processes=False)
    first: tuple[str, ...] = ()
    documents = characters = 0
    for document in found:
        first = first or tuple(islice(WORD.findall(document.text), FIRST_WORDS))
        documents += 1
        characters += len(document.text)
        if documents == LOOK or characters >= LOOK_CHARACTERS:
            break
    whole_file = next(found, None) is None
    return Inspection(
        dict(notes.formats), documents, characters, first, dict(notes.left_out), whole_file
    )
