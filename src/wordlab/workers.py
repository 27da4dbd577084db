"""Independent work side by side, each worker a process of its own."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from functools import partial
from itertools import islice
from typing import Any, Protocol, TypeVar

from wordlab import cluster
from wordlab.progress import thread_count

Job = TypeVar("Job")
Result = TypeVar("Result")
Ready = TypeVar("Ready", covariant=True)

_END = object()


class Promise(Protocol[Ready]):
    """Work under way: a future of this machine's or of a cluster's."""

    def result(self) -> Ready:
        """Wait for the result, and return it."""


def side_by_side(
    function: Callable[..., Result], jobs: Iterable[Job | None], *shared: Any
) -> Iterator[tuple[int, Result]]:
    """Yield the number of each job and `function(job, *shared)`, in the order in which they end.

    There are as many processes as threads to use; with one, this process does all the work.
    function: of a module, so that a worker finds it; jobs: the next is asked for when a process is
    free to do it; None, which is not counted, says that there is none at present; shared: handed to
    each worker once.
    """
    workers = min(thread_count(), len(jobs)) if isinstance(jobs, Sized) else thread_count()
    if workers < 2:
        wanted = (job for job in jobs if job is not None)
        yield from ((number, function(job, *shared)) for number, job in enumerate(wanted))
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy torch's locked threads
    pool = ProcessPoolExecutor(workers, context, _begin, (function, shared))
    try:
        numbers: dict[Future[Result], int] = {}
        count, waiting = 0, iter(jobs)
        more = True
        while more or numbers:
            if more and len(numbers) < workers:
                job = next(waiting, _END)
                more = job is not _END
                if more and job is not None:
                    numbers[pool.submit(_work, job)] = count
                    count += 1
            full = not more or len(numbers) == workers
            for ended in wait(numbers, None if full else 0, FIRST_COMPLETED).done:
                yield numbers.pop(ended), ended.result()
        pool.shutdown()
    except BaseException:  # interrupted, or a job failed: what still runs is of no use
        for worker in list(pool._processes.values()):  # noqa: SLF001
            worker.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise


_task: list[Any] = []
"""Of a worker: the function and what is shared."""


def _begin(function: Callable[..., Any], shared: tuple[Any, ...]) -> None:
    """Take what is shared; a Ctrl-C is for the process that started this one, whose end ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _task[:] = [function, shared]

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(job: Any) -> Any:
    function, shared = _task
    return function(job, *shared)


def in_order(
    function: Callable[[Job], Result], jobs: Iterable[Job], *, batch: int
) -> Iterator[Result]:
    """Yield `function(job)` in the order of the jobs, computed `batch` at a time by processes.

    There are as many processes as threads to use, or those of a cluster if one is asked for; only
    a few batches a process are held at once, so that there may be any number of jobs. With one
    thread, this process does all the work.
    """
    remaining = iter(jobs)
    batches = iter(lambda: list(islice(remaining, batch)), [])
    all_of = partial(_all, function=function)
    workers = thread_count()
    if cluster.address():
        with cluster.submitting(all_of) as (submit, ahead):
            for results in flow(submit, batches, ahead):
                yield from results
    elif workers < 2:
        yield from map(function, remaining)
    else:
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(workers, context, _begin, (all_of, ()))
        try:
            for results in flow(
                lambda some: pool.submit(_work, some), batches, lambda: 3 * workers
            ):
                yield from results
        finally:  # also when the reader stops early
            pool.shutdown(cancel_futures=True)


def in_order_of_threads(function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
    """Yield `function(job)` in the order of the jobs, computed by threads, or by a cluster.

    For functions that spend their time outside Python. Only a few jobs a thread are held at once,
    so that there may be any number of them.
    """
    threads = thread_count()
    if cluster.address():
        with cluster.submitting(function) as (submit, ahead):
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
