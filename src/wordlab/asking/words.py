"""What word vectors make of a person's words: neighbours, cosines, analogies."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.draws import Draws
from wordlab.embeddings.ngrams import NGRAMS, Subwords
from wordlab.embeddings.ppmi import PpmiModel
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.evaluation import stability
from wordlab.evaluation.comparison.neighbours import nearest
from wordlab.evaluation.stability import Nearer
from wordlab.evaluation.vectors.analogy import answers
from wordlab.evaluation.vectors.similarity import DenseSpace, Lookup, Space, SparseSpace

ROWS = "indptr.npy"
"""The file that tells a folder of sparse rows from one of dense vectors."""


def load(folder: Path) -> tuple[DenseSpace | SparseSpace, Subwords | None]:
    """Return the words of a model that a stage saved, and its vectors of n-grams if it has any."""
    if (folder / ROWS).exists():
        ppmi = PpmiModel.load(folder)
        return SparseSpace(ppmi.vocabulary, ppmi.matrix), None
    subwords = Subwords.load(folder) if (folder / NGRAMS).exists() else None
    return DenseSpace(Vectors.load(folder)), subwords


def extended(
    space: DenseSpace | SparseSpace, subwords: Subwords | None, words: Iterable[str]
) -> DenseSpace | SparseSpace:
    """Return `space`, with those of `words` behind it that n-grams make a vector of."""
    if subwords is None or isinstance(space, SparseSpace):
        return space
    found = subwords.extended(space.vectors, words)
    return space if found is space.vectors else DenseSpace(found)


def row(vocabulary: Vocabulary, word: str) -> int:
    """Return the id of a word that a person asks for, in lower case where only that is known.

    Raises UserError, with near spellings, if it is unknown.
    """
    return vocabulary.known_id(vocabulary.spelling(word))


def neighbours(space: Space, word: str, number: int) -> list[tuple[str, float]]:
    """Return the `number` words nearest to `word`, with their cosines, nearest first."""
    ids = np.array([row(space.vocabulary, word)])
    (near,), (cosines,) = nearest(space, ids, number)
    words = space.vocabulary.words
    return [(words[i], float(cosine)) for i, cosine in zip(near, cosines, strict=True)]


def neighbours_over_draws(
    space: DenseSpace, draws: Draws, word: str, number: int, confidence: float
) -> pd.DataFrame:
    """Return the `number` words nearest to `word` with what draws say of each, nearest first.

    The columns of `stability.neighbours` but for the word.
    """
    known = space.vocabulary.words[row(space.vocabulary, word)]
    found = stability.neighbours(space, draws, [known], number, confidence)
    return found[found["rank"] <= number].drop(columns="word").reset_index(drop=True)


def nearer(
    space: DenseSpace, draws: Draws, word: str, first: str, second: str, confidence: float
) -> Nearer:
    """Return which of two words is nearer to `word`, if draws decide it.

    Raises UserError, with near spellings, if one is unknown, or if two of them are the same.
    """
    known = space.vocabulary
    ids = row(known, word), row(known, first), row(known, second)
    if len(set(ids)) < 3:
        raise UserError(f"{word}, {first}, {second}: expected three different words")
    return stability.nearer(space, draws, ids, confidence)


def cosine(space: Space, first: str, second: str) -> float:
    """Return the cosine of two words."""
    left, right = (np.array([row(space.vocabulary, word)]) for word in (first, second))
    return float(space.between(left, right)[0])


def analogy(space: Space, a: str, b: str, c: str, number: int) -> list[tuple[str, float]]:
    """Return the `number` words that best are to c what b is to a, by 3CosAdd, best first."""
    known = space.vocabulary
    asked = row(known, a), row(known, b), row(known, c)
    return answers(space, asked, Lookup(known, ignore_case=True), number)


def vector(space: DenseSpace | SparseSpace, word: str) -> NDArray[np.float32]:
    """Return the vector of `word` as it was trained: float32 (D,), or its sparse row as (C,)."""
    place = row(space.vocabulary, word)
    if isinstance(space, DenseSpace):
        return space.vectors.matrix[place]
    return space.matrix[[place]].toarray().ravel().astype(np.float32)
