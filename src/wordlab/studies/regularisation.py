"""The study of regularisation: what holds a network back that could learn its text by heart.

Losses on the training text are measured as those on the validation text are, with nothing dropped
out; else a dropout's own noise would look like less overfitting.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import progress, rng
from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.params.recurrent import LanguageModelParams
from wordlab.params.studies import RegularisationMethod, RegularisationStudyParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import train
from wordlab.studies import regularisation_results as results
from wordlab.text.vocabulary import Vocabulary
from wordlab.workers import side_by_side

Curve = list[dict[str, float]]
"""A row an epoch: epoch, train_loss, valid_loss (nats a token)."""
TrialLogger = Callable[[str, Mapping[str, Any], Mapping[str, Any]], None]
"""Receives the name of a setting, its params and what was measured of it."""

_NO_CHECKPOINT = Checkpoint(None)


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
    checkpoint: Checkpoint = _NO_CHECKPOINT,
) -> RegularisationStudy:
    """Return the study of `networks` by cell, on the beginning of `text`'s two parts.

    Trainings run side by side in processes of one torch thread each; a training cut off is lost,
    those that ended are kept by the `checkpoint`. Raises UserError if the text is too short.
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
    wanted = {
        (cell, name): [
            Job(cell, _network(network, method, params), place, rng.derive(seed, "study", place))
            for place in range(1, params.seeds + 1)
        ]
        for cell, network in networks.items()
        for name, method in params.methods.items()
    }
    jobs = list({repr(job): job for group in wanted.values() for job in group}.values())
    curves = _trained(jobs, short, checkpoint)
    runs: results.Runs = {}
    for (cell, name), group in wanted.items():
        patience = params.methods[name].patience
        runs[cell, name] = [results.stop(curves[repr(job)], patience) for job in group]
        for job, run in zip(group, runs[cell, name], strict=True):
            settings = {"cell": cell, "method": name, "seed": job.repetition,
                        **params.methods[name].model_dump()}  # fmt: skip
            on_trial(f"{cell} {name} {job.repetition}", settings, run.metrics())
    table = results.table(runs, params.confidence)
    said = results.sentences(table, params.seeds, params.confidence)
    return RegularisationStudy(results.curves(runs), table, results.metrics(table), tuple(said))


def _network(
    network: LanguageModelParams, method: RegularisationMethod, params: RegularisationStudyParams
) -> LanguageModelParams:
    """Return the settings of a small network held back by `method` alone."""
    changes = {
        "vocabulary_size": params.vocabulary_size,
        "embedding_size": params.hidden_size,
        "hidden_size": params.hidden_size,
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


def learn(job: Job, text: Text) -> Curve:
    """Train one network with one torch thread and return its curve."""
    model = LanguageModel(job.params, text.vocabulary, "word", job.seed)
    curve: Curve = []

    def measure(epoch: int, measured: Mapping[str, float]) -> None:
        losses = model.token_losses(text.train_ids, streams=job.params.batch_size)
        train_loss = float(losses.mean(dtype=np.float64))
        valid_loss = measured["valid_loss"]
        curve.append({"epoch": epoch, "train_loss": train_loss, "valid_loss": valid_loss})

    train(
        model,
        text.train_ids,
        text.valid_ids,
        job.params,
        seed=job.seed,
        torch_threads=1,
        on_epoch=measure,
    )
    return curve


def _trained(jobs: Sequence[Job], text: Text, checkpoint: Checkpoint) -> dict[str, Curve]:
    """Return the curve of each job, those that the checkpoint has without running them again."""
    saved = checkpoint.load()
    done: dict[str, Curve] = saved[1].get("curves", {}) if saved else {}
    done = {repr(job): done[repr(job)] for job in jobs if repr(job) in done}
    left = [job for job in jobs if repr(job) not in done]
    with progress.bar(len(jobs), "regularisation study", "training") as bar:
        bar.update(len(done))
        for number, curve in side_by_side(learn, left, text):
            done[repr(left[number])] = curve
            checkpoint.save({}, {"curves": done})
            bar.update(1)
    return done
