"""Checkpoints: what a training needs to go on after it was cut off, kept until it ends."""

import glob
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from wordlab.artifacts import remove


@dataclass(frozen=True)
class Checkpoint:
    """One file that is replaced whole at each save, so that a kill leaves the last one intact.

    Two processes that train the same may share it: what either saves serves both.

    path: the file, or None for a checkpoint that keeps nothing (short trainings, tests).
    """

    path: Path | None = None
    code: str = ""
    """A digest of the code that the stage depends on."""

    def part(self, number: int) -> "Checkpoint":
        """Return the checkpoint of one of several trainings of a stage, cleared with this one."""
        return Checkpoint(self.path and self.path.with_suffix(f".{number}{self.path.suffix}"))

    def save(self, arrays: Mapping[str, NDArray[Any]], state: Mapping[str, Any]) -> None:
        """Keep `arrays` (any numeric dtype) and `state` (what JSON can hold)."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(f".{os.getpid()}.partial")
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        save_file(contiguous, partial, metadata={"state": json.dumps(state)})
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, self.path)

    def load(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """Return the arrays and the state last saved, or None if there are none to go on from."""
        if self.path is None or not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="numpy") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return arrays, json.loads(file.metadata()["state"])
        except (SafetensorError, KeyError, TypeError, ValueError):
            self.clear()  # a file of another program or a damaged disk: start again
            return None

    def clear(self) -> None:
        """Forget what was saved, and what stands beside it under the same name."""
        if self.path is not None:
            remove(self.path)
            for beside in self.path.parent.glob(f"{glob.escape(self.path.stem)}.*"):
                remove(beside)
