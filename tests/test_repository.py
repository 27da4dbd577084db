"""What a repository has around the code is true: workflow, recipes, citation, hooks."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOW = YAML(typ="safe").load(REPOSITORY / ".github/workflows/ci.yml")
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
SUPPORTED = {
    version
    for version in (f"3.{minor}" for minor in range(30))
    if SpecifierSet(PROJECT["requires-python"]).contains(f"{version}.0")
}


def commands(job: str) -> list[str]:
    """Return the shell commands of a job of the workflow."""
    return [step["run"] for step in WORKFLOW["jobs"][job]["steps"] if "run" in step]


def test_the_workflow_tests_every_python_that_is_supported() -> None:
    for job in WORKFLOW["jobs"].values():
        matrix = job["strategy"]["matrix"]
        assert matrix["os"] == ["ubuntu-latest"]
        assert set(matrix["python"]) == SUPPORTED
        (other,) = matrix["include"]
        assert other["os"] == "macos-latest"
        assert other["python"] in SUPPORTED
        given = [step.get("with", {}).get("python-version") for step in job["steps"]]
        assert set(given) - {None} == {"${{ matrix.python }}"}


def test_the_workflow_runs_the_commands_of_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for job, target in (("test", "test"), ("repro", "repro")):
        made = re.findall(r"^make (\w+)", "\n".join(commands(job)), re.MULTILINE)
        assert made == [target]
        assert target in TARGETS
        assert re.search(rf"^ *make {target}\b", readme, re.MULTILINE)


def test_the_workflow_may_only_read_and_names_versions_of_actions() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    for job in WORKFLOW["jobs"].values():
        assert "permissions" not in job
        for step in job["steps"]:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/none@v1"))


def test_torch_is_pinned_once_where_others_look_it_up() -> None:
    constraints = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8")
    assert len(re.findall(r"^torch==", constraints, re.MULTILINE)) == 1


def test_the_dev_container_has_a_supported_python_and_makes_what_exists() -> None:
    container = json.loads((REPOSITORY / ".devcontainer/devcontainer.json").read_text())
    assert container["image"].rpartition(":")[2] in SUPPORTED
    assert container["postCreateCommand"].endswith("make .venv/.ready")
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert "VENV := .venv\n" in makefile
    assert "READY := $(VENV)/.ready\n" in makefile
    (port,) = container["forwardPorts"]
    assert f"PORT ?= {port}\n" in makefile


def test_the_citation_is_that_of_this_version() -> None:
    citation = YAML(typ="safe").load(REPOSITORY / "CITATION.cff")
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["abstract"] == f"{PROJECT['description']}."


def test_hooks_need_no_network() -> None:
    for repository in YAML(typ="safe").load(REPOSITORY / ".pre-commit-config.yaml")["repos"]:
        assert repository["repo"] == "local"
        for hook in repository["hooks"]:
            assert hook["language"] == "system"
            assert hook["entry"].startswith(".venv/bin/ruff ")


def test_the_files_that_contributing_names_exist() -> None:
    text = re.sub(r"^```.*?^```$", "", CONTRIBUTING, flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    words = re.findall(r"(?<![\w./-])[\w.-]*/[\w./-]*\w|\b\w+\.(?:yaml|md|lock)\b", text)
    named = {word for word in [*links, *words] if "NAME" not in word}
    assert len(named) > 20
    assert [name for name in sorted(named) if not (REPOSITORY / name).exists()] == []


@pytest.mark.parametrize("line", re.findall(r"^\d+\. .*$", CONTRIBUTING, re.MULTILINE))
def test_what_a_recipe_names_is_in_its_file(line: str) -> None:
    """Each file that is followed by a colon has the names between it and the next such file."""
    parts = re.split(r"`([\w./-]+)`: ", line)[1:]
    for path, text in zip(parts[::2], parts[1::2], strict=True):
        source = (REPOSITORY / path).read_text(encoding="utf-8")
        for name in re.findall(r"`([A-Za-z_]\w*|word-vectors)`", text):
            assert name in source, f"{path} has no {name}"


def test_the_targets_that_contributing_names_exist() -> None:
    assert set(re.findall(r"^make (\w+)|`make (\w+)`", CONTRIBUTING, re.MULTILINE)) <= {
        pair for target in TARGETS for pair in ((target, ""), ("", target))
    }


def test_the_changelog_ends_at_what_is_not_released() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    sections, *days = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert sections == "[Unreleased]"
    assert days == sorted(days, reverse=True)
    assert PROJECT["version"] in text
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= kinds


def test_every_model_is_an_artifact_with_its_kind_and_description() -> None:
    pipeline = YAML(typ="safe").load(REPOSITORY / "dvc.yaml")
    made = {
        out.replace("${item}", item)
        for stage in pipeline["stages"].values()
        for item in (stage["foreach"] if isinstance(stage.get("foreach"), list) else [""])
        for out in stage.get("do", stage)["outs"]
        if out.startswith("data/models/")
    }
    assert {one["path"] for one in pipeline["artifacts"].values()} == made
    for one in pipeline["artifacts"].values():
        assert one["type"] == "model"
        assert one["desc"]
        assert one["labels"]


def test_make_clean_deletes_every_output_and_nothing_else(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    lock = YAML(typ="safe").load(REPOSITORY / "dvc.lock")["stages"].values()
    made = {out["path"] for one in lock for out in one["outs"]}
    others = {"mlflow.db", "params.yaml", "data/README.md", "data/text/mine.txt", "sets/own.tsv"}
    for name in made | others:
        path = tmp_path / name
        if path.suffix:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("made\n")
        else:
            path.mkdir(parents=True)
            (path / "part").write_text("made\n")
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert left == others | {"Makefile"}
