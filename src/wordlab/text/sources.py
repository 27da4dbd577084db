"""Where text comes from: each source yields documents, with their licence and origin."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from wordlab import downloads
from wordlab.errors import Unreachable, UserError
from wordlab.params.text import CorpusParams
from wordlab.text import collections, readers
from wordlab.text.documents import Document
from wordlab.text.packaged import gensim_data

SAMPLE = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
WIKIPEDIA = "CC BY-SA 4.0 and GFDL; texts before June 2023: CC BY-SA 3.0"
UNKNOWN = "not stated"


@dataclass(frozen=True)
class Source:
    """A text and where it is from: its files as they were found, and a way to read documents."""

    name: str
    origin: str
    licence: str
    files: tuple[Path, ...]
    read: Callable[[Path], Iterable[Document]]

    def documents(self) -> Iterator[Document]:
        """Yield the documents in the order of the files. Raises UserError if there is none."""
        found = False
        for file in self.files:
            for document in self.read(file):
                found = True
                yield document
        if not found:
            raise UserError(f"{_summary(self.files)}: no text in it; expected a UTF-8 text")

    def provenance(self) -> dict[str, Any]:
        """Return what identifies the text: source, origin, licence, file names, size and sha256.

        The sha256 of several files is that of the lines that `sha256sum` prints for them.
        """
        several = len(self.files) > 1
        digests = [(_sha256(file), file.name) for file in self.files]
        lines = "".join(f"{digest}  {name}\n" for digest, name in digests)
        return {
            "source": self.name,
            "origin": self.origin,
            "licence": self.licence,
            "file": _summary([Path(name) for _, name in digests]),
            "bytes": sum(file.stat().st_size for file in self.files),
            "sha256": hashlib.sha256(lines.encode()).hexdigest() if several else digests[0][0],
        }


def find(params: CorpusParams, root: Path) -> Source:
    """Return the source that `params` names, fetched if need be; a relative path starts at `root`.

    Raises UserError if its file is not there, is empty or cannot be fetched.
    """
    kind, _, name = params.source.partition(":")
    if kind == "sample":
        return Source(
            name="sample",
            origin="English Wikipedia, 106 articles packaged among the test data of gensim",
            licence="CC BY-SA 3.0",
            files=(gensim_data(SAMPLE),),
            read=readers.read_wikipedia,
        )
    read = partial(readers.read, column=params.column)
    if kind == "file":
        origin = "a file given by corpus.path"
        return Source("file", origin, UNKNOWN, _files(params, root), read)
    if kind == "wikipedia-dump":
        files = _files(params, root)
        origin = f"Wikipedia, the dump {_summary([Path(file.name) for file in files])}"
        return Source(kind, origin, WIKIPEDIA, files, readers.read_wikipedia)
    try:
        if kind == "url":
            file = downloads.cached(str(params.url), str(params.sha256))
            return Source("url", str(params.url), UNKNOWN, (file,), read)
        found = collections.FETCH[kind](name, params.column)
    except Unreachable as error:
        raise Unreachable(
            f"{error}; corpus.source {params.source} needs the network once, "
            "sample, file and wikipedia-dump never do"
        ) from None
    return Source(
        params.source, found.origin, found.licence or UNKNOWN, found.files, found.read or read
    )


def _files(params: CorpusParams, root: Path) -> tuple[Path, ...]:
    """Return the files that corpus.path names: one, those of a pattern, or those of a folder."""
    path = root / Path(str(params.path)).expanduser()
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = [
            file
            for file in path.rglob("*")
            if file.is_file() and not any(p.startswith(".") for p in file.relative_to(path).parts)
        ]
    else:
        pattern = path.relative_to(path.anchor)
        found = [file for file in Path(path.anchor).glob(str(pattern)) if file.is_file()]
    if not found:
        problem = "no file in the folder" if path.is_dir() else "no such file"
        raise UserError(f"corpus.path: {path}: {problem}; expected a UTF-8 text")
    if not any(file.stat().st_size for file in found):
        raise UserError(f"corpus.path: {path}: the file is empty; expected a UTF-8 text")
    return tuple(sorted(found))


def _summary(files: Iterable[Path]) -> str:
    """Return the name of a file, of several the first and last."""
    names = [str(file) for file in files]
    return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]} ({len(names)} files)"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
