"""The scores of models, under the same names for all, with intervals over items and seeds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wordlab.artifacts import rounded
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import notice
from wordlab.evaluation import statistics
from wordlab.evaluation.statistics import CrossedResamples, Floats
from wordlab.evaluation.vectors import analogy, by_name, similarity
from wordlab.evaluation.vectors.analogy import AnalogyResult
from wordlab.evaluation.vectors.sets import ANALOGIES, EvaluationSets, read_sets
from wordlab.evaluation.vectors.similarity import (
    Answered,
    DenseSpace,
    SimilarityResult,
    Space,
    lookup_in,
    space,
)
from wordlab.params.embeddings import EvaluationParams
from wordlab.published import packaged
from wordlab.rng import stream

if TYPE_CHECKING:
    import pandas as pd

GROUPS = ("semantic", "syntactic", "total")
ANALOGY = "analogy"
SMALL_COVERAGE = 0.05
"""The share of a set below which its words may not be those that were meant."""
Trained = Vectors | Space | Sequence[Vectors]
"""A model, once trained or several times with different seeds; then all have the same words."""


@dataclass(frozen=True, eq=False)
class Scores:
    """The answers of one model's trainings, and the settings for summarising them.

    similarity: for each set of word pairs a result per training; analogy: the same for each method;
    seed: of the bootstrap; name: of the model.
    """

    similarity: Mapping[str, tuple[SimilarityResult, ...]]
    analogy: Mapping[str, tuple[AnalogyResult, ...]]
    params: EvaluationParams
    seed: int
    name: str = ""

    @property
    def trainings(self) -> int:
        """How many trainings there are."""
        return len(next(iter(self.analogy.values())))

    def metrics(self) -> dict[str, Any]:
        """Return the scores as nested rounded numbers, None for what has no value.

        A score is the mean over `seeds` trainings. For each set of word pairs: `spearman` and
        `pearson` over the `n` of `pairs` whose words are known (`coverage`), `spearman_all`,
        unknown words at cosine 0. For `analogy`: `n` of `questions` and `coverage`, and under each
        method the share of right answers `semantic`, `syntactic` and in `total`, each over the
        known questions, `*_all` with unknown ones wrong, and `sections`. Of `spearman` and `total`
        `low` and `high`, the interval of a bootstrap that draws words, or word pairs, and
        trainings; and `by_seed`, where there are several.
        """
        result: dict[str, Any] = {}
        for name, results in self.similarity.items():
            first = results[0]
            result[name] = {
                "spearman": _mean([one.spearman() for one in results]),
                **self._interval(similarity_task({self.name: self}, name)),
                "spearman_all": _mean([one.spearman(unknown=True) for one in results]),
                "pearson": _mean([one.pearson() for one in results]),
                "n": first.n,
                "pairs": len(first.pairs),
                "coverage": first.coverage,
                "seeds": len(results),
            }
        result["analogy"] = self._analogy_metrics()
        return rounded(result)

    def _analogy_metrics(self) -> dict[str, Any]:
        first = next(iter(self.analogy.values()))[0]
        questions, asked = first.questions, int(first.known.sum())
        metrics: dict[str, Any] = {
            "n": asked,
            "questions": len(questions),
            "coverage": asked / len(questions) if len(questions) else float("nan"),
            "seeds": self.trainings,
        }
        groups = {name: questions.group(name) for name in GROUPS}
        sections = {name: questions.section == i for i, name in enumerate(questions.sections)}
        for method, results in self.analogy.items():
            metrics[method] = {
                **{name: accuracy(results, group) for name, group in groups.items()},
                **self._interval(analogy_task({self.name: self}, method)),
                **{
                    f"{name}_all": accuracy(results, group, unknown=True)
                    for name, group in groups.items()
                },
                "sections": {
                    name: {"accuracy": accuracy(results, own), "n": int(first.known[own].sum())}
                    for name, own in sections.items()
                },
            }
        return metrics

    def _interval(self, task: "Task") -> dict[str, Any]:
        low, high = task.interval(0, self.params.confidence)
        by_seed = {"by_seed": task.by_seed[0].tolist()} if self.trainings > 1 else {}
        return {"low": low, "high": high, **by_seed}


FEWEST = 30
"""Known items of a set below which its score is in no headline."""


def headline(metrics: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return the few scores that runs are compared by at a glance, from the metrics of each model.

    Spearman's for each set of word pairs, and the analogies' total by the first method, to four
    digits. None where fewer than `FEWEST` items of a set are known, which say nothing of the model.
    """
    found: dict[str, dict[str, float | None]] = {}
    for model, measure, n, score, _, _ in _every(metrics):
        found.setdefault(model, {})[measure] = score if n >= FEWEST else None
    return rounded(found, digits=4)


def intervals(metrics: Mapping[str, Any]) -> "pd.DataFrame":
    """Return the scores of `headline` with the ends of their intervals, a row for each."""
    import pandas as pd

    columns = ["model", "measure", "n", "score", "low", "high"]
    return pd.DataFrame(_every(rounded(metrics)), columns=columns).drop(columns="n")


def _every(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str, int, Any, Any, Any]]:
    """Yield model, measure, known items, score and interval of every headline score."""
    for model, scores in metrics.items():
        first = next(value for value in scores["analogy"].values() if isinstance(value, Mapping))
        own = {name: (scores[name], "spearman") for name in scores if name != "analogy"}
        for name, (score, value) in {**own, ANALOGIES: (first, "total")}.items():
            n = scores[ANALOGY if name == ANALOGIES else name]["n"]
            yield model, name, n, score[value], score["low"], score["high"]


@dataclass(frozen=True, eq=False)
class Task:
    """One thing that models are scored on: a set of word pairs, or a method for analogies.

    n: the items whose words all models know, of `total`; by_seed: for each model the score of each
    of its trainings on these items, float64 (S,); draws: for each model the mean over trainings in
    bootstrap resamples, float64 (models, 3, R), as `statistics.combined` takes them or sums of
    them. All models share the resamples of items; each has its trainings drawn. least: the lowest
    score that there is; the highest is 1.
    """

    name: str
    n: int
    total: int
    by_seed: tuple[Floats, ...] = field(repr=False)
    draws: Floats = field(repr=False)
    least: float = -1.0

    def interval(self, model: int, confidence: float) -> tuple[float, float]:
        """Return the interval of a model's score, NaN where there is none or too few items."""
        if self.n < statistics.FEWEST:
            return float("nan"), float("nan")
        draws = np.clip(statistics.combined(self.draws[model]), self.least, 1)
        return statistics.interval(draws, confidence)

    @property
    def scores(self) -> Floats:
        """The mean over trainings of each model, float64 (models,)."""
        return np.array([values.mean() for values in self.by_seed])


def tasks(found: Mapping[str, Scores]) -> list[Task]:
    """Return what the models of `found` are scored on, over the items that all of them know."""
    first = next(iter(found.values()))
    return [
        *(similarity_task(found, name) for name in first.similarity),
        *(analogy_task(found, method) for method in first.analogy),
    ]


def similarity_task(
    found: Mapping[str, Scores], name: str, among: NDArray[np.bool_] | None = None
) -> Task:
    """Return the task of the word pairs `name`; among: bool (n,), which of them count."""
    answers = {model: scored.similarity[name] for model, scored in found.items()}
    return task(found, answers, name, name, among)


def analogy_task(
    found: Mapping[str, Scores], method: str, among: NDArray[np.bool_] | None = None
) -> Task:
    """Return the task of the analogies answered by `method`; among: bool (n,), which count."""
    answers = {model: scored.analogy[method] for model, scored in found.items()}
    return task(found, answers, f"{ANALOGY} {method}", ANALOGY, among)


def task(
    found: Mapping[str, Scores],
    answers: Mapping[str, Sequence[Answered]],
    name: str,
    items: str,
    among: NDArray[np.bool_] | None = None,
) -> Task:
    """Return the task `name`, whose resamples are those of `items`; answers: of each training."""
    shared, one = next(iter(found.values())), next(iter(answers.values()))[0]
    known = np.logical_and.reduce([results[0].known for results in answers.values()])
    if among is not None:
        known = known & among
    crossed = _crossed(one.items, known.tobytes(), shared.params.resamples, shared.seed, items)
    draws = [
        statistics.over_seeds(
            np.array([result.resampled(known, crossed) for result in results]),
            stream(found[model].seed, "bootstrap", "seeds", found[model].name),
        )
        for model, results in answers.items()
    ]
    by_seed = tuple(np.array([one.score(known) for one in results]) for results in answers.values())
    return Task(name, int(known.sum()), len(known), by_seed, np.array(draws), one.least)


@lru_cache(maxsize=4)  # models that know the same items, one after another, share them
def _crossed(
    items: similarity.Items, known: bytes, resamples: int, seed: int, name: str
) -> CrossedResamples:
    """Return resamples of the `items` of which `known` holds a bool each."""
    among = np.frombuffer(known, bool)
    first, second = items.parts()
    random = stream(seed, "bootstrap", name)
    return CrossedResamples.draw(first[among], second[among], resamples, random)


def evaluate(
    model: Trained,
    params: EvaluationParams,
    *,
    seed: int,
    sets: EvaluationSets | None = None,
    name: str = "",
) -> Scores:
    """Return the scores of `model`, which is left as it was.

    seed: of the bootstrap; sets: those of `params` if they have been read already.
    """
    sets = sets or read_sets(params)
    spaces = [space(one) for one in trainings(model)]
    case, limit = params.ignore_case, params.analogies.restrict_vocabulary
    found = Scores(
        similarity={
            pairs.name: tuple(similarity.score(one, pairs, ignore_case=case) for one in spaces)
            for pairs in sets.pairs
        },
        analogy={
            method: tuple(
                analogy.score(
                    one, sets.questions, method, ignore_case=case, restrict_vocabulary=limit
                )
                for one in spaces
            )
            for method in params.analogies.methods
        },
        params=params,
        seed=seed,
        name=name,
    )
    for label, (first, *_) in found.similarity.items():
        _say_coverage(f"{label}: of {len(first.pairs):,} pairs", first, spaces[0], case, None)
    answered = next(iter(found.analogy.values()))[0]
    label = f"analogies: of {len(answered.questions):,} questions"
    _say_coverage(label, answered, spaces[0], case, limit)
    return found


def _say_coverage(
    label: str,
    result: SimilarityResult | AnalogyResult,
    space: Space,
    ignore_case: bool,
    size: int | None,
) -> None:
    """Say so where hardly any item of a set has all its words in the vocabulary."""
    if result.known.sum() >= SMALL_COVERAGE * len(result.known):
        return
    lookup = lookup_in(space.vocabulary, ignore_case=ignore_case, size=size)
    words = dict.fromkeys(word for item in result.items.words for word in item)
    unknown = [word for word in words if lookup.row(word) is None]
    notice(
        f"{label}, {result.known.sum():,} have words that are all known; unknown are, for example, "
        f"{' and '.join(map(repr, unknown[:2]))}"
    )


def evaluate_all(
    models: Mapping[str, Trained], params: EvaluationParams, *, seed: int
) -> dict[str, Scores]:
    """Return the scores of several models, by name, as `evaluate` does, the sets read once."""
    sets = read_sets(params)
    return {
        name: evaluate(model, params, seed=seed, sets=sets, name=name)
        for name, model in models.items()
    }


def trainings(model: Trained) -> Sequence[Vectors | Space]:
    """Return the trainings of a model, one or several."""
    return model if isinstance(model, Sequence) else [model]


def accuracy(
    results: Sequence[AnalogyResult], among: NDArray[np.bool_], *, unknown: bool = False
) -> float:
    """Return the mean over trainings of the share of right answers, as `AnalogyResult.accuracy`."""
    return _mean([result.accuracy(among, unknown=unknown) for result in results])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def by_first_method(params: EvaluationParams) -> EvaluationParams:
    """Return the same with the first method of analogies alone, the one that is quoted."""
    quoted = params.analogies.model_copy(update={"methods": params.analogies.methods[:1]})
    return params.model_copy(update={"analogies": quoted})


def scorer() -> Callable[[Vectors], dict[str, float]]:
    """Return a function from vectors to `wordsim353`, Spearman's, and `analogy`, 3CosAdd's share.

    Over the pairs and questions whose words are known, upper and lower case alike; NaN where
    none is. Raises UserError if gensim, which brings both sets, is not installed.
    """
    pairs = similarity.read_pairs(packaged("wordsim353"), "wordsim353")
    questions = analogy.read_questions(packaged(by_name.GOOGLE))

    def score(vectors: Vectors) -> dict[str, float]:
        space = DenseSpace(vectors)
        answered = analogy.score(space, questions, "3cosadd", ignore_case=True)
        return {
            "wordsim353": similarity.score(space, pairs, ignore_case=True).spearman(),
            "analogy": answered.accuracy(questions.group("total")),
        }

    return score
