"""What the trials of a sweep of word vectors are judged by."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation import analogy, scores, similarity
from wordlab.evaluation.scores import EvaluationSets
from wordlab.evaluation.spaces import DenseSpace
from wordlab.params.evaluation import EvaluationParams
from wordlab.sweeps.summary import Goal
from wordlab.sweeps.trials import Metrics, Objective, TrialLogger


def measure(vectors: Vectors, params: EvaluationParams, sets: EvaluationSets) -> dict[str, float]:
    """Return the scores that a trial is judged by, NaN for what cannot be scored.

    `analogy_semantic`, `analogy_syntactic` and `analogy_total`: shares of right answers among
    the known questions, by the first method of `params`; by the name of each set of pairs:
    Spearman's correlation.
    """
    space, case = DenseSpace(vectors), params.ignore_case
    answered = analogy.score(
        space,
        sets.questions,
        params.analogies.methods[0],
        ignore_case=case,
        restrict_vocabulary=params.analogies.restrict_vocabulary,
    )
    result = {
        f"analogy_{group}": answered.accuracy(sets.questions.group(group))
        for group in scores.GROUPS
    }
    for pairs in sets.pairs:
        result[pairs.name] = similarity.score(space, pairs, ignore_case=case).spearman()
    return {name: round(value, 6) for name, value in result.items()}


def goals(trials: pd.DataFrame, sets: EvaluationSets) -> dict[str, Goal]:
    """Return which way each score of a table of trials is better, analogies first."""
    analogies = [name for name in trials.columns if name.startswith("analogy_")]
    return dict.fromkeys((*analogies, *(pairs.name for pairs in sets.pairs)), "higher")


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
