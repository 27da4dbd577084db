"""Language models on held-out text, beside n-gram baselines, and what they generate."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wordlab import rng
from wordlab.evaluation.ngrams import KneserNey
from wordlab.recurrent.language_model import LanguageModel

_RESAMPLES = 1000


@dataclass(frozen=True)
class LanguageScore:
    """How well a model predicts a text of `symbols` symbols.

    perplexity: exp of the mean loss a symbol; low, high: its 95 % interval when sentences are
    drawn anew (bootstrap); bits: the mean loss in bits; perplexity_known: over the symbols
    other than the unknown one; unknown_share: how many of the symbols are that one.
    """

    perplexity: float
    low: float
    high: float
    bits: float
    perplexity_known: float
    unknown_share: float
    symbols: int


def score(
    losses: NDArray[np.floating], ids: NDArray[np.int64], *, unknown: int, end: int, seed: int
) -> LanguageScore:
    """Return the score of `losses` (N,), nats, on the symbols `ids` (N,), N at least 1.

    Sentences end with the symbol `end`; `seed` draws the bootstrap's samples.
    """
    precise = losses.astype(np.float64)
    mean = precise.mean()
    known = ids != unknown
    low, high = _interval(precise, ids == end, rng.stream(seed, "perplexity"))
    return LanguageScore(
        perplexity=math.exp(mean),
        low=low,
        high=high,
        bits=mean / math.log(2),
        perplexity_known=math.exp(precise[known].mean()) if known.any() else math.nan,
        unknown_share=1 - float(known.mean()),
        symbols=len(ids),
    )


def score_model(model: LanguageModel, ids: NDArray[np.int64], *, seed: int) -> LanguageScore:
    """Return the score of `model` on the text `ids` (N,), read as one stream."""
    losses = model.token_losses(ids)
    return score(losses, ids, unknown=model.unknown, end=model.end, seed=seed)


def score_ngrams(
    train_ids: NDArray[np.int64],
    ids: NDArray[np.int64],
    *,
    order: int,
    unknown: int,
    end: int,
    seed: int,
) -> LanguageScore:
    """Return the score on `ids` of a Kneser-Ney model counted on `train_ids`; order 1: unigram.

    unknown, end: the last two classes, as a language model has them.
    """
    model = KneserNey.fit(train_ids, order=order, classes=end + 1, end=end)
    return score(model.losses(ids), ids, unknown=unknown, end=end, seed=seed)


def _interval(
    losses: NDArray[np.float64], ends: NDArray[np.bool_], stream: np.random.Generator
) -> tuple[float, float]:
    """Return the 95 % percentile interval of the perplexity over resampled sentences."""
    starts = np.concatenate([[0], np.flatnonzero(ends[:-1]) + 1])
    sums = np.add.reduceat(losses, starts)
    sizes = np.diff(np.append(starts, len(losses)))
    share = np.full(len(sums), 1 / len(sums))
    times = stream.multinomial(len(sums), share, size=_RESAMPLES)  # (resamples, sentences)
    low, high = np.percentile(times @ sums / (times @ sizes), [2.5, 97.5])
    return math.exp(low), math.exp(high)


@dataclass(frozen=True)
class GenerationScore:
    """What can be counted of a generated text.

    perplexity: under an n-gram model of the training text; distinct_1, distinct_2: different
    n-grams as a share of all (Li et al. 2016); repetition: the share of 4-grams that the text had
    before (Welleck et al. 2020); longest_copy: the most symbols in a row that stand in the
    training text as well.
    """

    perplexity: float
    distinct_1: float
    distinct_2: float
    repetition: float
    longest_copy: int


def score_generated(
    ids: NDArray[np.int64], train_ids: NDArray[np.int64], ngrams: KneserNey
) -> GenerationScore:
    """Return what can be counted of the generated symbols `ids` (N,), N at least 4."""
    return GenerationScore(
        perplexity=math.exp(ngrams.losses(ids).mean()),
        distinct_1=distinct(ids, 1),
        distinct_2=distinct(ids, 2),
        repetition=1 - distinct(ids, 4),
        longest_copy=longest_copy(ids, train_ids),
    )


def distinct(ids: NDArray[np.int64], n: int) -> float:
    """Return how many different n-grams `ids` (N,) has, as a share of all its n-grams."""
    windows = np.lib.stride_tricks.sliding_window_view(ids, n)
    return len(np.unique(windows, axis=0)) / len(windows)


def longest_copy(ids: NDArray[np.int64], source: NDArray[np.int64]) -> int:
    """Return the length of the longest stretch of `ids` (N,) that stands in `source` (M,)."""
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
