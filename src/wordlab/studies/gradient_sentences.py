"""What the study of gradients says, written from its numbers."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from wordlab.studies.gradient_lags import FADED

_LEARNT = 0.9
"""A task is learnt where this share of the answers is right."""


def reach(measured: Mapping[str, Any], longest: int, confidence: float) -> list[str]:
    """Say where each cell's gradient vanishes or explodes, and which reaches are told apart.

    measured: by cell and weights, what `measure_lags` calls reach.
    """
    found = {cell: parts["trained"][f"length {longest}"] for cell, parts in measured.items()}
    said = []
    for cell, steps in found.items():
        radius = measured[cell]["trained"]["spectral_radius"]
        most = steps["greatest_ratio"]
        grows = "" if most < 1.05 else f", growing to {most:.2g} times that norm on the way"
        said.append(
            f"{cell.upper()}, trained, sequences of {longest}: the median gradient with respect to "
            f"the state {_ends(steps, longest)} ({confidence:.0%} interval {steps['low']:.0f} to "
            f"{steps['high']:.0f}){grows}. The recurrent Jacobian's spectral radius is "
            f"{radius['median']:.2f} at the median ({radius['low']:.2f} to {radius['high']:.2f})."
        )
    for cell, parts in measured.items():
        fresh = {name: part for name, part in parts.items() if name != "trained"}
        ends = " and ".join(
            f"with {name} weights {_ends(part[f'length {longest}'], longest)}"
            for name, part in fresh.items()
        )
        said.append(f"{cell.upper()}, untrained: {ends}." if fresh else "")
    if "rnn" in found:
        said += [_compared(cell, own, found["rnn"]) for cell, own in found.items() if cell != "rnn"]
    return [sentence for sentence in said if sentence]


def _ends(steps: Mapping[str, float], longest: int) -> str:
    if steps["steps"] < longest:
        return f"falls below {FADED:.0%} of its norm at the loss after {steps['steps']:.0f} steps"
    return f"stays above {FADED:.0%} of its norm at the loss over all {longest} steps"


def _compared(cell: str, steps: Mapping[str, float], rnn: Mapping[str, float]) -> str:
    if steps["low"] > rnn["high"]:
        return f"The {cell.upper()}'s gradient reaches farther back than the RNN's."
    if steps["high"] < rnn["low"]:
        return f"The {cell.upper()}'s gradient reaches less far back than the RNN's."
    return f"How far the {cell.upper()}'s and the RNN's gradients reach is not told apart here."


def clipping(table: pd.DataFrame) -> list[str]:
    """Say what became of each training by how it was clipped and initialised."""
    said = []
    for (cell, start), part in table.groupby(["cell", "initialisation"], sort=False):
        outcomes = [
            f"{_way(row['clipping'])} "
            + ("it diverges" if row["diverged"] else _loss(row["valid_loss"]))
            + (f" ({row['clip_rate']:.0%} of the steps clipped)" if row["clip_rate"] else "")
            for row in part.to_dict("records")
        ]
        largest = part.nlargest(1, "largest_norm").to_dict("records")
        peak = (
            f" The largest norm of a step is {largest[0]['largest_norm']:.3g}, the median "
            f"{largest[0]['median_norm']:.3g} ({_way(largest[0]['clipping'])})."
            if largest
            else ""
        )
        said.append(
            f"{str(cell).upper()}, {start} weights, plain gradient descent, validation loss in "
            f"nats after one training each: {', '.join(outcomes)}.{peak}"
        )
    return said


def _loss(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:.3g}"


def _way(clipping: object) -> str:
    return "without clipping" if clipping == "none" else f"clipped {clipping}"


def truncation(table: pd.DataFrame) -> list[str]:
    """Say what a window's length costs, and what its cut costs the gradient and the loss."""
    said = []
    for cell, part in table.groupby("cell", sort=False):
        rows = part.sort_values("length").to_dict("records")
        said.append(
            f"{str(cell).upper()}, windows of {_series(rows, 'length', '{:d}')} steps: the "
            f"gradient's cosine with that of the longest {_series(rows, 'agreement', '{:.3f}')}; "
            f"kept for the backward pass "
            f"{_series(rows, 'kept_mib', '{:.1f}')} MiB; validation loss "
            f"after one training each of as many updates of as many tokens "
            f"{_series(rows, 'valid_loss', '{:.3f}')} nats."
        )
    return said


def _series(rows: list[dict[Any, Any]], name: str, form: str) -> str:
    return ", ".join(form.format(row[name]) for row in rows)


def tasks(table: pd.DataFrame) -> list[str]:
    """Say up to which delay each cell learns each task."""
    said = []
    for task, whole in table.groupby("task", sort=False):
        by_cell = []
        for (cell, start), part in whole.groupby(["cell", "initialisation"], sort=False):
            shares = ", ".join(
                f"{row['success']:.0%} at {row['delay']}" for row in part.to_dict("records")
            )
            by_cell.append(f"{str(cell).upper()} ({start}) {shares}")
        learnt = sorted(set(whole.loc[whole["success"] >= _LEARNT, "cell"].str.upper()))
        longest = int(whole["delay"].max())
        at_longest = whole[(whole["delay"] == longest) & (whole["success"] >= _LEARNT)]
        names = sorted(set(at_longest["cell"].str.upper()))
        said.append(
            f"{str(task).capitalize()}, share of answers right by delay, one training each (by "
            f"chance {whole['baseline'].iloc[0]:.0%}): {'; '.join(by_cell)}. "
            f"{_LEARNT:.0%} are right at some delay with {' and '.join(learnt) or 'none'}, at a "
            f"delay of {longest} with {' and '.join(names) or 'none'}."
        )
    return said
