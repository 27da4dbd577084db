"""Small networks for the studies."""

from collections.abc import Callable
from typing import Any

import pytest

from wordlab.params.recurrent import LanguageModelParams

SMALL: dict[str, Any] = {
    "vocabulary_size": 6,
    "activation": "tanh",
    "gru_reset": "after",
    "forget_bias": 1.0,
    "initialisation": "uniform",
    "cell_backend": "wordlab",
    "embedding_size": 8,
    "hidden_size": 8,
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
    "epochs": 1,
    "patience": None,
    "batch_size": 4,
    "bptt_length": 10,
    "carry_state": True,
}


@pytest.fixture
def networks() -> Callable[..., dict[str, LanguageModelParams]]:
    """Return a maker of small networks' settings, by cell."""
    return lambda *cells: {
        cell: LanguageModelParams.model_validate({**SMALL, "cell": cell}) for cell in cells
    }
