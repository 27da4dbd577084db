"""Atomic counters and a barrier, for compiled threads that work in step without Python."""

from typing import Any

from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

COUNTER_STRIDE = 16
"""Counters are this many int64 apart, so that no two of them share a cache line."""
_SPINS = 2000
_yield_processor = types.ExternalFunction("sched_yield", types.int32())


def _address(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    structure = context.make_array(kind)(context, builder, value=array)
    return cgutils.get_item_pointer(context, builder, kind, structure, [place])


@intrinsic
def fetch_add(typing_context: Any, counters: Any, place: Any, amount: Any) -> Any:
    """Add `amount` to counters[place] (int64) in one indivisible step; return what it was."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        return builder.atomic_rmw("add", pointer, arguments[2], "seq_cst")

    return types.int64(counters, types.intp, types.int64), emit


@intrinsic
def load(typing_context: Any, counters: Any, place: Any) -> Any:
    """Return counters[place] (int64) with all that was written before it was set."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        return builder.load_atomic(pointer, "acquire", align=8)

    return types.int64(counters, types.intp), emit


@intrinsic
def store(typing_context: Any, counters: Any, place: Any, value: Any) -> Any:
    """Set counters[place] (int64) after all that was written before."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        builder.store_atomic(arguments[2], pointer, "release", align=8)
        return context.get_dummy_value()

    return types.void(counters, types.intp, types.int64), emit


@njit(nogil=True, cache=True)
def wait_for_all(counters: Any, place: int, threads: int) -> None:
    """Return when `threads` threads have called this: the barrier at counters[place].

    Uses counters[place] (arrivals) and counters[place + COUNTER_STRIDE] (generation).
    """
    if threads == 1:
        return
    generation = load(counters, place + COUNTER_STRIDE)
    if fetch_add(counters, place, 1) == threads - 1:
        store(counters, place, 0)
        store(counters, place + COUNTER_STRIDE, generation + 1)
        return
    spins = 0
    while load(counters, place + COUNTER_STRIDE) == generation:
        spins += 1
        if spins > _SPINS:
            _yield_processor()
