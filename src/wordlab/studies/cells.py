"""The study of cells: what each kind predicts and remembers with as many weights as the others.

All learn the same words from the same seeds, and the same two tasks that need a memory. Sizes of
hidden states follow from the number of weights. Seconds are for the tracker: outputs count the
multiply-adds of a step.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from wordlab import rng
from wordlab.artifacts import Result, nested
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.evaluation.language.contexts import context_losses, context_names
from wordlab.evaluation.language.held_out import HeldOut, ratios, score
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.params.derived import reference
from wordlab.params.language import CellParams, Initialisation, LanguageModelParams
from wordlab.params.studies import CellStudyParams, TaskParams
from wordlab.recurrent.cells import Cell
from wordlab.recurrent.devices import threads
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import perplexity, train
from wordlab.studies.gradients import tasks
from wordlab.studies.text import Text
from wordlab.trials.runner import Measurements, Outcome, TrialLogger

TASKS: tuple[tasks.Task, ...] = ("adding", "copying")


@dataclass(frozen=True)
class Reader:
    """A language model on a kind of cell, from one of several seeds."""

    cell: str
    repetition: int
    params: LanguageModelParams
    contexts: tuple[int, ...]
    seed: int

    @property
    def named(self) -> Mapping[str, Any]:
        """Its settings, for the tracker."""
        own = {"hidden_size": self.params.hidden_size, "rate": self.params.rate}
        return {"cell": self.cell, "repetition": self.repetition, **own}

    def measure(self, text: Text) -> Outcome:
        """Return the losses (N,) of the test text, and how much its contexts help."""
        started = time.monotonic()
        model = LanguageModel(self.params, text.vocabulary, "word", self.seed)
        train(
            model, text.train_ids, text.valid_ids, self.params, seed=self.seed,
            rate_name=f"cell_study.rates.{self.params.cell}",
        )  # fmt: skip
        ids, starts = text.test.ids, text.test.document_starts
        losses = model.token_losses(ids, document_starts=starts)
        numbers = {
            "valid_loss": float(model.token_losses(text.valid_ids).mean(dtype=np.float64)),
            "test_loss": float(losses.mean(dtype=np.float64)),
            **context_losses(model, ids, self.contexts, document_starts=starts),
        }
        return Outcome(numbers, {"losses": losses}, {"seconds": time.monotonic() - started})


@dataclass(frozen=True)
class Learner:
    """A task that needs a memory, learnt by a kind of cell, from one of several seeds."""

    task: tasks.Task
    cell: str
    initialisation: Initialisation
    delay: int
    repetition: int
    cells: CellParams
    params: TaskParams
    layers: int
    seed: int

    @property
    def named(self) -> Mapping[str, Any]:
        """Its settings, for the tracker."""
        names = ("cell", "task", "initialisation", "delay", "repetition")
        own = {name: getattr(self, name) for name in names}
        return own | {"hidden_size": self.params.hidden_size}

    def measure(self, text: Text) -> Outcome:
        """Return how well the network learns the task, as `tasks.learn` does; no text is read."""
        started = time.monotonic()
        measured = tasks.learn(
            self.task, self.cells, self.delay, self.params, seed=self.seed,
            layers=self.layers, section="cell_study.tasks",
        )  # fmt: skip
        return Outcome(measured, tracked={"seconds": time.monotonic() - started})


def study(
    networks: Mapping[str, LanguageModelParams],
    text: Text,
    params: CellStudyParams,
    *,
    orders: Sequence[int],
    seed: int,
    on_trial: TrialLogger,
    checkpoint: Checkpoint,
) -> Result:
    """Study `networks`, by cell, at equal numbers of weights, and those of `params.gates` with the
    gates that are named behind the cell, such as `lstm no_forget`. What `params` has no setting of
    is for all as for the cell that the others are compared with. Tables:

    - cells: one row per cell, with gates or without, see `table`;
    - trainings: cell, seed, valid_loss, test_loss, nats per word;
    - contexts: cell, seed, context, gain: how much lower the loss is with the whole context than
      with other text before the last `context` words, nats per word;
    - tasks: task, cell, initialisation, delay, seed, hidden_size, success, loss; baseline, what is
      right by chance.

    Kneser-Ney is of the one of `orders` that is best on the validation text. Trainings run side by
    side; those that ended are kept by the `checkpoint`. Raises UserError
    where a text is too short.
    """
    if min(len(text.valid_ids), len(text.test.ids)) == 0:
        raise UserError("preprocess.splits: the study of cells needs text to score, got none")
    if len(text.train_ids) <= params.batch_size:
        raise UserError(
            f"cell_study.batch_size: {params.batch_size} streams need more text than "
            f"{len(text.train_ids)} tokens; expected a smaller batch"
        )
    shared = networks[reference(list(params.rates))]
    sized = {
        name: _network(network, shared, params, text.vocabulary)
        for name, network in _compared(networks, params)
    }
    readers = list(_readers(sized, params, seed))
    learners = list(_learners(sized, params, seed))
    measurements = Measurements(_measure, text, title="cells", checkpoint=checkpoint)
    jobs: list[Reader | Learner] = [*readers, *learners]
    outcomes = measurements.of(jobs)
    read = list(zip(readers, outcomes, strict=False))
    learnt = list(zip(learners, outcomes[len(readers) :], strict=True))
    for job, outcome in zip(jobs, outcomes, strict=True):
        name = " ".join(["cells", *map(str, job.named.values())])
        on_trial(name, job.named, {**outcome.numbers, **outcome.tracked})
    given = {"classes": text.vocabulary.classes, "end": text.vocabulary.end}
    ngrams = KneserNey.chosen(text.train_ids, text.valid_ids, orders=orders, **given)
    losses = {
        cell: np.stack([found.arrays["losses"] for job, found in read if job.cell == cell])
        for cell in sized
    }
    baseline = ngrams.losses(text.test.ids)
    cells = table(losses, text.test, baseline, seed)
    models = [LanguageModel(own, text.vocabulary, "word", 0) for own in sized.values()]
    sizes = pd.DataFrame(
        {
            "hidden_size": [own.hidden_size for own in sized.values()],
            "parameters": [_weights(model) for model in models],
            "multiply_adds": [_multiply_adds(model) for model in models],
        }
    )
    cells = cells.join(sizes)
    tables = {
        "cells": cells,
        "trainings": pd.DataFrame(
            {"cell": job.cell, "seed": job.repetition,
             **{name: found.numbers[name] for name in ("valid_loss", "test_loss")}}
            for job, found in read
        ),
        "contexts": _contexts(read),
        "tasks": _tasks(learnt),
    }  # fmt: skip
    kneser_ney = {
        "order": ngrams.order,
        "perplexity": perplexity(float(baseline.mean(dtype=np.float64))),
    }
    return Result(tables, {**nested(cells, ["cell"]), "kneser_ney": kneser_ney})


def _compared(
    networks: Mapping[str, LanguageModelParams], params: CellStudyParams
) -> Iterator[tuple[str, LanguageModelParams]]:
    """Yield the networks to compare, those with other gates behind their cell."""
    for cell in params.rates:
        yield cell, networks[cell]
        for gates in params.gates.get(cell, ()):
            yield f"{cell} {gates}", networks[cell].model_copy(update={"gates": gates})


def _measure(job: Reader | Learner, text: Text) -> Outcome:
    with threads():
        return job.measure(text)


_OWN = (
    "adaptive_cutoffs", "batch_size", "bptt_length", "embedding_size", "epochs", "layers", "warmup",
)  # fmt: skip
"""Settings of networks that the section of the study has under the same names."""


def _network(
    network: LanguageModelParams,
    shared: LanguageModelParams,
    params: CellStudyParams,
    vocabulary: Vocabulary,
) -> LanguageModelParams:
    """Return the settings of a network with about `params.parameters` weights.

    It has the cell of `network`, and else, start of the recurrent weights included, the settings of
    `shared`.
    """
    kind = network.model_dump(include={*CellParams.model_fields} - {"initialisation"})
    changes = {
        **kind,
        **{name: getattr(params, name) for name in _OWN},
        "rate": params.rates[network.cell],
        "cell_backend": "wordlab",
        "embedding": "trained",
        "tied": False,
        "examples": "streams",
        "carry_state": "always",
        **{f"dropout_{place}": params.dropout for place in ("input", "between", "output")},
        "dropout_recurrent": 0.0,
        **dict.fromkeys(("patience", "tokens", "minutes")),
    }

    def sized(hidden_size: int) -> LanguageModelParams:
        own = {**shared.model_dump(), **changes, "hidden_size": hidden_size}
        return LanguageModelParams.model_validate(own)

    def build(hidden_size: int) -> LanguageModel:
        return LanguageModel(sized(hidden_size), vocabulary, "word", 0)

    return sized(equal_size(build, _step(network), params.parameters))


def _step(cells: CellParams) -> int:
    """Return what hidden sizes are multiples of."""
    return cells.heads if cells.cell == "hgrn2" else 1


def equal_size(build: Callable[[int], nn.Module], step: int, budget: int) -> int:
    """Return the multiple of `step` whose network, by `build`, has closest to `budget` weights."""
    low, high = 1, 2  # in steps
    while _weights(build(high * step)) < budget:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if _weights(build(middle * step)) < budget:
            low = middle
        else:
            high = middle
    return step * min(low, high, key=lambda size: abs(_weights(build(size * step)) - budget))


def _weights(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def _multiply_adds(model: LanguageModel) -> int:
    """Return how many multiply-adds the layers take to read a word."""
    return sum(cell.multiply_adds for cell in model.layers.cells if isinstance(cell, Cell))


def _readers(
    sized: Mapping[str, LanguageModelParams], params: CellStudyParams, seed: int
) -> Iterator[Reader]:
    for cell, own in sized.items():
        for place in range(1, params.seeds + 1):
            yield Reader(cell, place, own, params.contexts, rng.derive(seed, "cells", place))


def _learners(
    sized: Mapping[str, LanguageModelParams], params: CellStudyParams, seed: int
) -> Iterator[Learner]:
    """Yield the tasks of each cell, with as many weights as a GRU of the size of the tasks has."""
    given = params.tasks
    for cell, own in sized.items():
        for start in given.initialisations:
            cells = _cells(own, initialisation=start)
            gru = _cells(own, cell="gru", gates="all", initialisation=start)
            for task in TASKS:

                def build(size: int, of: tasks.Task = task, own: CellParams = cells) -> nn.Module:
                    return tasks.network(
                        of, own, given, hidden_size=size, layers=params.task_layers, seed=0
                    )

                budget = _weights(build(given.hidden_size, own=gru))
                size = equal_size(build, _step(own), budget)
                chosen = given.model_copy(update={"hidden_size": size})
                for delay in given.delays:
                    for place in range(1, params.seeds + 1):
                        yield Learner(
                            task, cell, start, delay, place, cells, chosen, params.task_layers,
                            rng.derive(seed, "cells", place),
                        )  # fmt: skip


def _cells(network: LanguageModelParams, **changes: Any) -> CellParams:
    own = network.model_dump(include=set(CellParams.model_fields))
    return CellParams.model_validate({**own, **changes})


def table(
    losses: Mapping[str, NDArray[np.floating]],
    text: HeldOut,
    baseline: NDArray[np.floating],
    seed: int,
) -> pd.DataFrame:
    """Return one row per cell: what it reaches on `text`, a mean over seeds.

    losses: (S, N) by cell, nats; baseline: (N,), those of Kneser-Ney. perplexity, low, high, ratio
    (to Kneser-Ney), ratio_low and ratio_high: as of `LanguageScore`, of all seeds; times,
    times_low, times_high: the ratio to the perplexity of `compared`, trainings of the same seed
    paired; these intervals hold together for all cells (`held_out.ratios`). compared: for a cell
    without a gate the same cell with all, else `reference`.
    """
    first = reference(list(losses))
    fields = ("perplexity", "low", "high", "ratio", "ratio_low", "ratio_high")
    rows = []
    for cell, own in losses.items():
        scored = score(own, text, seed=seed, baseline=baseline)
        whole, gates, _ = cell.partition(" ")
        compared = whole if gates else first
        scores = {name: getattr(scored, name) for name in fields}
        rows.append({"cell": cell, "compared": compared, **scores})
    differences = [losses[row["cell"]] - losses[row["compared"]].astype(np.float64) for row in rows]
    paired = ratios(differences, text, seed=seed)
    ends = pd.DataFrame(paired, columns=["times", "times_low", "times_high"])
    return pd.concat([pd.DataFrame(rows), ends], axis=1)


def _contexts(read: Sequence[tuple[Reader, Outcome]]) -> pd.DataFrame:
    rows = []
    for job, found in read:
        whole, *names = context_names(job.contexts)
        rows += [
            {"cell": job.cell, "seed": job.repetition, "context": context,
             "gain": found.numbers[name] - found.numbers[whole]}
            for context, name in zip(job.contexts, names, strict=True)
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=["cell", "seed", "context", "gain"])


def _tasks(learnt: Sequence[tuple[Learner, Outcome]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "task": job.task, "cell": job.cell, "initialisation": job.initialisation,
            "delay": job.delay, "seed": job.repetition, "hidden_size": job.params.hidden_size,
            **found.numbers, "baseline": tasks.baseline(job.task, job.params.symbols),
        }
        for job, found in learnt
    )  # fmt: skip
