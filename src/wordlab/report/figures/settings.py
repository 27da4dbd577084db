"""Settings as axes: few values side by side, many on a linear or logarithmic scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator
from numpy.typing import NDArray

FEW = 6
"""So many different numbers stand side by side; more have a scale."""

LOWER_IS_BETTER = ("valid_loss",)


@dataclass(frozen=True, eq=False)
class Scale:
    """Where the values of a setting lie between 0 and 1, and which of them are named.

    texts: the values side by side, as written, or none where low and high bound a scale.
    """

    texts: tuple[str, ...]
    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, values: pd.Series) -> "Scale":
        """Return the scale on which `values` can be told apart."""
        different = values.drop_duplicates()
        numbers = pd.to_numeric(different, errors="coerce")
        boolean = pd.api.types.is_bool_dtype(values)
        if len(different) <= FEW or numbers.isna().any() or boolean:
            order = numbers.argsort() if numbers.notna().any() else different.map(text).argsort()
            texts = [text(value) for value in different.iloc[order.to_numpy()]]
            return cls(tuple(dict.fromkeys(texts)), 0, 1, False)
        low, high = float(numbers.min()), float(numbers.max())
        if low <= 0 or high < 8 * low:
            return cls((), low, high, False)
        middle = float(numbers.median())  # drawn uniformly, it is near the middle of the scale
        return cls((), low, high, middle - low < (high - low) / 3)

    def place(self, values: Sequence[Any]) -> NDArray[np.float64]:
        """Return the places of values in [0, 1]."""
        if self.texts:
            count = len(self.texts)
            places = {name: (i + 0.5) / count for i, name in enumerate(self.texts)}
            return np.array([places[text(value)] for value in values])
        low, high, given = self.low, self.high, np.asarray(values, dtype=np.float64)
        if self.log:
            low, high, given = np.log(low), np.log(high), np.log(given.clip(low))
        return np.asarray((given - low) / (high - low))

    def ticks(self) -> tuple[NDArray[np.float64], list[str]]:
        """Return the places to name, and their names."""
        if self.texts:
            return self.place(self.texts), list(self.texts)
        if self.log:
            steps = (1.0, 2.0, 5.0) if self.high < 100 * self.low else (1.0,)
            marks = LogLocator(subs=steps).tick_values(self.low, self.high)
        else:
            marks = MaxNLocator(4).tick_values(self.low, self.high)
        kept = [float(mark) for mark in marks if self.low * 0.999 <= mark <= self.high * 1.001]
        return self.place(kept), [f"{mark:g}" for mark in kept]

    def on_x(self, axes: Axes) -> None:
        """Make this the x axis."""
        axes.set_xticks(*self.ticks())
        axes.set_xlim(-0.04, 1.04)

    def on_y(self, axes: Axes) -> None:
        """Make this the y axis."""
        axes.set_yticks(*self.ticks())
        axes.set_ylim(-0.04, 1.04)


def text(value: Any) -> str:
    """Return a setting's value as it is written: 10 for 10.0 too, `none` for nothing."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "none"
    try:
        return f"{float(value):g}" if not isinstance(value, bool | np.bool_) else str(value)
    except ValueError:
        return "none" if value == "None" else str(value)


def varied(trials: pd.DataFrame, settings: Sequence[str]) -> list[str]:
    """Return those of `settings` of which more than one value was tried."""
    return [name for name in settings if trials[name].nunique(dropna=False) > 1]
