"""Scales: files with what differs from params.yaml, as arguments that lay it over the params."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wordlab.errors import UserError
from wordlab.params.whole import PARAMS, load, read

SCALES = Path("scales")
"""Where the scales are, seen from where params.yaml is."""


def summaries(folder: Path = SCALES) -> dict[str, str]:
    """Return the scales by name, each with the comment in the first line of its file."""
    return {
        path.stem: path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        for path in sorted(folder.glob("*.yaml"))
    }


def arguments(name: str, folder: Path = SCALES, params: Path = PARAMS) -> str:
    """Return the scale `name` as arguments of `dvc exp run`.

    Raises UserError if there is no such scale, and one line per mistake if the params that it
    makes of those in the file `params` are not valid.
    """
    path = folder / f"{name}.yaml"
    if not path.is_file():
        raise UserError(f"{name}: no such scale; expected one of {', '.join(summaries(folder))}")
    load(params)
    load(params, path)
    try:
        return " ".join(f"-S {one}" for one in _overrides(read(params), read(path)))
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def override(name: str, value: Any) -> str:
    """Return what `-S` of DVC takes to set a param, or to add one.

    It has no blank: a shell splits an unquoted $(wordlab ...) at blanks, and leaves quotes in it
    as they are. Raises ValueError where that cannot be.
    """
    return f"++{name}={_written(name, value)}"


def _overrides(
    base: Mapping[str, Any], changes: Mapping[str, Any], prefix: str = ""
) -> Iterator[str]:
    """Yield what lays `changes` over `base`, mappings in both key by key."""
    for key, value in changes.items():
        name, old = f"{prefix}{key}", base.get(key)
        plain = isinstance(value, Mapping) and all(re.fullmatch(r"\w+", part) for part in value)
        if plain and isinstance(old, Mapping):
            yield from _overrides(old, value, f"{name}.")
            continue
        if {type(old), type(value)} == {dict, list}:  # DVC does not put one in the other's place
            yield f"~{name}"
        yield override(name, value)


def _written(name: str, value: Any) -> str:
    """Return a value as DVC reads it."""
    if not re.fullmatch(r"[\w.]+", name):
        raise ValueError(f"{name}: expected a name of letters, digits, _ and points")
    if isinstance(value, Mapping):
        inner = (f"{key}:{_written(f'{name}.{key}', x)}" for key, x in value.items())
        return f"{{{','.join(inner)}}}"
    if isinstance(value, list):
        return f"[{','.join(_written(name, x) for x in value)}]"
    if not isinstance(value, str):
        return json.dumps(value)
    if re.search(r"[\s\"'\\$]", value):
        raise ValueError(f"{name}: expected no blank, quote, $ or backslash, got {value!r}")
    plain = re.fullmatch(r"[a-z_][\w/.-]*", value) and value not in ("null", "true", "false")
    return value if plain else json.dumps(value, ensure_ascii=False)
