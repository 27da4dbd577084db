"""What benchmarks of counts share: their options, their threads, and how figures are given out."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import published

Result = TypeVar("Result")
REPOSITORY = Path(__file__).resolve().parents[1]
ARTICLES = 12
"""Articles of the built-in text in a small checkout."""


def parser(description: str, *, dimensions: int) -> argparse.ArgumentParser:
    """Return a parser of the common options; `dimensions` is the default of its own."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--corpus", type=Path, required=True)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--json", type=Path, help="where to write the figures")
    options.add_argument("--min-count", type=int, default=published.MIN_COUNT)
    options.add_argument("--window", type=int, default=published.COOCCURRENCE["window"])
    options.add_argument("--memory-mb", type=int, default=1024, help="the cap of counting")
    options.add_argument("--dimensions", type=int, default=dimensions)
    return options


def use_threads(count: int) -> None:
    """Set the number of threads of this process and of those that it starts.

    NumPy and torch must not have been imported yet: they read the number when they are.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "WORDLAB_THREADS"):
        os.environ[name] = str(count)


def run(
    asked: argparse.Namespace, measure: Callable[[argparse.Namespace], dict[str, Any]]
) -> dict[str, Any]:
    """Measure with `asked.threads`, write the figures where asked, print them in one line."""
    use_threads(asked.threads)
    figures = measure(asked)
    write(figures, asked.json)
    print(" ".join(f"{name}={value}" for name, value in figures.items()))
    return figures


def write(figures: Any, path: Path | None) -> None:
    """Write figures as JSON, where a path is given."""
    if path:
        path.write_text(json.dumps(figures, indent=2) + "\n")


def checkout(folder: Path, changes: Mapping[str, Any] | None = None) -> None:
    """Make a checkout at `folder` of what Git has of this one, its text and its params made small.

    changes: to the small params.
    """
    sys.path.insert(0, str(REPOSITORY / "tests"))
    from small_pipeline import copy_repository, shrink

    copy_repository(folder, articles=ARTICLES)
    shrink(folder / "params.yaml", changes)
    for command in ("init -q", "add --all", "-c user.name=b -c user.email=b commit -qm b"):
        subprocess.run(["git", *command.split()], cwd=folder, check=True)


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return the seconds that `work` takes, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def alone(work: Callable[..., Result], *arguments: Any) -> Result:
    """Return the result of `work` in a process of its own, with its own memory and threads."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def processor() -> str:
    """Return the name of this machine's processor."""
    from wordlab.pipeline import publish

    return publish.processor()


@cache
def params() -> Any:
    """Return the params that the pipeline ships with, over which `published` is laid."""
    from wordlab.params.whole import load

    return load(REPOSITORY / "params.yaml")


def scaled(name: str) -> Any:
    """Return the params of the scale `name`, over those that the pipeline ships with."""
    from wordlab.params.whole import load

    return load(REPOSITORY / "params.yaml", REPOSITORY / "scales" / f"{name}.yaml")


def changed(section: Any, **settings: Any) -> Any:
    """Return a section of the params, validated, with `settings` on top."""
    from wordlab.params.sweeps import check_combination

    return check_combination(section, settings)


def counting(asked: argparse.Namespace) -> Any:
    """Return the settings of counting with the window and the memory that are asked for."""
    settings = published.COOCCURRENCE | {"window": asked.window, "memory_mb": asked.memory_mb}
    return changed(params().cooccurrence, **settings)


def scores(vectors: Any) -> dict[str, float]:
    """Return WordSim-353, SimLex-999 and analogies over what the vocabulary knows."""
    from wordlab.evaluation.vectors.scores import evaluate

    shipped = params().evaluation
    method = "3cosadd"
    analogies = changed(shipped.analogies, methods=(method,))
    found = evaluate(
        vectors, shipped.model_copy(update={"resamples": 100, "analogies": analogies}), seed=1
    ).metrics()
    return {
        "wordsim353": found["wordsim353"]["spearman"],
        "simlex999": found["simlex999"]["spearman"],
        "analogy": found["analogy"][method]["total"],
    }
