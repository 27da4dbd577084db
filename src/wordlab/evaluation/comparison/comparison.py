"""Models of word vectors side by side: scores on the same items, relations, neighbours."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.artifacts import Result
from wordlab.corpus.vocabulary import Vocabulary, study_words
from wordlab.embeddings.ppmi import PpmiModel
from wordlab.evaluation import statistics
from wordlab.evaluation.comparison import neighbours, relations
from wordlab.evaluation.vectors import scores
from wordlab.evaluation.vectors.analogy import Questions
from wordlab.evaluation.vectors.scores import Scores, Task, Trained
from wordlab.evaluation.vectors.sets import read_related
from wordlab.evaluation.vectors.similarity import Lookup, Space, SparseSpace, WordPairs, space
from wordlab.params.embeddings import ComparisonParams, EvaluationParams, RelationParams

BANDS = ("rare", "middle", "frequent")
SCORE = ["score", "low", "high", "n"]
COLUMNS = ["model", "task", "band", "least", "most", "score", "low", "high", "n"]


def by_frequency(found: Mapping[str, Scores], vocabulary: Vocabulary) -> pd.DataFrame:
    """Return the scores of models on a third of each task's items at a time, by their rarest word.

    found: of each model; vocabulary: whose counts are taken. One row per model, task and band:
    least and most, the counts of the rarest word of the band's items; score with low and high; n
    items. Only items count whose words all models know. Analogies are answered by the first method.
    """
    first = next(iter(found.values()))
    lookup = Lookup(vocabulary, ignore_case=first.params.ignore_case)
    method = next(iter(first.analogy))
    kinds = [(scores.similarity_task, "similarity", name) for name in first.similarity]
    parts = []
    for task_of, kind, name in [*kinds, (scores.analogy_task, "analogy", method)]:
        answers = [getattr(scored, kind)[name][0] for scored in found.values()]
        known = np.logical_and.reduce([answer.known for answer in answers])
        rarest = _rarest(lookup, answers[0].items)
        items = np.flatnonzero(known)
        ordered = items[np.argsort(rarest[items], kind="stable")]
        for band, inside in zip(BANDS, np.array_split(ordered, len(BANDS)), strict=True):
            among = np.zeros_like(known)
            among[inside] = True
            counts = rarest[inside]
            most = int(counts.max(initial=0))
            table = score_table(task_of(found, name, among), list(found), first.params.confidence)
            least = int(counts.min(initial=most))
            parts.append(table.assign(band=band, least=least, most=most))
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def _rarest(lookup: Lookup, items: WordPairs | Questions) -> NDArray[np.int64]:
    """Return the count of the rarest word of each item, 0 where one is unknown, int64 (n,).

    Of several right answers to a question the commonest counts.
    """

    @cache
    def count(word: str) -> int:
        row = lookup.row(word)
        return 0 if row is None else int(lookup.vocabulary.counts[row])

    found = [list(map(count, words)) for words in items.words]
    if isinstance(items, Questions):
        for number, own in enumerate(found):
            own[3] = max(map(count, items.right(number)))
    return np.array([min(own) for own in found], dtype=np.int64)


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
    words = study_words(params.words, next(iter(spaces.values())).vocabulary, WORDS)
    tables = {
        "scores": pd.concat(
            [score_table(task, models, evaluation.confidence) for task in tasks], ignore_index=True
        ),
        "sections": _section_table(found),
        "differences": differences_of(tasks, models, evaluation.confidence),
        "neighbours": neighbours.table(spaces, words, params.neighbours),
        "overlap": neighbours.overlap(spaces, params.overlap_words, params.neighbours),
    }
    shares = tables["overlap"].to_numpy(dtype=np.float64)
    overlap = {
        first: {second: shares[i, j] for j, second in enumerate(models) if j > i}
        for i, first in enumerate(models[:-1])
    }
    return Result(tables, {**_nested(tables["scores"], "task", "model", SCORE), "overlap": overlap})


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
        questions, known = answered[0].questions, answered[0].known
        for number, section in enumerate(questions.sections):
            own = questions.section == number
            rows.append((model, section, scores.accuracy(answered, own), int((own & known).sum())))
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
    names = np.array(models, dtype=object)
    one, other = (names[np.tile(side, len(tasks))] for side in (left, right))
    behind = difference < 0
    return pd.DataFrame(
        {
            "task": np.repeat([task.name for task in tasks], len(pairs)),
            "first": np.where(behind, other, one),
            "second": np.where(behind, one, other),
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
            "relations": _nested(cosines, "model", "relation", ["mean", "low", "high", "n"]),
            "synonyms_over_antonyms": antonyms.set_index("model")[["auc", "low", "high"]].to_dict(
                "index"
            ),
            "frequency": {
                task: _nested(part, "model", "band", SCORE)
                for task, part in frequency.groupby("task", sort=False)
            },
            "geometry": geometry.set_index("model").to_dict("index"),
        },
    )


def listed_pairs(params: RelationParams, vocabulary: Vocabulary) -> relations.Pairs:
    """Return the pairs by relation that `params` asks for.

    Raises UserError if the list cannot be read, or WordNet is wanted and not installed.
    """
    pairs = dict(read_related(params))
    if params.wordnet:
        pairs = relations.extend(pairs, vocabulary.words, params.wordnet, relations.reader())
    return pairs


def associations(ppmi: PpmiModel, params: ComparisonParams) -> pd.DataFrame:
    """Return direct associations beside second-order neighbours.

    One row per word and rank (from 1): the context most strongly associated with the word, with its
    ppmi (nats), beside the neighbour that has the most similar associations, with its cosine.
    """
    rows = SparseSpace(ppmi.vocabulary, ppmi.matrix)
    words = study_words(params.words, ppmi.vocabulary, WORDS)
    near = neighbours.table({"ppmi": rows}, words, params.neighbours)
    direct = [
        (word, rank, *strongest)
        for word in words
        for rank, strongest in enumerate(ppmi.associations(word, params.neighbours), start=1)
    ]
    table = pd.DataFrame(direct, columns=["word", "rank", "association", "ppmi"])
    return table.merge(near.drop(columns="model"), on=["word", "rank"], how="outer", sort=False)


def _nested(table: pd.DataFrame, outer: str, inner: str, columns: list[str]) -> dict[str, Any]:
    """Return value of `outer` -> value of `inner` -> the numbers of `columns`."""
    return {
        str(name): part.set_index(inner)[columns].to_dict("index")
        for name, part in table.groupby(outer, sort=False)
    }
