"""The process that logs the stages of a pass to MLflow: one run per stage, in one store.

Stages connect to it one after another and send calls, each a line with the JSON list of a name and
arguments, as `recorder` sends them. Where a stage hangs up before `finish` it was killed, and so
are its runs. A store that cannot be used is reported in one line, and ends the connection. The
process ends with the one that runs the stages.
"""

import json
import logging
import os
import socket
import sqlite3
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import psutil
from filelock import FileLock
from mlflow import MlflowClient, set_tracking_uri
from mlflow.exceptions import MlflowException
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from wordlab import paths
from wordlab.errors import UserError, masked
from wordlab.params.whole import Params, read
from wordlab.pipeline.declared import PIPELINE
from wordlab.pipeline.legal import shortened
from wordlab.pipeline.models import Models
from wordlab.pipeline.recorder import STORED, identity, is_present
from wordlab.pipeline.runs import Run, dataset
from wordlab.pipeline.store import EXPERIMENT, settle

logging.getLogger("mlflow").setLevel(logging.WARNING)

NOTE = (
    "A run at the top is one pass of the pipeline, with the scores of its models; below it is a "
    "run for each stage, and below sweeps, studies and evaluations one for each trial or model. To "
    "compare models or trials, select their runs and press Compare: they have the same metrics."
)
LOGGER = "wordlab.logger"
"""The tag of a run with the process that logs it."""
PASS = "One pass of the pipeline: *Child runs* has its stages."
POLLING = 0.1
"""Seconds between two looks at whether the process that runs the stages has ended."""


@event.listens_for(Engine, "connect")
def _write_ahead(connection: Any, record: object) -> None:
    """Have SQLite wait for the disk now and then, not at every commit, of which a run has dozens.

    A power cut loses the last of them, and breaks nothing.
    """
    if isinstance(connection, sqlite3.Connection):
        with suppress(sqlite3.OperationalError):  # another process holds the store: as it was
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")


class Session:
    """All runs of one stage: its own, numbered 0, and those below it from 1."""

    def __init__(
        self,
        stage: str,
        key: str,
        name: str | None,
        params: Mapping[str, Any],
        tags: Mapping[str, str],
    ) -> None:
        self.client, self.experiment = _connect()
        self._end_abandoned()
        self.stage, self.params = stage, params
        self.tags = {**tags, LOGGER: identity(psutil.Process())}
        self.parent = Run(self.client, self._parent(key, name, params))
        self.parent.tags({LOGGER: self.tags[LOGGER]})
        self.client.update_run(self.parent.id, status="RUNNING")
        self.runs = [self._open(stage, stage, self.parent.id)]
        self.runs[0].note(_about(stage))
        self.models = Models(self.client, self.experiment)
        self.digests: dict[str, str] = {}
        self.status: str | None = None
        self.figures: dict[str, Any] = {}

    def call(self, name: str, arguments: dict[str, Any]) -> object:
        """Carry out one call: of the run whose number `run` the arguments hold, or of this."""
        run = arguments.pop("run", None)
        return getattr(self if run is None else self.runs[run], name)(**arguments)

    def inputs(self, digests: Mapping[str, str]) -> None:
        """Record the datasets that the stage reads, digests by path."""
        self.digests |= digests
        self.runs[0].inputs(digests)

    def model(
        self,
        model: dict[str, Any],
        metrics: Mapping[str, Any],
        learned_from: str,
        milliseconds: int,
    ) -> None:
        """Log a trained model, and its metrics with what it learned from."""
        with _lock():
            logged = self.models.log(self.runs[0].id, model, self.tags)
        if logged.source_run_id == self.runs[0].id:  # else it has them
            linked = dataset(learned_from, self.digests.get(learned_from))
            self.runs[0].metrics(metrics, milliseconds, model_id=logged.model_id, **linked)

    def champion(self, path: str, folder: str) -> str | None:
        """Return the file of what the champion of the model at `path`, an input, answered."""
        found = self.models.champion(Path(path).name, self.digests.get(path, ""), Path(folder))
        return None if found is None else str(found)

    def scored(
        self,
        path: str,
        child: int,
        metrics: Mapping[str, Any],
        datasets: Mapping[str, str],
        answers: str,
        better: bool | None,
        verdict: str,
        milliseconds: int,
    ) -> None:
        """Link the scores of the model at `path`, an input, with it and its datasets."""
        model = self.models.find(Path(path).name, self.digests.get(path, ""))
        if model is None:  # trained where models were not logged
            return
        run = self.runs[child]
        run.inputs(datasets, model.model_id)
        for key, value in metrics.items():
            name = next((name for name in datasets if key == name or len(datasets) == 1), "")
            linked = dataset(name, datasets.get(name))
            run.metrics({key: value}, milliseconds, model_id=model.model_id, **linked)
        run.flush()
        with _lock():
            self.models.scored(model, Path(answers), better, verdict)

    def child(self, name: str) -> None:
        """Open the next run below the stage's own."""
        self.runs.append(self._open(name, f"{self.stage} trial", self.runs[0].id))

    def parent_metrics(self, values: Mapping[str, Any], milliseconds: int) -> None:
        """Log metrics to the run of the pass."""
        self.parent.metrics(values, milliseconds)

    def parent_note(self, text: str) -> None:
        """Describe the pass, in Markdown."""
        self.parent.note(f"{PASS}\n\n{text}")

    def show(self, results: str) -> None:
        """Keep the findings of the stage with its run, and draw its figures for `render`.

        results: the folder that holds those of all stages.
        """
        with self._faults_kept():
            self._show(results)

    def _show(self, results: str) -> None:
        from wordlab.report import figures
        from wordlab.report.findings import findings
        from wordlab.report.results import Results

        measured = Results(Path(results), Params.model_validate(self.params))
        sentences = findings(self.stage, measured)
        if sentences:
            self.runs[0].text("\n".join(sentences), "findings.txt")
            listed = "\n".join(f"- {sentence}" for sentence in sentences)
            self.runs[0].note(f"{_about(self.stage)}\n\n{listed}")
        for entry in figures.of_stage(self.stage):
            figure = entry.draw(measured)
            if figure is not None:
                self.figures[entry.name] = figure

    def render(self) -> None:
        """Keep the figures with the run; called when no stage waits, for it takes seconds."""
        from wordlab.report import figures  # loaded for the next stage too

        with self._faults_kept():
            for name, figure in self.figures.items():
                self.runs[0].image(name, figures.png(figure))

    @contextmanager
    def _faults_kept(self) -> Iterator[None]:
        """Print a fault inside the block, and keep it with the run as fault.txt.

        What a stage computed in hours is not lost to a sentence or a figure of it. The stage
        `report` makes the same sentences and figures, and ends with such a fault.
        """
        try:
            yield
        except Exception:
            traceback.print_exc()
            self.runs[0].text(traceback.format_exc(), "fault.txt")

    def flush(self) -> None:
        """Send all metrics that wait."""
        for run in self.runs:
            run.flush()

    def finish(self, status: str) -> None:
        """End the stage's run, and that of the pass until another stage begins."""
        self.status = status
        self.runs[0].end(status)
        self.parent.end("FAILED" if status == "FINISHED" and self._has_failed() else status)

    def _has_failed(self) -> bool:
        """Return whether a stage of the pass failed, which may run two at once, and not yet again
        with success."""
        of_pass = f"tags.`mlflow.parentRunId` = '{self.parent.id}' and attributes.status = "
        for failed in self.client.search_runs([self.experiment], f"{of_pass}'FAILED'"):
            again = (
                f"{of_pass}'FINISHED' and attributes.start_time > {failed.info.start_time} "
                f"and tags.`wordlab.stage` = '{failed.data.tags['wordlab.stage']}'"
            )
            if not self.client.search_runs([self.experiment], again, max_results=1):
                return True
        return False

    def _end_abandoned(self) -> None:
        """End the runs that a process of this machine began and left, by SIGKILL say."""
        running = f"attributes.status = 'RUNNING' and tags.`{LOGGER}` != ''"
        for run in self.client.search_runs([self.experiment], running):
            if not is_present(run.data.tags[LOGGER]):
                self.client.set_terminated(run.info.run_id, "KILLED")

    def _open(self, name: str, stage: str, parent: str) -> Run:
        tags = {**self.tags, "mlflow.parentRunId": parent, "wordlab.stage": stage}
        created = self.client.create_run(self.experiment, run_name=shortened(name), tags=tags)
        return Run(self.client, created.info.run_id)

    def _parent(self, key: str, name: str | None, params: Mapping[str, Any]) -> str:
        """Return the id of the run that groups this pass, found or made."""
        with _lock():
            own = f"tags.`wordlab.pass` = '{key}'"
            found = self.client.search_runs([self.experiment], own, max_results=1)
            if found:
                return found[0].info.run_id
            every = "tags.`wordlab.pass` != ''"
            passes = self.client.search_runs([self.experiment], every, max_results=50_000)
            tags = {**self.tags, "wordlab.pass": key, "mlflow.note.content": PASS}
            created = self.client.create_run(
                self.experiment, run_name=name or f"pass {len(passes) + 1}", tags=tags
            )
            run = Run(self.client, created.info.run_id)
            run.params(params)
            return run.id


def _about(stage: str) -> str:
    """Return what dvc.yaml says that a stage makes, as a line of Markdown."""
    entry = read(PIPELINE).get("stages", {}).get(stage.partition("@")[0], {})
    what = entry.get("do", entry).get("desc", "")
    return f"**{stage}**: {what}." if what else f"**{stage}**"


def _connect() -> tuple[MlflowClient, str]:
    """Return a client of the store and the id of the experiment in it.

    The store is made by one process at a time: several that meet a missing database would each
    begin its migrations and break it.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    uri = given or f"sqlite:///{paths.tracking_database()}"
    with _lock():
        try:
            if not given:
                settle(paths.tracking_database(), paths.tracking_artifacts())
            set_tracking_uri(uri)  # the registry asks a client of its own for models
            if not given:
                os.environ.pop("MLFLOW_TRACKING_URI", None)  # which that sets
            client = MlflowClient(tracking_uri=uri)
            found = client.get_experiment_by_name(EXPERIMENT)
            if found is not None:
                if found.lifecycle_stage == "deleted":
                    client.restore_experiment(found.experiment_id)
                return client, found.experiment_id
            place = None if given else paths.tracking_artifacts().as_uri()
            about = {
                "mlflow.experimentKind": "custom_model_development",
                "mlflow.note.content": NOTE,
            }
            made = client.create_experiment(EXPERIMENT, artifact_location=place, tags=about)
            return client, made
        except (MlflowException, SQLAlchemyError) as error:
            problem = str(error).splitlines()[0]
            hint = (
                "expected a server that answers; without MLFLOW_TRACKING_URI runs go to mlflow.db"
                if given
                else "move it aside to begin a new one"
            )
            raise UserError(f"MLflow cannot use {uri} ({problem}); {hint}") from None


def _lock() -> FileLock:
    return FileLock(paths.root() / "mlflow.db.lock")


@contextmanager
def _storing() -> Iterator[None]:
    """Turn what MLflow raises inside the block into a UserError.

    That is an OSError where the folder of artifacts is full, or cannot be written to.
    """
    try:
        yield
    except (MlflowException, OSError, SQLAlchemyError) as error:
        problem = masked(str(error).splitlines()[0])
        raise UserError(f"MLflow could not store the run ({problem})") from None


def log(stream: TextIO) -> None:
    """Carry out the calls of one stage."""
    session: Session | None = None
    try:
        for line in stream:
            if not line.endswith("\n"):
                break  # the stage was killed as it sent this
            name, arguments = json.loads(line)
            if name == "begin":
                with _storing():
                    session = Session(**arguments)
            elif session is not None:
                with _storing():
                    found = session.call(name, arguments)
                if name == "champion":
                    print(json.dumps(found), file=stream, flush=True)
                if name in ("flush", "finish"):
                    print(STORED, file=stream, flush=True)
                if name == "finish":
                    with _storing():
                        session.render()
    except UserError as error:
        with suppress(OSError):
            print(error, file=stream, flush=True)
    except OSError:
        pass  # the stage was killed as it was answered
    finally:
        if session is not None and session.status is None:
            with suppress(MlflowException, SQLAlchemyError, OSError):  # a disk that is full, say
                session.finish("KILLED")


def main() -> None:
    """Log the stages that connect, until the process that runs them has ended.

    Arguments: the path of the socket, the identity of that process, the number of the open socket.
    """
    path, listening = Path(sys.argv[1]), int(sys.argv[3])
    with socket.socket(fileno=listening) as listener:
        listener.settimeout(POLLING)
        while True:
            ended = not is_present(sys.argv[2])  # asked first: what it started may connect yet
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                if ended:
                    break
                continue
            with (
                suppress(OSError),
                connection,
                connection.makefile("rw", encoding="utf-8") as stream,
            ):
                log(stream)  # an answer to a stage that was killed fails as the stream is closed
    path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
    sys.stderr.flush()
    os._exit(0)  # all is stored; what MLflow does at exit takes a second for nothing
