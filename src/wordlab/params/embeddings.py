"""The sections of params.yaml about word vectors."""

from typing import Annotated, Literal

from pydantic import Field

from wordlab.params.base import Count, NonNegative, Positive, Rate, Section, Share, SharedSection


class Word2vecParams(Section):
    """`word2vec.shared` with `word2vec.skipgram` or `word2vec.cbow` on top."""

    dimensions: Count
    window: Count
    """The most words on either side of the centre."""
    dynamic_window: bool
    """Draw each window's width uniformly from 1..window, as word2vec.c does."""
    output: Literal["negative_sampling", "hierarchical_softmax", "full_softmax"]
    negatives: Count
    """Noise words per prediction, for negative sampling."""
    noise_exponent: Share
    """Noise words are drawn with probability proportional to count ** noise_exponent."""
    subsample: NonNegative
    """The threshold t above which frequent words are thinned out; 0 keeps all."""
    subsample_formula: Literal["reference", "paper"]
    """reference: keep with (sqrt(f/t) + 1) t/f, as word2vec.c does; paper: with sqrt(t/f)."""
    rate: Rate
    """Learning rate at the start; it falls linearly over all epochs."""
    rate_floor: Share
    """The lowest rate, as a share of `rate`."""
    epochs: Count
    cbow_gradient: Literal["reference", "corrected"]
    """reference: each context word gets the undivided error, as in word2vec.c; corrected: that
    divided by the number of context words (Irsoy et al. 2021). Skip-gram ignores it."""
    mode: Literal["deterministic", "lock_free"]
    """deterministic: the same bytes at any number of threads; lock_free: faster, not the same."""
    vectors: Literal["input", "output", "sum"]
    """Which weights become the word vectors."""
    score_epochs: bool
    """Score the vectors on WordSim-353 and the analogies after each epoch, for the curve."""


class Word2vecSection(SharedSection):
    """`word2vec`: CBOW and skip-gram."""

    cbow: Word2vecParams
    skipgram: Word2vecParams


class CooccurrenceParams(Section):
    """`cooccurrence`: which pairs of words count, and how much."""

    window: Count
    """The most words on either side of the centre."""
    dynamic_window: bool
    """Draw each window's width uniformly from 1..window; linear weighting is its expectation."""
    weighting: Literal["uniform", "inverse_distance", "linear"]
    """uniform: 1; inverse_distance: 1/d; linear: (window + 1 - d) / window."""
    side: Literal["both", "left", "right"]
    """The side of the centre word on which contexts are counted."""
    subsample: NonNegative
    """The threshold t above which frequent words are thinned out before windows; 0 keeps all."""
    subsample_formula: Literal["reference", "paper"]
    """reference: keep with (sqrt(f/t) + 1) t/f, as word2vec.c does; paper: with sqrt(t/f)."""
    memory_mb: Annotated[int, Field(ge=16)]
    """MiB that counting may use beside the program itself; what does not fit is merged on disk. It
    changes no result."""


class PpmiParams(Section):
    """`ppmi`: positive pointwise mutual information and its truncated SVD."""

    context_exponent: Annotated[float, Field(gt=0, le=1)]
    """Context-distribution smoothing: context counts are raised to this power."""
    shift: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    """k of shifted PPMI: log k is taken from each PMI value; 1 shifts nothing."""
    dimensions: Count
    eigenvalue_exponent: Share
    """p of U S^p."""
    add_contexts: bool
    """Add the context vectors to the word vectors (w + c)."""
    tolerance: Annotated[float, Field(gt=0, lt=1)]
    """The largest residual of a singular triplet, as a share of the largest singular value."""


class GloveParams(Section):
    """`glove`: weighted least squares on log counts."""

    dimensions: Count
    iterations: Count
    rate: Rate
    x_max: Positive
    exponent: Share
    """The weight of a cell is min(1, (x / x_max) ** exponent)."""
    adagrad: Literal["reference", "paper"]
    """reference: as the reference program, accumulators start at 1 and hold (rate * gradient)^2;
    paper: as the AdaGrad of Duchi et al. 2011."""
    vectors: Literal["word", "context", "sum"]
    """Which weights become the word vectors."""
