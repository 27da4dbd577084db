"""The committed dvc.lock is one that a fresh clone can make come true."""

import subprocess

from ruamel.yaml import YAML


def test_folders_that_a_stage_reads_held_nothing_but_what_stages_make(repository):
    """Or what Git has. The rest is in no remote, and a stage that read it would run again."""
    stages = YAML(typ="safe").load(repository / "dvc.lock")["stages"].values()
    made = {out["path"]: out.get("nfiles", 1) for stage in stages for out in stage.get("outs", [])}
    folders = {
        dep["path"]: dep["nfiles"]
        for stage in stages
        for dep in stage["deps"]
        if "nfiles" in dep and not dep["path"].startswith("src/")
    }
    kept = subprocess.check_output(["git", "ls-files", "data"], cwd=repository, text=True).split()
    assert folders
    for folder, files in folders.items():
        within = [count for path, count in made.items() if f"{path}/".startswith(f"{folder}/")]
        within += [1 for path in kept if path.startswith(f"{folder}/")]
        assert sum(within) == files, folder
