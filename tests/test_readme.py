"""README and docs are true: results of the last run, stages, commands and files that exist."""

import json
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps
from ruamel.yaml import YAML

from small_pipeline import stages
from wordlab.errors import UserError
from wordlab.params.whole import Params, read
from wordlab.pipeline import publish
from wordlab.pipeline.declared import declaration
from wordlab.report import scored

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
DOCS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
STAGES = set(YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"])


def reachable(edges):
    """Return all pairs that are joined by edges, one after another."""
    found = set(edges)
    while more := {(a, d) for a, b in found for c, d in found if b == c} - found:
        found |= more
    return found


def results():
    """Return the tables of results in the README."""
    block = re.search(r"<!-- results[^>]*-->\n(.*?)\n<!-- /results -->", README, re.DOTALL)
    assert block is not None
    return block[1]


def under(title):
    """Return the rows of both tables of results that stand under a title in bold."""
    parts = [table.split("\n| **") for table in results().split("\n\n")]
    found = [part.splitlines()[1:] for table in parts for part in table if part.startswith(title)]
    assert len(found) == len(parts) == 2
    return [row for rows in found for row in rows]


def test_the_results_are_those_of_the_run_that_dvc_lock_has():
    """Its metrics are in DVC's cache, and here where they were made or pulled."""
    stages = YAML(typ="safe").load(REPOSITORY / "dvc.lock")["stages"]
    made = {out["path"]: out["md5"] for one in stages.values() for out in one["outs"]}
    named = dict(re.findall(r"^(reports/metrics/\S+) (\w{32})", README, re.MULTILINE))
    assert len(named) == 2
    for path, digest in named.items():
        assert made[path] == digest, (
            f"{path}: put in what `wordlab results --beside wikipedia` prints, and its md5"
        )
    here = [(REPOSITORY / path).exists() for path in named]
    if all(here):
        metrics = REPOSITORY / "reports" / "metrics"
        assert results() == publish.beside("wikipedia", metrics, REPOSITORY / "docs")


@pytest.mark.parametrize(
    ("title", "scores"),
    [("scale `wikipedia`", "docs/results/wikipedia/scores"), ("`params.yaml`", "reports/scores")],
)
def test_the_scores_with_intervals_are_those_of_committed_runs(title, scores):
    rows = under(title)
    shares = ("analogies", "top-1 accuracy", "top-5 accuracy")
    digits = {"perplexity": 1, "ratio to Kneser-Ney": 2, **dict.fromkeys(shares, 1)}
    for name in ("embeddings", "language_models"):
        found = pd.read_csv(REPOSITORY / f"{scores}/{name}.csv")
        for one in found[found["measure"] != "ratio to GRU"].itertuples():  # which it leaves out
            scale = 100 if one.measure in shares else 1
            ends = (
                re.sub(r"^(-?)0(?=\.\d{3}$)", r"\1", f"{scale * x:.{digits.get(one.measure, 3)}f}")
                for x in (one.score, one.low, one.high)
            )
            (row,) = (row for row in rows if re.match(rf"\| {one.model}(, \d+ seeds)? \|", row))
            assert "{} [{}, {}]".format(*ends) in row


def edges():
    """Return which stage reads what another makes, items of a `foreach` as one."""
    declared = {
        name: declaration(name, REPOSITORY / "dvc.yaml", REPOSITORY / "params.yaml")
        for name in stages()
    }
    return {
        (one.split("@")[0], other.split("@")[0])
        for one, made in declared.items()
        for other, read in declared.items()
        for out in made.outputs
        if any(out == path or out.is_relative_to(path) for path in read.inputs)
    }


def test_the_graph_is_that_of_the_pipeline():
    graph = re.search(r"```mermaid\nflowchart LR\n(.*?)```", README, re.DOTALL)
    assert graph is not None
    drawn = set()
    for line in graph[1].splitlines():
        groups = [group.split(" & ") for group in line.strip().split(" --> ")]
        for ones, others in zip(groups, groups[1:], strict=False):
            drawn |= {(one, other) for one in ones for other in others}
    assert reachable(drawn) == reachable(edges())


def test_each_side_of_make_repro_runs_its_stages_after_those_that_they_read():
    """`make` runs them one by one, as they are listed, between `build_vocab` and the report."""
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    sides = [
        re.search(rf"^{side} := (.*)$", makefile, re.MULTILINE)[1].split()
        for side in ("VECTORS", "NETWORKS")
    ]
    outside = {"watch_text", "download", "preprocess", "build_vocab", "report", "explore"}
    assert sorted(name for side in sides for name in side) == sorted(STAGES - outside)
    for side in sides:
        for one, other in edges():
            if other in side and one not in outside:
                assert side.index(one) < side.index(other), f"{other} reads what {one} makes"


def test_the_stages_it_names_and_the_default_target_exist():
    table = README.split("| stage | makes |")[1].split("## ")[0]
    named = {name.split("@")[0] for name in re.findall(r"`([a-z_0-9]+(?:@\w+)?)`", table)}
    assert named == STAGES
    target = re.search(r"^TARGET \?= (\S+)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert target is not None
    assert target[1] in STAGES


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_the_commands_and_files_it_names_exist(path):
    text = path.read_text(encoding="utf-8")
    files = (REPOSITORY / "src" / "wordlab" / "cli").glob("*.py")
    source = "\n".join(file.read_text(encoding="utf-8") for file in files)
    commands = set(re.findall(r"@app\.command\(.*\)\ndef (\w+)", source))
    typed = "".join(re.findall(r"^ *```\w*\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE))
    assert set(re.findall(r"^ *(?:dvc .*\$\()?wordlab (\w+)", typed, re.MULTILINE)) <= commands
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (path.parent / link).exists(), link
    for named in re.findall(r"\b((?:src|tests|stages|benchmarks|scales)/[\w/.]*\w)", text):
        assert (REPOSITORY / named).exists() or "NAME" in named, named
    for repro in re.findall(r"^(?:\w+=\S+ )?dvc repro ([^-\s#]\S*)", text, re.MULTILINE):
        assert repro.split("@")[0] in STAGES


def test_the_params_that_commands_set_are_valid(tmp_path):
    lines = "\n".join(path.read_text(encoding="utf-8").replace("\\\n", " ") for path in DOCS)
    commands = re.findall(r"^dvc exp run .*$", lines, re.MULTILINE)
    assert len(commands) > 20
    shipped = json.dumps(read(REPOSITORY / "params.yaml"))
    changed = tmp_path / "params.json"  # DVC takes a second to write YAML
    for command in commands:
        words = shlex.split(re.sub(r"\$\([^)]*\)", "", command), comments=True)
        given = [words[i + 1] for i, word in enumerate(words) if word == "-S"]
        for overrides in get_hydra_sweeps({"params.json": given}) if given else []:
            changed.write_text(shipped)
            apply_overrides(str(changed), overrides["params.json"])
            if "/path/to" not in command:
                Params.model_validate_json(changed.read_text())
        for scale in re.findall(r"\$\(wordlab scale (\w+)\)", command):
            assert (REPOSITORY / "scales" / f"{scale}.yaml").exists()


def test_metrics_without_scores_are_told_in_a_line(tmp_path):
    for name in ("embeddings", "language_models"):
        (tmp_path / f"{name}.json").write_text("{}")
    with pytest.raises(UserError, match=r"embeddings\.json: no scores in it; `make repro`"):
        scored.results(tmp_path)
