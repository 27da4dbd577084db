"""How often each word occurs: counted by pieces of a text, added up, beyond a size on disk.

`tally` is a pure function of a piece and `added` of tallies, in any order and grouping.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wordlab import workers
from wordlab.text import word_kernels as kernels
from wordlab.text.words import bytes_and_bounds, counted

PIECE = 1 << 22
"""Bytes of text held at a time by a worker."""
MOST_WORDS = 1_000_000
"""Different words held at a time; beyond, counts go to disk and are added up there by shares."""
SHARES = 64
"""Into how many files they go, each with all counts of the words whose hash is its own."""


@dataclass(frozen=True, eq=False)
class Tally:
    """Words and their counts, in no order: a Table of word (string) and count (int64).

    different: how many words there were, those left out too.
    """

    table: pa.Table = field(repr=False)
    different: int

    def __len__(self) -> int:
        return self.table.num_rows

    def counts(self) -> dict[str, int]:
        """Return the counts as a mapping."""
        words, counts = (self.table[name].to_pylist() for name in ("word", "count"))
        return dict(zip(words, counts, strict=True))

    def at_least(self, min_count: int) -> "Tally":
        """Return those of the words that were counted `min_count` times."""
        kept = self.table.filter(pc.greater_equal(self.table["count"], min_count))
        return Tally(kept, self.different)


def _table(words: pa.StringArray, counts: pa.Int64Array) -> pa.Table:
    return pa.table([words, counts], ["word", "count"])


def tally(piece: bytes) -> Tally:
    """Return the counts of the words of a text in lines, all of them whole."""
    words, counts = counted(piece)
    return Tally(_table(words, pa.array(counts)), len(words))


def added(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of tallies."""
    tables = pa.concat_tables([tally.table for tally in tallies])
    summed = tables.group_by("word").aggregate([("count", "sum")])
    return Tally(_table(summed["word"], summed["count_sum"]).combine_chunks(), len(summed))


def count_words(path: Path, min_count: int) -> Tally:
    """Return how often each word of the split at `path` occurs.

    Of a text with more than `MOST_WORDS` different words, those seen fewer than `min_count` times
    are left out. The result does not depend on how many threads count.
    """
    tallies = workers.in_order_of_threads(tally, pieces(path))
    with TemporaryDirectory() as scratch:
        spill = _Spill(Path(scratch))
        held: list[Tally] = [EMPTY]
        for one in tallies:
            held.append(one)
            if sum(map(len, held)) > 2 * MOST_WORDS:
                held = [added(held)]
                if len(held[0]) > MOST_WORDS:
                    spill.take(held[0])
                    held = [EMPTY]
        if spill.empty:
            return added(held)
        spill.take(added(held))
        parts = list(spill.sums(min_count))
    return Tally(
        pa.concat_tables([part.table for part in parts]).combine_chunks(),
        sum(part.different for part in parts),
    )


class _Spill:
    """Counts on disk, a word's all in one file, so that each file can be added up by itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = 0
        self.empty = True

    def take(self, counts: Tally) -> None:
        """Write the counts to the files of their words."""
        self.empty = False
        table = counts.table
        hashes = kernels.hashed(*bytes_and_bounds(table["word"].combine_chunks()))
        share = (hashes >> np.uint64(40)) % np.uint64(SHARES)
        for number in range(SHARES):
            own = table.take(np.flatnonzero(share == number))
            path = self._folder / f"{number}-{self._runs}.arrow"
            with pa.ipc.new_file(str(path), own.schema) as file:
                file.write_table(own)
        self._runs += 1

    def sums(self, min_count: int) -> Iterator[Tally]:
        """Yield the sums of each file, of words counted `min_count` times or more."""
        for number in range(SHARES):
            runs = [self._read(number, run) for run in range(self._runs)]
            yield added(runs).at_least(min_count)

    def _read(self, number: int, run: int) -> Tally:
        with pa.OSFile(str(self._folder / f"{number}-{run}.arrow")) as file:
            table = pa.ipc.open_file(file).read_all()
        return Tally(table, len(table))


def pieces(path: Path) -> Iterator[bytes]:
    """Yield the text at `path` in pieces of whole lines."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            piece += file.readline()
            yield piece if piece.endswith(b"\n") else piece + b"\n"


EMPTY = Tally(_table(pa.array([], pa.string()), pa.array([], pa.int64())), 0)
