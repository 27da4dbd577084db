"""What corpus.path may name, and what the stage says of it."""

import os

import pytest

from small_pipeline import run_pipeline
from wordlab import paths
from wordlab.artifacts import read_json
from wordlab.errors import UserError
from wordlab.params.text import CorpusParams
from wordlab.text import sources


def found(path, root):
    params = CorpusParams(
        source="file",
        path=str(path),
        url=None,
        watch={},
        sha256=None,
        column="text",
        documents="auto",
        splits=None,
    )
    return sources.find(params, root)


def texts(source):
    return [document.text for document in source.documents()]


def test_links_of_a_folder_are_followed_and_those_to_nothing_counted(tmp_path):
    folder, elsewhere = tmp_path / "texts", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "a.txt").write_text("one")
    (elsewhere / "b.txt").write_text("two")
    (elsewhere / "c.txt").write_text("three")
    (folder / "file").symlink_to(elsewhere / "b.txt")
    (folder / "folder").symlink_to(elsewhere)
    (folder / "circle").symlink_to(folder)
    (folder / "gone").symlink_to(tmp_path / "nothing")
    (folder / ".DS_Store").write_bytes(b"\0\xff")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("no text")
    source = found("texts", tmp_path)
    assert texts(source) == ["one", "two", "two", "three"]
    expected = {"hidden files": 2, "links to nothing": 1}
    assert source.provenance()["left_out"] == expected


def test_hidden_files_match_no_pattern_but_one_that_names_them(tmp_path):
    for name in ("a.txt", ".DS_Store", "in/b.txt", "in/.old/b.txt"):
        path = tmp_path / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    source = found("texts/**/*", tmp_path)
    assert texts(source) == ["a.txt", "in/b.txt"]
    assert source.provenance()["left_out"] == {"hidden files": 2}
    assert texts(found("texts/in/.old/*.txt", tmp_path)) == ["in/.old/b.txt"]
    assert texts(found("texts/.*", tmp_path)) == [".DS_Store"]


@pytest.mark.parametrize("name", ["é [1], (b)=c.txt", "~x.txt", "a b", "文本.txt"])
def test_a_file_of_any_name_is_found(tmp_path, name):
    (tmp_path / name).write_text("one")
    assert texts(found(tmp_path / name, tmp_path)) == ["one"]


def test_a_relative_path_starts_at_the_repository_and_a_tilde_at_home(tmp_path, monkeypatch):
    home, root = tmp_path / "home", tmp_path / "root"
    for folder, text in ((home, "at home"), (root, "here")):
        folder.mkdir()
        (folder / "a.txt").write_text(text)
    monkeypatch.setenv("HOME", str(home))
    assert texts(found("~/a.txt", root)) == ["at home"]
    assert texts(found("a.txt", root)) == ["here"]


@pytest.mark.parametrize("path", ["gone.txt", "é.txt", "a" * 300, "a\0b", "gone/*.txt", "**x/[*"])
def test_a_path_to_nothing_is_refused_in_one_line(tmp_path, path):
    with pytest.raises(UserError, match="^corpus.path: ") as caught:
        found(path, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_shows_how_dvc_wants_paths_quoted(tmp_path):
    with pytest.raises(UserError, match="""no such file; .*-S 'corpus.path="…"'; expected"""):
        found("é.txt", tmp_path)


def test_a_file_that_cannot_be_opened_is_refused(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    with pytest.raises(UserError, match="no file in the folder"):
        found("texts", tmp_path)


def test_a_text_all_of_which_is_left_out_says_so(tmp_path):
    (tmp_path / "a.json").write_text('{"text": null}\n{"text": ""}\n')
    with pytest.raises(UserError, match=r"no text in it \(left out: records without text \(2\)\)"):
        texts(found("a.json", tmp_path))


def test_the_stage_counts_what_it_leaves_out_and_says_so_once(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = '{"text": "One."}\n{"text": null}\n{"text": "Two \\ud83d."}\n'
    run_pipeline(tmp_path, text, only={"download"})
    expected = {"halves of characters replaced by �": 1, "records without text": 1}
    assert read_json(tmp_path / "data/raw/provenance.json")["left_out"] == expected
    assert capsys.readouterr().out == (
        "left out: halves of characters replaced by � (1), records without text (1)\n"
    )
    run_pipeline(tmp_path, "One.\n\nTwo.", only={"download"})
    assert read_json(tmp_path / "data/raw/provenance.json")["left_out"] == {}
    assert capsys.readouterr().out == ""


def test_the_home_of_nobody_is_refused(tmp_path):
    with pytest.raises(UserError, match="corpus.path: .*~nobody-here/a: no such file"):
        found("~nobody-here/a", tmp_path)
    assert not paths.given("~nobody-here/a").exists()
