"""The sections of params.yaml about recurrent language models."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from wordlab.params import (
    Count,
    Dropout,
    NonNegative,
    Positive,
    Rate,
    Section,
    Share,
    SharedSection,
    Words,
)

Kind = Literal["rnn", "lstm", "gru", "mingru", "minlstm", "sru", "mogrifier", "hgrn2"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CELLS: tuple[str, ...] = ("rnn", "lstm", "gru")
"""Those of the models that the pipeline trains in full."""
Gates = Literal["all", "no_input", "no_forget", "no_output", "coupled", "no_reset", "no_update"]
GATES: dict[str, tuple[Gates, ...]] = {
    "lstm": ("all", "no_input", "no_forget", "no_output", "coupled"),
    "gru": ("all", "no_reset", "no_update"),
}
"""What can be done to the gates of a cell; nothing to those of others."""
Activation = Literal["tanh", "relu"]
Reset = Literal["before", "after"]
ForgetBias = Annotated[float, Field(allow_inf_nan=False)]
Initialisation = Literal["uniform", "orthogonal"]
Rounds = Annotated[int, Field(ge=0, le=100)]
Rank = Count | None


class CellParams(Section):
    """What a recurrent cell is."""

    cell: Kind
    """The recurrent cell."""
    activation: Activation
    """Of the plain RNN; the other cells ignore it."""
    gates: Gates
    """all; no_…: without one, which is then open, without weights (Greff et al. 2017); coupled: the
    LSTM's forget gate is 1 - its input gate. The LSTM has input, forget and output gates, the GRU
    reset and update gates; none has peepholes. The other cells have all of theirs."""
    gru_reset: Reset
    """Whether the GRU's reset gate acts before (Cho et al. 2014) or after the matrix product."""
    forget_bias: ForgetBias
    """The forget gate's bias at the start; 1 after Jozefowicz et al. 2015. Of all cells with such
    a gate: RNN, GRU and minGRU have none."""
    initialisation: Initialisation
    """Of the recurrent weights: uniform in +-1/sqrt(hidden_size), or a random orthogonal matrix
    for each gate (Saxe et al. 2014). minGRU, minLSTM, SRU and HGRN2 have no such weights."""
    mogrifier_rounds: Rounds
    """How often input and state of the Mogrifier LSTM scale one another before each step, in turn;
    0 is the LSTM (Melis et al. 2020)."""
    mogrifier_rank: Rank
    """Of the matrices of these rounds; null: full matrices."""
    heads: Count
    """Of HGRN2, whose hidden_size they divide: each has a matrix for its state."""

    @model_validator(mode="after")
    def gates_of_cell(self) -> Self:
        allowed = GATES.get(self.cell, ("all",))
        if self.gates not in allowed:
            raise ValueError(
                f"gates: expected one of {', '.join(allowed)} for {self.cell}, got {self.gates}"
            )
        return self


class NetworkParams(CellParams):
    """What a word model and a character model share: the network and its training."""

    cell_backend: Literal["wordlab", "torch"]
    """wordlab: this package's compiled layers, on a processor (on CUDA torch's, where it has them);
    torch: torch.nn's, for comparison."""
    embedding: Literal["trained", "frozen", "one_hot"]
    """trained; frozen: as it is at the start; one_hot: a symbol is a vector with a single 1, and
    embedding_size has no meaning."""
    embedding_size: Count
    """Numbers of a symbol's vector; as many as `hidden_size` where the output is tied to it."""
    hidden_size: Count
    """Units of each layer."""
    layers: Count
    """Recurrent layers, one on top of the other."""
    tied: bool
    """The output layer uses the embedding as its weights (Press & Wolf 2017)."""
    adaptive_cutoffs: list[Count]
    """Where the clusters of rarer classes start in an adaptive softmax (Grave et al. 2017); those
    beyond the vocabulary have no effect; [] is the full softmax."""

    dropout_input: Dropout
    """On the embedded symbols."""
    dropout_between: Dropout
    """On what one layer passes to the next."""
    dropout_output: Dropout
    """On what the last layer passes to the output."""
    dropout_recurrent: Dropout
    """On the recurrent weights, one mask per window (DropConnect; Merity et al. 2017). Cells
    without such weights ignore it."""
    variational: bool
    """One dropout mask per sequence (Gal & Ghahramani 2016), not one per step."""
    activation_penalty: NonNegative
    """alpha of alpha * mean(h^2) on the dropped-out output (Merity et al. 2017)."""
    temporal_penalty: NonNegative
    """beta of beta * sum((h_t - h_(t-1))^2) / (H N) on the output before dropout, but where a state
    is cut; N is the number of symbols predicted (Merity et al. 2017)."""
    weight_decay: NonNegative
    """Decoupled from the gradient (Loshchilov & Hutter 2019)."""

    optimizer: Literal["adamw", "sgd", "averaged_sgd"]
    """averaged_sgd: SGD whose weights are averaged once validation gets no better (NT-ASGD,
    Merity et al. 2017, algorithm 1)."""
    averaging_patience: Count
    """The average begins after an epoch whose validation loss is above the best of all but the
    last so many before it (n of Merity et al. 2017). For averaged_sgd."""
    rate: Rate
    """The highest learning rate."""
    schedule: Literal["constant", "linear", "cosine", "plateau"]
    """constant; linear or cosine fall to 0 over all epochs; plateau: a quarter of the rate after
    each epoch whose validation loss is not the best so far."""
    warmup: Share
    """The share of all windows over which the rate rises linearly from 0."""
    clip_norm: Positive | None
    """The largest norm of all gradients together (Pascanu et al. 2013); null clips nothing."""
    clip_value: Positive | None
    """The largest entry, up or down, of any gradient (Mikolov 2012, 3.2.2); null clips nothing."""
    epochs: Count
    """Passes over the training split at most; `patience` may end before."""
    tokens: Count | None
    """Stop after about so many tokens, to the window, if the epochs are not over before; schedules
    end there too. null: no such limit."""
    minutes: Positive | None
    """Stop after so many minutes on the clock. The one setting whose results depend on the machine:
    not the same bytes again. null: no such limit."""
    patience: Count | None
    """Stop after this many epochs without a better validation loss; null never stops early."""
    examples: Literal["streams", "windows", "sentences"]
    """streams: the text in parallel streams, read to the end; windows: bptt_length symbols and the
    next one, in random order (the textbook task); sentences: each by itself, those of a length
    together."""
    batch_size: Count
    """Streams, windows or sentences side by side."""
    bptt_length: Count
    """Steps of truncated backpropagation through time; symbols of a window; a longer sentence is
    cut into pieces."""
    carry_state: Literal["always", "within_documents", "never"]
    """Of streams: whether a stretch of bptt_length starts with the state at the end of the one
    before, or with zeros; within_documents: with zeros at the beginning of each document."""
    fresh_starts: Share
    """Of streams: the share of sentences that training begins with zeros. Held-out text is read as
    parallel stretches that begin so, a state the network has to know: one that it has met once per
    stream can send it astray for good. Where sentences are few, as under `preprocess.units:
    documents`, there are as few stretches, which takes longer and hardly changes a score."""
    random_offset: bool
    """Of streams: whether each epoch reads the text from another place on, drawn at random, and
    then from its beginning to there, so that streams and stretches begin elsewhere. Lengths drawn
    at random do the same for stretches in Merity et al. 2017, 5."""

    device: Literal["cpu", "cuda", "auto"]
    """Where to train; auto: CUDA if there is one. Each kind has its own last digits."""
    precision: Literal["float32", "bfloat16", "auto"]
    """What the factors of large products are rounded to in training; auto: bfloat16 where the
    device has units for it. Weights, their sums and all scores are float32. torch's own layers, as
    on CUDA, compute the whole recurrence in it, sums of states included."""

    @model_validator(mode="after")
    def sizes_agree(self) -> Self:
        if self.tied and self.embedding_size != self.hidden_size:
            raise ValueError(
                f"tied: expected embedding_size and hidden_size to be equal, got "
                f"{self.embedding_size} and {self.hidden_size}"
            )
        if (self.cell_backend, self.cell, self.gru_reset) == ("torch", "gru", "before"):
            raise ValueError("cell_backend: torch has the GRU with gru_reset after only")
        if self.tied and self.embedding == "one_hot":
            raise ValueError("tied: one_hot symbols cannot be output weights; expected false")
        if any(one >= other for one, other in pairwise(self.adaptive_cutoffs)):
            raise ValueError(
                f"adaptive_cutoffs: expected rising numbers, got {self.adaptive_cutoffs}"
            )
        return self


class LanguageModelParams(NetworkParams):
    """`language_model.shared` with the section of a cell, as `language_model.gru`, on top."""


class LanguageModelSection(SharedSection):
    """`language_model`: the settings of the word models, and of what the sweep and studies train.

    All of them have one vocabulary, so that their perplexities can be compared.
    """

    words: Literal[
        "processed/vocabulary.tsv",
        "models/cbow",
        "models/skipgram",
        "models/glove",
        "models/ppmi_svd",
    ]
    """Below data/: the vocabulary, whose embedding starts at random; or word vectors for it to
    start from, which need their size as embedding_size."""
    vocabulary_size: Count | None
    """The commonest words kept, null for all; the others are one class, the unknown word."""
    rnn: LanguageModelParams
    lstm: LanguageModelParams
    gru: LanguageModelParams
    mingru: LanguageModelParams
    minlstm: LanguageModelParams
    sru: LanguageModelParams
    mogrifier: LanguageModelParams
    hgrn2: LanguageModelParams


class CharacterModelParams(NetworkParams):
    """`character_model`: a language model of characters."""

    min_count: Count
    """A character seen less often in the training split is unknown."""


COLDEST = 0.001


class DecodingParams(Section):
    """How a language model's next symbol is chosen."""

    belongs_to: ClassVar[Mapping[str, str]] = {
        "temperature": "sample", "top_k": "sample", "top_p": "sample", "beam_width": "beam",
    }  # fmt: skip
    """The strategy that a setting is of; the others pass it over."""

    strategy: Literal["sample", "greedy", "beam"]
    """sample: drawn at random; greedy: the likeliest; beam: the likeliest text of those kept."""
    temperature: Annotated[float, Field(gt=0, le=1000)]
    """Logits are divided by it; below 1 the likely becomes likelier, and below 0.001 a sample is
    greedy. For samples."""
    top_k: Count | None
    """Draw from the k likeliest symbols only; null from all. For samples."""
    top_p: Annotated[float, Field(gt=0, le=1)]
    """Draw from the likeliest symbols that together reach this probability (Holtzman et al. 2020).
    For samples."""
    beam_width: Annotated[int, Field(ge=1, le=1000)]
    """Texts kept at each step. For the beam."""

    @model_validator(mode="before")
    @classmethod
    def cold(cls, raw: Any) -> Any:
        """Have a sample near a temperature of 0 be greedy: there no number can hold the logits."""
        try:
            greedy = raw["strategy"] == "sample" and 0 < raw["temperature"] < COLDEST
        except (KeyError, TypeError):
            return raw
        return {**raw, "strategy": "greedy"} if greedy else raw


class GenerationParams(DecodingParams):
    """`generation`: the text that is drawn from each language model."""

    prompts: Words | None
    """Beginnings to complete, in lower case where only that is known; an empty one starts a
    sentence. Those with a word, or a character, that a model does not know are left out and
    counted; where more than half are, and where this is null, words chosen from the text begin."""
    length: Annotated[int, Field(ge=1, le=100_000)]
    """Symbols to draw after the prompt."""


class NgramOrders(Section):
    """`language_evaluation.ngram_orders`: the orders to choose each Kneser-Ney model's from."""

    word: Annotated[tuple[Count, ...], Field(min_length=1, strict=False)]
    """Words of the longest n-grams."""
    character: Annotated[tuple[Count, ...], Field(min_length=1, strict=False)]
    """Characters of the longest n-grams."""


ScoredModel = Literal["rnn", "lstm", "gru", "char"]
"""Those that the pipeline trains in full."""
ScoredModels = Annotated[tuple[ScoredModel, ...], Field(strict=False)]
"""Language models by name; [] for none."""


class CacheParams(Section):
    """`language_evaluation.cache`: a neural cache of the test text (Grave et al. 2017)."""

    models: ScoredModels
    """Those that are scored with a cache as well. What they have read so far is in it, of other
    documents only where the model carries its state on to the next. Its weight in the mixture
    with the model is the one with the lowest loss on the validation split."""
    size: Count
    """The symbols that a cache looks back on."""
    flatness: Annotated[tuple[NonNegative, ...], Field(min_length=1, strict=False)]
    """How much more the more similar states of the past count (theta), 0 not at all. The one with
    the lowest loss on the validation split is taken."""


class DynamicEvaluationParams(Section):
    """`language_evaluation.dynamic`: learning from a text while it is scored (Krause et al. 2018).

    The text is one stream, read in order; each segment is scored before it is learnt from.
    """

    models: ScoredModels
    """Those that are scored so as well."""
    steps: Count
    """Symbols of a segment, bptt_length under `carry_state: never`; under `examples: windows` it
    is 256 symbols, each after a window of its own."""
    rates: Annotated[tuple[Rate, ...], Field(min_length=1, strict=False)]
    """Learning rates, in the unit of SGD's; of these and `decays`, the two with the lowest loss on
    the validation split are taken."""
    decays: Annotated[tuple[Share, ...], Field(min_length=1, strict=False)]
    """The share of the way back to the trained weights that each update takes a weight whose
    gradients are of average size; those with larger ones go farther."""
    damping: Positive | None
    """The rate of a weight is divided by the size of its gradients on the training split, their
    root mean square over its mean for all weights, plus this; null: by nothing (plain SGD), and
    the decay is the same for all."""
    gradients: Count
    """Segments of the training split from which the sizes are known."""
    valid_symbols: Count | None
    """Choose on so many symbols at the beginning of the validation split; null: on all of it."""


class LanguageEvaluationParams(Section):
    """`language_evaluation`: what language models are compared with, and how else they are scored.

    Each network is also scored by the methods that name it, alone and together. Their settings are
    chosen on the validation split; of the test split, only what precedes a symbol is used.
    """

    ngram_orders: NgramOrders
    """The one with the lowest loss on the validation split is taken."""
    ngram_symbols: Count | None
    """Count the n-grams of so many symbols at the beginning of the training split, of all where
    null: each order holds some 25 bytes per symbol in memory."""
    interpolated: ScoredModels
    """Mixed with the Kneser-Ney model of the same text, at the weights that are best for the
    validation split."""
    cache: CacheParams
    dynamic: DynamicEvaluationParams
