"""What the trials of a sweep of word vectors are judged by."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation import scores
from wordlab.evaluation.analogy import AnalogyResult
from wordlab.evaluation.scores import EvaluationSets, Scores
from wordlab.evaluation.similarity import SimilarityResult
from wordlab.evaluation.statistics import Floats
from wordlab.params.evaluation import EvaluationParams
from wordlab.params.sweeps import GridSweepParams
from wordlab.sweeps.summary import Goal, SweepResult, summarise
from wordlab.sweeps.trials import ANSWERS, Metrics, Objective, TrialLogger

ANALOGY = "analogy"
HIGHER: Goal = "higher"


def measure(vectors: Vectors, params: EvaluationParams, sets: EvaluationSets) -> dict[str, Any]:
    """Return the scores that a trial is judged by, NaN for what cannot be scored, and its answers.

    `analogy_semantic`, `analogy_syntactic` and `analogy_total`: shares of right answers among
    the known questions, by the first method of `params`; by the name of each set of pairs:
    Spearman's correlation. `answers`: by set, which items are known, and the cosines of these, or
    which are answered rightly, each as text.
    """
    scored = scores.evaluate(vectors, params.by_first_method(), seed=0, sets=sets)
    ((answered,),) = scored.analogy.values()
    result = {
        f"analogy_{group}": answered.accuracy(sets.questions.group(group))
        for group in scores.GROUPS
    }
    answers = {ANALOGY: [_bits(answered.known), _bits(answered.correct)]}
    for name, (found,) in scored.similarity.items():
        result[name] = found.spearman()
        cosines = found.cosines[found.known].astype("<f4")
        answers[name] = [_bits(found.known), base64.b64encode(cosines.tobytes()).decode()]
    return {**{name: round(value, 6) for name, value in result.items()}, ANSWERS: answers}


def resampled(
    trials: pd.DataFrame,
    settings: Sequence[str],
    params: EvaluationParams,
    sets: EvaluationSets,
    *,
    seed: int,
) -> dict[str, Floats]:
    """Return each score of each trial's combination in resamples of items and seeds.

    float64 (trials, 3, B), as `statistics.combined` takes them. trials: with the column `answers`,
    which `measure` made. The items of all are drawn together, as for `scores.Task`, and so pairs of
    combinations are compared on the same ones.
    """
    params = params.by_first_method()
    method = params.analogies.methods[0]
    groups = trials.groupby(["model", *settings], sort=False, dropna=False)[ANSWERS]
    found = {
        str(number): _scores([_answers(answers, sets) for answers in own], params, seed, number)
        for number, (_, own) in enumerate(groups)
    }
    tasks = {
        f"analogy_{group}": scores.analogy_task(found, method, sets.questions.group(group))
        for group in scores.GROUPS
    }
    tasks |= {pairs.name: scores.similarity_task(found, pairs.name) for pairs in sets.pairs}
    numbers = groups.ngroup().to_numpy()
    return {name: task.draws[numbers] for name, task in tasks.items()}


def _scores(
    answers: Sequence[Mapping[str, SimilarityResult | AnalogyResult]],
    params: EvaluationParams,
    seed: int,
    number: int,
) -> Scores:
    """Return the scores of one combination from the answers of each of its trainings."""
    by_name = {name: tuple(one[name] for one in answers) for name in answers[0]}
    analogies = {params.analogies.methods[0]: by_name.pop(ANALOGY)}
    return Scores(cast(Any, by_name), cast(Any, analogies), params, seed, str(number))


def _answers(
    kept: Mapping[str, Sequence[str]], sets: EvaluationSets
) -> dict[str, SimilarityResult | AnalogyResult]:
    """Return the results that `measure` made `answers` of; which word was answered is not kept."""
    known, correct = (_flags(text, len(sets.questions)) for text in kept[ANALOGY])
    found: dict[str, SimilarityResult | AnalogyResult] = {
        ANALOGY: AnalogyResult(sets.questions, known, (None,) * len(known), correct)
    }
    for pairs in sets.pairs:
        known = _flags(kept[pairs.name][0], len(pairs))
        cosines = np.zeros(len(pairs))
        cosines[known] = np.frombuffer(base64.b64decode(kept[pairs.name][1]), "<f4")
        found[pairs.name] = SimilarityResult(pairs, known, cosines)
    return found


def _bits(flags: NDArray[np.bool_]) -> str:
    return base64.b64encode(np.packbits(flags).tobytes()).decode()


def _flags(text: str, count: int) -> NDArray[np.bool_]:
    packed = np.frombuffer(base64.b64decode(text), np.uint8)
    return np.unpackbits(packed, count=count).astype(bool)


def summarised(
    table: pd.DataFrame,
    params: GridSweepParams,
    evaluation: EvaluationParams,
    sets: EvaluationSets,
    *,
    seed: int,
) -> SweepResult:
    """Return what a sweep found, by intervals over seeds and items together, analogies first.

    table: one row per trial, with what `measure` found.
    """
    settings = list(params.grid)
    draws = resampled(table, settings, evaluation, sets, seed=seed)
    goals = dict.fromkeys(draws, HIGHER)
    return summarise(table.drop(columns=ANSWERS), settings, goals, params.confidence, draws=draws)


def objective(sets: EvaluationSets) -> Objective:
    """Return what tells the best trial while a sweep runs: the first set of pairs, or analogies."""
    return Objective(sets.pairs[0].name if sets.pairs else "analogy_total", "higher")


def as_evaluated(
    on_trial: TrialLogger, params: EvaluationParams, sets: EvaluationSets
) -> TrialLogger:
    """Return `on_trial` with the scores under the names that evaluate_embeddings gives them.

    So the runs of trials, and those of models trained in full, can be compared.
    """
    names = {pairs.name: f"{pairs.name}.spearman" for pairs in sets.pairs}
    for group in scores.GROUPS:
        names[f"analogy_{group}"] = f"analogy.{params.analogies.methods[0]}.{group}"

    def renamed(name: str, settings: Mapping[str, Any], metrics: Metrics) -> None:
        on_trial(name, settings, {names.get(key, key): x for key, x in metrics.items()})

    return renamed
