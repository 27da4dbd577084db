"""A small pass of every stage gives the files listed in net.json, byte for byte.

Sentences, figures and pages are left out: wording may change, numbers may not. The list holds
for the packages of constraints.txt and the processor it names, since others round differently;
on any other processor the paths are compared and the rest is skipped, unless the list is
rewritten there from a commit that is known to be right.

`PYTHONPATH=src python tests/test_net.py --write` rewrites the list. A file that only moved then
shows in `git diff` as the same md5 under another path.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from llvmlite import binding

from small_pipeline import REPOSITORY, run_pipeline, shortest_articles, stages
from wordlab.artifacts import md5, read_json, write_json

LISTED = Path(__file__).with_name("net.json")
ARTICLES = 32
"""Enough that every evaluation set has items to score."""
WITHOUT_NUMBERS = {"explore", "report"}
"""Stages that write sentences, figures and pages only."""


def run_pass(folder):
    """Run every stage that writes numbers on a part of the built-in text, below `folder`."""
    os.chdir(folder)  # where corpus.path is looked up
    names = set(stages())
    run_pipeline(folder, shortest_articles(ARTICLES), only=names - WITHOUT_NUMBERS)


def digest(path):
    """Return the md5 of the file `path`; of metrics, what it is without their sentences."""
    value = read_json(path) if path.suffix == ".json" else None
    if isinstance(value, dict) and isinstance(value.get("sentences"), list):
        del value["sentences"]
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        return hashlib.md5(text.encode()).hexdigest()
    return md5(path)


def outputs(folder):
    """Return the digest of every output below `folder`, by path."""
    inputs = ("params.yaml", "text.txt")
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {
        name: digest(path)
        for name, path in names.items()
        if name not in inputs and path.suffix != ".html"
    }


def new_pass(folder):
    """Return the outputs of a pass below `folder`, run in a process of its own."""
    environment = os.environ | dict.fromkeys(("WORDLAB_THREADS", "OMP_NUM_THREADS"), "1")
    environment["PYTHONPATH"] = f"{REPOSITORY / 'src'}:{Path(__file__).parent}"
    code = "import pathlib, test_net; test_net.run_pass(pathlib.Path.cwd())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return outputs(folder)


def differences(listed, made):
    """Return one line per path that is not the same in both."""
    lines = []
    for path in sorted(listed.keys() | made.keys()):
        if path not in made:
            moved = sorted(new for new in made.keys() - listed if made[new] == listed[path])
            lines.append(f"{path}: moved to {moved[0]}" if moved else f"{path}: no longer written")
        elif path not in listed:
            lines.append(f"{path}: not listed")
        elif listed[path] != made[path]:
            lines.append(f"{path}: changed")
    return lines


def test_every_stage_writes_the_listed_numbers(tmp_path):
    listed = read_json(LISTED)
    files, made = listed["files"], new_pass(tmp_path)
    other = listed["processor"] != binding.get_host_cpu_name()
    if other:
        files = {path: made.get(path, value) for path, value in files.items()}
    found = differences(files, made)
    assert not found, "\n".join(["not as in net.json:", *found])
    if other:
        pytest.skip(f"the paths are as listed; the numbers are those of {listed['processor']}")


def test_a_digest_sees_every_number_and_no_sentence(tmp_path):
    metrics, table = tmp_path / "metrics.json", tmp_path / "table.csv"

    def metrics_digest(value):
        metrics.write_text(json.dumps(value, indent=2) + "\n")
        return digest(metrics)

    bare = metrics_digest({"loss": 4.25, "train": {"sentences": 3}})
    worded = {"loss": 4.25, "train": {"sentences": 3}, "sentences": ["It learns."]}
    assert metrics_digest(worded) == bare
    assert metrics_digest({**worded, "loss": 4.26}) != bare
    assert metrics_digest({**worded, "train": {"sentences": 4}}) != bare
    table.write_text("epoch,loss\n1,4.25\n")
    before = outputs(tmp_path)
    table.write_text("epoch,loss\n1,4.26\n")
    assert differences(before, outputs(tmp_path)) == ["table.csv: changed"]
    table.rename(tmp_path / "curve.csv")
    found = differences(before, {**outputs(tmp_path), "curve.csv": before["table.csv"]})
    assert found == ["curve.csv: not listed", "table.csv: moved to curve.csv"]


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: python tests/test_net.py --write")
    with tempfile.TemporaryDirectory() as folder:
        files = new_pass(Path(folder))
    write_json(LISTED, {"processor": binding.get_host_cpu_name(), "files": files})
