"""How much each symbol of a text surprises a language model."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wordlab.asking.text import sentences
from wordlab.errors import UserError
from wordlab.evaluation.language.adaptation import plain_trace
from wordlab.evaluation.language.generation import symbols_of
from wordlab.evaluation.language.held_out import HeldOut, held_out
from wordlab.params.text import PreprocessParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import perplexity

END = "</s>"
"""What the table calls the end of a sentence."""
HEAD = ("sentence", "place", "token", "known", "surprisal", "probability", "rank")


@dataclass(frozen=True)
class Token:
    """A symbol of a text, and what a model made of it.

    sentence, place: from 1; text: None for the end of a sentence; surprisal: in bits; rank: 1 where
    the model thought no other symbol likelier.
    """

    sentence: int
    place: int
    text: str | None
    known: bool
    surprisal: float
    rank: int

    @property
    def probability(self) -> float:
        return 2**-self.surprisal

    @property
    def row(self) -> str:
        """The line of the table."""
        token = END if self.text is None else self.text
        known = "yes" if self.known else "no"
        numbers = f"{self.surprisal:.6f}\t{self.probability:.6g}\t{self.rank}"
        return f"{self.sentence}\t{self.place}\t{token}\t{known}\t{numbers}"


@dataclass(frozen=True, eq=False)
class Surprisal:
    """A text and how much each of its N symbols, ends of sentences among them, surprises a model.

    documents: of sentences; text: the same as classes; losses: float32 (N,), in nats; ranks:
    int64 (N,), from 0.
    """

    model: LanguageModel
    documents: Sequence[Sequence[str]]
    text: HeldOut
    losses: NDArray[np.float32] = field(repr=False)
    ranks: NDArray[np.int64] = field(repr=False)

    @property
    def bits(self) -> float:
        """The mean surprisal."""
        return float(self.losses.mean(dtype=np.float64)) / math.log(2)

    @property
    def perplexity(self) -> float:
        """2 to the power of the mean surprisal; infinite beyond any float."""
        return perplexity(float(self.losses.mean(dtype=np.float64)))

    @property
    def unknown(self) -> int:
        """How many symbols the model does not know."""
        return int((self.text.ids == self.text.unknown).sum())

    @property
    def ends(self) -> int:
        """How many symbols are ends of sentences."""
        return int((self.text.ids == self.text.end).sum())

    def tokens(self) -> Iterator[list[list[Token]]]:
        """Yield the sentences of each document, each its tokens and its end."""
        bits = (self.losses.astype(np.float64) / math.log(2)).tolist()
        known = (self.text.ids != self.text.unknown).tolist()
        ranks = (self.ranks + 1).tolist()
        at = number = 0
        for document in self.documents:
            found = []
            for line in document:
                number += 1
                symbols = [*symbols_of(self.model, line), None]
                found.append(
                    [
                        Token(number, place, symbol, known[i], bits[i], ranks[i])
                        for place, (i, symbol) in enumerate(enumerate(symbols, at), start=1)
                    ]
                )
                at += len(symbols)
            yield found

    def summary(self) -> str:
        """Return the perplexity, and how many tokens and unknown ones there are, in a line."""
        kind = self.model.level
        line = f"perplexity {self.perplexity:,.2f}, {self.bits:.3f} bits per {kind}: "
        line += f"{len(self.losses):,} tokens, {self.ends:,} of them ends of sentences; "
        return line + (
            f"{self.unknown:,} unknown {kind}{'s' * (self.unknown > 1)}, one symbol to the model"
            if self.unknown
            else f"no unknown {kind}"
        )


def measure(
    model: LanguageModel, documents: Sequence[Sequence[str]], *, streams: int = 1
) -> Surprisal:
    """Return the surprisal of each symbol of documents of sentences, at least one.

    The text is read as the model was trained, from its beginning to its end: of `streams`, as one
    stretch, or several that start from a state of zeros each.
    """
    text = held_out(model, documents)
    trace = plain_trace(model, text, ranks=True, streams=streams)
    assert trace.ranks is not None
    return Surprisal(model, documents, text, trace.losses, trace.ranks)


def of_text(model: LanguageModel, text: str, preprocess: PreprocessParams) -> Surprisal:
    """Return the surprisal of each token of a text. Raises UserError where it has none."""
    document = sentences(text, preprocess, model)
    if not document:
        raise UserError(f"text: no token of the kind {preprocess.tokens!r}; expected a text")
    return measure(model, [document])
