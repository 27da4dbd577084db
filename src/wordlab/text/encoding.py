"""Counting the words of the training split, and encoding every split by the vocabulary.

Both go through the text in pieces, so that memory does not grow with it.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wordlab.text.corpus import EncodedCorpus, Writer
from wordlab.text.vocabulary import UNKNOWN, Vocabulary

PIECE = 1 << 22
"""Bytes of text held at a time."""
MOST_WORDS = 2_000_000
"""Different words held at a time, some 300 MB; beyond, counts go to disk and are merged."""


def count_words(path: Path, min_count: int) -> tuple[Counter[str], int]:
    """Return how often each word of the split at `path` occurs, and how many different there are.

    Of a text with more than `MOST_WORDS` different words, those seen fewer than `min_count` times
    are left out.
    """
    counts: Counter[str] = Counter()
    with TemporaryDirectory() as scratch:
        runs: list[Path] = []

        def spill() -> None:
            runs.append(Path(scratch) / f"{len(runs)}.tsv")
            with runs[-1].open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(f"{word}\t{counts[word]}\n" for word in sorted(counts))
            counts.clear()

        for piece in _pieces(path):
            words, places, _ = _words(piece)
            for word, count in zip(words, np.bincount(places, minlength=len(words)), strict=True):
                if count:
                    counts[word] += int(count)
            if len(counts) > MOST_WORDS:
                spill()
        if not runs:
            return counts, len(counts)
        spill()
        different = 0
        for word, count in _merged(runs):
            different += 1
            if count >= min_count:
                counts[word] = count
    return counts, different


def _merged(runs: Iterable[Path]) -> Iterator[tuple[str, int]]:
    """Yield each word of the sorted runs once, with the sum of its counts."""
    entries = heapq.merge(*map(_entries, runs))
    for word, same in groupby(entries, key=itemgetter(0)):
        yield word, sum(count for _, count in same)


def _entries(run: Path) -> Iterator[tuple[str, int]]:
    with run.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            word, _, count = line.rpartition("\t")
            yield word, int(count)


def encode(path: Path, vocabulary: Vocabulary, folder: Path) -> EncodedCorpus:
    """Write the split at `path` as ids of `vocabulary` into `folder`; return it, memory-mapped."""
    find = vocabulary.index.get
    with Writer(folder) as writer:
        for piece in _pieces(path):
            words, places, ends = _words(piece)
            ids = np.array([find(word, UNKNOWN) for word in words], dtype=np.int32)
            empty = np.diff(ends, prepend=0) == 0
            writer.add(ids[places], ends[~empty], ends[empty])
    return EncodedCorpus.load(folder)


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield the text at `path` in pieces of whole lines."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            piece += file.readline()
            yield piece if piece.endswith(b"\n") else piece + b"\n"


def _words(piece: bytes) -> tuple[list[str], NDArray[np.int32], NDArray[np.int64]]:
    """Return different words, the place among them of each token, and the tokens to each line end.

    Words are taken with the space or newline after them, so that Arrow can find the different
    ones where they lie; only those are looked at in Python. A word may be there twice.
    """
    data = np.frombuffer(piece, dtype=np.uint8)
    ends = np.flatnonzero((data == ord(" ")) | (data == ord("\n"))) + 1
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    parts = pa.Array.from_buffers(
        pa.binary(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(piece)]
    ).dictionary_encode()
    words = [part[:-1].decode() for part in parts.dictionary.to_pylist()]
    places = parts.indices.to_numpy()
    is_word = np.array(list(map(bool, words)), dtype=bool)[places]
    return words, places[is_word], np.cumsum(is_word)[data[ends - 1] == ord("\n")]


def summary(corpus: EncodedCorpus) -> dict[str, float]:
    """Return how many tokens a split has and the share of them that is unknown."""
    steps = range(0, len(corpus), PIECE)
    unknown = sum(int(np.sum(corpus.tokens[at : at + PIECE] == UNKNOWN)) for at in steps)
    return {
        "documents": len(corpus.document_ends),
        "sentences": len(corpus.sentence_ends),
        "tokens": len(corpus),
        "unknown_share": unknown / max(1, len(corpus)),
    }
