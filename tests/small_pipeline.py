"""The pipeline of dvc.yaml on a small text: its params made small, its stages in this process."""

import json
import runpy
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from wordlab.artifacts import read_json
from wordlab.checkpoints import Checkpoint
from wordlab.params.whole import load
from wordlab.recorder import Silent
from wordlab.stage import Stage
from wordlab.text import sources

REPOSITORY = Path(__file__).resolve().parents[1]
SMALL = Path(__file__).with_name("small_params.yaml")
"""What is changed in params.yaml, so that a pass takes little more than its overhead."""


def shrink(params, changes=None):
    """Lay `small_params.yaml`, then `changes`, over the file `params`."""
    yaml = YAML()
    values = yaml.load(params)

    def merge(target, changed):
        for key, value in changed.items():
            assert key in target, f"{key} of {SMALL.name} is not in params.yaml"
            if isinstance(value, dict) and key not in ("grid", "methods"):
                merge(target[key], value)
            else:
                target[key] = value

    merge(values, YAML(typ="safe").load(SMALL))
    merge(values, changes or {})
    yaml.dump(values, params)


@dataclass(frozen=True)
class Command:
    """A stage of dvc.yaml: its name, with the item behind @, and the words of its command."""

    name: str
    words: tuple[str, ...]

    @property
    def script(self):
        return next(word for word in self.words if word.endswith(".py"))

    def options(self):
        """Return the options of the script, without hyphens."""
        rest = self.words[self.words.index(self.script) + 1 :]
        return {
            key.removeprefix("--").replace("-", "_"): value
            for key, value in zip(rest[::2], rest[1::2], strict=True)
        }


def commands(params) -> Iterator[Command]:
    """Yield every stage of dvc.yaml, an item of a `foreach` at a time, in the order of the file.

    params: the values that its commands and lists name.
    """
    for name, stage in YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"].items():
        items = stage.get("foreach", [None])
        if isinstance(items, str):
            items = getattr(params, items.strip("${}"))
        for item in items:
            text = stage.get("do", stage)["cmd"]
            for key, value in (
                ("python", "python"),
                ("item", item),
                ("language_model.words", params.language_model.words),
            ):
                text = text.replace(f"${{{key}}}", str(value))
            yield Command(name if item is None else f"{name}@{item}", tuple(shlex.split(text)))


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


def run_stage(command, params, folder):
    """Run a stage in this process, its inputs and outputs below `folder`; return what it sent."""
    script = runpy.run_path(str(REPOSITORY / command.script), run_name="stage")
    options, kept = command.options(), Kept()
    item = options.pop("item", "")
    paths = {key: folder / path for key, path in options.items()}
    for path in paths.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    script["main"](Stage(command.name, item, params, kept, paths, paths, Checkpoint(None)))
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
        command.name: run_stage(command, params, folder)
        for command in commands(params)
        if only is None or command.name in only
    }


def shortest_articles(number):
    """Return the `number` shortest documents of the built-in text, the shortest first."""
    sample = sources.find(load(REPOSITORY / "params.yaml").corpus, REPOSITORY)
    texts = sorted((document.text for document in sample.documents()), key=len)
    return "\n\n".join(texts[:number])


def metrics(folder):
    """Return what every stage measured, by the stem of its file."""
    return {path.stem: read_json(path) for path in (folder / "reports" / "metrics").glob("*.json")}
