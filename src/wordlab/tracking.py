"""MLflow: one run for each stage, grouped by pipeline pass, in one store of the main repository."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from filelock import FileLock

from wordlab.errors import UserError

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")

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

logging.getLogger("mlflow").setLevel(logging.WARNING)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXPERIMENT = "wordlab"
"""The MLflow experiment that holds every run."""
NOTE = (
    "A run at the top is one pass of the pipeline, with the scores of its models; below it is a "
    "run for each stage, and below sweeps, studies and evaluations one for each trial or model. To "
    "compare models or trials, select their runs and press Compare: they have the same metrics."
)
BATCH = 1000
"""Metrics that MLflow takes in one call."""
STEPS_WAITING = 200
"""Metrics by step held back before they are sent, so that a long training is seen as it runs."""


def root() -> Path:
    """Return the main repository, also from inside a temporary experiment of DVC."""
    return Path(os.environ.get("DVC_ROOT") or ".").resolve()


def database(repository: Path) -> Path:
    """Return the SQLite file that holds the runs by default."""
    return repository / "mlflow.db"


def artifacts(repository: Path) -> Path:
    """Return the folder that holds the runs' artifacts by default."""
    return repository / "mlartifacts"


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
    experiment: str
    id: str
    parent: str | None = None
    _waiting: list[Metric] = field(default_factory=list)

    def params(self, values: Mapping[str, Any]) -> None:
        """Log nested params under names joined by points."""
        flat = [Param(key, str(value)) for key, value in flatten(values).items()]
        for start in range(0, len(flat), 100):
            self.client.log_batch(self.id, params=flat[start : start + 100])

    def metrics(self, values: Mapping[str, Any], step: int = 0) -> None:
        """Log the numbers among nested metrics; they are sent in batches."""
        now = int(time.time() * 1000)
        for key, value in flatten(values).items():
            if isinstance(value, int | float):
                self._waiting.append(Metric(_legal(key), float(value), now, step))
        if len(self._waiting) >= STEPS_WAITING:
            self.flush()

    def flush(self) -> None:
        """Send the metrics that wait."""
        for start in range(0, len(self._waiting), BATCH):
            self.client.log_batch(self.id, metrics=self._waiting[start : start + BATCH])
        self._waiting.clear()

    def parent_metrics(self, values: Mapping[str, Any]) -> None:
        """Log nested metrics to the run of the pass, by which passes are compared."""
        if self.parent is not None:
            parent = Run(self.client, self.experiment, self.parent)
            parent.metrics(values)
            parent.flush()

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        self.client.log_batch(self.id, tags=[RunTag(key, value) for key, value in values.items()])

    def figure(self, figure: "Figure", name: str) -> None:
        """Keep a figure under figures/."""
        self.client.log_figure(self.id, figure, f"figures/{name}.png")

    def text(self, text: str, name: str) -> None:
        """Keep a text as the artifact `name`."""
        self.client.log_text(self.id, text, name)

    def artifact(self, path: Path) -> None:
        """Keep a copy of a small file."""
        self.client.log_artifact(self.id, str(path))

    def input(self, name: str, source: str, digest: str) -> None:
        """Record a dataset that the run reads; runs can be searched by its digest."""
        dataset = Dataset(name, digest[:36], "local", f'{{"uri": "{source}"}}')
        context = InputTag("mlflow.data.context", "input")
        self.client.log_inputs(self.id, datasets=[DatasetInput(dataset, [context])])

    @contextmanager
    def child(self, name: str, tags: Mapping[str, str] | None = None) -> Iterator["Run"]:
        """Open a run below this one, for one setting of a study or one trial of a sweep."""
        yield from _running(self.client, self.experiment, name, self.id, tags or {})


@contextmanager
def stage_run(stage: str, params: Mapping[str, Any]) -> Iterator[Run]:
    """Open the run of a stage under the run of its pass, which is found or created.

    The run ends as FINISHED, as KILLED where the stage is interrupted, or else as FAILED.
    """
    client, experiment = _connect()
    parent = _parent(client, experiment, params)
    client.update_run(parent, status="RUNNING")
    status = "FAILED"
    try:
        yield from _running(
            client, experiment, stage, parent, {"wordlab.stage": stage, **_origin()}
        )
        status = "FINISHED"
    finally:
        client.set_terminated(parent, status)


def _running(
    client: MlflowClient, experiment: str, name: str, parent: str, tags: Mapping[str, str]
) -> Iterator[Run]:
    """Create a run, give it to the body, and end it by how the body ended."""
    created = client.create_run(
        experiment, run_name=name, tags={"mlflow.parentRunId": parent, **tags}
    )
    run = Run(client, experiment, created.info.run_id, parent)
    status = "FAILED"
    try:
        yield run
        status = "FINISHED"
    except (KeyboardInterrupt, SystemExit):
        status = "KILLED"
        raise
    finally:
        run.flush()
        client.set_terminated(run.id, status)


def _connect() -> tuple[MlflowClient, str]:
    """Return a client of the store and the id of the experiment in it.

    The store is made by one process at a time: several that meet a missing database would each
    begin its migrations and break it.
    """
    repository = root()
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    own = f"sqlite:///{database(repository)}"
    with _lock():
        try:
            client = MlflowClient(tracking_uri=uri or own)
            found = client.get_experiment_by_name(EXPERIMENT)
            if found is not None:
                return client, found.experiment_id
            place = None if uri else artifacts(repository).as_uri()
            about = {
                "mlflow.experimentKind": "custom_model_development",
                "mlflow.note.content": NOTE,
            }
            made = client.create_experiment(EXPERIMENT, artifact_location=place, tags=about)
            return client, made
        except MlflowException as error:
            problem = str(error).splitlines()[0]
            raise UserError(
                f"MLFLOW_TRACKING_URI: {uri or own}: cannot be used ({problem}); "
                "expected a tracking server that answers, or unset it to use mlflow.db"
            ) from None


def _lock() -> FileLock:
    return FileLock(root() / "mlflow.db.lock")


def _parent(client: MlflowClient, experiment: str, params: Mapping[str, Any]) -> str:
    """Return the id of the run that groups this pass."""
    key, name = _pass()
    with _lock():
        found = client.search_runs([experiment], f"tags.`wordlab.pass` = '{key}'", max_results=1)
        if found:
            return found[0].info.run_id
        passes = client.search_runs([experiment], "tags.`wordlab.pass` != ''", max_results=50_000)
        name = name or f"pass {len(passes) + 1}"
        tags = {"wordlab.pass": key, **_origin()}
        created = client.create_run(experiment, run_name=name, tags=tags)
        run = Run(client, experiment, created.info.run_id)
        run.params(params)
        return run.id


def _pass() -> tuple[str, str | None]:
    """Return a key for the pass this stage belongs to, and its name if it has one.

    An experiment is one pass, by its name and baseline; else each `dvc` process is one.
    """
    experiment = os.environ.get("DVC_EXP_NAME")
    if experiment:
        return f"{experiment}@{os.environ.get('DVC_EXP_BASELINE_REV', '')}", experiment
    for process in psutil.Process().parents():
        try:
            called = {Path(part).name for part in process.cmdline()[:2]}
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if "dvc" in called:
            return f"workspace@{process.pid}-{process.create_time():.2f}", None
    return f"by hand@{os.getppid()}", "by hand"


def _origin() -> dict[str, str]:
    """Return the tags that say which experiment and which revision a run belongs to."""
    revision = os.environ.get("DVC_EXP_BASELINE_REV") or _head()
    return {
        "dvc.experiment": os.environ.get("DVC_EXP_NAME") or "workspace",
        "dvc.baseline_revision": revision,
        "mlflow.source.name": Path(sys.argv[0]).name,
        "mlflow.source.git.commit": revision,
    }


def _head() -> str:
    """Return the revision of the main repository, or a word that says there is none."""
    command: Sequence[str] = ["git", "-C", str(root()), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "no revision"


def _legal(key: str) -> str:
    """Return a metric's name with what MLflow refuses replaced."""
    return "".join(c if c.isalnum() or c in "_-. /:" else "_" for c in key)
