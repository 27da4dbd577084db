"""Word vectors in the formats of other programs: word2vec text and binary, GloVe text."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError

Format = Literal["word2vec_text", "word2vec_binary", "glove_text"]


def write(vectors: Vectors, path: Path, kind: Format) -> None:
    """Write `vectors` to the file at `path`.

    word2vec_text: a line `V D`, then one line per word with its D numbers; glove_text: the same
    without the first line; word2vec_binary: the line `V D`, then each word, a space, D
    little-endian float32 and a newline. Text represents each float32 exactly.
    Raises UserError if a word contains white space, which these formats cannot represent.
    """
    _refuse_white_space(vectors, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        if kind != "glove_text":
            file.write(b"%d %d\n" % vectors.matrix.shape)
        for word, row in zip(vectors.vocabulary.words, vectors.matrix, strict=True):
            if kind == "word2vec_binary":
                file.write(word.encode() + b" " + row.astype("<f4").tobytes() + b"\n")
            else:
                numbers = " ".join(map(_number, row))
                file.write(f"{word} {numbers}\n".encode())


def write_projector(vectors: Vectors, folder: Path) -> None:
    """Write vectors.tsv and metadata.tsv for TensorBoard's projector into `folder`.

    One row per word, separated by tabs: its D numbers, each float32 exactly; and word and count,
    below a line of names. Raises UserError as `write` does.
    """
    _refuse_white_space(vectors, folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "vectors.tsv").open("w", encoding="utf-8", newline="\n") as file:
        for row in vectors.matrix:
            file.write("\t".join(map(_number, row)) + "\n")
    with (folder / "metadata.tsv").open("w", encoding="utf-8", newline="\n") as file:
        file.write("word\tcount\n")
        for word, count in zip(vectors.vocabulary.words, vectors.vocabulary.counts, strict=True):
            file.write(f"{word}\t{count}\n")


def kind_of(path: Path) -> Format:
    """Return the format of the file of vectors at `path`, recognised by its first two lines."""
    with path.open("rb") as file:
        first, second = file.readline().split(), file.readline()
    if len(first) != 2 or not all(field.isdigit() for field in first):
        return "glove_text"
    try:
        fields = second.decode("utf-8").split()
        numbers = [float(field) for field in fields[-int(first[1]) :]]
    except ValueError:
        return "word2vec_binary"
    return "word2vec_text" if len(numbers) == int(first[1]) else "word2vec_binary"


def read(path: Path, kind: Format | None = None, words: int | None = None) -> Vectors:
    """Return the vectors in the file at `path`, as `write` describes it.

    kind: None to recognise it; words: how many to read, the commonest in most files; None for all.
    The formats have no counts: these become V..1, so that the words keep their order. Raises
    UserError if the file is missing or not in that format.
    """
    if not path.is_file():
        raise UserError(f"{path}: not found; expected a file of vectors")
    kind = kind or kind_of(path)
    try:
        pairs = _binary(path, words) if kind == "word2vec_binary" else _text(path, kind, words)
        names = tuple(word for word, _ in pairs)
        matrix = np.stack([row for _, row in pairs])
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not in the format {kind} ({error})") from error
    if len(set(names)) != len(names):
        raise UserError(f"{path}: not in the format {kind} (a word occurs twice)")
    counts = np.arange(len(names), 0, -1, dtype=np.int64)
    return Vectors(Vocabulary(names, counts), matrix, {"model": "unknown", "format": kind})


def _shape(line: bytes) -> tuple[int, int]:
    words, dimensions = map(int, line.split())
    return words, dimensions


def _text(path: Path, kind: Format, words: int | None) -> list[tuple[str, np.ndarray]]:
    with path.open("rb") as file:
        expected = _shape(file.readline()) if kind == "word2vec_text" else None
        pairs = list(islice(_lines(file, expected[1] if expected else None), words))
    if expected and len(pairs) != min(expected[0], words or expected[0]):
        raise ValueError(f"{expected[0]} words announced, {len(pairs)} found")
    return pairs


def _lines(file: BinaryIO, dimensions: int | None) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the word and the vector of each line; `dimensions` None: those of the first line.

    Some files have words with spaces in them: the last `dimensions` fields are the numbers.
    """
    for line in file:
        fields = line.decode("utf-8").rstrip("\r\n ")
        dimensions = dimensions or fields.count(" ")
        word, *numbers = fields.rsplit(" ", dimensions)
        if len(numbers) != dimensions:
            raise ValueError(f"{dimensions} numbers expected, {len(numbers)} found")
        yield word, np.array([float(number) for number in numbers], dtype=np.float32)


def _binary(path: Path, words: int | None) -> list[tuple[str, np.ndarray]]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(b"\n") + 1
        announced, dimensions = _shape(content[:at])
        size = 4 * dimensions
        pairs: list[tuple[str, np.ndarray]] = []
        for _ in range(min(announced, words or announced)):
            space = content.find(b" ", at)
            word, row = content[at:space], content[space + 1 : space + 1 + size]
            if space < 0 or len(row) != size:
                raise ValueError(f"{announced} words announced, {len(pairs)} found")
            numbers = np.frombuffer(row, dtype="<f4").astype(np.float32)
            pairs.append((word.lstrip(b"\n").decode("utf-8"), numbers))
            at = space + 1 + size
    return pairs


def _number(value: np.float32) -> str:
    return np.format_float_positional(value, trim="0")


def _refuse_white_space(vectors: Vectors, path: Path) -> None:
    for word in vectors.vocabulary.words:
        if not word or any(character.isspace() for character in word):
            raise UserError(f"{path}: {word!r} contains white space, which the format cannot hold")
