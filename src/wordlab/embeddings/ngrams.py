"""Character n-grams of words, hashed to rows as fastText does; vectors of words never seen.

The n-grams of a word are those of `<word>`, its first and last character marked, of `shortest` to
`longest` characters (Bojanowski et al. 2017, section 3.2). Each is hashed to one of so many rows
that all words share, by FNV-1a of its UTF-8 bytes. As in fastText, a byte above 127 counts as a
negative number, whose 32 bits all enter the hash; an n-gram of one character is none at either end;
and `</s>`, its mark of the end of a sentence, has no n-grams.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from wordlab.artifacts import damaged, read_array, read_json, reading, write_array, write_json
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors

END_OF_SENTENCE = "</s>"
NGRAMS, SETTINGS = "ngrams.npy", "ngrams.json"
WORDS = 1 << 16
"""Words that are cut into n-grams at a time."""
_BASIS, _PRIME = np.uint32(2166136261), np.uint32(16777619)


class Ngrams(NamedTuple):
    """The rows of the n-grams of words: those of word w are rows[ends[w-1]:ends[w]].

    ends: int64 (V,); rows: int32, from 0. An n-gram that a word has twice is there twice.
    """

    ends: NDArray[np.int64]
    rows: NDArray[np.int32]


@njit(nogil=True, cache=True)
def fnv1a(text: Any, start: int, stop: int) -> np.uint32:
    """Return the 32-bit FNV-1a hash of the bytes start..stop-1 of `text`, each sign-extended."""
    found = _BASIS
    for i in range(start, stop):
        found = np.uint32((found ^ np.uint32(np.int32(np.int8(text[i])))) * _PRIME)
    return found


@njit(nogil=True, cache=True)
def _cut(
    text: Any, word_ends: Any, shortest: int, longest: int, buckets: int, ends: Any, rows: Any
) -> int:
    """Fill ends and rows with the n-grams of the words in `text`; return how many there are.

    text: uint8, the marked words one after another; word_ends: int64 (W,). Rows beyond the length
    of `rows` are counted only.
    """
    found, begin = 0, 0
    for w in range(len(word_ends)):
        end = word_ends[w]
        for start in range(begin, end):
            if text[start] & 0xC0 == 0x80:  # inside a character
                continue
            stop, length = start, 0
            while stop < end and length < longest:
                stop += 1
                while stop < end and text[stop] & 0xC0 == 0x80:
                    stop += 1
                length += 1
                if length >= shortest and not (length == 1 and (start == begin or stop == end)):
                    if found < len(rows):
                        rows[found] = fnv1a(text, start, stop) % np.uint32(buckets)
                    found += 1
        ends[w] = found
        begin = end
    return found


def ngrams_of(words: Sequence[str], shortest: int, longest: int, buckets: int) -> Ngrams:
    """Return the rows, 0 to buckets - 1, of the n-grams of `words`, in fastText's order."""
    all_ends, all_rows, before = [], [], 0
    for first in range(0, len(words), WORDS):
        marked = [
            b"" if word == END_OF_SENTENCE else f"<{word}>".encode()
            for word in words[first : first + WORDS]
        ]
        text = np.frombuffer(b"".join(marked), dtype=np.uint8)
        word_ends = np.fromiter(accumulate(map(len, marked)), np.int64, len(marked))
        ends = np.empty(len(marked), dtype=np.int64)
        rows = np.empty(0, dtype=np.int32)
        if longest >= shortest and buckets > 0:
            size = _cut(text, word_ends, shortest, longest, buckets, ends, rows)
            rows = np.empty(size, dtype=np.int32)
            _cut(text, word_ends, shortest, longest, buckets, ends, rows)
        else:
            ends[:] = 0
        all_ends.append(ends + before)
        all_rows.append(rows)
        before += len(rows)
    if not all_ends:
        return NO_NGRAMS
    return Ngrams(np.concatenate(all_ends), np.concatenate(all_rows))


@njit(nogil=True, cache=True)
def add_rows(sums: Any, rows: Any, ngrams: Any) -> None:
    """Add to sums[w] the rows of the n-grams of word w. Mutates sums, float32 (W, D)."""
    at = 0
    for w in range(len(ngrams.ends)):
        while at < ngrams.ends[w]:
            row = np.uint64(ngrams.rows[at])
            for d in range(sums.shape[1]):
                sums[w, d] += rows[row, d]
            at += 1


NO_NGRAMS = Ngrams(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32))
"""Of no words."""


@dataclass(frozen=True, eq=False)
class Subwords:
    """The vectors of n-grams, from which words that a model has never seen get theirs.

    rows: float32 (B, D), read-only; shortest, longest: the characters of an n-gram; lower_case:
    whether words are taken in lower case, as where the text was.
    """

    rows: NDArray[np.float32] = field(repr=False)
    shortest: int
    longest: int
    lower_case: bool

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or not 1 <= self.shortest <= self.longest:
            raise ValueError(
                f"rows of {self.rows.shape}, n-grams of {self.shortest} to {self.longest}"
            )
        self.rows.setflags(write=False)

    def ngrams(self, words: Sequence[str]) -> Ngrams:
        """Return the rows of the n-grams of `words`."""
        return ngrams_of(words, self.shortest, self.longest, len(self.rows))

    def spelling(self, word: str) -> str:
        """Return `word` as the text would have it."""
        return word.lower() if self.lower_case else word

    def vector(self, word: str) -> NDArray[np.float32] | None:
        """Return the mean of the vectors of a word's n-grams, float32 (D,); None without any."""
        rows = self.ngrams([self.spelling(word)]).rows
        return self.rows[rows].mean(axis=0, dtype=np.float32) if len(rows) else None

    def extended(self, vectors: Vectors, words: Iterable[str]) -> Vectors:
        """Return `vectors` with those of `words` that it lacks behind them, counted 0 times.

        A word is lacking if neither it nor its spelling is known; a word without n-grams is left
        out.
        """
        known = vectors.vocabulary
        lacking = dict.fromkeys(
            self.spelling(word)
            for word in words
            if known.spelling(word) not in known and self.spelling(word) not in known
        )
        made = {word: row for word in lacking if (row := self.vector(word)) is not None}
        if not made:
            return vectors
        vocabulary = Vocabulary(
            (*known.words, *made), np.append(known.counts, np.zeros(len(made), dtype=np.int64))
        )
        matrix = np.concatenate([vectors.matrix, np.stack(list(made.values()))])
        return Vectors(vocabulary, matrix, vectors.description)

    def save(self, folder: Path) -> None:
        """Write ngrams.npy and ngrams.json into `folder`."""
        write_array(folder / NGRAMS, self.rows)
        settings = {name: getattr(self, name) for name in ("shortest", "longest", "lower_case")}
        write_json(folder / SETTINGS, settings)

    @staticmethod
    def remove(folder: Path) -> None:
        """Remove what `save` wrote, if there is anything."""
        for name in (NGRAMS, SETTINGS):
            (folder / name).unlink(missing_ok=True)

    @classmethod
    def load(cls, folder: Path) -> "Subwords":
        """Read what `save` wrote; raises UserError if it is damaged."""
        path = folder / NGRAMS
        rows = read_array(path, np.float32, dimensions=2)
        if not np.isfinite(rows).all():
            raise damaged(path, "a vector that is not finite")
        with reading(folder / SETTINGS):
            return cls(rows, **read_json(folder / SETTINGS))


def in_lower_case(words: Sequence[str]) -> bool:
    """Say whether no word has a letter in upper case."""
    return all(word == word.lower() for word in words)
