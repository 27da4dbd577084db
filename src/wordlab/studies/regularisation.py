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
from wordlab.artifacts import Result, nested
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.evaluation.repeated import change_intervals, mean_intervals
from wordlab.params.language import LanguageModelParams
from wordlab.params.studies import COMBINATION, RegularisationMethod, RegularisationStudyParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import perplexity, train
from wordlab.trials.runner import Measurements, Outcome, TrialLogger


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


@dataclass(frozen=True)
class Row:
    """What one epoch measured, in nats per token.

    test_loss: None at an epoch that no method can keep.
    """

    epoch: int
    train_loss: float
    valid_loss: float
    test_loss: float | None


@dataclass(frozen=True)
class Run:
    """A training up to where its method stops it, and the epoch whose weights are kept.

    rows: one per epoch; kept: the place of one of them; planned: how many epochs there would have
    been.
    """

    rows: Sequence[Row]
    kept: int
    planned: int

    def metrics(self) -> dict[str, float]:
        """Return losses at the epoch kept, in nats per token, and the epochs run.

        gap: how much higher the loss of the test text is than that of the training text.
        """
        row = self.rows[self.kept]
        assert row.test_loss is not None
        return {
            "train_loss": row.train_loss,
            "valid_loss": row.valid_loss,
            "test_loss": row.test_loss,
            "gap": row.test_loss - row.train_loss,
            "best_epoch": row.epoch,
            "epochs": float(len(self.rows)),
            "saved_share": 1 - len(self.rows) / self.planned,
        }


Setting = tuple[str, str]
"""A cell and the name of a method."""
Runs = dict[Setting, list[Run]]
"""One per seed."""


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
    - methods: one row per cell and method, see `table`; test_tokens; the method's own settings.

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
    for split, ids in (("valid", text.valid_ids), ("test", text.test_ids)):
        if not len(ids):
            raise UserError(
                f"preprocess.splits.{split}: the study of regularisation needs text to score, got "
                "none"
            )
    baselines = _baselines(text, orders)
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
    rows = table(runs, baselines, params.patience, params.confidence)
    settings = pd.DataFrame(methods[key].model_dump() for key in runs)
    return Result(
        {
            "curves": curves(runs),
            "methods": rows.assign(test_tokens=len(text.test_ids)).join(settings),
        },
        {**nested(rows, ["cell", "method"]), "baselines": baselines},
    )


def _baselines(text: Text, orders: Sequence[int]) -> dict[str, float]:
    """Return the test losses of models that only count the same text, in nats per token.

    order: of the Kneser-Ney model, chosen on the validation text.
    """
    given = {"classes": text.vocabulary.classes, "end": text.vocabulary.end}
    unigram = KneserNey.fit(text.train_ids, order=1, **given)
    best = KneserNey.chosen(text.train_ids, text.valid_ids, orders=orders, **given)
    losses = (float(model.losses(text.test_ids).mean()) for model in (unigram, best))
    return {**dict(zip(("unigram", "kneser_ney"), losses, strict=True)), "order": best.order}


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
            Job(cell, _network(networks[cell], method, params), place, own)
            for place, own in seeds.items()
        ]
        for (cell, name), method in methods.items()
    }
    outcomes = iter(measurements.of([job for group in wanted.values() for job in group]))
    return {
        key: [
            stop(
                [Row(**row) for row in next(outcomes).numbers["curve"]],
                params.patience if method.early_stopping else None,
            )
            for _ in wanted[key]
        ]
        for key, method in methods.items()
    }


_OWN = (
    "adaptive_cutoffs", "batch_size", "bptt_length", "epochs", "hidden_size", "layers", "rate",
)  # fmt: skip
"""Settings of networks that the section of the study has under the same names."""


def _network(
    network: LanguageModelParams, method: RegularisationMethod, params: RegularisationStudyParams
) -> LanguageModelParams:
    """Return the settings of a small network held back by `method` alone."""
    changes = {
        **{name: getattr(params, name) for name in _OWN},
        "embedding_size": params.hidden_size,
        "embedding": "trained",
        "tied": False,  # tied ones start small: a small text teaches them little more than counts
        "examples": "streams",
        "carry_state": "always",
        **{f"dropout_{place}": method.dropout for place in ("input", "between", "output")},
        "dropout_recurrent": method.dropout_recurrent,
        "variational": method.variational,
        "weight_decay": method.weight_decay,
        **dict.fromkeys(("activation_penalty", "temporal_penalty", "warmup"), 0.0),
        "optimizer": "adamw",
        "schedule": "constant",
        **dict.fromkeys(("patience", "tokens", "minutes")),
    }
    return LanguageModelParams.model_validate({**network.model_dump(), **changes})


def learn(job: Job, text: Text) -> Outcome:
    """Train one network with one torch thread and return its `curve`.

    The test text is scored at the epochs that a method may keep: where the validation loss is the
    lowest so far, and at the end. No loss is rounded, whatever `precision` is trained with.
    """
    model = LanguageModel(job.params, text.vocabulary, "word", job.seed)
    curve: list[Row] = []

    def loss(ids: NDArray[np.int64]) -> float:
        return float(model.token_losses(ids).mean(dtype=np.float64))

    def note(epoch: int, measured: Mapping[str, float]) -> None:
        valid_loss = measured["valid_loss"]
        best = all(valid_loss < row.valid_loss for row in curve)
        kept = best or epoch == job.params.epochs
        with model.rounded(None):
            test_loss = loss(text.test_ids) if kept else None
            curve.append(Row(epoch, loss(text.train_ids), valid_loss, test_loss))

    started = time.monotonic()
    ids = text.train_ids, text.valid_ids
    train(
        model, *ids, job.params, seed=job.seed, rate_name="regularisation_study.rate",
        on_epoch=note,
    )  # fmt: skip
    return Outcome(
        {"curve": [asdict(row) for row in curve]}, tracked={"seconds": time.monotonic() - started}
    )


def stop(curve: Sequence[Row], patience: int | None) -> Run:
    """Return a whole training as it would have been with `patience`.

    With None it runs to its end and keeps its last epoch; else it ends after that many epochs
    without a better validation loss, and keeps the best.
    """
    if patience is None:
        return Run(curve, len(curve) - 1, len(curve))
    best = 0
    for place, row in enumerate(curve):
        if row.valid_loss < curve[best].valid_loss:
            best = place
        if place - best >= patience:
            return Run(curve[: place + 1], best, len(curve))
    return Run(curve, best, len(curve))


def curves(runs: Runs) -> pd.DataFrame:
    """Return every epoch of every run as a row."""
    return pd.DataFrame(
        {
            "cell": cell,
            "method": method,
            "seed": seed,
            "epoch": row.epoch,
            "train_perplexity": perplexity(row.train_loss),
            "valid_perplexity": perplexity(row.valid_loss),
        }
        for (cell, method), group in runs.items()
        for seed, run in enumerate(group, start=1)
        for row in run.rows
    )


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


def table(
    runs: Runs, baselines: Mapping[str, float], patience: int, confidence: float
) -> pd.DataFrame:
    """Return one row per cell and method, losses of the test text in nats per token.

    test, gap: means over seeds, with _low and _high, each an interval by itself. Differences,
    likewise: test_change and gap_change from the runs of the same seeds with nothing, and
    unigram_change of the loss from that of the unigram model. comparisons: the number of their
    intervals in the whole table, which hold all at once with `confidence` (t intervals, corrected
    after Bonferroni; the noise between seeds is pooled over the methods of a cell). unigram,
    kneser_ney: the baselines' losses. epochs and saved_share: means.
    would_stop: the mean epoch after which early stopping with `patience` ends the training;
    would_save: the share of the epochs after it; would_gain: how much lower its test loss is than
    that of the last epoch, or of the one kept by a run that did stop early.
    """
    comparisons = 2 * sum(method != "none" for _, method in runs) + len(runs)
    rows = []
    for cell in dict.fromkeys(cell for cell, _ in runs):
        groups = {method: group for (own, method), group in runs.items() if own == cell}
        plain = list(groups).index("none")
        measured = [[run.metrics() for run in group] for group in groups.values()]
        test, gap = (
            np.array([[run[name] for run in group] for group in measured])
            for name in ("test_loss", "gap")
        )
        intervals = {
            "test": mean_intervals(test, confidence),
            "gap": mean_intervals(gap, confidence),
            "test_change": change_intervals(test, plain, confidence, comparisons),
            "gap_change": change_intervals(gap, plain, confidence, comparisons),
            "unigram_change": mean_intervals(test - baselines["unigram"], confidence, comparisons),
        }
        for place, (method, group) in enumerate(groups.items()):
            row: dict[str, Any] = {"cell": cell, "method": method}
            for name, table_of in intervals.items():
                middle, low, high = table_of[place].tolist()
                row |= {name: middle, f"{name}_low": low, f"{name}_high": high}
            row |= {"comparisons": comparisons}
            row |= {name: baselines[name] for name in ("unigram", "kneser_ney")}
            early = [stop(run.rows, patience).metrics() for run in group]
            ends = zip(measured[place], early, strict=True)
            means = {
                "epochs": [run["epochs"] for run in measured[place]],
                "saved_share": [run["saved_share"] for run in measured[place]],
                "would_stop": [run["epochs"] for run in early],
                "would_save": [run["saved_share"] for run in early],
                "would_gain": [end["test_loss"] - run["test_loss"] for end, run in ends],
            }
            rows.append(row | {name: float(np.mean(values)) for name, values in means.items()})
    return pd.DataFrame(rows)
