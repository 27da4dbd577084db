"""The settings of the study of gradients: each is a job that a process of its own can measure."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import rng
from wordlab.evaluation.statistics import median_interval
from wordlab.params.language import Initialisation, Kind
from wordlab.params.studies import GradientStudyParams, TruncationParams
from wordlab.recurrent.batches import stream_length
from wordlab.recurrent.devices import threads
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import DivergedError, TrainingRecord, train
from wordlab.studies.gradients import measures, tasks
from wordlab.trials.runner import Outcome

WAYS = ("none", "by norm", "by value")
"""To clip, or not."""
TRAINED = "trained"
"""The weights of the language models as their stages trained them."""
WHOLE = "all"
"""All parameters together, among the names of single ones."""
_STEPS_KEPT = 200
"""How many steps of a training keep their gradients, evenly spaced."""
_PLAIN = {
    "embedding": "trained",
    "examples": "streams",
    "carry_state": "always",
    "device": "cpu",
    "precision": "float32",
    "optimizer": "sgd",
    "warmup": 0.0,
    **dict.fromkeys(("clip_norm", "clip_value", "patience", "tokens", "minutes")),
    **{f"dropout_{place}": 0.0 for place in ("input", "between", "output", "recurrent")},
    **dict.fromkeys(("activation_penalty", "temporal_penalty", "weight_decay"), 0.0),
}
"""Streams of text, plain gradient descent over all epochs, and nothing that regularises: it would
change gradients too."""


STRETCHES = 20
"""Of the validation text, that small networks are scored on, so that no few documents decide."""


@dataclass(frozen=True, eq=False)
class Texts:
    """What language models of the study learn, and what they are measured on, as classes."""

    train: NDArray[np.int64]
    valid: NDArray[np.int64]

    def sequences(self, length: int, count: int, seed: int) -> NDArray[np.int64]:
        """Return stretches of the validation text, each with what follows: (T + 1, B).

        They do not overlap, so that they count as independent draws; B is `count`, or as many as
        the text has room for.
        """
        random = rng.stream(seed, "gradient sequences", length)
        room = len(self.valid) // (length + 1)
        shift = random.integers(0, len(self.valid) % (length + 1) + 1)
        chosen = np.sort(random.permutation(room)[:count])
        return self.valid[shift + (length + 1) * chosen + np.arange(length + 1)[:, None]]

    def scored(self, tokens: int) -> NDArray[np.int64]:
        """Return at most `tokens` of the validation text, as stretches spread evenly over it.

        They are as long as one another, and read as one text: a network meets a seam as it would a
        new document.
        """
        count = min(STRETCHES, tokens)
        length = tokens // max(count, 1)
        if tokens >= len(self.valid) or not length:
            return self.valid[:tokens]
        starts = np.arange(count) * len(self.valid) // count
        return self.valid[starts[:, None] + np.arange(length)].ravel()


@dataclass(frozen=True, eq=False)
class Shared:
    """What all jobs share: the trained models by cell, the texts and the settings."""

    models: Mapping[str, LanguageModel]
    texts: Texts
    params: GradientStudyParams
    seed: int

    def fresh(self, cell: str, *, seed: int | None = None, **changes: Any) -> LanguageModel:
        """Return an untrained model of `cell`, not regularised, its settings changed.

        Its weights are drawn from `seed`, or from the study's.
        """
        own = self.models[cell]
        network = own.params.model_copy(update={**_PLAIN, **changes})
        drawn_from = self.seed if seed is None else seed
        return LanguageModel(network, own.vocabulary, own.level, drawn_from)


@dataclass(frozen=True)
class Lags:
    """Gradients by lag of trained weights, or of fresh ones of an initialisation."""

    cell: str
    weights: str

    def measure(self, shared: Shared) -> Outcome:
        """Return how gradients fade over sequences of each length, and the Jacobians.

        rows: part, length, lag, norm, low, high; reach: by length, see `measures.reach`, and the
        spectral radius of the Jacobian at the end of each of the longest sequences.
        """
        params, model = shared.params, shared.models[self.cell]
        if self.weights != TRAINED:
            model = shared.fresh(self.cell, initialisation=self.weights)
        parts: list[pd.DataFrame] = []
        reach: dict[str, Any] = {}
        for length in params.lengths:
            ids = shared.texts.sequences(length, params.sequences, shared.seed)
            norms = measures.gradient_by_lag(model, ids[:-1], ids[-1])
            for part, table in norms.items():
                ratios = table / norms["state"][0]
                low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75], axis=1)
                numbers = {"lag": np.arange(length), "norm": middle, "low": low, "high": high}
                parts.append(pd.DataFrame({"part": part, "length": length, **numbers}))
            fading = measures.reach(norms["state"], params.faded, params.confidence)
            reach[f"length {length}"] = fading
        longest = shared.texts.sequences(max(params.lengths), params.sequences, shared.seed)
        radii = measures.spectral_radii(model, longest[:-1])
        middle, low, high = median_interval(radii, params.confidence)
        reach["spectral_radius"] = {"median": middle, "low": low, "high": high,
                                    "greatest": float(radii.max())}  # fmt: skip
        return Outcome({"rows": pd.concat(parts).to_dict("records"), "reach": reach})


@dataclass(frozen=True)
class Training:
    """A short training by plain gradient descent, clipped in one of the `WAYS`."""

    cell: Kind
    initialisation: str
    clipping: str

    def measure(self, shared: Shared) -> Outcome:
        """Return the loss it ends with, and every parameter's gradient norm by step.

        It has diverged where that loss is above that of guessing blindly, log(classes), or no
        number.
        """
        own = shared.params.training
        descent = getattr(own, self.cell)
        model = shared.fresh(
            self.cell,
            initialisation=self.initialisation,
            schedule="constant",
            rate=descent.rate,
            epochs=own.epochs,
            embedding_size=own.hidden_size,
            hidden_size=own.hidden_size,
            batch_size=own.batch_size,
            bptt_length=own.bptt_length,
            clip_norm=descent.clip_norm if self.clipping == "by norm" else None,
            clip_value=descent.clip_value if self.clipping == "by value" else None,
        )
        learnt = shared.texts.train[: own.tokens]
        norms = _Norms()
        measured: dict[str, Any] = {"diverged": True}
        try:
            record = train(
                model,
                learnt,
                shared.texts.scored(own.valid_tokens),
                model.params,
                seed=shared.seed,
                on_gradients=norms.note,
            )
        except DivergedError:
            pass
        else:
            loss = record.epochs[-1].valid_loss
            measured |= {"diverged": loss > math.log(model.classes), "valid_loss": loss}
        windows = -(-stream_length(learnt, own.batch_size) // own.bptt_length)
        return Outcome({**measured, **norms.numbers(), "rows": norms.rows(windows)})


class _Norms:
    """The norm of every parameter's gradient, and of all together, at each step of a training."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        self.clipped: list[bool] = []

    def note(self, step: int, norms: Mapping[str, float], clipped: bool) -> None:
        """Take a step's norms before clipping (a GradientLogger)."""
        self.steps.append({WHOLE: float(np.linalg.norm(list(norms.values()))), **norms})
        self.clipped.append(clipped)

    def numbers(self) -> dict[str, float]:
        """Return the share of clipped steps, and the median and largest norm of all together."""
        whole = np.array([norms[WHOLE] for norms in self.steps] or [np.nan])
        return {
            "clip_rate": float(np.mean(self.clipped or [False])),
            "median_norm": float(np.median(whole)),
            "largest_norm": float(whole.max()),
        }

    def rows(self, windows: int) -> list[dict[str, Any]]:
        """Return one row per parameter and step kept; an epoch has `windows` steps."""
        kept = range(0, len(self.steps), max(1, -(-len(self.steps) // _STEPS_KEPT)))
        return [
            {"epoch": step // windows + 1, "step": step + 1, "parameter": name, "norm": norm}
            for step in kept
            for name, norm in self.steps[step].items()
        ]


def learnt(params: TruncationParams, length: int) -> int:
    """Return how many tokens to predict of a text of `length`: those of whole updates."""
    return min(params.tokens, length - 1) // params.window_tokens * params.window_tokens


@dataclass(frozen=True)
class Truncation:
    """Backpropagation through windows of one length."""

    cell: str
    length: int

    def measure(self, shared: Shared) -> Outcome:
        """Return what the windows cost, how their gradient agrees, and what trainings reach.

        losses: of the validation text in nats per token, one per seed; updates: of each training;
        steps_in_a_row: those that a training has to take one after another; streams: that it reads
        side by side.
        """
        params, model = shared.params, shared.models[self.cell]
        longest = max(params.truncation.lengths)
        ids = shared.texts.sequences(longest, params.sequences, shared.seed)
        inputs, targets = ids[:-1], ids[1:]
        whole = measures.window_gradient(model, inputs, targets, longest)
        own = measures.window_gradient(model, inputs, targets, self.length)
        window = (part[: self.length].copy() for part in (inputs, targets))
        kept_bytes, cost = measures.window_cost(model, *window)
        started = time.monotonic()
        numbers = range(1, params.truncation.seeds + 1)
        records = [self._train(shared, number) for number in numbers]
        seconds = time.monotonic() - started
        tokens = self.length * ids.shape[1]
        return Outcome(
            {
                "agreement": measures.agreement(own, whole),
                "kept_mib": kept_bytes / 2**20,
                "multiply_adds": measures.multiply_adds(model),
                "steps_in_a_row": records[0].updates * self.length,
                "losses": [record.epochs[-1].valid_loss for record in records],
                "updates": records[0].updates,
                "streams": params.truncation.window_tokens // self.length,
            },
            tracked={
                "seconds_per_token": cost / tokens,
                "training_seconds": seconds / len(records),
            },
        )

    def _train(self, shared: Shared, number: int) -> TrainingRecord:
        """Return the record of the training `number` with such windows, clipped by norm."""
        own, descent = shared.params.truncation, getattr(shared.params.training, self.cell)
        seed = rng.derive(shared.seed, "truncation", number)
        model = shared.fresh(
            self.cell,
            seed=seed,
            embedding_size=own.hidden_size,
            hidden_size=own.hidden_size,
            epochs=own.epochs,
            bptt_length=self.length,
            batch_size=own.window_tokens // self.length,
            schedule="linear",
            rate=descent.rate,
            clip_norm=descent.clip_norm,
        )
        return train(
            model,
            shared.texts.train[: learnt(own, len(shared.texts.train)) + 1],
            shared.texts.scored(own.valid_tokens),
            model.params,
            seed=seed,
            rate_name=f"gradient_study.training.{self.cell}.rate",
        )


@dataclass(frozen=True)
class Learning:
    """A task with a known answer, over one delay."""

    task: Literal["adding", "copying"]
    cell: Kind
    initialisation: Initialisation
    delay: int

    def measure(self, shared: Shared) -> Outcome:
        """Return how well the network learns the task, see `tasks.learn`."""
        own = shared.models[self.cell].params
        cells = own.model_copy(update={"gates": "all", "initialisation": self.initialisation})
        started = time.monotonic()
        measured = tasks.learn(
            self.task,
            cells,
            self.delay,
            shared.params.tasks,
            seed=shared.seed,
        )
        return Outcome({**measured}, tracked={"seconds": time.monotonic() - started})


Job = Lags | Training | Truncation | Learning
"""A setting of the study."""


def measure(job: Job, shared: Shared) -> Outcome:
    """Return what `job` measures."""
    with threads():
        return job.measure(shared)
