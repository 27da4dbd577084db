"""The README tells the truth: its results are those of the last run, its commands exist."""

import re
import shlex
import shutil

from dvc.utils.hydra import apply_overrides, get_hydra_sweeps
from ruamel.yaml import YAML

from wordlab.params.whole import load
from wordlab.report import printed


def test_the_results_are_those_of_the_committed_run(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- results.*?-->\n(.*?)\n<!-- /results -->", text, re.DOTALL)
    assert block is not None
    assert block[1] == printed.results(repository / "reports" / "metrics")


def test_the_stages_it_names_and_the_default_target_exist(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    stages = set(YAML(typ="safe").load(repository / "dvc.yaml")["stages"])
    table = text.split("## The pipeline")[1].split("```")[0]
    named = {name.split("@")[0] for name in re.findall(r"`([a-z_0-9]+(?:@\w+)?)`", table)}
    assert stages <= named
    target = re.search(r"^TARGET \?= (\S+)$", (repository / "Makefile").read_text(), re.MULTILINE)
    assert target is not None
    assert target[1] in stages


def test_the_commands_of_wordlab_exist(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    source = (repository / "src" / "wordlab" / "cli.py").read_text(encoding="utf-8")
    commands = set(re.findall(r"@app\.command\(\)\ndef (\w+)", source))
    assert set(re.findall(r"^wordlab (\w+)", text, re.MULTILINE)) <= commands


def test_the_params_that_its_commands_set_are_valid(repository, tmp_path):
    text = (repository / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r"^dvc exp run .*$", text, re.MULTILINE)
    assert len(commands) > 10
    for command in commands:
        words = shlex.split(command.split(" $(")[0], comments=True)
        given = [words[i + 1] for i, word in enumerate(words) if word == "-S"]
        for overrides in get_hydra_sweeps({"params.yaml": given}) if given else []:
            changed = tmp_path / "params.yaml"
            shutil.copy(repository / "params.yaml", changed)
            apply_overrides(str(changed), overrides["params.yaml"])
            if "/path/to" not in command:
                load(changed)
