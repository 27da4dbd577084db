"""What the study of regularisation found: gaps and losses with intervals over seeds, in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

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


def table(runs: Runs, confidence: float) -> pd.DataFrame:
    """Return a row for each cell and method, losses in nats a token.

    valid, gap: means over seeds, with _low and _high; valid_change, gap_change: the mean of what
    each seed's run differs from the run of the same seed with nothing, likewise; epochs and
    saved_share: means.
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
        rows.append(row)
    return pd.DataFrame(rows)


def metrics(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the table as numbers nested by cell and method."""
    nested: dict[str, Any] = {}
    for row in rows.to_dict("records"):
        cell, method = str(row.pop("cell")), str(row.pop("method"))
        nested.setdefault(cell, {})[method] = row
    return nested


def sentences(rows: pd.DataFrame, seeds: int, confidence: float) -> list[str]:
    """Say for each cell what each method changes, and what is within the noise between seeds."""
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
        for row in others[others["saved_share"] > 0].to_dict("records"):
            said.append(
                f"{str(cell).upper()}: {_name(row['method'])} ends after {row['epochs']:.1f} "
                f"epochs at the mean, which saves {row['saved_share']:.0%} of the training."
            )
    return said


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
