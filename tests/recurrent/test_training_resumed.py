"""A training that is cut off or killed resumes to the same bytes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from test_training import REGULARISED, run, same

from wordlab import checkpoints
from wordlab.checkpoints import Checkpoint
from wordlab.recurrent import training


class Cut(Exception):
    pass


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "sgd"},
        {"optimizer": "averaged_sgd", "averaging_patience": 1, "rate": 20.0, "epochs": 4},
        {"examples": "windows", "batch_size": 20},
        {"carry_state": "within_documents"},
        {"tokens": 1100},
    ],
)
@pytest.mark.parametrize("stop_after", [1, 23, 30])
def test_resumed_equals_uninterrupted(network, monkeypatch, tmp_path, stop_after, changes):
    params = network(**REGULARISED | {"patience": 2} | changes)
    starts = np.array([0, 45, 300]), np.array([0, 100])
    model, record = run(params, document_starts=starts)
    monkeypatch.setattr(checkpoints, "SECONDS", -1.0)
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    saves = []

    def counted(self, save=training._Training.save):
        save(self)
        saves.append(self.position.step)
        if len(saves) == stop_after:
            raise Cut

    with monkeypatch.context() as patch, pytest.raises(Cut):
        patch.setattr(training._Training, "save", counted)
        run(params, checkpoint=checkpoint, document_starts=starts)
    resumed, resumed_record = run(params, checkpoint=checkpoint, document_starts=starts)
    assert same(resumed, model)
    assert resumed_record == record


def test_an_epoch_is_validated_though_its_minutes_were_over_when_it_was_cut_off(
    network, monkeypatch, tmp_path
):
    params = network(minutes=60.0, epochs=1)
    monkeypatch.setattr(checkpoints, "SECONDS", -1.0)
    checkpoint = Checkpoint(tmp_path / "checkpoint")

    def last(self, save=training._Training.save):
        self.position.seconds += 3600
        save(self)
        raise Cut

    with monkeypatch.context() as patch, pytest.raises(Cut):
        patch.setattr(training._Training, "save", last)
        run(params, checkpoint=checkpoint)
    _, record = run(params, checkpoint=checkpoint)
    assert len(record.epochs) == record.summary()["best_epoch"] == 1
    assert record.updates == 2  # one before the cut, and one after it


def test_a_checkpoint_of_another_training_is_not_used(network, monkeypatch, tmp_path):
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    run(network(), checkpoint=checkpoint)
    changed = network(rate=0.01)
    (expected, _), (got, _) = run(changed), run(changed, checkpoint=checkpoint)
    assert same(got, expected)


KILLED = """
import sys
from pathlib import Path
sys.path[:0] = {tests!r}
from conftest import SMALL
from test_training import REGULARISED, run
from wordlab import checkpoints
from wordlab.checkpoints import Checkpoint
from wordlab.params.language import NetworkParams
checkpoints.SECONDS = float(sys.argv[3])
params = NetworkParams(**SMALL | REGULARISED | {{"epochs": 12}})
model, _ = run(params, checkpoint=Checkpoint(Path(sys.argv[1])))
model.save(Path(sys.argv[2]))
assert "torch._dynamo" not in sys.modules, "torch's compiler takes seconds to import"
"""


def test_killed_and_started_again_it_ends_at_the_same_bytes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(KILLED.format(tests=[str(folder) for folder in Path(__file__).parents[:2]]))
    checkpoint = tmp_path / "checkpoint"
    command = [sys.executable, str(script)]
    killed = subprocess.Popen([*command, str(checkpoint), str(tmp_path / "never"), "0"])
    deadline = time.monotonic() + 60
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert checkpoint.exists()
    assert not (tmp_path / "never").exists()
    for saved, model in ((checkpoint, "resumed"), (tmp_path / "fresh", "whole")):
        subprocess.run([*command, str(saved), str(tmp_path / model), "10"], check=True)
    for file in (tmp_path / "whole").iterdir():
        assert file.read_bytes() == (tmp_path / "resumed" / file.name).read_bytes()
