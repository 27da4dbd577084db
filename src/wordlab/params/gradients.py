"""The section of params.yaml about the study of gradients."""

from typing import Annotated, Literal

from pydantic import Field

from wordlab.params.base import (
    Count,
    Positive,
    Rate,
    Section,
    SharedSection,
)

Steps = Annotated[int, Field(ge=2)]
"""A number of steps between which there is a step back."""


class Clipping(Section):
    """A way to clip gradients; what is null clips nothing."""

    norm: Positive | None
    """`clip_norm` of the training."""
    value: Positive | None
    """`clip_value` of the training."""


class GradientTrainingParams(Section):
    """`gradient_study.*.training`: short trainings by plain gradient descent, clipped or not."""

    tokens: Count
    """Of the training split's beginning."""
    epochs: Count
    batch_size: Count
    bptt_length: Count
    rate: Rate
    """High enough for long steps to do harm."""
    clipping: Annotated[dict[str, Clipping], Field(min_length=1)]
    """The ways to clip, by name."""


class TruncationParams(Section):
    """`gradient_study.*.truncation`: trainings whose windows have the lengths of the study."""

    tokens: Count
    """Of the training split's beginning."""
    epochs: Count
    window_tokens: Count
    """Tokens of an update whatever the length of its window: shorter windows, more streams."""


class TaskParams(Section):
    """`gradient_study.*.tasks`: adding and copying over growing delays."""

    delays: Annotated[list[Steps], Field(min_length=1)]
    """Steps of an adding sequence; blanks between what is to be copied and its copy."""
    symbols: Annotated[int, Field(ge=2)]
    """Different symbols that may have to be copied."""
    copied: Count
    """Symbols to copy in a sequence."""
    hidden_size: Count
    steps: Count
    """Batches to learn from."""
    batch_size: Count
    rate: Rate
    clip_norm: Positive
    test_sequences: Count


class GradientStudyParams(Section):
    """`gradient_study.shared` with `gradient_study.quick` or `.night` on top.

    How far gradients reach back, and what clipping, initialisation and truncation change.
    """

    lengths: Annotated[list[Steps], Field(min_length=1)]
    """Steps over which gradients are followed back, and windows of the truncated trainings."""
    sequences: Annotated[int, Field(ge=2)]
    """Sequences of each length, drawn from the validation split."""
    jacobian_states: Count
    """States at which the recurrent Jacobian is formed."""
    confidence: Annotated[float, Field(gt=0, lt=1)]
    initialisations: Annotated[list[Literal["uniform", "orthogonal"]], Field(min_length=1)]
    """Of the recurrent weights of every network that is trained here."""
    training: GradientTrainingParams
    truncation: TruncationParams
    tasks: TaskParams


class GradientStudySection(SharedSection):
    """`gradient_study`: the settings of each profile."""

    quick: GradientStudyParams
    night: GradientStudyParams
