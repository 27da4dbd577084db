"""Text as ids of classes, cut into parallel streams and windows."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wordlab.errors import UserError
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary


def language_ids(
    corpus: EncodedCorpus, vocabulary: Vocabulary, vocabulary_size: int
) -> NDArray[np.int64]:
    """Return `corpus` as classes of a word model, int64 (N + S,) for N tokens and S sentences.

    The `vocabulary_size` commonest words, V at most, keep their ids; every other word is V, the
    unknown word; V + 1 ends each sentence.
    """
    known = min(vocabulary_size, len(vocabulary))
    tokens = np.asarray(corpus.tokens, dtype=np.int64)
    tokens = np.where((tokens < 0) | (tokens >= known), known, tokens)
    return np.insert(tokens, corpus.sentence_ends, known + 1)


@dataclass(frozen=True, eq=False)
class Window:
    """Some steps of all streams: predict `targets` from `inputs`, both int64 (T, B)."""

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Streams:
    """A text cut into B streams of equal length that are read side by side.

    inputs, targets: int64 (L, B), column b the b-th stretch of the text and what follows each of
    its symbols.
    """

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]

    @classmethod
    def cut(cls, ids: NDArray[np.int64], batch_size: int) -> "Streams":
        """Return `ids` (N,) as `batch_size` streams; the last (N - 1) % B symbols are left out.

        Raises UserError if the text is shorter than one step of all streams.
        """
        length = (len(ids) - 1) // batch_size
        if length < 1:
            raise UserError(
                f"batch_size: {batch_size} streams need {batch_size + 1} symbols of text or more, "
                f"got {len(ids)}; expected a smaller batch or more text"
            )
        used = length * batch_size
        return cls(
            inputs=np.ascontiguousarray(ids[:used].reshape(batch_size, length).T),
            targets=np.ascontiguousarray(ids[1 : used + 1].reshape(batch_size, length).T),
        )

    def window_count(self, bptt_length: int) -> int:
        """Return how many windows of `bptt_length` steps there are; the last may be shorter."""
        return -(-len(self.inputs) // bptt_length)

    def windows(self, bptt_length: int, first: int = 0) -> Iterator[Window]:
        """Yield the windows in order, from number `first` on."""
        for start in range(first * bptt_length, len(self.inputs), bptt_length):
            steps = slice(start, start + bptt_length)
            yield Window(self.inputs[steps], self.targets[steps])
