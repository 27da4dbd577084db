"""`wordlab check`: how files would be read, before a long run."""

import gzip
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from wordlab import cli
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import formats
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.pipeline.check import check
from wordlab.published import packaged

SEEN = {
    "the 0.1 0.2\ncat 0.3 0.4\n": [
        "GloVe text, 2 dimensions",
        "2 words looked at",
        "first: the, cat",
    ],
    "3 2\nthe 1 2\nthe 3 4\ncat nan 4\n": [
        "word2vec text, 2 dimensions",
        "3 of 3 words looked at",
        "first: the",
        "1 of 3 words repeat an earlier word and are left out ('the')",
        "1 of 3 words have numbers that are NaN or infinite and are left out ('cat')",
    ],
    "# a set\n,word1,word2,score\n0,tiger,cat,7.35\n1,plane,car,5\n": [
        "2 word pairs, commas between",
        "the words are in columns 2 and 3, the score in column 4; a header, which calls it 'score'",
        "first: tiger cat 7.35, plane car 5",
        "1 lines that begin with # are left out",
    ],
    "tiger cat 7.35\nplane car 5\n": [
        "2 word pairs, blanks between",
        "the words are in columns 1 and 2, the score in column 3; no header",
        "first: tiger cat 7.35, plane car 5",
    ],
    ": family\nboy girl son daughter\n": [
        "1 analogy questions in 1 sections",
        "first: boy girl son daughter",
    ],
    "synonyms\tbig\tlarge\n": [
        "1 word pairs in 1 relations",
        "synonyms: 1, first: big large",
    ],
}  # fmt: skip


@pytest.mark.parametrize("text", SEEN)
def test_the_format_and_what_is_left_out_are_shown(text: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    first, *others = SEEN[text]
    assert check(path) == [f"{path}: {first}", *(f"  {line}" for line in others)]


def test_the_packaged_sets_are_known() -> None:
    assert "353 word pairs, tabs between" in check(packaged("wordsim353"))[0]
    assert "999 word pairs, tabs between" in check(packaged("simlex999"))[0]
    assert "19,544 analogy questions in 14 sections" in check(packaged("google"))[0]
    assert "in 5 relations" in check(packaged("wordlab_en"))[0]


def test_what_would_be_refused_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for text, place in {
        "tiger,cat,7.35\nplane,car,5\nold,new\n": "line 3: expected two words and a score",
        "the 0.1 0.2\ncat 0.3 0.4\ndog 1\n": "line 3: expected a word and 2 numbers",
        "tiger,cat,7.35\nplane,c\udce4r,5\n": "line 2: not UTF-8",
    }.items():
        path.write_text(text, errors="surrogateescape")
        with pytest.raises(UserError, match=rf"file.*{place}"):
            check(path)
    with pytest.raises(UserError, match="line 1: expected `: section` before"):
        path.write_text("a b c d\n")
        check(path, "analogies")
    for text in ("", "\n\n \n", "[]", "text,label\n"):
        path.write_text(text)
        with pytest.raises(UserError, match="file: no text in it"):
            check(path, "text")
    with pytest.raises(UserError, match="a folder; expected a file"):
        check(tmp_path)
    with pytest.raises(UserError, match="nowhere: not found"):
        check(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Word 1\tWord 2\tHuman (mean)\t1\t2\t3\nlove\tsex\t6.77\t9\t6\t8\n", "love sex 6.77"),
        ('"word1"\t"word2"\t"score"\n"1"\t"tiger"\t"cat"\t7.35\n', "tiger cat 7.35"),
        ('"New York, NY","cat","7.35"\n', "New York, NY cat 7.35"),
    ],
)
def test_a_set_is_known_by_its_cells(text: str, seen: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(text)
    assert f"  first: {seen}" in check(tmp_path / "file")


def test_a_table_of_texts_is_no_set(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    (tmp_path / "file").write_text('text,label,score\n"Hello, you",good,0.9\n')
    assert check(tmp_path / "file")[0].endswith("text, CSV")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("tiger,cat,7.35\nplane\tcar\t5\n", "line 2: .* with commas between; found 1"),
        ("7.35\ttiger\tcat\n5\tplane\tcar\n", "line 2: expected two words and a score"),
        ("the,0.1,0.2\ncat,0.3,0.4\n", "line 2: expected words in column 2; found numbers"),
    ],
)
def test_a_set_with_a_mistake_is_no_text(text: str, place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(UserError, match=place):
        check(tmp_path / "file")


def test_a_file_in_an_archive_is_named_as_far_as_it_takes(tmp_path: Path) -> None:
    path = tmp_path / "v.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a/m.txt", "b/m.txt"):
            archive.writestr(name, "the 1 2\ncat 3 4\n")
    assert "GloVe text" in check(path / "b/m.txt")[0]
    for place in ("m.txt", "none.txt"):
        with pytest.raises(UserError, match=r"expected one .* v.zip/a/m.txt, .* v.zip/b/m.txt|has"):
            check(path / place)


TEXTS = {
    "A tale of two.\n\nIt was the best of times.\n": ["text, plain text", "first: A tale of two"],
    '{"title": "One", "text": "It was 9."}\n{"text": null}\n': [
        "text, JSON",
        "1 documents with 9 characters",
        "first: It was 9",
        "1 records without text: left out",
    ],
    '<doc id="1" title="One">\nOne\n\nIt was.\n</doc>\n': ["text, WikiExtractor", "first: It was"],
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("packed", [False, True])
def test_a_text_is_read_as_the_params_have_it(
    text: str, packed: bool, tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    content = text.encode()
    (tmp_path / "file").write_bytes(gzip.compress(content) if packed else content)
    shown = check(tmp_path / "file")
    first, *others = TEXTS[text]
    assert shown[0].startswith(f"{tmp_path / 'file'}: {first}") and packed == ("gzip" in shown[0])
    assert {f"  {line}" for line in others} <= set(shown[1:])


def test_a_binary_file_is_refused(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    (tmp_path / "file").write_bytes(b"\x00\xff\x02")
    with pytest.raises(UserError, match=r"file.* expected a"):
        check(tmp_path / "file")


def test_a_large_file_is_looked_at_in_a_second(tmp_path: Path) -> None:
    words, dimensions = 40_000, 300
    names = Vocabulary(tuple(map(str, range(words))), np.arange(words, 0, -1))
    vectors = Vectors(names, np.ones((words, dimensions), np.float32))
    formats.write(vectors, tmp_path / "v.bin", "word2vec_binary")
    started = time.process_time()
    assert check(tmp_path / "v.bin")[1] == "  6,666 of 40,000 words looked at, from the beginning"
    assert time.process_time() - started < 1


def test_every_file_is_shown_and_one_refused_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.csv").write_text("tiger,cat,7.35\n")
    (tmp_path / "bad.csv").write_text("tiger,cat,7.35\nplane,car\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["wordlab", "check", "bad.csv", "good.csv", "--as", "pairs"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    shown = capsys.readouterr()
    assert ended.value.code == 1
    assert shown.out.startswith("good.csv: 1 word pairs, commas between\n")
    assert shown.err.startswith("wordlab: bad.csv, line 2: ") and shown.err.count("\n") == 1
