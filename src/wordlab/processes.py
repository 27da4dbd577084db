"""Processes that train one model together, on one machine or several.

torchrun starts them, and says in the environment which is which. They exchange arrays through
torch.distributed, which only a training of several processes loads.
"""

import atexit
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from wordlab.errors import UserError

RESUME = "start all of them again to resume"


class Transfer(Protocol):
    """An array on its way to another process, or from one."""

    def wait(self) -> Any:
        """Wait until the array may be used again."""


class Group:
    """The processes of a training, of which this one has number `rank`; usually alone.

    Arrays are contiguous and of a numeric dtype; each receiver knows the shape.
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count

    def send(self, array: NDArray[Any], to: int, tag: int) -> Transfer:
        """Start to send an array, which must not change before the transfer has ended."""
        import torch
        from torch import distributed

        return _under_way(distributed.isend(torch.from_numpy(array), to, tag=tag))

    def receive(self, array: NDArray[Any], source: int, tag: int) -> Transfer:
        """Start to receive what `source` sends under `tag`, into `array`, which it mutates."""
        import torch
        from torch import distributed

        return _under_way(distributed.irecv(torch.from_numpy(array), source, tag=tag))

    def take_over(self, array: NDArray[Any]) -> None:
        """Overwrite `array` by what the first process has there."""
        if self.count > 1:
            import torch
            from torch import distributed

            distributed.broadcast(torch.from_numpy(array), src=0)

    def number_of_first(self, number: float) -> float:
        """Return a number as the first process has it."""
        array = np.array([number], np.float64)
        self.take_over(array)
        return float(array[0])

    def add_up(self, array: NDArray[Any]) -> None:
        """Overwrite `array` by the sum of what all processes have there.

        The bytes do not depend on their number where only one of them has another value than 0.
        """
        if self.count > 1:
            import torch
            from torch import distributed

            distributed.all_reduce(torch.from_numpy(array))

    def require_same(self, digest: bytes, what: str) -> None:
        """Raise UserError in every process unless all have the same `digest`, of `what`."""
        of_first = np.frombuffer(digest, np.uint8).copy()
        self.take_over(of_first)
        others = np.array([of_first.tobytes() != digest], np.int64)
        self.add_up(others)
        if others[0]:
            raise UserError(
                f"{int(others[0])} of {self.count} processes have other {what} than the first; "
                "expected the same in all"
            )


def _under_way(transfer: Transfer | None) -> Transfer:
    assert transfer is not None, "torch has no transfer for a process outside the group"
    return transfer


@contextmanager
def joined(backend: Literal["gloo", "nccl"] = "gloo") -> Iterator[Group]:
    """Give the processes that torchrun started, this one alone where it did not.

    Raises UserError inside the block where another process is gone. A process joins once: several
    trainings, one after another, have the same group.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Group()
        return
    from torch import distributed

    try:
        if not distributed.is_initialized():
            distributed.init_process_group(backend)
            atexit.register(distributed.destroy_process_group)
        yield Group(distributed.get_rank(), count)
    except RuntimeError as error:
        problem = _lost(error)
        if problem is None:
            raise
        raise UserError(
            f"another process of the training cannot be reached ({problem}); {RESUME}"
        ) from error
    except SystemExit as error:
        if error.code != 128 + signal.SIGTERM:
            raise
        raise UserError(
            "the training was stopped, as torchrun does where one of its processes has ended; "
            f"{RESUME}"
        ) from error


def _lost(error: RuntimeError) -> str | None:
    """Return in one line what torch says where a process is gone, None of any other error."""
    from torch import distributed

    text = next(iter(str(error).splitlines()), "")
    if isinstance(error, distributed.DistError):
        return text
    of_gloo = re.search(r"\[\S*gloo/\S+\] *(.*)", text)  # it has no class of its own
    return of_gloo[1].rstrip(". ") if of_gloo else None
