"""Whether a network has room in memory, and whether saved weights can be its own."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from wordlab.params.language import CELLS, NetworkParams
from wordlab.progress import require_memory

BYTES = 4
"""Of a weight."""


def require_network(params: NetworkParams, classes: int) -> None:
    """Raise UserError, naming the param, unless a network of so many classes has room in memory.

    Of its weights the least that any cell has are counted.
    """
    size, layers = params.hidden_size, params.layers
    one_hot = params.embedding == "one_hot"
    width = classes if one_hot else params.embedding_size
    require_memory(BYTES * float(classes) * width, "embedding" if one_hot else "embedding_size")
    require_memory(BYTES * float(classes) * size, "hidden_size")
    across = size if params.cell in CELLS else 0  # other cells may have no recurrent weights
    require_memory(BYTES * float(size) * (across + width), "hidden_size")
    require_memory(BYTES * layers * float(size) * max(across, 1), "layers")


def require_batch(params: NetworkParams) -> None:
    """Raise UserError unless the activations of a batch of windows have room in memory."""
    numbers = float(params.batch_size) * params.bptt_length * params.hidden_size * params.layers
    require_memory(BYTES * numbers, "batch_size")


def check_saved(
    params: NetworkParams, weights: Mapping[str, Tensor], level: Any, levels: tuple[Any, ...]
) -> None:
    """Raise ValueError if saved weights cannot be of a network of `params`, before it is made."""
    if level not in levels:
        raise ValueError(f"level {level!r}")
    across = params.hidden_size if params.cell in CELLS else 1
    sizes = params.hidden_size * across, params.embedding_size, params.layers
    if max(sizes) > sum(weight.numel() for weight in weights.values()):
        raise ValueError("fewer weights than model.json says")
    check_finite(weights)


def check_finite(weights: Mapping[str, Tensor]) -> None:
    """Raise ValueError if saved weights have NaN or infinity."""
    for name, weight in weights.items():
        if not weight.isfinite().all():
            raise ValueError(f"{name} has NaN or infinity")
