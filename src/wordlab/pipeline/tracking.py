"""The process that logs a stage to MLflow: one run a stage, grouped by pass, in one store.

It reads calls, one JSON list of a name and arguments a line, from its standard input, as
`pipeline.recorder` sends them. Where the input ends before `finish`, the stage was killed, and
so are its runs. A store that cannot be used is told in one line on standard output, with status 1.
"""

import json
import logging
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import (  # noqa: E402
    Dataset,
    DatasetInput,
    InputTag,
    Metric,
    Param,
    RunTag,
)
from mlflow.exceptions import MlflowException  # noqa: E402
from sqlalchemy.exc import SQLAlchemyError  # noqa: E402

from wordlab import paths
from wordlab.errors import UserError
from wordlab.params.whole import PARAMS, load

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")


logging.getLogger("mlflow").setLevel(logging.WARNING)

EXPERIMENT = "wordlab"
"""The MLflow experiment that holds every run."""
NOTE = (
    "A run at the top is one pass of the pipeline, with the scores of its models; below it is a "
    "run for each stage, and below sweeps, studies and evaluations one for each trial or model. To "
    "compare models or trials, select their runs and press Compare: they have the same metrics."
)
BATCH = 1000
"""Metrics that MLflow takes in one call."""
WAITING = 200
"""Metrics held back before they are sent, so that a long training is seen as it runs."""


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, keys joined by points."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{name}."))
        else:
            flat[name] = value
    return flat


@dataclass
class Run:
    """One MLflow run that is under way."""

    client: MlflowClient
    id: str
    waiting: list[Metric] = field(default_factory=list)

    def params(self, values: Mapping[str, Any]) -> None:
        """Log nested params under names joined by points."""
        flat = [Param(key, str(value)) for key, value in flatten(values).items()]
        for start in range(0, len(flat), 100):
            self.client.log_batch(self.id, params=flat[start : start + 100])

    def metrics(self, values: Mapping[str, Any], milliseconds: int, step: int = 0) -> None:
        """Log the finite numbers among nested metrics; they are sent in batches."""
        for key, value in flatten(values).items():
            if isinstance(value, int | float) and math.isfinite(value):
                self.waiting.append(Metric(_legal(key), float(value), milliseconds, step))
        if len(self.waiting) >= WAITING:
            self.flush()

    def flush(self) -> None:
        """Send the metrics that wait."""
        for start in range(0, len(self.waiting), BATCH):
            self.client.log_batch(self.id, metrics=self.waiting[start : start + BATCH])
        self.waiting.clear()

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        self.client.log_batch(self.id, tags=[RunTag(key, value) for key, value in values.items()])

    def image(self, name: str, png: bytes) -> None:
        """Keep a PNG as figures/NAME.png."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.png"
            path.write_bytes(png)
            self.client.log_artifact(self.id, str(path), "figures")

    def text(self, text: str, name: str) -> None:
        """Keep a text as the artifact `name`."""
        self.client.log_text(self.id, text, name)

    def input(self, path: str, digest: str) -> None:
        """Record a dataset that the run reads."""
        dataset = Dataset(path, digest[:36], "local", json.dumps({"uri": path}))
        context = InputTag("mlflow.data.context", "input")
        self.client.log_inputs(self.id, datasets=[DatasetInput(dataset, [context])])

    def end(self, status: str) -> None:
        """End the run."""
        self.flush()
        self.client.set_terminated(self.id, status)


class Session:
    """All runs of one stage: its own, numbered 0, and those below it from 1."""

    def __init__(
        self,
        stage: str,
        key: str,
        name: str | None,
        params: Mapping[str, Any],
        tags: Mapping[str, str],
        draws: bool,
    ) -> None:
        self.client, self.experiment = _connect()
        self.tags, self.stage = tags, stage
        self.parent = Run(self.client, self._parent(key, name, params))
        self.client.update_run(self.parent.id, status="RUNNING")
        self.runs = [self._open(stage, stage, self.parent.id)]
        self.status: str | None = None
        if draws:  # while the stage works: it takes a second
            import wordlab.report.figures.catalogue  # noqa: F401

    def call(self, name: str, arguments: dict[str, Any]) -> None:
        """Carry out one call: of the run whose number `run` the arguments hold, or of this."""
        run = arguments.pop("run", None)
        getattr(self if run is None else self.runs[run], name)(**arguments)

    def child(self, name: str) -> None:
        """Open the next run below the stage's own."""
        self.runs.append(self._open(name, f"{self.stage} trial", self.runs[0].id))

    def parent_metrics(self, values: Mapping[str, Any], milliseconds: int) -> None:
        """Log metrics to the run of the pass."""
        self.parent.metrics(values, milliseconds)

    def show(self, results: str) -> None:
        """Keep the figures and the findings of the stage with its run, made from its results.

        results: the folder that holds those of all stages.
        """
        from wordlab.report import figures
        from wordlab.report.figures import catalogue
        from wordlab.report.findings import findings
        from wordlab.report.results import Results

        measured = Results(Path(results), load(PARAMS))
        sentences = findings(self.stage.partition("@")[0], measured)
        if sentences:
            self.runs[0].text("\n".join(sentences), "findings.txt")
        for name in catalogue.names(self.stage):
            figure = catalogue.draw(name, measured)
            if figure is not None:
                self.runs[0].image(name, figures.png(figure))

    def answer(self) -> None:
        """Say that all calls until now have been carried out."""
        for run in self.runs:
            run.flush()
        print("stored", flush=True)

    def finish(self, status: str) -> None:
        """End the stage's run, and that of the pass until another stage begins."""
        self.status = status
        for run in (self.runs[0], self.parent):
            run.end(status)

    def _open(self, name: str, stage: str, parent: str) -> Run:
        tags = {**self.tags, "mlflow.parentRunId": parent, "wordlab.stage": stage}
        created = self.client.create_run(self.experiment, run_name=name, tags=tags)
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
            tags = {**self.tags, "wordlab.pass": key}
            created = self.client.create_run(
                self.experiment, run_name=name or f"pass {len(passes) + 1}", tags=tags
            )
            run = Run(self.client, created.info.run_id)
            run.params(params)
            return run.id


def _connect() -> tuple[MlflowClient, str]:
    """Return a client of the store and the id of the experiment in it.

    The store is made by one process at a time: several that meet a missing database would each
    begin its migrations and break it.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    uri = given or f"sqlite:///{paths.tracking_database()}"
    with _lock():
        try:
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


def _legal(key: str) -> str:
    """Return a metric's name with what MLflow refuses replaced."""
    return "".join(c if c.isalnum() or c in "_-. /:" else "_" for c in key)


def main() -> None:
    """Carry out the calls on standard input."""
    session: Session | None = None
    try:
        for line in sys.stdin:
            name, arguments = json.loads(line)
            if name == "begin":
                session = Session(**arguments)
            elif session is not None:
                session.call(name, arguments)
    except UserError as error:
        print(error, flush=True)
        raise SystemExit(1) from None
    finally:
        if session is not None and session.status is None:
            session.finish("KILLED")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # all is stored; what MLflow does at exit takes a second for nothing
