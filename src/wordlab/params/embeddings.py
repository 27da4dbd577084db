"""The sections of params.yaml about word vectors, their evaluation, comparison and map."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from wordlab.params import (
    MOST,
    Confidence,
    Count,
    Fraction,
    NonNegative,
    Positive,
    Rate,
    Section,
    Share,
    SharedSection,
    Window,
    Words,
)
from wordlab.params.sets import PAIRS, named


class Word2vecParams(Section):
    """`word2vec.shared` with `word2vec.skipgram` or `word2vec.cbow` on top."""

    dimensions: Count
    """Numbers of a word's vector."""
    window: Window
    """The most words on either side of the centre."""
    dynamic_window: bool
    """Draw each window's width uniformly from 1..window, as word2vec.c does."""
    output: Literal["negative_sampling", "hierarchical_softmax", "full_softmax"]
    """How a word is predicted; the full softmax is for small vocabularies. The first two train in
    batches, the last in blocks of 16 words, one after the other."""
    negatives: Annotated[int, Field(ge=1, le=1000)]
    """Noise words per prediction, for negative sampling. The predictions of a block of words share
    six times as many, with n-grams 24 times, up to a multiple of 16, in CBOW half of these, which
    together weigh as much for each."""
    noise_exponent: Share
    """Noise words are drawn with probability proportional to count ** noise_exponent."""
    subsample: NonNegative
    """The threshold t by which frequent words are thinned out; 0 keeps all."""
    subsample_formula: Literal["reference", "paper"]
    """With f the share of a word among all, reference: keep with (sqrt(f/t) + 1) t/f, as word2vec.c
    does, always up to f = 2.6 t; paper: with sqrt(t/f), always up to f = t."""
    rate: Rate
    """Learning rate at the start; it falls linearly over all epochs."""
    rate_floor: Share
    """The lowest rate, as a share of `rate`."""
    epochs: Count
    """Passes over the text."""
    cbow_gradient: Literal["reference", "corrected"]
    """reference: each context word gets the undivided error, as in word2vec.c; corrected: that
    divided by the number of context words (Irsoy et al. 2021). Skip-gram ignores it."""
    vectors: Literal["input", "output", "sum"]
    """Which weights become the word vectors."""
    score_epochs: bool
    """Score the vectors on WordSim-353 and the analogies after each epoch, for the curve."""


class SubwordParams(Word2vecParams):
    """`word2vec.shared` with `word2vec.subword` on top: skip-gram by the n-grams of words, always
    with negative sampling and input weights as vectors."""

    min_ngram: Annotated[int, Field(ge=1, le=MOST)]
    """The fewest characters of an n-gram, the marks around its word among them."""
    max_ngram: Annotated[int, Field(ge=1, le=MOST)]
    """The most characters of an n-gram."""
    buckets: Annotated[int, Field(ge=1, le=1 << 26)]
    """Rows of weights that n-grams are hashed to; the fewer, the more n-grams share one."""

    @model_validator(mode="after")
    def from_few_to_many(self) -> Self:
        if self.min_ngram > self.max_ngram:
            raise ValueError(
                f"min_ngram: expected at most max_ngram, {self.max_ngram}, got {self.min_ngram}"
            )
        return self


class Word2vecSection(SharedSection):
    """`word2vec`: CBOW, skip-gram and skip-gram by n-grams."""

    cbow: Word2vecParams
    skipgram: Word2vecParams
    subword: SubwordParams


class CooccurrenceParams(Section):
    """`cooccurrence`: which pairs of words count, and how much."""

    window: Window
    """The most words on either side of the centre."""
    dynamic_window: bool
    """Draw each window's width uniformly from 1..window; linear weighting is its expectation."""
    weighting: Literal["uniform", "inverse_distance", "linear"]
    """uniform: 1; inverse_distance: 1/d; linear: (window + 1 - d) / window."""
    side: Literal["both", "left", "right"]
    """The side of the centre word on which contexts are counted."""
    subsample: NonNegative
    """The threshold t by which frequent words are thinned out before windows; 0 keeps all."""
    subsample_formula: Literal["reference", "paper"]
    """With f the share of a word among all, reference: keep with (sqrt(f/t) + 1) t/f, as word2vec.c
    does, always up to f = 2.6 t; paper: with sqrt(t/f), always up to f = t."""
    memory_mb: Annotated[int, Field(ge=16, le=MOST)]
    """MiB that counting may use beside the program itself; what does not fit is merged on disk. It
    changes no result."""


class PpmiParams(Section):
    """`ppmi`: positive pointwise mutual information and its truncated SVD."""

    context_exponent: Annotated[float, Field(gt=0, le=1)]
    """Context-distribution smoothing: context counts are raised to this power."""
    shift: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    """k of shifted PPMI: log k is taken from each PMI value; 1 shifts nothing."""
    dimensions: Count
    """Singular vectors that the SVD keeps; the sparse rows of PPMI have all contexts."""
    eigenvalue_exponent: Share
    """p of U S^p."""
    add_contexts: bool
    """Add the context vectors to the word vectors (w + c)."""
    tolerance: Fraction
    """The largest residual of a singular triplet, as a share of the largest singular value."""


class GloveParams(Section):
    """`glove`: weighted least squares on log counts."""

    dimensions: Count
    """Numbers of each of a word's two vectors, of which `vectors` chooses."""
    iterations: Count
    """Passes over all cells."""
    rate: Rate
    """AdaGrad's learning rate."""
    x_max: Positive
    """The count from which cells weigh alike; Pennington et al. 2014 took 100 for texts of a
    billion words and more."""
    exponent: Share
    """The weight of a cell is min(1, (x / x_max) ** exponent)."""
    adagrad: Literal["reference", "paper"]
    """reference: as the reference program, accumulators start at 1 and hold (rate * gradient)^2;
    paper: as the AdaGrad of Duchi et al. 2011."""
    vectors: Literal["word", "context", "sum"]
    """Which weights become the word vectors."""


Resamples = Annotated[int, Field(ge=100, le=MOST)]
"""Bootstrap resamples; the more, the steadier the ends of the intervals."""
NONE = "none"
"""What stands for no set where null stands for one."""
AnalogyMethod = Literal["3cosadd", "3cosmul", "pair_direction"]


class WordPairsParams(Section):
    """An item of `evaluation.similarity`: word pairs with human scores.

    Where it has no path and no url it is one of the catalogue, which `wordlab sets` lists; its name
    alone is then enough.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    """What the scores are called in the metrics."""
    path: str | None = None
    """A file with two words and a score per line, tabs, semicolons, commas or blanks between."""
    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """Where such a file is fetched from, once."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = None
    """The checksum of the file at `url`; a file with another one is refused."""

    @model_validator(mode="after")
    def in_one_place(self) -> Self:
        if self.path is not None and self.url is not None:
            raise ValueError(f"{self.name}: expected a path or a url, got both")
        if self.url is None and self.sha256 is not None:
            raise ValueError(f"{self.name}: expected a url beside the sha256")
        if self.url is not None and self.sha256 is None:
            raise ValueError(f"{self.name}: expected the sha256 of the file at its url")
        if self.path is None and self.url is None and self.name not in named(*PAIRS):
            raise ValueError(
                f"{self.name}: expected a path, a url with its sha256, or a set of word pairs that "
                "`wordlab sets` lists"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def name_alone(cls, raw: Any) -> Any:
        """Take a name for the set of that name."""
        return {"name": raw} if isinstance(raw, str) else raw


class AnalogyParams(Section):
    """`evaluation.analogies`: the questions a : b :: c : ?."""

    path: str | None
    """A file as word2vec's questions-words.txt, or a set of analogies by name; null for google, the
    file itself, which gensim packages; none for no questions."""
    methods: Annotated[tuple[AnalogyMethod, ...], Field(min_length=1, strict=False)]
    """How a question is answered; the first is the one that summaries quote."""
    restrict_vocabulary: Count | None
    """Only the commonest words are asked for and answered with; null for all."""


class EvaluationParams(Section):
    """`evaluation`: the sets that word vectors are scored on, and how."""

    similarity: Annotated[tuple[WordPairsParams, ...], Field(strict=False)]
    """Sets of word pairs, by name or as mappings; [] for none."""
    analogies: AnalogyParams
    ignore_case: bool
    """Words match whatever their case; of several spellings the commonest is taken."""
    resamples: Resamples
    """Bootstrap resamples behind each interval."""
    confidence: Confidence
    """The confidence level of the intervals of scores."""

    @model_validator(mode="after")
    def distinct(self) -> Self:
        names = [pairs.name for pairs in self.similarity]
        own = ("analogy", "analogies", "relations")
        if len({*names, *own}) != len(names) + len(own):
            raise ValueError(f"similarity: expected distinct names, none of them {', '.join(own)}")
        return self


class RelationParams(Section):
    """`comparison.relations`: pairs of words in known relations."""

    path: str | None
    """A file with a relation and two words per line, tabs between, or a set of relations by name;
    null for wordlab's own English list, wordlab_en; none for no pairs."""
    wordnet: Annotated[int, Field(ge=0, le=MOST)]
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
    iterations: Annotated[int, Field(ge=251, le=MOST)]
    """Of t-SNE; 250 of them spread the words out before they settle."""


class ExplorerParams(Section):
    """`explorer`: a page to ask models on."""

    words: Count
    """How many of the commonest words it has; fewer where they have no room."""
    neighbours: Count
    """Neighbours and associations to list per word."""
    megabytes: Positive
    """The limit of its size, of which the language model gets half at most."""
