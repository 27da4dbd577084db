"""The course of one training: how fast its loss falls, how steadily, and how fast it runs."""

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from wordlab.recurrent.records import Update

MARK = "valid_loss_at_"
"""What the names of the held-out losses by tokens begin with."""
BLOCKS = 20
"""Stretches that the last half of a training is cut into."""


class Course:
    """Follows a training (a Watcher): its updates, and the held-out loss every `interval` symbols.

    target: the loss whose first time is told.
    """

    def __init__(self, interval: int, target: float) -> None:
        self.interval, self.target = interval, target
        self.updates: list[Update] = []
        self.marks: dict[int, float] = {}
        self.reached: tuple[int, int] | None = None
        self.seconds = 0.0
        self._since = time.monotonic()

    def updated(self, update: Update) -> None:
        """Take note of an update."""
        self.updates.append(update)
        now = time.monotonic()
        self.seconds += now - self._since
        self._since = now

    def validated(self, step: int, mark: int, loss: float) -> None:
        """Take note of a held-out loss; what it took to measure it is no time of the training."""
        self.marks[mark] = loss
        if self.reached is None and loss <= self.target:
            self.reached = step, mark
        self._since = time.monotonic()

    def epoch_ended(self, epoch: int, measured: Mapping[str, Any]) -> None:
        """Go on with the clock (a StepLogger)."""
        self._since = time.monotonic()

    def metrics(self) -> dict[str, float]:
        """Return what the training measured.

        steps: updates made; steps_to_target and tokens_to_target: updates and tokens until the
        held-out loss, measured every `interval` tokens, was at most the target, NaN if it never
        was; clip_rate: share of the updates whose gradients were clipped; loss_variance: as in
        `scatter`; valid_loss_at_N: held-out loss when N tokens had been learnt from; seconds (of
        updates alone) and tokens_per_second.
        """
        updates = self.updates
        steps, tokens = self.reached or (math.nan, math.nan)
        symbols = sum(update.symbols for update in updates)
        return {
            "steps": float(len(updates)),
            "steps_to_target": float(steps),
            "tokens_to_target": float(tokens),
            "clip_rate": sum(u.clipped for u in updates) / len(updates) if updates else math.nan,
            "loss_variance": scatter(updates),
            **{f"{MARK}{mark}": loss for mark, loss in self.marks.items()},
            "seconds": self.seconds,
            "tokens_per_second": symbols / self.seconds if self.seconds > 0 else math.nan,
        }


def scatter(updates: list[Update]) -> float:
    """Return how much the training loss scatters around its trend in the last half, nats^2.

    That is the variance around a straight line of the mean losses of BLOCKS stretches of the text
    with equally many symbols: stretches, not updates, for the loss of a short window varies more
    whatever the training does. NaN without updates.
    """
    symbols = np.cumsum([0, *(update.symbols for update in updates)])
    losses = np.cumsum([0, *(update.symbols * update.loss for update in updates)])
    bounds = np.linspace(symbols[-1] / 2, symbols[-1], BLOCKS + 1)
    if not symbols[-1]:
        return math.nan
    means = np.diff(np.interp(bounds, symbols, losses)) / np.diff(bounds)
    x = np.linspace(-1, 1, BLOCKS)
    slope = (x @ means) / (x @ x)
    return float(((means - means.mean() - slope * x) ** 2).sum() / (BLOCKS - 2))


def curves(trials: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return `trials` without the losses by tokens, and these in a table of their own.

    That has the columns of a trial (model, settings, fold if several, seed), tokens and
    valid_loss, a row for each trial and number of tokens that it got to.
    """
    marks = sorted(
        (name for name in map(str, trials) if name.startswith(MARK)),
        key=lambda name: int(name[len(MARK) :]),
    )
    named = list(trials.columns[: list(trials.columns).index("seed") + 1])
    long = trials[named + marks].melt(named, marks, "tokens", "valid_loss", ignore_index=False)
    long["tokens"] = long["tokens"].str[len(MARK) :].astype(int)
    long = long.dropna(subset="valid_loss").sort_index(kind="stable").reset_index(drop=True)
    return trials.drop(columns=marks), long
