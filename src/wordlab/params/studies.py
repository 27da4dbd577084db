"""The sections of params.yaml about the studies of word vectors."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from wordlab.params.base import Count, Section, Words


class WindowStudyParams(Section):
    """`window_study`: what the width of the window does to PPMI.

    What is not named here is that of `cooccurrence`, `ppmi`, `evaluation` and `comparison`.
    """

    windows: Annotated[tuple[Count, ...], Field(min_length=2, strict=False)]
    words: Words | None
    """The words whose associations are shown; null: chosen from the text."""
    associations: Count
    """How many of each word's strongest associations are shown."""
    matrix_words: Annotated[Words, Field(min_length=2)] | None
    """The words whose PPMI with one another is shown at each window; null: chosen from the text."""
    bins: Count
    """Of the histograms of PPMI values."""

    @model_validator(mode="after")
    def rising(self) -> Self:
        if any(a >= b for a, b in zip(self.windows, self.windows[1:], strict=False)):
            raise ValueError("windows: expected each to be wider than the one before")
        return self


class SizeStudyParams(Section):
    """`size_study`: the same word vectors on less text."""

    shares: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(strict=False)]
    """Of the training text, in documents drawn whole, beside all of it, which the pipeline itself
    trains on."""
