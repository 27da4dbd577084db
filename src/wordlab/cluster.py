"""Work on a Dask cluster in place of this machine's own processes and threads.

What is sent there gives the same bytes wherever it runs: text, and sums of whole numbers. Jobs and
results go over the network, so that workers need no file of this machine. A job whose worker dies
is done again by another.
"""

import hashlib
import logging
import os
import platform
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordlab.errors import UserError
from wordlab.progress import thread_count

if TYPE_CHECKING:
    from distributed import Client

VARIABLE = "WORDLAB_SCHEDULER"
LOCAL = "local"
"""The address that stands for a cluster of this machine, which ends with the process."""
SECONDS = 20
"""To wait for the scheduler, and for its first worker."""
PACKAGES = ("numba", "numpy", "pyarrow", "regex")
"""Those whose version could change a result, besides wordlab and Python."""


def address() -> str | None:
    """Return the address of the scheduler in WORDLAB_SCHEDULER, or None for this machine alone.

    It decides where a result is computed, never what it is.
    """
    return os.environ.get(VARIABLE) or None


@contextmanager
def submitting(
    function: Callable[[Any], Any],
) -> Iterator[tuple[Callable[[Any], Any], Callable[[], int]]]:
    """Yield how to submit a job for `function`, and how many are worth being under way.

    `function`, with whatever it is partial to, goes to each worker once. Raises UserError if there
    is no cluster, if it is lost, if its workers run another wordlab, or die of one and the same
    job several times.
    """
    where = address() or LOCAL
    client = _connect(where)
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    try:
        shared = client.submit(_same, function, pure=False)
        own = environment()
        yield (
            lambda job: client.submit(_work, shared, own, job, pure=False),
            lambda: 3 * max(1, sum(client.nthreads().values())),
        )
    except KilledWorker as error:
        raise UserError(
            f"{VARIABLE}: several workers of {where} died of the same piece of work; "
            "their logs tell why, want of memory for one"
        ) from error
    except (CancelledError, CommClosedError) as error:
        _connect.cache_clear()
        raise UserError(f"{VARIABLE}: the scheduler at {where} is gone; run again") from error


@cache
def _connect(where: str) -> "Client":
    """Return a client of the scheduler at `where`, which serves this process until its end."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise UserError(
            f"{VARIABLE}: Dask is not installed; `pip install distributed`, or unset the variable"
        ) from error

    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GiB"})
    try:
        if where == LOCAL:
            cluster = LocalCluster(
                n_workers=thread_count(),
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                memory_limit=None,
                silence_logs=logging.CRITICAL,
            )
            client = Client(cluster)
        else:
            client = Client(where, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{VARIABLE}: no Dask scheduler answers at {where}; expected {LOCAL} or the address "
            "of one that runs, such as tcp://127.0.0.1:8786"
        ) from error
    try:
        client.wait_for_workers(1, timeout=SECONDS)
    except TimeoutError as error:
        client.close()
        raise UserError(
            f"{VARIABLE}: the scheduler at {where} has no worker; start some with "
            f"`dask worker {where}`"
        ) from error
    return client


@cache
def environment() -> str:
    """Return what could make a result differ: a digest of wordlab's code, and versions."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    versions = [f"{name} {version(name)}" for name in PACKAGES]
    python = f"Python {platform.python_version()}, Unicode {unicodedata.unidata_version}"
    return ", ".join([f"wordlab {digest.hexdigest()}", python, *versions])


def _same(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return function


def _work(function: Callable[[Any], Any], wanted: str, job: Any) -> Any:
    """Do a job on a worker, if that has the same `environment` as who asked for it."""
    if environment() != wanted:
        raise UserError(
            f"{VARIABLE}: the worker on {platform.node()} has {environment()}; "
            f"expected what started the work: {wanted}"
        )
    return function(job)
