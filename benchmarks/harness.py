"""What benchmarks of counts share: their options, their threads, and how figures are given out."""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")


def parser(description: str, *, dimensions: int) -> argparse.ArgumentParser:
    """Return a parser of the common options; `dimensions` is the default of its own."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--corpus", type=Path, required=True)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--json", type=Path, help="where to write the figures")
    options.add_argument("--min-count", type=int, default=5)
    options.add_argument("--window", type=int, default=10)
    options.add_argument("--memory-mb", type=int, default=1024, help="the cap of counting")
    options.add_argument("--dimensions", type=int, default=dimensions)
    return options


def run(
    asked: argparse.Namespace, measure: Callable[[argparse.Namespace], dict[str, Any]]
) -> dict[str, Any]:
    """Measure with `asked.threads`, write the figures where asked, print them in one line.

    NumPy must not have been imported yet: it reads the number of threads when it is.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "WORDLAB_THREADS"):
        os.environ[name] = str(asked.threads)
    figures = measure(asked)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(" ".join(f"{name}={value}" for name, value in figures.items()))
    return figures


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return the seconds that `work` takes, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def counting(asked: argparse.Namespace) -> Any:
    """Return the settings of counting that the C program was measured with."""
    from wordlab.params.embeddings import CooccurrenceParams

    return CooccurrenceParams(
        window=asked.window,
        dynamic_window=False,
        weighting="inverse_distance",
        side="both",
        subsample=0.0,
        subsample_formula="code",
        memory_mb=asked.memory_mb,
    )


def training(*, dimensions: int, iterations: int, x_max: float) -> Any:
    """Return the settings of GloVe that the C program was measured with."""
    from wordlab.params.embeddings import GloveParams

    return GloveParams(
        dimensions=dimensions,
        iterations=iterations,
        rate=0.05,
        x_max=x_max,
        exponent=0.75,
        adagrad="code",
        vectors="sum",
    )


def scores(vectors: Any) -> dict[str, float]:
    """Return WordSim-353, SimLex-999 and analogies over what the vocabulary knows."""
    from wordlab.evaluation.scores import evaluate
    from wordlab.params.evaluation import EvaluationParams

    params = EvaluationParams.model_validate(
        {
            "similarity": [{"name": n, "path": None} for n in ("wordsim353", "simlex999")],
            "analogies": {"path": None, "methods": ["3cosadd"], "restrict_vocabulary": None},
            "ignore_case": True,
            "resamples": 100,
            "confidence": 0.95,
        }
    )
    found = evaluate(vectors, params, seed=1).metrics()
    return {
        "wordsim353": found["wordsim353"]["spearman"],
        "simlex999": found["simlex999"]["spearman"],
        "analogy": found["analogy"]["3cosadd"]["total"],
    }
