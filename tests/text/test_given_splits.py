"""Splits that are given: by files of their own, or by a source that has them."""

import pytest

from wordlab.errors import UserError
from wordlab.params.text import CorpusParams
from wordlab.text import documents, readers, sources
from wordlab.text.documents import Document, Notes

FILES = {"train": "train.txt", "valid": "valid.txt", "test": "test.txt"}


def params(**changes):
    settings = {
        "source": "file",
        "path": None,
        "url": None,
        "sha256": None,
        "column": "text",
        "documents": "auto",
        "splits": FILES,
    }
    return CorpusParams(**(settings | changes))


def found(folder, **changes):
    return list(sources.find(params(**changes), folder).documents())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.txt").write_text("one two\nthree\n\nfour\n")
    (tmp_path / "valid.txt").write_text("five\n" * 3)
    (tmp_path / "test.txt").write_text("six\n")
    return tmp_path


def test_each_document_has_the_split_of_its_file(folder):
    assert found(folder) == [
        Document(None, "one two\nthree", "train"),
        Document(None, "four", "train"),
        Document(None, "five\nfive\nfive", "valid"),
        Document(None, "six", "test"),
    ]


def test_a_split_may_be_a_folder_or_a_pattern_of_any_format(folder):
    (folder / "more").mkdir()
    (folder / "more" / "a.jsonl").write_text('{"text": "seven"}\n{"text": "eight"}\n')
    (folder / "more" / "b.txt").write_text("nine\n")
    splits = {"train": "more", "valid": "v*.txt", "test": "test.txt"}
    texts = [(document.text, document.split) for document in found(folder, splits=splits)]
    assert texts[:3] == [("seven", "train"), ("eight", "train"), ("nine", "train")]
    assert [split for _, split in texts[3:]] == ["valid", "test"]


def test_splits_are_kept_with_the_documents_and_only_then(folder, tmp_path):
    path = tmp_path / "documents.parquet"
    documents.write(path, found(folder), splits=True)
    assert documents.splits(path) == ["train", "train", "valid", "test"]
    documents.write(path, found(folder))
    assert documents.splits(path) is None


def test_a_split_without_blank_lines_is_one_document(folder, monkeypatch):
    monkeypatch.setattr(readers, "LONGEST_TEXT", 10)
    assert len(found(folder)) == 4
    drawn = found(folder, splits=None, path="valid.txt")
    assert [document.text for document in drawn] == ["five\nfive\nfive"]
    assert readers.longest_text(params()) > readers.longest_text(params(splits=None, path="x"))


def test_the_headings_of_wikitext_begin_documents(tmp_path):
    path = tmp_path / "wiki.train.tokens"
    path.write_text(
        " \n = A <unk> = \n \n One @-@ two . \n \n = = B = = \n \n 3 \n = C = \n \n 4 \n"
    )
    expected = ["= A <unk> =\nOne @-@ two .\n= = B = =\n3", "= C =\n4"]
    read = readers.read(path, "text", "auto", Notes())
    assert [document.text for document in read] == expected
    assert len(list(readers.read(path, "text", "files", Notes()))) == 1


def test_a_text_may_begin_with_an_unknown_word_alone(tmp_path):
    path = tmp_path / "text"
    path.write_text("<unk>\nN <unk> million\n")
    (document,) = readers.read(path, "text", "auto", Notes())
    assert document.text == "<unk>\nN <unk> million"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("valid.txt", None, r"corpus\.splits\.valid: .*valid\.txt: no such file"),
        ("test.txt", "", r"corpus\.splits\.test: .*test\.txt: the file is empty"),
        ("test.txt", " \n\n", r"corpus\.splits\.test: .*test\.txt: no text in it"),
    ],
)
def test_a_split_that_is_missing_or_without_text_is_refused(folder, name, content, problem):
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(UserError, match=problem) as caught:
        found(folder)
    assert "\n" not in str(caught.value)


def test_a_file_in_two_splits_is_refused_under_any_name(folder):
    problem = r"corpus\.splits\.test: .* is in corpus\.splits\.valid too"
    with pytest.raises(UserError, match=problem):
        found(folder, splits=FILES | {"test": "valid.txt"})
    (folder / "link.txt").symlink_to(folder / "valid.txt")
    with pytest.raises(UserError, match=problem):
        found(folder, splits=FILES | {"test": "link.txt"})
    assert len(found(folder, splits=FILES | {"train": "train.txt"})) == 4


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"splits": "given", "path": "a"}, "splits: given takes those of hf:.*source is file"),
        ({"splits": "taken"}, "expected null, given, or files .*'taken'"),
        ({"source": "sample"}, "source: expected file, since corpus.splits names files.*sample"),
        ({"path": "text.txt"}, "path: expected null, since corpus.splits names .*text.txt"),
        ({"splits": {"train": "a", "valid": "b"}}, r"splits\.SplitFiles\.test"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, problem):
    with pytest.raises(ValueError, match=problem):
        params(**changes)
