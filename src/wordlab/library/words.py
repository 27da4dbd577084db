"""Word vectors and rows of PPMI as a person asks them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wordlab import names
from wordlab.asking import words as asked
from wordlab.corpus.vocabulary import Vocabulary, content_words
from wordlab.embeddings.draws import Draws
from wordlab.embeddings.ngrams import Subwords
from wordlab.embeddings.ppmi import PpmiModel
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.evaluation.stability import Nearer
from wordlab.evaluation.vectors.similarity import DenseSpace, Space, SparseSpace
from wordlab.library.settings import argument
from wordlab.params import Confidence, Count

if TYPE_CHECKING:
    import pandas as pd
    from gensim.models import KeyedVectors

SHOWN_WORDS, SHOWN_NEIGHBOURS = 5, 4
"""What a notebook shows of a model."""


class Words:
    """Words among which there are cosines; a word is found in lower case where only that is known.

    Methods raise UserError, with the nearest spellings, for a word that is not in the vocabulary.
    """

    name: str
    space: Space

    @property
    def vocabulary(self) -> Vocabulary:
        """The V words with their counts, commonest first."""
        return self.space.vocabulary

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __contains__(self, word: str) -> bool:
        return self.vocabulary.spelling(word) in self.vocabulary

    def space_with(self, words: Iterable[str]) -> Space:
        """Return the space, with those of `words` behind it that it can make a vector of."""
        return self.space

    def most_similar(self, word: str, n: int = 10) -> list[tuple[str, float]]:
        """Return the `n` words of highest cosine with `word`, nearest first, without itself."""
        return asked.neighbours(self.space_with([word]), word, argument("n", n, Count))

    def similarity(self, a: str, b: str) -> float:
        """Return the cosine of two words, -1 to 1."""
        return asked.cosine(self.space_with([a, b]), a, b)

    def analogy(self, a: str, b: str, c: str, n: int = 5) -> list[tuple[str, float]]:
        """Return the `n` best answers to a : b = c : ?, by 3CosAdd, best first.

        None of them is a word of the question, whatever its case.
        """
        return asked.analogy(self.space_with([a, b, c]), a, b, c, argument("n", n, Count))

    @property
    def title(self) -> str:
        """What the model is called."""
        return names.model(self.name)

    @property
    def size(self) -> str:
        """How large it is, in words."""
        return f"{len(self):,} words"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}: {self.size})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the size, and words with their nearest."""
        head = "".join(f"<th>{name}</th>" for name in ("word", "occurs", "nearest"))
        rows = []
        for word in content_words(self.vocabulary, SHOWN_WORDS):
            near = ", ".join(other for other, _ in self.most_similar(word, SHOWN_NEIGHBOURS))
            count = f"{self.vocabulary.counts[self.vocabulary.known_id(word)]:,}"
            cells = "".join(f"<td>{escape(cell)}</td>" for cell in (word, count, near))
            rows.append(f"<tr>{cells}</tr>")
        return (
            f"<table><caption>{escape(self.title)}: {escape(self.size)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        )


@dataclass(frozen=True, eq=False, repr=False)
class WordVectors(Words):
    """Dense word vectors: `Vectors` with the questions that a person has for them.

    words[word] is the vector of a word, float32 (D,), read-only.

    draws: what the same model makes of draws of the documents, where the pipeline has made them;
    subwords: the vectors of n-grams, where it has any: then words that are not in the vocabulary
    have vectors too, wherever one is asked for.
    """

    name: str
    vectors: Vectors = field(repr=False)
    draws: Draws | None = field(default=None, repr=False)
    subwords: Subwords | None = field(default=None, repr=False)

    @cached_property
    def space(self) -> DenseSpace:  # type: ignore[override]
        """The words as cosines are computed among them."""
        return DenseSpace(self.vectors)

    def space_with(self, words: Iterable[str]) -> Space:
        return asked.extended(self.space, self.subwords, words)

    @property
    def matrix(self) -> NDArray[np.float32]:
        """float32 (V, D), one row per word, read-only."""
        return self.vectors.matrix

    @property
    def size(self) -> str:
        return f"{super().size}, {self.matrix.shape[1]} dimensions"

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        if word not in self and self.subwords is not None:
            made = self.subwords.vector(word)
            if made is not None:
                made.setflags(write=False)
                return made
        return self.matrix[asked.row(self.vocabulary, word)]

    def neighbours_over_draws(
        self, word: str, n: int = 10, confidence: float = 0.9
    ) -> "pd.DataFrame":
        """Return the `n` words nearest to `word` and how far that holds, nearest first.

        Columns: neighbour, cosine, rank; times, in how many of the `draws` it is among the n
        nearest, and their share; low, high: the ranks that it has in `confidence` of other texts of
        the kind, NaN where fewer than 10 documents have either word. Raises UserError where there
        are no draws.
        """
        number, sure = argument("n", n, Count), argument("confidence", confidence, Confidence)
        return asked.neighbours_over_draws(self.space, self._drawn(), word, number, sure)

    def nearer(self, word: str, a: str, b: str, confidence: float = 0.9) -> Nearer:
        """Return which of `a` and `b` is nearer to `word`; its `verdict` is None where other texts
        may say otherwise. Raises UserError where there are no draws."""
        sure = argument("confidence", confidence, Confidence)
        return asked.nearer(self.space, self._drawn(), word, a, b, sure)

    def _drawn(self) -> Draws:
        if self.draws is None:
            raise UserError(
                f"{self.name}: no draws of it with the same words and settings; `dvc repro` makes "
                "those of skipgram and ppmi_svd"
            )
        return self.draws

    def to_gensim(self) -> "KeyedVectors":
        """Return the same vectors as gensim's KeyedVectors, with the counts of their words."""
        from gensim.models import KeyedVectors

        found = KeyedVectors(self.matrix.shape[1], dtype=np.float32)
        found.add_vectors(list(self.vocabulary.words), self.matrix)
        found.expandos["count"] = self.vocabulary.counts.copy()
        return found

    def save(self, folder: str | Path) -> None:
        """Write vectors.npy, vocabulary.tsv and description.json, which `wordlab.open` reads, and
        ngrams.npy and ngrams.json if there are vectors of n-grams."""
        self.vectors.save(Path(folder))
        if self.subwords is not None:
            self.subwords.save(Path(folder))
        else:  # those of a model that was there before
            Subwords.remove(Path(folder))


@dataclass(frozen=True, eq=False, repr=False)
class PpmiRows(Words):
    """Sparse rows of PPMI as word vectors, and the associations in them.

    limit: of how many of the first words the rows are; None is all.
    """

    name: str
    model: PpmiModel = field(repr=False)
    limit: int | None = None

    @cached_property
    def space(self) -> SparseSpace:  # type: ignore[override]
        """The words as cosines are computed among them."""
        return SparseSpace(
            self.model.vocabulary.truncated(self.limit), self.model.matrix[: self.limit]
        )

    @property
    def size(self) -> str:
        return f"{super().size}, {self.model.matrix.nnz:,} associations"

    def associations(self, word: str, n: int = 10) -> list[tuple[str, float]]:
        """Return the `n` contexts of highest PPMI with `word`, in nats, highest first."""
        known = self.model.vocabulary.spelling(word)
        return self.model.associations(known, argument("n", n, Count))
