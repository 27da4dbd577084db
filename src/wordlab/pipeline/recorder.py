"""What a stage sends to its MLflow run, through a process that all stages of a pass share.

MLflow takes three seconds to load, which another process does once per pass, while the first stage
works. A stage that is killed leaves no run that seems to go on: that process sees it hang up.
"""

import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import psutil

from wordlab import names, paths
from wordlab.errors import UserError
from wordlab.pipeline import store

UNKNOWN = "MLflow could not store the run; its own error is above"
STORED = "stored"
"""The answer to `stored` and `finish`."""
MLFLOW = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
"""What MLflow reads from its environment as it loads."""
PASS = "WORDLAB_PASS"
"""The variable by which several `dvc` processes are one pass."""
SOCKETS = Path(".dvc/tmp")
"""Where stages meet the process that logs them: from where they run, since a path of a socket
holds some 100 characters."""


class Recorder:
    """The MLflow run of a stage, from its start to its end.

    A context manager: `finish` inside the block waits until all is stored; without it the run ends
    as failed, or as killed where the stage is interrupted.
    """

    def __init__(self, stage: str, params: Mapping[str, Any]) -> None:
        """Begin the run of `stage` under the run of its pass, which holds the whole `params`.

        Raises UserError at once if there is no server at MLFLOW_TRACKING_URI.
        """
        self._children = 0
        self._ended = False
        store.check_server(os.environ.get("MLFLOW_TRACKING_URI", ""))
        dvc = owner()
        self._stream = _connect(dvc or psutil.Process())
        key, name = _pass(dvc)
        begin = {"stage": stage, "key": key, "name": name, "params": params}
        self._send("begin", **begin, tags=_origin())

    def params(self, values: Mapping[str, Any], run: int = 0) -> None:
        """Log nested params under names joined by points. run: 0, or a child's number."""
        self._send("params", run=run, values=values)

    def metrics(self, values: Mapping[str, Any], step: int = 0, run: int = 0) -> None:
        """Log the numbers among nested metrics, measured now."""
        self._send("metrics", run=run, values=values, step=step, milliseconds=_now())

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        self._send("tags", run=0, values=values)

    def inputs(self, digests: Mapping[str, str]) -> None:
        """Record the datasets that the stage reads, digests by path, by which runs are found."""
        self._send("inputs", digests=digests)

    def text(self, text: str, name: str, folder: str = "") -> None:
        """Keep a text as the artifact `name` in `folder`."""
        self._send("text", run=0, text=text, name=name, folder=folder)

    def show(self, results: Path) -> None:
        """Keep the figures and the findings of this stage, made from the folder of results."""
        self._send("show", results=str(results))

    def child(self, name: str, params: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
        """Log a whole run below this one: a trial of a sweep, a setting of a study, a model."""
        self._children += 1
        self._send("child", name=names.trial(name))
        self.params(params, run=self._children)
        self.metrics(metrics, run=self._children)
        self._send("end", run=self._children, status="FINISHED")

    def parent_metrics(self, values: Mapping[str, Any]) -> None:
        """Log nested metrics to the run of the pass, by which passes are compared."""
        self._send("parent_metrics", values=values, milliseconds=_now())

    def model(
        self, model: Mapping[str, Any], metrics: Mapping[str, Any], learned_from: str
    ) -> None:
        """Log a trained model, and metrics of it on the input that it learned from.

        model: as `models.Models.log` takes it.
        """
        given = {"model": model, "metrics": metrics, "learned_from": learned_from}
        self._send("model", **given, milliseconds=_now())

    def champion(self, path: Path, folder: Path) -> Path | None:
        """Return a file, put into `folder`, of what the champion among models answered.

        path: the input that is the model to be compared with it. None if there is no champion, or
        that is the one.
        """
        self._send("champion", path=str(path), folder=str(folder))
        answer = self._answer()
        try:
            found = json.loads(answer)
        except ValueError:
            self._ended = True
            raise UserError(answer or UNKNOWN) from None
        return None if found is None else Path(found)

    def scored(
        self,
        path: Path,
        child: int,
        metrics: Mapping[str, Any],
        datasets: Mapping[str, str],
        answers: Path,
        better: bool | None,
        verdict: str,
    ) -> None:
        """Log the scores of the model that is the input `path`, in the run below this one.

        datasets: digests by name; better, verdict: as `champions` has them; answers: read later.
        """
        given = {"path": str(path), "child": child, "metrics": metrics, "datasets": datasets}
        given |= {"answers": str(answers), "better": better, "verdict": verdict}
        self._send("scored", **given, milliseconds=_now())

    def parent_note(self, text: str) -> None:
        """Describe the run of the pass, in Markdown."""
        self._send("parent_note", text=text)

    def stored(self) -> None:
        """Wait until MLflow has all that was sent. Raises UserError if it cannot be used."""
        self._send("flush")
        self._wait()

    def finish(self, status: str = "FINISHED") -> None:
        """Wait until all is stored and the run has ended. Raises UserError if it cannot be."""
        self._ended = True
        self._send("finish", status=status)
        self._wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._ended:
            interrupted = isinstance(error, KeyboardInterrupt | SystemExit)
            with suppress(UserError):  # the stage's own error is the one to report
                self.finish("KILLED" if interrupted else "FAILED")
        with suppress(OSError):
            self._stream.close()

    def _send(self, call: str, **arguments: Any) -> None:
        try:
            print(json.dumps([call, arguments]), file=self._stream, flush=True)
        except OSError:
            self._wait()

    def _wait(self) -> None:
        """Wait for the answer. Raises UserError with it if it is not that all is stored."""
        answer = self._answer()
        if answer != STORED:
            self._ended = True
            raise UserError(answer or UNKNOWN)

    def _answer(self) -> str:
        try:
            return self._stream.readline().strip()
        except OSError:
            return ""


class Silent(Recorder):
    """No run: for the processes of a training beside the one that records it."""

    def __init__(self) -> None:
        self._children = 0

    def champion(self, path: Path, folder: Path) -> Path | None:
        """Know of none."""
        return None

    def _send(self, call: str, **arguments: Any) -> None:
        """Send nothing."""

    def stored(self) -> None:
        """Wait for nothing."""


def _now() -> int:
    return int(time.time() * 1000)


def owner() -> psutil.Process | None:
    """Return the `dvc` process that runs this stage, or None if a person does."""
    for process in psutil.Process().parents():
        try:
            if "dvc" in {Path(part).name for part in process.cmdline()[:3]}:
                return process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return None


def is_running(process: psutil.Process) -> bool:
    """Return whether a process has not ended, whether or not another has seen its end."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def identity(process: psutil.Process) -> str:
    """Return what tells a process from all others: its machine, its number and its start."""
    return f"{platform.node()} {process.pid} {process.create_time():.0f}"


def is_present(known: str) -> bool:
    """Return whether the process with an identity has not ended, as one of another machine may."""
    node, number, _ = known.rsplit(" ", 2)
    if node != platform.node():
        return True
    try:
        process = psutil.Process(int(number))
        return is_running(process) and identity(process) == known
    except psutil.NoSuchProcess:
        return False


def _connect(owner: psutil.Process) -> TextIO:
    """Return a connection to the process that logs the stages of `owner`, started if need be."""
    path = str(SOCKETS / f"tracking-{owner.pid}")
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
        except OSError:
            SOCKETS.mkdir(parents=True, exist_ok=True)
            for left in SOCKETS.glob("tracking-*"):
                if left == Path(path) or not psutil.pid_exists(int(left.name.split("-")[1])):
                    left.unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
                listener.listen()
                connection.connect(path)
                subprocess.Popen(
                    [sys.executable, "-m", "wordlab.pipeline.tracking", path]
                    + [identity(owner), str(listener.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=MLFLOW | os.environ,
                    pass_fds=[listener.fileno()],
                    start_new_session=True,  # a Ctrl-C is for the stage, which then ends the run
                )
        return connection.makefile("rw", encoding="utf-8")


def _pass(owner: psutil.Process | None) -> tuple[str, str | None]:
    """Return a key for the pass this stage belongs to, and its name if it has one.

    An experiment is one pass, by its name and baseline; else all with the same WORDLAB_PASS are,
    or each `dvc` process.
    """
    experiment = os.environ.get("DVC_EXP_NAME")
    if experiment:
        experiment = experiment.replace("'", "_")  # which would end the text in MLflow's search
        return f"{experiment}@{os.environ.get('DVC_EXP_BASELINE_REV', '')}", experiment
    if os.environ.get(PASS):
        return os.environ[PASS], None
    if owner is not None:
        return f"workspace@{owner.pid}-{owner.create_time():.2f}", None
    return f"by hand@{os.getppid()}", "by hand"


def _origin() -> dict[str, str]:
    """Return the tags that say which experiment, revision and script a run is of."""
    revision = os.environ.get("DVC_EXP_BASELINE_REV") or paths.revision()
    return {
        "dvc.experiment": os.environ.get("DVC_EXP_NAME") or "workspace",
        "dvc.baseline_revision": revision,
        "mlflow.source.name": Path(sys.argv[0]).name,
        "mlflow.source.git.commit": revision,
    }
