"""What a language model reads, in batches: streams, windows or sentences of a text.

All give batches of the same kind, int64 (T, B), in an order that depends on the seed and the epoch
alone. Characters are read as words are: an alphabet gives each its id.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wordlab import rng
from wordlab.artifacts import reading
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.params.language import NetworkParams
from wordlab.recurrent.sizes import require_batch


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


def sentence_starts(
    ids: NDArray[np.int64], end: int, document_starts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return where sentences of `ids` (N,) begin, int64 (S,), rising; 0 is the first.

    A sentence follows the symbol `end`; each of `document_starts` begins one as well.
    """
    sentences = np.flatnonzero(ids[:-1] == end) + 1
    return np.unique(np.concatenate([[0], sentences, document_starts[document_starts < len(ids)]]))


def piece_starts(
    ids: NDArray[np.int64], end: int, document_starts: NDArray[np.int64], longest: int
) -> NDArray[np.int64]:
    """Return where the sentences of `ids` (N,) start, and the pieces that longer ones are cut into.

    No piece is longer than `longest`; int64 (P,), rising.
    """
    bounds = np.append(sentence_starts(ids, end, document_starts), len(ids))
    return np.concatenate([np.arange(a, b, longest) for a, b in pairwise(bounds)])


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
        length = stream_length(ids, batch_size)
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


def stream_length(ids: NDArray[np.int64], batch_size: int) -> int:
    """Return how long each of `batch_size` streams of a text is.

    Raises UserError if the text is shorter than one step of all streams.
    """
    length = (len(ids) - 1) // batch_size
    if length < 1:
        raise UserError(
            f"batch_size: {batch_size} streams need {batch_size + 1} symbols of text or more, "
            f"got {len(ids)}; expected a smaller batch or more text"
        )
    return length


@dataclass(frozen=True, eq=False)
class StreamExamples:
    """Parallel streams, one window of steps after another: truncated backpropagation through time.

    In each epoch another share of the sentences, which follow the symbol `end`, start from a state
    of zeros (`fresh_starts`), and streams may begin elsewhere (`random_offset`).
    """

    text: "Text"
    params: NetworkParams
    end: int
    seed: int

    def __post_init__(self) -> None:
        stream_length(self.text.ids, self.params.batch_size)

    @property
    def carries(self) -> bool:
        return self.params.carry_state != "never"

    @property
    def symbols(self) -> int:
        return stream_length(self.text.ids, self.params.batch_size) * self.params.batch_size

    @property
    def batch_count(self) -> int:
        length = stream_length(self.text.ids, self.params.batch_size)
        return -(-length // self.params.bptt_length)

    def batches(self, epoch: int, first: int = 0) -> Iterator[Window]:
        params, (ids, starts) = self.params, self._turned(epoch)
        cut = starts if params.carry_state == "within_documents" else None
        random = rng.stream(self.seed, "fresh starts", epoch)
        streams = Streams.cut(ids, params.batch_size, cut)
        streams = streams.with_fresh_starts(self.end, params.fresh_starts, random)
        return streams.windows(params.bptt_length, first)

    def _turned(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the text as an epoch reads it, and where documents begin in it."""
        ids, starts = self.text.ids, self.text.document_starts
        if not self.params.random_offset:
            return ids, starts
        offset = int(rng.stream(self.seed, "offset", epoch).integers(len(ids)))
        return np.roll(ids, -offset), np.sort((starts - offset) % len(ids))


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

    Equal lengths are mixed anew each epoch, and so is the order of batches; what is shorter than
    the longest of its batch is padded.
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
        starts = piece_starts(ids, end, none, longest)
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


Examples = StreamExamples | NextSymbol | Sentences
"""A text as batches.

carries: whether a batch continues where the one before it ended; symbols: how many are predicted
in an epoch; batch_count: batches per epoch; batches(epoch, first): those of epoch `epoch`, from 0,
in order, from number `first` on.
"""


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
            require_batch(params)
            return NextSymbol(self.ids, length, size, seed)
        if params.examples == "sentences":
            return Sentences.cut(self.ids, end, length, size, seed)
        return StreamExamples(self, params, end, seed)


def _padded(columns: NDArray[np.int64], batch_size: int, value: int) -> NDArray[np.int64]:
    """Return `columns` (T, b) with columns of `value` added, (T, B)."""
    room = ((0, 0), (0, batch_size - columns.shape[1]))
    return np.ascontiguousarray(np.pad(columns, room, constant_values=value))


def read_documents(path: Path) -> list[list[str]]:
    """Return the documents of a normalised text, each its sentences, which are one a line."""
    documents: list[list[str]] = [[]]
    with reading(path), path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            if stripped := line.rstrip("\n"):
                documents[-1].append(stripped)
            else:
                documents.append([])
    return [sentences for sentences in documents if sentences]


def read_lines(path: Path) -> list[str]:
    """Return the sentences of a normalised text; blank lines between documents go."""
    return [sentence for document in read_documents(path) for sentence in document]


def character_starts(documents: Iterable[Iterable[str]]) -> NDArray[np.int64]:
    """Return where documents begin in the `character_ids` of their sentences, int64 (D,)."""
    sizes = [sum(len(sentence) + 1 for sentence in sentences) for sentences in documents]
    return np.cumsum([0, *sizes])[:-1]


def alphabet(lines: Iterable[str], *, min_count: int) -> Vocabulary:
    """Return the characters seen in `lines` at least `min_count` times, commonest first.

    Built on the training split alone. Raises UserError if none is left.
    """
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(line)
    return Vocabulary.build(counts, min_count=min_count, section="character_model")


def character_ids(lines: Iterable[str], characters: Vocabulary) -> NDArray[np.int64]:
    """Return `lines` as classes of a character model, int64, one a character and one a line end.

    Unknown characters and line ends are the specials of the vocabulary.
    """
    ids: list[int] = []
    for line in lines:
        ids.extend(characters.index.get(character, characters.unknown) for character in line)
        ids.append(characters.end)
    return np.array(ids, dtype=np.int64)
