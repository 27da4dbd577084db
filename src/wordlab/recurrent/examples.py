"""What a language model is trained on, by name: streams, windows or sentences of a text.

All give batches of the same kind, int64 (T, B), in an order that depends on the seed and the epoch
alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wordlab import rng
from wordlab.errors import UserError
from wordlab.params.recurrent import NetworkParams
from wordlab.recurrent.batching import NOTHING, Streams, Window, sentence_starts


class Examples(Protocol):
    """A text as batches.

    carries: whether a batch goes on where the one before it ended; symbols: how many are
    predicted in an epoch; batch_count: batches of an epoch.
    """

    @property
    def carries(self) -> bool: ...

    @property
    def symbols(self) -> int: ...

    @property
    def batch_count(self) -> int: ...

    def batches(self, epoch: int, first: int = 0) -> Iterator[Window]:
        """Yield the batches of epoch `epoch`, from 0, in order, from number `first` on."""
        ...


@dataclass(frozen=True, eq=False)
class StreamExamples:
    """Parallel streams, one window of steps after another: truncated backpropagation in time.

    In each epoch another `fresh_starts` of the sentences, which follow the symbol `end`, start from
    a state of zeros.
    """

    streams: Streams
    bptt_length: int
    carries: bool
    end: int
    fresh_starts: float
    seed: int

    @property
    def symbols(self) -> int:
        return self.streams.targets.size

    @property
    def batch_count(self) -> int:
        return self.streams.window_count(self.bptt_length)

    def batches(self, epoch: int, first: int = 0) -> Iterator[Window]:
        random = rng.stream(self.seed, "fresh starts", epoch)
        streams = self.streams.with_fresh_starts(self.end, self.fresh_starts, random)
        return streams.windows(self.bptt_length, first)


@dataclass(frozen=True, eq=False)
class NextSymbol:
    """The textbook task: every window of `length` symbols, and the one symbol after it.

    Each epoch has all windows in a new order.
    """

    ids: NDArray[np.int64] = field(repr=False)
    length: int
    batch_size: int
    seed: int
    carries: bool = False

    def __post_init__(self) -> None:
        if self.symbols < 1:
            raise UserError(
                f"bptt_length: a window of {self.length} symbols and the next one need more text "
                f"than {len(self.ids)} symbols; expected a shorter window"
            )

    @property
    def symbols(self) -> int:
        return len(self.ids) - self.length

    @property
    def batch_count(self) -> int:
        return -(-self.symbols // self.batch_size)

    def batches(self, epoch: int, first: int = 0) -> Iterator[Window]:
        order = rng.stream(self.seed, "windows", epoch).permutation(self.symbols)
        windows = np.lib.stride_tricks.sliding_window_view(self.ids, self.length + 1)
        for number in range(first, self.batch_count):
            chosen = windows[order[number * self.batch_size :][: self.batch_size]]
            batch = _padded(chosen[:, :-1].T, self.batch_size, 0)
            targets = np.full_like(batch, NOTHING)
            targets[-1, : len(chosen)] = chosen[:, -1]
            yield Window(batch, targets)


@dataclass(frozen=True, eq=False)
class Sentences:
    """Sentences side by side, each from its beginning, those of about the same length together.

    Equal lengths are mixed anew each epoch, and so
    is the order of batches; what is shorter than the longest of its batch is padded.
    """

    ids: NDArray[np.int64] = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)
    lengths: NDArray[np.int64] = field(repr=False)
    end: int
    batch_size: int
    seed: int
    carries: bool = False

    @classmethod
    def cut(
        cls, ids: NDArray[np.int64], end: int, longest: int, batch_size: int, seed: int
    ) -> "Sentences":
        """Return `ids` (N,) cut after each symbol `end`, in pieces of `longest` at most."""
        none = np.zeros(0, dtype=np.int64)
        bounds = np.append(sentence_starts(ids, end, none), len(ids))
        starts = np.concatenate([np.arange(a, b, longest) for a, b in pairwise(bounds)])
        return cls(ids, starts, np.diff(np.append(starts, len(ids))), end, batch_size, seed)

    @property
    def symbols(self) -> int:
        return len(self.ids)

    @property
    def batch_count(self) -> int:
        return -(-len(self.starts) // self.batch_size)

    def batches(self, epoch: int, first: int = 0) -> Iterator[Window]:
        random = rng.stream(self.seed, "sentences", epoch)
        by_length = np.lexsort((random.random(len(self.lengths)), self.lengths))
        order = random.permutation(self.batch_count)
        before = np.concatenate([[self.end], self.ids[:-1]])
        for number in order[first:]:
            chosen = by_length[number * self.batch_size :][: self.batch_size]
            lengths = self.lengths[chosen]
            steps = np.arange(lengths.max())[:, None]  # (T, 1)
            inside = steps < lengths  # (T, b)
            places = np.where(inside, self.starts[chosen] + steps, 0)
            targets = np.where(inside, self.ids[places], NOTHING)
            yield Window(
                _padded(before[places], self.batch_size, self.end),
                _padded(targets, self.batch_size, NOTHING),
            )


@dataclass(frozen=True, eq=False)
class Text:
    """A text as classes, int64 (N,), and the places where its documents begin, int64 (D,)."""

    ids: NDArray[np.int64] = field(repr=False)
    document_starts: NDArray[np.int64] = field(repr=False)

    def examples(self, params: NetworkParams, end: int, seed: int) -> Examples:
        """Return it as the examples that `params` names; `end` is the class that ends a sentence.

        Raises UserError if it is too short for them.
        """
        size, length = params.batch_size, params.bptt_length
        if params.examples == "windows":
            return NextSymbol(self.ids, length, size, seed)
        if params.examples == "sentences":
            return Sentences.cut(self.ids, end, length, size, seed)
        cut = self.document_starts if params.carry_state == "within_documents" else None
        streams = Streams.cut(self.ids, size, cut)
        carries = params.carry_state != "never"
        return StreamExamples(streams, length, carries, end, params.fresh_starts, seed)


def _padded(columns: NDArray[np.int64], batch_size: int, value: int) -> NDArray[np.int64]:
    """Return `columns` (T, b) with columns of `value` added, (T, B)."""
    room = ((0, 0), (0, batch_size - columns.shape[1]))
    return np.ascontiguousarray(np.pad(columns, room, constant_values=value))
