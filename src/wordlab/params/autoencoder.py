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


class AutoencoderParams(Section):
    """`autoencoder.shared` with `autoencoder.rnn`, `.lstm` or `.gru` on top."""

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

    cell: Literal["rnn", "lstm", "gru"]
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
    latent_size: Count
    """Numbers in the vector that a sequence is squeezed into."""
    bidirectional: bool
    """The encoder reads the sequence in both directions."""
    reversed_input: bool
    """The encoder reads the sequence backwards (Sutskever et al. 2014)."""
    teacher_forcing: Share
    """The probability that the decoder sees the true symbol before, not its own (Bengio et al.
    2015, at a constant rate)."""

    rate: Rate
    """Learning rate at the start; it falls linearly to 0 over all epochs."""
    weight_decay: NonNegative
    clip_norm: Positive | None
    """The largest norm of all gradients together; null clips nothing."""
    epochs: Count
    batch_size: Count
    length_bins: Count
    """How many groups of lengths, equally wide, the results are told apart by."""


class AutoencoderSection(SharedSection):
    """`autoencoder`: the settings of each cell."""

    rnn: AutoencoderParams
    lstm: AutoencoderParams
    gru: AutoencoderParams
