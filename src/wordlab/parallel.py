"""Independent jobs in parallel: in processes or threads of this machine, or on a Dask cluster.

Only work that gives the same bytes anywhere goes to a cluster: text, and sums of whole numbers.
Jobs and results go over the network, so that workers need no file of this machine. A job whose
worker dies is given to another.
"""

import asyncio
import hashlib
import logging
import multiprocessing
import os
import platform
import shutil
import signal
import sys
import threading
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache, partial
from importlib.metadata import version
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.util import get_temp_dir
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from wordlab.errors import UserError
from wordlab.progress import thread_count

if TYPE_CHECKING:
    from distributed import Client


Job = TypeVar("Job")
Result = TypeVar("Result")
Ready = TypeVar("Ready", covariant=True)

_END = object()
KILLED = (
    "a process that computed was killed, for which too little memory is the usual cause; run it "
    "again, with a lower WORDLAB_THREADS if so"
)


class Promise(Protocol[Ready]):
    """A result to come: a future of this machine or of a cluster."""

    def result(self) -> Ready:
        """Wait for the result, and return it."""


def side_by_side(
    function: Callable[..., Result], jobs: Iterable[Job | None], *shared: Any
) -> Iterator[tuple[int, Result]]:
    """Yield the number of each job and `function(job, *shared)`, in the order in which they end.

    There are as many processes as threads to use; with one, this process does all the work.
    function: from a module, so that a worker can import it; jobs: the next is requested when a
    process is free; None, which is not counted, means that there is none at present; shared: sent
    to each worker once. Raises UserError where a process is killed.
    """
    workers = min(thread_count(), len(jobs)) if isinstance(jobs, Sized) else thread_count()
    if workers < 2:
        wanted = (job for job in jobs if job is not None)
        yield from ((number, function(job, *shared)) for number, job in enumerate(wanted))
        return
    pool = _processes(workers, function, shared)
    try:
        numbers: dict[Future[Result], int] = {}
        count, waiting = 0, iter(jobs)
        more = True
        while more or numbers:
            if more and len(numbers) < workers:
                job = next(waiting, _END)
                more = job is not _END
                if more and job is not None:
                    numbers[_submitted(pool, job)] = count
                    count += 1
            full = not more or len(numbers) == workers
            for ended in wait(numbers, None if full else 0, FIRST_COMPLETED).done:
                yield numbers.pop(ended), ended.result()
        pool.shutdown()
    except BaseException as error:  # interrupted, or a job failed: the others are of no use
        begun = list((pool._processes or {}).values())  # noqa: SLF001
        # before they end: the pool's thread closes, when they do, what this writes to
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in begun:
            worker.terminate()
        if isinstance(error, BrokenProcessPool):
            raise UserError(KILLED) from None
        raise


def _processes(
    workers: int, function: Callable[..., Any], shared: tuple[Any, ...]
) -> ProcessPoolExecutor:
    """Return a pool of processes for `function`.

    A fork of this process would copy torch's locked threads. So on Linux all are forks of one that
    has loaded the modules of the functions that it is first asked for, and started no thread.
    """
    _start_tracker()
    context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    functions = [getattr(one, "func", one) for one in (function, *shared) if callable(one)]
    context.set_forkserver_preload([one.__module__ for one in functions])
    own = {**os.environ, "WORDLAB_THREADS": str(max(1, thread_count() // workers))}
    begun = (function, shared, own, get_temp_dir())
    return ProcessPoolExecutor(workers, context, _begin, begun)


@cache
def _start_tracker() -> None:
    """Start the process that frees what this one leaves when it is killed, without its warning."""
    with warnings_off("multiprocessing.resource_tracker"):
        resource_tracker.ensure_running()


def _submitted(pool: ProcessPoolExecutor, job: Any) -> "Future[Any]":
    """Return what a worker is to make of a job.

    Ctrl-C is heard afterwards: one that came as a process starts would leave it half made, and the
    processes that start here never hear it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(_work, job)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def warnings_off(module: str) -> Iterator[None]:
    """Have processes that start inside the block give no warning of `module`."""
    before = os.environ.get("PYTHONWARNINGS")
    ours = f"ignore::UserWarning:{module}"
    os.environ["PYTHONWARNINGS"] = f"{before},{ours}" if before else ours
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


_task: list[Any] = []
"""In a worker: the function and what is shared."""


def _begin(
    function: Callable[..., Any],
    shared: tuple[Any, ...],
    environment: Mapping[str, str],
    scratch: str,
) -> None:
    """Keep what is shared; ignore Ctrl-C, and end when the process that started this one ends.

    scratch: the folder of that process's sockets, which stays where it is killed.
    """
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _task[:] = [function, shared]

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            shutil.rmtree(scratch, ignore_errors=True)
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(job: Any) -> Any:
    function, shared = _task
    return function(job, *shared)


def in_order(
    function: Callable[[Job], Result], jobs: Iterable[Job], *, batch: int
) -> Iterator[Result]:
    """Yield `function(job)` in the order of the jobs, computed in processes, `batch` at a time.

    There are as many processes as threads to use, or those of a cluster if there is one; only a few
    batches per process are held at once, so that there may be any number of jobs. With one thread,
    this process does all the work.
    """
    remaining = iter(jobs)
    batches = iter(lambda: list(islice(remaining, batch)), [])
    all_of = partial(_all, function=function)
    workers = thread_count()
    if address():
        with submitting(all_of) as (submit, ahead):
            for results in flow(submit, batches, ahead):
                yield from results
    elif workers < 2:
        yield from map(function, remaining)
    else:
        pool = _processes(workers, all_of, ())
        try:
            for results in flow(lambda some: _submitted(pool, some), batches, lambda: 3 * workers):
                yield from results
        except BrokenProcessPool:
            raise UserError(KILLED) from None
        finally:  # also when the reader stops early
            pool.shutdown(cancel_futures=True)


def in_order_of_threads(function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
    """Yield `function(job)` in the order of the jobs, computed in threads, or on a cluster.

    For functions that spend their time outside Python. Only a few jobs per thread are held at once,
    so that there may be any number of them.
    """
    threads = thread_count()
    if address():
        with submitting(function) as (submit, ahead):
            yield from flow(submit, jobs, ahead)
        return
    pool = ThreadPoolExecutor(threads)
    try:
        yield from flow(lambda job: pool.submit(function, job), jobs, lambda: 2 * threads)
    finally:  # also when the reader stops early
        pool.shutdown(cancel_futures=True)


def flow(
    submit: Callable[[Job], Promise[Result]], jobs: Iterable[Job], ahead: Callable[[], int]
) -> Iterator[Result]:
    """Submit jobs, `ahead()` at once at most, and yield their results in the order of the jobs."""
    running: deque[Promise[Result]] = deque()
    remaining = iter(jobs)
    while True:
        running.extend(map(submit, islice(remaining, max(0, ahead() - len(running)))))
        if not running:
            return
        yield running.popleft().result()


def _all(jobs: Sequence[Job], function: Callable[[Job], Result]) -> list[Result]:
    return [function(job) for job in jobs]


VARIABLE = "WORDLAB_SCHEDULER"
LOCAL = "local"
"""The address of a cluster on this machine, started here, which ends with the process."""
SECONDS = 8
"""The wait for the scheduler, and for its first worker."""
PACKAGES = ("numba", "numpy", "pyarrow", "regex")
"""Packages whose version could change a result, beside wordlab and Python."""


def address() -> str | None:
    """Return the address of the scheduler in WORDLAB_SCHEDULER, or None for this machine alone.

    It decides where a result is computed, never what it is.
    """
    return os.environ.get(VARIABLE) or None


@contextmanager
def submitting(
    function: Callable[[Any], Any],
) -> Iterator[tuple[Callable[[Any], Any], Callable[[], int]]]:
    """Yield a function that submits a job for `function`, and one that returns how many to submit.

    `function`, with the arguments of a partial, goes to each worker once. Raises UserError inside
    the block if there is no cluster, if it is lost, if its workers run another wordlab, or if
    several die of the same job.
    """
    where = address() or LOCAL
    client = _connect(where)
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    try:
        shared = client.submit(_same, function, pure=False)
        own = environment()
        yield (
            lambda job: client.submit(_work_on_cluster, shared, own, job, pure=False),
            lambda: 3 * max(1, sum(client.nthreads().values())),
        )
    except KilledWorker as error:
        raise UserError(
            f"{VARIABLE}: several workers of {where} died of the same job; "
            "their logs show why, such as too little memory"
        ) from error
    except (CancelledError, CommClosedError) as error:
        _connect.cache_clear()
        raise UserError(f"{VARIABLE}: the scheduler at {where} is gone; run again") from error


@cache
def _connect(where: str) -> "Client":
    """Return a client of the scheduler at `where`, kept for the rest of this process."""
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
            asyncio.run(_answer(where))
            client = Client(where, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{VARIABLE}: no Dask scheduler answers at {where}; expected {LOCAL} or the address "
            "of a running one, such as tcp://127.0.0.1:8786"
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


async def _answer(where: str) -> None:
    """Raise OSError unless a scheduler answers at `where`; a Client would wait for it for ever."""
    from distributed import Security
    from distributed.comm import connect

    given = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(where, timeout=SECONDS, **given), SECONDS)
    comm.abort()


@cache
def environment() -> str:
    """Return whatever could make a result differ: a digest of wordlab's code, and versions."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    versions = [f"{name} {version(name)}" for name in PACKAGES]
    python = f"Python {platform.python_version()}, Unicode {unicodedata.unidata_version}"
    return ", ".join([f"wordlab {digest.hexdigest()}", python, *versions])


def _same(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return function


def _work_on_cluster(function: Callable[[Any], Any], wanted: str, job: Any) -> Any:
    """Do a job on a worker, if its `environment` is that of the process that submitted it."""
    if environment() != wanted:
        raise UserError(
            f"{VARIABLE}: the worker on {platform.node()} has {environment()}; "
            f"expected what started the work: {wanted}"
        )
    return function(job)
