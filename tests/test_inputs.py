"""A stage starts from what the stages before it made, and from nothing else."""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from wordlab.artifacts import md5
from wordlab.errors import UserError
from wordlab.pipeline import inputs

STAGES = """
stages:
  one:
    cmd: {python} one.py
    deps: [text]
    params: [seed]
    outs: [data/one]
  two:
    cmd: {python} two.py
    deps: [data/one]
    outs: [reports/two.json: {{cache: false}}]
  three:
    cmd: {python} three.py
    deps: [data/one, reports]
    outs: [data/three]
"""
SCRIPT = """
from wordlab.pipeline import stage

def main(run):
    run.output("{name}").write_text(run.input("{source}").read_text())

stage.run(main)
"""
ONE, REPORTS, TWO = Path("data/one"), Path("reports"), Path("reports/two.json")


@pytest.fixture
def checkout(tmp_path, repository, monkeypatch):
    """A folder with what two stages made, and their lock."""
    shutil.copy(repository / "params.yaml", tmp_path)
    (tmp_path / "dvc.yaml").write_text(STAGES.format(python=sys.executable))
    monkeypatch.chdir(tmp_path)
    for path in (ONE, TWO):
        path.parent.mkdir()
        path.write_text(f"made as {path}")
    lock(one=ONE, two=TWO, gone=REPORTS)
    monkeypatch.setattr(inputs, "PATIENCE", 0.2)
    return tmp_path


def lock(**made):
    """Write dvc.lock, where each stage made a file as it is now."""
    stages = {
        stage: {"outs": [{"path": str(path), "hash": "md5", "md5": md5(path)}]}
        for stage, path in made.items()
    }
    with Path("dvc.lock").open("w") as file:
        YAML().dump({"schema": "2.0", "stages": stages}, file)


def test_what_the_lock_names_is_taken(checkout):
    assert inputs.digests([ONE, REPORTS]) == {"data/one": md5(ONE), "reports": md5(REPORTS)}


@pytest.mark.parametrize(("path", "stage"), [(ONE, "one"), (TWO, "two")])
def test_another_file_is_refused_with_what_brings_it_back(checkout, path, stage):
    path.write_text("damaged")
    with pytest.raises(UserError) as refused:
        inputs.digests([ONE, REPORTS])
    assert str(refused.value) == (
        f"{path}: not what {stage} made; `dvc checkout --force {path}` brings that back, "
        f"`dvc repro {stage}` makes it again"
    )


def test_a_file_of_an_input_that_is_gone_is_refused(checkout):
    TWO.unlink()
    with pytest.raises(UserError, match=r"^reports/two\.json: not what two made"):
        inputs.digests([REPORTS])


def test_what_a_person_had_a_stage_make_is_taken(checkout):
    ONE.write_text("made by hand")
    inputs.note("one", {str(ONE): md5(ONE)})
    assert inputs.digests([ONE]) == {"data/one": md5(ONE)}
    ONE.write_text("damaged since")
    with pytest.raises(UserError, match="not what one made"):
        inputs.digests([ONE])


@pytest.mark.parametrize("content", [None, "schema: '2.0'\n"])
def test_without_a_stage_in_the_lock_inputs_are_taken_as_they_are(checkout, content):
    ONE.write_text("another")
    Path("dvc.lock").unlink() if content is None else Path("dvc.lock").write_text(content)
    assert inputs.digests([ONE]) == {"data/one": md5(ONE)}


@pytest.mark.parametrize(
    "content", [b"", b"\xff\0", b"{", b"schema: '2.0'\nstages:\n  one:\n    outs:\n    - p"]
)
def test_a_lock_that_stays_damaged_is_one_line(checkout, content):
    Path("dvc.lock").write_bytes(content)
    with pytest.raises(UserError, match=r"^dvc\.lock: empty or damaged; `git checkout dvc\.lock`"):
        inputs.digests([ONE])


def test_a_lock_that_is_being_written_is_waited_for(checkout, monkeypatch):
    monkeypatch.setattr(inputs, "PATIENCE", 30.0)
    ONE.write_text("another")

    def finish():
        time.sleep(0.3)
        lock(one=ONE)

    other = threading.Thread(target=finish)
    other.start()
    assert inputs.digests([ONE]) == {"data/one": md5(ONE)}
    other.join()


def test_dvc_runs_no_stage_on_a_damaged_input(checkout, repository):
    for name, source in (("one", "text"), ("two", "one"), ("three", "one")):
        Path(f"{name}.py").write_text(SCRIPT.format(name=name, source=source))
    Path("text").write_text("a text")
    Path("dvc.lock").unlink()
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(checkout),
        "PYTHONPATH": str(repository / "src"),
    }

    def run(*command):
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert run("dvc", "init", "-q", "--no-scm").returncode == 0
    assert (done := run("dvc", "repro", "two")).returncode == 0, done.stderr
    ONE.write_text("damaged")
    done = run("dvc", "repro", "--single-item", "three")
    assert done.returncode != 0
    assert "three: data/one: not what one made; " in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("data/three").exists()
