"""An S3 server on loopback: SeaweedFS, which PyPI has as a wheel, or the one a person names."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

BUCKET = "wordlab-test"
KEYS = {"AWS_ACCESS_KEY_ID": "wordlab", "AWS_SECRET_ACCESS_KEY": "wordlab-secret"}
SERVICES = ("master.port", "volume.port", "filer.port", "s3.port")


@contextmanager
def s3_server(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the URL of an S3 server and the variables with the keys to it.

    TEST_S3_ENDPOINT names another server to use, with the keys in the environment; see ceph.sh.
    """
    if endpoint := os.environ.get("TEST_S3_ENDPOINT"):
        yield endpoint, {name: os.environ[name] for name in KEYS}
        return
    weed = Path(sys.executable).with_name("weed")
    if not weed.exists():
        pytest.skip("PyPI has SeaweedFS for Linux only; TEST_S3_ENDPOINT names another server")
    names = [*SERVICES, *(f"{name}.grpc" for name in SERVICES)]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    access = {
        "name": "wordlab",
        "credentials": [
            {"accessKey": KEYS["AWS_ACCESS_KEY_ID"], "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}
        ],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "access.json").write_text(json.dumps({"identities": [access]}))
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [
                weed, "server", f"-dir={folder}", "-s3",
                "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.iam=false", "-s3.port.iceberg=0",
                "-s3.port.lance=0", "-master.volumeSizeLimitMB=64", "-volume.max=20",
                f"-s3.config={folder / 'access.json'}",
                *(f"-{name}={port}" for name, port in ports.items()),
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{ports['s3.port']}"
        wait_for(url, server, folder / "log")
        yield url, KEYS
    finally:
        server.kill()
        server.wait()


def free_ports(count: int) -> list[int]:
    with ExitStack() as sockets:
        bound = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in bound:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in bound]


def wait_for(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return when the server answers, if only to say that it needs a key."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no S3 server came up at {url}:\n{log.read_text()}")


def make_bucket(url: str, keys: dict[str, str]) -> None:
    import s3fs

    files = s3fs.S3FileSystem(
        key=keys["AWS_ACCESS_KEY_ID"],
        secret=keys["AWS_SECRET_ACCESS_KEY"],
        endpoint_url=url,
        skip_instance_cache=True,
    )
    if not files.exists(BUCKET):
        files.mkdir(BUCKET)
