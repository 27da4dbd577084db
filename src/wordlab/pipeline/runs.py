"""One run in MLflow: params, metrics in batches, tags, texts, pictures, datasets."""

import json
import math
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    Metric,
    Param,
    RunTag,
)
from mlflow.exceptions import MlflowException

from wordlab.errors import masked
from wordlab.params import flatten
from wordlab.pipeline.legal import file_name, legal

LONGEST_NOTE = 5000
"""Characters of a description: the value of a tag in MLflow's older stores."""
BATCH = 1000
"""Metrics that MLflow takes in one call."""
WAITING = 200
"""Metrics held back before they are sent, so that a long training is seen as it runs."""


@dataclass
class Run:
    """One MLflow run that is under way."""

    client: MlflowClient
    id: str
    waiting: list[Metric] = field(default_factory=list)

    def params(self, values: Mapping[str, Any]) -> None:
        """Log nested params under names joined by points."""
        flat = [Param(legal(key), masked(str(value))) for key, value in flatten(values).items()]
        for start in range(0, len(flat), 100):
            self.client.log_batch(self.id, params=flat[start : start + 100])

    def metrics(
        self,
        values: Mapping[str, Any],
        milliseconds: int,
        step: int = 0,
        **linked: Any,
    ) -> None:
        """Log the finite numbers among nested metrics; they are sent in batches.

        linked: the model_id that they are of, dataset_name and dataset_digest.
        """
        for key, value in flatten(values).items():
            if isinstance(value, int | float) and math.isfinite(value):
                metric = Metric(legal(key), float(value), milliseconds, step, **linked)
                self.waiting.append(metric)
        if len(self.waiting) >= WAITING:
            self.flush()

    def flush(self) -> None:
        """Send the metrics that wait."""
        for start in range(0, len(self.waiting), BATCH):
            self.client.log_batch(self.id, metrics=self.waiting[start : start + BATCH])
        self.waiting.clear()

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        tags = [RunTag(legal(key), masked(value)) for key, value in values.items()]
        self.client.log_batch(self.id, tags=tags)

    def note(self, markdown: str) -> None:
        """Describe the run, in whole lines of Markdown, as many as MLflow takes."""
        lines = markdown[:LONGEST_NOTE].split("\n")
        kept = lines if len(markdown) <= LONGEST_NOTE else lines[:-1]
        self.tags({"mlflow.note.content": "\n".join(kept)})

    def image(self, name: str, png: bytes) -> None:
        """Keep a PNG as figures/NAME.png."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.png"
            path.write_bytes(png)
            self.client.log_artifact(self.id, str(path), "figures")

    def text(self, text: str, name: str, folder: str = "") -> None:
        """Keep a text as the artifact `name` in `folder`."""
        self.client.log_text(self.id, text, posixpath.join(folder, file_name(name)))

    def inputs(self, digests: Mapping[str, str], *models: str) -> None:
        """Record the datasets that the run reads, digests by path, and the ids of models."""
        context = [InputTag("mlflow.data.context", "input")]
        datasets = [
            DatasetInput(Dataset(path, digest[:36], "local", json.dumps({"uri": path})), context)
            for path, digest in digests.items()
        ]
        logged = (self.id, datasets, [*map(LoggedModelInput, models)])
        try:
            self.client.log_inputs(*logged)
        except MlflowException:  # one stage added a dataset after another had looked for it
            self.client.log_inputs(*logged)

    def end(self, status: str) -> None:
        """End the run."""
        self.flush()
        self.client.set_terminated(self.id, status)


def dataset(name: str, digest: str | None) -> dict[str, Any]:
    """Return how a metric names the dataset that it was measured on."""
    return {"dataset_name": name, "dataset_digest": digest[:36]} if digest else {}
