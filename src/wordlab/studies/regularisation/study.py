"""The study of regularisation: what holds a network back that could learn its text by heart.

Every method is scored on the test text; the validation text chooses the epoch of early stopping,
what is combined, and nothing else. Losses on the training text are measured as the others are, with
nothing dropped out; else a dropout's own noise would look like less overfitting.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import rng
from wordlab.artifacts import Result, nested
from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.params.language import LanguageModelParams
from wordlab.params.studies import COMBINATION, RegularisationMethod, RegularisationStudyParams
from wordlab.studies.regularisation.tables import compared, curves, table
from wordlab.studies.regularisation.training import (
    Job,
    Row,
    Runs,
    Setting,
    learn,
    network_of,
    stop,
)
from wordlab.studies.text import Text
from wordlab.trials.runner import Measurements, Outcome, TrialLogger


def study(
    networks: Mapping[str, LanguageModelParams],
    text: Text,
    params: RegularisationStudyParams,
    *,
    orders: Sequence[int],
    seed: int,
    on_trial: TrialLogger,
    checkpoint: Checkpoint,
) -> Result:
    """Study `networks`, by cell, all trained on `text`. Tables:

    - curves: cell, method, seed, epoch, train_perplexity, valid_perplexity, up to where the method
      stops;
    - methods: one row per cell and method, see `table`; test_tokens; the method's own settings;
    - pairs: methods of a cell against one another, see `compared`.

    Beside them are a unigram model of the same text, and Kneser-Ney of the one of `orders` that is
    best on the validation text. Trainings run side by side in processes; a
    training cut off is lost, those that ended are kept by the `checkpoint`. The last method is the
    `combination` of those that helped a cell. Raises UserError if a split is too short.
    """
    if len(text.train_ids) <= params.batch_size:
        raise UserError(
            f"regularisation_study.batch_size: {params.batch_size} streams need more text than "
            f"{len(text.train_ids)} tokens; expected a smaller batch"
        )
    for split, ids in (("valid", text.valid_ids), ("test", text.test.ids)):
        if not len(ids):
            raise UserError(
                f"preprocess.splits.{split}: the study of regularisation needs text to score, got "
                "none"
            )
    unigram, best = _counted(text, orders)
    baselines = {
        "unigram": float(unigram.mean()),
        "kneser_ney": float(best.losses(text.test.ids).mean()),
        "order": best.order,
    }
    measurements = Measurements(learn, text, title="regularisation", checkpoint=checkpoint)
    given = networks, params, seed, measurements
    methods = {(cell, name): own for cell in networks for name, own in params.methods.items()}
    runs = _runs(methods, *given)
    combined = {(cell, COMBINATION): combination(cell, runs, params.methods) for cell in networks}
    runs |= _runs(combined, *given)
    methods |= combined
    runs = {key: runs[key] for cell in networks for key in runs if key[0] == cell}
    for (cell, name), group in runs.items():
        for repetition, run in enumerate(group, start=1):
            own = {"cell": cell, "method": name, "seed": repetition}
            own |= methods[cell, name].model_dump()
            on_trial(f"{cell} {name} {repetition}", own, run.metrics())
    pairs = compared(runs, params.patience, text.test, confidence=params.confidence, seed=seed)
    rows = table(
        runs, pairs, unigram, params.patience, text.test, confidence=params.confidence, seed=seed
    )
    rows = rows.assign(**{name: baselines[name] for name in ("unigram", "kneser_ney")})
    settings = pd.DataFrame(methods[key].model_dump() for key in runs)
    return Result(
        {
            "curves": curves(runs),
            "methods": rows.assign(test_tokens=len(text.test.ids)).join(settings),
            "pairs": pairs,
        },
        {**nested(rows, ["cell", "method"]), "baselines": baselines},
    )


def _counted(text: Text, orders: Sequence[int]) -> tuple[NDArray[np.float64], KneserNey]:
    """Return what models lose on the test text that only count the same text.

    The losses of word frequencies, (N,), and a Kneser-Ney model of the order that is best on the
    validation text.
    """
    given = {"classes": text.vocabulary.classes, "end": text.vocabulary.end}
    unigram = KneserNey.fit(text.train_ids, order=1, **given)
    best = KneserNey.chosen(text.train_ids, text.valid_ids, orders=orders, **given)
    return unigram.losses(text.test.ids), best


def _runs(
    methods: Mapping[Setting, RegularisationMethod],
    networks: Mapping[str, LanguageModelParams],
    params: RegularisationStudyParams,
    seed: int,
    measurements: Measurements,
) -> Runs:
    """Return the runs of each cell and method; methods that train alike share their trainings."""
    seeds = {place: rng.derive(seed, "study", place) for place in range(1, params.seeds + 1)}
    wanted = {
        (cell, name): [
            Job(cell, network_of(networks[cell], method, params), place, own, params.patience)
            for place, own in seeds.items()
        ]
        for (cell, name), method in methods.items()
    }
    outcomes = iter(measurements.of([job for group in wanted.values() for job in group]))
    return {
        key: [
            stop(_rows(next(outcomes)), params.patience if method.early_stopping else None)
            for _ in wanted[key]
        ]
        for key, method in methods.items()
    }


def _rows(outcome: Outcome) -> list[Row]:
    """Return what `learn` measured."""
    return [
        Row(epoch, train_loss, valid_loss, outcome.arrays.get(str(epoch)))
        for epoch, train_loss, valid_loss in outcome.numbers["curve"]
    ]


def combination(
    cell: str, runs: Runs, methods: Mapping[str, RegularisationMethod]
) -> RegularisationMethod:
    """Return the best value of each setting together, as found for `cell` one by one.

    A setting takes its value from the method with the lowest mean validation loss of those that
    turn it, where that is below the loss with nothing; dropout and whether it is variational are
    one setting.
    """
    losses = {
        name: float(np.mean([run.metrics()["valid_loss"] for run in runs[cell, name]]))
        for name in methods
    }
    nothing = methods["none"].model_dump()
    chosen = dict(nothing)
    for fields in (("dropout", "variational"), ("dropout_recurrent",), ("weight_decay",),
                   ("early_stopping",)):  # fmt: skip
        turning = [n for n, m in methods.items() if getattr(m, fields[0]) != nothing[fields[0]]]
        best = min(turning, key=losses.__getitem__, default="none")
        if losses[best] < losses["none"]:
            chosen |= methods[best].model_dump(include=set(fields))
    return RegularisationMethod.model_validate(chosen)
