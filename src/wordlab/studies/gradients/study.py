"""The study of gradients over long sequences.

Where they vanish or explode; what clipping, initialisation and truncation change; and over how long
a delay two tasks with known answers are learnt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.evaluation.ngrams import KneserNey
from wordlab.evaluation.statistics import change_intervals
from wordlab.params.studies import GradientStudyParams, TruncationParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.report.findings import gradients as sentences
from wordlab.studies.gradients import jobs
from wordlab.studies.gradients.lags import Texts
from wordlab.studies.gradients.tasks import baseline
from wordlab.studies.jobs import Measurements, Outcome, TrialLogger

_TABLES = ("rows",)


@dataclass(frozen=True, eq=False)
class GradientStudy:
    """What was measured.

    lags: columns cell, weights (trained, or how fresh ones were initialised), part (state, hidden,
    memory), length, lag, norm, low, high: median and middle half over sequences, relative to the
    whole state's at lag 0. trainings: one row per cell, initialisation and clipping. steps:
    these, epoch, step, parameter, norm before clipping. truncations: one row per cell and length,
    see `truncations`. tasks: one row per task, cell, initialisation and delay, with the baseline.
    numbers: the same, nested; sentences: in words.
    """

    lags: pd.DataFrame
    trainings: pd.DataFrame
    steps: pd.DataFrame
    truncations: pd.DataFrame
    tasks: pd.DataFrame
    numbers: Mapping[str, Any]
    sentences: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        names = ("lags", "trainings", "steps", "truncations", "tasks")
        return {name: getattr(self, name) for name in names}

    def metrics(self) -> Mapping[str, Any]:
        """Return the numbers, nested."""
        return self.numbers


def study(
    models: Mapping[str, LanguageModel],
    texts: Texts,
    params: GradientStudyParams,
    *,
    seed: int,
    torch_threads: int,
    on_trial: TrialLogger,
    checkpoint: Checkpoint,
) -> GradientStudy:
    """Return the study of trained `models`, by cell; the texts are classes of all of them.

    Raises UserError if the models differ in their vocabulary, or if the validation split is
    shorter than the longest sequences.
    """
    if len({model.vocabulary.words for model in models.values()}) > 1:
        raise UserError(
            "models: the study of gradients needs models of the same words; expected rnn, lstm and "
            "gru to be trained on the same text"
        )
    for name, lengths in (
        ("lengths", params.lengths),
        ("truncation.lengths", params.truncation.lengths),
    ):
        if len(texts.valid) <= max(lengths):
            raise UserError(
                f"gradient_study.{name}: a sequence of {max(lengths)} symbols needs more "
                f"validation text than {len(texts.valid)} symbols; expected shorter sequences"
            )
    windows_of = params.truncation
    if not windows_of.learnt(len(texts.train)):
        raise UserError(
            f"gradient_study.truncation.window_tokens: an update of {windows_of.window_tokens} "
            f"tokens needs more training text than {len(texts.train)} symbols; expected fewer"
        )
    shared = jobs.Shared(models, texts, params, seed, torch_threads)
    wanted = _jobs(list(models), params)
    measured = Measurements(jobs.measure, shared, title="gradients", checkpoint=checkpoint)
    outcomes = measured.of(wanted)
    found: list[tuple[Any, Outcome]] = list(zip(wanted, outcomes, strict=True))
    for job, outcome in found:
        own = asdict(job)
        name = " ".join(["gradients", type(job).__name__.lower(), *map(str, own.values())])
        numbers = {key: value for key, value in outcome.numbers.items() if key not in _TABLES}
        on_trial(name, own, {**numbers, **outcome.tracked})
    windows = truncations(
        _table(found, jobs.Truncation), _unigram(models, texts, windows_of), params.confidence
    )
    learning = _table(found, jobs.Learning)
    trainings = _table(found, jobs.Training)
    learning["baseline"] = [baseline(task, params.tasks.symbols) for task in learning["task"]]
    reach: dict[str, Any] = {}
    for job, outcome in found:
        if isinstance(job, jobs.Lags):
            reach.setdefault(job.cell, {})[job.weights] = outcome.numbers["reach"]
    return GradientStudy(
        lags=_rows(found, jobs.Lags),
        trainings=trainings,
        steps=_rows(found, jobs.Training),
        truncations=windows,
        tasks=learning,
        numbers={
            "reach": reach,
            "training": _nested(trainings, ["cell", "initialisation", "clipping"]),
            "truncation": _nested(windows, ["cell", "length"]),
            "tasks": _nested(learning, ["task", "cell", "initialisation", "delay"]),
        },
        sentences=(
            *sentences.reach(reach, max(params.lengths), params.confidence),
            *sentences.clipping(trainings, next(iter(models.values())).classes),
            *sentences.truncation(windows, params.truncation, params.confidence),
            *sentences.tasks(learning),
        ),
    )


def _unigram(models: Mapping[str, LanguageModel], texts: Texts, params: TruncationParams) -> float:
    """Return the loss of word frequencies of the text that the trainings of windows learn."""
    known = next(iter(models.values())).vocabulary
    counts = KneserNey.fit(
        texts.train[: params.learnt(len(texts.train)) + 1],
        order=1,
        classes=known.classes,
        end=known.end,
    )
    return float(counts.losses(texts.valid[: params.valid_tokens]).mean())


def truncations(measured: pd.DataFrame, unigram: float, confidence: float) -> pd.DataFrame:
    """Return one row per cell and window length: what it costs, and how its trainings end.

    measured: columns cell, length, agreement, kept_mib, losses (one per seed), updates, streams.
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
    starts = params.initialisations
    return [
        *(jobs.Truncation(cell, length) for length in params.truncation.lengths for cell in cells),
        *(
            jobs.Training(cell, start, clipping)
            for cell in cells
            for start in starts
            for clipping in jobs.WAYS
        ),
        *(jobs.Lags(cell, weights) for cell in cells for weights in (jobs.TRAINED, *starts)),
        *(
            jobs.Learning(task, cell, start, delay)
            for task in ("adding", "copying")
            for delay in params.tasks.delays
            for start in params.tasks.initialisations
            for cell in cells
        ),
    ]


def _table(found: Sequence[tuple[Any, Outcome]], kind: type[Any]) -> pd.DataFrame:
    """Return one row of settings and numbers per job of a kind."""
    return pd.DataFrame(
        {**asdict(job), **{k: v for k, v in outcome.numbers.items() if k not in _TABLES}}
        for job, outcome in found
        if isinstance(job, kind)
    )


def _rows(found: Sequence[tuple[Any, Outcome]], kind: type[Any]) -> pd.DataFrame:
    """Return the rows of all jobs of a kind, their settings in front."""
    parts: list[pd.DataFrame] = []
    for job, outcome in found:
        if isinstance(job, kind):
            rows = pd.DataFrame(outcome.numbers["rows"])
            parts.append(pd.concat([pd.DataFrame(asdict(job), index=rows.index), rows], axis=1))
    return pd.concat(parts, ignore_index=True)


def _nested(table: pd.DataFrame, keys: Sequence[str]) -> dict[str, Any]:
    """Return the rows of `table` as metrics nested by `keys`, without what is missing."""
    nested: dict[str, Any] = {}
    for row in table.to_dict("records"):
        place = nested
        for key in keys[:-1]:
            place = place.setdefault(str(row.pop(key)), {})
        last = row.pop(keys[-1])
        name = f"{keys[-1]} {last}" if isinstance(last, int | np.integer) else str(last)
        place[name] = {key: value for key, value in row.items() if not _missing(value)}
    return nested


def _missing(value: Any) -> bool:
    return isinstance(value, float) and np.isnan(value)
