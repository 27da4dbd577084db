"""Threads that meet: atomic counters, which numba alone does not have."""

from typing import Any

from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_SPINS = 2000
_yield_processor = types.ExternalFunction("sched_yield", types.int32())


def _address(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    structure = context.make_array(kind)(context, builder, value=array)
    return cgutils.get_item_pointer(context, builder, kind, structure, [place])


@intrinsic
def fetch_add(typing_context: Any, counters: Any, place: Any, amount: Any) -> Any:
    """Add `amount` to counters[place] (int64) atomically; return its value before."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        return builder.atomic_rmw("add", pointer, arguments[2], "seq_cst")

    return types.int64(counters, types.intp, types.int64), emit


@intrinsic
def load(typing_context: Any, counters: Any, place: Any) -> Any:
    """Return counters[place] (int64); all that was written before it was set is then visible."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        return builder.load_atomic(pointer, "acquire", align=8)

    return types.int64(counters, types.intp), emit


@njit(nogil=True, cache=True)
def wait_until(counters: Any, place: int, amount: int) -> None:
    """Wait until counters[place] has risen to `amount`; yield the processor if that takes long."""
    spins = 0
    while load(counters, place) < amount:
        spins += 1
        if spins > _SPINS:
            _yield_processor()
