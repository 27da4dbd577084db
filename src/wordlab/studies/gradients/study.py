"""The study of gradients over long sequences.

Where they vanish or explode; what clipping, initialisation and truncation change; and over how long
a delay two tasks with known answers are learnt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import product
from typing import Any, get_args

import numpy as np
import pandas as pd

from wordlab.artifacts import Result, nested
from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.evaluation.repeated import change_intervals
from wordlab.params.studies import GradientStudyParams, TruncationParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies.gradients import jobs
from wordlab.studies.gradients.tasks import Task, baseline
from wordlab.trials.runner import Measurements, Outcome, TrialLogger


def study(
    models: Mapping[str, LanguageModel],
    texts: jobs.Texts,
    params: GradientStudyParams,
    *,
    seed: int,
    on_trial: TrialLogger,
    checkpoint: Checkpoint,
) -> Result:
    """Study trained `models`, by cell; the texts are classes of all of them. Tables:

    - lags: cell, weights (trained, or how fresh ones were initialised), part (state, hidden,
      memory), length, lag, norm, low, high: median and middle half over sequences, relative to the
      whole state's at lag 0;
    - trainings: one row per cell, initialisation and clipping; classes, those of a blind guess;
    - steps: these three, epoch, step, parameter, norm before clipping;
    - truncations: one row per cell and length of windows, see `truncations`;
    - tasks: one row per task, cell, initialisation and delay; baseline, what is right by chance.

    Raises UserError if the models differ in their vocabulary, or if a split is shorter than the
    longest sequences or an update.
    """
    _check(models, texts, params)
    shared = jobs.Shared(models, texts, params, seed)
    wanted = _jobs(list(models), params)
    measured = Measurements(jobs.measure, shared, title="gradients", checkpoint=checkpoint)
    found = list(zip(wanted, measured.of(wanted), strict=True))
    reach: dict[str, Any] = {}
    for job, outcome in found:
        own = asdict(job)
        name = " ".join(["gradients", type(job).__name__.lower(), *map(str, own.values())])
        on_trial(name, own, {**_numbers(outcome), **outcome.tracked})
        if isinstance(job, jobs.Lags):
            reach.setdefault(job.cell, {})[job.weights] = outcome.numbers["reach"]
    trainings = _table(found, jobs.Training)
    unigram = _unigram(models, texts, params.truncation)
    windows = truncations(_table(found, jobs.Truncation), unigram, params.confidence)
    learning = _table(found, jobs.Learning)
    learning["baseline"] = [baseline(task, params.tasks.symbols) for task in learning["task"]]
    tables = {
        "lags": _table(found, jobs.Lags, rows=True),
        "trainings": trainings.assign(classes=next(iter(models.values())).classes),
        "steps": _table(found, jobs.Training, rows=True),
        "truncations": windows,
        "tasks": learning,
    }
    metrics = {
        "reach": reach,
        "training": nested(trainings, ["cell", "initialisation", "clipping"]),
        "truncation": nested(windows, ["cell", "length"]),
        "tasks": nested(learning, ["task", "cell", "initialisation", "delay"]),
    }
    return Result(tables, metrics)


def _check(
    models: Mapping[str, LanguageModel], texts: jobs.Texts, params: GradientStudyParams
) -> None:
    """Raise UserError where the models or the texts are not what the study needs."""
    if len({model.vocabulary.words for model in models.values()}) > 1:
        raise UserError(
            "models: the study of gradients needs models of the same words; expected rnn, lstm and "
            "gru to be trained on the same text"
        )
    longest = {"lengths": max(params.lengths), "truncation.lengths": max(params.truncation.lengths)}
    for name, length in longest.items():
        if len(texts.valid) <= length:
            raise UserError(
                f"gradient_study.{name}: a sequence of {length} symbols needs more "
                f"validation text than {len(texts.valid)} symbols; expected shorter sequences"
            )
    if not jobs.learnt(params.truncation, len(texts.train)):
        raise UserError(
            "gradient_study.truncation.window_tokens: an update of "
            f"{params.truncation.window_tokens} tokens needs more training text than "
            f"{len(texts.train)} symbols; expected fewer"
        )


def _unigram(
    models: Mapping[str, LanguageModel], texts: jobs.Texts, params: TruncationParams
) -> float:
    """Return the loss of word frequencies of the text that the trainings of windows learn."""
    known = next(iter(models.values())).vocabulary
    text = texts.train[: jobs.learnt(params, len(texts.train)) + 1]
    counts = KneserNey.fit(text, order=1, classes=known.classes, end=known.end)
    return float(counts.losses(texts.scored(params.valid_tokens)).mean())


def truncations(measured: pd.DataFrame, unigram: float, confidence: float) -> pd.DataFrame:
    """Return one row per cell and window length: what it costs, and how its trainings end.

    measured: columns cell, length, agreement, kept_mib, multiply_adds, steps_in_a_row, losses (one
    per seed), updates, streams.
    unigram: the loss of a unigram model, as a column. valid_loss: the mean of the losses in nats
    per token; change: how much higher it is than with the longest window, a mean over
    seeds with its t interval, change_low to change_high. comparisons: the number of these
    intervals, which hold all at once with `confidence` (Bonferroni).
    """
    longest = measured["length"].max()
    comparisons = int((measured["length"] < longest).sum())
    parts = []
    for _, part in measured.groupby("cell", sort=False):
        losses = np.array(part["losses"].to_list())  # (lengths, seeds)
        reference = part["length"].to_list().index(longest)
        changes = change_intervals(losses, reference, confidence, comparisons)
        names = ["change", "change_low", "change_high"]
        parts.append(
            part.drop(columns="losses").assign(
                valid_loss=losses.mean(axis=1),
                **dict(zip(names, changes.T, strict=True)),
                comparisons=comparisons,
                unigram=unigram,
            )
        )
    return pd.concat(parts, ignore_index=True)


def _jobs(cells: Sequence[Any], params: GradientStudyParams) -> list[Any]:
    """Return all settings of the study, the long ones first."""
    starts, lengths, tasks = params.initialisations, params.truncation.lengths, params.tasks
    return [
        *(jobs.Truncation(cell, length) for length, cell in product(lengths, cells)),
        *(jobs.Training(*setting) for setting in product(cells, starts, jobs.WAYS)),
        *(jobs.Lags(*setting) for setting in product(cells, (jobs.TRAINED, *starts))),
        *(
            jobs.Learning(task, cell, start, delay)
            for task, delay, start, cell in product(
                get_args(Task), tasks.delays, tasks.initialisations, cells
            )
        ),
    ]


def _numbers(outcome: Outcome) -> dict[str, Any]:
    return {key: value for key, value in outcome.numbers.items() if key != "rows"}


def _table(
    found: Sequence[tuple[Any, Outcome]], kind: type[Any], *, rows: bool = False
) -> pd.DataFrame:
    """Return the numbers of each job of a kind as a row, or all its `rows`, settings in front."""
    return pd.DataFrame(
        {**asdict(job), **own}
        for job, outcome in found
        if isinstance(job, kind)
        for own in (outcome.numbers["rows"] if rows else [_numbers(outcome)])
    )
