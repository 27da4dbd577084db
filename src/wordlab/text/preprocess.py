"""From raw documents to normalised tokens: sentences, tokens, and splits by document."""

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import regex
from numpy.typing import NDArray

from wordlab import rng
from wordlab.errors import UserError
from wordlab.params.text import PreprocessParams, SplitShares
from wordlab.text.splits import SPLITS

_WORD = r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*"
TOKEN_PATTERNS = {
    # runs of letters of any script, with the marks that combine with them
    "letters": regex.compile(r"\p{L}[\p{L}\p{M}]*"),
    # a word or number with inner apostrophes, hyphens, points or commas; or one mark
    "words_and_punctuation": regex.compile(
        rf"{_WORD}(?:['’.,-]{_WORD})*|[^\s\p{{L}}\p{{N}}\p{{M}}]"
    ),
}
SENTENCE_END = regex.compile(
    r"""(?<=[.!?]["'”’)\]]*)(?<!\b\p{L}\.)\s+(?=["'“‘(\[]*[\p{Lu}\p{Lt}\p{Lo}\p{N}])"""
)
"""The space between a mark that ends sentences, initials (`H. N.`) excepted, and a capital or a
digit."""


def sentences(text: str, params: PreprocessParams) -> Iterator[list[str]]:
    """Yield the tokens of each sentence of `text`; a line of it never joins the next one.

    Tokens are in Unicode NFC. Sentences without a token are left out.
    """
    find_tokens = TOKEN_PATTERNS[params.tokens].findall
    for line in text.splitlines():
        for sentence in SENTENCE_END.split(line):
            cased = sentence.lower() if params.lowercase else sentence
            tokens = find_tokens(unicodedata.normalize("NFC", cased))
            if tokens:
                yield tokens


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
    """Write train.txt, valid.txt and test.txt into `folder`.

    Returns for each split how many documents, sentences and tokens it holds; a document without
    a token is left out. Raises UserError if training would have no token at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    summary = {name: {"documents": 0, "sentences": 0, "tokens": 0} for name in SPLITS}
    files = {
        name: (folder / f"{name}.txt").open("w", encoding="utf-8", newline="\n") for name in SPLITS
    }
    try:
        for text, split in zip(documents, splits, strict=True):
            found = [" ".join(tokens) for tokens in sentences(text, params)]
            if not found:
                continue
            files[split].write("\n".join(found) + "\n\n")
            counts = summary[split]
            counts["documents"] += 1
            counts["sentences"] += len(found)
            counts["tokens"] += sum(line.count(" ") + 1 for line in found)
    finally:
        for file in files.values():
            file.close()
    if summary["train"]["tokens"] == 0:
        raise UserError(
            f"preprocess.tokens: the text holds no token of the kind {params.tokens!r}; "
            "expected a text with words in it"
        )
    return summary
