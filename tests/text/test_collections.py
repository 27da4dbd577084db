"""Sources on the net, against a server on this machine that has the same lists and archives."""

import gzip
import hashlib
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import nltk
import pytest
from gensim import downloader as gensim_downloader
from nltk.downloader import Downloader

from wordlab.errors import UserError
from wordlab.params.text import CorpusParams
from wordlab.text import sources
from wordlab.text.documents import Document


class Handler(BaseHTTPRequestHandler):
    """Serves `server.files`, by path."""

    def do_GET(self):
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "repository"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url, server.files = f"http://127.0.0.1:{server.server_port}", {}
    monkeypatch.setattr(gensim_downloader, "DATA_LIST_URL", f"{server.url}/list.json")
    monkeypatch.setattr(gensim_downloader, "DOWNLOAD_BASE_URL", f"{server.url}/gensim")
    monkeypatch.setattr(Downloader, "DEFAULT_URL", f"{server.url}/nltk/index.xml")
    monkeypatch.setattr(nltk.data, "path", [])
    # nltk refuses servers that are not on the net; this one is on this machine
    monkeypatch.setattr("nltk.pathsec._ip_is_forbidden", lambda ip: False, raising=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def corpus(source, tmp_path, url=None, sha256=None, column="text", splits=None):
    params = CorpusParams(
        source=source,
        path=None,
        url=url,
        watch={},
        sha256=sha256,
        column=column,
        documents="auto",
        splits=splits,
    )
    return sources.find(params, tmp_path)


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_a_file_at_a_url_is_read_by_its_format_and_fetched_once(server, tmp_path):
    content = gzip.compress(b"one\n\ntwo\n")
    server.files["/text.txt.gz"] = content
    url, sha256 = f"{server.url}/text.txt.gz", hashlib.sha256(content).hexdigest()
    source = corpus("url", tmp_path, url, sha256)
    assert [document.text for document in source.documents()] == ["one", "two"]
    assert source.provenance()["origin"] == url
    assert source.provenance()["sha256"] == sha256
    server.files.clear()
    assert len(list(corpus("url", tmp_path, url, sha256).documents())) == 2


def test_a_file_with_another_checksum_is_refused(server, tmp_path):
    server.files["/text.txt"] = b"other"
    with pytest.raises(UserError, match=f"expected the sha256 {'0' * 64}, got [0-9a-f]{{64}}$"):
        corpus("url", tmp_path, f"{server.url}/text.txt", "0" * 64)


def offer_gensim(server, name, packed, parts, **about):
    size = -(-len(packed) // parts)
    pieces = [packed[i * size : (i + 1) * size] for i in range(parts)]
    sums = {"checksum": md5(packed)}
    if parts > 1:
        sums = {f"checksum-{i}": md5(piece) for i, piece in enumerate(pieces)}
    for i, piece in enumerate(pieces):
        ending = f"_{i:02}" if parts > 1 else ""
        server.files[f"/gensim/{name}/{name}.gz{ending}"] = piece
    corpora = {name: {"parts": parts, **sums, **about}}
    server.files["/list.json"] = json.dumps({"corpora": corpora, "models": {}}).encode()


@pytest.mark.parametrize("parts", [1, 3])
def test_a_corpus_of_gensim_data_in_one_file_or_several(server, tmp_path, parts):
    lines = [{"title": "A", "section_texts": ["one", "two\n\nthree"]}, {"id": 3, "data": "four"}]
    packed = gzip.compress("\n".join(map(json.dumps, lines)).encode())
    offer_gensim(server, "news", packed, parts, license="CC0", description="News")
    source = corpus("gensim:news", tmp_path)
    expected = [Document("A", "one\ntwo\nthree"), Document(None, "four")]
    assert list(source.documents()) == expected
    provenance = source.provenance()
    assert (provenance["licence"], provenance["origin"]) == ("CC0", "gensim-data, news: News")
    server.files.clear()
    assert list(corpus("gensim:news", tmp_path).documents()) == expected
    with pytest.raises(UserError, match="the server answered 404 Not Found$"):
        corpus("gensim:gone", tmp_path)


def test_a_corpus_that_gensim_data_has_not_is_refused_with_those_it_has(server, tmp_path):
    offer_gensim(server, "news", b"", 1)
    with pytest.raises(UserError, match="no corpus 'olds'; expected one of news$"):
        corpus("gensim:olds", tmp_path)


def test_a_damaged_part_of_gensim_data_is_refused_and_leaves_nothing(server, tmp_path):
    offer_gensim(server, "news", gzip.compress(b"text"), 2)
    server.files["/gensim/news/news.gz_01"] = b"other"
    with pytest.raises(UserError, match="news.gz_01: expected the md5 .*, got"):
        corpus("gensim:news", tmp_path)
    assert not (tmp_path / "repository/.downloads/gensim/news.gz").exists()


def offer_nltk(server, name, files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(f"{name}/{path}", text)
    content = packed.getvalue()
    server.files[f"/nltk/{name}.zip"] = content
    size = sum(len(text.encode()) for text in files.values())
    server.files["/nltk/index.xml"] = (
        f'<?xml version="1.0"?><nltk_data><packages><package id="{name}" name="The {name}" '
        f'subdir="corpora" license="Public domain" url="{server.url}/nltk/{name}.zip" unzip="1" '
        f'size="{len(content)}" unzipped_size="{size}" checksum="{md5(content)}" '
        f'sha256_checksum="{hashlib.sha256(content).hexdigest()}"/></packages>'
        "<collections/></nltk_data>"
    ).encode()


def test_a_plain_corpus_of_nltk_has_a_paragraph_a_line(server, tmp_path):
    alice = "Alice was\nbeginning.\n\nSo she\nran."
    offer_nltk(server, "gutenberg", {"carroll-alice.txt": alice, "empty.txt": "\n"})
    source = corpus("nltk:gutenberg", tmp_path)
    expected = [Document("carroll-alice.txt", "Alice was beginning.\nSo she ran.")]
    assert list(source.documents()) == expected
    assert source.provenance()["licence"] == "Public domain"
    assert source.provenance()["left_out"] == {"files without text": 1}
    server.files.clear()
    assert list(corpus("nltk:gutenberg", tmp_path).documents()) == expected


def test_a_tagged_corpus_of_nltk_has_a_sentence_a_line(server, tmp_path):
    offer_nltk(
        server, "brown", {"ca01": "The/at jury/nn said/vbd ./.\n\n", "cats.txt": "ca01 news\n"}
    )
    found = list(corpus("nltk:brown", tmp_path).documents())
    assert found == [Document("ca01", "The jury said .")]


def test_reuters_has_a_story_a_document_and_its_categories_are_no_text(server, tmp_path):
    story = "OIL PRICES RISE\n  Crude oil rose\n  today.\n\n"
    files = {"training/1": story, "test/2": "GRAIN\n  Wheat fell.\n", "stopwords": "the\n"}
    offer_nltk(server, "reuters", {**files, "cats.txt": "test/2 grain\ntraining/1 crude\n"})
    source = corpus("nltk:reuters", tmp_path)
    assert list(source.documents()) == [
        Document("test/2", "GRAIN Wheat fell."),
        Document("training/1", "OIL PRICES RISE Crude oil rose today."),
    ]
    assert source.provenance()["origin"] == "nltk_data, The reuters"


def test_a_corpus_that_nltk_has_not_is_refused(server, tmp_path):
    offer_nltk(server, "gutenberg", {"a.txt": "text"})
    with pytest.raises(UserError, match="nltk:nothing: [^;]*not found in index$"):
        corpus("nltk:nothing", tmp_path)


@pytest.mark.parametrize("source", ["gensim:text8", "nltk:reuters", "url"])
def test_without_a_network_a_line_names_the_sources_that_need_none(
    server, tmp_path, monkeypatch, source
):
    closed = "http://127.0.0.1:9"
    monkeypatch.setattr(gensim_downloader, "DATA_LIST_URL", closed)
    monkeypatch.setattr(Downloader, "DEFAULT_URL", closed)
    with pytest.raises(UserError, match="sample, file and wikipedia-dump never do$") as caught:
        corpus(source, tmp_path, f"{closed}/text", "0" * 64)
    assert "\n" not in str(caught.value)


def test_a_data_set_of_the_hub_comes_by_the_library_datasets(server, tmp_path):
    pytest.importorskip("datasets")
    folder = tmp_path / "wikitext"
    folder.mkdir()
    rows = ["", " = Title = \n", "", " First line . \n", " = = Section = = \n", " Second . \n"]
    rows += [" = Other = \n", " Third . \n"]
    for split in ("train", "test"):
        lines = [json.dumps({"text": row}) for row in rows]
        (folder / f"{split}.jsonl").write_text("\n".join(lines))
    source = corpus(f"hf:{folder}/default", tmp_path)
    articles = [
        Document(None, "= Title =\nFirst line .\n= = Section = =\nSecond ."),
        Document(None, "= Other =\nThird ."),
    ]
    assert list(source.documents()) == articles * 2
    assert source.provenance()["bytes"] > 0
    with pytest.raises(UserError, match="corpus.column: .* has no 'body'; expected one of text"):
        corpus(f"hf:{folder}/default", tmp_path, column="body")


def test_a_data_set_of_the_hub_keeps_its_splits(server, tmp_path):
    pytest.importorskip("datasets")
    folder = tmp_path / "set"
    folder.mkdir()
    for split, texts in (("train", "ab"), ("validation", "c"), ("test", "de"), ("more", "fgh")):
        lines = [json.dumps({"text": text}) for text in texts]
        (folder / f"{split}.jsonl").write_text("\n".join(lines))
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files:\n"
        + "".join(
            f"  - {{split: {split}, path: {split}.jsonl}}\n"
            for split in ("more", "test", "train", "validation")
        )
        + "---\n"
    )
    source = corpus(f"hf:{folder}/default", tmp_path, splits="given")
    found = [(document.text, document.split) for document in source.documents()]
    splits = {"a": "train", "b": "train", "c": "valid", "d": "test", "e": "test"}
    assert sorted(found) == sorted(splits.items())
    assert source.provenance()["left_out"] == {"rows of the split more": 3}
    drawn = corpus(f"hf:{folder}/default", tmp_path).documents()
    assert [document.split for document in drawn] == [None] * 8
    (folder / "README.md").unlink()
    (folder / "validation.jsonl").unlink()
    with pytest.raises(UserError, match=r"has the splits train, test; expected train, val"):
        corpus(f"hf:{folder}/default", tmp_path, splits="given")


def test_a_data_set_that_is_not_there_is_refused(server, tmp_path, monkeypatch):
    pytest.importorskip("datasets")
    with pytest.raises(UserError, match="hf:.*nowhere"):
        corpus(f"hf:{tmp_path}/nowhere/default", tmp_path)
