"""Which words a study shows: those named in the params, or words chosen from the text."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wordlab.corpus.vocabulary import Vocabulary

COMMON = 0.6
"""The commonest words that make up this share of the text are not chosen."""


@dataclass(frozen=True)
class StudyWords:
    """The words that a study shows.

    words: all of them in the vocabulary; named: how many the params name; left_out: the named ones
    that the vocabulary lacks; chosen: whether `words` are chosen from the text.
    """

    words: tuple[str, ...]
    named: int
    left_out: tuple[str, ...]
    chosen: bool

    def sentences(self, title: str) -> list[str]:
        """Return what a reader has to know of the choice in a sentence that `title` begins."""
        listed = ", ".join(self.words)
        if self.chosen and self.named:
            return [
                f"{title}: 0 of the {self.named} named are in the vocabulary; chosen from the text "
                f"instead: {listed}."
            ]
        if self.chosen:
            return [f"{title}, chosen from the text: {listed}."]
        if self.left_out:
            return [
                f"{title}: {len(self.left_out)} of the {self.named} named are not in the "
                f"vocabulary and left out: {', '.join(self.left_out)}."
            ]
        return []


def study_words(
    named: Sequence[str] | None, vocabulary: Vocabulary, count: int, *, prompts: bool = False
) -> StudyWords:
    """Return the words of `named` that `vocabulary` has; if there are none, chosen words.

    named: None if the params name none. count: how many are chosen then; if none of `named` is
    known, as many are chosen as were named. prompts: each of `named` may be several words separated
    by spaces, all of which have to be known, or empty.
    """
    named = tuple(named or ())
    left_out = tuple(
        one
        for one in named
        if any(w not in vocabulary for w in (one.split() if prompts else [one]))
    )
    known = tuple(one for one in named if one not in left_out)
    words = known or content_words(vocabulary, len(named) or count)
    return StudyWords(words, len(named), left_out, chosen=not known)


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
