"""Public evaluation sets by name: fetched once, checked, and kept in `.downloads/sets`.

The catalogue has the checksum of a file where some public listing has it. The first download of
each is noted in `sets.lock`, which belongs in Git: from then on, another file is refused.
"""

import hashlib
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from filelock import FileLock

from wordlab import artifacts, downloads, paths
from wordlab.errors import UserError
from wordlab.params.sets import PublicSet, catalogue

LOCK = Path("sets.lock")
HEAD = (
    "# The sha256 of each set that has been fetched, and its address. `wordlab sets` lists them.\n"
)
LARGEST = 64 << 20
"""Bytes that a member of an archive may unpack to."""


def files(item: PublicSet, *, fetch: bool = True) -> tuple[Path, ...]:
    """Return the files of a set, those of its members if it is an archive, in a fixed order.

    fetch: what is not here yet; without it, and where a file is missing, none are returned. Raises
    Unreachable if a server cannot be reached, UserError if it refuses or a file is not the one that
    was fetched before.
    """
    scheme, _, name = item.url.partition(":")
    if scheme == "gensim":
        return (downloads.gensim_data(name),)
    if scheme == "wordlab":
        return (Path(__file__).parent / "evaluation" / "comparison" / name,)
    known = locked()
    found = [_file(url, item.checksum or known.get(url, ""), fetch) for url in item.urls]
    if None in found:
        return ()
    here = tuple(path for path in found if path is not None)
    return here if not item.member else tuple(_members(item, here))


def packaged(name: str) -> Path:
    """Return the file of a set that comes with gensim, which must be installed, or with wordlab."""
    return files(catalogue()[name])[0]


def record(item: PublicSet) -> None:
    """Note what was fetched of a set in `sets.lock`.

    Called when the set has been read, so that no page of a server's that says sorry is noted.
    """
    if not item.url.startswith("http"):
        return
    with FileLock(place("lock").with_name(".lock")):
        known = locked()
        new = {
            url: f"sha256:{downloads.digest(place(url))}" for url in item.urls if url not in known
        }
        if new:
            lines = (f"{sha256} {url}\n" for url, sha256 in sorted((known | new).items()))
            LOCK.write_text(HEAD + "".join(lines), encoding="utf-8", newline="\n")


def forget(item: PublicSet) -> None:
    """Remove what was fetched of a set and is not in `sets.lock`: it was no such set."""
    for url in item.urls:
        if not item.checksum and url not in locked():
            place(url).unlink(missing_ok=True)


def locked() -> dict[str, str]:
    """Return the checksums in `sets.lock` by address. Raises UserError if it is damaged."""
    if not LOCK.exists():
        return {}
    found = {}
    for number, line in enumerate(LOCK.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("#"):
            continue
        sha256, _, url = line.partition(" ")
        if not url or not sha256.startswith("sha256:"):
            raise UserError(f"{LOCK}, line {number}: expected `sha256:… URL`, found {line!r}")
        found[url] = sha256
    return found


def place(url: str) -> Path:
    """Return where the file at `url` is kept."""
    key, name = hashlib.sha256(url.encode()).hexdigest()[:16], url.rpartition("/")[2]
    return paths.root() / ".downloads" / "sets" / f"{key}-{name}"


def _file(url: str, checksum: str, fetch: bool) -> Path | None:
    """Return the file at `url`, None if it is neither here nor to be fetched."""
    path, (algorithm, _, expected) = place(url), checksum.partition(":")
    if fetch:
        downloads.fetch(url, expected or None, path)
    here = path.is_file() and (not expected or downloads.digest(path, algorithm) == expected)
    return path if here else None


def _members(item: PublicSet, archives: Sequence[Path]) -> Iterator[Path]:
    """Yield the members of archives that `item` names, unpacked beside these."""
    wanted = item.member.split()
    for archive in archives:
        folder = archive.with_name(f"{archive.name}.members")
        found = False
        for name, content in _contents(archive, wanted):
            path = folder / name.replace("/", "__")
            if not path.exists():
                with artifacts.replacing(path) as partial:
                    partial.write_bytes(content)
            found = True
            yield path
        if not found:
            raise UserError(f"{archive}: expected a member {' or '.join(wanted)}; found none")


def _contents(archive: Path, wanted: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the wanted members of a zip or tar with their bytes, by name."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                sizes = {entry.filename: entry.file_size for entry in packed.infolist()}
                for name in _chosen(archive, sizes, wanted):
                    yield name, packed.read(name)
        else:
            with tarfile.open(archive) as tar:
                entries = {entry.name: entry for entry in tar if entry.isfile()}
                sizes = {name: entry.size for name, entry in entries.items()}
                for name in _chosen(archive, sizes, wanted):
                    stream = tar.extractfile(entries[name])
                    yield name, stream.read() if stream else b""
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise UserError(f"{archive}: cannot be read ({error}); expected a zip or tar") from None


def _chosen(archive: Path, sizes: Mapping[str, int], wanted: Sequence[str]) -> list[str]:
    """Return the members whose path ends in one of `wanted`, or has one within slashes in it.

    Hidden ones are left out. Raises UserError if one has no room.
    """
    found = []
    for name, size in sorted(sizes.items()):
        path = f"/{name}"
        ends = any(
            part in path if part[-1] == "/" else path.endswith(f"/{part}") for part in wanted
        )
        if not ends or path.endswith("/") or re.search(r"/(\._|__MACOSX)", path):
            continue
        if size > LARGEST:
            raise UserError(f"{archive}: {name} unpacks to {size:,} bytes; expected a list")
        found.append(name)
    return found
