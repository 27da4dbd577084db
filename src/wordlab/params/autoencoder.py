"""The section of params.yaml about sequence autoencoders."""

from typing import Annotated, Literal

from pydantic import Field

from wordlab.params.base import (
    Count,
    NonNegative,
    Positive,
    Rate,
    Section,
    Share,
    SharedSection,
)

Cell = Literal["rnn", "lstm", "gru"]


class SequenceParams(Section):
    """What all autoencoders of a study share: their sequences, their network, their training."""

    unit: Literal["characters", "words"]
    """What a sentence is a sequence of."""
    min_count: Count
    """A symbol seen less often in the training sentences is unknown."""
    max_length: Count
    """Symbols of the longest sequence."""
    long_sentences: Literal["skip", "cut"]
    """skip sentences longer than `max_length`, or cut them to the whole words that fit."""
    train_sequences: Count
    """The most different sequences to learn from, drawn at random."""
    test_sequences: Count
    """The most held-out sequences to be scored on, drawn likewise; none that was learnt from."""

    activation: Literal["tanh", "relu"]
    """Of the plain RNN; the others have no use for it."""
    gru_reset: Literal["before", "after"]
    """Whether the GRU's reset gate acts before (Cho et al. 2014) or after the matrix product."""
    forget_bias: Annotated[float, Field(allow_inf_nan=False)]
    """The LSTM's forget bias at the start; 1 after Jozefowicz et al. 2015."""
    initialisation: Literal["uniform", "orthogonal"]
    """Of the recurrent weights: uniform in +-1/sqrt(hidden_size), or a random orthogonal matrix
    for each gate (Saxe et al. 2014)."""
    embedding_size: Count
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
    batch_size: Count


class AutoencoderParams(SequenceParams):
    """One autoencoder and its training."""

    cell: Cell
    latent_size: Count
    """Numbers in the vector that a sequence is squeezed into."""
    rate: Rate
    """Learning rate at the start; it falls linearly to 0 over all epochs."""


class AutoencoderStudyParams(SequenceParams):
    """`autoencoder.shared` with `autoencoder.quick` or `.night` on top: one for each cell and size.

    Every latent size is measured as trained, and rounded to fewer bits.
    """

    rates: Annotated[dict[Cell, Rate], Field(min_length=1)]
    """The cells to compare, each with its learning rate at the start."""
    latent_sizes: Annotated[list[Count], Field(min_length=1)]
    """Numbers in the vector that a sequence is squeezed into."""
    latent_bits: Annotated[list[Annotated[int, Field(ge=1, le=12)]], Field(min_length=1)]
    """Bits to which each number of a trained vector is rounded, besides float32 and float16."""
    length_bins: Count
    """How many groups of lengths, equally wide, the results are told apart by."""

    def network(self, cell: Cell, latent_size: int) -> AutoencoderParams:
        """Return the settings of one autoencoder of the study."""
        shared = self.model_dump(include=set(SequenceParams.model_fields))
        own = {"cell": cell, "latent_size": latent_size, "rate": self.rates[cell]}
        return AutoencoderParams.model_validate(shared | own)


class AutoencoderSection(SharedSection):
    """`autoencoder`: the settings of each profile."""

    quick: AutoencoderStudyParams
    night: AutoencoderStudyParams
