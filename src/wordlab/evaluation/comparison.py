"""Models of word vectors side by side: scores on the same items, relations, neighbours."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.artifacts import Result
from wordlab.corpus.study_words import study_words
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.ppmi import PpmiModel
from wordlab.evaluation import neighbours, relations, scores, statistics
from wordlab.evaluation.analogy import AnalogyResult
from wordlab.evaluation.datasets import Lookup
from wordlab.evaluation.scores import Scores, Task, Trained
from wordlab.evaluation.similarity import SimilarityResult
from wordlab.evaluation.spaces import Space, SparseSpace, space
from wordlab.params.embeddings import ComparisonParams, EvaluationParams, RelationParams

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


WORDS = 6
"""How many words are chosen from the text where nobody named any."""


def compare(
    models: Mapping[str, Trained],
    evaluation: EvaluationParams,
    params: ComparisonParams,
    *,
    seed: int,
) -> Result:
    """Compare `models`, by name, on the sets of `evaluation`; they are left as they were.

    Each task is scored on the items that all models know, and the models are resampled together,
    so that what makes an item hard for all of them cancels out in their differences.
    """
    spaces = {name: space(scores.trainings(model)[0]) for name, model in models.items()}
    return compare_scored(spaces, scores.evaluate_all(models, evaluation, seed=seed), params)


def compare_scored(
    spaces: Mapping[str, Space], found: Mapping[str, Scores], params: ComparisonParams
) -> Result:
    """Compare models by their scores, which `scores.evaluate_all` has found, as `compare` does.

    Tables: scores: one row per model and task: score (the mean over trainings), low, high, seeds
    (how many trainings), n, total. sections: one row per model and section of the analogies:
    accuracy, n. differences: as in `differences_of`. The intervals draw items, crossing the words
    or word pairs that they share, and the trainings of each model. neighbours and overlap: as in
    `neighbours`, of the first training. Metrics: task -> model -> score, low, high, n, and
    overlap -> model -> model.
    """
    evaluation = next(iter(found.values())).params
    tasks = scores.tasks(found)
    models = list(spaces)
    words = looked_up(params, next(iter(spaces.values())).vocabulary)
    tables = {
        "scores": pd.concat(
            [score_table(task, models, evaluation.confidence) for task in tasks], ignore_index=True
        ),
        "sections": _section_table(found),
        "differences": differences_of(tasks, models, evaluation.confidence),
        "neighbours": neighbours.table(spaces, words, params.neighbours),
        "overlap": neighbours.overlap(spaces, params.overlap_words, params.neighbours),
    }
    return Result(tables, _metrics(tables["scores"], tables["overlap"]))


def _metrics(scored: pd.DataFrame, overlap: pd.DataFrame) -> dict[str, Any]:
    columns = ["score", "low", "high", "n"]
    shares = overlap.to_numpy(dtype=np.float64)
    return {
        **{
            str(task): part.set_index("model")[columns].to_dict("index")
            for task, part in scored.groupby("task", sort=False)
        },
        "overlap": {
            first: {second: shares[i, j] for j, second in enumerate(overlap.columns) if j > i}
            for i, first in enumerate(overlap.columns[:-1])
        },
    }


def looked_up(params: ComparisonParams, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return the words whose neighbours are shown."""
    return study_words(params.words, vocabulary, WORDS)


def score_table(task: Task, models: Sequence[str], confidence: float) -> pd.DataFrame:
    """Return the scores of a task, one row per model, as in `compare_scored`."""
    intervals = [task.interval(place, confidence) for place in range(len(models))]
    return pd.DataFrame(
        {
            "model": models,
            "task": task.name,
            "score": task.scores,
            "low": [low for low, _ in intervals],
            "high": [high for _, high in intervals],
            "seeds": [len(values) for values in task.by_seed],
            "n": task.n,
            "total": task.total,
        }
    )


def _section_table(found: Mapping[str, Scores]) -> pd.DataFrame:
    """Return accuracy by section, answered by the first method."""
    rows = []
    for model, scored in found.items():
        answered = next(iter(scored.analogy.values()))
        questions = answered[0].questions
        for number, section in enumerate(questions.sections):
            inside = questions.section == number
            rows.append(
                {
                    "model": model,
                    "section": section,
                    "accuracy": scores.accuracy(answered, inside),
                    "n": int((inside & answered[0].known).sum()),
                }
            )
    return pd.DataFrame(rows, columns=["model", "section", "accuracy", "n"])


def differences_of(tasks: Sequence[Task], models: Sequence[str], confidence: float) -> pd.DataFrame:
    """Return how much each model exceeds each other one at each task.

    One row per task and pair of models: first and second (the better before the other),
    difference, low, high, distinct (low is above 0, with 10 items or more), p. The intervals and
    p-values are those of `statistics.margins_together`, one family over all pairs of models and
    all tasks.
    """
    pairs = list(combinations(range(len(models)), 2))
    left, right = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    difference = np.concatenate([task.scores[left] - task.scores[right] for task in tasks])
    draws = np.concatenate([task.draws[left] - task.draws[right] for task in tasks])
    margin, p = statistics.margins_together(difference, statistics.combined(draws), confidence)
    size = np.abs(difference)
    n = np.repeat([task.n for task in tasks], len(pairs))
    ordered = [
        (models[j], models[i]) if swapped else (models[i], models[j])
        for (i, j), swapped in zip(pairs * len(tasks), difference < 0, strict=True)
    ]
    return pd.DataFrame(
        {
            "task": np.repeat([task.name for task in tasks], len(pairs)),
            "first": [better for better, _ in ordered],
            "second": [worse for _, worse in ordered],
            "difference": size,
            "low": size - margin,
            "high": size + margin,
            "distinct": (size - margin > 0) & (n >= statistics.FEWEST),
            "p": p,
        }
    )


def overview(
    models: Mapping[str, Trained],
    ppmi: PpmiModel,
    evaluation: EvaluationParams,
    params: ComparisonParams,
    *,
    seed: int,
) -> Result:
    """Compare `models`, by name, and `ppmi` for its associations; all are left as they were.

    Tables: those of `compare_scored` and of `relations.study`; frequency: `by_frequency`;
    geometry: `neighbours.geometry`; associations: as there. Scores, relations and frequency are
    of all trainings of a model; neighbours and geometry of the first. Metrics: those of
    `compare_scored`, and by model what else was measured.
    """
    trained = {
        name: [space(one) for one in scores.trainings(model)] for name, model in models.items()
    }
    spaces = {name: trainings[0] for name, trainings in trained.items()}
    found = scores.evaluate_all(models, evaluation, seed=seed)
    vocabulary = next(iter(spaces.values())).vocabulary
    compared = compare_scored(spaces, found, params)
    cosines, contrasts = relations.study(
        trained,
        listed_pairs(params.relations, vocabulary),
        ignore_case=evaluation.ignore_case,
        resamples=evaluation.resamples,
        confidence=evaluation.confidence,
        seed=seed,
    )
    frequency = by_frequency(found, vocabulary)
    geometry = neighbours.geometry(spaces, params.overlap_words, params.neighbours)
    antonyms = contrasts.query("first == 'synonyms' and second == 'antonyms'")
    return Result(
        tables={
            **compared.tables,
            "relations": cosines,
            "contrasts": contrasts,
            "frequency": frequency,
            "geometry": geometry,
            "associations": associations(ppmi, params),
        },
        metrics={
            **compared.metrics,
            "relations": _nested(cosines, "relation", ["mean", "low", "high", "n"]),
            "synonyms_over_antonyms": {
                row["model"]: {key: row[key] for key in ("auc", "low", "high")}
                for row in antonyms.to_dict("records")
            },
            "frequency": {
                task: _nested(part, "band", ["score", "low", "high", "n"])
                for task, part in frequency.groupby("task", sort=False)
            },
            "geometry": geometry.set_index("model").to_dict("index"),
        },
    )


def listed_pairs(params: RelationParams, vocabulary: Vocabulary) -> relations.Pairs:
    """Return the pairs by relation that `params` asks for.

    Raises UserError if the list cannot be read, or WordNet is wanted and not installed.
    """
    pairs = relations.read(Path(params.path) if params.path else relations.CURATED)
    if params.wordnet:
        pairs = relations.extend(pairs, vocabulary.words, params.wordnet, relations.reader())
    return pairs


def associations(ppmi: PpmiModel, params: ComparisonParams) -> pd.DataFrame:
    """Return direct associations beside second-order neighbours.

    One row per word and rank (from 1): the context most strongly associated with the word, with its
    ppmi (nats), beside the neighbour that has the most similar associations, with its cosine.
    """
    rows = SparseSpace(ppmi.vocabulary, ppmi.matrix)
    words = looked_up(params, ppmi.vocabulary)
    near = neighbours.table({"ppmi": rows}, words, params.neighbours)
    direct = pd.DataFrame(
        [
            (word, rank, context, value)
            for word in words
            for rank, (context, value) in enumerate(
                ppmi.associations(word, params.neighbours), start=1
            )
        ],
        columns=["word", "rank", "association", "ppmi"],
    )
    return direct.merge(near.drop(columns="model"), on=["word", "rank"], how="outer", sort=False)


def _nested(table: pd.DataFrame, key: str, columns: list[str]) -> dict[str, Any]:
    """Return model -> `key` -> the numbers of `columns`."""
    result: dict[str, Any] = {}
    for row in table.to_dict("records"):
        values = {column: row[column] for column in columns}
        result.setdefault(str(row["model"]), {})[str(row[key])] = values
    return result
