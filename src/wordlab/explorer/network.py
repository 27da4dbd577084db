"""A recurrent language model as the page computes it, if it can."""

from typing import Any

from wordlab import names
from wordlab.explorer.packing import WEIGHTS, pack_matrix, pack_values
from wordlab.recurrent.cells import RecurrentCell
from wordlab.recurrent.language_model import LanguageModel


def refusal(model: LanguageModel, room: int) -> str | None:
    """Return why the page cannot have `model` in `room` characters, None where it can."""
    params = model.params
    if params.cell != "gru":
        cell = names.model(params.cell)
        return f"The page computes GRUs only, and the cell of this model is {cell}."
    if params.embedding == "one_hot":
        return "The page computes models with an embedding only, and this one has none."
    weights = sum(weight.numel() for weight in model.parameters())
    if WEIGHTS.per(weights) > room:
        fitting = int(room / WEIGHTS.per(1))
        return f"This model has {weights:,} weights, of which the page could hold {fitting:,}."
    return None


def packed(model: LanguageModel) -> dict[str, Any]:
    """Return the weights of a GRU language model, for JSON.

    Rounded, each row of a matrix to a scale of its own. `bounds` are where the clusters of an
    adaptive softmax start and end, none for a full one. A tied model has no `output.weight`.
    """
    weights = {name: weight.numpy() for name, weight in model.weights().items()}
    cells = [cell for cell in model.layers.cells if isinstance(cell, RecurrentCell)]
    return {
        "hidden": model.params.hidden_size,
        "reset": model.params.gru_reset,
        "gates": list(cells[0].gates),
        "layers": len(cells),
        "words": model.vocabulary.words,
        "bounds": getattr(model.output, "bounds", []),
        "weights": {
            name: pack_matrix(weight) if weight.ndim == 2 else pack_values(weight)
            for name, weight in weights.items()
        },
    }
