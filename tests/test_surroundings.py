"""What is around the pipeline: shells, and how a system counts memory."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from wordlab import progress

SHELLS = ("sh", "bash", "zsh", "csh", "tcsh", "fish", "ksh")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_stage_runs_by_any_shell(shell: str, repository: Path, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} here")
    python = YAML(typ="safe").load(repository / "dvc.yaml")["vars"][0]["python"]
    root = tmp_path / "a folder"
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/bin/python").write_text('#!/bin/sh\necho "$PYTHONPATH" "$@"\n')
    (root / ".venv/bin/python").chmod(0o755)
    done = subprocess.run(
        [program, "-c", f"{python} stages/train_lm.py --item gru"],
        env={**os.environ, "DVC_ROOT": str(root)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "src stages/train_lm.py --item gru\n"


def test_make_gives_dvc_a_shell_that_runs_commands(repository: Path) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "--eval", "shown: ; @printenv SHELL", "shown"],
        cwd=repository, env={**os.environ, "SHELL": "/bin/false"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "/bin/sh\n"


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_memory_is_counted_as_the_system_does(
    platform: str, unit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = resource.struct_rusage((0.0, 0.0, 3 * 2**20 // unit, *[0] * 13))
    monkeypatch.setattr(resource, "getrusage", lambda _: used)
    monkeypatch.setattr(sys, "platform", platform)
    assert progress.peak_mib() == 3
