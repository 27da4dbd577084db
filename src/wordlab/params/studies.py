"""The sections of params.yaml about the studies."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from wordlab.params.base import Count, Dropout, NonNegative, Positive, Rate, Section


class WindowStudyParams(Section):
    """`window_study`: what the width of the window does to PPMI.

    What is not named here is that of `cooccurrence`, `ppmi`, `evaluation` and `comparison`.
    """

    windows: Annotated[tuple[Count, ...], Field(min_length=2, strict=False)]
    words: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    """The words whose associations are shown; the commonest where none of them is known."""
    associations: Count
    """How many of each word's strongest associations are shown."""
    matrix_words: Annotated[tuple[str, ...], Field(min_length=2, strict=False)]
    """The words whose PPMI with one another is shown at each window."""
    bins: Count
    """Of the histograms of PPMI values."""

    @model_validator(mode="after")
    def rising(self) -> Self:
        if any(a >= b for a, b in zip(self.windows, self.windows[1:], strict=False)):
            raise ValueError("windows: expected each to be wider than the one before")
        return self


class ClippingParams(Section):
    """`gradient_study.clipping`: short trainings by plain gradient descent, clipped or not."""

    tokens: Count
    """Of the training split's beginning."""
    epochs: Count
    rate: Rate
    """High enough for long steps to do harm."""
    thresholds: Annotated[list[Positive | None], Field(min_length=1)]
    """Values of clip_norm; null clips nothing."""


class AddingParams(Section):
    """`gradient_study.adding`: the adding task (Hochreiter & Schmidhuber 1997)."""

    delays: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1)]
    """Lengths of the sequences; the first number to add stands in the first half."""
    hidden_size: Count
    steps: Count
    """Batches to learn from."""
    batch_size: Count
    rate: Rate
    clip_norm: Positive
    test_sequences: Count


class GradientStudyParams(Section):
    """`gradient_study`: how far gradients reach back, and what clipping changes."""

    lengths: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1)]
    """Steps of the sequences whose last symbol's loss is followed back."""
    sequences: Annotated[int, Field(ge=2)]
    """Sequences of each length, drawn from the validation split."""
    jacobian_states: Count
    """States at which the recurrent Jacobian is formed."""
    confidence: Annotated[float, Field(gt=0, lt=1)]
    clipping: ClippingParams
    adding: AddingParams


class SizeStudyParams(Section):
    """`size_study`: the same word vectors on less text."""

    shares: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(strict=False)]
    """Of the training sentences, beside all of them, which the pipeline itself trains on."""


class RegularisationMethod(Section):
    """One way to hold a network back; what is 0, false or null does nothing."""

    dropout: Dropout
    """On the embedded symbols and on the output."""
    variational: bool
    """One dropout mask for all steps of a sequence (Gal & Ghahramani 2016)."""
    dropout_recurrent: Dropout
    """On the recurrent weights (Merity et al. 2017)."""
    weight_decay: NonNegative
    patience: Count | None
    """Stop after this many epochs without a better validation loss."""


class RegularisationStudyParams(Section):
    """`regularisation_study`: small networks on a text small enough to overfit.

    What is not named here is that of `language_model`.
    """

    train_tokens: Count
    """Of the training split's beginning."""
    valid_tokens: Count
    vocabulary_size: Count
    hidden_size: Count
    """Of the embedding as well."""
    epochs: Count
    batch_size: Count
    bptt_length: Count
    seeds: Annotated[int, Field(ge=2)]
    """Trainings of each setting that differ in their seed alone."""
    confidence: Annotated[float, Field(gt=0, lt=1)]
    methods: dict[str, RegularisationMethod]
    """By name; `none` is what the others are held against."""

    @model_validator(mode="after")
    def has_none(self) -> Self:
        if "none" not in self.methods:
            raise ValueError("methods: expected one called none, to compare the others with")
        return self
