"""Settings that follow from params: what a stage computes from these alone depends on this file."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from wordlab.params.language import LanguageModelParams
from wordlab.params.sweeps import Range, RecurrentSweepParams, Value


def place(tried: Range, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where `values` lie between the bounds: 0 at low, 1 at high, any shape."""
    low, high = float(tried.low), float(tried.high)
    if tried.log:
        low, high, values = np.log(low), np.log(high), np.log(values)
    return (values - low) / (high - low)


def value(tried: Range, place: float) -> int | float:
    """Return the value at a place in [0, 1], six digits of it, or a whole number where both bounds
    are."""
    if tried.log:
        exact = float(np.exp(np.log(tried.low) + place * np.log(tried.high / tried.low)))
    else:
        exact = tried.low + place * (tried.high - tried.low)
    near = round(exact) if tried.whole else float(f"{exact:.6g}")
    return min(max(near, tried.low), tried.high)


def combined(
    sweep: RecurrentSweepParams, base: LanguageModelParams, chosen: Mapping[str, Value]
) -> dict[str, Value]:
    """Return the settings of a trial beside `base`: `fixed`, those `chosen`, and what follows."""
    settings = tied({**sweep.fixed, **chosen}, base)
    if sweep.update_tokens is None:
        return settings
    batch_size = max(1, round(sweep.update_tokens / predicted(settings, base)))
    return {**settings, "batch_size": batch_size}


def tied(settings: Mapping[str, Value], base: LanguageModelParams) -> dict[str, Value]:
    """Return settings beside `base` with the embedding_size that follows from hidden_size where
    the output layer is tied to the embedding."""
    found = dict(settings)
    if found.get("tied", base.tied) and "hidden_size" in found:
        found.setdefault("embedding_size", found["hidden_size"])
    return found


def predicted(settings: Mapping[str, Value], base: LanguageModelParams) -> int:
    """Return how many symbols each sequence of a batch predicts: a window one, a part of a stream
    bptt_length, a part of a sentence at most as many."""
    if settings.get("examples", base.examples) == "windows":
        return 1
    return int(settings.get("bptt_length", base.bptt_length) or 1)


def reference(cells: Sequence[str]) -> str:
    """Return the cell that others are compared with: the GRU, or the first where there is none."""
    return "gru" if "gru" in cells else cells[0]
