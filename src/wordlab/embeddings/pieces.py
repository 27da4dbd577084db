"""The text as windows are laid over it, piece by piece, so that it may be longer than memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wordlab.embeddings.sampling import keep_probabilities
from wordlab.params.embeddings import CooccurrenceParams
from wordlab.rng import stream
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import UNKNOWN, Vocabulary

BREAK = -1
"""Stands between documents, where no window reaches across."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch of the text, with what its windows reach on either side.

    tokens: int32, ids and BREAKs, a BREAK at either end of the text; widths: int32, the window of
    each, or empty where all windows are full; the centres are those from `first` to before `last`.
    """

    tokens: NDArray[np.int32] = field(repr=False)
    widths: NDArray[np.int32] = field(repr=False)
    first: int
    last: int


def pieces(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: CooccurrenceParams,
    seed: int,
    size: int,
) -> Iterator[Piece]:
    """Cut the text into pieces of `size` tokens, unknown words left out, frequent words thinned.

    Random numbers are drawn token by token in reading order, wherever the cuts are.
    """
    keep = keep_probabilities(vocabulary.counts, params.subsample, params.subsample_formula)
    subsampling = stream(seed, "cooccurrence", "subsample")
    windows = stream(seed, "cooccurrence", "window")
    tokens = np.full(1, BREAK, np.int32)
    widths = np.zeros(1 if params.dynamic_window else 0, np.int32)
    first = 1
    for start in range(0, len(corpus), size):
        stop = min(start + size, len(corpus))
        raw = corpus.tokens[start:stop]
        kept = raw != UNKNOWN
        if params.subsample:
            known = raw[kept]
            kept[kept] = subsampling.random(len(known)) < keep[known]
        breaks = _breaks(corpus.document_ends, start, stop, kept)
        tokens = np.concatenate([tokens, np.insert(raw[kept], breaks, BREAK)])
        if params.dynamic_window:
            drawn = windows.random(np.count_nonzero(kept)) * params.window
            widths = np.concatenate([widths, np.insert(drawn.astype(np.int32) + 1, breaks, 0)])
        last = len(tokens) if stop == len(corpus) else max(first, len(tokens) - params.window)
        yield Piece(tokens, widths, first, last)
        carried = max(0, last - params.window)
        tokens, widths, first = tokens[carried:], widths[carried:], last - carried


def _breaks(
    document_ends: NDArray[np.int64], start: int, stop: int, kept: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return how many of the kept tokens come before each document's end in start..stop."""
    inside = slice(*np.searchsorted(document_ends, (start, stop), "right"))
    before = np.zeros(len(kept) + 1, np.int64)
    np.cumsum(kept, out=before[1:])
    return before[document_ends[inside] - start]
