"""Every format in every packing, known by its content; and the one line each broken file gets."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wordlab.errors import UserError
from wordlab.params.text import CorpusParams
from wordlab.text import readers
from wordlab.text.documents import Document, Notes, counts


def read(path, column="text", separation="auto"):
    return list(readers.read(path, column, separation, Notes()))


def notes_of(path, column="text", separation="auto"):
    notes = Notes()
    list(readers.read(path, column, separation, notes))
    return notes


def refused(tmp_path, content, message, name="corpus", **options):
    """Hold that reading `content` raises one line that begins with the file's name."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path / name, **options)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def zstd(content):
    return pa.compress(content, codec="zstd", asbytes=True)


def zipped(content, *others, name="deep/corpus"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
        for other in others:
            archive.writestr(other, b"\x00\x05\x16\x07 not a text")
    return packed.getvalue()


def tarred(content, format=tarfile.PAX_FORMAT, link=False):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=format) as archive:
        entry = tarfile.TarInfo("deep/corpus")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
        if link:
            entry = tarfile.TarInfo("link")
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(entry)
    return packed.getvalue()


def parquet(table):
    file = io.BytesIO()
    pq.write_table(pa.table(table), file)
    return file.getvalue()


ARTICLE = "Perro y gato. " * 30
XML = (
    '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/"><page><title>Uno</title>'
    f"<ns>0</ns><revision><text>{ARTICLE}</text></revision></page></mediawiki>"
).encode()
WRAPPED = (
    "It was the best of times, it was the worst of times, it was the age\n"
    "of wisdom, it was the age of foolishness, it was the epoch of belief,\n"
    "it was the epoch of incredulity, it was the season of Light, it was\n"
    "the season of Darkness.\n"
    "\n"
    "It was the spring of hope, it was the winter of despair, we had\n"
    "everything before us, we had nothing before us, we were all going\n"
    "direct to Heaven.\n"
)
FORMATS = {
    "plain text, one line per paragraph": (b"One.\nTwo.\n\nThree.\n", ["One.\nTwo.", "Three."]),
    "plain text, lines broken at column 69": (
        WRAPPED.encode(),
        ["\n".join(part.strip().replace("\n", " ") for part in WRAPPED.split("\n\n"))],
    ),
    "Wikipedia dump": (XML, [ARTICLE.strip()]),
    "WikiExtractor": (b'<doc id="1" url="" title="A">\nA\n\nOne two.\n\n</doc>\n', ["One two."]),
    "JSON": (b'[\n {"text": "One two."},\n {"text": "Three."}\n]\n', ["One two.", "Three."]),
    "CSV": (b'id,text\n1,"One, two."\n2,"A ""b""\nc."\n', ["One, two.", 'A "b"\nc.']),
    "Parquet": (parquet({"text": ["One two.", "Three."]}), ["One two.", "Three."]),
}  # fmt: skip
PACKINGS = {
    (): bytes,
    ("gzip",): gzip.compress,
    ("bzip2",): bz2.compress,
    ("xz",): lzma.compress,
    ("zstd",): zstd,
    ("zip",): zipped,
    ("tar",): tarred,
    ("tar", "gzip"): lambda content: gzip.compress(tarred(content)),
    ("tar", "xz"): lambda content: lzma.compress(tarred(content, tarfile.USTAR_FORMAT)),
    ("gzip", "tar"): lambda content: tarred(gzip.compress(content), tarfile.GNU_FORMAT),
    ("bzip2", "zip"): lambda content: zipped(bz2.compress(content)),
    ("zip", "zip"): lambda content: zipped(zipped(content)),
    ("zip", "tar", "zstd"): lambda content: zstd(tarred(zipped(content))),
}


@pytest.mark.parametrize("packings", PACKINGS, ids="-in-".join)
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["corpus", "pages-articles1.xml-p1p41242.bz2", "corpus.txt"])
def test_every_format_in_every_packing_under_any_name(tmp_path, packings, format, name):
    content, texts = FORMATS[format]
    path = tmp_path / name
    path.write_bytes(PACKINGS[packings](content))
    notes = Notes()
    found = list(readers.read(path, "text", "auto", notes))
    assert [document.text for document in found] == texts
    assert notes.formats == {" in ".join([format, *packings]): 1}
    assert not notes.left_out
    assert [file.name for file in tmp_path.rglob("*")] == [name]


@pytest.mark.parametrize("packings", [key for key in PACKINGS if key], ids="-in-".join)
def test_a_file_cut_off_is_refused_in_every_packing(tmp_path, packings):
    text = " ".join(str(number * 7919 % 10007) for number in range(3000)).encode()
    whole = PACKINGS[packings](text)
    refused(tmp_path, whole[: len(whole) // 2], "cut off|cannot be read")


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress])
@pytest.mark.parametrize("size", [1, 5, 100])
def test_a_short_first_stream_hides_no_format(tmp_path, compress, size):
    for content, texts in ((tarred(b"One two."), ["One two."]), (XML, [ARTICLE.strip()])):
        path = tmp_path / "corpus"
        path.write_bytes(compress(content[:size]) + compress(content[size:]))
        found = readers.read(path, "text", "auto", Notes())
        assert [document.text for document in found] == texts


STREAMS = [b"One two.\n" * 9000, b"Three.\n" * 20_000]


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress])
@pytest.mark.parametrize("between", [b"", b"\0" * 4, b"\0" * 70_000])
def test_streams_one_after_another_are_one_text(tmp_path, compress, between):
    path = tmp_path / "corpus"
    path.write_bytes(b"".join(compress(stream) + between for stream in STREAMS))
    (document,) = readers.read(path, "text", "auto", Notes())
    assert document.text == b"".join(STREAMS).decode().strip()


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress])
def test_a_second_stream_that_is_damaged_is_refused(tmp_path, compress):
    first, second = map(compress, STREAMS)
    refused(tmp_path, first + b"text\n", "cannot be read")
    refused(tmp_path, first + second[:8] + b"\xff" * 8 + second[16:], "cannot be read")
    refused(tmp_path, first + second[:-5], "cut off")


def test_a_zstd_with_a_window_too_long_gets_the_hint(tmp_path):
    window_of_2_gib, block = bytes([0, 21 << 3]), (5 << 3 | 1).to_bytes(3, "little") + b"hello"
    refused(tmp_path, b"\x28\xb5\x2f\xfd" + window_of_2_gib + block, "zstd -dc --long=31 FILE")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive; expected a text"),
        (b"Rar!\x1a\x07\x00", "a RAR archive"),
        (b"%PDF-1.7", "a PDF; expected"),
        (b"{\\rtf1\\ansi Hello}", "an RTF document; expected"),
        (b"\x89PNG\r\n\x1a\n\0", "an image; expected"),
        (b"% a comment\n\\documentclass{article}\n", "line 1: begins like LaTeX"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nHello\n", "line 1: begins like subtitles"),
        (b"# text = Hi\n1\tHi\thi\tINTJ" + b"\t_" * 6 + b"\n", "line 1: begins like CoNLL-U"),
        (zipped(b"<x/>", name="[Content_Types].xml"), "office program"),
        (zipped(zipped(zipped(zipped(zipped(b"text"))))), "packed more than 4 times"),
        (b"<!DOCTYPE html>\n<html><p>Hello</p></html>", "line 1: begins with <!DOCTYPE html>"),
        (b'<?xml version="1.0"?>\n<TEI><p>Hello</p></TEI>', "begins with <.xml"),
        (b"<p>Hello</p>\n<p>there</p>\n", "line 1: begins with <p>Hello</p>"),
        (b"<DOC>\n<TEXT>\nHello\n</TEXT>\n</DOC>\n", "line 1: begins with <DOC>"),
        (b"one\ntwo caf\xe9\n", "line 2, byte 12: not UTF-8 .*0xe9"),
        ("text\n".encode("utf-16-le"), "line 1: found a byte 0"),
        ("caf\xe9".encode()[:-1], "line 1, byte 4: not UTF-8"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path, content, message):
    refused(tmp_path, content, message)


def test_a_bad_byte_far_into_a_file_has_its_line_and_byte(tmp_path):
    before = "naïve line\n".encode() * 30_000
    refused(tmp_path, before + b"ab\xff", f"line 30001, byte {len(before) + 3}: not UTF-8")


def test_a_zip_with_a_password_is_refused(tmp_path):
    packed = bytearray(zipped(b"text"))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(mark) + offset] |= 1
    refused(tmp_path, bytes(packed), "has a password")


def test_a_mac_s_zip_is_read_without_what_the_mac_adds(tmp_path):
    path = tmp_path / "corpus.zip"
    path.write_bytes(zipped(b"One.", "__MACOSX/._a.txt", ".DS_Store", "deep/._corpus"))
    assert read(path) == [Document(None, "One.")]
    assert notes_of(path).left_out == {"hidden files": 3}


def test_links_in_a_tar_are_counted(tmp_path):
    path = tmp_path / "corpus"
    path.write_bytes(tarred(b"One.", link=True))
    assert read(path) == [Document(None, "One.")]
    assert notes_of(path).left_out == {"links in archives": 1}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_marks_of_encodings_and_line_ends_of_any_system(tmp_path, encoding, line_end):
    path = tmp_path / "corpus"
    path.write_bytes(f"Ein{line_end}Bär{line_end}{line_end}zwei".encode(encoding))
    assert [document.text for document in read(path)] == ["Ein\nBär", "zwei"]


def wrapped(words, width):
    lines, line = [], ""
    for word in words:
        if len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


@pytest.mark.parametrize("width", [60, 70, 80])
def test_a_book_with_broken_lines_is_a_document_with_its_paragraphs_whole(tmp_path, width):
    paragraphs = [[f"word{n * 37 % 1009}" for n in range(40 + 7 * k)] for k in range(30)]
    path = tmp_path / "book"
    path.write_text("\n\n".join(wrapped(words, width) for words in paragraphs) + "\n")
    texts = [" ".join(words) for words in paragraphs]
    assert read(path) == [Document(None, "\n".join(texts))]
    assert [one.text for one in read(path, separation="blank_lines")] == texts


def test_a_word_broken_at_a_soft_hyphen_is_whole(tmp_path):
    path = tmp_path / "book"
    line = "It was the best of times, it was the worst of times, and it was incred\u00ad\n"
    path.write_text(line + ("ible " + line) * 5 + "ible.\n", encoding="utf-8")
    assert read(path)[0].text.count("incredible") == 6


def test_a_paragraph_without_end_is_held_in_parts(tmp_path):
    words = [f"word{n * 37 % 1009}" for n in range(20_000)]
    path = tmp_path / "book"
    path.write_text(wrapped(words, 70))
    (book,) = read(path)
    assert book.text.split() == words
    assert max(map(len, book.text.split("\n"))) < readers.LONGEST_LINE + 80


def test_a_single_book_is_cut_into_parts_at_ends_of_paragraphs(tmp_path):
    paragraphs = [f"Paragraph {number} of this book has some words." for number in range(5000)]
    path = tmp_path / "book"
    path.write_text("\n\n".join(paragraphs))
    found = [document.text for document in read(path, separation="parts")]
    assert "\n".join(found).split("\n") == paragraphs
    sizes = [len(text) for text in found[:-1]]
    assert min(sizes) >= readers.PART * 0.99 and max(sizes) < readers.PART * 1.03
    assert [one.text for one in read(path, separation="files")] == ["\n".join(paragraphs)]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"This is sentence {number} of a list of sentences." for number in range(50)),
        "\n".join(f"A paragraph of one line, {'long ' * (20 + k % 7)}" for k in range(50)),
        "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate:\n"
        "Rough winds do shake the darling buds of May,\nAnd summer's lease hath all too short\n"
        "a date;\nSometime too hot the eye of heaven shines,\n",
        "\n".join("天地玄黄宇宙洪荒"[: 3 + k % 5] * (4 + k % 3) for k in range(50)),
        "<unk> is a word\n<s> a sentence </s>\n1 < 2 <3\n",
        "apple\npear\nplum\ncherry\nfig\n" * 20,
    ],
)
def test_lines_that_are_not_broken_stay(tmp_path, text):
    path = tmp_path / "text"
    path.write_text(text)
    (document,) = read(path)
    assert document.text.split("\n") == [line.strip() for line in text.strip().split("\n")]


def test_chinese_with_broken_lines_is_joined_without_spaces(tmp_path):
    path = tmp_path / "text"
    path.write_text("\n".join(["天地玄黄宇宙洪荒" * 6] * 8) + "\n。\n")
    assert read(path) == [Document(None, "天地玄黄宇宙洪荒" * 48 + "。")]


def test_an_inspection_shows_how_a_file_would_be_read(tmp_path):
    params = CorpusParams(
        source="file",
        path="x",
        url=None,
        watch={},
        sha256=None,
        column="text",
        documents="auto",
        splits=None,
    )
    path = tmp_path / "corpus"
    lines = [json.dumps({"text": text}) for text in ("Über den Wolken, 1974", None, "Zwei")]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    found = readers.inspect(path, params)
    assert found.formats == {"JSON in gzip": 1}
    assert (found.documents, found.characters, found.whole) == (2, 25, True)
    assert found.first_words == ("Über", "den", "Wolken", "1974")
    assert found.left_out == {"records without text": 1}
    path.write_text("\n".join(json.dumps({"text": f"text {n}"}) for n in range(5000)))
    found = readers.inspect(path, params)
    assert (found.documents, found.whole) == (readers.LOOK, False)


def test_what_was_left_out_is_said_in_words_the_most_first():
    assert counts({"redirects": 2, "hidden files": 1500}) == "hidden files (1,500), redirects (2)"
