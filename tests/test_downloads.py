"""Downloads from a server on this machine that breaks off, refuses, or knows no ranges."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from wordlab import downloads
from wordlab.errors import UserError

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; of each answer at most `server.allowance` bytes, then it hangs up."""

    def do_GET(self):
        self.server.ranges.append(self.headers.get("Range"))
        self.server.paths.append(self.path)
        if not self.path.partition("?")[0].endswith("set.txt"):
            self.send_error(404)
            return
        start = 0
        if self.server.knows_ranges and self.headers.get("Range"):
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= len(CONTENT):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start:][: self.server.allowance])

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.ranges, server.knows_ranges, server.allowance, server.paths = [], True, None, []
    server.url = f"http://127.0.0.1:{server.server_port}/set.txt"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_a_file_is_fetched_once(server, tmp_path):
    path = tmp_path / "deep" / "set.txt"
    downloads.fetch(server.url, SHA256.upper(), path)
    downloads.fetch(server.url, SHA256, path)
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None]
    assert names(path.parent) == ["set.txt"]


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_broken_transfer_goes_on_where_it_broke(server, tmp_path, knows_ranges):
    path = tmp_path / "set.txt"
    server.knows_ranges, server.allowance = knows_ranges, 3000
    if knows_ranges:
        with pytest.raises(UserError, match=r"broke off\); 9,000 bytes are kept"):
            downloads.fetch(server.url, SHA256, path)
    else:
        with pytest.raises(UserError, match=r"broke off\); 3,000 bytes are kept"):
            downloads.fetch(server.url, SHA256, path)
    assert names(tmp_path) == [".set.txt.partial"]
    server.allowance = None
    downloads.fetch(server.url, SHA256, path)
    assert path.read_bytes() == CONTENT
    assert server.ranges[-1] == f"bytes={9000 if knows_ranges else 3000}-"
    assert names(tmp_path) == ["set.txt"]


def test_a_wrong_checksum_refuses_the_file_and_says_both(server, tmp_path):
    path = tmp_path / "set.txt"
    path.write_bytes(b"what was there")
    with pytest.raises(UserError, match=f"expected the sha256 {'0' * 64}, got {SHA256}"):
        downloads.fetch(server.url, "0" * 64, path)
    assert path.read_bytes() == b"what was there"
    assert names(tmp_path) == ["set.txt"]


@pytest.mark.parametrize("left", [b"of another version", CONTENT, CONTENT + b"more"])
def test_what_an_earlier_download_left_is_used_only_if_it_fits(server, tmp_path, left):
    (tmp_path / ".set.txt.partial").write_bytes(left)
    downloads.fetch(server.url, SHA256, tmp_path / "set.txt")
    assert (tmp_path / "set.txt").read_bytes() == CONTENT


def test_a_refusal_and_a_silent_address_are_told_in_one_line(server, tmp_path):
    with pytest.raises(UserError, match="none: the server answered 404"):
        downloads.fetch(server.url.replace("set.txt", "none"), SHA256, tmp_path / "set.txt")
    with pytest.raises(UserError, match="cannot be fetched .*refused"):
        downloads.fetch("http://127.0.0.1:9/set.txt", SHA256, tmp_path / "set.txt")
    assert names(tmp_path) == []


def test_the_cache_needs_the_net_once(server, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    first = downloads.cached(f"{server.url}?raw=1", SHA256)
    assert downloads.cached(server.url, SHA256) == first
    assert first.read_bytes() == CONTENT
    assert len(server.ranges) == 1


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("/wörter/文set.txt", "/w%C3%B6rter/%E6%96%87set.txt"),
        ("/w%C3%B6rter/a b+set.txt?q=é&p=%20", "/w%C3%B6rter/a%20b+set.txt?q=%C3%A9&p=%20"),
        ("/a(1),[2]~set.txt#part", "/a(1),[2]~set.txt"),
    ],
)
def test_letters_outside_ascii_are_quoted_and_what_is_quoted_stays(server, tmp_path, url, sent):
    address = server.url.replace("/set.txt", url)
    downloads.fetch(address, SHA256, tmp_path / "set.txt")
    assert server.paths == [sent]


def test_a_host_outside_ascii_is_sent_in_punycode():
    address, login = downloads._ascii("http://bücher.example:80/é")
    assert (address, login) == ("http://xn--bcher-kva.example:80/%C3%A9", "")
    with pytest.raises(UserError, match="no host of that name can be"):
        downloads._ascii(f"http://{'é' * 100}.example/")
    assert downloads._ascii("http://é:p@é.example/") == ("http://xn--9ca.example/", "é:p")


@pytest.mark.parametrize("url", ["nonsense", "ftp://a.example/b", "http://[::1/b", ""])
def test_what_is_no_address_is_refused(tmp_path, url):
    with pytest.raises(UserError, match="expected https://"):
        downloads.fetch(url, SHA256, tmp_path / "set.txt")


@pytest.mark.parametrize("name", ["a" * 400, "文" * 120, "é" * 199, ""])
def test_a_name_too_long_for_a_file_is_cut_and_ends_as_it_did(server, tmp_path, monkeypatch, name):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    address = server.url.replace("set.txt", f"{name}set.txt")
    path = downloads.cached(address, SHA256)
    assert path.read_bytes() == CONTENT
    assert path.name.startswith(SHA256[:16]) and path.name.endswith("set.txt")
    assert downloads.cached(address, SHA256) == path
    assert len(server.ranges) == 1
