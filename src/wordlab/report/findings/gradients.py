"""What the study of gradients says, written from its numbers."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from wordlab.params.studies import TruncationParams
from wordlab.studies.gradients.lags import FADED

_LEARNT = 0.9
"""A task is learnt where this share of the answers is right."""


def reach(measured: Mapping[str, Any], longest: int, confidence: float) -> list[str]:
    """Say where each cell's gradient vanishes or explodes, and which reaches differ.

    measured: by cell and weights, what `measure_lags` calls reach.
    """
    found = {cell: parts["trained"][f"length {longest}"] for cell, parts in measured.items()}
    count = next(iter(found.values()))["sequences"]
    said = [
        f"Gradients are followed back over {count} sequences of {longest} symbols each, none of "
        "which overlap.",
        f"A gradient has faded where its norm is below {FADED:.0%} of that at the loss; ranges are "
        f"{confidence:.0%} intervals of the median.",
    ]
    for cell, steps in found.items():
        said.append(f"{cell.upper()}, trained: the gradient {_span(steps, longest)}.")
        if steps["greatest_ratio"] >= 1.05:
            said.append(
                f"{cell.upper()}, trained: on the way back the gradient grows to "
                f"{steps['greatest_ratio']:.2g} times its norm at the loss."
            )
        radius = measured[cell]["trained"]["spectral_radius"]
        said.append(
            f"{cell.upper()}, trained: the spectral radius of the recurrent Jacobian is "
            f"{_between(radius['median'], radius['low'], radius['high'], '.2f')}."
        )
        ends = [
            f"{_fades(part[f'length {longest}']['steps'], longest)} with {name} weights"
            for name, part in measured[cell].items()
            if name != "trained"
        ]
        if ends:
            said.append(f"{cell.upper()}, untrained: the gradient {', and it '.join(ends)}.")
    if "rnn" in found:
        said += [_compared(cell, own, found["rnn"]) for cell, own in found.items() if cell != "rnn"]
    return said


def _span(steps: Mapping[str, float], longest: int) -> str:
    """Say after how many steps a gradient fades; one that never does counts as `longest`."""
    low, high = steps["low"], steps["high"]
    if math.isnan(low):
        return f"{_fades(steps['steps'], longest)}, a median over too few sequences for an interval"
    if low >= longest:
        return f"does not fade within {longest} steps"
    if high >= longest:
        return f"fades after {low:.0f} steps or more"
    return f"fades after {_between(steps['steps'], low, high, '.0f')} steps"


def _fades(steps: float, longest: int) -> str:
    return f"fades after {steps:.0f} steps" if steps < longest else "does not fade"


def _between(middle: float, low: float, high: float, form: str) -> str:
    if math.isnan(low):
        return format(middle, form)
    return " to ".join(dict.fromkeys([format(low, form), format(high, form)]))


def _compared(cell: str, steps: Mapping[str, float], rnn: Mapping[str, float]) -> str:
    if steps["low"] > rnn["high"]:
        return f"The {cell.upper()}'s gradient reaches farther back than the RNN's."
    if steps["high"] < rnn["low"]:
        return f"The {cell.upper()}'s gradient reaches less far back than the RNN's."
    return f"Whether the {cell.upper()}'s gradient or the RNN's reaches farther is not clear here."


def clipping(table: pd.DataFrame, classes: int) -> list[str]:
    """Say how each training by plain gradient descent ends, and how often it was clipped.

    table: one row per cell, initialisation and clipping; classes: of the language model.
    """
    said = [
        "Plain gradient descent, one short training per setting: it diverges where it ends above "
        f"{math.log(classes):.1f} nats per token, the loss of guessing blindly among {classes} "
        "classes."
    ]
    for (cell, start), part in table.groupby(["cell", "initialisation"], sort=False):
        ends = {
            row["clipping"]: "diverges"
            if row["diverged"]
            else f"ends at {row['valid_loss']:.2f} nats per token"
            for row in part.to_dict("records")
        }
        name = f"{str(cell).upper()}, {start} weights"
        said.append(f"{name}: it {ends.pop('none')} without clipping.")
        said.append(
            f"{name}: it {', and it '.join(f'{end} clipped {w}' for w, end in ends.items())}."
        )
    for way, part in table[table["clipping"] != "none"].groupby("clipping", sort=False):
        shares = _between(math.nan, part["clip_rate"].min(), part["clip_rate"].max(), ".0%")
        said.append(f"Clipping {way} changes {shares} of the steps of a training.")
    return said


def truncation(table: pd.DataFrame, params: TruncationParams, confidence: float) -> list[str]:
    """Say what a window's length costs, and what its cut costs the gradient and the loss.

    table: as `gradients.truncations` makes it.
    """
    longest = table["length"].max()
    updates, unigram = table["updates"].iloc[0], table["unigram"].iloc[0]
    streams = table.loc[table["length"] == longest, "streams"].iloc[0]
    said = [
        f"Windows of every length get {updates} updates of {params.window_tokens} tokens each.",
        "Shorter windows have more streams side by side, which may be what changes the loss; the "
        f"longest windows, of {longest} steps, have {streams}.",
        f"Losses are means over {params.seeds} seeds; a difference counts where its t interval "
        f"leaves out 0, all of which hold at once with {confidence:.0%} confidence (Bonferroni).",
        f"A unigram model of the same training text has a loss of {unigram:.2f} nats per token.",
    ]
    for cell, part in table.groupby("cell", sort=False):
        name = str(cell).upper()
        rows = part.to_dict("records")
        worst = part["valid_loss"].max()
        if worst < unigram:
            said.append(
                f"{name}: windows of every length end below the unigram model, at {worst:.2f} nats "
                "per token or less."
            )
        else:
            said.append(
                f"{name}: no verdict on the loss, because a mean of {worst:.2f} nats per token is "
                "no better than that of the unigram model."
            )
        for row in rows:
            if row["length"] == longest:
                continue
            said.append(
                f"{name}: the gradient of windows of {row['length']} steps has a cosine of "
                f"{row['agreement']:.2f} with that of the longest."
            )
            if worst < unigram:
                said.append(f"{name}: {_window_change(row)}")
        kept = next(row["kept_mib"] for row in rows if row["length"] == longest)
        said.append(
            f"{name}: a window of {longest} steps keeps {kept:.1f} MiB for the backward pass."
        )
    return said


def _window_change(row: Mapping[Any, Any]) -> str:
    """Say by how much the loss of windows of one length differs from that of the longest."""
    windows = f"windows of {row['length']} steps ({row['streams']} streams)"
    low, high = row["change_low"], row["change_high"]
    if low > 0 or high < 0:
        direction = "higher" if low > 0 else "lower"
        return (
            f"{windows} end {abs(row['change']):.3f} nats per token {direction} than the longest."
        )
    return (
        f"no clear difference in loss between {windows} and the longest; the interval runs from "
        f"{low:+.3f} to {high:+.3f} nats per token."
    )


def tasks(table: pd.DataFrame) -> list[str]:
    """Say which cells learn each task over each delay.

    table: one row per task, cell, initialisation and delay: success and baseline, shares of 1.
    """
    said = [
        f"A task is learnt where {_LEARNT:.0%} of the answers to new sequences are right; each "
        "setting is trained once."
    ]
    for task, whole in table.groupby("task", sort=False):
        name = str(task).capitalize()
        said.append(f"{name}: {whole['baseline'].iloc[0]:.0%} of the answers are right by chance.")
        for delay, part in whole.groupby("delay"):
            learnt = part["success"] >= _LEARNT
            said.append(
                f"{name} over {delay} steps is learnt by {_settings(part[learnt]) or 'none'}."
            )
            if not learnt.all():
                best = part.loc[~learnt, "success"].max()
                said.append(
                    f"{name} over {delay} steps is not learnt by {_settings(part[~learnt])}: at "
                    f"most {best:.0%} of the answers are right."
                )
    return said


def _settings(rows: pd.DataFrame) -> str:
    """Name cells, with the weights they started from: LSTM (uniform, orthogonal) and GRU."""
    return _listed(
        f"{str(cell).upper()} ({', '.join(part['initialisation'])})"
        for cell, part in rows.groupby("cell", sort=False)
    )


def _listed(names: Iterable[str], word: str = "and") -> str:
    *others, last = [*names] or [""]
    return f"{', '.join(others)} {word} {last}" if others else last
