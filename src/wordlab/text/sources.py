"""Where text comes from: each source yields documents, with their licence and origin."""

import bz2
import gzip
import hashlib
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from wordlab.errors import UserError
from wordlab.params.text import CorpusParams
from wordlab.text.documents import Document
from wordlab.text.packaged import gensim_data

SAMPLE = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
FEWEST_TOKENS = 50
"""Wikipedia articles shorter than this are left out, as gensim's own reader does."""


@dataclass(frozen=True)
class Source:
    """A text and where it is from: the file as it was found, and a way to read its documents."""

    name: str
    origin: str
    licence: str
    file: Path
    read: Callable[[Path], Iterator[Document]]

    def documents(self) -> Iterator[Document]:
        """Yield the documents in the order of the file."""
        return self.read(self.file)

    def provenance(self) -> dict[str, Any]:
        """Return what identifies the text: source, origin, licence, file name, size and sha256."""
        with self.file.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return {
            "source": self.name,
            "origin": self.origin,
            "licence": self.licence,
            "file": self.file.name,
            "bytes": self.file.stat().st_size,
            "sha256": sha256,
        }


def find(params: CorpusParams, root: Path) -> Source:
    """Return the source that `params` names; a relative path starts at `root`.

    Raises UserError if its file is not there or is empty.
    """
    if params.source == "sample":
        return Source(
            name="sample",
            origin="English Wikipedia, 106 articles packaged among the test data of gensim",
            licence="CC BY-SA 3.0",
            file=gensim_data(SAMPLE),
            read=read_wikipedia,
        )
    path = root / Path(str(params.path)).expanduser()
    if not path.is_file():
        problem = "a folder" if path.is_dir() else "no such file"
        raise UserError(f"corpus.path: {path}: {problem}; expected a UTF-8 text")
    if path.stat().st_size == 0:
        raise UserError(f"corpus.path: {path}: the file is empty; expected a UTF-8 text")
    return Source(
        name="file",
        origin="a file given by corpus.path",
        licence="not stated",
        file=path,
        read=read_text,
    )


def read_wikipedia(path: Path) -> Iterator[Document]:
    """Yield the articles of a Wikipedia dump (pages-articles .xml.bz2), read by gensim.

    Redirects, pages outside the main namespace and articles under 50 words are left out.
    """
    from gensim.corpora.wikicorpus import extract_pages, filter_wiki

    with bz2.open(path, "rb") as file:
        for title, markup, _ in extract_pages(file, ("0",)):
            text = _plain(filter_wiki(markup))
            if len(text.split()) >= FEWEST_TOKENS:
                yield Document(title, text)


def _plain(text: str) -> str:
    """Return article text without the quotes of bold type, heading marks and empty lines."""
    text = re.sub(r"'{2,}", "", text)
    lines = (line.strip("=*#:; \t") for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def read_text(path: Path) -> Iterator[Document]:
    """Yield the documents of a UTF-8 text, plain or .gz, .bz2, .xz, apart by blank lines.

    Raises UserError if the file is cut off, damaged, not UTF-8, or has no text in it.
    """
    found = False
    paragraphs: list[str] = []
    for line in _lines(path):
        if line.strip():
            paragraphs.append(line.strip())
        elif paragraphs:
            found = True
            yield Document(None, "\n".join(paragraphs))
            paragraphs = []
    if paragraphs:
        yield Document(None, "\n".join(paragraphs))
    elif not found:
        raise UserError(f"corpus.path: {path}: no text in it; expected a UTF-8 text")


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text file, decompressed by its ending."""
    try:
        with _open(path) as binary, io.TextIOWrapper(binary, encoding="utf-8-sig") as file:
            yield from file
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise UserError(
            f"corpus.path: {path}: not UTF-8 (found the byte 0x{byte:02x}); expected a UTF-8 text"
        ) from None
    except EOFError:
        raise UserError(f"corpus.path: {path}: cut off; expected a whole archive") from None
    except (OSError, lzma.LZMAError, zlib.error) as error:
        raise UserError(f"corpus.path: {path}: cannot be read ({error})") from None


def _open(path: Path) -> IO[bytes]:
    openers: dict[str, Callable[[Path], Any]] = {
        ".gz": gzip.open,
        ".bz2": bz2.open,
        ".xz": lzma.open,
    }
    opener = openers.get(path.suffix)
    return opener(path) if opener else path.open("rb")
