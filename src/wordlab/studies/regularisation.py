"""The study of regularisation: what holds a network back that could learn its text by heart.

Every method is scored on the test text; the validation text chooses the epoch of early stopping,
what is combined, and nothing else. Losses on the training text are measured as the others are, with
nothing dropped out; else a dropout's own noise would look like less overfitting.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import rng
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.evaluation.ngrams import KneserNey
from wordlab.params.language import LanguageModelParams
from wordlab.params.studies import COMBINATION, RegularisationMethod, RegularisationStudyParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import train
from wordlab.report.findings import studies as sentences
from wordlab.studies import regularisation_results as results
from wordlab.studies.jobs import Measurements, Outcome, TrialLogger

Curve = list[results.Row]
"""One row per epoch."""


@dataclass(frozen=True)
class Job:
    """A training: a cell held back by a method, from one of several seeds."""

    cell: str
    params: LanguageModelParams
    repetition: int
    seed: int


@dataclass(frozen=True, eq=False)
class Text:
    """What is learnt, what chooses and what is scored, as classes of the `vocabulary`'s words."""

    train_ids: NDArray[np.int64]
    valid_ids: NDArray[np.int64]
    test_ids: NDArray[np.int64]
    vocabulary: Vocabulary


@dataclass(frozen=True, eq=False)
class RegularisationStudy:
    """What was measured.

    curves: columns cell, method, seed, epoch, train_perplexity, valid_perplexity, stopping where
    the method stops. table: one row per cell and method, see `regularisation_results.table`.
    numbers: the same, nested, and the baselines; sentences: in words.
    """

    curves: pd.DataFrame
    table: pd.DataFrame
    numbers: Mapping[str, Any]
    sentences: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        return {"curves": self.curves, "methods": self.table}

    def metrics(self) -> Mapping[str, Any]:
        """Return the numbers, nested."""
        return self.numbers


def study(
    networks: Mapping[str, LanguageModelParams],
    text: Text,
    params: RegularisationStudyParams,
    *,
    orders: Sequence[int],
    seed: int,
    on_trial: TrialLogger,
    checkpoint: Checkpoint,
) -> RegularisationStudy:
    """Return the study of `networks` by cell, all trained on `text`.

    Beside them are a unigram model of the same text, and Kneser-Ney of the one of `orders` that is
    best on the validation text. Trainings run side by side in processes of one torch thread each; a
    training cut off is lost, those that ended are kept by the `checkpoint`. The last method is the
    combination of those that helped a cell, see `regularisation_results.combination`. Raises
    UserError if a split is too short.
    """
    if len(text.train_ids) <= params.batch_size:
        raise UserError(
            f"regularisation_study.batch_size: {params.batch_size} streams need more text than "
            f"{len(text.train_ids)} tokens; expected a smaller batch"
        )
    for split, ids in (("valid", text.valid_ids), ("test", text.test_ids)):
        if not len(ids):
            raise UserError(
                f"preprocess.splits.{split}: the study of regularisation needs text to score, got "
                "none"
            )
    baselines = _baselines(text, orders)
    made = _Trainings(networks, text, params, seed, checkpoint)
    settings = {cell: dict(params.methods) for cell in networks}
    runs = made.runs(settings)
    combined = {
        cell: {COMBINATION: results.combination(cell, runs, params.methods)} for cell in networks
    }
    runs |= made.runs(combined)
    runs = {key: runs[key] for cell in networks for key in runs if key[0] == cell}
    for (cell, name), group in runs.items():
        method = combined[cell][name] if name == COMBINATION else params.methods[name]
        for repetition, run in enumerate(group, start=1):
            own = {"cell": cell, "method": name, "seed": repetition, **method.model_dump()}
            on_trial(f"{cell} {name} {repetition}", own, run.metrics())
    table = results.table(runs, baselines, params.patience, params.confidence)
    return RegularisationStudy(
        results.curves(runs),
        table,
        {**results.metrics(table), "baselines": asdict(baselines)},
        (
            *sentences.sentences(table, params, len(text.test_ids)),
            *sentences.combinations({cell: own[COMBINATION] for cell, own in combined.items()}),
        ),
    )


def _baselines(text: Text, orders: Sequence[int]) -> results.Baselines:
    """Return what models that only count make of the test text."""
    classes, end = text.vocabulary.classes, text.vocabulary.end
    unigram = KneserNey.fit(text.train_ids, order=1, classes=classes, end=end)
    best = KneserNey.chosen(text.train_ids, text.valid_ids, orders=orders, classes=classes, end=end)
    return results.Baselines(
        unigram=float(unigram.losses(text.test_ids).mean()),
        kneser_ney=float(best.losses(text.test_ids).mean()),
        order=best.order,
    )


class _Trainings:
    """The trainings of the study; methods that train alike share them."""

    def __init__(
        self,
        networks: Mapping[str, LanguageModelParams],
        text: Text,
        params: RegularisationStudyParams,
        seed: int,
        checkpoint: Checkpoint,
    ) -> None:
        self.networks, self.params, self.seed = networks, params, seed
        self.measurements = Measurements(learn, text, title="regularisation", checkpoint=checkpoint)

    def runs(self, methods: Mapping[str, Mapping[str, RegularisationMethod]]) -> results.Runs:
        """Return one run per seed for each cell and each of its methods, by name."""
        wanted = {
            (cell, name): [
                Job(
                    cell,
                    _network(self.networks[cell], method, self.params),
                    place,
                    rng.derive(self.seed, "study", place),
                )
                for place in range(1, self.params.seeds + 1)
            ]
            for cell, own in methods.items()
            for name, method in own.items()
        }
        jobs = [job for group in wanted.values() for job in group]
        outcomes = dict(zip(map(repr, jobs), self.measurements.of(jobs), strict=True))
        return {
            (cell, name): [
                results.stop(
                    [results.Row(**row) for row in outcomes[repr(job)].numbers["curve"]],
                    self.params.patience if methods[cell][name].early_stopping else None,
                )
                for job in group
            ]
            for (cell, name), group in wanted.items()
        }


def _network(
    network: LanguageModelParams, method: RegularisationMethod, params: RegularisationStudyParams
) -> LanguageModelParams:
    """Return the settings of a small network held back by `method` alone."""
    changes = {
        "embedding_size": params.hidden_size,
        "hidden_size": params.hidden_size,
        "layers": params.layers,
        "embedding": "trained",
        "tied": False,  # tied ones start small: a small text teaches them little more than counts
        "rate": params.rate,
        "warmup": 0.0,
        "examples": "streams",
        "adaptive_cutoffs": params.adaptive_cutoffs,
        "epochs": params.epochs,
        "batch_size": params.batch_size,
        "bptt_length": params.bptt_length,
        "dropout_input": method.dropout,
        "dropout_between": method.dropout,
        "dropout_output": method.dropout,
        "dropout_recurrent": method.dropout_recurrent,
        "variational": method.variational,
        "weight_decay": method.weight_decay,
        "activation_penalty": 0.0,
        "temporal_penalty": 0.0,
        "optimizer": "adamw",
        "schedule": "constant",
        "patience": None,
        "tokens": None,
        "minutes": None,
    }
    return LanguageModelParams.model_validate({**network.model_dump(), **changes})


def learn(job: Job, text: Text) -> Outcome:
    """Train one network with one torch thread and return its `curve`.

    The test text is scored at the epochs that a method may keep: where the validation loss is the
    lowest so far, and at the end.
    """
    model = LanguageModel(job.params, text.vocabulary, "word", job.seed)
    curve: Curve = []

    def loss(ids: NDArray[np.int64]) -> float:
        return float(model.token_losses(ids).mean(dtype=np.float64))

    def note(epoch: int, measured: Mapping[str, float]) -> None:
        valid_loss = measured["valid_loss"]
        best = all(valid_loss < row.valid_loss for row in curve)
        kept = best or epoch == job.params.epochs
        test_loss = loss(text.test_ids) if kept else None
        curve.append(results.Row(epoch, loss(text.train_ids), valid_loss, test_loss))

    started = time.monotonic()
    train(
        model,
        text.train_ids,
        text.valid_ids,
        job.params,
        seed=job.seed,
        torch_threads=1,
        on_epoch=note,
    )
    return Outcome(
        {"curve": [asdict(row) for row in curve]}, tracked={"seconds": time.monotonic() - started}
    )
