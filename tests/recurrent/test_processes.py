import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from wordlab.errors import UserError
from wordlab.recurrent.processes import Processes

SCRIPT = """
import os
import sys
from pathlib import Path

import numpy as np

sys.path[:0] = {paths!r}
from conftest import SMALL
from recurrent.test_training import LETTERS, REGULARISED, text
from wordlab.checkpoints import Checkpoint
from wordlab.params.recurrent import NetworkParams
from wordlab.recurrent import language_model, training

out, rank = Path(sys.argv[1]), os.environ.get("RANK", "0")
lines = np.where(np.arange(600) % 9 == 8, 7, text(600))
starts = np.array([0, 45, 300]), np.array([0])
CASES = {{
    "streams": {{"carry_state": "within_documents", "variational": True}},
    "sentences": {{"examples": "sentences", "batch_size": 6, "optimizer": "averaged_sgd"}},
}}
for name, changes in CASES.items():
    params = NetworkParams(**SMALL | REGULARISED | {{"epochs": 2}} | changes)

    def trained(checkpoint):
        # the second process takes over the weights of the first
        model = language_model.build(params, LETTERS, level="character", seed=1 + int(rank))
        training.train(
            model, lines, lines[:200], params, seed=1, torch_threads=1,
            document_starts=starts, checkpoint=checkpoint,
        )
        return model

    trained(Checkpoint(out / f"checkpoint {{name}} {{rank}}")).save(out / f"{{name}} {{rank}}")
"""


def run(out: Path, count: int) -> None:
    script = out / "script.py"
    tests = Path(__file__).resolve().parents[1]
    script.write_text(SCRIPT.format(paths=[str(tests)]))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), str(out)],
            env={**os.environ, **({**common, "RANK": str(rank)} if count > 1 else {})},
        )
        for rank in range(count)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0] * count


def test_two_processes_end_at_the_model_of_one(tmp_path):
    folders = []
    for count in (1, 2):
        folder = tmp_path / str(count)
        folder.mkdir()
        run(folder, count)
        folders.append(folder)
    for case in ("streams", "sentences"):
        alone, first, second = (
            load_file(folder / f"{case} {rank}" / "model.safetensors")
            for folder, rank in ((folders[0], 0), (folders[1], 0), (folders[1], 1))
        )
        for name, weight in alone.items():
            np.testing.assert_array_equal(first[name], second[name])
            np.testing.assert_allclose(first[name], weight, rtol=1e-3, atol=1e-4)


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(UserError, match="batch_size: expected a multiple of the 3 processes"):
        Processes(0, 3, torch.device("cpu")).share(4)
