"""How a language model reads a held-out text: as it was trained, each symbol predicted once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wordlab.params.language import NetworkParams
from wordlab.recurrent.batches import NOTHING, piece_starts, sentence_starts

STREAMS = 16
"""Stretches of a held-out text that are read side by side, for speed. Each starts where a sentence
does, as training does now and then, from a state of zeros: perplexity differs from that of one
stretch by .1 to .2 %, at most 1 %."""
WINDOWS = 256
"""Windows or sentences that are read side by side."""
STEPS = 256
"""Steps that are read before losses are taken, which bounds the memory they need."""

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Reading:
    """Some steps of B sequences read side by side.

    inputs: int64 (T, B); places: int64 (T, B), where in the text the symbol is that a step
    predicts, NOTHING where it predicts none; resets: bool (T, B), steps that start from a state of
    zeros, or None if there are none; fresh: whether all sequences start from zeros, not from where
    the reading before ended.
    """

    inputs: Ids
    places: Ids
    resets: NDArray[np.bool_] | None
    fresh: bool


def read(
    ids: Ids,
    params: NetworkParams,
    *,
    end: int,
    document_starts: Ids,
    streams: int = STREAMS,
    steps: int = STEPS,
) -> Iterator[Reading]:
    """Yield readings that predict every symbol of `ids` (N,) once, as `params.examples` says.

    The text is taken to follow an end of sentence. document_starts: int64 (D,), rising.

    streams: `streams` stretches of about equal length, each from the beginning of a sentence and a
    state of zeros. The state is carried on, cut at the beginnings of documents or after every
    `bptt_length` steps as `carry_state` says. windows: each symbol after the `bptt_length` symbols
    before it. sentences: each by itself, in pieces of `bptt_length` at most.
    """
    if params.examples == "windows":
        yield from _windows(ids, params.bptt_length, end)
    elif params.examples == "sentences":
        pieces = piece_starts(ids, end, document_starts, params.bptt_length)
        yield from _side_by_side(ids, pieces, end)
    else:
        starts = stream_starts(ids, end, document_starts, streams)
        carried = params.carry_state != "never"
        cut = document_starts if params.carry_state == "within_documents" else None
        length = steps if carried else params.bptt_length
        yield from _streams(ids, starts, end, cut, length, carried=carried)


def stream_starts(ids: Ids, end: int, document_starts: Ids, streams: int) -> Ids:
    """Return where `streams` stretches of `ids` (N,) start, int64 (S,), 0 first, S <= streams.

    Each starts at the beginning of the sentence or document closest to equal lengths.
    """
    beginnings = sentence_starts(ids, end, document_starts)
    wanted = np.arange(1, streams) * len(ids) / streams
    after = np.minimum(np.searchsorted(beginnings, wanted), len(beginnings) - 1)
    before = np.maximum(after - 1, 0)
    closer = wanted - beginnings[before] <= np.abs(beginnings[after] - wanted)
    return np.unique(np.append(np.where(closer, beginnings[before], beginnings[after]), 0))


def _before(ids: Ids, end: int) -> Ids:
    return np.concatenate([[end], ids[:-1]])


def _streams(
    ids: Ids, starts: Ids, end: int, cut: Ids | None, length: int, *, carried: bool
) -> Iterator[Reading]:
    """Yield the stretches of `ids` from each of `starts` on, `length` steps at a time."""
    sizes = np.diff(np.append(starts, len(ids)))
    before = _before(ids, end)
    first = np.zeros(len(ids), dtype=np.bool_)
    if cut is not None:
        first[cut[cut < len(ids)]] = True
    for start in range(0, int(sizes.max()), length):
        step = np.arange(start, min(start + length, int(sizes.max())))[:, None]  # (T, 1)
        inside = step < sizes
        places = np.where(inside, starts + step, NOTHING)
        resets = first[places] & inside
        yield Reading(
            inputs=np.where(inside, before[places], end),
            places=places,
            resets=resets if resets.any() else None,
            fresh=start == 0 or not carried,
        )


def _windows(ids: Ids, length: int, end: int) -> Iterator[Reading]:
    """Yield every symbol of `ids` after the `length` before it; ends precede the text."""
    padded = np.concatenate([np.full(length, end), ids])
    for start in range(0, len(ids), WINDOWS):
        last = np.arange(start, min(start + WINDOWS, len(ids)))  # (B,)
        inputs = padded[last + np.arange(length)[:, None]]  # (length, B)
        places = np.full_like(inputs, NOTHING)
        places[-1] = last
        yield Reading(inputs, places, None, fresh=True)


def _side_by_side(ids: Ids, starts: Ids, end: int) -> Iterator[Reading]:
    """Yield the pieces of `ids` that begin at `starts`, those of about the same length together."""
    sizes = np.diff(np.append(starts, len(ids)))
    before, order = _before(ids, end), np.argsort(sizes, kind="stable")
    for place in range(0, len(order), WINDOWS):
        chosen = order[place : place + WINDOWS]
        step = np.arange(sizes[chosen].max())[:, None]  # (T, 1)
        inside = step < sizes[chosen]
        places = np.where(inside, starts[chosen] + step, NOTHING)
        yield Reading(np.where(inside, before[places], end), places, None, fresh=True)
