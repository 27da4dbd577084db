"""Stacks of recurrent layers over padded batches of sequences, with dropout in its places."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from wordlab.params.language import CellParams
from wordlab.recurrent.cells import Cell, State, stretches
from wordlab.recurrent.devices import Share
from wordlab.recurrent.kinds import make
from wordlab.recurrent.unrolled import torch_has, unroll, unroll_with_torch


@dataclass(frozen=True)
class LayerDropout:
    """What a stack drops while it trains, drawn from a generator of its own.

    between: the share of units dropped from what a layer passes on; recurrent: the share of
    entries dropped from the recurrent weights, one mask per call (Merity et al. 2017, 2);
    variational: one mask for all steps (Gal & Ghahramani 2016). share: which columns of the batch
    these are, None for all; masks are those that the whole batch would have.
    """

    between: float
    recurrent: float
    variational: bool
    generator: np.random.Generator
    share: Share | None = None


class RecurrentLayers(nn.Module):
    """Cells stacked on one another, each unrolled over all steps.

    bidirectional: each layer has a second cell that reads backwards; its output is appended to
    the first's, so that a layer's output is (T, B, 2H). backend: whose kernels run the cells, this
    package's, which are for processors, or torch.nn's; the weights are the same. On CUDA torch's
    run all that they have. products: what the factors of large
    products are rounded to, None for not at all.
    """

    def __init__(
        self,
        params: CellParams,
        input_size: int,
        hidden_size: int,
        layers: int,
        generator: torch.Generator,
        *,
        bidirectional: bool = False,
        backend: Literal["wordlab", "torch"] = "wordlab",
    ) -> None:
        super().__init__()
        self.hidden_size, self.bidirectional, self.backend = hidden_size, bidirectional, backend
        self.products: torch.dtype | None = None
        self.output_size = hidden_size * (2 if bidirectional else 1)
        sizes = [input_size] + [self.output_size] * (layers - 1)
        self.cells = nn.ModuleList(make(params, size, hidden_size, generator) for size in sizes)
        self.backward_cells = nn.ModuleList(
            make(params, size, hidden_size, generator) for size in sizes if bidirectional
        )

    def initial_state(self, batch_size: int) -> list[State]:
        """Return zeros for each cell, those that read forwards first."""
        return [cell.initial_state(batch_size) for cell in self._all_cells()]

    def forward(
        self,
        inputs: Tensor,
        state: Sequence[State] | None = None,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        dropout: LayerDropout | None = None,
    ) -> tuple[Tensor, list[State]]:
        """Return the last layer's output at every step and each cell's state after the last one.

        inputs (T, B, I) -> output (T, B, output_size). state: where to start, one State a cell in
        the order of `initial_state`; zeros if None. lengths, int64 (B,): the steps of each
        sequence, 1 to T; the state returned is that after a sequence's own last step, and output
        beyond it means nothing. resets, bool (T, B): steps that start from zeros instead of the
        state before; not together with lengths or two directions. dropout: None while not
        training.
        """
        assert resets is None or (lengths is None and not self.bidirectional)
        steps, batch_size, _ = inputs.shape
        start = list(state) if state is not None else self.initial_state(batch_size)
        backwards = _reversal(steps, batch_size, lengths) if self.bidirectional else None
        ends: list[State] = []
        backward_ends: list[State] = []
        output = inputs  # (T, B, I)
        for number, cell in enumerate(self.cells):
            if number and dropout is not None:
                output = drop(
                    output, dropout.between, dropout.variational, dropout.generator, dropout.share
                )
            forwards, end = self._run(cell, output, start[number], lengths, resets, dropout)
            ends.append(end)
            if backwards is not None:
                other = number + len(self.cells)
                turned = _gather(output, backwards)
                backward_cell = self.backward_cells[number]
                turned, end = self._run(backward_cell, turned, start[other], lengths, None, dropout)
                backward_ends.append(end)
                output = torch.cat([forwards, _gather(turned, backwards)], dim=2)  # (T, B, 2H)
            else:
                output = forwards  # (T, B, H)
        return output, ends + backward_ends

    def _run(
        self,
        cell: nn.Module,
        inputs: Tensor,
        state: State,
        lengths: Tensor | None,
        resets: Tensor | None,
        dropout: LayerDropout | None,
    ) -> tuple[Tensor, State]:
        """Return the output (T, B, H) of one cell, and its state at each sequence's end."""
        assert isinstance(cell, Cell)
        weight = cell.weight
        if dropout is not None and weight is not None:
            weight = drop(weight[None], dropout.recurrent, False, dropout.generator)[0]
        by_torch = inputs.device.type == "cuda" and lengths is None and torch_has(cell)
        if self.backend == "wordlab" and not by_torch:
            states = unroll(cell, inputs, state, weight, self.products, resets)
            return states[0], _at_end(states, lengths)
        outputs = []
        for steps, kept in stretches(len(inputs), resets):
            if kept is not None:
                state = tuple(part * kept.to(part) for part in state)
            output, state = unroll_with_torch(
                cell, inputs[steps], state, weight, lengths, self.products
            )
            outputs.append(output)
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs), state

    def _all_cells(self) -> list[Cell]:
        return [*self.cells, *self.backward_cells]


def drop(
    values: Tensor,
    probability: float,
    variational: bool,
    generator: np.random.Generator,
    share: Share | None = None,
) -> Tensor:
    """Return `values` (T, B, D) with entries set to 0 with `probability`, the rest scaled up.

    variational: the same entries at every step (Gal & Ghahramani 2016). share: which columns of
    a batch `values` are; the mask is drawn for all of it.
    """
    if probability == 0:
        return values
    steps, columns, width = values.shape
    shape = (1 if variational else steps, columns if share is None else share.total, width)
    kept = generator.random(shape, dtype=np.float32) >= probability
    if share is not None:
        kept = kept[:, share.first : share.first + columns]
    return values * torch.from_numpy(kept * np.float32(1 / (1 - probability))).to(values)


def _at_end(states: tuple[Tensor, ...], lengths: Tensor | None) -> State:
    """Return from all `states` (T, B, H) those (B, H) after each sequence's last step."""
    if lengths is None:
        return tuple(every[-1] for every in states)
    rows = torch.arange(len(lengths), device=lengths.device)
    return tuple(every[lengths - 1, rows] for every in states)


def _reversal(steps: int, batch_size: int, lengths: Tensor | None) -> Tensor:
    """Return int64 (T, B): for each step the one to read when reading backwards.

    Padding stays where it is. The same indices turn the result round again.
    """
    forwards = torch.arange(steps)[:, None].expand(steps, batch_size)
    if lengths is None:
        return steps - 1 - forwards
    mirrored = lengths.to(forwards.device)[None, :] - 1 - forwards
    return torch.where(mirrored >= 0, mirrored, forwards)


def _gather(values: Tensor, order: Tensor) -> Tensor:
    """Return `values` (T, B, D) with the steps of each sequence in `order` (T, B)."""
    columns = torch.arange(values.shape[1], device=values.device)[None, :]
    return values[order.to(values.device), columns]
