"""What torch computes with: a device, threads, and processes that train one model together.

Each process has its share of every batch. Their gradients are added up before each update, so that
all have the same weights at all times; torchrun starts them, on one machine or several, and says in
the environment which is which.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, distributed, nn

from wordlab import processes
from wordlab.errors import UserError
from wordlab.progress import thread_count

_at_once = 1
_sharers = 1
Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def threads(count: int | None = None) -> Iterator[None]:
    """Let the parts of large results be computed by `count` threads inside the block.

    None: as many as `progress.thread_count` says.

    Of torch's own there is one, for with more of them the bytes of its sums are others. The bytes
    of a result do not depend on `count`; its parts may, where no sum goes across them.
    """
    global _at_once
    before = _at_once, torch.get_num_threads()
    _at_once = count or thread_count()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        _at_once = before[0]
        torch.set_num_threads(before[1])


@cache
def _pool(count: int, of: Literal["items", "parts"]) -> ThreadPoolExecutor:
    """Return threads for items or for the parts inside these, which wait for one another."""
    return ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))


_PART = 1 << 24
"""Multiplications of a part: enough that a thread is worth its while."""
_ROUNDED_PART = 1 << 27
"""Likewise where factors are rounded, as units for such products make them eight times as fast."""


def part_size(multiplications: int, multiple: int = 1, rounded: torch.dtype | None = None) -> int:
    """Return how many rows make a part, each of so many multiplications; a multiple of one."""
    worth = _PART if rounded is None else _ROUNDED_PART
    return -(-worth // max(1, multiplications * multiple)) * multiple


def even_share(size: int, multiple: int) -> int:
    """Return how many of `size` rows each thread has, a multiple of one."""
    return -(-size // (_at_once * multiple)) * multiple


def in_parts(function: Callable[[slice], Any], size: int, step: int) -> None:
    """Call `function` with slices of `step` that cover range(size), some at once.

    Each call is to fill its own part of a result, outside Python for most of its time. No gradient
    is kept.
    """

    def run(part: slice) -> None:
        with torch.no_grad():  # in each thread
            function(part)

    parts = [slice(start, min(start + step, size)) for start in range(0, size, step)]
    _share_out(run, parts, _at_once, _pool(_at_once * _sharers, "parts"))


def at_once(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return what `function` gives for each of several items, some at once.

    The threads that are not needed for it compute parts of results inside it.
    """
    global _at_once, _sharers
    before = _at_once, _sharers
    found: list[Any] = [None] * len(items)

    def run(place: int) -> None:
        found[place] = function(items[place])

    _at_once, _sharers = max(1, _at_once // len(items)), len(items)
    try:
        _share_out(run, range(len(items)), before[0], _pool(before[0], "items"))
        return found
    finally:
        _at_once, _sharers = before


def _share_out(
    function: Callable[[Item], None], items: Sequence[Item], count: int, pool: ThreadPoolExecutor
) -> None:
    """Call `function` with each item, in this thread and in up to `count` - 1 of a pool.

    This thread waits only once every item has been begun: a training step of the LSTM in
    benchmarks/network_speed.py took .83 of the time on two threads that it took where two others
    did all the work. After an error no further item is begun.
    """
    todo = iter(items)

    def run() -> None:
        try:
            for item in todo:
                function(item)
        except BaseException:
            for _ in todo:
                pass
            raise

    helpers = min(count, len(items)) - 1
    others = [pool.submit(run) for _ in range(helpers)]
    try:
        run()
    finally:
        wait(others)
    for other in others:
        other.result()


def chosen_device(name: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """Return the device that a param names; auto is CUDA where there is one.

    Of several, the one of this process (`LOCAL_RANK`, as torchrun sets it). Raises UserError if
    CUDA is asked for and torch sees none.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UserError("device: torch sees no CUDA device; expected auto or cpu, got cuda")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)) % torch.cuda.device_count())


def chosen_products(
    name: Literal["auto", "float32", "bfloat16"], device: torch.device
) -> torch.dtype | None:
    """Return what the factors of large products are rounded to, None for not at all.

    auto is bfloat16 where the device has units for its products: on a processor those of AMX,
    without which it is slower than float32.
    """
    if name == "float32":
        return None
    if name == "auto":
        has = torch.cpu.get_capabilities().get("amx_bf16", False)
        if not (torch.cuda.is_bf16_supported() if device.type == "cuda" else has):
            return None
    return torch.bfloat16


@dataclass(frozen=True)
class Share:
    """The columns of a batch that this process has: `count` from `first` on, of `total`."""

    first: int
    count: int
    total: int


class Processes:
    """The processes of a training, of which this one has number `rank`; usually alone."""

    def __init__(self, rank: int, count: int, device: torch.device) -> None:
        self.rank, self.count, self.device = rank, count, device

    def share(self, batch_size: int) -> Share:
        """Return which columns of a batch are this process's.

        Raises UserError if the batch cannot be shared equally.
        """
        if batch_size % self.count:
            raise UserError(
                f"batch_size: expected a multiple of the {self.count} processes, got {batch_size}"
            )
        own = batch_size // self.count
        return Share(self.rank * own, own, batch_size)

    def combine(self, weights: Iterable[nn.Parameter], loss: Tensor, part: float) -> Tensor:
        """Give each weight the gradient of the whole batch, and return the loss of it.

        part: the share of the batch's symbols that this process's loss is the mean of.
        """
        if self.count == 1:
            return loss
        learnt = [weight for weight in weights if weight.requires_grad]
        own = [torch.zeros_like(w) if w.grad is None else w.grad for w in learnt]
        flat = torch.cat([loss.reshape(1), *(gradient.flatten() for gradient in own)]) * part
        distributed.all_reduce(flat)
        sizes = [1, *(weight.numel() for weight in learnt)]
        total, *gradients = flat.split(sizes)
        for weight, gradient in zip(learnt, gradients, strict=True):
            weight.grad = gradient.view_as(weight)
        return total[0]

    def of_first(self, values: Tensor) -> Tensor:
        """Return `values` as the first process has them; all have the same shape and dtype."""
        if self.count == 1:
            return values
        sent = values.detach().to(self.device, copy=True)
        distributed.broadcast(sent, src=0)
        return sent.to(values.device)

    def described_by_first(self, value: Any) -> Any:
        """Return any `value` as the first process has it."""
        values = [value]
        if self.count > 1:
            distributed.broadcast_object_list(values, src=0, device=self.device)
        return values[0]


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Give the processes that torchrun started, this one alone where it did not.

    They talk by NCCL on CUDA, else by gloo. Raises UserError where another process is gone.
    """
    with processes.joined("nccl" if device.type == "cuda" else "gloo") as group:
        yield Processes(group.rank, group.count, device)
