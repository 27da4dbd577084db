"""What a stage sends to its MLflow run, through a process of its own.

MLflow takes seconds to load, which a second process does while the stage works; and a stage that is
killed leaves no run that seems to go on, for that process then sees its input end.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from wordlab import paths
from wordlab.errors import UserError

UNKNOWN = "MLflow could not store the run; its own error stands above"


class Recorder:
    """The MLflow run of a stage, from its start to its end.

    Used as a context: `finish` within it waits until all is stored; without it the run ends as
    failed, or as killed where the stage is interrupted.
    """

    def __init__(self, stage: str, params: Mapping[str, Any], *, draws: bool) -> None:
        """Begin the run of `stage` under the run of its pass, which holds the whole `params`.

        draws: whether the stage will have figures.
        """
        self._children = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "wordlab.pipeline.tracking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C is for the stage, which then ends the run
        )
        key, name = _pass()
        begin = {"stage": stage, "key": key, "name": name, "params": params, "draws": draws}
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

    def input(self, path: str, digest: str) -> None:
        """Record a dataset that the stage reads; runs can be searched by its digest."""
        self._send("input", run=0, path=path, digest=digest)

    def text(self, text: str, name: str) -> None:
        """Keep a text as the artifact `name`."""
        self._send("text", run=0, text=text, name=name)

    def show(self, results: Path) -> None:
        """Keep the figures and the findings of this stage, made from the folder of results."""
        self._send("show", results=str(results))

    def child(self, name: str, params: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
        """Log a whole run below this one: a trial of a sweep, a setting of a study, a model."""
        self._children += 1
        self._send("child", name=name)
        self.params(params, run=self._children)
        self.metrics(metrics, run=self._children)
        self._send("end", run=self._children, status="FINISHED")

    def parent_metrics(self, values: Mapping[str, Any]) -> None:
        """Log nested metrics to the run of the pass, by which passes are compared."""
        self._send("parent_metrics", values=values, milliseconds=_now())

    def stored(self) -> None:
        """Wait until MLflow has all that was sent. Raises UserError if it cannot be used."""
        self._send("answer")
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().strip()
        if answer != "stored":
            self._process.wait()
            raise UserError(answer or UNKNOWN)

    def finish(self) -> None:
        """Wait until all is stored and the run has ended. Raises UserError if it cannot be."""
        self._send("finish", status="FINISHED")
        self._close()
        if self._process.returncode != 0:
            raise self._failure()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            interrupted = isinstance(error, KeyboardInterrupt | SystemExit)
            try:
                self._send("finish", status="KILLED" if interrupted else "FAILED")
            except UserError:
                return  # the stage's own error is the one to tell
            self._close()

    def _send(self, call: str, **arguments: Any) -> None:
        stream = self._process.stdin
        assert stream is not None
        try:
            stream.write(json.dumps([call, arguments]) + "\n")
            stream.flush()
        except (BrokenPipeError, ValueError):
            self._process.wait()
            raise self._failure() from None

    def _close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _failure(self) -> UserError:
        assert self._process.stdout is not None
        return UserError(self._process.stdout.read().strip() or UNKNOWN)


class Silent(Recorder):
    """No run: for the processes of a training beside the one that records it."""

    def __init__(self) -> None:
        self._children = 0

    def _send(self, call: str, **arguments: Any) -> None:
        """Send nothing."""


def _now() -> int:
    return int(time.time() * 1000)


def _pass() -> tuple[str, str | None]:
    """Return a key for the pass this stage belongs to, and its name if it has one.

    An experiment is one pass, by its name and baseline; else each `dvc` process is one.
    """
    experiment = os.environ.get("DVC_EXP_NAME")
    if experiment:
        return f"{experiment}@{os.environ.get('DVC_EXP_BASELINE_REV', '')}", experiment
    for process in psutil.Process().parents():
        try:
            called = {Path(part).name for part in process.cmdline()[:3]}
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if "dvc" in called:
            return f"workspace@{process.pid}-{process.create_time():.2f}", None
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
