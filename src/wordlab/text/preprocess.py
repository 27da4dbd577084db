"""Splits by document, and the normalised tokens of each."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wordlab import rng, workers
from wordlab.errors import UserError
from wordlab.params.text import PreprocessParams, SplitShares
from wordlab.text import phrases, tokens
from wordlab.text.splits import SPLITS

LARGE = 16_000_000
"""Characters from which on it is worth starting processes."""
BATCH = 200
"""Documents that a process is given at a time."""


def assign(lengths: NDArray[np.int64], shares: SplitShares, seed: int) -> list[str]:
    """Return the split of each document, so that splits hold their shares of the text.

    lengths: int64 (D,), the characters of each document. Documents are shuffled by the seed, then
    test is filled, then valid; train takes the rest. Raises UserError if a split with a share
    above 0 is left without a document.
    """
    order = rng.stream(seed, "splits").permutation(len(lengths))
    ends = np.cumsum(lengths[order])
    middles = (ends - lengths[order] / 2) / max(1, ends[-1] if len(ends) else 1)
    place = np.searchsorted([shares.test, shares.test + shares.valid], middles, side="right")
    names = np.array(["test", "valid", "train"])[place]
    splits = np.empty(len(lengths), dtype=object)
    splits[order] = names
    for name in SPLITS:
        if getattr(shares, name) > 0 and name not in names:
            raise UserError(
                f"preprocess.splits.{name}: no document fell into it, of {len(lengths)} in all; "
                "expected more documents (blank lines keep them apart) or a larger share"
            )
    return list(splits)


def write_splits(
    documents: Iterable[str], splits: list[str], folder: Path, params: PreprocessParams
) -> dict[str, dict[str, int]]:
    """Write train.txt, valid.txt and test.txt into `folder`, phrases joined if there are passes.

    Returns for each split how many documents, sentences and tokens it holds; a document without
    a token is left out. Raises UserError if training would have no token at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    summary = {name: {"documents": 0, "sentences": 0, "tokens": 0} for name in SPLITS}
    files = {
        name: (folder / f"{name}.txt").open("w", encoding="utf-8", newline="\n") for name in SPLITS
    }
    try:
        for found, split in zip(_tokenised(documents, params), splits, strict=True):
            if not found:
                continue
            files[split].write("\n".join(found) + "\n\n")
            sentences, words = tokens.counts(found)
            counts = summary[split]
            counts["documents"] += 1
            counts["sentences"] += sentences
            counts["tokens"] += words
    finally:
        for file in files.values():
            file.close()
    if summary["train"]["tokens"] == 0:
        raise UserError(
            f"preprocess.tokens: the text holds no token of the kind {params.tokens!r}; "
            "expected a text with words in it"
        )
    for _ in range(params.phrases.passes):
        joined = phrases.join(folder, params.phrases)
        for name in SPLITS:
            summary[name]["tokens"] -= joined[name]
    return summary


def _tokenised(documents: Iterable[str], params: PreprocessParams) -> Iterator[list[str]]:
    """Yield the lines of each document; beyond a size, several processes find them."""
    remaining, characters = iter(documents), 0
    for text in remaining:
        yield tokens.lines(text, params)
        characters += len(text)
        if characters > LARGE:
            break
    jobs = ((text, params) for text in remaining)
    yield from workers.in_order(_lines, jobs, batch=BATCH)


def _lines(job: tuple[str, PreprocessParams]) -> list[str]:
    return tokens.lines(*job)
