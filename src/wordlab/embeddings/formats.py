"""Word vectors written for other programs: word2vec text and binary, GloVe text."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from wordlab.artifacts import whole_file
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
    with whole_file(path) as file:
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
    with (
        whole_file(folder / "vectors.tsv") as numbers,
        whole_file(folder / "metadata.tsv") as names,
    ):
        names.write(b"word\tcount\n")
        known = vectors.vocabulary
        for word, count, row in zip(known.words, known.counts, vectors.matrix, strict=True):
            numbers.write(("\t".join(map(_number, row)) + "\n").encode())
            names.write(f"{word}\t{count}\n".encode())


def _number(value: np.float32) -> str:
    return np.format_float_positional(value, trim="0")


def _refuse_white_space(vectors: Vectors, path: Path) -> None:
    for word in vectors.vocabulary.words:
        if not word or any(character.isspace() for character in word):
            raise UserError(f"{path}: {word!r} contains white space, which the format cannot hold")
