"""Checkpoints: what a training that was cut off resumes from, kept until it ends."""

import glob
import json
import os
import re
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from wordlab.artifacts import remove

SECONDS = 10.0
"""Seconds between two saves. A training that is cut off loses these and one step at most."""


Arrays = Mapping[str, Mapping[str, NDArray[Any]]]
"""Arrays in groups, each by its name."""


class Checkpoint:
    """One file that is replaced whole at each save, so that a kill leaves the last one intact.

    A training calls `resume` with its recipe first, `due` as it goes, and `save` where that is so.
    Two processes that train the same may share it: what either saves serves both.
    """

    def __init__(self, path: Path | None = None, code: str = "") -> None:
        """path: the file, or None to keep nothing, as NOTHING_KEPT does; code: a digest of the
        code that the stage depends on."""
        self.path, self.code = path, code
        self._recipe = ""
        self._saved_at = time.monotonic()
        self._parts: dict[int | str, Checkpoint] = {}

    def part(self, name: int | str) -> "Checkpoint":
        """Return the checkpoint of one of several trainings of a stage, cleared with this one."""
        if self.path is None:
            return self
        beside = self.path.with_suffix(f".{name}{self.path.suffix}")
        return self._parts.setdefault(name, Checkpoint(beside, self.code))

    def resume(self, recipe: Callable[[], Any]) -> tuple[Arrays, dict[str, Any]] | None:
        """Return the arrays and the state last saved, or None if there are none of this recipe.

        recipe: returns all that decides the result, as JSON can hold it; what is saved from here
        on is of it.
        """
        self._saved_at = time.monotonic()
        if self.path is None:
            return None
        self._recipe = json.dumps(recipe(), sort_keys=True)
        try:
            with safe_open(self.path, framework="numpy") as file:
                if file.metadata()["recipe"] != self._recipe:
                    return None  # of other settings or another text
                flat = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
                state = file.metadata()["state"]
                if file.metadata()["checksum"] != _checksum(flat, state):
                    raise ValueError("other bytes than were saved")
                arrays: dict[str, dict[str, NDArray[Any]]] = defaultdict(dict)
                for key, array in flat.items():
                    group, _, name = key.partition("/")
                    arrays[group][name] = array
                return arrays, json.loads(state)
        except FileNotFoundError:
            return None
        except (SafetensorError, KeyError, TypeError, ValueError):
            self.clear()  # a file of another program or a damaged disk: start again
            return None

    def due(self) -> bool:
        """Return whether it is time to save."""
        return self.path is not None and time.monotonic() - self._saved_at > SECONDS

    def save(self, arrays: Arrays, state: Mapping[str, Any]) -> None:
        """Keep `arrays` (any numeric dtype) and `state` (what JSON can hold)."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(f".{os.getpid()}.partial")
        contiguous = {
            f"{group}/{name}": np.ascontiguousarray(array)
            for group, members in arrays.items()
            for name, array in members.items()
        }
        written = json.dumps(state)
        checksum = _checksum(contiguous, written)
        metadata = {"recipe": self._recipe, "state": written, "checksum": checksum}
        try:
            save_file(contiguous, partial, metadata)
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(partial, self.path)
        except SafetensorError as error:  # in which an error of the system is text
            found = re.search(r"os error (\d+)", str(error))
            if found is None:
                raise
            raise OSError(int(found[1]), os.strerror(int(found[1])), str(self.path)) from None
        finally:
            remove(partial)
        self._saved_at = time.monotonic()

    def clear(self) -> None:
        """Forget what was saved, and what lies beside it under the same name."""
        if self.path is not None:
            remove(self.path)
            for beside in self.path.parent.glob(f"{glob.escape(self.path.stem)}.*"):
                remove(beside)


def _checksum(arrays: Mapping[str, NDArray[Any]], state: str) -> str:
    """Return the CRC-32 of contiguous arrays, by their names, and of a state."""
    found = zlib.crc32(state.encode())
    for name in sorted(arrays):
        found = zlib.crc32(arrays[name].data, zlib.crc32(name.encode(), found))
    return str(found)


NOTHING_KEPT = Checkpoint()
"""For short trainings: a training that is cut off is lost."""
