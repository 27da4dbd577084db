"""Models side by side on the same pairs and questions, and what the data allow one to say."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import names
from wordlab.artifacts import rounded
from wordlab.corpus.study_words import StudyWords, study_words
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.evaluation import neighbours, scores, statistics
from wordlab.evaluation.analogy import AnalogyResult
from wordlab.evaluation.datasets import Lookup
from wordlab.evaluation.scores import Scores, Task, Trained
from wordlab.evaluation.similarity import SimilarityResult
from wordlab.evaluation.spaces import Space, space
from wordlab.params.evaluation import ComparisonParams, EvaluationParams

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


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several models compared.

    scores: one row per model and task: score (the mean over trainings), low, high, seeds (how many
    trainings), n, total. sections: one row per model and section of the analogies: accuracy, n.
    differences: one row per task and pair of models: first and second (the better before the
    other), difference, low, high (intervals that hold together for all pairs of models and all
    tasks), distinct (low is above 0, with 10 items or more), p (of the same bootstrap, corrected
    likewise). The intervals draw items, crossing the words or word pairs that they share, and the
    trainings of each model. neighbours and overlap: as in `neighbours`, of the first training.
    sentences: in words.
    """

    scores: pd.DataFrame = field(repr=False)
    sections: pd.DataFrame = field(repr=False)
    differences: pd.DataFrame = field(repr=False)
    neighbours: pd.DataFrame = field(repr=False)
    overlap: pd.DataFrame = field(repr=False)
    sentences: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        names = ("scores", "sections", "differences", "neighbours", "overlap")
        return {name: getattr(self, name) for name in names}

    def metrics(self) -> dict[str, Any]:
        """Return task -> model -> score, low, high, and overlap -> model -> model, rounded."""
        result: dict[str, Any] = {}
        for row in self.scores.to_dict("records"):
            values = {key: row[key] for key in ("score", "low", "high", "n")}
            result.setdefault(str(row["task"]), {})[str(row["model"])] = values
        shares = self.overlap.to_numpy(dtype=np.float64)
        result["overlap"] = {
            first: {second: shares[i, j] for j, second in enumerate(self.overlap.columns) if j > i}
            for i, first in enumerate(self.overlap.columns[:-1])
        }
        return rounded(result)


def compare(
    models: Mapping[str, Trained],
    evaluation: EvaluationParams,
    params: ComparisonParams,
    *,
    seed: int,
) -> Comparison:
    """Compare `models`, by name, on the sets of `evaluation`; they are left as they were.

    Each task is scored on the items that all models know, and the models are resampled together,
    so that what makes an item hard for all of them cancels out in their differences.
    """
    spaces = {name: space(scores.trainings(model)[0]) for name, model in models.items()}
    return compare_scored(spaces, scores.evaluate_all(models, evaluation, seed=seed), params)


def compare_scored(
    spaces: Mapping[str, Space], found: Mapping[str, Scores], params: ComparisonParams
) -> Comparison:
    """Compare models by their scores, which `scores.evaluate_all` has found, as `compare` does."""
    evaluation = next(iter(found.values())).params
    tasks = scores.tasks(found)
    models = list(spaces)
    words = looked_up(params, next(iter(spaces.values())).vocabulary)
    differences = differences_of(tasks, models, evaluation.confidence)
    return Comparison(
        scores=pd.concat(
            [score_table(task, models, evaluation.confidence) for task in tasks], ignore_index=True
        ),
        sections=_section_table(found),
        differences=differences,
        neighbours=neighbours.table(spaces, words.words, params.neighbours),
        overlap=neighbours.overlap(spaces, params.overlap_words, params.neighbours),
        sentences=(
            *_sentences(tasks, models, differences, found),
            *words.sentences("Words looked up"),
        ),
    )


def looked_up(params: ComparisonParams, vocabulary: Vocabulary) -> StudyWords:
    """Return the words whose neighbours are shown."""
    return study_words(params.words, vocabulary, WORDS)


def _sentences(
    tasks: Sequence[Task],
    models: Sequence[str],
    differences: pd.DataFrame,
    found: Mapping[str, Scores],
) -> list[str]:
    """Return a sentence for each task and the verdict, or one where no task can be scored."""
    if not any(task.n for task in tasks):
        asked = names.listed([names.task(task.name) for task in tasks])
        return [f"Nothing can be scored, as no item's words are all in the vocabulary: {asked}."]
    seeds = {name: scored.trainings for name, scored in found.items()}
    return [*(sentence(task, models, differences) for task in tasks), verdict(differences, seeds)]


def score_table(task: Task, models: Sequence[str], confidence: float) -> pd.DataFrame:
    """Return the scores of a task, one row per model, as `Comparison.scores`."""
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

    Columns as in `Comparison`; the intervals and p-values are those of
    `statistics.margins_together`, one family over all pairs of models and all tasks.
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


def sentence(task: Task, models: Sequence[str], differences: pd.DataFrame) -> str:
    """Return which model leads a task, above which others its lead is shown, and by how much."""
    name = names.task(task.name)
    if task.n == 0 or not np.isfinite(task.scores).any():
        return f"{name}: none of its {task.total:,} items can be scored."
    best = int(np.nanargmax(task.scores))
    said = [
        f"{name}, over {task.n:,} of {task.total:,} items: {names.model(models[best])} has the "
        f"highest score, {task.scores[best]:.3f}."
    ]
    own = differences[(differences["task"] == task.name) & (differences["first"] == models[best])]
    said += [
        f"It is above {names.model(row['second'])} by {row['difference']:.3f} "
        f"[{row['low']:.3f}, {row['high']:.3f}]."
        for row in own[own["distinct"]].to_dict("records")
    ]
    unclear = [names.model(other) for other in own.loc[~own["distinct"], "second"]]
    if unclear:
        said.append(f"It is not shown to be above {names.listed(unclear)}.")
    return " ".join(said)


def verdict(differences: pd.DataFrame, seeds: Mapping[str, int]) -> str:
    """Return which models are better than which others at what, as far as the intervals show.

    seeds: how many trainings each model has.
    """
    if differences["difference"].isna().all():
        return "Nothing could be scored, so no model is to be preferred."
    shown = differences[differences["distinct"]]
    parts = []
    for better, own in shown.groupby("first", sort=False):
        worse = [
            f"{names.model(str(other))} at {names.listed([names.task(task) for task in tasks])}"
            for other, tasks in own.groupby("second")["task"]
        ]
        parts.append(f"{names.model(str(better))} over {'; '.join(worse)}")
    preferred = ". ".join(parts) if parts else "none over any other"
    return (
        f"To be preferred on this text: {preferred}. The intervals show no other difference. They "
        f"hold together for all pairs of models and all tasks, and draw {drawn(seeds)}."
    )


def drawn(seeds: Mapping[str, int]) -> str:
    """Return what the intervals of models with so many trainings each draw."""
    once = [names.model(model) for model, count in seeds.items() if count == 1]
    if len(once) == len(seeds):
        return "words and questions, not the seed: each model is trained once"
    several = sorted({count for count in seeds.values() if count > 1})
    text = f"words, questions and seeds ({' or '.join(map(str, several))} trainings per model)"
    return f"{text}, but no seed of {names.listed(once)}, trained once" if once else text
