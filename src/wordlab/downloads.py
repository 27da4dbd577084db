"""Files from the network, complete and with the right checksum; and those packaged in gensim."""

import base64
import hashlib
import os
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException, HTTPResponse
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from wordlab import paths, progress
from wordlab.errors import Unreachable, UserError, masked


def gensim_data(name: str) -> Path:
    """Return the path of the file `name` of gensim's test data, without importing gensim.

    Raises UserError if gensim is not installed.
    """
    spec = find_spec("gensim")
    if spec is None or spec.origin is None:
        raise UserError("gensim is not installed; `make repro` installs it")
    return Path(spec.origin).parent / "test" / "test_data" / name


ATTEMPTS = 3
"""Transfers to try before the download is given up."""
TIMEOUT = 30
"""Seconds to wait for a server that does not respond."""
CHUNK = 1 << 20
LONGEST_NAME = 200
"""Bytes kept of a file's name, from its end; file systems allow 255, and `.partial` is added."""


def cached(url: str, sha256: str) -> Path:
    """Return the file at `url` in the cache of the repository, fetched if it is not there.

    Its path depends on the checksum, so a file that is there needs no network. Raises as `fetch`.
    """
    name = masked(url.split("?")[0]).rstrip("/").rpartition("/")[2].encode()[-LONGEST_NAME:]
    path = paths.root() / ".downloads" / f"{sha256[:16]}-{name.decode(errors='ignore')}"
    fetch(url, sha256, path)
    return path


def fetch(url: str, checksum: str | None, path: Path) -> None:
    """Put the file at `url` (http or https) at `path`, unless it is there with that checksum.

    checksum: the sha256 in hexadecimal digits, or the sha1 or md5 where a publisher gives nothing
    better; None takes what is there, or what comes. An interrupted transfer is kept beside `path`
    and resumed, by this call or, if there is a checksum, the next. Raises Unreachable if the server
    cannot be reached or the transfer breaks off, UserError if it refuses or the file has another
    checksum; `path` is then as it was.
    """
    checksum = checksum and checksum.lower()
    algorithm = {32: "md5", 40: "sha1"}.get(len(checksum or ""), "sha256")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with FileLock(path.with_name(f".{path.name}.lock")):
        if path.is_file() and checksum in (None, digest(path, algorithm)):
            return
        if checksum is None:
            partial.unlink(missing_ok=True)
        resumed = partial.exists()
        _transfer(url, partial)
        found = digest(partial, algorithm)
        checksum = checksum or found
        if found != checksum and resumed:  # the two parts may be of different versions of the file
            partial.unlink()
            _transfer(url, partial)
            found = digest(partial, algorithm)
        if found != checksum:
            partial.unlink()
            raise UserError(f"{url}: expected the {algorithm} {checksum}, got {found}")
        os.replace(partial, path)


def read(url: str, most: int) -> bytes:
    """Return the content of `url`: a list or an index, small and without a checksum.

    Raises Unreachable if the server cannot be reached, UserError if it refuses or sends more than
    `most` bytes.
    """
    try:
        with _open(url) as response:
            content: bytes = response.read(most + 1)
    except urllib.error.HTTPError as error:
        raise UserError(f"{url}: the server answered {error.code} {error.reason}") from None
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{url}: cannot be fetched ({_problem(error)})") from None
    if len(content) > most:
        raise UserError(f"{url}: expected at most {most:,} bytes, got more")
    return content


def _ascii(url: str) -> tuple[str, str]:
    """Return a URL as it is sent, and the name and password before its host.

    Letters outside ASCII are in percent signs, those of a host in punycode.
    """
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise UserError(f"{url}: {error}; expected https://…") from None
    if parts.scheme not in ("http", "https"):
        raise UserError(f"{url}: no address on the web; expected https://…")
    login, _, host = parts.netloc.rpartition("@")
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError as error:
            raise UserError(f"{url}: no host of that name can be ({error})") from None
    kept = "/%:=&?~#+!$,;'@()*[]"  # what is quoted already stays so
    quoted = (urllib.parse.quote(part, safe=kept) for part in parts[2:4])
    return urllib.parse.urlunsplit((parts.scheme, host, *quoted, "")), urllib.parse.unquote(login)


def _open(url: str, **headers: str) -> HTTPResponse:
    address, login = _ascii(url)
    request = urllib.request.Request(address, headers={"User-Agent": "wordlab", **headers})
    if login:  # not for another host that this one names
        basic = base64.b64encode(login.encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {basic}")
    response: HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT)
    return response


def _problem(error: Exception) -> str:
    """Return the reason of a failed transfer in words."""
    return str(getattr(error, "reason", "") or error or type(error).__name__)


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the checksum of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _transfer(url: str, partial: Path) -> None:
    """Complete `partial`, in at most ATTEMPTS transfers."""
    problem = ""
    for _ in range(ATTEMPTS):
        try:
            if _append(url, partial):
                return
            problem = "the transfer broke off"
        except urllib.error.HTTPError as error:
            raise UserError(f"{url}: the server answered {error.code} {error.reason}") from None
        except (OSError, HTTPException) as error:
            problem = _problem(error)
    there = partial.stat().st_size if partial.exists() else 0
    kept = f"; {there:,} bytes are kept, and the next run resumes from them" if there else ""
    raise Unreachable(f"{url}: cannot be fetched ({problem}){kept}")


def _append(url: str, partial: Path) -> bool:
    """Fetch the rest of `partial`; return whether it is complete."""
    there = partial.stat().st_size if partial.exists() else 0
    try:
        with _open(url, **({"Range": f"bytes={there}-"} if there else {})) as response:
            if response.status != 206:  # a server without ranges starts from the beginning
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
        if error.code == 416 and there:  # the server has no more than what is here
            return True
        raise
    return length is None or received == int(length)
