"""How far back gradients reach in one network: measured by lag, and in steps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import rng
from wordlab.params.gradients import GradientStudyParams
from wordlab.recurrent import gradients
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies.jobs import Outcome
from wordlab.studies.statistics import median_interval

FADED = 0.01
"""A gradient has faded out where its norm is below this share of that at lag 0."""


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


def measure_lags(
    model: LanguageModel, texts: Texts, params: GradientStudyParams, seed: int
) -> Outcome:
    """Return how gradients fade in `model` over sequences of each length, and its Jacobians.

    rows: part, length, lag, norm, low, high; reach: by length, see `reach`, and the spectral
    radius of the Jacobian at the end of each of the longest sequences.
    """
    rows: list[dict[str, Any]] = []
    reached: dict[str, Any] = {}
    for length in params.lengths:
        ids = texts.sequences(length, params.sequences, seed)
        norms = gradients.gradient_by_lag(model, ids[:-1], ids[-1])
        for part, table in norms.items():
            rows += _lag_rows(table / norms["state"][0], part, length)
        reached[f"length {length}"] = reach(norms["state"], params.confidence)
    longest = texts.sequences(max(params.lengths), params.sequences, seed)[:-1]
    radii = gradients.spectral_radii(model, longest)
    middle, low, high = median_interval(radii, params.confidence)
    reached["spectral_radius"] = {"median": middle, "low": low, "high": high,
                                  "greatest": float(radii.max())}  # fmt: skip
    return Outcome({"rows": rows, "reach": reached})


def _lag_rows(ratios: NDArray[np.float64], part: str, length: int) -> list[dict[str, Any]]:
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75], axis=1)
    numbers = {"lag": np.arange(length), "norm": middle, "low": low, "high": high}
    table = pd.DataFrame({"part": part, "length": length, **numbers})
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def reach(norms: NDArray[np.float64], confidence: float) -> dict[str, float]:
    """Return after how many steps a gradient has faded out, and the most it ever grows to.

    norms: (T, B) by lag, of B independent sequences. A gradient that does not fade out counts as T
    steps.
    """
    ratios = norms / norms[0]
    faded = ratios < FADED
    steps = np.where(faded.any(axis=0), faded.argmax(axis=0), len(ratios)).astype(np.float64)
    middle, low, high = median_interval(steps, confidence)
    return {
        "sequences": len(steps),
        "steps": middle,
        "low": low,
        "high": high,
        "greatest_ratio": float(np.median(ratios.max(axis=0))),
        "last_ratio": float(np.median(ratios[-1])),
    }
