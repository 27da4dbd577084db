"""Text as ids of classes, cut into parallel streams and windows."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wordlab.errors import UserError
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary


def language_ids(corpus: EncodedCorpus, known: Vocabulary) -> NDArray[np.int64]:
    """Return `corpus` as classes of a word model, int64 (N + S,) for N tokens and S sentences.

    known: the words of the model, whose ids are those of the corpus; all others are unknown.
    """
    tokens = np.asarray(corpus.tokens, dtype=np.int64)
    tokens = np.where((tokens < 0) | (tokens >= len(known)), known.unknown, tokens)
    return np.insert(tokens, corpus.sentence_ends, known.end)


def document_starts(corpus: EncodedCorpus) -> NDArray[np.int64]:
    """Return where documents begin in the `language_ids` of `corpus`, int64 (D,), rising."""
    before = np.concatenate([[0], corpus.document_ends[:-1]])[: len(corpus.document_ends)]
    return before + np.searchsorted(corpus.sentence_ends, before, side="right")


def equal_parts(
    ids: NDArray[np.int64], document_starts: NDArray[np.int64], end: int, size: int
) -> NDArray[np.int64]:
    """Return about `size` of the symbols of `ids` (N,), as much of each document as of any other.

    Of each, the whole sentences within its first size / D symbols, or the first if it is longer;
    all of a document without the symbol `end`, which ends a sentence.
    """
    share = size // max(1, len(document_starts))
    parts = []
    for document in np.split(ids, document_starts[1:]):
        ends = np.flatnonzero(document == end) + 1
        whole = max(1, int((ends <= share).sum()))
        parts.append(document[: ends[whole - 1]] if len(ends) else document)
    return np.concatenate(parts)


def sentence_starts(
    ids: NDArray[np.int64], end: int, document_starts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return where sentences of `ids` (N,) begin, int64 (S,), rising; 0 is the first.

    A sentence follows the symbol `end`; each of `document_starts` begins one as well.
    """
    sentences = np.flatnonzero(ids[:-1] == end) + 1
    return np.unique(np.concatenate([[0], sentences, document_starts[document_starts < len(ids)]]))


NOTHING = -1
"""The target of a step after which nothing is to be predicted."""


@dataclass(frozen=True, eq=False)
class Window:
    """Some steps of B sequences: predict `targets` from `inputs`, both int64 (T, B).

    A target may be NOTHING. resets: bool (T, B), steps that start from a state of zeros, None if
    there are none.
    """

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    resets: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class Streams:
    """A text cut into B streams of equal length that are read side by side.

    inputs, targets: int64 (L, B), column b the b-th stretch of the text and what follows each of
    its symbols. resets: bool (L, B), the steps that start from a state of zeros.
    """

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    resets: NDArray[np.bool_] | None = None

    @classmethod
    def cut(
        cls,
        ids: NDArray[np.int64],
        batch_size: int,
        document_starts: NDArray[np.int64] | None = None,
    ) -> "Streams":
        """Return `ids` (N,) as `batch_size` streams; the last (N - 1) % B symbols are left out.

        document_starts: the places in `ids` where documents begin, if the state is to be cut there.
        Raises UserError if the text is shorter than one step of all streams.
        """
        length = (len(ids) - 1) // batch_size
        if length < 1:
            raise UserError(
                f"batch_size: {batch_size} streams need {batch_size + 1} symbols of text or more, "
                f"got {len(ids)}; expected a smaller batch or more text"
            )
        used = length * batch_size
        resets = None
        if document_starts is not None:
            first = np.zeros(used + 1, dtype=np.bool_)
            first[document_starts[document_starts <= used]] = True
            resets = np.ascontiguousarray(first[1:].reshape(batch_size, length).T)
        return cls(
            inputs=np.ascontiguousarray(ids[:used].reshape(batch_size, length).T),
            targets=np.ascontiguousarray(ids[1 : used + 1].reshape(batch_size, length).T),
            resets=resets,
        )

    def window_count(self, bptt_length: int) -> int:
        """Return how many windows of `bptt_length` steps there are; the last may be shorter."""
        return -(-len(self.inputs) // bptt_length)

    def with_fresh_starts(self, end: int, share: float, random: np.random.Generator) -> "Streams":
        """Return the same streams, with resets at a random `share` of the sentence beginnings too.

        A sentence begins after the symbol `end`.
        """
        if share == 0:
            return self
        resets = (
            np.zeros(self.inputs.shape, np.bool_) if self.resets is None else self.resets.copy()
        )
        beginnings = self.inputs == end
        resets[beginnings] |= random.random(int(beginnings.sum())) < share
        return Streams(self.inputs, self.targets, resets)

    def windows(self, bptt_length: int, first: int = 0) -> Iterator[Window]:
        """Yield the windows in order, from number `first` on."""
        for start in range(first * bptt_length, len(self.inputs), bptt_length):
            steps = slice(start, start + bptt_length)
            resets = None if self.resets is None else self.resets[steps]
            some = resets is not None and resets.any()
            yield Window(self.inputs[steps], self.targets[steps], resets if some else None)
