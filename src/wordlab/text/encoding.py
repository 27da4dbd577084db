"""Counting the words of the splits and encoding them by the vocabulary, in one pass over each."""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import UNKNOWN, Vocabulary

PIECE = 1 << 22
"""Bytes of text that are numbered at once."""


@dataclass(frozen=True, eq=False)
class NumberedText:
    """A split whose words are numbers, those of `words`, as the vocabulary is not yet known.

    numbers: int32 (N,), of each token; sentence_ends, document_ends: as of an EncodedCorpus.
    """

    words: tuple[str, ...]
    numbers: NDArray[np.int32]
    sentence_ends: NDArray[np.int64]
    document_ends: NDArray[np.int64]

    def counts(self) -> Counter[str]:
        """Return how often each word occurs."""
        found = np.bincount(self.numbers, minlength=len(self.words))
        return Counter(dict(zip(self.words, found.tolist(), strict=True)))

    def encoded(self, vocabulary: Vocabulary) -> EncodedCorpus:
        """Return the split as ids of `vocabulary`."""
        index = vocabulary.index
        ids = np.array([index.get(word, UNKNOWN) for word in self.words], dtype=np.int32)
        return EncodedCorpus(ids[self.numbers], self.sentence_ends, self.document_ends)


class _Numbers(dict[str, int]):
    """The number of each word, in the order in which they were first asked for."""

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        return number


def number(path: Path) -> NumberedText:
    """Return the split at `path`, its words numbered as they come."""
    numbers = _Numbers()
    tokens, line_ends = array("i"), array("q")
    for text in _pieces(path):
        found, ends = _number_piece(text, numbers)
        line_ends.frombytes((len(tokens) + ends).tobytes())
        tokens.frombytes(found.tobytes())
    lines = np.frombuffer(line_ends, dtype=np.int64)
    empty = np.diff(lines, prepend=0) == 0
    return NumberedText(
        words=tuple(numbers),
        numbers=np.frombuffer(tokens, dtype=np.int32),
        sentence_ends=lines[~empty],
        document_ends=_rising(np.append(lines[empty], len(tokens))),
    )


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield the text in pieces of some PIECE bytes, each of whole lines."""
    with path.open("rb") as file:
        while text := file.read(PIECE):
            text += file.readline()
            yield text if text.endswith(b"\n") else text + b"\n"


def _number_piece(text: bytes, numbers: _Numbers) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the numbers of the words of a piece, and how many there are up to each line end.

    Words are taken with the space or newline after them, so that Arrow can find the different
    ones where they lie; only those are looked at in Python.
    """
    data = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero((data == ord(" ")) | (data == ord("\n"))) + 1
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    parts = pa.Array.from_buffers(
        pa.binary(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    ).dictionary_encode()
    different = [part.decode().strip() for part in parts.dictionary.to_pylist()]
    number_of = np.array([numbers[word] if word else -1 for word in different], dtype=np.int32)
    found = number_of[parts.indices.to_numpy()]
    is_word = found >= 0
    return found[is_word], np.cumsum(is_word)[data[ends - 1] == ord("\n")]


def _rising(ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the different ends above 0, rising."""
    different = np.unique(ends)
    return different[different > 0]


def summary(corpus: EncodedCorpus) -> dict[str, float]:
    """Return how many tokens a split has and the share of them that is unknown."""
    unknown = float(np.mean(corpus.tokens == UNKNOWN)) if len(corpus) else 0.0
    return {
        "documents": len(corpus.document_ends),
        "sentences": len(corpus.sentence_ends),
        "tokens": len(corpus),
        "unknown_share": unknown,
    }
