"""How the learning rate goes over a training."""

import math

from wordlab.params.recurrent import NetworkParams


def rate(params: NetworkParams, step: int, total: int, plateau_factor: float) -> float:
    """Return the learning rate of update `step`, from 0, of `total`.

    plateau_factor: what the schedule plateau has come down to, as a share of the highest rate.
    """
    rising = params.warmup * total
    if step + 1 < rising:
        return params.rate * (step + 1) / rising
    share = max(0.0, (step - rising) / max(1.0, total - rising))  # of the way down
    if params.schedule == "linear":
        return params.rate * (1 - share)
    if params.schedule == "cosine":
        return params.rate * 0.5 * (1 + math.cos(math.pi * share))
    return params.rate * plateau_factor
