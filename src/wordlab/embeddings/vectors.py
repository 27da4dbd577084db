"""Word vectors: a matrix and the vocabulary of its rows, immutable."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, count, takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordlab.artifacts import read_array, read_json, reading, write_array, write_json
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError

ROWS = 4096
"""Vectors that are checked at a time."""
TINY = 1e-15
"""Vectors shorter than this, or longer than 1 / TINY, are scaled before their squares are summed,
which float32 could not hold."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """Word vectors.

    vocabulary: V words; matrix: float32 (V, D), one row per word, read-only; description: how they
    were made (model, settings), in types of JSON.
    """

    vocabulary: Vocabulary
    matrix: NDArray[np.float32] = field(repr=False)
    description: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or len(self.matrix) != len(self.vocabulary):
            raise ValueError(f"{len(self.vocabulary)} words but a matrix of {self.matrix.shape}")
        self.matrix.setflags(write=False)

    @cached_property
    def normalized(self) -> NDArray[np.float32]:
        """float32 (V, D): the rows at length 1; a row of zeros stays zeros."""
        with np.errstate(over="ignore"):
            norms = np.linalg.norm(self.matrix, axis=1, keepdims=True)
        usual = (norms > TINY) & (norms < 1 / TINY)
        unit = np.divide(self.matrix, norms, out=np.zeros_like(self.matrix), where=usual)
        others = np.flatnonzero(~usual)
        if len(others):
            rows = self.matrix[others]
            largest = np.abs(rows).max(axis=1, keepdims=True, initial=0)
            rows /= np.where(largest, largest, 1)
            lengths = np.linalg.norm(rows, axis=1, keepdims=True)
            unit[others] = rows / np.where(lengths, lengths, 1)
        unit.setflags(write=False)
        return unit

    def neighbours(self, word: str, n: int = 10) -> list[tuple[str, float]]:
        """Return the `n` words of highest cosine with `word`, nearest first, without itself.

        Raises UserError if the word is unknown, with the nearest spellings.
        """
        i = self.vocabulary.known_id(word)
        cosines = self.normalized @ self.normalized[i]
        cosines[i] = -np.inf
        best = np.argsort(-cosines, kind="stable")[: min(n, len(cosines) - 1)]
        return [(self.vocabulary.words[j], float(cosines[j])) for j in best]

    def save(self, folder: Path) -> None:
        """Write vectors.npy, vocabulary.tsv and description.json into `folder`."""
        write_array(folder / "vectors.npy", self.matrix)
        self.vocabulary.save(folder / "vocabulary.tsv")
        write_json(folder / "description.json", dict(self.description))

    @classmethod
    def load(cls, folder: Path) -> "Vectors":
        """Read what `save` wrote; raises UserError if there is nothing, or a vector not finite."""
        if not (folder / "vectors.npy").exists():
            raise UserError(
                f"{folder}: no word vectors here; `dvc repro` makes those of params.yaml"
            )
        path = folder / "vectors.npy"
        matrix = read_array(path, np.float32, dimensions=2)
        vocabulary = Vocabulary.load(folder / "vocabulary.tsv")
        with reading(path):
            found = cls(vocabulary, matrix, dict(read_json(folder / "description.json")))
        for start in range(0, len(matrix), ROWS):
            finite = np.isfinite(matrix[start : start + ROWS]).all(axis=1)
            if not finite.all():
                word = vocabulary.words[start + int(np.argmin(finite))]
                raise UserError(
                    f"{path}: the vector of {word!r} has NaN or infinity; expected finite numbers"
                )
        return found


def save_trainings(folder: Path, trainings: Sequence[Vectors]) -> None:
    """Write the vectors of trainings that differ only in the seed.

    The first go to `folder`, the others to its subfolders seed_2, seed_3, ...
    """
    for place, vectors in zip(_folders(folder), trainings, strict=False):
        vectors.save(place)


def load_trainings(folder: Path) -> list[Vectors]:
    """Read what `save_trainings` wrote, or the one training that `Vectors.save` wrote.

    Raises as `Vectors.load` does if `folder` is missing.
    """
    first, *others = takewhile(lambda place: place == folder or place.exists(), _folders(folder))
    return [Vectors.load(place) for place in (first, *others)]


def _folders(folder: Path) -> Iterator[Path]:
    return chain([folder], (folder / f"seed_{number}" for number in count(2)))
