"""How much of a held-out sequence an autoencoder restores, and what its vectors cost in bits.

Beside it: what the same text costs by compression that knows nothing of sentence vectors.
"""

import lzma
import math
import zlib
from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu
from numpy.typing import NDArray
from torch import Tensor

from wordlab import rng
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies.autoencoder.network import Autoencoder, Symbols, decoded, total_loss


def quantised(vectors: Tensor, bits: int, like: Tensor) -> Tensor:
    """Return `vectors` (N, Z), each number at the nearest of 2^bits levels, equally far apart.

    The levels span what `like` (M, Z) holds; values beyond them are clamped. They belong to the
    decoder, not to what is sent of a sequence.
    """
    low, high, steps = like.amin(dim=0), like.amax(dim=0), 2**bits - 1
    width = ((high - low) / steps).clamp(min=torch.finfo(low.dtype).tiny)
    return low + ((vectors - low) / width).round().clamp(0, steps) * width


_RESAMPLES = 1000
_PADDING = -1, -2  # of the one and the other sequence: equal to nothing


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What came back of N sequences.

    true, own: the sequences and what came back of them; right: int64 (N,), symbols in their right
    place; lengths, own_lengths, edits: int64 (N,), the last Levenshtein's distance; loss: the sum
    of -log p in nats of all symbols and ends, each given those before and the vector.
    """

    true: Sequence[Symbols]
    own: Sequence[Symbols]
    right: NDArray[np.int64]
    lengths: NDArray[np.int64]
    own_lengths: NDArray[np.int64]
    edits: NDArray[np.int64]
    loss: float

    def scores(self, chosen: NDArray[np.bool_] | None = None) -> dict[str, float]:
        """Return n, token_accuracy, exact_match, edit_distance and bleu of the sequences `chosen`.

        Accuracy is over the longer of the two lengths, so that what is added or lost counts as
        wrong; the distance is in edits per symbol of the true sequences; BLEU is that of runs of
        up to four symbols (Papineni et al. 2002).
        """
        everything = np.ones(len(self.lengths), dtype=bool)
        rows = np.flatnonzero(everything if chosen is None else chosen).tolist()
        places = np.maximum(self.lengths, self.own_lengths)[rows].sum()
        return {
            "n": len(rows),
            "token_accuracy": float(self.right[rows].sum() / places),
            "exact_match": float((self.edits[rows] == 0).mean()),
            "edit_distance": float(self.edits[rows].sum() / self.lengths[rows].sum()),
            "bleu": bleu([self.true[row] for row in rows], [self.own[row] for row in rows]),
        }

    def by_length(self, bins: int, max_length: int) -> pd.DataFrame:
        """Return the scores by length, columns length (the greatest of a bin), n, scores.

        bins: how many, equally wide, up to `max_length`; those without a sequence are left out.
        """
        edges = np.unique(np.linspace(0, max_length, bins + 1).round().astype(int))
        rows = [
            {"length": int(high), **self.scores(chosen)}
            for low, high in zip(edges[:-1], edges[1:], strict=True)
            if (chosen := (self.lengths > low) & (self.lengths <= high)).any()
        ]
        return pd.DataFrame(rows)

    def intervals(self, *, seed: int) -> dict[str, float]:
        """Return 95 % bootstrap intervals over sequences of all scores but BLEU, _low and _high."""
        random = rng.stream(seed, "reconstruction")
        count = len(self.lengths)
        drawn = random.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES)
        places = np.maximum(self.lengths, self.own_lengths)
        resampled = {
            "token_accuracy": (drawn @ self.right) / (drawn @ places),
            "exact_match": (drawn @ (self.edits == 0)) / count,
            "edit_distance": (drawn @ self.edits) / (drawn @ self.lengths),
        }
        intervals: dict[str, float] = {}
        for name, draws in resampled.items():
            low, high = np.quantile(draws, [0.025, 0.975])
            intervals |= {f"{name}_low": float(low), f"{name}_high": float(high)}
        return intervals


def reconstruct(
    model: Autoencoder, sequences: Sequence[Symbols], latent: torch.Tensor
) -> Reconstruction:
    """Return what `model` restores from the vectors `latent` (N, Z) of `sequences`, N >= 1."""
    own = decoded(model, latent)
    true_table, lengths = _padded(sequences, _PADDING[0])
    own_table, own_lengths = _padded(own, _PADDING[1])
    width = min(true_table.shape[1], own_table.shape[1])
    return Reconstruction(
        true=sequences,
        own=own,
        right=(true_table[:, :width] == own_table[:, :width]).sum(axis=1),
        lengths=lengths,
        own_lengths=own_lengths,
        edits=edit_distances(true_table, lengths, own_table, own_lengths),
        loss=total_loss(model, sequences, latent)[0],
    )


def bleu(true: Sequence[Symbols], own: Sequence[Symbols]) -> float:
    """Return the BLEU of `own` against one true sequence each, runs of up to four symbols.

    Where no true sequence is as long as four, of as many as the longest has; a length of run of
    which none is right counts as a tenth of one (Chen & Cherry 2014, smoothing 1).
    """
    order = min(4, max(len(sequence) for sequence in true))
    references = [[sequence.tolist()] for sequence in true]
    written = [sequence.tolist() for sequence in own]
    smoothing = SmoothingFunction().method1
    weights = [1 / order] * order
    return float(corpus_bleu(references, written, weights, smoothing_function=smoothing))


def text(model: Autoencoder, symbols: Symbols) -> str:
    """Return a sequence as text, the unknown symbol as a lozenge."""
    names = [*model.vocabulary.words, "\N{LOZENGE}"]
    between = " " if model.params.unit == "words" else ""
    return between.join(names[symbol] for symbol in symbols)


def edit_distances(
    a: NDArray[np.int64],
    a_lengths: NDArray[np.int64],
    b: NDArray[np.int64],
    b_lengths: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return Levenshtein's distance of each row of `a` (N, S) to that of `b` (N, T), int64 (N,).

    Rows count up to their lengths (N,). The table of Wagner & Fischer 1974, all pairs at once, a
    row at a time; within a row, a run of insertions is a running minimum.
    """
    along = np.arange(b.shape[1] + 1)
    row = np.broadcast_to(along, (len(a), len(along))).copy()
    result = np.where(a_lengths == 0, b_lengths, 0)
    for step in range(a.shape[1]):
        replaced = row[:, :-1] + (a[:, step, None] != b)
        row = np.concatenate([row[:, :1] + 1, np.minimum(row[:, 1:] + 1, replaced)], axis=1)
        row = np.minimum.accumulate(row - along, axis=1) + along
        ending = a_lengths == step + 1
        result[ending] = row[ending, b_lengths[ending]]
    return result


def _padded(
    sequences: Sequence[Symbols], padding: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return sequences as rows (N, T), T at least 1, filled up with `padding`; and lengths (N,)."""
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    table = np.full((len(sequences), max(1, lengths.max())), padding, dtype=np.int64)
    for row, sequence in zip(table, sequences, strict=True):
        row[: len(sequence)] = sequence
    return table, lengths


_WINDOW = 1 << 15
"""What of a dictionary zlib looks at."""


def baselines(
    texts: Sequence[str], training: Sequence[str], model: LanguageModel
) -> dict[str, float]:
    """Return the bits per character of `texts`, each with its end, by the name of a code.

    UTF-8, zlib and xz code all texts as one file, a line each; `primed zlib` has read the end of
    the `training` texts before; the language model is that of characters.
    """
    characters = sum(len(text) for text in texts)
    data = _lines(texts)
    primed = zlib.compressobj(9, zdict=_lines(training)[-_WINDOW:])
    sizes = {
        "UTF-8": len(data),
        "zlib": len(zlib.compress(data, 9)),
        "primed zlib": len(primed.compress(data) + primed.flush()),
        "xz": len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)),
    }
    bits = {name: 8 * size / characters for name, size in sizes.items()}
    return bits | {"language model": language_model_bits(texts, model) / characters}


def language_model_bits(texts: Sequence[str], model: LanguageModel) -> float:
    """Return the bits of `texts` coded by a character model, each from the start of a sentence.

    Sum of -log2 p of the characters (Shannon 1948), and log2(longest + 1) bits for a text's length:
    the model's own end is that of a whole sentence, which a cut one does not reach. A character
    the model does not know costs its UTF-8 besides.
    """
    index, lengths = model.vocabulary.index, np.array([len(text) for text in texts])
    symbols = np.full((lengths.max() + 1, len(texts)), model.end)  # a row of ends before the first
    for column, text in enumerate(texts):
        symbols[1 : len(text) + 1, column] = [index.get(c, model.unknown) for c in text]
    ids = torch.from_numpy(symbols)
    with torch.no_grad():
        hidden, _ = model(ids[:-1], model.initial_state(len(texts)))
        losses = model.output.losses(hidden.flatten(0, 1), ids[1:].flatten()).view_as(ids[1:])
    present = torch.arange(len(losses))[:, None] < torch.from_numpy(lengths)
    coded = float(losses[present].sum(dtype=torch.float64)) / math.log(2)
    return coded + unknown_bits(texts, index) + len(texts) * math.log2(lengths.max() + 1)


def unknown_bits(sequences: Sequence[Sequence[str]], known: Container[str]) -> int:
    """Return the bits that spell out in UTF-8 the symbols of `sequences` that are not `known`."""
    unknown = (symbol for symbols in sequences for symbol in symbols if symbol not in known)
    return sum(8 * len(symbol.encode()) for symbol in unknown)


def _lines(texts: Sequence[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()
