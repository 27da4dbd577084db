"""The params of a sweep of recurrent language models that is over in a moment."""

from typing import Any

from wordlab.params.sweeps import RecurrentSweepParams

SMALL: dict[str, Any] = {
    "embedding_size": 6,
    "hidden_size": 6,
    "tied": False,
    "batch_size": 2,
    "bptt_length": 10,
    "epochs": 1,
    "rate": 0.05,
}
"""The settings of its networks."""
SWEEP: dict[str, Any] = {
    "search": "grid",
    "trials": 4,
    "pruning": "none",
    "space": {"hidden_size": [3, 6]},
    "fixed": {key: value for key, value in SMALL.items() if key != "hidden_size"},
    "seeds": 1,
    "confidence": 0.95,
    "cells": ["gru"],
    "tokens": 300,
    "update_tokens": None,
    "valid_tokens": None,
    "folds": 1,
    "early_stopping_share": 0.2,
    "winner_seeds": 2,
    "parameters": None,
    "contexts": [1, 3],
    "trees": 4,
    "progress_tokens": 100,
    "target_loss": 2.4,
    "drawn_text": {"texts": 3, "length": 5, "window": 2, "common_words": 1},
}


def recurrent_sweep(**changes: Any) -> RecurrentSweepParams:
    """Return these params with `changes`; what is tried is not fixed."""
    given = {**SWEEP, **changes}
    fixed = {key: value for key, value in given["fixed"].items() if key not in given["space"]}
    return RecurrentSweepParams.model_validate({**given, "fixed": fixed})


def searched(**changes: Any) -> RecurrentSweepParams:
    """Return the params of a search of two settings, with `changes`."""
    space = {"hidden_size": {"low": 2, "high": 6, "log": False}, "bptt_length": [5, 10]}
    fixed = {key: SWEEP["fixed"][key] for key in SWEEP["fixed"] if key != "bptt_length"}
    return RecurrentSweepParams.model_validate(
        {**SWEEP, "search": "tpe", "trials": 5, "space": space, "fixed": fixed, **changes}
    )
