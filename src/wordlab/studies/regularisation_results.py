"""What the study of regularisation found: gaps and losses with intervals over seeds, in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from wordlab.params.regularisation import RegularisationMethod
from wordlab.studies.statistics import mean_interval


@dataclass(frozen=True)
class Run:
    """A training up to where its method stops it, and the epoch whose weights are kept.

    rows: epoch, train_loss, valid_loss for each epoch; kept: the place of one of them; planned:
    how many epochs there would have been.
    """

    rows: Sequence[Mapping[str, float]]
    kept: int
    planned: int

    def metrics(self) -> dict[str, float]:
        """Return losses and their gap at the epoch kept, in nats a token, and the epochs run."""
        row = self.rows[self.kept]
        return {
            "train_loss": row["train_loss"],
            "valid_loss": row["valid_loss"],
            "gap": row["valid_loss"] - row["train_loss"],
            "best_epoch": row["epoch"],
            "epochs": float(len(self.rows)),
            "saved_share": 1 - len(self.rows) / self.planned,
        }


Runs = dict[tuple[str, str], list[Run]]
"""By cell and method, a run a seed."""


def stop(curve: Sequence[Mapping[str, float]], patience: int | None) -> Run:
    """Return a whole training as it would have been with `patience`.

    With None it runs to its end and keeps its last epoch; else it ends after that many epochs
    without a better validation loss, and keeps the best.
    """
    if patience is None:
        return Run(curve, len(curve) - 1, len(curve))
    best = 0
    for place, row in enumerate(curve):
        if row["valid_loss"] < curve[best]["valid_loss"]:
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
            "epoch": int(row["epoch"]),
            "train_perplexity": math.exp(row["train_loss"]),
            "valid_perplexity": math.exp(row["valid_loss"]),
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


def describe(combined: Mapping[str, RegularisationMethod]) -> list[str]:
    """Say what the combination of each cell is made of."""
    said = []
    for cell, method in combined.items():
        parts = []
        if method.dropout:
            kind = "variational dropout" if method.variational else "dropout"
            parts.append(f"{kind} {method.dropout:g}")
        if method.dropout_recurrent:
            parts.append(f"recurrent dropout {method.dropout_recurrent:g}")
        if method.weight_decay:
            parts.append(f"weight decay {method.weight_decay:g}")
        if method.early_stopping:
            parts.append("early stopping")
        said.append(
            f"{cell.upper()}: the best combination is {', '.join(parts) or 'nothing at all'}, each "
            "chosen by its own mean validation loss, which flatters it a little."
        )
    return said


def table(runs: Runs, patience: int, confidence: float) -> pd.DataFrame:
    """Return a row for each cell and method, losses in nats a token.

    valid, gap: means over seeds, with _low and _high; valid_change, gap_change: the mean of what
    each seed's run differs from the run of the same seed with nothing, likewise; epochs and
    saved_share: means. would_stop: the mean epoch after which early stopping with `patience` ends
    the training; would_save: the share of the epochs after it; would_gain: how much lower its
    validation loss is than that of the last epoch.
    """
    rows = []
    for (cell, method), group in runs.items():
        own = pd.DataFrame([run.metrics() for run in group])
        plain = pd.DataFrame([run.metrics() for run in runs[cell, "none"]])
        row: dict[str, Any] = {"cell": cell, "method": method}
        for name, values in {
            "valid": own["valid_loss"],
            "gap": own["gap"],
            "valid_change": own["valid_loss"] - plain["valid_loss"],
            "gap_change": own["gap"] - plain["gap"],
        }.items():
            middle, low, high = mean_interval(values.to_list(), confidence)
            row |= {name: middle, f"{name}_low": low, f"{name}_high": high}
        row |= {"epochs": own["epochs"].mean(), "saved_share": own["saved_share"].mean()}
        row |= _stopped(group, patience)
        rows.append(row)
    return pd.DataFrame(rows)


def _stopped(group: Sequence[Run], patience: int) -> dict[str, float]:
    """Return means over runs of what stopping each early would have changed."""
    early = [stop(run.rows, patience).metrics() for run in group]
    last = [run.rows[-1]["valid_loss"] for run in group]
    return {
        "would_stop": float(np.mean([found["epochs"] for found in early])),
        "would_save": float(np.mean([found["saved_share"] for found in early])),
        "would_gain": float(
            np.mean([end - found["valid_loss"] for end, found in zip(last, early, strict=True)])
        ),
    }


def metrics(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the table as numbers nested by cell and method."""
    nested: dict[str, Any] = {}
    for row in rows.to_dict("records"):
        cell, method = str(row.pop("cell")), str(row.pop("method"))
        nested.setdefault(cell, {})[method] = row
    return nested


def sentences(rows: pd.DataFrame, seeds: int, patience: int, confidence: float) -> list[str]:
    """Say for each cell what each method changes, and what is within the noise between seeds.

    rows: as `table` makes them, `patience` that of early stopping.
    """
    said = [
        f"Changes are means over {seeds} seeds against the same seeds with nothing, in nats a "
        f"token; a change counts where its {confidence:.0%} interval leaves out 0."
    ]
    for cell, part in rows.groupby("cell", sort=False):
        plain = part[part["method"] == "none"].iloc[0]
        said.append(
            f"{str(cell).upper()} with nothing ends with a gap of {plain['gap']:.2f} "
            f"({plain['gap_low']:.2f} to {plain['gap_high']:.2f}) between validation and training."
        )
        others = part[part["method"] != "none"]
        for measure, name in (("gap", "the gap"), ("valid", "the validation loss")):
            said += _changes(str(cell).upper(), others, measure, name)
        stopped = ", ".join(
            f"{_ran(row['method'])} after {row['would_stop']:.1f} epochs "
            f"({row['would_save']:.0%} saved, loss {_moved(row['would_gain'])})"
            for row in part.to_dict("records")
            if row["saved_share"] == 0
        )
        said.append(
            f"{str(cell).upper()}: early stopping with a patience of {patience} would have ended, "
            f"at the mean, {stopped}."
        )
    return said


def _ran(method: object) -> str:
    return "nothing" if method == "none" else _name(method)


def _moved(gain: float) -> str:
    return f"{gain:.2f} lower" if gain >= 0.005 else "as at the end"


def _changes(cell: str, rows: pd.DataFrame, measure: str, name: str) -> list[str]:
    """Say which methods lower or raise a measure, and which do neither beyond the noise."""
    groups: dict[str, list[str]] = {"lowers": [], "raises": [], "unclear": []}
    for row in rows.to_dict("records"):
        change, low, high = (row[f"{measure}_change{end}"] for end in ("", "_low", "_high"))
        told = f"{_name(row['method'])} by {abs(change):.2f} ({_span(low, high)})"
        if high < 0:
            groups["lowers"].append(told)
        elif low > 0:
            groups["raises"].append(told)
        else:
            groups["unclear"].append(_name(row["method"]))
    said = [
        f"{cell}: {name} is {verb} with {'; '.join(groups[group])}."
        for group, verb in (("lowers", "lower"), ("raises", "higher"))
        if groups[group]
    ]
    if groups["unclear"]:
        said.append(
            f"{cell}: no change of {name} beyond the noise between seeds with "
            f"{', '.join(groups['unclear'])}."
        )
    return said


def _span(low: float, high: float) -> str:
    small, large = sorted((abs(low), abs(high)))
    return f"{small:.2f} to {large:.2f}"


def _name(method: object) -> str:
    return str(method).replace("_", " ")
