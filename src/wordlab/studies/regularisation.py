"""The study of regularisation: what holds a network back that could learn its text by heart.

Losses on the training text are measured as those on the validation text are, with nothing dropped
out; else a dropout's own noise would look like less overfitting.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import rng
from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.params.recurrent import LanguageModelParams
from wordlab.params.regularisation import (
    COMBINATION,
    RegularisationMethod,
    RegularisationStudyParams,
)
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import train
from wordlab.studies import regularisation_results as results
from wordlab.studies.jobs import Measurements, Outcome, TrialLogger
from wordlab.text.vocabulary import Vocabulary

Curve = list[dict[str, float]]
"""A row an epoch: epoch, train_loss, valid_loss (nats a token)."""


@dataclass(frozen=True)
class Job:
    """A training: a cell held back by a method, from one of several seeds."""

    cell: str
    params: LanguageModelParams
    repetition: int
    seed: int


@dataclass(frozen=True, eq=False)
class Text:
    """What is learnt and what is watched, as classes of the `vocabulary`'s words."""

    train_ids: NDArray[np.int64]
    valid_ids: NDArray[np.int64]
    vocabulary: Vocabulary


@dataclass(frozen=True, eq=False)
class RegularisationStudy:
    """What was measured.

    curves: columns cell, method, seed, epoch, train_perplexity, valid_perplexity, stopping where
    the method stops. table: a row for each cell and method, see `regularisation_results.table`.
    numbers: the same, nested; sentences: in words.
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
    seed: int,
    on_trial: TrialLogger,
    checkpoint: Checkpoint,
) -> RegularisationStudy:
    """Return the study of `networks` by cell, on the beginning of `text`'s two parts.

    Trainings run side by side in processes of one torch thread each; a training cut off is lost,
    those that ended are kept by the `checkpoint`. The last method is the combination of those that
    helped a cell, see `regularisation_results.combination`. Raises UserError if the text is too
    short.
    """
    short = Text(
        text.train_ids[: params.train_tokens],
        text.valid_ids[: params.valid_tokens],
        text.vocabulary,
    )
    if min(len(short.train_ids), len(short.valid_ids)) <= params.batch_size:
        raise UserError(
            f"regularisation_study.batch_size: {params.batch_size} streams need more text than "
            f"{len(short.train_ids)} and {len(short.valid_ids)} tokens; expected a smaller batch"
        )
    made = _Trainings(networks, short, params, seed, checkpoint)
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
    table = results.table(runs, params.patience, params.confidence)
    said = results.sentences(table, params.seeds, params.patience, params.confidence)
    said += results.describe({cell: own[COMBINATION] for cell, own in combined.items()})
    return RegularisationStudy(results.curves(runs), table, results.metrics(table), tuple(said))


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
        """Return a run a seed for each cell and each of its methods, by name."""
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
                    outcomes[repr(job)].numbers["curve"],
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
        "adaptive_cutoffs": [],
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
        "schedule": "constant",
        "patience": None,
    }
    return LanguageModelParams.model_validate({**network.model_dump(), **changes})


def learn(job: Job, text: Text) -> Outcome:
    """Train one network with one torch thread and return its `curve`."""
    model = LanguageModel(job.params, text.vocabulary, "word", job.seed)
    curve: Curve = []

    def note(epoch: int, measured: Mapping[str, float]) -> None:
        losses = model.token_losses(text.train_ids)
        train_loss = float(losses.mean(dtype=np.float64))
        valid_loss = measured["valid_loss"]
        curve.append({"epoch": epoch, "train_loss": train_loss, "valid_loss": valid_loss})

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
    return Outcome({"curve": curve}, tracked={"seconds": time.monotonic() - started})
