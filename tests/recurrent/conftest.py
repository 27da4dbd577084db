from collections.abc import Callable
from typing import Any

import pytest

from wordlab.params.recurrent import NetworkParams

SMALL: dict[str, Any] = {
    "cell": "lstm",
    "activation": "tanh",
    "gru_reset": "after",
    "forget_bias": 1.0,
    "initialisation": "uniform",
    "cell_backend": "wordlab",
    "embedding_size": 16,
    "hidden_size": 16,
    "layers": 1,
    "tied": True,
    "adaptive_cutoffs": [],
    "dropout_input": 0.0,
    "dropout_between": 0.0,
    "dropout_output": 0.0,
    "dropout_recurrent": 0.0,
    "variational": False,
    "activation_penalty": 0.0,
    "temporal_penalty": 0.0,
    "weight_decay": 0.0,
    "optimizer": "adamw",
    "rate": 0.02,
    "schedule": "constant",
    "warmup": 0.0,
    "clip_norm": 1.0,
    "clip_value": None,
    "epochs": 2,
    "patience": None,
    "batch_size": 4,
    "bptt_length": 8,
    "carry_state": True,
}


@pytest.fixture
def network() -> Callable[..., NetworkParams]:
    """Return a maker of small networks' settings, `changes` on top."""
    return lambda **changes: NetworkParams(**{**SMALL, **changes})
