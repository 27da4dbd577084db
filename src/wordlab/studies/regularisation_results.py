"""What the study of regularisation found: test losses and gaps with intervals over seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from wordlab.evaluation.statistics import change_intervals, mean_intervals
from wordlab.params.studies import RegularisationMethod


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
class Baselines:
    """Test losses of models that only count the same training text, in nats per token.

    order: of the Kneser-Ney model, chosen on the validation text.
    """

    unigram: float
    kneser_ney: float
    order: int


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


Runs = dict[tuple[str, str], list[Run]]
"""By cell and method, one run per seed."""


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
            "train_perplexity": math.exp(row.train_loss),
            "valid_perplexity": math.exp(row.valid_loss),
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


def table(runs: Runs, baselines: Baselines, patience: int, confidence: float) -> pd.DataFrame:
    """Return one row per cell and method, losses of the test text in nats per token.

    test, gap: means over seeds, with _low and _high, each an interval by itself. Differences,
    likewise: test_change and gap_change from the runs of the same seeds with nothing, and
    unigram_change of the loss from that of the unigram model. comparisons: the number of their
    intervals in the whole table, which hold all at once with `confidence` (t intervals, corrected
    after Bonferroni; the noise between seeds is pooled over the methods of a cell). unigram,
    kneser_ney: the baselines' losses. epochs and saved_share: means.
    would_stop: the mean epoch after which early stopping with `patience` ends the training;
    would_save: the share of the epochs after it; would_gain: how much lower its test loss is than
    that of the last epoch.
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
            "unigram_change": mean_intervals(test - baselines.unigram, confidence, comparisons),
        }
        for place, (method, group) in enumerate(groups.items()):
            row: dict[str, Any] = {"cell": cell, "method": method}
            for name, table_of in intervals.items():
                middle, low, high = table_of[place].tolist()
                row |= {name: middle, f"{name}_low": low, f"{name}_high": high}
            row |= {"comparisons": comparisons}
            row |= {"unigram": baselines.unigram, "kneser_ney": baselines.kneser_ney}
            for name in ("epochs", "saved_share"):
                row[name] = float(np.mean([run[name] for run in measured[place]]))
            rows.append(row | _stopped(group, patience))
    return pd.DataFrame(rows)


def _stopped(group: Sequence[Run], patience: int) -> dict[str, float]:
    """Return means over runs of what stopping each early would have changed.

    Of a run that did stop early, the last epoch is the one that it kept.
    """
    early = [stop(run.rows, patience).metrics() for run in group]
    ends = [run.metrics()["test_loss"] for run in group]
    return {
        "would_stop": float(np.mean([found["epochs"] for found in early])),
        "would_save": float(np.mean([found["saved_share"] for found in early])),
        "would_gain": float(
            np.mean([end - found["test_loss"] for end, found in zip(ends, early, strict=True)])
        ),
    }


def metrics(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the table as numbers nested by cell and method."""
    nested: dict[str, Any] = {}
    for row in rows.to_dict("records"):
        cell, method = str(row.pop("cell")), str(row.pop("method"))
        nested.setdefault(cell, {})[method] = row
    return nested
