"""Splits by document, and the normalised tokens of each."""

from collections.abc import Iterable
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wordlab import rng
from wordlab.errors import UserError
from wordlab.params.text import PreprocessParams, SplitShares
from wordlab.text import phrases, tokenising
from wordlab.text.splits import SPLITS


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
    batches: Iterable[pa.StringArray], splits: list[str], folder: Path, params: PreprocessParams
) -> dict[str, dict[str, int]]:
    """Write train.txt, valid.txt and test.txt into `folder`, phrases joined if there are passes.

    batches: the texts of the documents, some at a time; splits: the split of each document.
    Returns for each split how many documents, sentences and tokens it holds; a document without
    a token is left out. Raises UserError if training would have no token at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    summary = {name: {"documents": 0, "sentences": 0, "tokens": 0} for name in SPLITS}
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / f"{name}.txt").open("wb")) for name in SPLITS}
        documents = chain.from_iterable(tokenising.tokenised(batches, params))
        for (text, sizes), split in zip(documents, splits, strict=True):
            if len(text):
                files[split].write(text)
                for key, size in zip(
                    ("documents", "sentences", "tokens"), (1, *sizes.tolist()), strict=True
                ):
                    summary[split][key] += size
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
