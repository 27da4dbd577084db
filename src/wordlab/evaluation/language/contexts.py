"""How much farther context helps a language model: its loss with only the last of it true."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.reading import STREAMS, stream_starts

Ids = NDArray[np.int64]

FAR = 50
"""Symbols of other text, from the beginning of a sentence, that replace the far context."""
PLACES = 1000
"""Symbols predicted at most, to bound the time."""
SIDE_BY_SIDE = 500
"""Symbols predicted side by side, to bound the memory."""


def context_names(contexts: Sequence[int]) -> list[str]:
    """Return the names of the losses that `context_losses` measures."""
    return ["context_loss", *(f"context_{count}_loss" for count in contexts)] if contexts else []


def context_losses(
    model: LanguageModel,
    ids: Ids,
    contexts: Sequence[int],
    *,
    document_starts: Ids,
    far: int = FAR,
) -> dict[str, float]:
    """Return how well `model` predicts with its whole context, and with only the last of it true.

    context_loss: the mean of -log p, nats, of symbols of `ids` (N,), evenly spaced among those with
    at least `far` symbols before their last max(contexts) in their document and in their stream;
    context_N_loss: of the same symbols, after other text and their last N symbols. The other text
    is `far` symbols from the beginning of a sentence, half of `ids` away: so the network does not
    predict from a state of zeros, but from one that only the far context of another place has led
    to (after Khandelwal et al. 2018, who replace far words by those of another place).

    All are NaN where there are no such symbols, or where the network does not carry its state
    through the text (`examples` other than streams, carry_state never); nothing for no contexts.
    """
    if not contexts:
        return {}
    first, *names = context_names(contexts)
    losses = dict.fromkeys((first, *names), math.nan)
    needed, params = far + max(contexts), model.params
    carried = params.examples == "streams" and params.carry_state != "never"
    streams = min(max(len(ids) // (8 * needed), 1), STREAMS)
    begun = np.unique(
        np.append(stream_starts(ids, model.end, document_starts, streams), document_starts)
    )
    begun = begun[begun < len(ids)]
    places = np.arange(len(ids))
    places = places[places - begun[np.searchsorted(begun, places, side="right") - 1] >= needed]
    sentences = np.append(0, np.flatnonzero(ids == model.end) + 1)
    sentences = sentences[sentences + far <= len(ids)]
    if not carried or not len(places):
        return losses
    chosen = np.unique(places[np.linspace(0, len(places) - 1, PLACES).astype(np.int64)])
    opposite = (chosen + len(ids) // 2) % len(ids)
    others = sentences[np.searchsorted(sentences, opposite) % len(sentences)]
    whole = model.token_losses(ids, document_starts=document_starts, streams=streams)
    losses[first] = float(whole[chosen].mean(dtype=np.float64))
    before = np.append(model.end, ids[:-1])  # what a network reads to predict each symbol
    for name, count in zip(names, contexts, strict=True):
        total = 0.0
        for start in range(0, len(chosen), SIDE_BY_SIDE):
            part = slice(start, start + SIDE_BY_SIDE)
            steps = (
                others[part] + np.arange(far)[:, None],
                chosen[part] - np.arange(count)[::-1, None],
            )
            total += _last_loss(model, before[np.concatenate(steps)], ids[chosen[part]])
        losses[name] = total / len(chosen)
    return losses


def _last_loss(model: LanguageModel, inputs: Ids, targets: Ids) -> float:
    """Return the sum of -log p, nats, of `targets` (B,) after `inputs` (T, B)."""
    with torch.no_grad():
        hidden, _ = model(torch.from_numpy(inputs), model.initial_state(inputs.shape[1]))
        losses = model.output.losses(hidden[-1], torch.from_numpy(targets))
    return float(losses.sum(dtype=torch.float64))
