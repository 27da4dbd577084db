"""The pipeline of dvc.yaml on a small text: its params made small, its stages in this process."""

import json
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML

from wordlab.artifacts import read_json
from wordlab.checkpoints import Checkpoint
from wordlab.params.whole import load
from wordlab.pipeline.declared import declaration
from wordlab.pipeline.recorder import Silent
from wordlab.pipeline.stage import Stage
from wordlab.text import sources

REPOSITORY = Path(__file__).resolve().parents[1]
PIPELINE = REPOSITORY / "dvc.yaml"
SMALL = Path(__file__).with_name("small_params.yaml")
"""What is changed in params.yaml, so that a pass takes little more than its overhead."""


def shrink(params, changes=None):
    """Lay `small_params.yaml`, then `changes`, over the file `params`."""
    yaml = YAML()
    values = yaml.load(params)

    def merge(target, changed):
        for key, value in changed.items():
            assert key in target, f"{key} of {SMALL.name} is not in params.yaml"
            plain = isinstance(target[key], dict) and key not in ("fixed", "grid", "methods")
            if isinstance(value, dict) and plain:
                merge(target[key], value)
            else:
                target[key] = value

    merge(values, YAML(typ="safe").load(SMALL))
    merge(values, changes or {})
    yaml.dump(values, params)


def stages() -> Iterator[str]:
    """Yield the name of every stage of dvc.yaml, each item of a `foreach`, in the file's order.

    But not of one over params: the params that git has name no text to watch.
    """
    for name, stage in YAML(typ="safe").load(PIPELINE)["stages"].items():
        items = stage.get("foreach", [None])
        items = [] if isinstance(items, str) else items
        yield from (name if item is None else f"{name}@{item}" for item in items)


class Kept(Silent):
    """Keeps the calls that a stage would send to MLflow.

    A NaN among them is refused, but for metrics, of which `tracking` logs the finite ones.
    """

    def __init__(self):
        super().__init__()
        self.calls = []

    def _send(self, call, **arguments):
        json.dumps(arguments, allow_nan=call == "metrics")
        self.calls.append((call, arguments))


def run_stage(name, params, folder):
    """Run a stage in this process, its inputs and outputs below `folder`; return what it sent."""
    declared = declaration(name, PIPELINE, folder / "params.yaml")
    base, _, item = name.partition("@")
    script, kept = (
        runpy.run_path(str(REPOSITORY / "stages" / f"{base}.py"), run_name="stage"),
        Kept(),
    )
    inputs = [folder / path for path in declared.inputs]
    outputs = {path: folder / path for path in declared.outputs}
    for path in outputs.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    script["main"](Stage(name, item, params, kept, inputs, outputs, Checkpoint()))
    return kept.calls


def run_pipeline(folder, text, *, only=None, **changes):
    """Run the stages on `text` below `folder`, every one or those in `only`.

    changes: to the params, by section. Returns the params and the calls of each stage to MLflow.
    """
    (folder / "text.txt").write_text(text, encoding="utf-8")
    path = folder / "params.yaml"
    path.write_text((REPOSITORY / "params.yaml").read_text())
    shrink(path, changes)
    params = load(path)
    return params, {
        name: run_stage(name, params, folder) for name in stages() if only is None or name in only
    }


def shortest_articles(number):
    """Return the `number` shortest documents of the built-in text, the shortest first."""
    sample = sources.find(load(REPOSITORY / "params.yaml").corpus, REPOSITORY)
    texts = sorted((document.text for document in sample.documents()), key=len)
    return "\n\n".join(texts[:number])


def copy_repository(folder, articles):
    """Copy what Git has of this repository to `folder`, without dvc.lock, its params and its text
    made small: the shortest articles of the built-in one."""
    listed = ["git", "ls-files", "-z"]
    done = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in set(done.stdout.split("\0")) - {"", "dvc.lock"}:
        if (REPOSITORY / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    (folder / "text.txt").write_text(shortest_articles(articles), encoding="utf-8")
    shrink(folder / "params.yaml")


def metrics(folder):
    """Return what every stage measured, by the stem of its file."""
    return {path.stem: read_json(path) for path in (folder / "reports" / "metrics").glob("*.json")}
