"""What a sweep of word vectors shows, by the noise of the seed and of the items together."""

from collections.abc import Sequence
from typing import Any, cast

import pandas as pd

from wordlab.analysis.summary import metrics, summarise
from wordlab.artifacts import Result
from wordlab.evaluation import scores
from wordlab.evaluation.scores import ANALOGY, ANSWERS, EvaluationSets, Scores
from wordlab.evaluation.statistics import Floats
from wordlab.params.embeddings import EvaluationParams
from wordlab.params.sweeps import GridSweepParams


def analyse(
    trials: pd.DataFrame,
    params: GridSweepParams,
    evaluation: EvaluationParams,
    sets: EvaluationSets,
    *,
    seed: int,
) -> Result:
    """Return the tables of `summary.summarise`, of all scores, analogies first, and its metrics.

    trials: one row per training, with what `scores.measure` returned of it.
    """
    draws = resampled(trials, list(params.grid), evaluation, sets, seed=seed)
    goals = dict.fromkeys(draws, cast(Any, "higher"))
    tables = summarise(trials, list(params.grid), goals, params.confidence, draws=draws)
    return Result(tables, metrics(tables))


def resampled(
    trials: pd.DataFrame,
    settings: Sequence[str],
    params: EvaluationParams,
    sets: EvaluationSets,
    *,
    seed: int,
) -> dict[str, Floats]:
    """Return each score of each trial's combination in resamples of items and seeds.

    float64 (trials, 3, B), as `statistics.combined` takes them. The items of all combinations are
    drawn together, as for `scores.Task`, so that pairs of these are compared on the same ones.
    """
    params = params.by_first_method()
    (method,) = params.analogies.methods
    groups = trials.groupby(["model", *settings], sort=False, dropna=False)[ANSWERS]
    found = {}
    for number, (_, own) in enumerate(groups):
        by_training = [scores.unpacked(answers, sets) for answers in own]
        by_name = {name: tuple(one[name] for one in by_training) for name in by_training[0]}
        analogies = {method: by_name.pop(ANALOGY)}
        found[str(number)] = Scores(
            cast(Any, by_name), cast(Any, analogies), params, seed, str(number)
        )
    tasks = {
        f"analogy_{group}": scores.analogy_task(found, method, sets.questions.group(group))
        for group in scores.GROUPS
    }
    tasks |= {pairs.name: scores.similarity_task(found, pairs.name) for pairs in sets.pairs}
    numbers = groups.ngroup().to_numpy()
    return {name: task.draws[numbers] for name, task in tasks.items()}
