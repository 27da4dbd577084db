"""The sections of params.yaml about sweeps: which settings are tried, how often, on how much."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator
from pydantic.fields import FieldInfo

from wordlab.params.base import Count, Section
from wordlab.params.embeddings import CooccurrenceParams, GloveParams, Word2vecParams
from wordlab.params.evaluation import Confidence
from wordlab.params.recurrent import LanguageModelParams

Value = bool | int | float | str | None
Values = Annotated[tuple[Value, ...], Field(min_length=1, strict=False)]


class SweepParams(Section):
    """What the sweeps share. Every combination of the values in `grid` is tried."""

    grid: Annotated[dict[str, Values], Field(min_length=1)]
    """The values to try of each setting, by its name in the section of the model."""
    fixed: dict[str, Value]
    """Settings that differ from the section of the model in all trials."""
    seeds: Count
    """Trainings of each combination, differing in the seed; 1 leaves the noise unknown."""
    confidence: Confidence


class Word2vecSweepParams(SweepParams):
    """`sweep_word2vec`: settings of word2vec against the scores of its vectors."""

    architectures: Annotated[
        tuple[Literal["skipgram", "cbow"], ...], Field(min_length=1, strict=False)
    ]

    @model_validator(mode="after")
    def known_settings(self) -> Self:
        check_settings(Word2vecParams.model_fields, self.grid, self.fixed)
        return self


class GloveSweepParams(SweepParams):
    """`sweep_glove`: settings of `cooccurrence` and `glove` against the scores of the vectors."""

    @model_validator(mode="after")
    def known_settings(self) -> Self:
        fields = {**CooccurrenceParams.model_fields, **GloveParams.model_fields}
        del fields["memory_mb"]  # changes no result
        check_settings(fields, self.grid, self.fixed)
        return self


class RecurrentSweepParams(SweepParams):
    """`sweep_recurrent`: settings of recurrent language models against their perplexity."""

    cells: Annotated[tuple[Literal["rnn", "lstm", "gru"], ...], Field(min_length=1, strict=False)]
    tokens: Count
    """The trials learn from the beginning of the training split, up to this many tokens."""
    valid_tokens: Count
    """They are scored on the beginning of the validation split, up to this many tokens."""
    folds: Count
    """1: scored on the validation split; k: on each k-th of the documents learnt from in turn
    (cross-validation), the validation split not being used."""

    @model_validator(mode="after")
    def known_settings(self) -> Self:
        fields = dict(LanguageModelParams.model_fields)
        del fields["cell"]  # in `cells`
        check_settings(fields, self.grid, self.fixed)
        return self


def check_settings(
    fields: Mapping[str, FieldInfo],
    grid: Mapping[str, tuple[Value, ...]],
    fixed: Mapping[str, Value],
) -> None:
    """Raise ValueError unless each key is one of `fields`, and each value one that it allows."""
    both = sorted(grid.keys() & fixed.keys())
    if both:
        raise ValueError(f"{both[0]}: expected in `grid` or in `fixed`, not in both")
    tried: dict[str, tuple[Any, ...]] = {**grid, **{key: (value,) for key, value in fixed.items()}}
    for key, values in tried.items():
        if key not in fields:
            raise ValueError(
                f"{key}: no such setting to sweep; expected one of {', '.join(fields)}"
            )
        if len(set(values)) < len(values):
            raise ValueError(f"{key}: expected different values, got {list(values)}")
        allowed: Any = Annotated[fields[key].annotation, fields[key]]
        adapter = TypeAdapter(allowed)
        for value in values:
            try:
                adapter.validate_python(value, strict=True)
            except ValidationError as error:
                problem = error.errors()[0]["msg"].removeprefix("Input should be ")
                raise ValueError(f"{key}: expected {problem}, got {value!r}") from None
