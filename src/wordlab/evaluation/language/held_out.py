"""A held-out text as the classes of a language model, and how well its symbols are predicted."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from wordlab import rng
from wordlab.evaluation.language.generation import symbols_of
from wordlab.evaluation.statistics import Floats, margins_together
from wordlab.recurrent.batches import sentence_starts
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import perplexity

Documents = Sequence[Sequence[str]]
"""Documents of sentences."""


_RESAMPLES = 1000
_STRETCHES, _STRETCH = 20, 100
"""Stretches of a text that is a single sentence, for the bootstrap; the fewest symbols of one."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A held-out text as classes.

    ids: int64 (N,), N at least 1; document_starts: int64 (D,), where its documents begin, rising;
    unknown, end: the classes of the unknown word and of the end of a sentence.
    """

    ids: NDArray[np.int64] = field(repr=False)
    document_starts: NDArray[np.int64] = field(repr=False)
    unknown: int
    end: int

    @cached_property
    def sentences(self) -> NDArray[np.int64]:
        """Where sentences begin, int64 (S,); a document begins one.

        Where all is one long sentence, as text8 in one document: stretches of it, equally long.
        """
        begin = sentence_starts(self.ids, self.end, self.document_starts)
        if len(begin) > 1:
            return begin
        count = max(1, min(_STRETCHES, len(self.ids) // _STRETCH))
        return np.arange(count) * len(self.ids) // count

    @property
    def documents(self) -> int:
        """How many documents it has."""
        return len(np.unique(np.append(self.document_starts, 0)))

    def beginning(self, symbols: int | None) -> "HeldOut":
        """Return the first `symbols` of it, or all."""
        ids, starts = self.ids[:symbols], self.document_starts
        return HeldOut(ids, starts[starts < len(ids)], self.unknown, self.end)

    @property
    def spread(self) -> float:
        """By how much deviations of the bootstrap are widened.

        The bootstrap of n documents has a variance too small by (n - 1) / n, and its quantiles are
        those of the normal distribution where Student's t with n - 1 degrees of freedom is due: of
        8 documents the plain interval covers 85 %, not 95. Of one document, n is its sentences;
        of one sentence nothing is known of others, and intervals have no ends.
        """
        return self.spread_at(0.975)

    def spread_at(self, level: float) -> float:
        """By how much they are for the quantile `level`, above one half: more the higher it is."""
        n = self.documents if self.documents > 1 else len(self.sentences)
        if n < 2:
            return math.inf
        return float(math.sqrt(n / (n - 1)) * special.stdtrit(n - 1, level) / special.ndtri(level))

    def resamples(self, seed: int) -> Iterator[NDArray[np.int64]]:
        """Yield how often each sentence is drawn in each sample of a bootstrap, int64 (S,).

        Documents are drawn with replacement, then as many sentences of each as it has (two-stage
        resampling: Davison & Hinkley 1997, section 3.8): sentences of a document are alike, so that
        drawing sentences alone would make the interval too narrow. The same `seed` gives the same
        samples, so that models scored on one text are paired.
        """
        random, begin = rng.stream(seed, "perplexity"), self.sentences
        documents = np.unique(np.append(self.document_starts, 0))
        firsts = np.searchsorted(begin, documents)
        sizes = np.diff(np.append(firsts, len(begin)))
        firsts, sizes = firsts[sizes > 0], sizes[sizes > 0]
        for _ in range(_RESAMPLES):
            drawn = random.integers(0, len(sizes), size=len(sizes))
            first, size = (np.repeat(each[drawn], sizes[drawn]) for each in (firsts, sizes))
            chosen = first + (random.random(len(size)) * size).astype(np.int64)
            yield np.bincount(chosen, minlength=len(begin))


@dataclass(frozen=True)
class LanguageScore:
    """How well a model predicts a text of `symbols` symbols.

    perplexity: exp of the mean loss per symbol; low, high: its 95 % interval when documents, then
    their sentences, are drawn anew (bootstrap, widened for few documents); all are infinite where
    they are beyond any float; bits: the mean loss in bits per symbol; perplexity_known: over the
    symbols other than the unknown one; unknown_share: how many of the symbols are that one;
    documents: how many the text has. ratio: the perplexity divided by that of a baseline on the
    same text; ratio_low, ratio_high: its 95 % interval over the same samples for both; None without
    a baseline.
    """

    perplexity: float
    low: float
    high: float
    bits: float
    perplexity_known: float
    unknown_share: float
    symbols: int
    documents: int
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None


def score(
    losses: NDArray[np.floating],
    text: HeldOut,
    *,
    seed: int,
    baseline: NDArray[np.floating] | None = None,
) -> LanguageScore:
    """Return the score of `losses` (N,), nats, on the symbols of `text`.

    losses may be (S, N): of S trainings that differ in their seed alone. The score is then that of
    their mean loss, and the intervals allow for another seed as well. baseline: the losses (N,) of
    another model on the same symbols, to compare with; `seed` draws the samples.
    """
    each = np.atleast_2d(losses).astype(np.float64)  # (S, N)
    precise = each.mean(axis=0)
    others = precise if baseline is None else baseline.astype(np.float64)
    *trained, compared = resampled(np.vstack([each, others]), text, seed)  # S + 1 of (R,)
    drawn = np.mean(trained, axis=0)  # (R,)
    of_seeds = (
        0.0 if len(each) < 2 else _of_seeds(each) ** 0.5 * special.stdtrit(len(each) - 1, 0.975)
    )
    known = text.ids != text.unknown
    mean, other = float(precise.mean()), float(others.mean())
    low, high = map(perplexity, interval(mean, drawn, text.spread, of_seeds))
    difference = interval(mean - other, drawn - compared, text.spread, of_seeds)
    ratio_low, ratio_high = map(perplexity, difference)
    paired = baseline is not None
    return LanguageScore(
        perplexity=perplexity(mean),
        low=low,
        high=high,
        bits=mean / math.log(2),
        perplexity_known=perplexity(float(precise[known].mean())) if known.any() else math.nan,
        unknown_share=1 - float(known.mean()),
        symbols=len(text.ids),
        documents=text.documents,
        ratio=perplexity(mean - other) if paired else None,
        ratio_low=ratio_low if paired else None,
        ratio_high=ratio_high if paired else None,
    )


def ratios(differences: Sequence[Floats], text: HeldOut, *, seed: int) -> Floats:
    """Return ratios of perplexities with 95 % intervals that hold together, float64 (C, 3).

    They are exp of `mean_differences`.
    """
    logs = mean_differences(differences, text, seed=seed)
    return np.array([[perplexity(log) for log in row] for row in logs.tolist()]).reshape(-1, 3)


def mean_differences(
    differences: Sequence[Floats], text: HeldOut, *, seed: int, confidence: float = 0.95
) -> Floats:
    """Return mean differences of losses with intervals that hold together, nats, float64 (C, 3).

    differences: C arrays (S, N), by how much each of S trainings loses more than that of the same
    seed which it is compared with, on the symbols of `text`. Samples are those of `score`. The
    intervals are those of `statistics.margins_together`, widened for few documents.

    Of several trainings a margin is the root of the squares of two: that of the text at
    Bonferroni's level, and Student's t times the standard error over seeds. The variance over
    seeds is the mean of all C, or a comparison's own where that is larger; its degrees of freedom
    are about 4 (S - 1) / (1 + 3 / C), as comparisons share seeds. Comparisons of the same trainings
    count once, and what is compared with itself not at all. `benchmarks/interval_coverage.py`
    measures how often all of them hold.

    A text of one sentence says nothing of others: intervals then have no ends.
    """
    values = np.array([each.mean(axis=0, dtype=np.float64).mean() for each in differences])
    trained = resampled(np.vstack(list(differences)), text, seed)
    ends = np.cumsum([len(each) for each in differences])[:-1]
    drawn = np.array([own.mean(axis=0) for own in np.split(trained, ends)])  # (C, R)
    errors = drawn.std(axis=1)
    trainings = min(map(len, differences), default=1)
    if trainings > 1:
        of_seeds = np.array([_of_seeds(each) for each in differences])
        differ = (errors > 0) | (of_seeds > 0)  # none from itself
        once = _distinct(differences) & differ
        count = max(1, int(once.sum()))
        level = 1 - (1 - confidence) / 2 / count
        pooled = np.sqrt(np.maximum(of_seeds, of_seeds[once].sum() / count))
        heavier = special.stdtrit(4 * (trainings - 1) / (1 + 3 / count), level)
        of_text = special.ndtri(level) * errors
        of_text[errors > 0] *= text.spread_at(level)
        margins = np.where(differ, np.hypot(of_text, heavier * pooled), 0)
    else:
        margins, _ = margins_together(values, drawn, confidence)
        # what the margins are all the same multiple of
        reach = float((margins[errors > 0] / errors[errors > 0]).max(initial=0))
        if reach > 0:
            margins = margins * text.spread_at(float(special.ndtr(reach)))
    if not math.isfinite(text.spread):
        margins = np.where([each.any() for each in differences], np.inf, 0)
    return np.stack([values, values - margins, values + margins], axis=1)


def _distinct(differences: Sequence[Floats]) -> NDArray[np.bool_]:
    """Return which differences are not equal to one before, nor to its negative, bool (C,)."""
    # a sum by a library may round differently at another place of a matrix: bytes of what it sums
    keys = [min((0.0 + each).tobytes(), (0.0 - each).tobytes()) for each in differences]
    return np.array([key not in keys[:place] for place, key in enumerate(keys)])


def _of_seeds(losses: Floats) -> float:
    """Return the variance over seeds of the mean of `losses` (S, N)."""
    return float(losses.mean(axis=1, dtype=np.float64).var(ddof=1)) / len(losses)


def resampled(values: Floats, text: HeldOut, seed: int) -> Floats:
    """Return the mean of each row of `values` (M, N) in samples of the text, float64 (M, R)."""
    sizes = np.diff(np.append(text.sentences, values.shape[1]))
    sums = np.add.reduceat(values.astype(np.float64), text.sentences, axis=1)  # (M, sentences)
    return np.array([sums @ times / (sizes @ times) for times in text.resamples(seed)]).T


def interval(
    mean: float, drawn: NDArray[np.floating], spread: float, of_seeds: float = 0.0
) -> tuple[float, float]:
    """Return the ends of the 95 % interval of `mean` by bootstrap samples `drawn` (R,).

    of_seeds: how far the interval would reach for the seeds alone.
    """
    if not math.isfinite(spread):
        return -math.inf, math.inf
    low, high = np.percentile(drawn, [2.5, 97.5])
    below, above = spread * float(low - mean), spread * float(high - mean)
    if of_seeds:
        below, above = -math.hypot(below, of_seeds), math.hypot(above, of_seeds)
    return mean + below, mean + above


def held_out(model: LanguageModel, documents: Documents) -> HeldOut:
    """Return documents of sentences, at least one, as the classes of `model`."""
    parts = [symbol_ids(model, sentences) for sentences in documents]
    starts = np.cumsum([0, *(len(ids) for ids in parts[:-1])])[: len(parts)]
    return HeldOut(np.concatenate(parts), starts, model.unknown, model.end)


def symbol_ids(model: LanguageModel, lines: Sequence[str]) -> NDArray[np.int64]:
    """Return sentences as the classes of `model`, int64: the symbols of each, then the end."""
    index, ids = model.vocabulary.index, []
    for line in lines:
        ids.extend([index.get(symbol, model.unknown) for symbol in symbols_of(model, line)])
        ids.append(model.end)
    return np.array(ids, dtype=np.int64)
