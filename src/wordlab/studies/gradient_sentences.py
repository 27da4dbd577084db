"""What the study of gradients says, written from its numbers."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from wordlab.recurrent.adding import BASELINE

FADED = 0.01
"""A gradient has faded out where its norm is below this share of that at lag 0."""


def reach(measured: Mapping[str, Any], longest: int, confidence: float) -> list[str]:
    """Say how far each trained cell's gradient reaches, and which reaches are told apart."""
    found = {cell: parts["trained"][f"length {longest}"] for cell, parts in measured.items()}
    sentences = []
    for cell, steps in found.items():
        radius = measured[cell]["trained"]["spectral_radius"]
        ends = (
            f"falls below {FADED:.0%} of its norm at the loss after {steps['steps']:.0f} steps"
            if steps["steps"] < longest
            else f"stays above {FADED:.0%} of its norm at the loss over all {longest} steps"
        )
        most = steps["greatest_ratio"]
        grows = "" if most < 1.05 else f", growing to {most:.2g} times that norm on the way"
        sentences.append(
            f"{cell.upper()}, trained, sequences of {longest}: the median gradient with respect to "
            f"the state {ends} ({confidence:.0%} interval {steps['low']:.0f} to "
            f"{steps['high']:.0f}){grows}. The recurrent Jacobian's spectral radius is "
            f"{radius['median']:.2f} at the median ({radius['low']:.2f} to {radius['high']:.2f})."
        )
    if "rnn" in found:
        for cell, steps in found.items():
            if cell != "rnn":
                sentences.append(_compared(cell, steps, found["rnn"]))
    return sentences


def _compared(cell: str, steps: Mapping[str, float], rnn: Mapping[str, float]) -> str:
    if steps["low"] > rnn["high"]:
        return f"The {cell.upper()}'s gradient reaches farther back than the RNN's."
    if steps["high"] < rnn["low"]:
        return f"The {cell.upper()}'s gradient reaches less far back than the RNN's."
    return f"How far the {cell.upper()}'s and the RNN's gradients reach is not told apart here."


def clipping(table: pd.DataFrame) -> list[str]:
    """Say what became of each training without clipping beside those with."""
    sentences = []
    for cell, part in table.groupby("cell", sort=False):
        outcomes = [
            f"{_clipped(row['clip_norm'])} "
            + ("it diverges" if row["diverged"] else f"{row['valid_loss']:.2f}")
            for row in part.to_dict("records")
        ]
        sentences.append(
            f"{str(cell).upper()} by plain gradient descent, validation loss in nats after one "
            f"training each: {', '.join(outcomes)}."
        )
    return sentences


def _clipped(threshold: object) -> str:
    return "without clipping" if threshold == "none" else f"clipped at {threshold}"


def adding(table: pd.DataFrame) -> list[str]:
    """Say at which delays each cell does better than always answering the mean."""
    sentences = []
    for cell, part in table.groupby("cell", sort=False):
        errors = ", ".join(
            f"{row['error']:.3f} at {row['delay']}" for row in part.to_dict("records")
        )
        sentences.append(
            f"Adding task, {str(cell).upper()}: mean squared error {errors} steps (always "
            f"answering the mean: {BASELINE:.3f}; one training each)."
        )
    return sentences
