"""What can be counted of text that a model drew: novelty, repetition, coherence.

`score_generated` is of texts after prompts, beside the scores of a model; `Reference` of texts
drawn side by side, by which a sweep compares its trainings.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import rng
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.params.sweeps import DrawnTextParams
from wordlab.recurrent.batches import language_ids
from wordlab.recurrent.training import perplexity

Ids = NDArray[np.int64]
TEXT_SCORES = ("text_perplexity", "text_distinct_2", "text_coherence")


def score_generated(
    texts: Sequence[tuple[Sequence[int], Sequence[int]]],
    train_ids: Ids,
    ngrams: KneserNey,
) -> dict[str, float]:
    """Return what can be counted of the symbols that a model put after each of several prompts.

    texts: the symbols of each prompt, and those after it, at least one. perplexity: of these
    after the prompt, under an n-gram model of the training text; distinct_1, distinct_2: different
    n-grams as a share of all (Li et al. 2016); repetition: the share of 4-grams that the same text
    has before, a mean over texts (Welleck et al. 2020), NaN where none has four symbols;
    longest_copy: the most symbols in a row that the training text has as well.
    """
    losses = [ngrams.losses(np.array([*given, *own]))[len(given) :] for given, own in texts]
    drawn = [np.array(own) for _, own in texts]
    long = [own for own in drawn if len(own) >= 4]
    return {
        "perplexity": perplexity(float(np.concatenate(losses).mean())),
        "distinct_1": distinct(drawn, 1),
        "distinct_2": distinct(drawn, 2),
        "repetition": 1 - float(np.mean([distinct([own], 4) for own in long]))
        if long
        else math.nan,
        "longest_copy": max(longest_copy(own, train_ids) for own in drawn),
    }


def distinct(texts: Iterable[Ids], n: int) -> float:
    """Return how many different n-grams `texts` have, as a share of all; NaN where none is."""
    long = [ids for ids in texts if len(ids) >= n]
    if not long:
        return math.nan
    windows = np.concatenate([np.lib.stride_tricks.sliding_window_view(ids, n) for ids in long])
    return len(np.unique(windows, axis=0)) / len(windows)


def longest_copy(ids: Ids, source: Ids) -> int:
    """Return the length of the longest stretch of `ids` (N,) that `source` (M,) contains."""
    longest = 0
    for start in range(len(ids)):
        if len(ids) - start <= longest:
            break
        places = np.flatnonzero(source == ids[start])
        length = 0
        while len(places):
            length += 1
            if start + length == len(ids):
                break
            places = places[places + length < len(source)]
            places = places[source[places + length] == ids[start + length]]
        longest = max(longest, length)
    return longest


@dataclass(frozen=True, eq=False)
class Reference:
    """A text that others are held against.

    ngrams: its Kneser-Ney model. words: V, the classes below which are words. pairs: int64 (P,),
    rising, a V + b of words a < b that occur near one another; shares: float64 (P,) of each among
    all pairs; word_shares: float64 (V,), of a word among the words of pairs.
    """

    params: DrawnTextParams
    ngrams: KneserNey = field(repr=False)
    words: int
    pairs: Ids = field(repr=False)
    shares: NDArray[np.float64] = field(repr=False)
    word_shares: NDArray[np.float64] = field(repr=False)

    @classmethod
    @lru_cache(maxsize=2)  # the trials of a sweep share it
    def of(
        cls,
        corpus: EncodedCorpus,
        known: Vocabulary,
        *,
        order: int,
        params: DrawnTextParams,
    ) -> "Reference":
        """Return the text of `corpus` as a reference; order: of the n-grams."""
        words = len(known)
        ids = language_ids(corpus, known)
        near = _pairs(ids[None], words, params)
        pairs, counts = np.unique(near, return_counts=True)
        ends = np.concatenate([near // words, near % words])
        return cls(
            params,
            KneserNey.fit(ids, order=order, classes=known.classes, end=known.end),
            words,
            pairs,
            counts / max(len(near), 1),
            np.bincount(ends, minlength=words) / max(len(ends), 1),
        )

    def scores(self, texts: Ids) -> dict[str, float]:
        """Return what can be counted of `texts`, int64 (texts, length).

        text_perplexity: under the n-grams; text_distinct_2: different bigrams as a share of all
        (Li et al. 2016); text_coherence: as in `coherence`.
        """
        losses = np.concatenate([self.ngrams.losses(text) for text in texts])
        return {
            "text_perplexity": perplexity(float(losses.mean())),
            "text_distinct_2": distinct(texts, 2),
            "text_coherence": self.coherence(texts),
        }

    def coherence(self, texts: Ids) -> float:
        """Return how well the words near one another in `texts` (texts, length) go together.

        The mean over all pairs of NPMI = ln(p(a, b) / (p(a) p(b))) / -ln p(a, b), the
        probabilities being those of pairs of this reference; -1 for a pair that it has not (Bouma
        2009; as a measure of coherence: Lau, Newman & Baldwin 2014). NaN without pairs.
        """
        near = _pairs(texts, self.words, self.params)
        if not len(near) or not len(self.pairs):
            return math.nan
        places = np.minimum(np.searchsorted(self.pairs, near), len(self.pairs) - 1)
        seen = self.pairs[places] == near
        near, joint = near[seen], self.shares[places[seen]]
        # two different words of a pair, in either order
        chance = 2 * self.word_shares[near // self.words] * self.word_shares[near % self.words]
        certain = joint >= 1  # the only pair there is
        npmi = np.log(joint / chance) / -np.log(np.where(certain, 0.5, joint))
        total = np.where(certain, 1.0, npmi).sum() - (~seen).sum()
        return float(total / len(seen))


def yardsticks(
    held_out: Sequence[EncodedCorpus], vocabulary: Vocabulary, reference: Reference, *, seed: int
) -> pd.DataFrame:
    """Return what the scores of drawn text are of real text, as much and as long.

    One row per held-out part and text (`held out`, or the same words `shuffled`): fold, from 1,
    text and the scores.
    """
    rows = []
    for number, corpus in enumerate(held_out, start=1):
        texts = cut(language_ids(corpus, vocabulary), reference.params)
        mixed = rng.stream(seed, "shuffled", number).permutation(texts.ravel())
        for name, own in (("held out", texts), ("shuffled", mixed.reshape(texts.shape))):
            rows.append({"fold": number, "text": name, **reference.scores(own)})
    return pd.DataFrame(rows)


def cut(ids: Ids, params: DrawnTextParams) -> Ids:
    """Return texts out of `ids` (N,), as long as those drawn and at most as many.

    int64 (texts, length): spread over all of it, without a symbol in common; shorter than `length`
    where there is less text than that.
    """
    length = min(params.length, len(ids))
    texts = min(params.texts, len(ids) // length)
    starts = np.arange(texts) * len(ids) // texts
    return ids[starts[:, None] + np.arange(length)]


def _pairs(texts: Ids, words: int, params: DrawnTextParams) -> Ids:
    """Return a V + b for all words a < b of the same text that are `window` apart at most."""
    found = [np.zeros(0, dtype=np.int64)]
    for distance in range(1, min(params.window, texts.shape[1] - 1) + 1):
        a, b = texts[:, :-distance].ravel(), texts[:, distance:].ravel()
        a, b = np.minimum(a, b), np.maximum(a, b)
        kept = (a >= params.common_words) & (b < words) & (a < b)
        found.append(a[kept] * words + b[kept])
    return np.concatenate(found)
