"""What each setting means and may be, by its name: what the sections say of their keys."""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from wordlab.errors import UserError, notice
from wordlab.params import MOST, Section, SharedSection, is_section
from wordlab.params.language import CellParams, LanguageModelParams
from wordlab.params.text import BY_LANGUAGE
from wordlab.params.whole import Params, load, read

KINDS = {
    "integer": "a whole number", "number": "a number", "string": "a text",
    "boolean": "true or false", "array": "a list", "object": "keys with values", "null": "nothing",
}  # fmt: skip
LIMITS = {
    "minimum": "{:g} or more", "exclusiveMinimum": "above {:g}", "maximum": "at most {:g}",
    "exclusiveMaximum": "below {:g}",
}  # fmt: skip
SHARED = ("layers", "clip_norm", "weight_decay")
"""Settings that mean the same in every network, besides those of a cell."""


@dataclass(frozen=True)
class Setting:
    """A key of params.yaml.

    name: with its sections, points between; value: what it has or inherits; meaning: empty where
    nothing is said of it; allowed: its values in words, empty for a section, which has no value.
    """

    name: str
    value: Any
    meaning: str
    allowed: str


def settings(path: Path, name: str = "") -> list[Setting]:
    """Return the setting `name` of the file at `path`; of a section, or of no name, those within.

    A line says so where a value of the file is refused. Raises UserError, with the keys that there
    are, where there is no such setting.
    """
    raw = read(path)
    try:
        held = raw, load(path).model_dump()
    except UserError as error:  # what a value may be is asked where it is wrong, too
        notice(f"{error}; what a model inherits is shown as empty")
        held = raw, {}
    section: type[Section] = Params
    parts = name.split(".") if name else []
    for place, part in enumerate(parts):
        kinds = _kinds(section)
        if part not in kinds:
            raise UserError(f"{name}: no such param; expected one of {', '.join(kinds)}")
        if not is_section(kinds[part]):
            found = _setting(section, name, part, _value(held, part))
            for key in parts[place + 1 :]:
                found = replace(found, value=_inner(found, key))
            return [found]
        section, held = kinds[part], (_within(held[0], part), _within(held[1], part))
    return [
        _setting(section, ".".join([*parts, key]), key, _value(held, key))
        for key in _kinds(section)
    ]


def _within(values: Any, key: str) -> Any:
    return values.get(key) if isinstance(values, Mapping) else None


def _value(held: tuple[Any, Any], key: str) -> Any:
    """Return what the file has for a key, or else what it inherits."""
    given, whole = held
    return given[key] if isinstance(given, Mapping) and key in given else _within(whole, key)


def _inner(found: Setting, key: str) -> Any:
    """Return what a mapping has for a key."""
    if not isinstance(found.value, Mapping):
        above = found.name.partition(f".{key}")[0]
        raise UserError(f"{found.name}: no such param; {above} is {in_words(found.value)}")
    if key not in found.value:
        raise UserError(f"{found.name}: no such param; expected one of {', '.join(found.value)}")
    return found.value[key]


def in_words(value: Any) -> str:
    """Return a value of params.yaml as it reads: lists and keys without brackets."""
    if isinstance(value, Mapping):
        kept = {key: one for key, one in value.items() if one is not None}
        if kept.keys() == {"name"}:
            return in_words(kept["name"])
        return ", ".join(f"{key}: {in_words(one)}" for key, one in kept.items()) or "none"
    if isinstance(value, list | tuple):
        nested = any(isinstance(one, Mapping | list | tuple) for one in value)
        return ("; " if nested else ", ").join(map(in_words, value)) or "none"
    words = {None: "empty", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def _kinds(section: type[Section]) -> dict[str, Any]:
    """Return the types of the keys of a section, of which `shared` is that of its models."""
    found = {name: field.annotation for name, field in section.model_fields.items()}
    if issubclass(section, SharedSection):
        shared = next(kind for kind in found.values() if is_section(kind))
        return {"shared": shared, **found}
    return found


def _setting(section: type[Section], name: str, key: str, value: Any) -> Setting:
    kind = _kinds(section)[key]
    if is_section(kind):
        said = "what its models have in common" if key == "shared" else inspect.getdoc(kind)
        return Setting(name, None, _sentence(said or ""), "")
    schema = TypeAdapter(section).json_schema()
    allowed = _allowed(schema["properties"][key], schema.get("$defs", {}))
    if name in BY_LANGUAGE:
        allowed += "; or by_language"
    if value is None and ".shared." in name:
        allowed += "; each model sets its own"
    meaning = _meanings(section).get(key, "")
    if not meaning and key in {*CellParams.model_fields, *SHARED}:  # described once
        meaning = _meanings(LanguageModelParams)[key]
    return Setting(name, value, meaning, allowed)


@cache
def _meanings(section: type[Section]) -> dict[str, str]:
    """Return the docstrings behind the keys of a section."""
    found: dict[str, str] = {}
    for parent in reversed(section.__mro__):
        if not issubclass(parent, Section):
            continue
        (whole,) = ast.parse(textwrap.dedent(inspect.getsource(parent))).body
        assert isinstance(whole, ast.ClassDef)
        for field, said in pairwise(whole.body):
            if isinstance(field, ast.AnnAssign) and isinstance(said, ast.Expr):
                found[ast.unparse(field.target)] = _sentence(ast.literal_eval(said.value))
    return found


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _allowed(schema: Mapping[str, Any], sections: Mapping[str, Any]) -> str:
    """Return in words which values a JSON schema allows."""
    if "anyOf" in schema:
        return ", or ".join(_allowed(one, sections) for one in schema["anyOf"])
    if "$ref" in schema:
        keys = sections[schema["$ref"].rpartition("/")[2]].get("properties", {})
        return f"keys with values: {', '.join(keys)}"
    if "enum" in schema or "const" in schema:
        return f"one of {', '.join(map(str, schema.get('enum', [schema.get('const')])))}"
    said = KINDS.get(schema.get("type", ""), "a value")
    limits = [
        words.format(schema[limit])
        for limit, words in LIMITS.items()
        if limit in schema and schema[limit] != MOST
    ]
    if schema.get("type") == "array" and isinstance(schema.get("items"), Mapping):
        said += f", each {_allowed(schema['items'], sections)}"
    if values := schema.get("additionalProperties"):
        said += f", each {_allowed(values, sections)}" if isinstance(values, Mapping) else ""
    return ", ".join([said, *limits])
