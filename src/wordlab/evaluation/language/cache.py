"""A neural cache: what came after similar states of the same text (Grave, Joulin & Usunier 2017).

A state is what the last layer puts out before a symbol; the cache keeps it with the symbol that
then came. p_cache(w | h_t) is the sum of exp(flatness * h_t . h_i) over the kept i whose symbol is
w, divided by the sum over all kept i (equation 3). The larger `flatness`, theta in the paper, the
more the most similar states count; at 0 all count alike, and it is a unigram cache.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BLOCK = 256
"""Symbols whose states are compared with all that they see in one product."""


class NeuralCache:
    """The last `size` states of a text, with the symbols that came after them.

    weight: the share of the cache in the mixture with the model, lambda in the paper, 0 to 1.
    """

    def __init__(self, size: int, flatness: float, weight: float) -> None:
        self.flatness, self.weight = flatness, weight
        self._states: deque[Tensor] = deque(maxlen=size)
        self._ids: deque[int] = deque(maxlen=size)

    def probabilities(self, model_probabilities: Tensor, hidden: Tensor) -> Tensor:
        """Return p (C,) of what comes next: the model's own mixed with the cache's.

        model_probabilities (C,); hidden (H,): what the last layer has put out. While nothing is
        remembered, they are the model's.
        """
        if not self._ids:
            return model_probabilities
        similar = torch.stack(tuple(self._states)) @ hidden  # (n,)
        shares = torch.softmax(self.flatness * similar, dim=0).to(model_probabilities)
        ids = torch.tensor(tuple(self._ids), device=shares.device)
        mixed = (1 - self.weight) * model_probabilities
        return mixed.index_add(0, ids, self.weight * shares)

    def remember(self, hidden: Tensor, symbol: int) -> None:
        """Keep `hidden` (H,) with the class of the symbol that came after it."""
        self._states.append(hidden.detach())
        self._ids.append(symbol)


def cache_probabilities(
    hidden: Tensor,
    ids: NDArray[np.int64],
    *,
    size: int,
    flatness: Sequence[float],
    document_starts: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Return p_cache of each symbol of a text at each flatness, float64 (F, N).

    hidden (N, H): the states before each of `ids` (N,). Each symbol sees the `size` before it,
    none of a document before its own where `document_starts`, int64 (D,), rising, are given. NaN
    where it sees none.
    """
    symbols = torch.from_numpy(ids).to(hidden.device)
    places = np.arange(len(ids))
    first = np.maximum(places - size, 0)
    if document_starts is not None:
        starts = np.append(0, document_starts)
        first = np.maximum(first, starts[np.searchsorted(starts, places, side="right") - 1])
    found = torch.empty(len(flatness), len(ids), dtype=torch.float64)
    for start in range(0, len(ids), BLOCK):
        rows = slice(start, min(start + BLOCK, len(ids)))
        seen = slice(int(first[start]), rows.stop)
        similar = hidden[rows] @ hidden[seen].t()  # (n, m)
        place, row = places[seen], places[rows, None]
        outside = torch.from_numpy((place < first[rows, None]) | (place >= row)).to(similar.device)
        same = symbols[seen] == symbols[rows, None]
        for number, one in enumerate(flatness):
            shares = torch.softmax((one * similar).masked_fill_(outside, -torch.inf), dim=1)
            found[number, rows] = (shares * same).sum(dim=1).cpu()
    return found.numpy()
