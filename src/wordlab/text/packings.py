"""Opening packed files without ever unpacking them: streams in place, up to a limit."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from wordlab.errors import UserError

EXPANSION = 200
"""How many times its packed size a file may hold; text packs to a tenth of its size at best."""
ALLOWANCE = 64 << 20
"""Bytes that any file may hold, however small it is."""


def _open_zst(path: Path) -> IO[bytes]:
    return pa.input_stream(str(path), compression="zstd")


OPENERS: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".tgz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": _open_zst,
}
FAULTS = (OSError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, tarfile.TarError)


class Budget:
    """How many bytes may still be read out of a file: what unpacks to more is no text."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path, self._left = path, limit

    def spend(self, count: int) -> None:
        """Take `count` bytes off; raises UserError if there are not so many left."""
        self._left -= count
        if self._left < 0:
            raise UserError(
                f"{self._path}: unpacks to more than {EXPANSION} times its size; expected a text"
            )


class Bounded(io.RawIOBase):
    """A stream that spends a budget as it is read."""

    def __init__(self, stream: IO[bytes], budget: Budget) -> None:
        self._stream, self._budget = stream, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` as far as the stream goes; raises UserError if the budget is spent."""
        chunk = self._stream.read(len(buffer))
        self._budget.spend(len(chunk))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def unpacked(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the name and the bytes of each file within `path`: itself, or a zip's or tar's members.

    Packed (.gz, .bz2, .xz, .zst) files are read as they unpack; nothing is written, so a member's
    name leads nowhere. Raises UserError if the file is cut off or damaged, or unpacks to more than
    `EXPANSION` times its size.
    """
    limit = max(ALLOWANCE, EXPANSION * path.stat().st_size)
    with told(path):
        if path.suffix == ".zip":
            yield from _zip_members(path, Budget(path, limit))
            return
        opener = OPENERS.get(path.suffix)
        if opener is None and path.suffix != ".tar":
            with path.open("rb") as stream:
                yield path.name, stream
            return
        with opener(path) if opener else path.open("rb") as stream:
            bounded = _buffered(stream, Budget(path, limit))
            name = path.name.removesuffix(path.suffix)
            if path.suffix in (".tar", ".tgz") or name.endswith(".tar"):
                yield from _tar_members(bounded, path)
            else:
                yield name, bounded


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what goes wrong in reading a packed file into a UserError that names it."""
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
                yield member.filename, _buffered(stream, budget)


def _tar_members(stream: IO[bytes], path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for entry in archive:
            content = archive.extractfile(entry) if entry.isfile() else None
            if content:
                yield entry.name, _buffered(content, Budget(path, entry.size))


def _buffered(stream: IO[bytes], budget: Budget) -> io.BufferedReader:
    return io.BufferedReader(Bounded(stream, budget), 1 << 17)
