"""What can be counted of text that a language model writes, beside real text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import rng
from wordlab.evaluation.ngrams import KneserNey
from wordlab.params.sweeps import DrawnTextParams
from wordlab.recurrent.batching import language_ids
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

Ids = NDArray[np.int64]
TEXT_SCORES = ("text_perplexity", "text_distinct_2", "text_coherence")


@dataclass(frozen=True, eq=False)
class Reference:
    """A text that others are held against.

    ngrams: its Kneser-Ney model. words: V, the classes below which are words. pairs: int64 (P,),
    rising, a V + b of words a < b that stand near one another; shares: float64 (P,) of each among
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
        bigrams = texts[:, :-1] * (self.words + 2) + texts[:, 1:]
        return {
            "text_perplexity": math.exp(losses.mean()),
            "text_distinct_2": len(np.unique(bigrams)) / max(bigrams.size, 1),
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

    A row for each held-out part and text (`held out`, or the same words `shuffled`): fold, from 1,
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
    """Return the beginning of `ids` (N,) as texts of the length of those drawn, at most as many.

    int64 (texts, length); shorter than `length` where there is less text than that.
    """
    length = min(params.length, len(ids))
    texts = min(params.texts, len(ids) // length)
    return ids[: texts * length].reshape(texts, length)


def _pairs(texts: Ids, words: int, params: DrawnTextParams) -> Ids:
    """Return a V + b for all words a < b of the same text that are `window` apart at most."""
    found = [np.zeros(0, dtype=np.int64)]
    for distance in range(1, min(params.window, texts.shape[1] - 1) + 1):
        a, b = texts[:, :-distance].ravel(), texts[:, distance:].ravel()
        a, b = np.minimum(a, b), np.maximum(a, b)
        kept = (a >= params.common_words) & (b < words) & (a < b)
        found.append(a[kept] * words + b[kept])
    return np.concatenate(found)
