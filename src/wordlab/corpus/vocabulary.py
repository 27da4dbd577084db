"""The vocabulary: words, their counts in the training split, and their ids."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wordlab.errors import UserError

UNKNOWN = -1
"""The id of a word that is not in the vocabulary, in an encoded corpus."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Words by falling count, ties in alphabetical order; a word's id is its place.

    words: V distinct strings; counts: int64 (V,), occurrences in the training split.
    """

    words: tuple[str, ...]
    counts: NDArray[np.int64] = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.words) != len(self.counts):
            raise ValueError(f"{len(self.words)} words but {len(self.counts)} counts")
        self.counts.setflags(write=False)

    @classmethod
    def build(
        cls,
        counts: Mapping[str, int] | pa.Table,
        *,
        min_count: int = 1,
        max_size: int | None = None,
        section: str = "vocabulary",
    ) -> "Vocabulary":
        """Return the words seen at least `min_count` times, the `max_size` commonest of them.

        counts: of each word, as a mapping or a table with the columns word and count. Raises
        UserError if none is left, naming the `section` of the params.
        """
        if not isinstance(counts, pa.Table):
            columns = [pa.array(counts, pa.string()), pa.array(counts.values(), pa.int64())]
            counts = pa.table(columns, ["word", "count"])
        kept = counts.filter(pc.greater_equal(counts["count"], min_count))
        if not len(kept):
            raise UserError(
                f"{section}.min_count: no word of the training split occurs {min_count} times "
                f"or more ({len(counts)} different words, the commonest "
                f"{pc.max(counts['count']).as_py() or 0} times); expected a lower value"
            )
        order = pc.sort_indices(kept, [("count", "descending"), ("word", "ascending")])
        kept = kept.take(order[:max_size])
        return cls(words=tuple(kept["word"].to_pylist()), counts=kept["count"].to_numpy())

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self.index

    @cached_property
    def index(self) -> dict[str, int]:
        """The id of each word."""
        return {word: i for i, word in enumerate(self.words)}

    @property
    def unknown(self) -> int:
        """The class V of a language model: whatever is not among the words."""
        return len(self)

    @property
    def end(self) -> int:
        """The class V + 1 of a language model: the end of a sentence, and the start of the next."""
        return len(self) + 1

    @property
    def classes(self) -> int:
        """The number of classes of a language model: the words and both specials."""
        return len(self) + 2

    def id(self, word: str) -> int | None:
        """Return the id of `word`, or None if it is unknown."""
        return self.index.get(word)

    def known_id(self, word: str) -> int:
        """Return the id of `word`. Raises UserError, with near spellings, if it is unknown."""
        found = self.index.get(word)
        if found is None:
            near = difflib.get_close_matches(word, self.words, n=3)
            hint = f"; near it: {', '.join(near)}" if near else ""
            raise UserError(f"{word}: not in the vocabulary of {len(self)} words{hint}")
        return found

    def ids(self, words: Iterable[str]) -> list[int | None]:
        """Return the id of each of `words`, None for the unknown."""
        return [self.index.get(word) for word in words]

    def truncated(self, size: int | None) -> "Vocabulary":
        """Return the `size` commonest words, None for all; their ids do not change."""
        return Vocabulary(self.words[:size], self.counts[:size].copy())

    def save(self, path: Path) -> None:
        """Write one `word<TAB>count` per line, in the order of the ids."""
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for word, count in zip(self.words, self.counts.tolist(), strict=True):
                file.write(f"{word}\t{count}\n")

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote."""
        words, counts = [], []
        with path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                word, _, count = line.rstrip("\n").rpartition("\t")
                words.append(word)
                counts.append(int(count))
        return cls(tuple(words), np.array(counts, dtype=np.int64))
