"""No password is in a message, a param, a tag, the provenance or the report."""

import base64
import copy
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from wordlab.errors import Notice, UserError, masked, notice
from wordlab.params.whole import load
from wordlab.pipeline.tracking import Run
from wordlab.report.page import _settings
from wordlab.text import sources
from wordlab.trials import database

CONTENT = b"A text of some words."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:pass@host:80/a?b=c", "http://***@host:80/a?b=c"),
        ("http://me:p@s/s@host/a", "http://***@host/a"),
        ("https://token@host/a", "https://***@host/a"),
        ("postgresql+psycopg://me:pass@host/db", "postgresql+psycopg://***@host/db"),
        ("redis://:pass@host", "redis://***@host"),
        ("https://host/a?x=1&X-Amz-Signature=ab12&y=2", "https://host/a?x=1&X-Amz-Signature=***&y=2"),
        ("s3://bucket/a?access_token=ab", "s3://bucket/a?access_token=***"),
        ('{"a": "http://me:pass@host", "b": "c@d"}', '{"a": "http://***@host", "b": "c@d"}'),
        ("https://host/@name and me@host", "https://host/@name and me@host"),
    ],
)  # fmt: skip
def test_secrets_of_addresses_are_masked(text, shown):
    assert masked(text) == shown


def test_no_message_has_a_secret():
    error = UserError("http://me:pass@host: not there")
    assert str(error) == "http://***@host: not there"
    assert str(copy.copy(error)) == str(error)
    with pytest.warns(Notice, match=r"^http://\*\*\*@host$"):
        notice("http://me:pass@host")


def test_the_store_of_trials_is_named_without_its_password():
    with pytest.raises(UserError) as refused:
        database.connected("postgresql+psycopg://me:secret@127.0.0.1:9/trials")
    assert "secret" not in str(refused.value)


def test_params_and_tags_of_runs_have_no_secret():
    sent = []
    client = SimpleNamespace(
        log_batch=lambda run, params=(), tags=(): sent.extend(one.value for one in (*params, *tags))
    )
    run = Run(client, "1")
    run.params({"corpus": {"url": "http://me:secret@host/a.txt"}})
    run.tags({"origin": "http://me:secret@host/a.txt"})
    assert sent == ["http://***@host/a.txt"] * 2


def test_the_report_lists_params_without_secrets():
    rows = _settings({"corpus": {"url": "http://me:secret@host/a.txt", "sha256": None}})
    assert rows == [("corpus.url", "http://***@host/a.txt"), ("corpus.sha256", "empty")]


class Guarded(BaseHTTPRequestHandler):
    """Serves CONTENT to those who know the password."""

    def do_GET(self):
        wanted = "Basic " + base64.b64encode(b"me:sec ret").decode()
        self.send_response(200 if self.headers.get("Authorization") == wanted else 401)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *arguments):
        """Say nothing."""


def test_a_text_behind_a_password_is_read_and_the_password_kept_nowhere(
    repository, tmp_path, monkeypatch
):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    corpus = load(repository / "params.yaml").corpus
    with HTTPServer(("127.0.0.1", 0), Guarded) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"

        def found(login):
            changes = {
                "source": "url",
                "url": f"http://{login}@{address}",
                "sha256": hashlib.sha256(CONTENT).hexdigest(),
            }
            return sources.find(corpus.model_copy(update=changes), tmp_path)

        assert found("me:sec%20ret").provenance()["origin"] == f"http://***@{address}"
        (kept,) = (tmp_path / ".downloads").glob("[!.]*")
        assert "sec" not in kept.name
        kept.unlink()
        with pytest.raises(UserError, match=rf"^http://\*\*\*@{address}: the server answered 401"):
            found("me:wrong")
        server.shutdown()
