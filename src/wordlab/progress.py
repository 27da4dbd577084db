"""Progress bars, loggers of metrics by step, and the threads and memory of a process."""

import os
import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import psutil
from tqdm import tqdm

from wordlab import names
from wordlab.errors import UserError

GROUP = Path("/sys/fs/cgroup")
"""Where Linux has the limits of a container."""

StepLogger = Callable[[int, Mapping[str, float]], None]
"""Receives a step (an epoch, an iteration or a batch) and the metrics measured at it."""


def ignore_step(step: int, metrics: Mapping[str, float]) -> None:
    """Log nothing: the StepLogger of work that nobody follows."""


def best(metric: str, value: float, trial: str) -> str:
    """Return what a bar shows of the best trial so far, by its metric and its name."""
    return f"best {names.plain(metric)} {value:.4g}: {names.trial(trial)}"


def bar(total: float, title: str, unit: str) -> "tqdm[NoReturn]":
    """Return a progress bar on standard error, silent where that is not a terminal.

    Call `.update(n)` as units are done; rate and time left are shown, of a few long units by the
    mean of all that were done.
    """
    few = total < 1000
    return tqdm(
        total=total,
        desc=title,
        unit=unit,
        unit_scale=not few,
        smoothing=0 if few else 0.3,
        disable=None,
        leave=False,
    )


def peak_mib() -> float:
    """Return the largest resident memory that this process has had, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, which macOS counts in bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def free_memory() -> float:
    """Return the bytes of memory that this process may still take, by the system or its group."""
    free = float(psutil.virtual_memory().available)
    try:
        most, used = ((GROUP / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        if most == "max":
            return free
        # files that nobody has read lately count as used, but make room for what is asked for
        stat = GROUP / "memory.stat"
        lines = stat.read_text().splitlines() if stat.exists() else []
        files = dict(line.split() for line in lines).get("inactive_file", "0")
        return min(free, float(most) - float(used) + float(files))
    except (OSError, ValueError):
        return free


def require_memory(needed: float, param: str) -> None:
    """Raise UserError, naming `param`, where `needed` bytes of memory are not there."""
    free = free_memory()
    if needed > free:
        raise UserError(
            f"{param}: needs {needed / 2**30:,.1f} GiB of memory or more, {free / 2**30:,.1f} are "
            "free; expected a smaller value"
        )


def thread_count() -> int:
    """Return how many threads to use: WORDLAB_THREADS, or else every core this process may use.

    It decides how fast a result comes, never what it is.
    """
    asked = os.environ.get("WORDLAB_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return core_count()


def core_count() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
