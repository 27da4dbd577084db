"""The whole pipeline on a small text, in clones: the same bytes, and queued experiments."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

import mlflow
import pytest
from ruamel.yaml import YAML

from s3_server import BUCKET, make_bucket, s3_server
from small_pipeline import copy_repository
from wordlab.params.embeddings import CooccurrenceParams

ARTICLES = 12


class Checkout:
    """A checkout of a repository, and the environment its commands run in."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.environment = environment

    def start(self, *command, **environment):
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command, **environment):
        """Wait for the command, not for the end of its output: DVC's idle workers may hold that."""
        with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self.environment | environment,
                stdout=out,
                stderr=err,
                check=False,
            )
            for stream in (out, err):
                stream.seek(0)
            return subprocess.CompletedProcess(command, done.returncode, out.read(), err.read())

    def git(self, *arguments):
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commit(self, message):
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)

    def dvc(self, *arguments, **environment):
        done = self.run("dvc", *arguments, **environment)
        assert done.returncode == 0, f"dvc {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def environment_below(home):
    """Return an environment whose home and Git's files are below `home`.

    Kernels that are compiled are shared with this process.
    """
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "NUMBA_CACHE_DIR": os.environ["NUMBA_CACHE_DIR"],
        **{
            f"GIT_{role}_{part}": "tester"
            for role in ("AUTHOR", "COMMITTER")
            for part in ("NAME", "EMAIL")
        },
    }


class Clone(Checkout):
    """A copy of what git has of this repository, with its params made small."""

    def __init__(self, folder):
        super().__init__(folder, environment_below(folder.parent))
        copy_repository(folder, articles=ARTICLES)
        self.git("init", "-q", "-b", "main")
        self.commit("the clone")

    def lock(self):
        return (self.folder / "dvc.lock").read_bytes()

    def runs(self):
        client = mlflow.MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("wordlab")
        return client.search_runs([experiment.experiment_id], max_results=5000)


def new_clone(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp(name) / "wordlab"
    return Clone(folder)


@pytest.fixture(scope="module")
def clones(tmp_path_factory):
    """Two clones: a pass by `dvc repro` with one thread, and beside it one by `make` with two."""
    both = [new_clone(tmp_path_factory, name) for name in ("one", "two")]
    ready = both[1].folder / ".venv" / ".ready"
    ready.parent.mkdir()
    ready.touch()
    passes = [
        clone.start(*command, "repro", WORDLAB_THREADS=threads, OMP_NUM_THREADS=threads)
        for clone, command, threads in zip(both, (["dvc"], ["make"]), ("1", "2"), strict=True)
    ]
    for process in passes:
        out, err = process.communicate()
        assert process.returncode == 0, f"{out}\n{err}"
    both[0].commit("its lock")
    return both


@pytest.fixture(scope="module")
def clone(clones):
    """A clone whose pipeline has run once, with one thread, and whose lock is committed."""
    return clones[0]


def test_a_second_pass_finds_nothing_to_do(clone):
    assert "up to date" in clone.dvc("repro")
    assert clone.git("status", "--porcelain") == ""


ANALYSES = {f"analyse_sweep@{item}" for item in ("word2vec", "glove", "ppmi", "recurrent")}


@pytest.mark.parametrize(
    ("part", "stages"),
    [
        ("report/findings", {"report"}),
        ("report/figures", {"report"}),
        ("names.py", {"evaluate_embeddings", "evaluate_lm", "explore", "report"}),
        ("explorer", {"explore"}),
        ("analysis", ANALYSES),
    ],
)
def test_other_words_figures_and_analyses_run_no_training_again(clone, part, stages):
    path = clone.folder / "src" / "wordlab" / part
    path = path if path.is_file() else min(path.glob("*.py"))
    before = path.read_text()
    path.write_text(f"{before}\n# an edit\n")
    try:
        assert json.loads(clone.dvc("status", "--json")).keys() == stages
    finally:
        path.write_text(before)


@pytest.mark.parametrize("number", [0, 1])
def test_every_stage_made_a_run_under_the_run_of_the_pass(clones, number):
    clone = clones[number]
    runs = clone.runs()
    stages = set(YAML(typ="safe").load(clone.lock())["stages"])
    parents = [run for run in runs if "wordlab.pass" in run.data.tags]
    own = {
        run.data.tags["wordlab.stage"]: run
        for run in runs
        if run.data.tags.get("mlflow.parentRunId") == parents[-1].info.run_id
    }
    assert len(parents) == 1
    assert set(own) == stages
    assert {run.info.status for run in runs} == {"FINISHED"}
    without = {name for name, run in own.items() if not run.data.params}
    assert without <= {"report"}  # it shows all of params.yaml, which the run of the pass has
    assert any("trial" in run.data.tags["wordlab.stage"] for run in runs if run not in parents)


def test_trials_of_sweeps_have_the_names_of_trainings_in_full(clone):
    runs = [run for run in clone.runs() if "model" in run.data.params]
    named = {run.info.run_name: run.data for run in runs}
    seeds = {run.data.tags["wordlab.stage"]: run.data for run in runs if "seed" in run.data.params}
    for sweep, stage, measured in (
        ("sweep_recurrent", "train_lm@gru", {"valid_loss", "valid_perplexity", "clip_rate"}),
        ("sweep_word2vec", "train_word2vec@skipgram", set()),
        ("sweep_glove", "train_glove", set()),
        ("sweep_ppmi", "train_ppmi", set()),
    ):
        trial, full = seeds[f"{sweep} trial"], seeds[stage]
        of_counts = set(CooccurrenceParams.model_fields)  # which GloVe's own training only reads
        assert set(trial.params) - {"fold", *of_counts} <= set(full.params)
        assert measured <= set(trial.metrics) & set(full.metrics)
    assert "window" in named["skip-gram"].params
    assert "hidden_size" in named["LSTM"].params


def test_the_pages_stand_on_their_own(clone):
    pages = [
        (clone.folder / "reports" / f"{name}.html").read_text(encoding="utf-8")
        for name in ("report", "explore")
    ]
    assert "data:image/png;base64," in pages[0] and 'id="data">{' in pages[1]
    for outside in ('src="http', "src='http", 'rel="stylesheet"', str(clone.folder)):
        assert not any(outside in page for page in pages)


def test_one_stage_at_a_time_or_two_every_byte_is_the_same(clones):
    lock, other = (YAML(typ="safe").load(clone.lock()) for clone in clones)
    assert lock == other  # a lock that is new lists stages in the order in which they ended


def test_forced_again_the_lock_stays_byte_for_byte(clone):
    before = clone.lock()
    stages = ("train_word2vec@skipgram", "train_lm@gru", "sweep_word2vec", "report")
    clone.dvc("repro", "--force", "--single-item", *stages, WORDLAB_THREADS="2")
    assert clone.lock() == before
    assert clone.git("status", "--porcelain") == ""


def test_earlier_params_come_back_without_a_training(clone):
    path, before = clone.folder / "params.yaml", clone.lock()
    shipped = path.read_text()
    changed = shipped.replace("skipgram: {rate: 0.0", "skipgram: {rate: 0.01")
    assert changed != shipped
    target = "train_word2vec@skipgram"
    path.write_text(changed)
    try:
        assert f"Running stage '{target}'" in clone.dvc("repro", target)
    finally:
        path.write_text(shipped)
    printed = clone.dvc("repro")
    assert f"Stage '{target}' is cached" in printed
    assert "Running stage" not in printed
    assert clone.lock() == before
    assert clone.git("status", "--porcelain") == ""


def test_a_text_that_is_watched_is_read_again_when_it_changes(clone, tmp_path):
    path, text = clone.folder / "params.yaml", tmp_path / "own.txt"
    shipped = path.read_text()
    text.write_text((clone.folder / "text.txt").read_text())
    path.write_text(shipped.replace("watch: {}", f"watch: {{text: {text}}}"))
    try:
        clone.dvc("repro", "download")
        text.touch()
        assert "up to date" in clone.dvc("status", "download")
        text.write_text("Another text.\n")
        assert json.loads(clone.dvc("status", "--json", "watch_text@text"))
        assert "Running stage 'download'" in clone.dvc("repro", "download")
        assert "up to date" in clone.dvc("repro", "download")
    finally:
        path.write_text(shipped)
        clone.dvc("repro", "download")
        clone.git("checkout", "--quiet", "dvc.lock")
        (clone.folder / "data/text/text.json").unlink()
    assert "up to date" in clone.dvc("repro")


def test_another_set_in_the_lock_reruns_no_stage_that_does_not_use_it(clone):
    lock = clone.folder / "sets.lock"
    before = lock.read_text()
    lock.write_text(f"{before}sha256:{'0' * 64} http://127.0.0.1/a_set_of_nobody.txt\n")
    try:
        assert "Running stage 'fetch_sets'" in clone.dvc("repro", "fetch_sets")
        assert "up to date" in clone.dvc("repro")
    finally:
        lock.write_text(before)
        clone.git("checkout", "--quiet", "dvc.lock")
    assert "up to date" in clone.dvc("repro")


def test_a_fresh_clone_pulls_every_artifact_and_has_nothing_to_run(clone, tmp_path):
    with s3_server(tmp_path) as (endpoint, keys):
        make_bucket(endpoint, keys)
        remotes = {
            "folder": str(tmp_path / "remote"),
            "s3": f"s3://{BUCKET}/{tmp_path.parent.name}",
        }
        for name, url in remotes.items():
            fresh = Checkout(tmp_path / f"from_{name}", clone.environment)
            clone.git("clone", "--quiet", ".", str(fresh.folder))
            for one in (clone, fresh):
                one.dvc("remote", "add", "--local", name, url)
                if name == "s3":
                    one.dvc("remote", "modify", "--local", name, "endpointurl", endpoint)
            clone.dvc("push", "--remote", name, **keys)
            fresh.dvc("pull", "--remote", name, **keys)
            assert "up to date" in fresh.dvc("status")
            assert "Running stage" not in fresh.dvc("repro")
            assert fresh.git("status", "--porcelain") == ""
            for made in ("data/models/skipgram/vectors.npy", "reports/report.html"):
                assert (fresh.folder / made).read_bytes() == (clone.folder / made).read_bytes()


def test_queued_experiments_land_in_the_one_store_with_their_results(clone):
    target = "train_word2vec@skipgram"
    clone.dvc("exp", "run", "--queue", "-S", "word2vec.skipgram.rate=0.02,0.03", target)
    clone.dvc("exp", "run", "--run-all", "--jobs", "2")
    names = clone.dvc("exp", "list", "--name-only").split()
    assert len(names) == 2
    rates = {}
    runs = clone.runs()
    for name in names:
        own = [run for run in runs if run.data.tags["dvc.experiment"] == name]
        (stage,) = [run for run in own if run.data.tags.get("wordlab.stage") == target]
        rates[name] = stage.data.params["word2vec.skipgram.rate"]
        assert stage.data.metrics["loss"] > 0
        assert stage.data.params["rate"] == rates[name]
    assert sorted(rates.values()) == ["0.02", "0.03"]
    table = json.loads(clone.dvc("exp", "show", "--json"))
    assert table
    assert clone.git("status", "--porcelain") == ""


def test_the_notebook_runs_on_a_pass_and_its_experiments(clone):
    """Its words are those of the small text; it ends with the runs of MLflow, printed here."""
    vocabulary = (clone.folder / "data/processed/vocabulary.tsv").read_text().splitlines()
    common = tuple(line.split("\t")[0] for line in vocabulary[:4])
    script = (clone.folder / "docs/notebook.py").read_text()
    for name, value in (("WORDS", common), ("QUESTION", common[:3])):
        script, changed = re.subn(f"^{name} = .*$", f"{name} = {value!r}", script, flags=re.M)
        assert changed == 1
    *_, runs = script.rstrip().splitlines()
    script = script.replace(runs, f"print({runs}.to_csv())\nprint(len(experiments))")
    done = clone.run(sys.executable, "-c", script, PYTHONPATH="src")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert int(lines[-1]) == 2 + len(clone.dvc("exp", "list", "--name-only").split())
    head = next(number for number, line in enumerate(lines) if "experiment,rate" in line)
    rates = [line.split(",")[2] for line in lines[head + 1 : -1] if line]
    assert rates == sorted(rates) and {"0.02", "0.025", "0.03"} <= set(rates)


def test_a_mistake_ends_the_pass_with_one_line_and_loses_nothing(clone):
    path = clone.folder / "params.yaml"
    before = path.read_text()
    made = {
        name: (clone.folder / "data" / name).read_bytes()
        for name in ("processed/vocabulary.tsv", "models/skipgram/vectors.npy")
    }
    path.write_text(before.replace("min_count: 2", "min_count: 100000", 1))
    try:
        done = clone.run("dvc", "repro")
    finally:
        path.write_text(before)
    assert done.returncode != 0
    printed = done.stdout + done.stderr
    assert "build_vocab: vocabulary.min_count: no word of the training split occurs" in printed
    assert "Traceback" not in printed
    clone.dvc("checkout")
    assert made == {name: (clone.folder / "data" / name).read_bytes() for name in made}
    assert "up to date" in clone.dvc("repro")
