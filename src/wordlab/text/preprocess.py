"""Splits by document, the normalised tokens of each, and phrases.

Phrases: pairs of words that occur together far more often than chance; Mikolov et al. 2013,
"Distributed Representations of Words and Phrases and their Compositionality", section 4. A second
pass over the result joins phrases of up to four words.
"""

import os
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wordlab import rng
from wordlab.corpus.corpus import SPLITS
from wordlab.errors import UserError
from wordlab.params.text import PhraseParams, PreprocessParams, SplitShares
from wordlab.text import tokens

MOST_PAIRS = 4_000_000
"""Pairs counted at a time; beyond, the rarest are dropped, as in the authors' program."""
JOINT = "_"


def learn(path: Path, params: PhraseParams) -> frozenset[tuple[str, str]]:
    """Return the pairs of words in the training split at `path` that are phrases.

    Equation 6, times the number of tokens, so that the threshold does not depend on the size of
    the text: (count(a b) - discount) / (count(a) count(b)) * tokens > threshold.
    """
    words: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    floor = 1
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            found = line.split()
            words.update(found)
            pairs.update(pairwise(found))
            while len(pairs) > MOST_PAIRS:
                pairs = Counter({pair: count for pair, count in pairs.items() if count > floor})
                floor += 1
    tokens = words.total()
    return frozenset(
        (first, second)
        for (first, second), count in pairs.items()
        if (count - params.discount) * tokens > params.threshold * words[first] * words[second]
    )


def join(folder: Path, params: PhraseParams) -> dict[str, int]:
    """Join the phrases of train.txt in every split in `folder`; return how many in each.

    Of overlapping pairs, the first is joined.
    """
    known = learn(folder / "train.txt", params)
    joined = {}
    for name in SPLITS:
        path, aside = folder / f"{name}.txt", folder / f"{name}.joined"
        joined[name] = 0
        with (
            path.open(encoding="utf-8", newline="\n") as file,
            aside.open("w", encoding="utf-8", newline="\n") as out,
        ):
            for line in file:
                words = line.split()
                found = joined_words(words, known)
                joined[name] += len(words) - len(found)
                out.write(" ".join(found) + "\n")
        os.replace(aside, path)
    return joined


def joined_words(words: list[str], known: frozenset[tuple[str, str]]) -> list[str]:
    """Return the words with the `known` pairs among them joined, from left to right."""
    found: list[str] = []
    place = 0
    while place < len(words):
        pair = tuple(words[place : place + 2])
        size = 2 if pair in known else 1
        found.append(JOINT.join(words[place : place + size]))
        place += size
    return found


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
                f"preprocess.splits.{name}: no document for this split, of {len(lengths)} in all; "
                "expected more documents (blank lines separate them) or a larger share"
            )
    return list(splits)


def write_splits(
    batches: Iterable[pa.StringArray], splits: list[str], folder: Path, params: PreprocessParams
) -> dict[str, dict[str, int]]:
    """Write train.txt, valid.txt and test.txt into `folder`, phrases joined in each pass.

    batches: the texts of the documents, some at a time; splits: the split of each document.
    Returns the documents, sentences and tokens of each split; documents without a token are left
    out. Raises UserError if the training split has no token at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    summary = {name: {"documents": 0, "sentences": 0, "tokens": 0} for name in SPLITS}
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / f"{name}.txt").open("wb")) for name in SPLITS}
        documents = chain.from_iterable(tokens.tokenised(batches, params))
        for (text, sizes), split in zip(documents, splits, strict=True):
            if len(text):
                files[split].write(text)
                for key, size in zip(
                    ("documents", "sentences", "tokens"), (1, *sizes.tolist()), strict=True
                ):
                    summary[split][key] += size
    if summary["train"]["tokens"] == 0:
        raise UserError(
            f"preprocess.tokens: the text has no token of the kind {params.tokens!r}; "
            "expected a text with words in it"
        )
    for _ in range(params.phrases.passes):
        joined = join(folder, params.phrases)
        for name in SPLITS:
            summary[name]["tokens"] -= joined[name]
    return summary
