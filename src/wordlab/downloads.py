"""Files from the net, whole and of the right checksum; and those that gensim packages."""

import hashlib
import os
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from wordlab import paths, progress
from wordlab.errors import Unreachable, UserError


def gensim_data(name: str) -> Path:
    """Return the path of the file `name` of gensim's test data, without the cost of importing it.

    Raises UserError if gensim is not installed.
    """
    spec = find_spec("gensim")
    if spec is None or spec.origin is None:
        raise UserError("gensim is not installed; `make repro` installs it")
    return Path(spec.origin).parent / "test" / "test_data" / name


ATTEMPTS = 3
"""Transfers that may break off before the download is given up."""
TIMEOUT = 30
"""Seconds to wait for a server that says nothing."""
CHUNK = 1 << 20


def cached(url: str, sha256: str) -> Path:
    """Return the file at `url` in the cache of the repository, fetched if it is not there.

    Its place depends on the checksum, so whoever has the file needs no net. Raises as `fetch`.
    """
    name = url.split("?")[0].rstrip("/").rpartition("/")[2]
    path = paths.root() / ".downloads" / f"{sha256[:16]}-{name}"
    fetch(url, sha256, path)
    return path


def fetch(url: str, checksum: str, path: Path) -> None:
    """Put the file at `url` (http or https) at `path`, unless it is there with that checksum.

    checksum: the sha256 in hexadecimal digits, or the md5 where a publisher gives no better.

    What a broken transfer left is kept beside `path` and gone on from, by this call or the next.
    Raises Unreachable if the server cannot be reached or the transfer breaks off, UserError if it
    refuses or the file has another checksum; nothing is then at `path` that was not there before.
    """
    checksum = checksum.lower()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with FileLock(path.with_name(f".{path.name}.lock")):
        if path.is_file() and _digest(path, checksum) == checksum:
            return
        resumed = partial.exists()
        _transfer(url, partial)
        found = _digest(partial, checksum)
        if found != checksum and resumed:  # the rest may be of another version of the file
            partial.unlink()
            _transfer(url, partial)
            found = _digest(partial, checksum)
        if found != checksum:
            partial.unlink()
            raise UserError(f"{url}: expected the {_algorithm(checksum)} {checksum}, got {found}")
        os.replace(partial, path)


def read(url: str, most: int) -> bytes:
    """Return what is at `url`: a list or an index, small and without a checksum.

    Raises Unreachable if the server cannot be reached, UserError if it refuses or sends more than
    `most` bytes.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "wordlab"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            content: bytes = response.read(most + 1)
    except urllib.error.HTTPError as error:
        raise UserError(f"{url}: the server answered {error.code} {error.reason}") from None
    except (OSError, HTTPException) as error:
        problem = str(getattr(error, "reason", "") or error or type(error).__name__)
        raise Unreachable(f"{url}: cannot be fetched ({problem})") from None
    if len(content) > most:
        raise UserError(f"{url}: expected at most {most:,} bytes, got more")
    return content


def _algorithm(checksum: str) -> str:
    """Return the kind of a checksum, which its length tells."""
    return "md5" if len(checksum) == 32 else "sha256"


def _digest(path: Path, checksum: str) -> str:
    """Return the checksum of a file, of the same kind as `checksum`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, _algorithm(checksum)).hexdigest()


def _transfer(url: str, partial: Path) -> None:
    """Bring `partial` to its whole length, in as many transfers as are allowed."""
    problem = ""
    for _ in range(ATTEMPTS):
        try:
            if _append(url, partial):
                return
            problem = "the transfer broke off"
        except urllib.error.HTTPError as error:
            raise UserError(f"{url}: the server answered {error.code} {error.reason}") from None
        except (OSError, HTTPException) as error:
            problem = str(getattr(error, "reason", "") or error or type(error).__name__)
    there = partial.stat().st_size if partial.exists() else 0
    kept = f"; {there:,} bytes are kept, and the next run goes on from them" if there else ""
    raise Unreachable(f"{url}: cannot be fetched ({problem}){kept}")


def _append(url: str, partial: Path) -> bool:
    """Fetch what `partial` lacks; return whether it is whole."""
    there = partial.stat().st_size if partial.exists() else 0
    headers = {"Range": f"bytes={there}-"} if there else {}
    request = urllib.request.Request(url, headers={"User-Agent": "wordlab", **headers})
    try:
        response: HTTPResponse
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            if response.status != 206:  # a server that knows no ranges begins anew
                there = 0
            length = response.headers["Content-Length"]
            with (
                partial.open("ab" if there else "wb") as file,
                progress.bar(there + int(length or 0), partial.name, "B") as bar,
            ):
                bar.update(there)
                received = 0
                while chunk := response.read(CHUNK):
                    file.write(chunk)
                    received += len(chunk)
                    bar.update(len(chunk))
    except urllib.error.HTTPError as error:
        if error.code == 416 and there:  # there is nothing beyond what is here
            return True
        raise
    return length is None or received == int(length)
