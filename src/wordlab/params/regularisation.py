"""The section of params.yaml about the study of regularisation."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from wordlab.params.base import (
    Count,
    Dropout,
    NonNegative,
    Rate,
    Section,
    SharedSection,
)

COMBINATION = "best combination"
"""What the study calls the combination of the methods that helped."""


class RegularisationMethod(Section):
    """One way to hold a network back; what is 0 or false does nothing."""

    dropout: Dropout
    """On the embedded symbols, between layers and on the output."""
    variational: bool
    """One dropout mask for all steps of a sequence (Gal & Ghahramani 2016)."""
    dropout_recurrent: Dropout
    """On the recurrent weights (Merity et al. 2017)."""
    weight_decay: NonNegative
    early_stopping: bool
    """Stop after `patience` epochs without a better validation loss, and keep the best."""


class RegularisationStudyParams(Section):
    """`regularisation_study.shared` with `regularisation_study.quick` or `.night` on top.

    Small networks on a text small enough to overfit. What is not named here is that of
    `language_model`.
    """

    train_tokens: Count
    """Of the training split's beginning."""
    valid_tokens: Count
    """Of the validation split, an equal share of each document."""
    test_tokens: Count
    """Of the test split, an equal share of each document."""
    hidden_size: Count
    """Of the embedding as well."""
    layers: Annotated[int, Field(ge=2)]
    """At least 2, for there to be something between layers to drop."""
    rate: Rate
    """Learning rate, the same throughout: that of `language_model` is for larger networks."""
    epochs: Count
    batch_size: Count
    bptt_length: Count
    patience: Count
    """Epochs without a better validation loss after which early stopping stops."""
    adaptive_cutoffs: list[Count]
    """Of the output layer, see `language_model`."""
    seeds: Annotated[int, Field(ge=3)]
    """Trainings of each setting that differ in their seed alone; two make no interval."""
    confidence: Annotated[float, Field(gt=0, lt=1)]
    """Of all intervals of differences together."""
    methods: dict[str, RegularisationMethod]
    """By name; `none` is what the others are compared with."""

    @model_validator(mode="after")
    def has_none(self) -> Self:
        if "none" not in self.methods:
            raise ValueError("methods: expected one called none, to compare the others with")
        if COMBINATION in self.methods:
            raise ValueError(f"methods: {COMBINATION} is what the study finds; expected another")
        return self


class RegularisationStudySection(SharedSection):
    """`regularisation_study`: the settings of each profile."""

    quick: RegularisationStudyParams
    night: RegularisationStudyParams
