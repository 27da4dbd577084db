"""Scores by how often the words occur in the text."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.evaluation import scores
from wordlab.evaluation.analogy import AnalogyResult
from wordlab.evaluation.datasets import Lookup
from wordlab.evaluation.scores import Scores, Task
from wordlab.evaluation.similarity import SimilarityResult
from wordlab.text.vocabulary import Vocabulary

BANDS = ("rare", "middle", "frequent")
Row = dict[str, object]
COLUMNS = ["model", "task", "band", "least", "most", "score", "low", "high", "n"]


def by_frequency(found: Mapping[str, Scores], vocabulary: Vocabulary) -> pd.DataFrame:
    """Return the scores of models on a third of each task's items at a time, by their rarest word.

    found: of each model; vocabulary: whose counts are taken. One row per model, task and band:
    least and most, the counts of the rarest word of the band's items; score with low and high; n
    items. Only items count whose words all models know. Analogies are answered by the first method.
    """
    first = next(iter(found.values()))
    lookup = Lookup(vocabulary, ignore_case=first.params.ignore_case)
    rows: list[Row] = []
    for name in first.similarity:
        answers = [scored.similarity[name][0] for scored in found.values()]
        rows += _bands(found, scores.similarity_task, name, answers, answers[0].pairs.words, lookup)
    method = next(iter(first.analogy))
    answered = [scored.analogy[method][0] for scored in found.values()]
    words = answered[0].questions.words
    rows += _bands(found, scores.analogy_task, method, answered, words, lookup)
    return pd.DataFrame(rows, columns=COLUMNS)


def _bands(
    found: Mapping[str, Scores],
    task_of: Callable[[Mapping[str, Scores], str, NDArray[np.bool_]], Task],
    name: str,
    answers: Sequence[SimilarityResult | AnalogyResult],
    words: Sequence[tuple[str, ...]],
    lookup: Lookup,
) -> Iterator[Row]:
    """Yield the rows of one task; answers: of one training of each model."""
    known = np.logical_and.reduce([answer.known for answer in answers])
    rarest = _rarest(lookup, words)
    for band, inside in _thirds(known, rarest).items():
        counts = rarest[inside]
        among = np.zeros_like(known)
        among[inside] = True
        task = task_of(found, name, among)
        for place, model in enumerate(found):
            low, high = task.interval(place, found[model].params.confidence)
            yield {
                **{"model": model, "task": task.name, "band": band},
                "least": int(counts.min(initial=counts.max(initial=0))),
                "most": int(counts.max(initial=0)),
                **{"score": task.scores[place], "low": low, "high": high, "n": task.n},
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
