"""Reading and writing artifacts: files that hold data only, appear whole or not at all."""

import errno
import hashlib
import json
import os
import shutil
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

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


MISSING = "not found; an earlier stage makes it, `dvc repro` runs them all"
BLOCK = 1 << 22
"""Items of a mapped array that are looked at at a time."""
DAMAGED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    tokenize.TokenError,
)
"""What readers raise of files that are not what they were written as, whatever the format."""
NO_FILE = (None, errno.EISDIR, errno.ENOTDIR)
"""The numbers of an OSError that is about what is at a path, not about the machine or a permission:
pyarrow's has none."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what a damaged file or folder raises inside the block into a UserError that names it."""
    try:
        yield
    except FileNotFoundError as error:
        missing = error.filename or path
        raise UserError(f"{missing}: {MISSING}") from None
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in NO_FILE:
            raise
        problem = (str(error) or type(error).__name__).splitlines()[0]
        raise damaged(path, problem) from None


def damaged(path: Path, problem: str) -> UserError:
    """Return the error that says what is wrong with the file at `path`."""
    return UserError(f"{path}: damaged ({problem}); `dvc repro` makes it again")


def read_text(path: Path) -> str:
    """Return the text of the UTF-8 file at `path`."""
    with reading(path):
        return path.read_text(encoding="utf-8")


def read_json(path: Path) -> Any:
    """Return what the JSON file at `path` holds."""
    with reading(path):
        return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON; keys keep their order, NaN and infinity are refused."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def read_array(
    path: Path, *types: type[np.generic], dimensions: int = 1, mapped: bool = False
) -> NDArray[Any]:
    """Return the array of the .npy file at `path`, `mapped` into memory or read.

    Raises UserError unless the file holds one of `types` in so many dimensions, whole.
    """
    with reading(path):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(array, np.memmap):
            raise ValueError("several arrays")
        surplus = path.stat().st_size - array.offset - array.nbytes
        if array.dtype not in types or array.ndim != dimensions or surplus:
            raise ValueError(f"{array.dtype} of {array.shape}, {surplus} bytes after it")
        return array if mapped else np.array(array)


def blocks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield consecutive parts of a one-dimensional array.

    A mapped one is read from its file: the pages of a mapping count as memory in use.
    """
    starts = range(0, len(array), BLOCK)
    if not isinstance(array, np.memmap) or array.filename is None:
        yield from (array[start : start + BLOCK] for start in starts)
        return
    with Path(array.filename).open("rb") as file:
        file.seek(array.offset)
        for start in starts:
            yield np.fromfile(file, array.dtype, min(BLOCK, len(array) - start))


def check_range(path: Path, array: NDArray[Any], low: float, high: float) -> None:
    """Raise UserError that names `path` unless low <= each number of a 1-d `array` < high."""
    for block in blocks(array):
        if not (block.min() >= low and block.max() < high):  # NaN is in no range
            raise damaged(path, f"numbers from {block.min()} to {block.max()}")


def check_rising(path: Path, ends: NDArray[np.integer[Any]], last: int, *, strict: bool) -> None:
    """Raise UserError that names `path` unless the 1-d `ends` rise, from 0 or more to `last`.

    strict: unless each is above the one before, and the first above 0.
    """
    before = 0
    for block in blocks(ends):
        if (np.diff(block, prepend=before) < int(strict)).any():
            raise damaged(path, "ends that do not rise")
        before = int(block[-1])
    if before != last:
        raise damaged(path, f"the last end is {before} of {last}")


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write `array` as a .npy file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


def write_table(path: Path, table: "pd.DataFrame") -> None:
    """Write `table` as CSV without its index, numbers with 6 significant digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n", encoding="utf-8")


def read_table(path: Path, **options: Any) -> "pd.DataFrame":
    """Return the table of the CSV file at `path`, NaN where a cell is empty; options: of pandas.

    Raises EmptyDataError if it was written without a column.
    """
    import pandas as pd

    with reading(path):
        if path.stat().st_size == 0:
            raise ValueError("empty")
        try:
            return pd.read_csv(path, keep_default_na=False, na_values=[""], **options)
        except pd.errors.EmptyDataError:
            pass
    raise pd.errors.EmptyDataError(f"{path} has no columns")


def read_exact(path: Path, columns: Iterable[str]) -> "pd.DataFrame":
    """Return what `write_exact` wrote. Raises UserError unless it has `columns`, among others."""
    import pandas as pd

    with reading(path):
        table = pd.read_parquet(path)
        missing = [name for name in columns if name not in table]
        if missing:
            raise ValueError(f"no column {', '.join(missing)}")
        return table


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

    NaN and infinity become None, which JSON can hold and DVC leaves out.
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


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for bytes that takes the place of the one at `path`, and its mode, once whole.

    A link is followed. A device, a pipe and a file in a folder that may not be written are written
    as they are. Raises OSError for a folder and for a file that may not be written.
    """
    place = Path(os.path.realpath(path))
    there = place.is_file()
    if there and not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    if (os.path.lexists(place) and not there) or (there and not os.access(place.parent, os.W_OK)):
        with path.open("wb") as file:
            yield file
        return
    with replacing(place) as partial, partial.open("wb") as file:
        if there:
            shutil.copymode(place, partial)
        yield file


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
        raise UserError(f"{path}: {MISSING}")
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
