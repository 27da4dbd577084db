"""Phrases: pairs of words that occur together far more often than each alone would have it.

Mikolov et al., Distributed Representations of Words and Phrases and their Compositionality, 2013,
section 4. A second pass over the result joins phrases of up to four words.
"""

import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

from wordlab.params.text import PhraseParams
from wordlab.text.splits import SPLITS

MOST_PAIRS = 4_000_000
"""Pairs counted at a time; the rarest are forgotten beyond, as in the authors' program."""
JOINT = "_"


def learn(path: Path, params: PhraseParams) -> frozenset[tuple[str, str]]:
    """Return the pairs of the training split at `path` that are phrases.

    Equation 6, times the number of tokens so that the threshold does not depend on the size of
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

    Of pairs that overlap the first is joined.
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
