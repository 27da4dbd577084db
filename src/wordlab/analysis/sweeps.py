"""What a sweep of word vectors, or of recurrent language models, shows."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from scipy import special

from wordlab.analysis import forest, variance
from wordlab.analysis.grid import Grid
from wordlab.analysis.variance import Goal, about, differences, summarise
from wordlab.artifacts import Result
from wordlab.evaluation.statistics import Floats
from wordlab.evaluation.vectors import scores
from wordlab.evaluation.vectors.answers import ANSWERS, unpacked
from wordlab.evaluation.vectors.scores import ANALOGY, Scores
from wordlab.evaluation.vectors.sets import EvaluationSets
from wordlab.params.embeddings import EvaluationParams
from wordlab.params.sweeps import GridSweepParams, RecurrentSweepParams


def analyse_vectors(
    trials: pd.DataFrame,
    params: GridSweepParams,
    evaluation: EvaluationParams,
    sets: EvaluationSets,
    *,
    seed: int,
) -> Result:
    """Return the tables of `variance.summarise`, of all scores, analogies first, and its metrics.

    trials: one row per training, with what `answers.measure` returned of it.
    """
    draws = resampled(trials, list(params.grid), evaluation, sets, seed=seed)
    goals = dict.fromkeys(draws, cast(Any, "higher"))
    tables = summarise(trials, list(params.grid), goals, params.confidence, draws=draws)
    return Result(tables, variance.metrics(tables))


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
    params = scores.by_first_method(params)
    (method,) = params.analogies.methods
    groups = trials.groupby(["model", *settings], sort=False, dropna=False)[ANSWERS]
    found = {}
    for number, (_, own) in enumerate(groups):
        by_training = [unpacked(answers, sets) for answers in own]
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


SCORE = "valid_loss"
TEXTS = ("text_perplexity", "text_coherence")
"""What text drawn from a model is compared with real text by."""


def analyse_language(
    trials: pd.DataFrame, known: pd.DataFrame, params: RecurrentSweepParams, *, seed: int
) -> Result:
    """Return what the `trials` of a sweep show.

    trials: one row per training: model, settings, fold (if several), budget (if the sweep prunes),
    seed and what was measured; known: the losses of n-gram models of each fold's text.

    The tables of `variance.summarise`, and of a forest of each model's trials (`forest.analyse`);
    `beaten`: one row per model, how many trainings beat which n-gram model, the mean losses of
    these, and learns, whether the trainings of a full grid beat the unigram model beyond the noise;
    `truncation`: the effects of bptt_length on what the models that learn have measured besides
    their loss; `drawn_texts`: the mean score of text drawn from the best settings. Where the sweep
    prunes, the best is of the trials with all of the budget, what settings do of those with the
    least: its own losses did not choose these. Metrics: those of `variance.metrics`, and `beaten`.
    """
    settings, grid = list(params.space), params.search == "grid"
    full = trials[trials["budget"] == 1] if params.pruning != "none" else trials
    goals: dict[str, Goal] = {SCORE: "lower"}
    exact = grid and params.pruning == "none"
    tables = summarise(full, settings, goals, params.confidence, full_grid=exact)
    # those that can be compared: on the least budget where a sweep prunes
    least = trials["budget"].min() if "budget" in trials else None
    first = trials if least is None else trials[trials["budget"] == least]
    if grid and not exact:
        tables = {**summarise(first, settings, goals, params.confidence), "best": tables["best"]}
    beaten = _beaten(full, known)
    models = dict(iter(first.groupby("model", sort=False)))
    if grid:
        learning = [learns(part, known, settings, params.confidence) for part in models.values()]
        beaten = beaten.assign(learns=learning)
        if "bptt_length" in settings:
            enough = first[first["model"].isin(beaten.loc[beaten["learns"], "model"])]
            tables["truncation"] = truncation(enough, params)
    options: dict[str, Any] = {
        "trees": params.trees, "confidence": params.confidence, "seed": seed
    }  # fmt: skip
    of_forests: dict[str, list[pd.DataFrame]] = {}
    for model, part in models.items():
        for name, own in forest.analyse(part, params.space, SCORE, "lower", **options).items():
            of_forests.setdefault(name, []).append(about(own, model=str(model), score=SCORE))
    tables |= {name: pd.concat(own, ignore_index=True) for name, own in of_forests.items()}
    tables["beaten"] = beaten
    tables["drawn_texts"] = _drawn_texts(full, tables["best"], settings, params.confidence)
    metrics = variance.metrics(tables)
    counts = beaten.drop(columns="learns", errors="ignore").set_index("model").astype(object)
    for cell, numbers in counts.to_dict("index").items():
        metrics[str(cell)]["baselines"] = numbers
    return Result(tables, metrics)


def learns(
    part: pd.DataFrame, known: pd.DataFrame, settings: Sequence[str], confidence: float
) -> bool:
    """Return whether the trainings of one model, a full grid, beat the unigram beyond the noise.

    The mean of each combination is below it by more than its margin, all intervals together. Each
    fold has its own unigram; what a fold adds beyond that to all combinations alike is noise of
    their means. False where the noise is unknown.
    """
    excess = part.assign(excess=_excess(part, known, "unigram_loss"))
    grid = Grid.of(excess, settings, "excess")
    margins = grid.margins(np.eye(grid.means.size), confidence)
    return bool((grid.means.ravel() + margins < 0).all())


def _excess(trials: pd.DataFrame, known: pd.DataFrame, column: str) -> pd.Series:
    """Return by how much the loss of each trial is above an n-gram model's of its fold."""
    fold = trials["fold"] if "fold" in trials else pd.Series(1, index=trials.index)
    return trials[SCORE] - fold.fillna(1).map(known.set_index("fold")[column])


def _beaten(trials: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": model,
            "trainings": len(part),
            "beat_unigram": int((_excess(part, known, "unigram_loss") < 0).sum()),
            "beat_kneser_ney": int((_excess(part, known, "kneser_ney_loss") < 0).sum()),
            "unigram_loss": float(known["unigram_loss"].mean()),
            "kneser_ney_loss": float(known["kneser_ney_loss"].mean()),
        }
        for model, part in trials.groupby("model", sort=False)
    )


def truncation(trials: pd.DataFrame, params: RecurrentSweepParams) -> pd.DataFrame:
    """Return how bptt_length moves the stability of trainings and the use of distant context.

    Columns model, measure, and those of `variance.differences`, NaN where the noise is unknown. The
    measures: clip_rate, loss_variance, diverged (where any training did), and context_gain: by how
    many nats per symbol the loss is higher when other text replaces what precedes the last few
    symbols. A measure that a training lacks is left out.
    """
    measures = ["clip_rate", "loss_variance", "diverged"]
    if params.contexts:
        least = trials[f"context_{min(params.contexts)}_loss"]
        trials = trials.assign(context_gain=least - trials["context_loss"])
        measures.append("context_gain")
    parts = [pd.DataFrame(columns=["model", "measure", "setting"])]
    for model, part in trials.groupby("model", sort=False):
        for measure in measures:
            never = measure == "diverged" and not part[measure].any()
            if never or not np.isfinite(part[measure]).all():
                continue
            grid = Grid.of(part, list(params.space), measure)
            found = pd.DataFrame([{"setting": "bptt_length"}])
            if grid.noise_known:
                found = differences(grid, params.confidence).query("setting == 'bptt_length'")
            parts.append(about(found, model=str(model), measure=measure))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def _drawn_texts(
    trials: pd.DataFrame, best: pd.DataFrame, settings: Sequence[str], confidence: float
) -> pd.DataFrame:
    """Return the scores of text drawn from the best settings: model, measure, mean, low, high."""
    rows = []
    for row in best.to_dict("records"):
        chosen = trials["model"] == row["model"]
        for name in settings:
            chosen &= (trials[name] == row[name]) | (trials[name].isna() & pd.isna(row[name]))
        own = trials[chosen]
        if own["text_perplexity"].isna().any():
            continue
        for measure in TEXTS:
            rows.append((row["model"], measure, *interval(own[measure], confidence)))
    return pd.DataFrame(rows, columns=["model", "measure", "mean", "low", "high"])


def interval(values: pd.Series, confidence: float) -> tuple[float, float, float]:
    """Return the mean of `values` and its interval by Student's t, NaN for fewer than three.

    Of values that are all above 0 it is the geometric mean, and the interval that of the logarithm.
    Two show too little of how they vary: t of one degree of freedom is 12.7 at 95 %.
    """
    positive, count = bool((values > 0).all()), len(values)
    scaled = np.log(values) if positive else values
    mean, margin = float(scaled.mean()), float("nan")
    if count > 2:
        quantile = float(special.stdtrit(count - 1, (1 + confidence) / 2))
        margin = quantile * float(scaled.std(ddof=1)) / float(np.sqrt(count))
    ends = (mean, mean - margin, mean + margin)
    mean, low, high = (float(np.exp(end)) if positive else end for end in ends)
    return mean, low, high
