"""Scores by how often the words occur in the text."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.evaluation import statistics
from wordlab.evaluation.datasets import Lookup
from wordlab.evaluation.scores import Scores
from wordlab.evaluation.statistics import CrossedResamples
from wordlab.rng import stream
from wordlab.text.vocabulary import Vocabulary

BANDS = ("rare", "middle", "frequent")
Row = dict[str, object]
COLUMNS = ["model", "task", "band", "least", "most", "score", "low", "high", "n"]


def by_frequency(found: Mapping[str, Scores], vocabulary: Vocabulary) -> pd.DataFrame:
    """Return the scores of models on a third of each task's items at a time, by their rarest word.

    found: of each model; vocabulary: whose counts are taken. A row a model, task and band: least
    and most, the counts of the rarest word of the band's items; score with low and high; n items.
    Only items count whose words all models know. Analogies are answered by the first method.
    """
    first = next(iter(found.values()))
    lookup = Lookup(vocabulary, ignore_case=first.params.ignore_case)
    rows = [row for name in first.similarity for row in _similarity(found, name, lookup)]
    rows += _analogy(found, next(iter(first.analogy)), lookup)
    return pd.DataFrame(rows, columns=COLUMNS)


def _similarity(found: Mapping[str, Scores], name: str, lookup: Lookup) -> Iterator[Row]:
    answers = {model: scored.similarity[name] for model, scored in found.items()}
    first, pairs = next(iter(found.values())), next(iter(answers.values())).pairs
    known = np.logical_and.reduce([answer.known for answer in answers.values()])
    rarest = _rarest(lookup, pairs.words)
    for band, inside in _thirds(known, rarest).items():
        random = stream(first.seed, "bootstrap", name, band)
        counts = statistics.resample(len(inside), first.params.resamples, random)
        gold = pairs.gold[inside]
        for model, answer in answers.items():
            cosines = answer.cosines[inside]
            draws = statistics.resampled_spearman(cosines, gold, counts)
            yield {
                **{"model": model, "task": name, "band": band},
                "score": statistics.spearman(cosines, gold),
                **_facts(rarest[inside], draws, first.params.confidence),
            }


def _analogy(found: Mapping[str, Scores], method: str, lookup: Lookup) -> Iterator[Row]:
    answers = {model: scored.analogy[method] for model, scored in found.items()}
    first, questions = next(iter(found.values())), next(iter(answers.values())).questions
    known = np.logical_and.reduce([answer.known for answer in answers.values()])
    rarest = _rarest(lookup, questions.words)
    ab, cd = questions.pairs()
    for band, inside in _thirds(known, rarest).items():
        random = stream(first.seed, "bootstrap", "analogy", band)
        resamples = CrossedResamples.draw(ab[inside], cd[inside], first.params.resamples, random)
        for model, answer in answers.items():
            right = answer.correct[inside]
            yield {
                **{"model": model, "task": f"analogy {method}", "band": band},
                "score": float(right.mean()) if len(right) else float("nan"),
                **_facts(rarest[inside], resamples.means(right), first.params.confidence),
            }


def _rarest(lookup: Lookup, items: Sequence[tuple[str, ...]]) -> NDArray[np.int64]:
    """Return the count of the rarest word of each item, 0 where one is unknown, int64 (n,)."""
    counts = {
        word: 0 if (row := lookup.row(word)) is None else int(lookup.vocabulary.counts[row])
        for item in items
        for word in item
    }
    return np.array([min(counts[word] for word in item) for item in items], dtype=np.int64)


def _thirds(known: NDArray[np.bool_], rarest: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Return the items of each band: the known ones, rarest first, in three equal parts."""
    items = np.flatnonzero(known)
    ordered = items[np.argsort(rarest[items], kind="stable")]
    return dict(zip(BANDS, map(np.sort, np.array_split(ordered, len(BANDS))), strict=True))


def _facts(
    counts: NDArray[np.int64], draws: NDArray[np.floating], confidence: float
) -> dict[str, float]:
    low, high = statistics.interval(draws, confidence)
    return {
        "least": int(counts.min(initial=counts.max(initial=0))),
        "most": int(counts.max(initial=0)),
        "low": low,
        "high": high,
        "n": len(counts),
    }
