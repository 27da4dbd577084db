"""The section of params.yaml about the study of gradients."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wordlab.params.base import (
    Count,
    Positive,
    Rate,
    Section,
    SharedSection,
)

Initialisation = Literal["uniform", "orthogonal"]
"""Of recurrent weights, see `language_model`."""
Steps = Annotated[int, Field(ge=2)]
"""A number of steps between which there is a step back."""


class DescentParams(Section):
    """Plain gradient descent of one cell, without clipping, clipped by norm or by value."""

    rate: Rate
    """High enough for long steps to do harm."""
    clip_norm: Positive
    """The largest norm of all gradients together; meant to be exceeded at few steps."""
    clip_value: Positive
    """The largest entry of any gradient; meant to be exceeded at few steps."""


class GradientTrainingParams(Section):
    """`gradient_study.*.training`: short trainings by plain gradient descent, clipped or not.

    Cells have thresholds of their own, for their gradients differ in size.
    """

    tokens: Count
    """Of the training split's beginning."""
    valid_tokens: Count
    epochs: Count
    hidden_size: Count
    """Of the embedding as well."""
    batch_size: Count
    bptt_length: Count
    rnn: DescentParams
    lstm: DescentParams
    gru: DescentParams


class TruncationParams(Section):
    """`gradient_study.*.truncation`: gradient descent with windows of several lengths.

    Each cell has the rate and the clip_norm of its `training`; the rate falls linearly to 0.
    """

    lengths: Annotated[list[Steps], Field(min_length=2)]
    """Steps of a window; the longest is what the others are compared with."""
    tokens: Count
    """To predict in an epoch, of the training split's beginning; to the whole update."""
    valid_tokens: Count
    epochs: Count
    hidden_size: Count
    """Of the embedding as well."""
    window_tokens: Count
    """Tokens of an update whatever the length of its window: shorter windows, more streams."""
    seeds: Annotated[int, Field(ge=3)]
    """Trainings of each length that differ in their seed alone; two make no interval."""

    def learnt(self, length: int) -> int:
        """Return how many tokens to predict of a text of `length`: those of whole updates."""
        return min(self.tokens, length - 1) // self.window_tokens * self.window_tokens

    @model_validator(mode="after")
    def updates_are_alike(self) -> Self:
        for length in self.lengths:
            if self.window_tokens % length:
                raise ValueError(
                    f"window_tokens: expected a multiple of every window's length, got "
                    f"{self.window_tokens} for windows of {length} steps"
                )
        return self


class TaskParams(Section):
    """`gradient_study.*.tasks`: adding and copying over growing delays."""

    delays: Annotated[list[Steps], Field(min_length=1)]
    """Steps of an adding sequence; blanks between what is to be copied and its copy."""
    symbols: Annotated[int, Field(ge=2)]
    """Different symbols that may have to be copied."""
    initialisations: Annotated[list[Initialisation], Field(min_length=1)]
    copied: Count
    """Symbols to copy in a sequence."""
    hidden_size: Count
    steps: Count
    """Batches to learn from."""
    batch_size: Count
    rate: Rate
    """At the first batch; it falls linearly to 0."""
    clip_norm: Positive
    test_sequences: Count


class GradientStudyParams(Section):
    """`gradient_study.shared` with `gradient_study.quick` or `.night` on top.

    How far gradients reach back, and what clipping, initialisation and truncation change.
    """

    lengths: Annotated[list[Steps], Field(min_length=1)]
    """Steps over which gradients are followed back."""
    sequences: Count
    """Sequences of each length, drawn from the validation split so that none overlap; fewer where
    it is too short for so many."""
    confidence: Annotated[float, Field(gt=0, lt=1)]
    initialisations: Annotated[list[Initialisation], Field(min_length=1)]
    """Of untrained networks whose gradients are followed, and of plain gradient descent."""
    training: GradientTrainingParams
    truncation: TruncationParams
    tasks: TaskParams


class GradientStudySection(SharedSection):
    """`gradient_study`: the settings of each profile."""

    quick: GradientStudyParams
    night: GradientStudyParams
