"""Trained models in MLflow: logged once each, registered by name, scored, compared.

A model is an output of DVC; MLflow has its name, md5 and scores, and `served.py`, which finds the
bytes. Its files are written here: `mlflow.pyfunc.log_model` would load each model once to try it.
"""

import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory
from typing import Any

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import AnyType
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from wordlab import names
from wordlab.pipeline.legal import legal
from wordlab.pipeline.trained import ANSWERS

CODE = Path(__file__).with_name("served.py")
CHAMPION = "champion"
"""The alias of the version that no later one has been shown to beat."""
UNPAIRED = "autoencoder"
"""The kind that has no champion: what is kept of its scores are sums, which no test can pair."""
TASKS: Mapping[str, Mapping[str, Any]] = {
    "word vectors": {
        "column": ColSpec(DataType.string, "words"),
        "params": {"task": "neighbours", "number": 10},
        "about": "`neighbours` of one word, `cosine` of two, `analogy` of three (what is to the "
        "third as the second is to the first), `vectors` of any number",
    },
    "language model": {
        "column": ColSpec(DataType.string, "text"),
        "params": {
            "task": "next",
            "number": 10,
            "length": 60,
            "strategy": "sample",
            "temperature": 0.8,
            "top_k": 0,
            "top_p": 1.0,
            "beam_width": 4,
            "seed": 1,
        },
        "about": "`next` (what follows a beginning), `surprisal` (of each token of a text), "
        "`complete` (a prompt)",
    },
    "autoencoder": {
        "column": ColSpec(DataType.string, "text"),
        "params": {"task": "restore"},
        "about": "`restore` (each sentence of a text through its vector and back), `vectors`",
    },
}
"""What each kind of model is asked, and the params of a question with their defaults."""
TYPES = {str: DataType.string, int: DataType.long, float: DataType.double}
KEYS = "wordlab.model", "dvc.md5"
"""The tags that tell one model from all others."""


class Models:
    """The models of one experiment."""

    def __init__(self, client: MlflowClient, experiment: str) -> None:
        self.client, self.experiment = client, experiment

    def log(self, run: str, model: Mapping[str, Any], tags: Mapping[str, str]) -> LoggedModel:
        """Make a model an output of a run, and return it.

        model: name, kind, path, within, md5, example, params, preprocess, checkout. One of the
        same name and md5 is the same model, whichever run made it first.
        """
        found = self.find(model["name"], model["md5"])
        if found is None:
            found = self._create(run, model, tags)
            self._register(found)
        self.client.log_outputs(run, [LoggedModelOutput(found.model_id, 0)])
        return found

    def find(self, name: str, md5: str) -> LoggedModel | None:
        """Return the model of a name and an md5, None if it was not logged, or by half."""
        given = zip(KEYS, (name, md5), strict=True)
        query = " AND ".join(f"tags.`{key}` = '{value}'" for key, value in given)
        models = self.client.search_logged_models([self.experiment], query)
        return next((one for one in models if one.status == LoggedModelStatus.READY), None)

    def _create(self, run: str, model: Mapping[str, Any], tags: Mapping[str, str]) -> LoggedModel:
        kind, title = model["kind"], names.plain(model["name"].removeprefix("lm_"))
        created = self.client.create_logged_model(
            self.experiment,
            name=title,
            source_run_id=run,
            tags={
                **tags,
                **dict(zip(KEYS, (model["name"], model["md5"]), strict=True)),
                "wordlab.kind": kind,
                "dvc.path": model["path"],
                "mlflow.note.content": f"{title}, {_with_article(kind)}: `{model['path']}` of "
                f"DVC, md5 `{model['md5']}`.\n\nTasks: {TASKS[kind]['about']}.",
            },
            params={legal(key): str(value) for key, value in model["params"].items()},
            model_type=kind,
        )
        with TemporaryDirectory() as folder:
            _write(Path(folder), created.model_id, run, model)
            self.client.log_model_artifacts(created.model_id, folder)
        return self.client.finalize_logged_model(created.model_id, "READY")

    def _register(self, model: LoggedModel) -> None:
        name = registered(model.tags["wordlab.model"])
        try:
            self.client.get_registered_model(name)
        except MlflowException:
            kind = model.tags["wordlab.kind"]
            about = model.tags["mlflow.note.content"].partition(": ")[0]
            champion = (
                f"`{CHAMPION}` is the one that no later version has been shown to beat on the same "
                "items; "
            )
            self.client.create_registered_model(
                name,
                description=f"{about}: a version for each training that gave other bytes. "
                f"{'' if kind == UNPAIRED else champion}`latest` is the last one trained.",
                tags={"wordlab.kind": kind},
            )
        version = self.client.create_model_version(
            name,
            source=f"models:/{model.model_id}",
            run_id=model.source_run_id,
            model_id=model.model_id,
            tags={
                key: model.tags[key] for key in ("dvc.md5", "dvc.experiment") if key in model.tags
            },
            description=model.tags["mlflow.note.content"],
        )
        versions = json.dumps([{"name": name, "version": version.version}])
        self.client.set_logged_model_tags(model.model_id, {MLFLOW_MODEL_VERSIONS: versions})

    def champion(self, name: str, md5: str, folder: Path) -> Path | None:
        """Return what the champion of a name answered, put into `folder`, None if there is none.

        md5: of the model that is to be compared with it; None too if that is the champion.
        """
        version = self._champion(name)
        if version is None or version.tags.get("dvc.md5") == md5:
            return None
        model_id = version.source.rpartition("/")[2]
        kept = self.client.list_logged_model_artifacts(model_id)
        if ANSWERS not in {file.path for file in kept}:
            return None
        folder.mkdir(exist_ok=True)
        return Path(
            download_artifacts(
                artifact_uri=f"{self.client.get_logged_model(model_id).artifact_location}/{ANSWERS}",
                dst_path=str(folder),
                tracking_uri=self.client.tracking_uri,
            )
        )

    def scored(self, model: LoggedModel, answers: Path, better: bool | None, verdict: str) -> None:
        """Keep what a model answered, and make it champion where it is better.

        better: than the champion; None where they were not compared. verdict: how the two compare.
        """
        self.client.log_model_artifact(model.model_id, str(answers))
        name = registered(model.tags["wordlab.model"])
        own = f"name = '{name}'"
        versions = self.client.search_model_versions(own, order_by=["version_number DESC"])
        md5 = model.tags["dvc.md5"]
        version = next((one for one in versions if one.tags.get("dvc.md5") == md5), None)
        if version is None:
            return
        champion = self._champion(model.tags["wordlab.model"])
        if champion is not None and champion.version == version.version:
            return
        if champion is None:
            verdict = "The first version that was scored, so the champion until one beats it."
        else:
            won = "This one is champion now" if better else f"Version {champion.version} stays it"
            verdict = f"Against version {champion.version}, champion then: {verdict} {won}."
        about = f"{model.tags['mlflow.note.content']}\n\n{verdict}"
        self.client.update_model_version(name, version.version, about)
        if champion is None or better:
            self.client.set_registered_model_alias(name, CHAMPION, version.version)

    def _champion(self, name: str) -> ModelVersion | None:
        try:
            return self.client.get_model_version_by_alias(registered(name), CHAMPION)
        except MlflowException:
            return None


def registered(name: str) -> str:
    """Return the name of a model in the registry, which several projects may share."""
    return f"wordlab-{name.replace('_', '-')}"


def _with_article(kind: str) -> str:
    return kind if kind == "word vectors" else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _write(folder: Path, model_id: str, run: str, model: Mapping[str, Any]) -> None:
    """Write into `folder` what MLflow loads a model by."""
    tasks = TASKS[model["kind"]]
    column, params = tasks["column"], tasks["params"]
    signature = ModelSignature(
        Schema([column]),
        Schema([ColSpec(AnyType())]),
        ParamSchema([ParamSpec(key, TYPES[type(value)], value) for key, value in params.items()]),
    )
    shutil.copy(CODE, folder / "model.py")
    example = {"columns": [column.name], "data": [[model["example"]]]}
    written = {
        "input_example.json": {"inputs": example, "params": params},
        "serving_input_example.json": {"dataframe_split": example, "params": params},
    }
    for name, value in written.items():
        (folder / name).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    (folder / "requirements.txt").write_text("\n".join(requirements()) + "\n")
    (folder / "python_env.yaml").write_text(
        f"python: {python_version()}\nbuild_dependencies: [pip]\n"
        "dependencies: [-r requirements.txt]\n"
    )
    described = Model(
        run_id=run,
        model_id=model_id,
        signature=signature,
        saved_input_example_info={
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            "type": "dataframe",
            "pandas_orient": "split",
            "params": "true",
        },
    )
    described.add_flavor(
        "python_function",
        loader_module="mlflow.pyfunc.loaders.code_model",
        model_code_path="model.py",
        code=None,
        config={
            key: model[key] for key in ("kind", "path", "within", "md5", "checkout", "preprocess")
        },
        env={"virtualenv": "python_env.yaml"},
        python_version=python_version(),
        streamable=False,
    )
    described.save(str(folder / "MLmodel"))


@cache
def requirements() -> Sequence[str]:
    """Return the packages that wordlab needs, each at the version installed here.

    wordlab itself is the code of a checkout, in no index.
    """
    return [*_pinned(metadata.requires("wordlab") or [])]


def _pinned(needed: Iterable[str]) -> Iterable[str]:
    for one in needed:
        name = re.match(r"[\w.-]+", one)
        if name is not None and "extra ==" not in one:
            try:
                yield f"{name[0]}=={metadata.version(name[0])}"
            except metadata.PackageNotFoundError:  # of another platform
                continue
