"""The sections of params.yaml about the studies."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from wordlab.params import (
    MOST,
    Confidence,
    Count,
    Dropout,
    Fraction,
    NonNegative,
    Positive,
    Rate,
    Section,
    Share,
    Words,
)
from wordlab.params.language import (
    GATES,
    Activation,
    CellParams,
    ForgetBias,
    Gates,
    Initialisation,
    Kind,
    Rank,
    Reset,
    Rounds,
)


class WindowStudyParams(Section):
    """`window_study`: what the width of the window does to PPMI.

    `cooccurrence`, `ppmi`, `evaluation` and `comparison` have the settings that are not here.
    """

    windows: Annotated[tuple[Count, ...], Field(min_length=2, strict=False)]
    """Words on either side that count as context, from narrow to wide."""
    words: Words | None
    """The words to show the associations of; null: chosen from the text."""
    associations: Count
    """How many of the strongest associations to show per word."""
    matrix_words: Annotated[Words, Field(min_length=2)] | None
    """The words to show the PPMI between at each window; null: chosen from the text."""
    bins: Count
    """Of the histograms of PPMI values."""

    @model_validator(mode="after")
    def rising(self) -> Self:
        if any(a >= b for a, b in pairwise(self.windows)):
            raise ValueError("windows: expected each to be wider than the one before")
        return self


class SizeStudyParams(Section):
    """`size_study`: the same word vectors from less text."""

    shares: Annotated[tuple[Fraction, ...], Field(strict=False)]
    """Of the training text, in whole documents. The pipeline itself trains on all of it."""


class DrawsParams(Section):
    """`draws`: word vectors from draws of the documents, to see what holds on other texts."""

    count: Annotated[int, Field(ge=2, le=MOST)]
    """How many draws each model is trained on, besides the whole text."""
    neighbours: Count
    """How many of its nearest words are a word's neighbours."""
    confidence: Confidence
    """Of ranks, of scores and of which of two words is nearer, in other texts of the kind."""


class SequenceParams(Section):
    """What all autoencoders of a study share: their sequences, their network, their training."""

    unit: Literal["characters", "words"]
    """The symbols of a sentence."""
    min_count: Count
    """A symbol seen less often in the training sentences is unknown."""
    max_length: Count
    """Symbols of the longest sequence."""
    long_sentences: Literal["skip", "cut"]
    """skip sentences longer than `max_length`, or cut them to the whole words that fit."""
    train_sequences: Count
    """The most different sequences to learn from, drawn at random."""
    test_sequences: Count
    """The most held-out sequences to score, drawn likewise; none of the training sequences."""

    # of `CellParams`
    activation: Activation
    gru_reset: Reset
    forget_bias: ForgetBias
    initialisation: Initialisation
    mogrifier_rounds: Rounds
    mogrifier_rank: Rank
    heads: Count

    embedding_size: Count
    """Numbers of a symbol's vector."""
    hidden_size: Count
    """Of the encoder, in each direction, and of the decoder."""
    bidirectional: bool
    """The encoder reads the sequence in both directions."""
    reversed_input: bool
    """The encoder reads the sequence backwards (Sutskever et al. 2014)."""
    teacher_forcing: Share
    """The probability that the decoder sees the true symbol before, not its own (Bengio et al.
    2015, at a constant rate)."""

    weight_decay: NonNegative
    clip_norm: Positive | None
    """The largest norm of all gradients together; null clips nothing."""
    epochs: Count
    """Passes over the training sequences."""
    batch_size: Count
    """Sequences of an update."""


class AutoencoderParams(SequenceParams):
    """One autoencoder and its training."""

    cell: Kind
    latent_size: Count
    """Numbers in the vector that a sequence is squeezed into."""
    rate: Rate
    """Learning rate at the start; it falls linearly to 0 over all epochs."""

    @property
    def cells(self) -> CellParams:
        """What its cells are: they have all their gates."""
        return CellParams(gates="all", **self.model_dump(include=set(CellParams.model_fields)))


class AutoencoderStudyParams(SequenceParams):
    """`autoencoder`: one autoencoder for each cell and size.

    Every latent size is measured as trained, and rounded to fewer bits.
    """

    rates: Annotated[dict[Kind, Rate], Field(min_length=1)]
    """The cells to compare, each with its learning rate at the start."""
    latent_sizes: dict[Kind, Annotated[list[Count], Field(min_length=1)]]
    """Numbers in the vector that a sequence is squeezed into, for each cell."""
    latent_bits: Annotated[list[Annotated[int, Field(ge=1, le=12)]], Field(min_length=1)]
    """Bits to which each number of a trained vector is rounded, besides float32 and float16."""
    length_bins: Count
    """Groups of lengths, equally wide, to report the results by."""

    @model_validator(mode="after")
    def cells_agree(self) -> Self:
        if self.latent_sizes.keys() != self.rates.keys():
            raise ValueError(
                f"latent_sizes: expected the cells of rates, {', '.join(self.rates)}, got "
                f"{', '.join(self.latent_sizes)}"
            )
        return self


Steps = Annotated[int, Field(ge=2, le=MOST)]
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
    """`gradient_study.training`: short trainings by plain gradient descent, clipped or not.

    Cells have thresholds of their own, for their gradients differ in size.
    """

    tokens: Count
    """Of the training split's beginning."""
    valid_tokens: Count
    """Of the validation split, in stretches spread over it."""
    epochs: Count
    """Passes over the text."""
    hidden_size: Count
    """Of the embedding as well."""
    batch_size: Count
    """Streams of text side by side."""
    bptt_length: Count
    """Steps of truncated backpropagation through time."""
    rnn: DescentParams
    lstm: DescentParams
    gru: DescentParams


class TruncationParams(Section):
    """`gradient_study.truncation`: gradient descent with windows of several lengths.

    Each cell has the rate and the clip_norm of its `training`; the rate falls linearly to 0.
    """

    lengths: Annotated[list[Steps], Field(min_length=2)]
    """Steps of a window; the others are compared with the longest."""
    tokens: Count
    """To predict in an epoch, of the training split's beginning; to the whole update."""
    valid_tokens: Count
    """Of the validation split, in stretches spread over it."""
    epochs: Count
    """Passes over the text."""
    hidden_size: Count
    """Of the embedding as well."""
    window_tokens: Count
    """Tokens of an update whatever the length of its window: shorter windows, more streams."""
    seeds: Annotated[int, Field(ge=3, le=MOST)]
    """Trainings of each length that differ in their seed alone; two make no interval."""

    @model_validator(mode="after")
    def updates_are_alike(self) -> Self:
        if len(set(self.lengths)) < len(self.lengths):
            raise ValueError(f"lengths: expected different lengths, got {self.lengths}")
        for length in self.lengths:
            if self.window_tokens % length:
                raise ValueError(
                    f"window_tokens: expected a multiple of every window's length, got "
                    f"{self.window_tokens} for windows of {length} steps"
                )
        return self


class TaskParams(Section):
    """`gradient_study.tasks`: adding and copying over growing delays."""

    delays: Annotated[list[Steps], Field(min_length=1)]
    """Steps of an adding sequence; steps between what is to be copied and its copy: blanks, the
    last a sign to begin."""
    symbols: Annotated[int, Field(ge=2, le=MOST)]
    """Different symbols that may have to be copied."""
    initialisations: Annotated[list[Initialisation], Field(min_length=1)]
    """Of the recurrent weights, tried side by side."""
    copied: Count
    """Symbols to copy in a sequence."""
    hidden_size: Count
    """Units of each layer."""
    steps: Count
    """Batches to learn from."""
    batch_size: Count
    """Sequences of a batch."""
    rate: Rate
    """At the first batch; it falls linearly to 0."""
    clip_norm: Positive
    test_sequences: Count
    """Sequences to answer after the training, none of them learnt from."""


class GradientStudyParams(Section):
    """`gradient_study`: how far gradients reach back, and what clipping, initialisation and
    truncation change."""

    lengths: Annotated[list[Steps], Field(min_length=1)]
    """Steps over which gradients are followed back."""
    sequences: Count
    """Sequences of each length, drawn from the validation split so that none overlap; fewer where
    it is too short for so many."""
    faded: Fraction
    """A gradient has faded where its norm is below this share of that at lag 0."""
    confidence: Confidence
    """Of intervals over sequences, and over seeds."""
    initialisations: Annotated[list[Initialisation], Field(min_length=1)]
    """Of untrained networks whose gradients are followed, and of plain gradient descent."""
    training: GradientTrainingParams
    truncation: TruncationParams
    tasks: TaskParams


class CellStudyParams(Section):
    """`cell_study`: every kind of cell with equally many weights, as language models and in tasks.

    The section of `language_model` of each cell has the settings that are not here.
    """

    rates: Annotated[dict[Kind, Rate], Field(min_length=2)]
    """The cells to compare, each with its highest learning rate."""
    gates: dict[Kind, Annotated[list[Gates], Field(min_length=1)]]
    """Cells of `rates` that are also compared with other gates, as `language_model` has them."""
    parameters: Count
    """Weights of each network: its hidden_size becomes the one that brings it closest."""
    vocabulary_size: Count | None
    """The commonest words kept, as `language_model` has it."""
    train_tokens: Count
    """Of the training split's beginning."""
    valid_tokens: Count
    """Of the validation split, an equal share of each document; they choose the epoch."""
    test_tokens: Count
    """Of the test split, an equal share of each document."""
    embedding_size: Count
    """Numbers of a word's vector."""
    layers: Count
    adaptive_cutoffs: list[Count]
    """Of the output layer, see `language_model`."""
    dropout: Dropout
    """On the embedded symbols, between layers and on the output."""
    epochs: Count
    """Passes over the text at most: the one that is best on validation is kept."""
    warmup: Share
    """The share of all windows over which the rate of every cell rises linearly from 0."""
    batch_size: Count
    """Streams of text side by side."""
    bptt_length: Count
    """Steps of truncated backpropagation through time."""
    seeds: Annotated[int, Field(ge=2, le=MOST)]
    """Trainings of each cell that differ in their seed alone, and of each task."""
    contexts: Annotated[tuple[Count, ...], Field(min_length=1, strict=False)]
    """Losses are also measured with all but so many of the last words replaced by other text."""
    task_layers: Count
    """Recurrent layers of the networks that learn the tasks."""
    tasks: TaskParams
    """Its hidden_size is that of a GRU, whose number of weights all cells have."""

    @model_validator(mode="after")
    def gates_of_cells(self) -> Self:
        for cell, chosen in self.gates.items():
            if cell not in self.rates:
                raise ValueError(f"gates.{cell}: expected a cell of rates, {', '.join(self.rates)}")
            allowed = GATES.get(cell, ("all",))[1:]
            for one in chosen:
                if one not in allowed:
                    expected = f"one of {', '.join(allowed)}" if allowed else "none"
                    raise ValueError(f"gates.{cell}: expected {expected}, got {one}")
        return self


COMBINATION = "combination"
"""What the study calls the combination of the methods that helped."""


class RegularisationMethod(Section):
    """One way to hold a network back; what is 0 or false does nothing."""

    dropout: Dropout
    """On the embedded symbols, between layers and on the output."""
    variational: bool
    """One dropout mask for all steps of a sequence (Gal & Ghahramani 2016), whose recurrent
    weights are left alone."""
    dropout_recurrent: Dropout
    """On the recurrent weights (Merity et al. 2017)."""
    weight_decay: NonNegative
    early_stopping: bool
    """Stop after `patience` epochs without a better validation loss, and keep the best."""


class RegularisationStudyParams(Section):
    """`regularisation_study`: small networks on a text small enough to overfit.

    `language_model` has the settings that are not here.
    """

    cells: Annotated[list[Kind], Field(min_length=1)]
    """The cells to hold back, each by itself."""
    vocabulary_size: Count | None
    """The commonest words kept, as `language_model` has it: a small text knows few well."""
    train_tokens: Count
    """Of the training split's beginning."""
    valid_tokens: Count
    """Of the validation split, an equal share of each document."""
    test_tokens: Count
    """Of the test split, an equal share of each document."""
    hidden_size: Count
    """Of the embedding as well."""
    layers: Count
    rate: Rate
    """Learning rate, the same throughout: that of `language_model` is for larger networks."""
    epochs: Count
    """Passes over the text; early stopping may end before."""
    batch_size: Count
    """Streams of text side by side."""
    bptt_length: Count
    """Steps of truncated backpropagation through time."""
    patience: Count
    """Epochs without a better validation loss after which early stopping stops."""
    adaptive_cutoffs: list[Count]
    """Of the output layer, see `language_model`."""
    seeds: Annotated[int, Field(ge=3, le=MOST)]
    """Trainings of each setting that differ in their seed alone; two make no interval."""
    confidence: Confidence
    """Of intervals that hold together for a cell: those of changes from `none`, and those of the
    differences of two methods."""
    methods: dict[str, RegularisationMethod]
    """By name, with _ for blanks: what each changes of `none`, with which all are compared."""

    @field_validator("methods", mode="wrap")
    @classmethod
    def spread(
        cls, raw: Any, validated: Callable[[Any], dict[str, RegularisationMethod]]
    ) -> dict[str, RegularisationMethod]:
        """Give each method the settings of `none` that it does not change."""
        if isinstance(raw, Mapping) and isinstance(none := raw.get("none"), Mapping):
            raw = {k: {**none, **x} if isinstance(x, Mapping) else x for k, x in raw.items()}
        return {name.replace("_", " "): method for name, method in validated(raw).items()}

    @model_validator(mode="after")
    def has_none(self) -> Self:
        if "none" not in self.methods:
            raise ValueError("methods: expected one called none, to compare the others with")
        if COMBINATION in self.methods:
            raise ValueError(f"methods: {COMBINATION} is what the study finds; expected another")
        return self
