"""fastText's .bin: words with their counts, and the rows of words and of n-grams.

In little-endian numbers: a mark and a version, int32 each; twelve int32 and a double of settings;
three int32 and two int64 of sizes; each word, ended by a zero byte, with its count as int64 and
its kind as a byte; then two matrices, inputs and outputs, each with a byte that says whether it is
quantised, two int64 of shape, and float32. Its .vec is word2vec text, which `formats` and `reading`
have.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordlab.artifacts import whole_file
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.ngrams import Subwords, add_rows, in_lower_case, ngrams_of
from wordlab.embeddings.reading import REPEATED, UNDECODABLE, UNFIT, opened, said
from wordlab.embeddings.vectors import ROWS, Vectors
from wordlab.errors import UserError, notice

MARK, VERSION, EARLIER = 793712314, 12, 11
SETTINGS = (
    "dim", "ws", "epoch", "min_count", "neg", "word_ngrams", "loss", "model", "bucket", "minn",
    "maxn", "lr_update_rate", "t",
)  # fmt: skip
_START, _SETTINGS, _SIZES, _ENTRY, _SHAPE = (
    struct.Struct(form) for form in ("<ii", "<12id", "<iiiqq", "<qb", "<?qq")
)
_NEGATIVE_SAMPLING, _SKIPGRAM, _SUPERVISED = 2, 2, 3
_WORD = 0
CHUNK = 1 << 20
"""Bytes read at a time; a word is no longer."""
MOST = 1 << 40
"""Numbers in a matrix; one that announces more is damaged."""


class Model(NamedTuple):
    """What a file holds: vectors of words, those of n-grams if it has any, and what it left out."""

    vectors: Vectors
    subwords: Subwords | None
    remarks: list[str]


def is_binary(path: Path) -> bool:
    """Say whether the file at `path`, packed or not, begins as fastText's .bin does."""
    with opened(path) as stream:
        return stream.read(4) == struct.pack("<i", MARK)


def read(path: Path, words: int | None = None) -> Model:
    """Return the model in the file at `path`, packed or not, the first `words` of its words.

    A word's vector is the mean of its row and those of its n-grams, as fastText has it. A word
    that is not UTF-8 or occurs again is left out, and so is one whose vector is not finite.
    Raises UserError, which names the place, if the file is cut off, quantised, or no .bin, and
    if a row of n-grams is not finite.
    """
    with opened(path) as stream:
        source = _Source(path, stream)
        settings = _settings(source)
        names, counts = _entries(source)
        size = len(names)
        rows = _matrix(source, settings["dim"], size + settings["bucket"])
        _pass_outputs(source, settings["dim"])
    subword = settings["maxn"] > 0 and settings["bucket"] > 0
    kept, left_out = _kept(names, words)
    known = [names[i].decode() for i in kept]
    matrix = _means(rows, size, known, kept, settings) if subword else rows[kept]
    finite = np.asarray(np.isfinite(matrix).all(axis=1))
    left_out[UNFIT] = [known[i] for i in np.flatnonzero(~finite)]
    known = [word for word, fit in zip(known, finite.tolist(), strict=True) if fit]
    if not known:
        raise UserError(f"{path}: no word vectors in it; expected fastText's .bin with words")
    vocabulary = Vocabulary(tuple(known), counts[kept][finite])
    described = {"model": "unknown", "format": "fasttext_bin"}
    vectors = Vectors(vocabulary, matrix[finite], described)
    subwords = None
    if subword:
        if not np.isfinite(rows[size:]).all():
            raise UserError(f"{path}: n-grams with NaN or infinity; expected finite numbers")
        lower = in_lower_case([name.decode(errors="replace") for name in names])
        subwords = Subwords(rows[size:], settings["minn"], settings["maxn"], lower)
    return Model(vectors, subwords, said(left_out, len(names)))


def read_with_notice(path: Path, words: int | None = None) -> Model:
    """Return what `read` does; a Notice counts what is left out."""
    found = read(path, words)
    if found.remarks:
        notice(f"{path}: {'; '.join(found.remarks)}")
    return found


def write(vectors: Vectors, subwords: Subwords | None, path: Path) -> None:
    """Write word vectors, and those of n-grams if there are any, as fastText's .bin.

    fastText makes the same vectors of it, up to rounding, for words known and never seen. Output
    weights are zeros, since vectors do not have them. Raises UserError if a word is empty or has a
    zero byte, which the format cannot represent.
    """
    words, counts = vectors.vocabulary.words, vectors.vocabulary.counts
    for word in words:
        if not word or "\0" in word:
            raise UserError(f"{path}: {word!r} is no word that the format can hold")
    size, dimensions = vectors.matrix.shape
    made, buckets = vectors.description, len(subwords.rows) if subwords else 0
    settings = {
        "dim": dimensions, "ws": made.get("window", 5), "epoch": made.get("epochs", 5),
        "min_count": 1, "neg": made.get("negatives", 5), "word_ngrams": 1,
        "loss": _NEGATIVE_SAMPLING, "model": _SKIPGRAM, "bucket": buckets,
        "minn": subwords.shortest if subwords else 0, "maxn": subwords.longest if subwords else 0,
        "lr_update_rate": 100, "t": float(made.get("subsample", 1e-4)),
    }  # fmt: skip
    with whole_file(path) as file:
        file.write(_START.pack(MARK, VERSION))
        file.write(_SETTINGS.pack(*(settings[name] for name in SETTINGS)))
        file.write(_SIZES.pack(size, size, 0, int(counts.sum()), -1))
        for word, count in zip(words, counts.tolist(), strict=True):
            file.write(word.encode() + b"\0" + _ENTRY.pack(count, _WORD))
        file.write(_SHAPE.pack(False, size + buckets, dimensions))
        for start in range(0, size, ROWS):
            own = vectors.matrix[start : start + ROWS]
            if subwords:
                own = _own_rows(own, words[start : start + ROWS], subwords)
            file.write(own.astype("<f4").tobytes())
        if subwords:
            file.write(subwords.rows.astype("<f4").tobytes())
        file.write(_SHAPE.pack(False, size, dimensions))
        for start in range(0, size, ROWS):
            file.write(bytes(4 * dimensions * min(ROWS, size - start)))


class _Source:
    """Reads exactly what is asked for; says where the file ends if it has not so much."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self.path, self.stream, self.at = path, stream, 0
        self.ahead, self.place = b"", 0  # what was read, and from where on it is still to be taken

    def take(self, size: int, what: str) -> bytes:
        """Return `size` bytes."""
        parts = [self.ahead[self.place : self.place + size]]
        self.place += len(parts[0])
        lacking = size - len(parts[0])
        while lacking > 0:
            part = self.stream.read(min(lacking, CHUNK))
            if not part:
                raise self.fault(f"ends within {what}")
            parts.append(part)
            lacking -= len(part)
        self.at += size
        return b"".join(parts)

    def skip(self, size: int, what: str) -> None:
        """Read `size` bytes and forget them."""
        for start in range(0, size, CHUNK):
            self.take(min(CHUNK, size - start), what)

    def word(self) -> bytes:
        """Return the bytes before the next zero byte."""
        while (end := self.ahead.find(b"\0", self.place)) < 0:
            self.ahead, self.place = self.ahead[self.place :], 0
            part = self.stream.read(CHUNK) if len(self.ahead) < CHUNK else b""
            if not part:
                raise self.fault("ends within a word")
            self.ahead += part
        found = self.ahead[self.place : end]
        self.at += end + 1 - self.place
        self.place = end + 1
        return found

    def fault(self, problem: str) -> UserError:
        return UserError(
            f"{self.path}, byte {self.at:,}: {problem}; expected fastText's .bin, whole and not "
            "quantised"
        )


def _settings(source: _Source) -> dict[str, Any]:
    """Return the settings by name."""
    mark, version = _START.unpack(source.take(_START.size, "its mark"))
    if mark != MARK or version not in (EARLIER, VERSION):
        raise source.fault(f"mark {mark} and version {version}")
    values = _SETTINGS.unpack(source.take(_SETTINGS.size, "its settings"))
    settings = dict(zip(SETTINGS, values, strict=True))
    if settings["dim"] < 1 or settings["bucket"] < 0:
        raise source.fault(f"{settings['dim']} dimensions and {settings['bucket']} rows of n-grams")
    if settings["model"] == _SUPERVISED and version == EARLIER:
        settings["maxn"] = 0  # it had none, whatever it says
    if settings["maxn"] > 0 and not 1 <= settings["minn"] <= settings["maxn"]:
        raise source.fault(f"n-grams of {settings['minn']} to {settings['maxn']} characters")
    return settings


def _entries(source: _Source) -> tuple[list[bytes], NDArray[np.int64]]:
    """Return the words and their counts; labels, which follow them, are passed over."""
    size, words, labels, _, pruned = _SIZES.unpack(source.take(_SIZES.size, "its sizes"))
    if not (words >= 1 and labels >= 0 and size == words + labels):
        raise source.fault(f"{words} words and {labels} labels among {size}")
    if pruned > 0:
        raise source.fault("quantised")
    names, counts = [], []
    for place in range(size):
        name = source.word()
        count, kind = _ENTRY.unpack(source.take(_ENTRY.size, "a word"))
        if count < 0 or (kind == _WORD) != (place < words):
            raise source.fault(f"the word {name.decode(errors='replace')!r} of kind {kind}")
        names.append(name)
        counts.append(count)
    return names[:words], np.array(counts[:words], dtype=np.int64)


def _shape(source: _Source, what: str, dimensions: int) -> int:
    """Return the rows of the matrix that follows."""
    quantised, rows, columns = _SHAPE.unpack(source.take(_SHAPE.size, what))
    if quantised:
        raise source.fault("quantised")
    if columns != dimensions or not 0 <= rows <= MOST // dimensions:
        raise source.fault(f"{what} of {rows:,} x {columns:,}, not {dimensions:,} dimensions")
    return int(rows)


def _matrix(source: _Source, dimensions: int, expected: int) -> NDArray[np.float32]:
    """Return the matrix of inputs, float32 (expected, dimensions)."""
    rows = _shape(source, "inputs", dimensions)
    if rows != expected:
        raise source.fault(f"inputs of {rows:,} rows, not {expected:,}")
    try:
        matrix = np.empty((rows, dimensions), dtype=np.float32)
    except MemoryError:
        raise UserError(
            f"{source.path}: {rows:,} rows of {dimensions:,} numbers, more than fit in memory"
        ) from None
    for start in range(0, rows, ROWS):
        part = matrix[start : start + ROWS]
        part[:] = np.frombuffer(source.take(part.nbytes, "inputs"), "<f4").reshape(part.shape)
    return matrix


def _pass_outputs(source: _Source, dimensions: int) -> None:
    """Read over the matrix of outputs, which ends the file."""
    source.skip(4 * dimensions * _shape(source, "outputs", dimensions), "outputs")
    if source.place < len(source.ahead) or source.stream.read(1):
        raise source.fault("more behind its end")


def _kept(names: list[bytes], words: int | None) -> tuple[NDArray[np.int64], dict[str, list[str]]]:
    """Return the places of the first `words` words that can be had, and those left out."""
    seen: set[bytes] = set()
    kept: list[int] = []
    left_out: dict[str, list[str]] = {REPEATED: [], UNDECODABLE: []}
    for place, name in enumerate(names):
        if len(kept) == words:
            break
        text = name.decode(errors="replace")
        if text.encode() != name or not name:
            left_out[UNDECODABLE].append(text)
        elif name in seen:
            left_out[REPEATED].append(text)
        else:
            kept.append(place)
            seen.add(name)
    return np.array(kept, dtype=np.int64), left_out


def _means(
    rows: NDArray[np.float32],
    size: int,
    words: list[str],
    places: NDArray[np.int64],
    settings: dict[str, Any],
) -> NDArray[np.float32]:
    """Return the vectors of `words`, whose own rows are at `places`; those of n-grams follow."""
    found = rows[places]
    for start in range(0, len(words), ROWS):
        some = words[start : start + ROWS]
        ngrams = ngrams_of(some, settings["minn"], settings["maxn"], settings["bucket"])
        part = found[start : start + ROWS]
        add_rows(part, rows[size:], ngrams)
        part /= (1 + np.diff(ngrams.ends, prepend=0)).astype(np.float32)[:, None]
    return found


def _own_rows(
    means: NDArray[np.float32], words: Sequence[str], subwords: Subwords
) -> NDArray[np.float32]:
    """Return the rows of words alone, by the means of all their rows."""
    ngrams = subwords.ngrams(words)
    others = np.zeros_like(means)
    add_rows(others, subwords.rows, ngrams)
    count = (1 + np.diff(ngrams.ends, prepend=0)).astype(np.float32)
    return np.asarray(means * count[:, None] - others)
