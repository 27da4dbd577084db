"""Reading and writing artifacts: files that hold data only, appear whole or not at all."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wordlab.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Result:
    """What a study, a sweep or a comparison measured: numbers, which `report.findings` words.

    tables: by name; metrics: nested numbers, which outputs round.
    """

    tables: Mapping[str, "pd.DataFrame"]
    metrics: Mapping[str, Any]


def read_json(path: Path) -> Any:
    """Return what the JSON file at `path` holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON; keys keep their order, NaN and infinity are refused."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def read_array(path: Path) -> NDArray[Any]:
    """Return the array of the .npy file at `path`; arrays of Python objects are refused."""
    return np.load(path, allow_pickle=False)


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write `array` as a .npy file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


def write_table(path: Path, table: "pd.DataFrame") -> None:
    """Write `table` as CSV without its index, numbers with 6 significant digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n", encoding="utf-8")


def write_tables(folder: Path, tables: Mapping[str, "pd.DataFrame"]) -> None:
    """Write each of `tables`, as `write_table` does, into `folder` under its name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_table(folder / f"{name}.csv", table)


def write_exact(path: Path, table: "pd.DataFrame") -> None:
    """Write `table` as Parquet without its index, for a stage that computes with its values."""
    table.to_parquet(path, index=False)


def rounded(metrics: Mapping[str, Any], digits: int = 5) -> dict[str, Any]:
    """Return nested metrics with every float rounded to `digits` significant digits.

    NaN becomes None, which JSON can hold and DVC leaves out.
    """
    return {key: _rounded(value, digits) for key, value in metrics.items()}


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, Mapping):
        return rounded(value, digits)
    if isinstance(value, list | tuple):
        return [_rounded(item, digits) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if np.isfinite(value) else None
    return value


def nested(table: "pd.DataFrame", keys: Sequence[str]) -> dict[str, Any]:
    """Return the rows of `table` as metrics nested by the columns `keys`, without what is NaN.

    A number among the keys has its column's name in front: `length 50`.
    """
    result: dict[str, Any] = {}
    for row in table.to_dict("records"):
        place = result
        for key in keys:
            value = row.pop(key)
            name = f"{key} {value}" if isinstance(value, int) else str(value)
            place = place.setdefault(name, {})
        place |= {str(key): value for key, value in row.items() if value == value}
    return result


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; what is written there takes its place at the end.

    A file or a folder. If the body raises, `path` is left as it was; where the swap itself was cut
    off, the next one begins by putting back what was there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, old = path.with_name(f".{path.name}.partial"), path.with_name(f".{path.name}.old")
    if old.exists() and not path.exists():
        os.replace(old, path)
    remove(old)
    remove(partial)
    try:
        yield partial
        if not partial.exists():
            raise FileNotFoundError(f"nothing was written for {path}")
        if path.exists():
            os.replace(path, old)
        os.replace(partial, path)
        remove(old)
    finally:
        remove(partial)


def remove(path: Path) -> None:
    """Delete the file or folder at `path`, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def md5(path: Path) -> str:
    """Return the md5 that DVC gives the file or folder at `path`, folders ending in `.dir`.

    A folder's is the md5 of the JSON list of its files, each with its md5 and relative path; what
    Python compiled does not count, as .dvcignore says.
    """
    if not path.exists():
        raise UserError(f"{path}: not found; an earlier stage makes it, `dvc repro` runs them all")
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    entries = [
        {"md5": md5(file), "relpath": file.relative_to(path).as_posix()}
        for file in path.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    ]
    return md5_of_listing(entries)


def md5_of_listing(entries: Sequence[Mapping[str, str]]) -> str:
    """Return the md5 that DVC gives a folder of files, each with its md5 and relpath."""
    ordered = sorted(entries, key=lambda entry: tuple(entry["relpath"].split("/")))
    listing = json.dumps(ordered, sort_keys=True)
    return hashlib.md5(listing.encode()).hexdigest() + ".dir"
