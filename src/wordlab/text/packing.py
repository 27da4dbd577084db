"""Packed files as streams: what packs them is known by their first bytes, not by their names.

They are read in place, one inside another too, up to a limit; nothing is unpacked to disk, so the
name of a member can do no harm.
"""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pyarrow as pa

from wordlab.errors import UserError

EXPANSION = 200
"""The most a file may unpack to, in multiples of its size; text packs to a tenth at best."""
ALLOWANCE = 64 << 20
"""Bytes that any file may unpack to, however small it is."""
HEAD = 512
"""Bytes that are enough to know a file by; a tar has its mark at byte 257."""
CHUNK = 1 << 16
"""Packed bytes read at a time."""
DEEPEST = 4
"""Packings inside one another: a .gz in a .tar in a .xz has three."""

MAGIC = {
    "gzip": rb"\x1f\x8b",
    "bzip2": rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)",
    "xz": rb"\xfd7zXZ\x00|\x5d\x00\x00",
    "zstd": rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18",
    "zip": rb"PK(?:\x03\x04|\x05\x06|\x07\x08)",
    "tar": rb"(?s:.{257})ustar",
}
Decoder = Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]


def _streams(file: IO[bytes], decoder: Decoder) -> io.BufferedReader:
    return io.BufferedReader(_Streams(file, decoder))


OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {
    "gzip": gzip.open,
    "bzip2": lambda stream: _streams(stream, bz2.BZ2Decompressor),
    "xz": lambda stream: _streams(stream, lzma.LZMADecompressor),
    "zstd": lambda stream: pa.input_stream(stream, compression="zstd"),
}
REFUSED = {
    "a 7z archive": rb"7z\xbc\xaf\x27\x1c",
    "a RAR archive": rb"Rar!\x1a\x07",
    "a file of compress (.Z)": rb"\x1f[\x9d\xa0]",
    "an LZ4 file": rb"\x04\x22\x4d\x18",
    "a PDF": rb"%PDF-",
    "an RTF document": rb"\{\\rtf",
    "an image": rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a",
    "an Office document": rb"\xd0\xcf\x11\xe0",
    "an SQLite database": rb"SQLite format 3\x00",
    "an Arrow file": rb"ARROW1",
}
OFFICE = {"[Content_Types].xml", "META-INF/container.xml", "META-INF/manifest.xml"}
"""A member that shows that a zip is a document of an office program, or an EPUB."""
FAULTS = (
    OSError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, tarfile.TarError, pa.ArrowException,
    NotImplementedError,  # zipfile's, of a compression that it does not know
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """A file in no packing: where it is, the packings around it, outermost first, its bytes."""

    place: str
    packings: tuple[str, ...]
    stream: io.BufferedReader


def hidden(name: str) -> bool:
    """Say whether a file is one that systems make for themselves: `.DS_Store`, `__MACOSX/…`."""
    parts = PurePosixPath(name).parts
    return bool({"__MACOSX", "Thumbs.db", "desktop.ini"} & set(parts)) or any(
        part.startswith(".") and part != ".." for part in parts
    )


def unpacked(path: Path, left_out: Counter[str]) -> Iterator[Member]:
    """Yield each file in `path`: itself, or the members of an archive in their order, unpacked;
    those of a zip by name.

    Mutates left_out: hidden members and links are counted. Raises UserError if the file is cut off
    or damaged, is packed in an unknown way, or unpacks to more than `EXPANSION` times its size.
    """
    budget = Budget(path, max(ALLOWANCE, EXPANSION * path.stat().st_size))
    with path.open("rb") as file:
        yield from _members(Member(str(path), (), file), budget, left_out)


def _members(member: Member, budget: "Budget", left_out: Counter[str]) -> Iterator[Member]:
    """Yield what is in a file that may be packed."""
    place = member.place
    head = member.stream.peek(HEAD)[:HEAD]
    for kind, magic in REFUSED.items():
        if re.match(magic, head):
            raise UserError(f"{place}: {kind}; expected a text, or one packed as zip, tar or gzip")
    packing = next((name for name, magic in MAGIC.items() if re.match(magic, head)), None)
    if packing is None and place.endswith(".tar") and b"\0" in head:
        packing = "tar"  # of before 1988, without a mark
    if packing is None:
        yield member
        return
    if len(member.packings) == DEEPEST:
        raise UserError(f"{place}: packed more than {DEEPEST} times; expected a text")
    packings = (*member.packings, packing)
    with faults_named(place):
        if packing in OPENERS:
            with OPENERS[packing](member.stream) as opened:
                inner = Member(place, packings, budget.stream(opened, place))
                yield from _members(inner, budget, left_out)
            return
        entries = _tar(member) if packing == "tar" else _zip(member, bool(member.packings))
        for name, opened in entries:
            if hidden(name):
                left_out["hidden files"] += 1
            elif opened is None:
                left_out["links in archives"] += 1
            else:
                stream = budget.stream(opened, f"{place}: {name}")
                yield from _members(Member(f"{place}: {name}", packings, stream), budget, left_out)


def _zip(member: Member, packed: bool) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Yield the name and the bytes of each file in a zip, by name."""
    # its table is at the end: one within another packing is held in memory
    whole = io.BytesIO(member.stream.read()) if packed else member.stream
    with zipfile.ZipFile(whole) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if OFFICE & {entry.filename for entry in entries}:
            raise UserError(
                f"{member.place}: a document of an office program or an EPUB; "
                "expected it saved as plain text"
            )
        for entry in sorted(entries, key=lambda entry: entry.filename):
            if entry.flag_bits & 1:
                raise UserError(
                    f"{member.place}: {entry.filename}: has a password; expected a text"
                )
            with archive.open(entry) as stream:
                yield entry.filename, stream


def _tar(member: Member) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Yield the name and the bytes of each file in a tar, None for a link."""
    with tarfile.open(fileobj=member.stream, mode="r|") as archive:
        for entry in archive:
            if entry.isfile():
                yield entry.name, archive.extractfile(entry)
            elif entry.issym() or entry.islnk():
                yield entry.name, None


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

    def stream(self, packed: IO[bytes], place: str) -> io.BufferedReader:
        """Return a stream of the same bytes, which spends the budget as it is read."""
        return io.BufferedReader(_Bounded(packed, self, place), 1 << 17)


class _Bounded(io.RawIOBase):
    def __init__(self, stream: IO[bytes], budget: Budget, place: str) -> None:
        self._stream, self._budget, self._place = stream, budget, place

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with faults_named(self._place):
            chunk = self._stream.read(len(buffer))
        self._budget.spend(len(chunk))
        buffer[: len(chunk)] = chunk
        return len(chunk)


class _Streams(io.RawIOBase):
    """What bzip2 or xz packed, one stream after another.

    `bz2.open` and `lzma.open` end in silence where what follows a stream is none, so that a damaged
    one loses all behind it. Here that is an error, unless it is zeros.
    """

    def __init__(self, file: IO[bytes], decoder: Decoder) -> None:
        self._file, self._new, self._decoder = file, decoder, decoder()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            packed = b""
            if self._decoder.eof:
                packed = self._next_stream()
                if not packed:
                    return 0
                self._decoder = self._new()
            elif self._decoder.needs_input:
                packed = self._file.read(CHUNK)
                if not packed:
                    raise EOFError
            found = self._decoder.decompress(packed, len(buffer))
            if found:
                buffer[: len(found)] = found
                return len(found)

    def _next_stream(self) -> bytes:
        """Return the beginning of the next stream, after zeros; empty at the end of the file."""
        packed = self._decoder.unused_data.lstrip(b"\0")
        while not packed:
            chunk = self._file.read(CHUNK)
            if not chunk:
                break
            packed = chunk.lstrip(b"\0")
        return packed


@contextmanager
def faults_named(place: str) -> Iterator[None]:
    """Turn the errors of reading a packed file inside the block into a UserError that names it."""
    try:
        yield
    except EOFError:
        raise UserError(f"{place}: cut off; expected a whole archive") from None
    except FAULTS as error:
        hint = ""
        if "requires too much memory" in str(error):
            hint = "; packed by `zstd --long`: repack it, `zstd -dc --long=31 FILE | zstd > NEW`"
        raise UserError(f"{place}: cannot be read ({error}){hint}") from None
