"""The harness of the stages: outputs whole or untouched, runs tracked, mistakes in one line."""

import errno
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import mlflow
import psutil
import pytest
from safetensors import SafetensorError

from wordlab.errors import UserError
from wordlab.params.whole import load
from wordlab.pipeline import stage, tracking
from wordlab.pipeline.declared import declaration
from wordlab.pipeline.stage import checkpoint_of

SCRIPT = """
import sys, time
from wordlab.pipeline import stage
from wordlab.errors import UserError

def main(run):
    run.metrics({"score": {"value": 0.123456, "n": 3}})
    run.on_step(1, {"loss": 2.0, "unscored": float("nan")})
    run.on_step(2, {"loss": 1.0})
    run.on_trial("window 3", {"window": 3}, {"score": 0.5, "unscored": float("inf")})
    run.output("models").mkdir()
    (run.output("models") / "new.txt").write_text(run.input("text").read_text())
    behaviour = run.input("text").read_text()
    if behaviour == "mistake":
        raise UserError("corpus.path: wrong; expected right")
    if behaviour == "fault":
        raise RuntimeError("a fault of the program")
    if behaviour == "full":
        (run.output("models") / "large").write_bytes(bytes(8 << 20))
    if behaviour == "memory":
        raise MemoryError("Unable to allocate 256 GiB")
    if behaviour == "wait":
        run.recorder.stored()
        print("waiting", flush=True)
        time.sleep(60)

stage.run(main)
"""


class Workspace:
    """A folder with one stage in it."""

    def __init__(self, folder, repository):
        self.folder = folder
        self.environment = {
            **{key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ},
            "PYTHONPATH": str(repository / "src"),
            "DVC_ROOT": str(folder),
        }

    @classmethod
    def made(cls, folder, repository):
        """Return a new one."""
        shutil.copy(repository / "params.yaml", folder)
        (folder / "train.py").write_text(textwrap.dedent(SCRIPT))
        (folder / "dvc.yaml").write_text(
            "stages:\n  train:\n    foreach: [a, b, c]\n    do:\n      cmd: ''\n"
            "      deps: [text]\n      params: [seed, vocabulary.min_count]\n"
            "      outs: ['models/${item}', 'metrics/${item}.json']\n"
        )
        (folder / "models" / "a").mkdir(parents=True)
        (folder / "models" / "a" / "old.txt").write_text("earlier")
        return cls(folder, repository)

    def command(self, text, item="a"):
        (self.folder / "text").write_text(text)
        return [sys.executable, "train.py", "--item", item]

    def run(self, text, **environment):
        return subprocess.run(
            self.command(text),
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def runs(self):
        client = mlflow.MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("wordlab")
        runs = client.search_runs([experiment.experiment_id], order_by=["start_time ASC"])
        return client, {run.info.run_name: run for run in runs}

    def status(self, name):
        """Return the status of a run, as that of one under way where there is none yet."""
        if not (self.folder / "mlflow.db").exists():
            return "RUNNING"
        client = mlflow.MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")
        if client.get_experiment_by_name("wordlab") is None:
            return "RUNNING"
        runs = self.runs()[1]
        return runs[name].info.status if name in runs else "RUNNING"

    def model(self):
        return {path.name: path.read_text() for path in (self.folder / "models" / "a").iterdir()}


@pytest.fixture
def workspace(tmp_path, repository):
    return Workspace.made(tmp_path, repository)


def test_a_stage_that_succeeds_replaces_its_outputs_and_is_tracked(workspace):
    done = workspace.run("fine", DVC_EXP_NAME="trial-run")
    assert done.returncode == 0, done.stderr
    assert workspace.model() == {"new.txt": "fine"}
    metrics = json.loads((workspace.folder / "metrics" / "a.json").read_text())
    assert metrics == {"score": {"value": 0.12346, "n": 3}}

    client, runs = workspace.runs()
    stage, parent, trial = runs["train@a"], runs["trial-run"], runs["window 3"]
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert stage.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert trial.data.tags["mlflow.parentRunId"] == stage.info.run_id
    assert stage.data.params == {"seed": "1", "vocabulary.min_count": "5"}
    assert parent.data.params["vocabulary.min_count"] == "5"
    assert trial.data.params == {"window": "3"}
    assert stage.data.metrics["score.value"] == 0.12346
    steps = client.get_metric_history(stage.info.run_id, "loss")
    assert [(m.step, m.value) for m in steps] == [(1, 2.0), (2, 1.0)]
    assert "unscored" not in stage.data.metrics  # MLflow gets finite numbers only
    assert trial.data.metrics == {"score": 0.5}
    tags = stage.data.tags
    assert tags["wordlab.stage"] == "train@a"
    assert tags["dvc.experiment"] == "trial-run"
    assert tags["dvc.dependency.text"] == hashlib.md5(b"fine").hexdigest()
    assert tags["dvc.output.models/a"].endswith(".dir")
    assert stage.inputs.dataset_inputs[0].dataset.digest == tags["dvc.dependency.text"]


def test_the_stage_that_makes_the_text_logs_no_plan_by_the_one_before(workspace):
    counted = workspace.folder / "reports/metrics/preprocess.json"
    counted.parent.mkdir(parents=True)
    counted.write_text('{"train": {"tokens": 300}}')
    shutil.copy(workspace.folder / "train.py", workspace.folder / "preprocess.py")
    (workspace.folder / "train.py").rename(workspace.folder / "download.py")
    with (workspace.folder / "dvc.yaml").open("a") as pipeline:
        for name in ("download", "preprocess"):
            outs = f"[{name}/models, {name}/metrics.json]"
            pipeline.write(f"  {name}:\n    cmd: ''\n    deps: [text]\n    outs: {outs}\n")
    (workspace.folder / "text").write_text("fine")
    planned = {}
    for name in ("download", "preprocess"):
        subprocess.run([sys.executable, f"{name}.py"], cwd=workspace.folder, check=True,
                       env=workspace.environment)  # fmt: skip
        planned[name] = "plan.work" in workspace.runs()[1][name].data.metrics
    assert planned == {"download": False, "preprocess": True}


def test_a_checkout_that_moved_keeps_its_artifacts_beside_it(workspace, monkeypatch, capfd):
    assert workspace.run("fine", DVC_EXP_NAME="one").returncode == 0
    first = workspace.folder
    workspace.folder = first.rename(first.with_name("second"))
    monkeypatch.setenv("DVC_ROOT", str(workspace.folder))
    client, experiment = tracking._connect()
    assert capfd.readouterr().err.startswith(f"mlflow.db is from {first}; artifacts of its runs ")
    here = (workspace.folder / "mlartifacts").as_uri()
    assert client.create_run(experiment).info.artifact_uri.startswith(f"{here}/")
    runs = workspace.runs()[1].values()
    assert {run.info.artifact_uri for run in runs} == {
        f"{here}/{run.info.run_id}/artifacts" for run in runs
    }
    tracking._connect()
    assert capfd.readouterr().err == ""


def test_a_helper_of_a_training_keeps_and_records_nothing(workspace):
    done = workspace.run("fine", WORLD_SIZE="2", RANK="1")
    assert done.returncode == 0, done.stderr
    assert workspace.model() == {"old.txt": "earlier"}
    made = {path.name for path in workspace.folder.iterdir()}
    assert made == {"params.yaml", "train.py", "dvc.yaml", "models", "text"}


@pytest.mark.parametrize(
    ("behaviour", "status", "message"),
    [
        ("mistake", 1, "train@a: corpus.path: wrong; expected right\n"),
        ("fault", 1, "RuntimeError: a fault of the program"),
    ],
)
def test_a_stage_that_fails_leaves_what_was_there(workspace, behaviour, status, message):
    done = workspace.run(behaviour)
    assert done.returncode == status
    assert message in done.stderr
    assert ("Traceback" in done.stderr) == (behaviour == "fault")
    assert workspace.model() == {"old.txt": "earlier"}
    assert not (workspace.folder / "metrics" / "a.json").exists()
    _, runs = workspace.runs()
    assert runs["train@a"].info.status == "FAILED"


def test_a_pass_has_failed_until_all_its_stages_succeed(workspace):
    def passed(text, item):
        subprocess.run(
            workspace.command(text, item), cwd=workspace.folder, capture_output=True, check=False,
            env=workspace.environment | {"WORDLAB_PASS": "both sides"},
        )  # fmt: skip
        return workspace.status("pass 1")

    assert passed("fault", "a") == "FAILED"
    assert passed("fine", "b") == "FAILED"
    assert passed("fine", "a") == "FINISHED"


def test_a_stage_without_room_says_so_in_one_line_and_keeps_what_was_there(workspace):
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))

    for behaviour, message in (
        (
            "full",
            r"train@a: models/a: File too large; its stage has written 4\.0 MiB and needs more but "
            r"[\d,.]+ MiB are free beside that; `dvc checkout` brings back what was there before",
        ),
        (
            "memory",
            "train@a: Unable to allocate 256 GiB; `dvc checkout` brings back what was there before",
        ),
    ):
        done = subprocess.run(
            workspace.command(behaviour), cwd=workspace.folder, env=workspace.environment,
            preexec_fn=limited, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert re.match(message, done.stderr)
        assert done.stderr.count("\n") == 1
        assert workspace.model() == {"old.txt": "earlier"}


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "in any words"),
        OSError("1048576 requested and 262128 written"),  # NumPy's
        SafetensorError("Error while serializing: I/O error: No space left (os error 28)"),
    ],
)
def test_a_full_disk_is_known_by_whatever_library_meets_it(error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, partial = tmp_path / "model", tmp_path / ".model.partial"
    lock = {"stages": {"train": {"outs": [{"path": "a", "size": 2 << 20}, {"size": 1 << 20}]}}}
    Path("dvc.lock").write_text(json.dumps(lock))
    partial.mkdir()
    (partial / "weights").write_bytes(bytes(1 << 20))
    message = (
        rf"^{path}: No space left on device; its stage has written 1\.0 MiB and needs 3\.0 MiB, "
        r"as before, but [\d,.]+ MiB are free beside that; `dvc checkout` brings back what was "
        r"there before$"
    )
    with pytest.raises(UserError, match=message), stage._room("train", {path: partial}):
        raise error


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path):
    for error in (OSError(errno.ENOENT, "gone"), SafetensorError("invalid header")):
        with pytest.raises(type(error)) as raised, stage._room("train", {}):
            raise error
        assert raised.value is error


def test_runs_that_were_left_are_ended_by_the_next_stage(workspace):
    process = subprocess.Popen(
        workspace.command("wait"), cwd=workspace.folder, env=workspace.environment,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == "waiting\n"
        for one in (process, *psutil.Process(process.pid).children()):
            one.kill()  # the process that logs, too: nobody is left to end the run
    assert workspace.status("train@a") == "RUNNING"
    left = workspace.folder / ".dvc" / "tmp" / f"tracking-{process.pid}"
    assert left.exists()
    next_one = workspace.command("fine", "b")
    subprocess.run(next_one, cwd=workspace.folder, env=workspace.environment, check=True)
    assert (workspace.status("train@a"), workspace.status("train@b")) == ("KILLED", "FINISHED")
    assert not left.exists()


def test_a_stage_ends_with_the_dvc_that_runs_it(workspace):
    dvc = workspace.folder / "dvc"
    dvc.write_text(f"import subprocess\nsubprocess.run({workspace.command('wait')!r})\n")
    owner = subprocess.Popen(
        [sys.executable, "dvc"], cwd=workspace.folder, env=workspace.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with owner:
        assert owner.stdout.readline() == "waiting\n"
        (stage,) = psutil.Process(owner.pid).children()
        owner.kill()
        stage.wait(timeout=30)
        line = owner.stderr.read()
    assert line == "train@a: the dvc that ran it is gone; run it again to resume\n"
    deadline = time.monotonic() + 30
    while workspace.status("train@a") == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert workspace.status("train@a") == "KILLED"
    assert workspace.model() == {"old.txt": "earlier"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_stage_that_is_stopped_ends_its_run(workspace, number):
    process = subprocess.Popen(
        workspace.command("wait"),
        cwd=workspace.folder,
        env=workspace.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(number)
        status = process.wait(timeout=30)
    assert status == (-number if number == signal.SIGKILL else 128 + number)
    assert workspace.model() == {"old.txt": "earlier"}
    deadline = time.monotonic() + 30
    while workspace.status("train@a") == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert workspace.status("train@a") == "KILLED"


def test_a_mistake_in_the_params_is_told_before_anything_is_made(workspace):
    path = workspace.folder / "params.yaml"
    path.write_text(path.read_text().replace("min_count: 5", "min_count: 0", 1))
    done = workspace.run("fine")
    assert done.returncode == 1
    assert done.stderr.startswith("train@a: params.yaml: vocabulary.min_count: expected")
    assert done.stderr.count("\n") == 1
    assert not (workspace.folder / "mlflow.db").exists()


def test_a_fault_of_a_figure_or_a_sentence_is_printed_and_kept_and_loses_no_run(repository, capsys):
    session = tracking.Session.__new__(tracking.Session)
    session.stage, session.figures = "study_windows", {}
    session.params = load(repository / "params.yaml").model_dump(mode="json")
    kept = {}
    session.runs = [SimpleNamespace(text=lambda text, name: kept.update({name: text}))]
    session.show("no such folder")
    assert "summary.csv: not found" in capsys.readouterr().err
    assert "summary.csv: not found" in kept["fault.txt"]


def test_stages_that_start_at_once_on_a_missing_store_share_it(workspace):
    processes = [
        subprocess.Popen(
            workspace.command("fine", item),
            cwd=workspace.folder,
            env=workspace.environment | {"DVC_EXP_NAME": "together"},
        )
        for item in "abc"
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    _, runs = workspace.runs()
    parents = {runs[f"train@{item}"].data.tags["mlflow.parentRunId"] for item in "abc"}
    assert parents == {runs["together"].info.run_id}


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("http://me:secret@127.0.0.1:9", "Connection refused"),
        ("postgresql+psycopg://me:secret@127.0.0.1:9/runs", "Connection refused"),
        ("mysql+nodriver://me:secret@127.0.0.1/runs", "no such kind of database"),
        ("http://me:secret@[::1", "Invalid IPv6 URL"),
        ("mssql+pymssql://me:secret@127.0.0.1/runs", "the driver pymssql is not installed"),
    ],
)
def test_a_server_that_does_not_answer_is_told_in_one_line_at_once(workspace, uri, problem):
    done = workspace.run("fine", MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 1
    masked = uri.replace("me:secret", "***")
    assert done.stderr.startswith(f"train@a: MLflow cannot use {masked} (")
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1
    assert workspace.model() == {"old.txt": "earlier"}
    assert not (workspace.folder / "mlflow.db").exists()


def test_a_checkpoint_is_kept_when_a_figure_changes_not_when_a_cell_does(
    tmp_path, repository, monkeypatch
):
    shutil.copytree(repository / "src", tmp_path / "src")
    shutil.copytree(repository / "stages", tmp_path / "stages")
    declared = declaration("train_lm@gru", repository / "dvc.yaml", repository / "params.yaml")
    monkeypatch.chdir(tmp_path)

    def path(**digests):
        return checkpoint_of("train_lm@gru", declared, digests).path

    before = path(text="1")
    assert path(text="2") != before
    with Path("src/wordlab/report/page.py").open("a") as file:
        file.write("# another figure\n")
    assert path(text="1") == before
    with Path("src/wordlab/recurrent/cells.py").open("a") as file:
        file.write("# another cell\n")
    assert path(text="1") != before
