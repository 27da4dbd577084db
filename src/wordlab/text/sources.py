"""Where text comes from: each source yields documents, with their licence and origin.

Corpora from the collections of gensim, nltk and the Hugging Face hub are fetched once and kept in
the repository's cache, with what the collection states about them.
"""

import hashlib
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

from wordlab import downloads, paths
from wordlab.artifacts import replacing
from wordlab.downloads import gensim_data
from wordlab.errors import Unreachable, UserError, masked
from wordlab.params.text import CorpusParams, SplitFiles
from wordlab.text import readers
from wordlab.text.documents import Document, Notes, counts
from wordlab.text.packing import hidden

SPLITS = tuple(SplitFiles.model_fields)
SAMPLE = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
WIKIPEDIA = "CC BY-SA 4.0 and GFDL; texts before June 2023: CC BY-SA 3.0"


@dataclass(frozen=True)
class Source:
    """A text and where it is from: its files as they were found, and a way to read documents.

    splits: the split of each file, none where splits are drawn; notes: what was found and left out,
    filled while the documents are read.
    """

    name: str
    origin: str
    licence: str | None
    files: tuple[Path, ...]
    read: Callable[[Path, Notes], Iterable[Document]]
    notes: Notes = field(default_factory=Notes)
    splits: Mapping[Path, str] = field(default_factory=dict)

    def documents(self) -> Iterator[Document]:
        """Yield the documents in the order of the files. Raises UserError if there is none, or
        none of a split."""
        found = set()
        for file in self.files:
            split = self.splits.get(file)
            for document in self.read(file, self.notes):
                found.add(split)
                yield replace(document, split=split) if split else document
        for split in SPLITS if self.splits else [None]:
            if split not in found:
                files = [file for file in self.files if self.splits.get(file) == split]
                reasons = counts(self.notes.left_out)
                why = f" (left out: {reasons})" if reasons else ""
                where = f"corpus.splits.{split}: " if split else ""
                raise UserError(
                    f"{where}{_summary(files)}: no text in it{why}; expected a UTF-8 text"
                )

    def provenance(self) -> dict[str, Any]:
        """Return what identifies the text: source, origin, licence, file names, size and sha256.

        And what was left out while the documents were read. The sha256 of several files is that of
        the lines that `sha256sum` prints for them.
        """
        several = len(self.files) > 1
        digests = [(downloads.digest(file), file.name) for file in self.files]
        lines = "".join(f"{digest}  {name}\n" for digest, name in digests)
        return {
            "source": self.name,
            "origin": self.origin,
            "licence": self.licence or "not stated",
            "file": _summary(name for _, name in digests),
            "bytes": sum(file.stat().st_size for file in self.files),
            "sha256": hashlib.sha256(lines.encode()).hexdigest() if several else digests[0][0],
            "left_out": dict(sorted(self.notes.left_out.items())),
        }


def find(params: CorpusParams, root: Path) -> Source:
    """Return the source that `params` names, fetched if need be; a relative path starts at `root`.

    Raises UserError if its file is not there, is empty or cannot be fetched.
    """
    kind, _, name = params.source.partition(":")
    if kind == "sample":
        origin = "English Wikipedia, 106 articles packaged among the test data of gensim"
        file = gensim_data(SAMPLE)
        read_sample = partial(readers.read_dump, as_gensim=True)
        return Source(kind, origin, "CC BY-SA 3.0", (file,), read_sample)
    read, notes = reader(params), Notes()
    if isinstance(params.splits, SplitFiles):
        splits = _split_files(params.splits, root, notes.left_out)
        origin = "files given by corpus.splits"
        return Source(kind, origin, None, tuple(splits), read, notes, splits)
    if kind == "file":
        files = files_of("corpus.path", str(params.path), root, notes.left_out)
        return Source(kind, "a file given by corpus.path", None, files, read, notes)
    if kind == "wikipedia-dump":
        files = files_of("corpus.path", str(params.path), root, notes.left_out)
        origin = f"Wikipedia, the dump {_summary(file.name for file in files)}"
        return Source(kind, origin, WIKIPEDIA, files, readers.read_dump, notes)
    try:
        if kind == "url":
            file = downloads.cached(str(params.url), str(params.sha256))
            return Source(kind, masked(str(params.url)), None, (file,), read)
        return FETCH[kind](name, params)
    except Unreachable as error:
        raise Unreachable(
            f"{error}; corpus.source {params.source} needs the network once, "
            "sample, file and wikipedia-dump never do"
        ) from None


def reader(params: CorpusParams) -> Callable[[Path, Notes], Iterator[Document]]:
    """Return `readers.read` as `params` would have it."""

    def read(path: Path, notes: Notes) -> Iterator[Document]:
        longest = readers.longest_text(params)
        return readers.read(path, params.column, params.documents, notes, longest=longest)

    return read


def _split_files(params: SplitFiles, root: Path, left_out: Counter[str]) -> dict[Path, str]:
    """Return the split of each file. Raises UserError if one is in two splits."""
    found: dict[Path, str] = {}
    seen: dict[Path, str] = {}
    for split in SPLITS:
        for file in files_of(f"corpus.splits.{split}", getattr(params, split), root, left_out):
            other = seen.setdefault(file.resolve(), split)
            if other != split:
                raise UserError(
                    f"corpus.splits.{split}: {file} is in corpus.splits.{other} too; "
                    "expected a text of its own"
                )
            found[file] = split
    return found


def files_of(name: str, given: str, root: Path, left_out: Counter[str]) -> tuple[Path, ...]:
    """Return the files that the param `name` gives: one, those of a pattern, or of a folder."""
    path = root / os.path.expanduser(given)
    try:
        if path.is_file():
            found = [path]
        elif path.is_dir():
            found = list(_within(path, left_out))
        else:
            found = list(_matching(path, left_out))
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{name}: {path}: {problem}; expected a file or a folder") from None
    if not found:
        problem = "no file in the folder" if path.is_dir() else f"no such file; {paths.QUOTING}"
        raise UserError(f"{name}: {path}: {problem}; expected a UTF-8 text")
    if not any(file.stat().st_size for file in found):
        raise UserError(f"{name}: {path}: the file is empty; expected a UTF-8 text")
    return tuple(sorted(found))


def _matching(pattern: Path, left_out: Counter[str]) -> Iterator[Path]:
    """Yield the files of a pattern; hidden ones are left out, unless it begins a name by a dot."""
    parts = pattern.parts
    fixed = next((n for n, part in enumerate(parts) if set("*?[") & set(part)), len(parts))
    base, rest = Path(*parts[:fixed]), parts[fixed:]
    asked = any(part.startswith(".") for part in rest)
    for file in base.glob(str(Path(*rest))) if rest else ():
        if not file.is_file():
            continue
        if hidden(str(file.relative_to(base))) and not asked:
            left_out["hidden files"] += 1
        else:
            yield file


def _within(folder: Path, left_out: Counter[str]) -> Iterator[Path]:
    """Yield the files in a folder and in what it links to; hidden ones are left out."""
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else folders
        names = [] if real in seen else names
        seen.add(real)
        for name in names:
            file = Path(place, name)
            if hidden(str(file.relative_to(folder))):
                left_out["hidden files"] += 1
            elif file.is_file():
                yield file
            else:
                left_out["links to nothing"] += 1


def _summary(files: Iterable[Path | str]) -> str:
    """Return the name of a file, of several the first and last."""
    names = [str(file) for file in files]
    return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]} ({len(names)} files)"


LARGEST_LIST = 1 << 20
"""The most bytes that the list of gensim's corpora may have."""


def cache(collection: str) -> Path:
    """Return the folder of what was fetched from a collection."""
    return paths.root() / ".downloads" / collection


def from_gensim(name: str, params: CorpusParams) -> Source:
    """Return a corpus of gensim-data, each file checked by the md5 in the list of gensim-data.

    `gensim.downloader.load` would run a program that comes with the corpus, unchecked; so only its
    addresses are used, and the files are read here. Raises UserError if there is no such corpus.
    """
    from gensim import downloader

    path, known = cache("gensim") / f"{name}.gz", cache("gensim") / f"{name}.json"
    if not (path.is_file() and known.is_file()):
        corpora = json.loads(downloads.read(downloader.DATA_LIST_URL, LARGEST_LIST))["corpora"]
        if name not in corpora:
            listed = ", ".join(sorted(key for key in corpora if not key.startswith("__")))
            raise UserError(
                f"corpus.source: gensim has no corpus {name!r}; expected one of {listed}"
            )
        entry = corpora[name]
        address = f"{downloader.DOWNLOAD_BASE_URL}/{name}/{name}.gz"
        if entry["parts"] == 1:
            downloads.fetch(address, entry["checksum"], path)
        else:
            _join(address, [entry[f"checksum-{i}"] for i in range(entry["parts"])], path)
        known.write_text(json.dumps(entry, indent=2))
    entry = json.loads(known.read_text())
    origin = f"gensim-data, {name}: {entry.get('description', '')}".rstrip(": ")
    return Source(f"gensim:{name}", origin, entry.get("license"), (path,), reader(params))


def _join(address: str, checksums: list[str], path: Path) -> None:
    """Fetch the parts of a file, each by its checksum, and join them at `path`."""
    parts = [path.with_name(f"{path.name}_{number:02}") for number in range(len(checksums))]
    for part, checksum in zip(parts, checksums, strict=True):
        downloads.fetch(address + part.name.removeprefix(path.name), checksum, part)
    with replacing(path) as whole, whole.open("wb") as file:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, file)
    for part in parts:
        part.unlink()


def from_nltk(name: str, params: CorpusParams) -> Source:
    """Return a corpus of nltk, fetched by its downloader, which checks the checksum.

    Raises UserError if there is no such corpus, or no text in it.
    """
    import nltk
    from nltk.downloader import Downloader

    folder = cache("nltk")
    path, known = folder / "corpora" / f"{name}.zip", folder / f"{name}.json"
    if not (path.is_file() and known.is_file()):
        folder.mkdir(parents=True, exist_ok=True)
        downloader = Downloader(download_dir=str(folder))
        try:
            package = downloader.info(name)
            downloader.download(name, quiet=True, raise_on_error=True)
        except (OSError, ValueError) as error:
            unreachable = isinstance(error, URLError) and not isinstance(error, HTTPError)
            problem = Unreachable if unreachable else UserError
            raise problem(f"corpus.source: nltk:{name}: {error}") from None
        if not path.is_file():
            raise UserError(f"corpus.source: nltk:{name}: no corpus; expected one with text")
        about = {key: getattr(package, key, None) for key in ("name", "license", "copyright")}
        known.write_text(json.dumps(about, indent=2))
    about = json.loads(known.read_text())
    if str(folder) not in nltk.data.path:
        nltk.data.path.insert(0, str(folder))
    licence = about["license"] or about["copyright"]
    origin = f"nltk_data, {about['name'] or name}"
    return Source(f"nltk:{name}", origin, licence, (path,), _read_nltk)


def _read_nltk(path: Path, notes: Notes) -> Iterator[Document]:
    """Yield the files of a corpus, as nltk's reader of that corpus gives them."""
    from nltk import corpus

    reader: Any = getattr(corpus, path.stem, None)
    try:
        names = reader.fileids()
        plain = isinstance(reader, corpus.PlaintextCorpusReader)
        for name in names:
            if plain:  # its lines are those of a page: paragraphs end with a blank line
                paragraphs = re.split(r"\n\s*\n", reader.raw(name))
                lines = [" ".join(paragraph.split()) for paragraph in paragraphs]
            else:  # tagged or parsed: the words of each sentence
                lines = [" ".join(sentence) for sentence in reader.sents(name)]
            if any(lines):
                yield Document(name, "\n".join(filter(None, lines)))
            else:
                notes.left_out["files without text"] += 1
    except (AttributeError, LookupError) as error:
        problem = str(error).strip().splitlines()[0]
        raise UserError(f"corpus.source: nltk:{path.stem}: no text to read ({problem})") from None


def from_hub(name: str, params: CorpusParams) -> Source:
    """Return a data set of the Hugging Face hub by the library `datasets`.

    All its splits, or those of SPLIT_NAMES where the params take the given ones. name:
    DATASET/CONFIG, the data set with or without its owner, or a folder. Raises UserError if the
    library is not installed, or the data set cannot be loaded or lacks a split.
    """
    if find_spec("datasets") is None:
        raise UserError("corpus.source: hf: needs `pip install datasets`")
    import datasets

    dataset, _, config = name.rpartition("/")
    folder = cache("hf")
    datasets.disable_progress_bars()
    try:
        found = datasets.load_dataset(
            dataset, config, cache_dir=str(folder), verification_mode="all_checks"
        )
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        problem = Unreachable if isinstance(error, ConnectionError) else UserError
        raise problem(f"corpus.source: hf:{name}: {str(error).splitlines()[0]}") from None
    notes, named = Notes(), {name: SPLIT_NAMES.get(str(name)) for name in found}
    if params.splits == "given":
        if sorted(filter(None, named.values())) != sorted(SPLITS):
            raise UserError(
                f"corpus.splits: hf:{name} has the splits {', '.join(map(str, found))}; "
                "expected train, validation and test"
            )
        for other in [name for name in found if named[name] is None]:
            notes.left_out[f"rows of the split {other}"] += len(found.pop(other))
    splits = list(found.values())
    column = params.column
    if column not in splits[0].column_names:
        listed = ", ".join(splits[0].column_names)
        raise UserError(f"corpus.column: hf:{name} has no {column!r}; expected one of {listed}")
    kind = splits[0].features[column].dtype
    if kind not in ("string", "large_string"):
        raise UserError(f"corpus.column: hf:{name}: {column} holds {kind}; expected text")
    files = tuple(Path(entry["filename"]) for split in splits for entry in split.cache_files)
    rows = {Path(e["filename"]): split[column] for split in splits for e in split.cache_files[:1]}
    origin, licence = f"Hugging Face hub, {name}", splits[0].info.license
    of_files = {
        Path(entry["filename"]): str(named[key])
        for key, split in found.items()
        for entry in split.cache_files
    }
    return Source(
        f"hf:{name}",
        origin,
        licence,
        files,
        lambda path, notes: readers.articles(rows.get(path, ()), notes),
        notes,
        of_files if params.splits == "given" else {},
    )


SPLIT_NAMES = {
    "train": "train", "validation": "valid", "valid": "valid", "dev": "valid", "test": "test",
}  # fmt: skip
"""What data sets of the hub call the splits."""
FETCH = {"gensim": from_gensim, "nltk": from_nltk, "hf": from_hub}
"""How to get a corpus from each collection, by its name and the column of its text."""
