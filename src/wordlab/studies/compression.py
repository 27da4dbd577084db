"""What a text costs in bits a character by means that know nothing of sentence vectors."""

import lzma
import math
import zlib
from collections.abc import Container, Sequence

import numpy as np
import torch

from wordlab.recurrent.language_model import LanguageModel

_WINDOW = 1 << 15
"""What of a dictionary zlib looks at."""


def baselines(
    texts: Sequence[str], training: Sequence[str], model: LanguageModel
) -> dict[str, float]:
    """Return bits a character of `texts`, each with its end, by the name of a code.

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
