"""What a stage costs beside its work: the start of Python, imports, MLflow, DVC and its lock.

    python benchmarks/overhead.py [--stages train_ppmi train_glove] [--json OUT]

Runs the pipeline on a small text in a copy of this checkout. Of each stage, seconds:

- start: of its process, without the body of its script: imports, params, checksums, MLflow;
- dvc: from the end of its process to the start of the next: checksums, cache, dvc.lock;
- fixed: both together.

And of the whole: lock_lines, the length of dvc.lock; nothing_to_do, a second `dvc repro`; help,
`wordlab --help`; pass, from the start of the first to its end.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import harness

TIMED = """\
import json, subprocess, sys, time
begun = time.time()
status = subprocess.run(["python", *sys.argv[1:]]).returncode
with open("times.jsonl", "a") as file:
    print(json.dumps([begun, time.time()]), file=file)
sys.exit(status)
"""
"""Stands for python in the copy's dvc.yaml, and notes when each stage begins and ends."""


def measure(folder: Path, stages: Sequence[str]) -> dict[str, Any]:
    """Return the figures that this file's first lines explain, of a copy at `folder`."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }

    def seconds(*command: str) -> float:
        return harness.timed(
            lambda: subprocess.run(
                command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL
            )
        )[0]

    begun = time.time()
    whole = seconds("dvc", "repro", *stages)
    times = [json.loads(line) for line in (folder / "times.jsonl").read_text().splitlines()]
    bodies = body_seconds(folder)
    after = [*(start for start, _ in times[1:]), begun + whole]
    figures = {
        name: {"start": ended - started - body, "dvc": after[place] - ended}
        for place, ((name, body), (started, ended)) in enumerate(
            zip(bodies.items(), times, strict=True)
        )
    }
    fixed = {name: sum(parts.values()) for name, parts in figures.items()}
    return {
        "stages": {name: {**parts, "fixed": fixed[name]} for name, parts in figures.items()},
        "median_fixed": statistics.median(fixed.values()),
        "largest_fixed": max(fixed.values()),
        "lock_lines": len((folder / "dvc.lock").read_text().splitlines()),
        "nothing_to_do": seconds("dvc", "repro", *stages),
        "help": seconds("wordlab", "--help"),
        "pass": whole,
    }


def body_seconds(folder: Path) -> dict[str, float]:
    """Return how long the body of each stage took, by the stages in the order of their runs."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("wordlab")
    runs = client.search_runs(
        [experiment.experiment_id], order_by=["start_time ASC"], max_results=5000
    )
    return {
        run.info.run_name: run.data.metrics["wall_seconds"]
        for run in runs
        if "wall_seconds" in run.data.metrics
    }


def copied(folder: Path) -> None:
    """Make a checkout of what Git has of this one at `folder`, small and with a clock."""
    harness.checkout(folder)
    (folder / "timed.py").write_text(TIMED)
    pipeline = folder / "dvc.yaml"
    text = pipeline.read_text()
    assert ':$PATH" python\n' in text
    pipeline.write_text(text.replace(':$PATH" python\n', ':$PATH" python timed.py\n', 1))


def show(figures: Mapping[str, Any]) -> None:
    """Print a line per stage, then the figures of the whole."""
    for name, parts in figures["stages"].items():
        print(f"{name:32}", *(f"{part} {value:5.2f}" for part, value in parts.items()))
    print(" ".join(f"{name}={value:.4g}" for name, value in figures.items() if name != "stages"))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stages", nargs="*", default=[], help="run these and what they need")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "wordlab"
        copied(folder)
        figures = measure(folder, asked.stages)
    show(figures)
    harness.write(figures, asked.json)


if __name__ == "__main__":
    main()
