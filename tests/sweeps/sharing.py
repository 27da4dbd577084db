"""A sweep of trials that take no time, run by several processes: `sharing.py FOLDER KILL NAME...`.

Each process writes the table to FOLDER/NAME.csv, and to FOLDER/NAME.ran the trials that it runs, as
they begin; none does before all are ready. The first kills itself in its KILLth trial, unless 0.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import optuna  # noqa: F401  (here, so that the processes need not each load it)
import pandas as pd
import sqlalchemy  # noqa: F401

from wordlab.checkpoints import Checkpoint
from wordlab.sweeps.trials import Objective, Trial, grid, ignore_trial, opened
from wordlab.trials import database, runner
from wordlab.trials.runner import Outcome

SPACE = {"rate": (0.1, 0.2), "size": (8, 16, 32), "name": ("x", "y")}
MODELS = ("lstm", "gru")
PLANNED = grid(MODELS, SPACE, seeds=1)
OBJECTIVE = Objective("loss", "lower")


def loss(trial: Trial) -> float:
    """Return what the trial reaches."""
    return trial.settings["rate"] * trial.settings["size"] / 3


def sweep(
    begun: Callable[[str], object],
    ready: Callable[[], object] = lambda: None,
    kill: int = 0,
) -> pd.DataFrame:
    """Run what is left of the sweep, telling `begun` each trial that this process begins."""
    count = 0

    def runner(groups: Iterator[Sequence[int]]) -> Iterator[tuple[int, Outcome]]:
        nonlocal count
        ready()
        for group in groups:
            for number in group:
                begun(PLANNED[number].name)
                count += 1
                if count == kill:
                    os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(0.02)
                tracked = {"seconds": time.monotonic()}
                yield number, Outcome({"loss": loss(PLANNED[number])}, tracked=tracked)

    with opened(
        "sharing",
        SPACE,
        Checkpoint(),
        recipe={},
        models=MODELS,
        objective=OBJECTIVE,
        title="sharing",
        count=len(PLANNED),
        fixed={},
        on_trial=ignore_trial,
    ) as running:
        return running.run(PLANNED, runner)


def work(log: Path, others: Sequence[Path], kill: int) -> pd.DataFrame:
    """Run the sweep once the `others` are there, too."""

    def ready() -> None:
        log.touch()
        while not all(path.exists() for path in others):
            time.sleep(0.02)

    def begun(name: str) -> None:
        with log.open("a") as file:
            print(name, file=file)

    return sweep(begun, ready, kill)


def main(folder: Path, kill: int, names: Sequence[str]) -> None:
    database.HEARTBEAT, database.GRACE, runner.POLL = 1, 2, 0.1
    logs = [folder / f"{name}.ran" for name in names]
    for log in logs:
        if os.fork() == 0:
            work(log, logs, kill if log == logs[0] else 0).to_csv(
                log.with_suffix(".csv"), index=False
            )
            return
    ended = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in names]
    assert sorted(ended) == ([-signal.SIGKILL, 0] if kill else [0, 0]), ended


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
