"""Sources: what they yield, and the one line each broken file gets."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wordlab.errors import UserError
from wordlab.params.text import CorpusParams
from wordlab.text import documents, packing, readers, sources
from wordlab.text.documents import Document

TEXT = "One paragraph.\nAnother one, çé.\n\n\nA second document.\n"
DOCUMENTS = [
    Document(None, "One paragraph.\nAnother one, çé."),
    Document(None, "A second document."),
]


def corpus(source: str, **changes: str) -> CorpusParams:
    settings = {
        "path": None,
        "url": None,
        "watch": {},
        "sha256": None,
        "column": "text",
        "documents": "auto",
        "splits": None,
    }
    return CorpusParams(source=source, **(settings | changes))


def written(path: Path) -> list[str]:
    """Return the texts of the documents in a Parquet file."""
    return [text for batch in documents.batches(path) for text in batch.to_pylist()]


def read(path: Path, source: str = "file", **changes: str) -> list[Document]:
    found = sources.find(corpus(source, path=path.name, **changes), path.parent)
    return list(found.documents())


def zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


def zipped(content: bytes, name: str = "../../escaped.txt") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def tarred(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("/../escaped.txt")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("ending", "compress"),
    [
        (".txt", bytes),
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", zstd),
        (".zip", zipped),
        (".tar.gz", tarred),
    ],
)
def test_documents_lie_between_blank_lines_in_every_packing(tmp_path, ending, compress):
    path = tmp_path / f"corpus{ending}"
    path.write_bytes(compress(TEXT.encode()))
    assert read(path) == DOCUMENTS
    assert [file.name for file in tmp_path.rglob("*")] == [path.name]


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_truncated_archive_is_refused_by_name(tmp_path, compress):
    ending = {gzip.compress: ".gz", bz2.compress: ".bz2", lzma.compress: ".xz"}[compress]
    path = tmp_path / f"corpus{ending}"
    whole = compress(TEXT.encode() * 100)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=rf"corpus\{ending}: cut off"):
        read(path)


def test_the_content_decides_not_the_name(tmp_path):
    path = tmp_path / "corpus.gz"
    path.write_bytes(b"plain text, which a browser has unpacked")
    assert read(path) == [Document(None, "plain text, which a browser has unpacked")]


def test_text_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes("caf\xe9 au lait".encode("latin-1"))
    with pytest.raises(
        UserError, match="latin.txt, line 1, byte 4: not UTF-8 .*0xe9.*expected a UTF-8"
    ):
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
    source = sources.find(corpus("sample"), tmp_path)
    articles = list(source.documents())
    assert len(articles) == 106
    assert articles[0].title == "Anarchism"
    assert articles[0].text.startswith("Anarchism is a political philosophy that advocates")
    assert not any("'''" in article.text or "\n\n" in article.text for article in articles)
    size = documents.write(tmp_path / "documents.parquet", articles)
    assert size["documents"] == 106
    assert written(tmp_path / "documents.parquet") == [a.text for a in articles]
    assert source.provenance()["sha256"].startswith("a53f4648dec40467")


def test_documents_beyond_one_row_group_come_back_in_order(tmp_path):
    many = [Document(None, f"document {i}") for i in range(2 * documents.ROWS + 5)]
    documents.write(tmp_path / "many.parquet", many)
    assert written(tmp_path / "many.parquet") == [one.text for one in many]


def test_few_characters_are_held_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "CHARACTERS", 10)
    texts = [f"{number:04}" for number in range(20)] + ["a text of its own size"]
    path = tmp_path / "documents.parquet"
    documents.write(path, (Document(None, text) for text in texts))
    batches = list(documents.batches(path))
    assert [text for batch in batches for text in batch.to_pylist()] == texts
    assert max(map(len, batches)) == 3
    assert documents.lengths(path).tolist() == list(map(len, texts))


@pytest.mark.parametrize(
    ("ending", "compress"), [(".gz", gzip.compress), (".zip", zipped), (".tar.gz", tarred)]
)
def test_what_unpacks_to_far_more_than_its_size_is_refused(tmp_path, monkeypatch, ending, compress):
    monkeypatch.setattr(packing, "ALLOWANCE", 1 << 16)
    path = tmp_path / f"bomb{ending}"
    path.write_bytes(compress(b"a b c d\n" * (1 << 18)))
    with pytest.raises(UserError, match="unpacks to more than 200 times its size"):
        read(path)


def test_a_folder_and_a_pattern_are_read_in_the_order_of_the_names(tmp_path):
    folder = tmp_path / "texts"
    (folder / "deep").mkdir(parents=True)
    for name, text in [("b.txt", "two"), ("a.txt", "one"), ("deep/c.txt", "three"), (".x", "no")]:
        (folder / name).write_text(text)
    assert [document.text for document in read(folder)] == ["one", "two", "three"]
    found = sources.find(corpus("file", path="texts/*.txt"), tmp_path)
    assert [document.text for document in found.documents()] == ["one", "two"]
    provenance = found.provenance()
    assert provenance["file"] == "a.txt … b.txt (2 files)"
    assert provenance["bytes"] == 6
    (folder / "a.txt").write_text("uno")
    assert found.provenance()["sha256"] != provenance["sha256"]


def test_a_folder_of_wikiextractor_yields_its_articles(tmp_path):
    folder = tmp_path / "AA"
    folder.mkdir()
    (folder / "wiki_00").write_text(
        '<doc id="12" url="?curid=12" title="Anarchism">\nAnarchism\n\nIt is\n\na doctrine.\n'
        '</doc>\n<doc id="13" url="" title="Empty">\n</doc>\n'
    )
    entry = {"id": "14", "title": "Autism", "text": "It begins\nbefore three."}
    (folder / "wiki_01.bz2").write_bytes(bz2.compress(json.dumps(entry).encode() + b"\n"))
    assert read(folder) == [
        Document("Anarchism", "It is\na doctrine."),
        Document("Autism", "It begins\nbefore three."),
    ]


def test_parquet_yields_a_document_a_row(tmp_path):
    path = tmp_path / "texts.parquet"
    table = {"title": ["A", "B", "C"], "body": ["one\n\ntwo", None, "three"], "n": [1, 2, 3]}
    pq.write_table(pa.table(table), path)
    assert read(path, column="body") == [Document("A", "one\ntwo"), Document("C", "three")]
    with pytest.raises(UserError, match="corpus.column: .* no column 'text'; .* title, body, n"):
        read(path)
    with pytest.raises(UserError, match="corpus.column: .*n holds int64; expected text"):
        read(path, column="n")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match="not a whole Parquet file"):
        read(path)


def test_lines_without_an_empty_one_are_cut_between_lines(tmp_path):
    lines = [f"Sentence {number} of a text." for number in range(30_000)]
    (tmp_path / "lines.txt").write_text("\n".join(lines) + "\n")
    found = [document.text for document in read(tmp_path / "lines.txt")]
    assert "\n".join(found).split("\n") == lines
    assert {len(text) // readers.LONGEST_TEXT for text in found[:-1]} == {1}
    assert len(found) > 2


def test_a_line_without_end_is_cut_between_words(tmp_path):
    words = [f"word{i}" for i in range(30_000)]
    path = tmp_path / "text8"
    path.write_text(" ".join(words))
    found = read(path)
    assert len(found) == 5
    assert " ".join(document.text for document in found).split(" ") == words


PAGE = (
    "<page><title>{}</title><ns>{}</ns><id>1</id>"
    "<revision><id>2</id><text>{}</text></revision></page>"
)


def dump(*pages: tuple[str, int, str]) -> bytes:
    xml = "".join(PAGE.format(*page) for page in pages)
    head = '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">'
    return bz2.compress(f"{head}{xml}</mediawiki>".encode())


@pytest.mark.parametrize("large", [False, True])
def test_a_dump_yields_articles_without_markup(tmp_path, monkeypatch, large):
    if large:
        monkeypatch.setattr(readers, "LARGE", 0)
        monkeypatch.setenv("WORDLAB_THREADS", "2")
    path = tmp_path / "xxwiki-pages-articles.xml.bz2"
    words = "word " * 60
    path.write_bytes(
        dump(
            ("First", 0, f"'''It''' is [[link|linked]] {words}"),
            ("Talk:First", 1, words),
            ("Short", 0, "few words"),
            ("Second", 0, f"== Heading ==\n{words}"),
        )
    )
    found = read(path, "wikipedia-dump")
    assert read(path, "file") == found
    assert [article.title for article in found] == ["First", "Second"]
    assert found[0].text.startswith("It is linked word word")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="cut off"):
        read(path, "wikipedia-dump")


def test_a_dump_that_is_none_is_refused(tmp_path):
    path = tmp_path / "wiki.xml.bz2"
    path.write_bytes(bz2.compress(b"no XML"))
    with pytest.raises(UserError, match="not a Wikipedia dump"):
        read(path, "wikipedia-dump")
