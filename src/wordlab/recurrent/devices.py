"""The device and the number of threads that torch computes with."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor

from wordlab.errors import UserError


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads in the body."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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


def product(
    one: Tensor, other: Tensor, rounded: torch.dtype | None, *, out: Tensor | None = None
) -> Tensor:
    """Return the product of two matrices in the dtype of `one`, in `out` where given.

    rounded: what both are rounded to first, None for not at all.
    """
    if rounded is None:
        return torch.mm(one, other, out=out)
    result = torch.mm(one.to(rounded), other.to(rounded))
    return result.to(one.dtype) if out is None else out.copy_(result)
