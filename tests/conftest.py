"""What several tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

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
