"""What DVC's experiments changed and scored, as `make sweep` shows it."""

import shutil
import subprocess

import pytest
from dvc_render.html import HTML
from ruamel.yaml import YAML

from wordlab.errors import UserError
from wordlab.pipeline import experiments


def data(iterations, glove, lstm=None):
    """Return what DVC says of one experiment."""
    read = {
        "reports/headline/embeddings.json": {"data": {"GloVe": glove, "PPMI": {"WordSim-353": 0.4}}}
    }
    if lstm:
        read["reports/headline/language_models.json"] = {"data": {"LSTM": lstm}}
    params = {"seed": 1, "glove": {"iterations": iterations}, "sweep_glove": {"iterations": 9}}
    return {"params": {"params.yaml": {"data": params}}, "metrics": read}


def ended(name, found, state="success"):
    return {"name": name, "revs": [{"data": found}], "executor": {"state": state}}


def score(wordsim353, simlex999=0.1):
    return {"WordSim-353": wordsim353, "SimLex-999": simlex999}


def said(*found, committed=None):
    """Return what is shown of experiments on a commit."""
    rows = [{"rev": "workspace"}, {"rev": "f00", "data": committed, "experiments": found}]
    return experiments.shown(rows)


def test_the_varied_params_and_the_scores_that_moved_are_shown_the_best_first():
    shown = said(
        ended("low-one", data(2, score(0.2))),
        ended("high-one", data(30, score(0.35, None))),
        ended("waits", data(4, score(0.9)), "queued"),
        committed=data(15, score(0.27)),
    )
    glove, applied = shown.split("\n\n")
    lines = glove.splitlines()
    assert lines[0] == "GloVe"  # PPMI did not move
    assert lines[1].split() == ["iterations", "WordSim-353", "SimLex-999"]
    assert [line.split() for line in lines[2:]] == [
        ["high-one", "30", "0.35", "–"], ["(committed)", "15", "0.27", "0.1"],
        ["low-one", "2", "0.2", "0.1"],
    ]  # fmt: skip
    assert max(map(len, shown.splitlines())) <= 80
    assert applied.startswith("make apply NAME=")


def test_the_lowest_perplexity_is_the_best():
    low, high = ({"perplexity": p, "top-1 accuracy": 0.2} for p in (90.0, 120.0))
    shown = said(ended("worse", data(1, score(0.2), high)), committed=data(1, score(0.2), low))
    lines = shown.splitlines()
    assert lines[0] == "LSTM"
    assert [line.split()[0] for line in lines[2:4]] == ["(committed)", "worse"]


def test_params_that_end_alike_are_told_apart():
    assert experiments._short("glove.rate", ["glove.rate", "word2vec.cbow.rate"]) == "glove.rate"
    assert experiments._short("glove.rate", ["glove.rate", "glove.window"]) == "rate"


def test_a_model_without_a_param_of_its_own_has_the_shared_one():
    plain, own = data(1, score(0.2)), data(1, score(0.3))
    for found, model in ((plain, {}), (own, {"window": 15})):
        found["params"]["params.yaml"]["data"]["word2vec"] = {
            "shared": {"window": 10}, "skipgram": model
        }  # fmt: skip
    table = said(ended("wide", own), committed=plain).split("\n\n")[0]
    rows = [line.split()[:2] for line in table.splitlines()[1:]]
    assert rows == [["window", "WordSim-353"], ["wide", "15"], ["(committed)", "10"]]


def test_no_experiment_is_a_mistake():
    with pytest.raises(UserError, match="no experiment on this commit has ended; `make sweep`"):
        said(ended("waits", None, "running"), committed=data(1, score(0.2)))


def test_the_page_of_plots_loads_nothing_and_every_plot_has_a_title_and_axes(repository):
    plots = YAML(typ="safe").load(repository / "dvc.yaml")
    config = (repository / ".dvc" / "config").read_text()
    assert "html_template = plots.html" in config
    page = HTML((repository / ".dvc" / "plots.html").read_text())
    written = page.with_scripts('<script src="https://made.up"></script>').with_element("<img>")
    written = written.embed()
    assert "https://" not in written
    assert written.index("window.vegaEmbed") < written.index("<img>")
    drawn = [plot for plot in plots["plots"] if plot != "reports/figures"]
    stages = [stage for stage in plots["stages"].values() if "plots" in stage]
    drawn += [plot for stage in stages for plot in stage["plots"]]
    assert len(drawn) >= 6
    for plot in drawn:
        (options,) = plot.values()
        assert options.keys() >= {"template", "title", "x", "y", "x_label", "y_label"}


def test_an_environment_that_was_made_elsewhere_is_made_anew(repository, tmp_path):
    """The commands in it would run the code of the folder it was made in."""
    first = tmp_path / "first"
    commands = first / ".venv" / "bin"
    commands.mkdir(parents=True)
    (commands / "dvc").write_text(f"#!{commands}/python\n")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(repository / name, first)
    (first / ".venv" / ".ready").touch()

    def would(folder):
        command = ["make", "--dry-run", "ui"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout

    assert "venv --clear" not in would(first)
    assert "venv --clear" in would(first.rename(tmp_path / "second"))


def test_networks_that_start_from_word_vectors_wait_for_them(repository, tmp_path):
    shutil.copy(repository / "Makefile", tmp_path)
    params = (repository / "params.yaml").read_text()

    def would(changed):
        (tmp_path / "params.yaml").write_text(changed)
        command = ["make", "--dry-run", "networks"]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    for name in (".venv/bin", "pyproject.toml", "constraints.txt", ".venv/.ready"):
        (tmp_path / name).mkdir(parents=True)
    assert "train_word2vec" not in would(params)
    own = would(params.replace("words: processed/vocabulary.tsv", "words: models/skipgram"))
    assert 0 < own.index("train_word2vec") < own.index("train_lm")
