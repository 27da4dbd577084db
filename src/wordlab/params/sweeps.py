"""The sections of params.yaml about sweeps: which settings are tried, how often, on how much."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, cast

from pydantic import Field, TypeAdapter, ValidationError, model_validator
from pydantic.fields import FieldInfo

from wordlab.params import MOST, Confidence, Count, Positive, Section
from wordlab.params.embeddings import (
    CooccurrenceParams,
    GloveParams,
    PpmiParams,
    Word2vecParams,
)
from wordlab.params.language import Kind, LanguageModelParams

Value = bool | int | float | str | None
Values = Annotated[tuple[Value, ...], Field(min_length=1, strict=False)]


S = TypeVar("S", bound=Section)
UNSEEN = {"memory_mb", "score_epochs"}
"""Settings that change no vector."""


class Range(Section):
    """Values between two bounds, both included; whole numbers where both bounds are."""

    low: int | float
    high: int | float
    log: bool
    """Uniform in the logarithm: as many values between 0.001 and 0.01 as between 0.01 and 0.1."""

    @model_validator(mode="after")
    def bounds_agree(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"expected low below high, got {self.low} and {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"expected low above 0 where log is true, got {self.low}")
        return self

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)


Tried = tuple[Value, ...] | Range
"""What is tried of a setting."""


class SweepParams(Section):
    """What the sweeps share."""

    seeds: Count
    """Trainings of each combination, differing in the seed; 1 leaves the noise unknown."""
    confidence: Confidence
    """Of the intervals of means and of differences between settings."""


class GridSweepParams(SweepParams):
    """Sweeps in which every combination of the values in `grid` is tried."""

    fixed: dict[str, Value]
    """Settings of all trials. What neither this nor `grid` has is the pipeline's own. null leaves
    to `grid` what that has, so that a scale can try what params.yaml fixes."""
    grid: Annotated[dict[str, Values], Field(min_length=1)]
    """The values to try of each setting, by its name in the section of the model."""

    sections: ClassVar[tuple[type[Section], ...]]
    """What a trial is trained with."""
    chosen: ClassVar[tuple[str, ...]]
    """The settings that are never the pipeline's: their stage does not depend on those."""

    @classmethod
    def fields(cls) -> dict[str, FieldInfo]:
        """Return the settings of a trial."""
        return {name: field for one in cls.sections for name, field in one.model_fields.items()}

    @classmethod
    def inherited(cls) -> list[str]:
        """Return the settings that are the pipeline's where the sweep has none of its own."""
        return [name for name in cls.fields() if name not in cls.chosen]

    @classmethod
    def inherit(cls, raw: Any, *sections: Any) -> Any:
        """Return the sweep `raw` of params.yaml with what it inherits from `sections` in `fixed`.

        What is not valid stays out: it is for its own section to refuse.
        """
        try:
            grid = raw["grid"].keys()
            fixed = {n: x for n, x in raw["fixed"].items() if x is not None or n not in grid}
            pipeline = {name: value for one in sections for name, value in one.items()}
            names = [name for name in cls.inherited() if name in pipeline.keys() - grid]
            valid = {n: pipeline[n] for n in names if not refusal(cls.fields()[n], pipeline[n])}
            return {**raw, "fixed": {**valid, **fixed}}
        except (AttributeError, KeyError, TypeError):
            return raw

    def tried(self, model: str) -> dict[str, Values]:
        """Return the values to try of each setting of `model`."""
        return self.grid

    def settings(self, section: type[S], tried: Mapping[str, Value]) -> S:
        """Return the settings of a trial that belong to `section`."""
        both = {**self.fixed, **tried}
        return section.model_validate({key: both[key] for key in section.model_fields})

    @model_validator(mode="after")
    def known_settings(self) -> Self:
        fields = self.fields()
        check_settings(fields, self.grid, self.fixed)
        for name in UNSEEN & self.grid.keys():
            raise ValueError(f"{name}: expected a setting that changes results")
        return self

    def missing(self) -> list[str]:
        """Return the settings that no trial would have."""
        return [name for name in self.fields() if name not in {**self.grid, **self.fixed}]


class Word2vecSweepParams(GridSweepParams):
    """`sweep_word2vec`: settings of word2vec against the scores of its vectors.

    What it does not set is `word2vec.shared`'s, for both architectures.
    """

    sections = (Word2vecParams,)
    chosen = ("window", "dimensions", "rate")
    architectures: Annotated[
        dict[Literal["skipgram", "cbow"], dict[str, Values]], Field(min_length=1)
    ]
    """Those to train, each with values to try in place of those in `grid`."""

    def tried(self, model: str) -> dict[str, Values]:
        return self.grid | self.architectures[cast(Any, model)]

    @model_validator(mode="after")
    def known_values(self) -> Self:
        for name, own in self.architectures.items():
            for key in own.keys() - self.grid.keys():
                raise ValueError(f"architectures.{name}.{key}: expected {key} in `grid` as well")
            check_settings(self.fields(), own, {})
        return self


class GloveSweepParams(GridSweepParams):
    """`sweep_glove`: settings of `cooccurrence` and `glove` against the scores of the vectors.

    What it does not set is theirs.
    """

    sections = (CooccurrenceParams, GloveParams)
    chosen = ("window", "dimensions", "iterations", "x_max")


class PpmiSweepParams(GridSweepParams):
    """`sweep_ppmi`: settings of `cooccurrence` and `ppmi` against the scores of the SVD's vectors.

    What it does not set is theirs.
    """

    sections = (CooccurrenceParams, PpmiParams)
    chosen = ("window", "dimensions", "context_exponent", "shift")


class DrawnTextParams(Section):
    """`drawn_text`: what is drawn from a trained model, to be scored beside real text."""

    texts: Count
    """How many are drawn."""
    length: Count
    """Symbols of each text."""
    window: Count
    """How far apart two words may be to count as a pair whose coherence is taken."""
    common_words: Annotated[int, Field(ge=0, le=MOST)]
    """So many of the commonest words are in no pair: they go with everything."""


class RecurrentSweepParams(SweepParams):
    """`sweep_recurrent`: settings of recurrent language models against their perplexity."""

    fixed: dict[str, Value]
    """Settings of all trials that differ from those of `language_model`."""
    cells: Annotated[tuple[Kind, ...], Field(min_length=1, strict=False)]
    """The cells whose settings are searched, each by itself."""
    search: Literal["grid", "random", "quasi_random", "tpe"]
    """grid: every combination; random: drawn independently; quasi_random: a scrambled Sobol
    sequence, which fills the space evenly; tpe: drawn where earlier combinations did well (tree of
    Parzen estimators, Bergstra et al. 2011)."""
    trials: Count
    """Combinations to draw for each cell; a grid tries all that there are."""
    pruning: Literal["none", "median", "hyperband"]
    """none: every combination has the whole budget of epochs or tokens; median: all have a quarter
    of it, those that do no worse than the median half, and of these likewise all; hyperband: a
    third is promoted to three times the budget, starting at a ninth of it (Li et al. 2018)."""
    space: Annotated[dict[str, Values | Range], Field(min_length=1)]
    """What to try of each setting, by its name in `language_model`: a list of values, or
    {low: 0.001, high: 0.1, log: true}, which no grid can try."""
    parameters: Count | None
    """A budget of weights for each network: its embedding_size becomes the one that brings it
    closest; null leaves embedding_size alone, and larger states make larger networks."""
    tokens: Count
    """The trials learn from the beginning of the training split, up to this many tokens."""
    update_tokens: Count | None
    """Tokens that each update predicts: batch_size is this divided by bptt_length, so that all
    lengths make equally many updates; of windows, which predict one each, it is this itself.
    Sentences shorter than bptt_length make updates of fewer tokens. null: batch_size is set as any
    other setting."""
    valid_tokens: Count | None
    """They are scored on the same share of each held-out document, so many tokens in all; null:
    on whole documents."""
    folds: Count
    """1: scored on the validation split; k: on each k-th of the documents learnt from in turn, all
    with about as many tokens (cross-validation)."""
    early_stopping_share: Annotated[float, Field(gt=0, le=0.5)]
    """The share of the text learnt from, in whole documents, that trials leave out to choose the
    epoch on: what they are scored on chooses nothing."""
    winner_seeds: Count
    """Trainings of each cell's best settings on the whole training split, for the test split; on
    its beginning where `tokens` of `language_model`, or in `fixed`, is limited."""
    contexts: Annotated[tuple[Count, ...], Field(strict=False)]
    """Losses are also measured with all but so many of the last symbols replaced by other text."""
    progress_tokens: Count
    """The loss of the text that chooses the epoch is also measured each time that so many tokens
    have been learnt from."""
    target_loss: Positive
    """Nats per symbol; how many updates it takes until that loss is no higher is measured."""
    drawn_text: DrawnTextParams
    trees: Annotated[int, Field(ge=2, le=MOST)]
    """Of each forest that the importances are taken from; their intervals are over combinations."""

    @model_validator(mode="after")
    def known_settings(self) -> Self:
        fields = dict(LanguageModelParams.model_fields)
        del fields["cell"]  # in `cells`
        check_settings(fields, self.ends(), self.fixed, "space")
        ranges = [name for name, values in self.space.items() if isinstance(values, Range)]
        if self.search == "grid" and ranges:
            raise ValueError(
                f"space.{ranges[0]}: a grid cannot try all values of a range; expected a list, or "
                f"search: random, quasi_random or tpe"
            )
        if self.search == "tpe" and self.pruning != "none":
            raise ValueError(
                "pruning: tpe draws by the losses on the whole budget; expected pruning: none, or "
                "search: grid, random or quasi_random"
            )
        if self.parameters is not None and "embedding_size" in {*self.space, *self.fixed}:
            raise ValueError(
                "parameters: the budget decides embedding_size; expected it in neither space nor "
                "fixed, or parameters: null"
            )
        if self.update_tokens is not None and "batch_size" in {*self.space, *self.fixed}:
            raise ValueError(
                "update_tokens: batch_size follows from it; expected batch_size in neither space "
                "nor fixed, or update_tokens: null"
            )
        return self

    def corners(self) -> Iterator[dict[str, Value]]:
        """Yield the combinations at the bounds of what can be tried, all of a grid."""
        ends = self.ends()
        for chosen in itertools.product(*ends.values()):
            yield dict(zip(ends, chosen, strict=True))

    def ends(self) -> dict[str, tuple[Value, ...]]:
        """Return the values of each setting, or the bounds of its range."""
        return {
            name: (values.low, values.high) if isinstance(values, Range) else values
            for name, values in self.space.items()
        }


P = TypeVar("P", bound=Section)


def check_combination(base: P, settings: Mapping[str, Value]) -> P:
    """Return a validated copy of `base` with `settings` on top.

    Raises ValueError, naming the settings, where they contradict one another.
    """
    try:
        return type(base).model_validate({**base.model_dump(), **settings})
    except ValidationError as error:
        chosen = ", ".join(f"{key}={value}" for key, value in settings.items())
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ValueError(f"with {chosen}: {problem}") from None


def check_settings(
    fields: Mapping[str, FieldInfo],
    grid: Mapping[str, tuple[Value, ...]],
    fixed: Mapping[str, Value],
    place: str = "grid",
) -> None:
    """Raise ValueError unless each key is one of `fields`, and each value one that it allows.

    place: what the section calls `grid`.
    """
    both = sorted(grid.keys() & fixed.keys())
    if both:
        raise ValueError(f"{both[0]}: expected in `{place}` or in `fixed`, not in both")
    tried: dict[str, tuple[Any, ...]] = {**grid, **{key: (value,) for key, value in fixed.items()}}
    for key, values in tried.items():
        if key not in fields:
            raise ValueError(
                f"{key}: no such setting to sweep; expected one of {', '.join(fields)}"
            )
        if len(set(values)) < len(values):
            raise ValueError(f"{key}: expected different values, got {list(values)}")
        for value in values:
            if problem := refusal(fields[key], value):
                raise ValueError(f"{key}: expected {problem}, got {value!r}")


def refusal(field: FieldInfo, value: Any) -> str:
    """Return what a field expects instead of `value`, "" where it takes that."""
    allowed: Any = Annotated[field.annotation, field]
    try:
        TypeAdapter(allowed).validate_python(value, strict=True)
    except ValidationError as error:
        return str(error.errors()[0]["msg"]).removeprefix("Input should be ")
    return ""
