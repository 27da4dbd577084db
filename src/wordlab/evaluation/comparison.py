"""Models side by side on the same pairs and questions, and what the data allow one to say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.artifacts import rounded
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation import neighbours, scores, statistics
from wordlab.evaluation.scores import Scores
from wordlab.evaluation.spaces import Space, space
from wordlab.evaluation.statistics import CrossedResamples, Floats
from wordlab.params.evaluation import ComparisonParams, EvaluationParams
from wordlab.rng import stream
from wordlab.text.study_words import StudyWords, study_words
from wordlab.text.vocabulary import Vocabulary

WORDS = 6
"""How many words are chosen from the text where nobody named any."""


@dataclass(frozen=True, eq=False)
class Task:
    """One thing that all models are scored on: a set of word pairs, or a method for analogies.

    name: of the task; n: the items whose words all models know, of `total`; draws: the score
    of each model in the same bootstrap resamples of these items, float64 (models, R); scores: on
    the items themselves, float64 (models,); correct: bool (models, n), for analogies.
    """

    name: str
    n: int
    total: int
    scores: Floats = field(repr=False)
    draws: Floats = field(repr=False)
    correct: NDArray[np.bool_] | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several models compared.

    scores: a row a model and task: score, low, high, n, total. sections: a row a model and
    section of the analogies: accuracy, n. differences: a row a task and pair of models: first
    and second (the better before the other), difference, low, high (intervals that hold together
    for all pairs of models and all tasks), distinct (it is above 0, with 10 items or more), p (of
    the same bootstrap, corrected likewise), mcnemar (the p of McNemar's test with Holm's
    correction, for analogies; it takes questions for independent, which those that share a word
    pair are not). neighbours and overlap: as in `neighbours`. sentences: in words.
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
    models: Mapping[str, Vectors | Space],
    evaluation: EvaluationParams,
    params: ComparisonParams,
    *,
    seed: int,
) -> Comparison:
    """Compare `models`, by name, on the sets of `evaluation`; they are left as they were.

    Each task is scored on the items that all models know, and the models are resampled together,
    so that what makes an item hard for all of them cancels out in their differences.
    """
    spaces = {name: space(model) for name, model in models.items()}
    return compare_scored(spaces, scores.evaluate_all(spaces, evaluation, seed=seed), params)


def compare_scored(
    spaces: Mapping[str, Space], found: Mapping[str, Scores], params: ComparisonParams
) -> Comparison:
    """Compare models by their scores, which `scores.evaluate_all` has found, as `compare` does."""
    evaluation = next(iter(found.values())).params
    tasks = [*_similarity_tasks(found), *_analogy_tasks(found)]
    names = list(spaces)
    words = looked_up(params, next(iter(spaces.values())).vocabulary)
    each = 1 - (1 - evaluation.confidence) / len(tasks)  # Bonferroni's correction
    differences = pd.concat(
        [differences_of(task, names, each, tasks=len(tasks)) for task in tasks], ignore_index=True
    )
    return Comparison(
        scores=score_tables(found),
        sections=_section_table(found),
        differences=differences,
        neighbours=neighbours.table(spaces, words.words, params.neighbours),
        overlap=neighbours.overlap(spaces, params.overlap_words, params.neighbours),
        sentences=(*_sentences(tasks, names, differences), *words.sentences("Words looked up")),
    )


def looked_up(params: ComparisonParams, vocabulary: Vocabulary) -> StudyWords:
    """Return the words whose neighbours are shown."""
    return study_words(params.words, vocabulary, WORDS)


def _sentences(tasks: Sequence[Task], models: list[str], differences: pd.DataFrame) -> list[str]:
    """Return a sentence for each task and the verdict, or one where no task can be scored."""
    if not any(task.n for task in tasks):
        names = ", ".join(task.name for task in tasks)
        return [f"Nothing can be scored, as no item's words are all in the vocabulary: {names}."]
    return [*(sentence(task, models, differences) for task in tasks), verdict(differences)]


def score_tables(found: Mapping[str, Scores]) -> pd.DataFrame:
    """Return the scores of models on the items that all of them know, as `Comparison.scores`."""
    confidence = next(iter(found.values())).params.confidence
    tasks = [*_similarity_tasks(found), *_analogy_tasks(found)]
    tables = [_score_table(task, list(found), confidence) for task in tasks]
    return pd.concat(tables, ignore_index=True)


def _similarity_tasks(found: Mapping[str, Scores]) -> list[Task]:
    first = next(iter(found.values()))
    tasks = []
    for name, result in first.similarity.items():
        answers = [model.similarity[name] for model in found.values()]
        known = np.logical_and.reduce([answer.known for answer in answers])
        gold = result.pairs.gold[known]
        counts = statistics.resample(
            int(known.sum()), first.params.resamples, stream(first.seed, "bootstrap", name)
        )
        gold_ranks = statistics.weighted_ranks(gold, counts)
        cosines = [answer.cosines[known] for answer in answers]
        draws = [
            statistics.weighted_pearson(statistics.weighted_ranks(x, counts), gold_ranks, counts)
            for x in cosines
        ]
        points = [statistics.spearman(x, gold) for x in cosines]
        tasks.append(Task(name, int(known.sum()), len(known), np.array(points), np.array(draws)))
    return tasks


def _analogy_tasks(found: Mapping[str, Scores]) -> list[Task]:
    first = next(iter(found.values()))
    tasks = []
    for method, result in first.analogy.items():
        answers = [model.analogy[method] for model in found.values()]
        known = np.logical_and.reduce([answer.known for answer in answers])
        ab, cd = result.questions.pairs()
        random = stream(first.seed, "bootstrap", "analogy")
        resamples = CrossedResamples.draw(ab[known], cd[known], first.params.resamples, random)
        correct = [answer.correct[known] for answer in answers]
        tasks.append(
            Task(
                f"analogy {method}",
                int(known.sum()),
                len(known),
                np.array([right.mean() if len(right) else np.nan for right in correct]),
                np.array([resamples.means(right) for right in correct]),
                np.array(correct),
            )
        )
    return tasks


def _score_table(task: Task, models: list[str], confidence: float) -> pd.DataFrame:
    intervals = [statistics.interval(draws, confidence) for draws in task.draws]
    return pd.DataFrame(
        {
            "model": models,
            "task": task.name,
            "score": task.scores,
            "low": [low for low, _ in intervals],
            "high": [high for _, high in intervals],
            "n": task.n,
            "total": task.total,
        }
    )


def _section_table(found: Mapping[str, Scores]) -> pd.DataFrame:
    """Return accuracy by section, answered by the first method."""
    rows = []
    for model, scored in found.items():
        answered = next(iter(scored.analogy.values()))
        for number, section in enumerate(answered.questions.sections):
            inside = answered.questions.section == number
            rows.append(
                {
                    "model": model,
                    "section": section,
                    "accuracy": answered.accuracy(inside),
                    "n": int((inside & answered.known).sum()),
                }
            )
    return pd.DataFrame(rows, columns=["model", "section", "accuracy", "n"])


def differences_of(
    task: Task, models: list[str], confidence: float, *, tasks: int = 1
) -> pd.DataFrame:
    """Return how much each model exceeds each other one, with intervals that hold together.

    tasks: how many there are in all, by which the p-values are multiplied. An interval is the
    difference plus or minus c standard errors, both from the bootstrap: c is the quantile of the
    largest deviation among all pairs of models, in standard errors, over resamples (the
    single-step max-t of Westfall & Young 1993). Columns as in `Comparison`.
    """
    pairs = list(combinations(range(len(models)), 2))
    usable = np.isfinite(task.draws).all(axis=0)
    draws = task.draws[:, usable]
    left, right = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    difference = task.scores[left] - task.scores[right]
    deviation = draws[left] - draws[right] - difference[:, None]
    errors = deviation.std(axis=1) if usable.any() else np.full(len(pairs), np.nan)
    margin, p = np.full((2, len(pairs)), np.nan)
    if usable.any() and len(pairs):
        scale = np.where(errors > 0, errors, 1)
        largest = (np.abs(deviation) / scale[:, None]).max(axis=0)
        margin = np.quantile(largest, confidence) * errors
        beyond = (largest >= (np.abs(difference) / scale)[:, None]).sum(axis=1)
        p = np.minimum(1, tasks * (1 + beyond) / (1 + len(largest)))
    mcnemar = np.full(len(pairs), np.nan)
    if task.correct is not None:
        tests = [statistics.mcnemar(task.correct[i], task.correct[j]) for i, j in pairs]
        mcnemar = np.minimum(1, tasks * statistics.holm(np.array(tests)))
    swapped = difference < 0
    size = np.abs(difference)
    return pd.DataFrame(
        {
            "task": task.name,
            "first": [models[j if s else i] for (i, j), s in zip(pairs, swapped, strict=True)],
            "second": [models[i if s else j] for (i, j), s in zip(pairs, swapped, strict=True)],
            "difference": size,
            "low": size - margin,
            "high": size + margin,
            "distinct": (size - margin > 0) & (task.n >= statistics.FEWEST),
            "p": p,
            "mcnemar": mcnemar,
        }
    )


def sentence(task: Task, models: list[str], differences: pd.DataFrame) -> str:
    """Return which model leads a task and which others it can be told from."""
    if task.n == 0 or not np.isfinite(task.scores).any():
        return f"{task.name}: none of its {task.total} items can be scored."
    best = int(np.nanargmax(task.scores))
    start = (
        f"{task.name} ({task.n} of {task.total} items): the highest score is {models[best]}'s, "
        f"{task.scores[best]:.3f}"
    )
    own = differences[(differences["task"] == task.name) & (differences["first"] == models[best])]
    told = [_difference(row) for row in own[own["distinct"]].to_dict("records")]
    untold = [_difference(row) for row in own[~own["distinct"]].to_dict("records")]
    parts = [f"above {'; '.join(told)}"] if told else []
    parts += [f"not told apart from {'; '.join(untold)}"] if untold else []
    return f"{start}{', ' if parts else ''}{'; but '.join(parts)}."


def _difference(row: Mapping[Any, Any]) -> str:
    return f"{row['second']} by {row['difference']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def verdict(differences: pd.DataFrame) -> str:
    """Return which models are to be preferred to which others at what, as far as intervals tell."""
    if differences["difference"].isna().all():
        return "Nothing could be scored, so no model is to be preferred."
    told = differences[differences["distinct"]]
    parts = []
    for better, own in told.groupby("first", sort=False):
        worse = [f"{name} at {', '.join(tasks)}" for name, tasks in own.groupby("second")["task"]]
        parts.append(f"{better} over {'; '.join(worse)}")
    preferred = ". ".join(parts) if parts else "none over any other"
    return (
        f"To be preferred on this text: {preferred}. No other difference is carried by the "
        "intervals, which hold together for all pairs of models and all tasks; they are over pairs "
        "and questions of one training each, and the sweeps show what the seed adds."
    )
