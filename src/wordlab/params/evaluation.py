"""The sections of params.yaml about the evaluation of word vectors."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wordlab.params.base import Count, Section

Confidence = Annotated[float, Field(gt=0, lt=1)]
"""The confidence level of an interval."""
Resamples = Annotated[int, Field(ge=100)]
"""Bootstrap resamples; the more, the steadier the ends of the intervals."""
AnalogyMethod = Literal["3cosadd", "3cosmul", "pair_direction"]


class WordPairsParams(Section):
    """An item of `evaluation.similarity`: word pairs with human scores."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    """What the scores are called in the metrics."""
    path: str | None
    """A file of two words and a score a line; null for wordsim353 and simlex999, which gensim
    packages."""

    @model_validator(mode="after")
    def path_where_needed(self) -> Self:
        if self.path is None and self.name not in ("wordsim353", "simlex999"):
            raise ValueError(
                f"{self.name}: expected a path; only wordsim353 and simlex999 are packaged"
            )
        return self


class AnalogyParams(Section):
    """`evaluation.analogies`: the questions a : b :: c : ?."""

    path: str | None
    """A file as word2vec's questions-words.txt; null for that file itself, packaged by gensim."""
    methods: Annotated[tuple[AnalogyMethod, ...], Field(min_length=1, strict=False)]
    """How a question is answered; the first is the one that summaries quote."""
    restrict_vocabulary: Count | None
    """Only the commonest words are asked for and answered with; null for all."""


class EvaluationParams(Section):
    """`evaluation`: what word vectors are scored on."""

    similarity: Annotated[tuple[WordPairsParams, ...], Field(min_length=1, strict=False)]
    analogies: AnalogyParams
    ignore_case: bool
    """Words match whatever their case; of several spellings the commonest is taken."""
    resamples: Resamples
    confidence: Confidence

    @model_validator(mode="after")
    def distinct(self) -> Self:
        names = [pairs.name for pairs in self.similarity]
        if len({*names, "analogy"}) != len(names) + 1:
            raise ValueError("similarity: expected distinct names, none of them `analogy`")
        return self


class ComparisonParams(Section):
    """`comparison`: models side by side."""

    words: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    """The words whose neighbours are shown."""
    neighbours: Count
    """How many neighbours of a word are shown and compared."""
    overlap_words: Count
    """Neighbourhoods are compared over this many of the commonest words."""
