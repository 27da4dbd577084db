"""The sections of params.yaml as frozen, validated models; params.yaml is the only home of a value.

Every section names its keys, their types and their ranges, and has no default: a key that is
missing, misspelt, of the wrong type or out of range is refused with one line that names it.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST = 2**31 - 1
"""The largest whole number that every library takes."""
Count = Annotated[int, Field(ge=1, le=MOST)]
"""A whole number, 1 or more."""
Seed = Annotated[int, Field(ge=0, le=MOST)]
"""What random streams are derived from."""
Window = Annotated[int, Field(ge=1, le=100_000)]
"""Words on either side of one; a window that is longer than a document is the document."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A share of the whole, 0 to 1."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A finite number above 0."""
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A finite number, 0 or more."""
Fraction = Annotated[float, Field(gt=0, lt=1)]
"""A share that is neither nothing nor the whole."""
Confidence = Fraction
"""The confidence level of an interval."""
Rate = Positive
"""A learning rate."""
Dropout = Annotated[float, Field(ge=0, lt=1)]
"""The probability that a unit is dropped."""
Words = Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
"""Words that a study shows, found in lower case too. Those that the text lacks are left out and
counted; where more than half are, words are chosen from the text, as where the param is null."""


class Section(BaseModel):
    """A section of params.yaml: immutable, no unknown keys, no conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SharedSection(Section):
    """A section for several models: each takes the keys of `shared`, with its own on top.

    A subclass has one field per model, which holds the complete settings of that model; fields of
    other types stay as they are. Mappings within mappings are merged likewise.
    """

    @model_validator(mode="before")
    @classmethod
    def spread(cls, raw: Any) -> Any:
        """Give each model the keys of `shared` that it does not set itself.

        A model named after its cell has that one.
        """
        if not isinstance(raw, Mapping) or "shared" not in raw:
            return raw
        shared = raw["shared"]
        if not isinstance(shared, Mapping):
            raise ValueError(f"shared: expected keys with values, got {shared!r}")
        own = {name: value for name, value in raw.items() if name != "shared"}
        models = {name for name, field in cls.model_fields.items() if is_section(field.annotation)}
        spread = {
            name: merged(shared, value or {})
            if name in models and isinstance(value, Mapping | None)
            else value
            for name, value in own.items()
        }
        for name, value in spread.items():
            cell = value.get("cell", name) if isinstance(value, Mapping) else name
            if cell != name:
                raise ValueError(f"{name}.cell: expected {name}, got {cell}")
        return spread


def is_section(annotation: Any) -> bool:
    """Say whether the type of a field is a section."""
    return isinstance(annotation, type) and issubclass(annotation, Section)


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


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes` on top, mappings in both key by key."""
    both = {**base, **changes}
    for name in base.keys() & changes.keys():
        if isinstance(base[name], Mapping) and isinstance(changes[name], Mapping):
            both[name] = merged(base[name], changes[name])
    return both
