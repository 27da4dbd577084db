"""The settings of plain recurrent cells, for tests."""

from typing import Any

from wordlab.params.language import CellParams


def cells(cell: str, **changes: Any) -> CellParams:
    """Return the settings of a plain cell, `changes` on top."""
    plain: dict[str, Any] = {
        "activation": "tanh",
        "gates": "all",
        "gru_reset": "after",
        "forget_bias": 1.0,
        "initialisation": "uniform",
    }
    return CellParams.model_validate({"cell": cell, **plain, **changes})
