"""The README tells the truth: its results are those of the last run, its commands exist."""

import re

from ruamel.yaml import YAML

from wordlab import results


def test_the_results_are_those_of_the_committed_run(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- results.*?-->\n(.*?)\n<!-- /results -->", text, re.DOTALL)
    assert block is not None
    assert block[1] == results.tables(repository / "reports" / "metrics")


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
