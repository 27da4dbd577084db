"""The study of gradients over long sequences.

Where they vanish or explode; what clipping, initialisation and truncation change; and over how long
a delay two tasks are learnt whose answer is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.params.gradients import GradientStudyParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.tasks import baseline
from wordlab.studies import gradient_jobs as jobs
from wordlab.studies import gradient_sentences as sentences
from wordlab.studies.gradient_lags import Texts
from wordlab.studies.jobs import Measurements, Outcome, TrialLogger

_TABLES = ("rows",)


@dataclass(frozen=True, eq=False)
class GradientStudy:
    """What was measured.

    lags: columns cell, weights (trained, or how fresh ones were initialised), part (state, hidden,
    memory), length, lag, norm, low, high: median and middle half over sequences, relative to the
    whole state's at lag 0. trainings: a row for each cell, initialisation and clipping. steps:
    these, epoch, step, parameter, norm before clipping. truncations: a row for each cell and
    length. tasks: a row for each task, cell, initialisation and delay, with the baseline.
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
    if len(texts.valid) <= max(params.lengths):
        raise UserError(
            f"gradient_study.lengths: a sequence of {max(params.lengths)} symbols needs more "
            f"validation text than {len(texts.valid)} symbols; expected shorter sequences"
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
    truncations, learning = _table(found, jobs.Truncation), _table(found, jobs.Learning)
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
        truncations=truncations,
        tasks=learning,
        numbers={
            "reach": reach,
            "training": _nested(trainings, ["cell", "initialisation", "clipping"]),
            "truncation": _nested(truncations, ["cell", "length"]),
            "tasks": _nested(learning, ["task", "cell", "initialisation", "delay"]),
        },
        sentences=(
            *sentences.reach(reach, max(params.lengths), params.confidence),
            *sentences.clipping(trainings),
            *sentences.truncation(truncations),
            *sentences.tasks(learning),
        ),
    )


def _jobs(cells: Sequence[Any], params: GradientStudyParams) -> list[Any]:
    """Return all settings of the study, the long ones first."""
    starts = params.initialisations
    return [
        *(jobs.Truncation(cell, length) for length in params.lengths for cell in cells),
        *(
            jobs.Training(cell, start, clipping)
            for cell in cells
            for start in starts
            for clipping in params.training.clipping
        ),
        *(jobs.Lags(cell, weights) for cell in cells for weights in (jobs.TRAINED, *starts)),
        *(
            jobs.Learning(task, cell, start, delay)
            for task in ("adding", "copying")
            for delay in params.tasks.delays
            for start in starts
            for cell in cells
        ),
    ]


def _table(found: Sequence[tuple[Any, Outcome]], kind: type[Any]) -> pd.DataFrame:
    """Return a row of settings and numbers for each job of a kind."""
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
