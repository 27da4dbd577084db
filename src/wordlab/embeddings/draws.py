"""Word vectors of draws of a text's documents: how else they might have come out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from wordlab.artifacts import read_array, read_json, reading, write_array, write_json
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError

ROWS = "draws.npy"
"""The file that tells a folder of draws from one of vectors."""
COUNTS = "document_counts.npy"


@dataclass(frozen=True, eq=False)
class Draws:
    """The vectors of a model from B draws of the documents, each with a seed of its own.

    vocabulary: the V words of the whole text, whose ids stay; rows: float16 (B, V, D), the vectors
    at length 1, zeros for a word that a draw lacks; document_counts: int64 (V,), in how many
    documents of the text each word occurs; description: how they were made, in types of JSON, where
    `vectors` is the description of a draw's vectors without their seed.
    """

    vocabulary: Vocabulary
    rows: NDArray[np.float16] = field(repr=False)
    document_counts: NDArray[np.int64] = field(repr=False)
    description: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def documents(self) -> int:
        """How many documents the text has."""
        return int(self.description["documents"])

    def are_of(self, vectors: Vectors) -> bool:
        """Return whether these are of the same text and model, by words, counts and settings."""
        own, other = self.vocabulary, vectors.vocabulary
        same_text = own.words == other.words and np.array_equal(own.counts, other.counts)
        return same_text and self.description.get("vectors") == settings(vectors)

    def unit(self, number: int) -> NDArray[np.float32]:
        """Return the rows of a draw, from 0, float32 (V, D)."""
        return self.rows[number].astype(np.float32)

    def vectors(self, number: int) -> Vectors:
        """Return the vectors of a draw, of the words that it has, their ids renumbered."""
        unit = self.unit(number)
        known = np.flatnonzero(unit.any(axis=1))
        words = tuple(self.vocabulary.words[i] for i in known.tolist())
        return Vectors(Vocabulary(words, self.vocabulary.counts[known]), unit[known])

    @classmethod
    def load(cls, folder: Path) -> "Draws":
        """Open what `save` wrote; the rows are memory-mapped.

        Raises UserError if there is nothing, or it is damaged.
        """
        path = folder / ROWS
        if not path.exists():
            raise UserError(f"{folder}: no draws here; `dvc repro` makes those of params.yaml")
        rows = read_array(path, np.float16, dimensions=3, mapped=True)
        vocabulary = Vocabulary.load(folder / "vocabulary.tsv")
        counts = read_array(folder / COUNTS, np.int64)
        with reading(path):
            if not rows.shape[1] == len(vocabulary) == len(counts):
                raise ValueError(f"{len(vocabulary)} words but rows of {rows.shape}")
        return cls(vocabulary, rows, counts, dict(read_json(folder / "description.json")))


def settings(vectors: Vectors) -> dict[str, Any]:
    """Return how vectors were made, but for the seed."""
    return {name: value for name, value in vectors.description.items() if name != "seed"}


def unit_rows(vectors: Vectors) -> NDArray[np.float16]:
    """Return vectors at length 1, float16 (V, D), zeros for words that do not occur."""
    unit = vectors.normalized.astype(np.float16)
    unit[vectors.vocabulary.counts == 0] = 0
    return unit


def save(
    folder: Path,
    vocabulary: Vocabulary,
    drawn: Iterable[NDArray[np.float16]],
    shape: tuple[int, int],
    document_counts: NDArray[np.int64],
    description: Mapping[str, Any],
) -> None:
    """Write draws.npy, draw after draw, and what else `Draws` has into `folder`.

    drawn: of each draw the rows, float16 (V, D); shape: how many draws, and D; description: as it
    is when all are drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count, dimensions = shape
    rows = open_memmap(
        folder / ROWS, "w+", np.float16, (count, len(vocabulary), dimensions), version=(1, 0)
    )
    for place, unit in zip(rows, drawn, strict=True):
        place[:] = unit
    rows.flush()
    write_array(folder / COUNTS, document_counts)
    vocabulary.save(folder / "vocabulary.tsv")
    write_json(folder / "description.json", dict(description))
