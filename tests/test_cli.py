"""The `wordlab` command on hand-made models, and the comparison of lock files."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import metadata
from urllib.parse import unquote

import numpy as np
import pytest
from scipy.sparse import csr_array

from wordlab import artifacts, cli
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.ppmi import PpmiModel
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.vectors import analogy
from wordlab.evaluation.vectors.similarity import DenseSpace
from wordlab.pipeline import lockfile

LOCK = "schema: '2.0'\nstages:\n  one:\n    cmd: x\n    outs:\n    - path: a.txt\n      md5: {}\n"


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    vocabulary = Vocabulary(("cat", "dog", "car"), np.array([3, 2, 1]))
    matrix = np.array([[1, 0], [2, 0.1], [0, 1]], np.float32)
    Vectors(vocabulary, matrix, {"model": "made"}).save(tmp_path / "data/models/made")
    pairs = csr_array(np.array([[0, 2, 0.5], [2, 0, 0], [0.5, 0, 0]], np.float32))
    PpmiModel(vocabulary, pairs).save(tmp_path / "data/models/pairs")
    (tmp_path / "dvc.yaml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["wordlab", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_help_loads_nothing_heavy():
    code = "import sys; from wordlab import cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "pydantic", "torch", "mlflow"} & set(done.stdout.split())


def test_neighbours_are_shown_nearest_first(workspace, monkeypatch, capsys):
    assert run(monkeypatch, "neighbours", "cat", "-v", "made") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["dog", "car"]


def test_a_file_from_elsewhere_is_scored_as_the_pipeline_does(
    workspace, repository, monkeypatch, capsys
):
    (workspace / "pairs.txt").write_text("cat dog 9\ncat car 1\ndog car 2\ncat cow 5\n")
    (workspace / "questions.txt").write_text(": family\ncat dog car dog\n")
    params = (repository / "params.yaml").read_text()
    params = params.replace(
        "similarity: by_language", "similarity: [{name: own, path: pairs.txt}]"
    ).replace("analogies:\n    path: by_language", "analogies:\n    path: questions.txt")
    (workspace / "params.yaml").write_text(params)
    for form in ("word2vec_text", "word2vec_binary", "glove_text"):
        assert run(monkeypatch, "export", "made", form, "v") == 0
        assert "3 words to v" in capsys.readouterr().out
        assert run(monkeypatch, "evaluate", "v") == 0
        printed = capsys.readouterr()
        lines = [line.split() for line in printed.out.splitlines()]
        # three pairs have no interval
        own = next(line for line in lines if line[0] == "own")
        assert own[:6] == ["own", "1.000", "3", "4", "75.0", "%"]
        assert "not here: wordsim353_sim, " in printed.err
        assert printed.err.rstrip().endswith("`wordlab sets --fetch` fetches them")
    assert run(monkeypatch, "evaluate", "v", "--words", "2", "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["own"]["n"] == 1 and rows["wordlab_en"]["task"] == "relations"
    assert run(monkeypatch, "evaluate", "v", "--language", "es", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == ["wordlab_es"] and rows[0]["n"] == 0


def test_sets_are_listed_and_fetched_by_name(workspace, monkeypatch, capsys):
    assert run(monkeypatch, "sets", "--language", "es") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["name", "task", "language", "items", "here", "licence", "from"]
    here = {line[0]: "yes" in line for line in lines[1:]}
    assert here["wordlab_es"] and not here["es_rg65"]
    assert run(monkeypatch, "sets", "gone") == 1
    assert "gone: no such set; `wordlab sets` lists them" in capsys.readouterr().err
    assert run(monkeypatch, "sets", "men", "--language", "es") == 1
    assert "men: a set of the language en; expected es" in capsys.readouterr().err
    assert run(monkeypatch, "export", "made", "tensorboard", "projector") == 0
    assert (workspace / "projector" / "metadata.tsv").read_text().startswith("word\tcount\ncat\t3")


@pytest.mark.parametrize("vectors", ["made", "pairs", "../../v.txt"])
def test_neighbours_are_found_from_any_folder_in_models_and_files(
    workspace, monkeypatch, capsys, vectors
):
    for name in ("dvc.yaml", "params.yaml"):
        (workspace / name).touch()
    (workspace / "v.txt").write_text("3 2\ncat 1 0\ndog 2 0.1\ncar 0 1\n")
    (workspace / "docs/deep").mkdir(parents=True)
    monkeypatch.chdir(workspace / "docs/deep")
    assert run(monkeypatch, "neighbours", "DOG", "-v", vectors, "-n", "1") == 0
    nearest = {"made": "cat", "pairs": "car", "../../v.txt": "cat"}
    assert capsys.readouterr().out.split()[1] == nearest[vectors]
    monkeypatch.chdir(workspace / "docs/deep")
    assert run(monkeypatch, "export", "made", "glove_text", "own.txt") == 0
    assert (workspace / "docs/deep/own.txt").exists()


def test_an_analogy_has_its_best_answers_and_not_its_own_words(workspace, monkeypatch, capsys):
    vocabulary = Vocabulary(("Man", "man", "king", "woman", "queen", "tree"), np.arange(6, 0, -1))
    plane = [[1, 0, 0], [1, 0, 0], [1, 1, 0], [0.1, 0, 1], [0.1, 1, 1], [0, 0.1, 0]]
    Vectors(vocabulary, np.array(plane, np.float32), {}).save(workspace / "data/models/royal")
    assert run(monkeypatch, "analogy", "man", "king", "WOMAN", "--vectors", "royal") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [word for _, word in lines] == ["queen", "tree"]
    space = DenseSpace(Vectors.load(workspace / "data/models/royal"))
    lookup = analogy.Lookup(vocabulary, ignore_case=True)
    assert analogy.best_rows(space, np.array([[1, 2, 3]]), lookup, "3cosadd") == [4]


def test_the_version_is_that_of_the_package_and_completion_is_offered():
    command = [sys.executable, "-m", "wordlab"]
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"wordlab {metadata.version('wordlab')}\n"
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    assert "Usage: wordlab [OPTIONS] COMMAND" in done.stdout
    assert "--install-completion" in done.stdout


def test_associations_are_shown_strongest_first(workspace, monkeypatch, capsys):
    assert run(monkeypatch, "associations", "cat", "--vectors", "pairs") == 0
    assert capsys.readouterr().out.split() == ["2.000", "dog", "0.500", "car"]


def test_a_page_to_explore_is_made_of_any_vectors(workspace, repository, monkeypatch, capsys):
    shutil.copy(repository / "params.yaml", workspace)
    assert run(monkeypatch, "export", "made", "word2vec_text", "v.txt") == 0
    assert run(monkeypatch, "explore", "v.txt", "pairs", "--words", "2") == 0
    assert "v.txt, pairs to explore.html" in capsys.readouterr().out
    page = (workspace / "explore.html").read_text(encoding="utf-8")
    assert '"words":["cat","dog"]' in page and '"name":"pairs"' in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["neighbours", "xyz", "-v", "made"], "xyz: not in the vocabulary of 3 words\n"),
        (
            ["neighbours", "dogs", "-v", "made"],
            "dogs: not in the vocabulary of 3 words; near it: dog\n",
        ),
        (
            ["associations", "catt", "-v", "pairs"],
            "catt: not in the vocabulary of 3 words; ne",
        ),
        (["neighbours", "cat", "-v", "other"], "other: no such model; expected one of made"),
        (["associations", "cat"], "ppmi: no such model; expected one of pairs"),
        (["generate"], "gru: no such model; `make repro` trains"),
        (["generate", "--temperature", "2000"], "temperature: expected less than or equal to 1000"),
        (["results"], "embeddings.json: not found; `make repro` makes it"),
        (["evaluate", "v.bin"], "v.bin: no such model; expected one of made"),
        (["outputs"], "dvc.lock: no such file"),
        (["ui"], "no runs yet"),
        (["export", "made", "word2vec_text", "data"], "data: Is a directory"),
    ],
)
def test_a_mistake_gets_one_line(workspace, monkeypatch, capsys, arguments, message):
    assert run(monkeypatch, *arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("wordlab: ")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["neighbours", "king"],
        ["analogy", "man", "king", "woman"],
        ["evaluate", "nothing.vec"],
        ["evaluate", "text.txt"],
        ["export", "skipgram", "word2vec_text", "/tmp"],
        ["explore", "skipgram"],
        ["associations", "king"],
        ["generate", "--prompt", "the"],
        ["predict", "the"],
        ["surprisal", "text.txt"],
        ["score"],
        ["check", "text.txt"],
        ["check", "/"],
        ["check", "nothing"],
        ["compile"],
        ["results"],
        ["plan"],
        ["plan", "train_glove"],
        ["best", "--sweep", "glove"],
        ["experiments"],
        ["scale"],
        ["scale", "hour"],
        ["outputs"],
        ["ui"],
    ],
)
def test_outside_a_checkout_every_command_is_one_line(arguments, tmp_path, monkeypatch, capsys):
    (tmp_path / "text.txt").write_text("the cat sat")
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("wordlab: ")
    assert shown.err.count("\n") == 1


def test_a_pipe_that_is_closed_ends_a_command_without_a_word(repository):
    buffered = {name: x for name, x in os.environ.items() if name != "PYTHONUNBUFFERED"}
    for arguments in (["--help"], ["scale"], ["scale", "hour"]):
        process = subprocess.Popen(
            [sys.executable, "-m", "wordlab", *arguments],
            cwd=repository, env=buffered, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        process.wait()


def store_of(folder):
    """Make what `wordlab ui` looks up in MLflow's store, and return the store's path."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as store, store:
        store.execute("CREATE TABLE experiments (experiment_id, name, artifact_location)")
        place = (folder / "mlartifacts").as_uri()
        store.execute("INSERT INTO experiments VALUES (7, 'wordlab', ?)", [place])


def test_the_view_of_trainings_is_what_ui_prints(workspace, monkeypatch, capsys):
    store_of(workspace)
    started = []
    monkeypatch.setattr("os.execv", lambda server, arguments: started.extend(arguments))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert run(monkeypatch, "ui", "--port", str(port)) == 0
    passes, runs, models = (line.split()[-1] for line in capsys.readouterr().out.splitlines()[:3])
    assert runs == f"http://127.0.0.1:{port}/#/experiments/7/runs?workflowType=machine_learning"
    assert unquote(passes) == f'{runs}&searchFilter=tags.`wordlab.pass` != ""&compareRunsMode=CHART'
    assert models == runs.replace("/runs", "/models")
    assert f"sqlite:///{workspace / 'mlflow.db'}" in started


def test_a_port_that_is_taken_is_a_mistake(workspace, monkeypatch, capsys):
    store_of(workspace)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run(monkeypatch, "ui", "--port", str(port)) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"wordlab: port {port}: Address already in use; expected a free")
    assert shown.err.count("\n") == 1


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_outputs_are_compared_with_the_committed_lock(tmp_path):
    path = tmp_path / "dvc.lock"
    path.write_text(LOCK.format("1"))
    git(tmp_path, "init")
    assert "no dvc.lock is committed" in lockfile.differences(tmp_path)[0]
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "lock")
    assert lockfile.differences(tmp_path) == [
        "All 1 outputs are those of the committed dvc.lock, byte for byte"
    ]
    path.write_text(LOCK.format("2"))
    lines = lockfile.differences(tmp_path)
    assert lines[0].startswith("1 of 1 outputs differ")
    assert lines[1].strip() == "a.txt"


def test_outputs_are_compared_in_a_folder_of_a_larger_repository(tmp_path):
    own = tmp_path / "research" / "wordlab"
    own.mkdir(parents=True)
    git(tmp_path, "init")
    for folder, md5 in ((tmp_path, 3), (own, 1)):
        (folder / "dvc.lock").write_text(LOCK.format(md5))
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "lock")
    assert lockfile.differences(own)[0].startswith("All 1 outputs are those")
    (own / "dvc.lock").write_text(LOCK.format("2"))
    assert lockfile.differences(own)[0].startswith("1 of 1 outputs differ")


def test_a_lock_of_a_remote_that_keeps_versions_is_read(tmp_path):
    folder = tmp_path / "out"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "one.txt").write_text("1")
    (folder / "b.txt").write_text("2")
    files = [
        {"relpath": name, "md5": artifacts.md5(folder / name), "size": 1,
         "cloud": {"s3": {"etag": "x", "version_id": "y"}}}
        for name in ("b.txt", "b/one.txt")
    ]  # fmt: skip
    versioned = {"path": "a.txt", "hash": "md5", "md5": "1", "cloud": {"s3": {"etag": "z"}}}
    outs = [versioned, {"path": "out", "hash": "md5", "files": files}]
    found = lockfile.outputs({"stages": {"one": {"cmd": "x", "outs": outs}}})
    assert found == {"a.txt": "1", "out": artifacts.md5(folder)}
    outs = [{"path": "a", "cloud": {"s3": {"etag": etag}}} for etag in ("x", "y")]
    one, other = (lockfile.outputs({"stages": {"one": {"outs": [out]}}})["a"] for out in outs)
    assert one != other
