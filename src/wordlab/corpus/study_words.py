"""Which words a study shows: those named in the params, or words chosen from the text."""

from collections.abc import Sequence

import numpy as np

from wordlab.corpus.vocabulary import Vocabulary

COMMON = 0.6
"""The commonest words that make up this share of the text are not chosen."""


def study_words(
    named: Sequence[str] | None, vocabulary: Vocabulary, count: int, *, prompts: bool = False
) -> tuple[str, ...]:
    """Return the words of `named` that `vocabulary` has; if there are none, chosen words.

    named: None if the params name none. count: how many are chosen then; if none of `named` is
    known, as many are chosen as were named. prompts: each of `named` may be several words separated
    by spaces, all of which have to be known, or empty.
    """
    named = tuple(named or ())
    known = tuple(
        one
        for one in named
        if all(word in vocabulary for word in (one.split() if prompts else [one]))
    )
    return known or content_words(vocabulary, len(named) or count)


def content_words(vocabulary: Vocabulary, count: int) -> tuple[str, ...]:
    """Return `count` words that are likely to carry meaning, in any language.

    Grammatical words are the commonest and the shortest of a language (Zipf 1949), so the
    commonest words that together make up 60 % of the text are left out, and those that are not
    longer than the mean token; of the others, words without digits, the commonest are taken, as
    they have the best vectors. If too few are left, shorter words follow, then commoner ones.
    """
    words, counts = vocabulary.words, vocabulary.counts
    lengths = np.array([len(word) for word in words])
    common = np.cumsum(counts) - counts < COMMON * counts.sum()
    short = lengths <= np.average(lengths, weights=counts)
    other = np.array([not _of_letters(word) for word in words])
    order = np.lexsort((np.arange(len(words)), short, common, other))
    return tuple(words[i] for i in order[:count].tolist())


def _of_letters(word: str) -> bool:
    return any(c.isalpha() for c in word) and not any(c.isdigit() for c in word)
