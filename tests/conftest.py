"""What several tests share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from wordlab.params.recurrent import NetworkParams
from wordlab.params.whole import load

settings.register_profile("wordlab", deadline=None)  # speed is for benchmarks/
settings.load_profile("wordlab")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def away_from_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests out of the store and the checkpoints of the repository they are run from."""
    for name in [name for name in os.environ if name.startswith(("DVC_", "MLFLOW_", "WORDLAB_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def repository() -> Path:
    """The root of this repository."""
    return REPOSITORY


SMALL: dict[str, Any] = {
    **load(REPOSITORY / "params.yaml").language_model.lstm.model_dump(),
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
    "epochs": 2,
    "patience": None,
    "batch_size": 4,
    "bptt_length": 8,
    "examples": "streams",
    "carry_state": "always",
    "fresh_starts": 0.0,
}
"""The settings of a small network: those of `language_model.lstm` in params.yaml, made small."""


@pytest.fixture
def network() -> Callable[..., NetworkParams]:
    """Return a maker of small networks' settings, `changes` on top."""
    return lambda **changes: NetworkParams(**{**SMALL, **changes})
