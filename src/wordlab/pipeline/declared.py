"""What dvc.yaml declares of a stage: the params, the code and the files it reads and makes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wordlab.errors import UserError
from wordlab.params.whole import PARAMS, read

PIPELINE = Path("dvc.yaml")
CODE = ("src", "stages")


@dataclass(frozen=True)
class Declaration:
    """One stage of dvc.yaml, an item of a `foreach` by itself; paths as the file has them."""

    params: Mapping[str, Any]
    """The params it reads, nested, with their values."""
    code: tuple[Path, ...]
    """The files and folders of code it runs."""
    inputs: tuple[Path, ...]
    """The files and folders of data it reads."""
    outputs: tuple[Path, ...]


def declaration(stage: str, pipeline: Path = PIPELINE, params: Path = PARAMS) -> Declaration:
    """Return what the file `pipeline` declares of `stage`, with the values of the file `params`.

    stage: a name as DVC gives it, `train_lm@gru` for an item of a `foreach`.
    Raises UserError if there is no such stage.
    """
    base, _, item = stage.partition("@")
    stages, values = read(pipeline).get("stages", {}), read(params)
    if base not in stages:
        raise UserError(f"{pipeline}: no stage {base}; expected one of {', '.join(stages)}")
    entry, each = stages[base].get("do", stages[base]), stages[base].get("foreach")
    known = {"key": item, "item": item}
    if isinstance(each, str):  # a mapping of params
        known["item"] = str(_mapping(values, each)[item])

    def filled(text: str) -> str:
        """Return a text of dvc.yaml with `${item}` and `${a.param}` replaced by their values."""
        return re.sub(
            r"\$\{([\w.]+)\}",
            lambda found: known.get(found[1]) or str(_value(values, found[1])),
            text,
        )

    nested: dict[str, Any] = {}
    for name in map(filled, entry.get("params", [])):
        *sections, last = name.split(".")
        place = nested
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = _value(values, name)
    read_from = [Path(filled(path)) for path in entry.get("deps", [])]
    made = [
        Path(filled(path))
        for kind in ("outs", "metrics", "plots")
        for out in entry.get(kind, [])
        for path in ([out] if isinstance(out, str) else out)
    ]
    code = tuple(path for path in read_from if path.parts[0] in CODE)
    return Declaration(
        nested, code, tuple(path for path in read_from if path not in code), tuple(made)
    )


def stages(pipeline: Path = PIPELINE, params: Path = PARAMS) -> list[str]:
    """Return the name of every stage, each item of a `foreach`, in the order of the file."""
    found = []
    for name, entry in read(pipeline).get("stages", {}).items():
        items = entry.get("foreach", [])
        if isinstance(items, str):
            items = _mapping(read(params), items)
        found += [f"{name}@{item}" for item in items] if "foreach" in entry else [name]
    return found


def named(name: str, paths: Iterable[Path]) -> Path:
    """Return the one of `paths` that `name` means: the end of it, without what follows its point,
    or the folder it is in.

    `corpus` means data/processed/corpus, and `metrics` the one path in reports/metrics.
    Raises KeyError where there is none or more than one.
    """
    wanted = Path(name).parts
    paths = list(paths)
    found = [path for path in paths if path.with_suffix("").parts[-len(wanted) :] == wanted]
    found = found or [path for path in paths if path.parent.name == name]
    if len(found) != 1:
        raise KeyError(f"{name}: expected one of {', '.join(map(str, paths))}")
    return found[0]


def _mapping(values: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    """Return the mapping of params that a `foreach` refers to as `${name}`."""
    found: Mapping[str, Any] = _value(values, reference.strip("${}"))
    return found


def _value(values: Mapping[str, Any], name: str) -> Any:
    found: Any = values
    for key in name.split("."):
        found = found[key]
    return found
