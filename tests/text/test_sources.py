"""Sources: what they yield, and the one line each broken file gets."""

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from wordlab.errors import UserError
from wordlab.params.text import CorpusParams
from wordlab.text import documents, sources
from wordlab.text.documents import Document

TEXT = "One paragraph.\nAnother one, çé.\n\n\nA second document.\n"
DOCUMENTS = [
    Document(None, "One paragraph.\nAnother one, çé."),
    Document(None, "A second document."),
]


def read(path: Path) -> list[Document]:
    source = sources.find(CorpusParams(source="file", path=path.name), path.parent)
    return list(source.documents())


@pytest.mark.parametrize(
    ("ending", "compress"),
    [(".txt", bytes), (".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)],
)
def test_documents_lie_between_blank_lines_in_every_packing(tmp_path, ending, compress):
    path = tmp_path / f"corpus{ending}"
    path.write_bytes(compress(TEXT.encode()))
    assert read(path) == DOCUMENTS


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_truncated_archive_is_refused_by_name(tmp_path, compress):
    ending = {gzip.compress: ".gz", bz2.compress: ".bz2", lzma.compress: ".xz"}[compress]
    path = tmp_path / f"corpus{ending}"
    whole = compress(TEXT.encode() * 100)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=rf"corpus\.path: .*corpus\{ending}: cut off"):
        read(path)


def test_an_archive_that_is_none_is_refused(tmp_path):
    path = tmp_path / "corpus.gz"
    path.write_bytes(b"plain text under a wrong name")
    with pytest.raises(UserError, match="corpus.gz: cannot be read"):
        read(path)


def test_text_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes("caf\xe9 au lait".encode("latin-1"))
    with pytest.raises(UserError, match="latin.txt: not UTF-8 .*0xe9.*expected a UTF-8 text"):
        read(path)


@pytest.mark.parametrize(("content", "problem"), [(b"", "is empty"), (b" \n\n ", "no text in it")])
def test_a_file_without_text_is_refused(tmp_path, content, problem):
    path = tmp_path / "empty.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"empty.txt: .*{problem}"):
        read(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="gone.txt: no such file"):
        read(tmp_path / "gone.txt")


def test_the_sample_is_106_articles_of_clean_english(tmp_path):
    source = sources.find(CorpusParams(source="sample", path=None), tmp_path)
    articles = list(source.documents())
    assert len(articles) == 106
    assert articles[0].title == "Anarchism"
    assert articles[0].text.startswith("Anarchism is a political philosophy that advocates")
    assert not any("'''" in article.text or "\n\n" in article.text for article in articles)
    size = documents.write(tmp_path / "documents.parquet", articles)
    assert size["documents"] == 106
    assert list(documents.read(tmp_path / "documents.parquet")) == [a.text for a in articles]
    assert source.provenance()["sha256"].startswith("a53f4648dec40467")


def test_documents_beyond_one_row_group_come_back_in_order(tmp_path):
    many = [Document(None, f"document {i}") for i in range(2 * documents.ROWS + 5)]
    documents.write(tmp_path / "many.parquet", many)
    assert list(documents.read(tmp_path / "many.parquet")) == [one.text for one in many]
