"""A model as a folder for the Hugging Face hub: safetensors, vocabulary, config and card.

Word vectors also have what sentence-transformers reads as a StaticEmbedding, and word2vec's text,
which gensim and `spacy init vectors` read.
"""

import gzip
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from wordlab.artifacts import damaged, read_json, reading, write_json
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import formats
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.library.places import EXPORTED, MARKS
from wordlab.params.language import GenerationParams
from wordlab.params.text import PreprocessParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.text.preprocess import TOKEN_PATTERNS

CONFIG, WEIGHTS, WORDS, CARD = "config.json", "model.safetensors", "vocabulary.tsv", "README.md"
TEXT = "vectors.txt.gz"
MATRIX = "embedding.weight"
UNKNOWN = "[UNK]"
ELSEWHERE = ("characters", "whitespace")
"""Tokens whose pattern the tokenizers of Hugging Face do not know, or that blanks separate."""


def write_vectors(
    vectors: Vectors, folder: Path, card: str, preprocess: PreprocessParams | None
) -> None:
    """Write word vectors as `folder`; what else is in it stays.

    The matrix is float32 (V + 1, D): below the V words is a row of zeros for all others. Sentences
    are cut as `preprocess.tokens` says, or at blanks where it is None; phrases are not joined.
    Raises UserError if a word contains white space.
    """
    unknown = UNKNOWN
    while unknown in vectors.vocabulary:
        unknown = f"[{unknown}]"
    zeros = np.zeros((1, vectors.matrix.shape[1]), np.float32)
    config = {
        "model_type": "wordlab-word-vectors",
        "words": len(vectors.vocabulary),
        "dimensions": vectors.matrix.shape[1],
        "description": dict(vectors.description),
    }
    modules = {
        "idx": 0,
        "name": "0",
        "path": "",
        "type": "sentence_transformers.models.StaticEmbedding",
    }
    with _filling(folder, str(config["model_type"])) as made:
        formats.write(vectors, made / "vectors.txt", "word2vec_text")
        with (
            (made / "vectors.txt").open("rb") as plain,
            (made / TEXT).open("wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
        ):
            shutil.copyfileobj(plain, packed)
        (made / "vectors.txt").unlink()
        save_file({MATRIX: np.concatenate([vectors.matrix, zeros])}, made / WEIGHTS)
        vectors.vocabulary.save(made / WORDS)
        write_json(made / CONFIG, config)
        write_json(made / "tokenizer.json", _tokenizer(vectors.vocabulary, unknown, preprocess))
        write_json(made / EXPORTED, [modules])
        (made / CARD).write_text(card, encoding="utf-8", newline="\n")


def write_network(
    model: LanguageModel,
    folder: Path,
    card: str,
    preprocess: PreprocessParams,
    generation: GenerationParams,
) -> None:
    """Write a language model as `folder`, and how it reads and writes; what else is in it stays."""
    config = {
        "model_type": "wordlab-language-model",
        "preprocess": preprocess.model_dump(mode="json"),
        "generation": generation.model_dump(mode="json"),
    }
    with _filling(folder, str(config["model_type"])) as made:
        model.save(made / "model")
        for file in (made / "model").iterdir():
            file.rename(made / file.name)
        (made / "model").rmdir()
        write_json(made / CONFIG, config)
        (made / CARD).write_text(card, encoding="utf-8", newline="\n")


def read(folder: Path) -> Vectors:
    """Return what `write_vectors` wrote. Raises UserError where it is missing or damaged."""
    with reading(folder / CONFIG):
        described = dict(read_json(folder / CONFIG)["description"])
    vocabulary = Vocabulary.load(folder / WORDS)
    path = folder / WEIGHTS
    try:
        with reading(path):
            matrix = load_file(path)[MATRIX]
    except SafetensorError as error:
        raise damaged(path, str(error)) from None
    shape = (len(vocabulary) + 1, *matrix.shape[1:2])
    flat = matrix.ndim != 2 or matrix.dtype.kind != "f"
    with np.errstate(over="ignore"):  # what no float32 holds is not finite below
        matrix = matrix if flat else matrix.astype(np.float32)
    if flat or matrix.shape != shape or not np.isfinite(matrix).all():
        raise damaged(path, f"{matrix.shape} numbers, some not finite, or not of the vocabulary")
    return Vectors(vocabulary, matrix[:-1], described)


def reads(folder: Path) -> tuple[PreprocessParams, GenerationParams] | None:
    """Return how an exported language model reads and writes; None where `folder` does not say.

    Raises UserError where it says what cannot be.
    """
    path = folder / CONFIG
    if not path.is_file():
        return None
    found = read_json(path)
    try:
        return (
            PreprocessParams.model_validate(found["preprocess"]),
            GenerationParams.model_validate(found["generation"]),
        )
    except (ValidationError, KeyError, TypeError) as error:
        raise damaged(path, str(error).splitlines()[0]) from None


class _filling:
    """Gives a folder whose files move into `folder` at the end, each whole or not at all.

    kind: the `model_type` of what is made. Raises UserError if `folder` has another model, or a
    file to be replaced that is of no earlier export of this kind.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._again = _model_type(folder) == kind
        if not self._again and any((folder / mark).exists() for mark in MARKS):
            raise UserError(
                f"{folder}: holds another model, or no config.json of it; expected a new folder"
            )
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._made = folder, TemporaryDirectory(dir=folder, prefix=".partial")

    def __enter__(self) -> Path:
        return Path(self._made.__enter__())

    def __exit__(self, kind: type[BaseException] | None, *raised: Any) -> None:
        files = sorted(Path(self._made.name).iterdir()) if kind is None else []
        there = [file.name for file in files if (self._folder / file.name).exists()]
        if not there or self._again:
            for file in files:
                file.chmod(0o644)  # safetensors are written for their owner alone
                os.replace(file, self._folder / file.name)
        self._made.__exit__(kind, *raised)
        if there and not self._again:
            raise UserError(
                f"{self._folder / there[0]}: not written by `wordlab export`; expected a new folder"
            )


def _model_type(folder: Path) -> Any:
    """Return what `folder` was made as before, None if by no export."""
    try:
        found = read_json(folder / CONFIG)
    except (OSError, UserError):
        return None
    return found.get("model_type") if isinstance(found, dict) else None


def _tokenizer(
    vocabulary: Vocabulary, unknown: str, preprocess: PreprocessParams | None
) -> dict[str, Any]:
    """Return what `tokenizers` reads: text cut as `preprocess` has it, words to their rows."""
    normalizers: list[Mapping[str, Any]] = []
    pattern = None
    if preprocess is not None:
        if preprocess.lowercase:
            normalizers.append({"type": "Lowercase"})
        if preprocess.tokens != "whitespace":
            normalizers.append({"type": "NFC"})
        if preprocess.numbers == "zeros":
            digit = {"Regex": r"\p{Nd}"}
            normalizers.append({"type": "Replace", "pattern": digit, "content": "0"})
        if preprocess.tokens not in ELSEWHERE:
            pattern = TOKEN_PATTERNS.get(preprocess.tokens)
    cut = {"type": "WhitespaceSplit"} if pattern is None else {
        "type": "Split", "pattern": {"Regex": pattern.pattern}, "behavior": "Removed",
        "invert": True,
    }  # fmt: skip
    index = {**vocabulary.index, unknown: len(vocabulary)}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": normalizers} if normalizers else None,
        "pre_tokenizer": cut,
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": index, "unk_token": unknown},
    }
