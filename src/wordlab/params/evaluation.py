"""The sections of params.yaml about evaluation, comparison and the map of word vectors."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wordlab.params.base import Count, Section, Words

Confidence = Annotated[float, Field(gt=0, lt=1)]
"""The confidence level of an interval."""
Resamples = Annotated[int, Field(ge=100)]
"""Bootstrap resamples; the more, the steadier the ends of the intervals."""
PACKAGED_PAIRS = ("wordsim353", "simlex999")
"""The sets of word pairs that gensim packages."""
AnalogyMethod = Literal["3cosadd", "3cosmul", "pair_direction"]


class WordPairsParams(Section):
    """An item of `evaluation.similarity`: word pairs with human scores.

    Where it has no path and no url it is one that gensim packages, wordsim353 or simlex999.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    """What the scores are called in the metrics."""
    path: str | None = None
    """A file with two words and a score per line, separated by tabs, commas or spaces."""
    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """Where such a file is fetched from, once."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = None
    """The checksum of the file at `url`; a file with another one is refused."""

    @model_validator(mode="after")
    def in_one_place(self) -> Self:
        if self.path is not None and self.url is not None:
            raise ValueError(f"{self.name}: expected a path or a url, got both")
        if self.url is not None and self.sha256 is None:
            raise ValueError(f"{self.name}: expected the sha256 of the file at its url")
        if self.path is None and self.url is None and self.name not in PACKAGED_PAIRS:
            raise ValueError(
                f"{self.name}: expected a path, or a url with its sha256; only "
                f"{' and '.join(PACKAGED_PAIRS)} are packaged"
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
    """`evaluation`: the sets that word vectors are scored on, and how."""

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

    def by_first_method(self) -> Self:
        """Return the same with the first method of analogies alone, the one that is quoted."""
        quoted = self.analogies.model_copy(update={"methods": self.analogies.methods[:1]})
        return self.model_copy(update={"analogies": quoted})


class RelationParams(Section):
    """`comparison.relations`: pairs of words in known relations."""

    path: str | None
    """A file with a relation and two words per line, tabs between; null for wordlab's own list."""
    wordnet: Annotated[int, Field(ge=0)]
    """Pairs per relation to add from nltk's WordNet, which must then be installed."""


class ComparisonParams(Section):
    """`comparison`: models side by side."""

    words: Words | None
    """The words to show the neighbours of; null: chosen from the text."""
    neighbours: Count
    """Neighbours per word to show and compare."""
    overlap_words: Count
    """Neighbourhoods, hubs and isotropy are measured over this many of the commonest words."""
    relations: RelationParams


class MapParams(Section):
    """`word_map`: words in the plane."""

    words: Count
    """How many of the commonest words to show."""
    neighbours: Count
    """Neighbours to list per word."""
    perplexity: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    """Of t-SNE: about how many neighbours of a word shape its place."""
    iterations: Annotated[int, Field(ge=251)]
    """Of t-SNE; 250 of them spread the words out before they settle."""
