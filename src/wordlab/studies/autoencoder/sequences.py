"""Sentences as the different sequences that an autoencoder learns to repeat."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wordlab import rng
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.params.studies import SequenceParams

Symbols = NDArray[np.int64]


def symbols_of(lines: Sequence[str], params: SequenceParams) -> list[tuple[str, ...]]:
    """Return the different sequences of symbols in sentences, in order of their first place.

    Sentences that are too long are skipped or cut, as `params` says.
    """
    kept: dict[tuple[str, ...], None] = {}
    for line in lines:
        words = params.unit == "words"
        symbols = tuple(line.split()) if words else tuple(line)
        if len(symbols) > params.max_length:
            if params.long_sentences == "skip":
                continue
            symbols = symbols[: params.max_length] if words else _whole_words(line, params)
        if symbols:
            kept[symbols] = None
    return list(kept)


def _whole_words(line: str, params: SequenceParams) -> tuple[str, ...]:
    beginning = line[: params.max_length + 1]
    cut = beginning.rfind(" ")
    return tuple(line[: cut if cut > 0 else params.max_length])


@dataclass(frozen=True, eq=False)
class SequenceSplits:
    """Sequences to learn from, to watch over the training, and to be scored on; all different.

    texts: those of `train` and `test` as they stand in the text, by the split's name.
    """

    vocabulary: Vocabulary
    train: list[Symbols]
    valid: list[Symbols]
    test: list[Symbols]
    texts: Mapping[str, list[str]]


def sequence_splits(
    splits: Mapping[str, Sequence[str]], params: SequenceParams, *, seed: int
) -> SequenceSplits:
    """Return the sentences of the splits train, valid and test as sequences of classes.

    The symbols are those of the training sequences; no sequence is in two splits. Raises
    UserError if a split has none.
    """
    seen: set[tuple[str, ...]] = set()
    chosen: dict[str, list[tuple[str, ...]]] = {}
    for name, lines in splits.items():
        fresh = [symbols for symbols in symbols_of(lines, params) if symbols not in seen]
        seen.update(fresh)
        most = params.train_sequences if name == "train" else params.test_sequences
        if not fresh:
            raise UserError(
                f"autoencoder.max_length: no sentence of the {name} split has at most "
                f"{params.max_length} {params.unit} and is new; expected a higher value, or "
                "autoencoder.long_sentences: cut"
            )
        order = rng.stream(seed, "autoencoder sequences", name).permutation(len(fresh))
        chosen[name] = [fresh[place] for place in np.sort(order[:most])]
    counts = Counter(symbol for symbols in chosen["train"] for symbol in symbols)
    vocabulary = Vocabulary.build(counts, min_count=params.min_count, section="autoencoder")
    index, unknown = vocabulary.index, vocabulary.unknown
    encoded = {
        name: [np.array([index.get(s, unknown) for s in symbols], np.int64) for symbols in rows]
        for name, rows in chosen.items()
    }
    between = " " if params.unit == "words" else ""
    texts = {name: [between.join(row) for row in chosen[name]] for name in ("train", "test")}
    return SequenceSplits(vocabulary, encoded["train"], encoded["valid"], encoded["test"], texts)
