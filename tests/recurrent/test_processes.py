import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from test_training import LETTERS, REGULARISED, text

from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.params.language import NetworkParams
from wordlab.recurrent import language_model, training
from wordlab.recurrent.devices import Processes

CASES = {
    "streams": {"carry_state": "within_documents", "variational": True},
    "sentences": {"examples": "sentences", "batch_size": 6, "optimizer": "averaged_sgd"},
}


def train_all(out: Path, rank: int, cases: Mapping[str, NetworkParams]) -> None:
    """Train and save the model of each case; the second process starts from other weights."""
    ids = np.where(np.arange(600) % 9 == 8, 7, text(600))
    for name, params in cases.items():
        model = language_model.LanguageModel(params, LETTERS, level="character", seed=1 + rank)
        training.train(
            model,
            ids,
            ids[:200],
            params,
            seed=1,
            document_starts=(np.array([0, 45, 300]), np.array([0])),
            checkpoint=Checkpoint(out / f"checkpoint {name} {rank}"),
        )
        model.save(out / f"{name} {rank}")


def test_two_processes_end_at_the_model_of_one(network, tmp_path):
    cases = {name: network(**REGULARISED | changes) for name, changes in CASES.items()}
    settings = json.dumps({name: params.model_dump() for name, params in cases.items()})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    together = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "WORLD_SIZE": "2",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
    }
    helpers = [
        subprocess.Popen(
            [sys.executable, __file__, str(tmp_path), settings],
            env={**os.environ, **together, "RANK": str(rank)},
        )
        for rank in range(2)
    ]
    train_all(tmp_path / "alone", 0, cases)
    assert [helper.wait(timeout=120) for helper in helpers] == [0, 0]
    for case in CASES:
        alone, first, second = (
            load_file(tmp_path / folder / "model.safetensors")
            for folder in (f"alone/{case} 0", f"{case} 0", f"{case} 1")
        )
        for name, weight in alone.items():
            np.testing.assert_array_equal(first[name], second[name])
            np.testing.assert_allclose(first[name], weight, rtol=1e-3, atol=1e-4)


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(UserError, match="batch_size: expected a multiple of the 3 processes"):
        Processes(0, 3, torch.device("cpu")).share(4)


if __name__ == "__main__":
    given = {name: NetworkParams(**values) for name, values in json.loads(sys.argv[2]).items()}
    train_all(Path(sys.argv[1]), int(os.environ["RANK"]), given)
