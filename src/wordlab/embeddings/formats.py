"""Word vectors in the formats that others read: word2vec text and binary, GloVe text, gensim."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

Format = Literal["word2vec_text", "word2vec_binary", "glove_text"]


def write(vectors: Vectors, path: Path, kind: Format) -> None:
    """Write `vectors` to the file at `path`.

    word2vec_text: a line `V D`, then a word and D numbers a line; glove_text: the same without
    the first line; word2vec_binary: the line `V D`, then each word, a space, D little-endian
    float32 and a newline. Text holds each float32 exactly.
    Raises UserError if a word holds white space, which these formats cannot.
    """
    for word in vectors.vocabulary.words:
        if not word or any(character.isspace() for character in word):
            raise UserError(f"{path}: {word!r} holds white space, which {kind} cannot hold")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        if kind != "glove_text":
            file.write(b"%d %d\n" % vectors.matrix.shape)
        for word, row in zip(vectors.vocabulary.words, vectors.matrix, strict=True):
            if kind == "word2vec_binary":
                file.write(word.encode() + b" " + row.astype("<f4").tobytes() + b"\n")
            else:
                numbers = " ".join(np.format_float_positional(x, trim="0") for x in row)
                file.write(f"{word} {numbers}\n".encode())


def read(path: Path, kind: Format) -> Vectors:
    """Return the vectors in the file at `path`, as `write` describes it.

    The formats hold no counts: they are V..1, so that the words keep their order.
    Raises UserError if the file is missing or not of that format.
    """
    if not path.is_file():
        raise UserError(f"{path}: not found; expected a file of vectors in the format {kind}")
    content = path.read_bytes()
    try:
        pairs = _binary(content) if kind == "word2vec_binary" else _text(content, kind)
        words = tuple(word for word, _ in pairs)
        matrix = np.stack([row for _, row in pairs])
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not in the format {kind} ({error})") from error
    if len(set(words)) != len(words):
        raise UserError(f"{path}: not in the format {kind} (a word occurs twice)")
    counts = np.arange(len(words), 0, -1, dtype=np.int64)
    return Vectors(Vocabulary(words, counts), matrix, {"model": "unknown", "format": kind})


def to_gensim(vectors: Vectors) -> KeyedVectors:
    """Return the vectors as gensim's KeyedVectors, with the words' counts."""
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(vectors.matrix.shape[1])
    keyed.add_vectors(list(vectors.vocabulary.words), vectors.matrix)
    for word, count in zip(
        vectors.vocabulary.words, vectors.vocabulary.counts.tolist(), strict=True
    ):
        keyed.set_vecattr(word, "count", count)
    return keyed


def _shape(line: bytes) -> tuple[int, int]:
    words, dimensions = line.split()
    return int(words), int(dimensions)


def _text(content: bytes, kind: Format) -> list[tuple[str, np.ndarray]]:
    lines = content.decode("utf-8").rstrip("\n").split("\n")
    expected = None
    if kind == "word2vec_text":
        expected = _shape(lines[0].encode())
        lines = lines[1:]
    pairs = []
    for line in lines:
        word, *numbers = line.rstrip().split(" ")
        pairs.append((word, np.array([float(number) for number in numbers], dtype=np.float32)))
    found = (len(pairs), len(pairs[0][1]))
    if expected not in (None, found):
        raise ValueError(f"{expected} announced, {found} found")
    return pairs


def _binary(content: bytes) -> list[tuple[str, np.ndarray]]:
    at = content.index(b"\n") + 1
    words, dimensions = _shape(content[:at])
    pairs = []
    for _ in range(words):
        space = content.index(b" ", at)
        word = content[at:space].lstrip(b"\n").decode("utf-8")
        row = np.frombuffer(content, dtype="<f4", count=dimensions, offset=space + 1)
        pairs.append((word, row.astype(np.float32)))
        at = space + 1 + 4 * dimensions
    return pairs
