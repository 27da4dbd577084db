"""How often the symbol that comes next is the one a model thinks likeliest, or among its first."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wordlab.evaluation.language.held_out import HeldOut, interval, resampled
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.recurrent.language_model import LanguageModel

TOP = (1, 5)
"""A prediction counts as right where the symbol is among so many of the likeliest."""
_BLOCK = 1 << 20
"""Probabilities held at once."""


@torch.no_grad()
def ranked(model: LanguageModel, hidden: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return -log p in nats of `targets` (N,) after `hidden` (N, H), and their ranks, int64 (N,).

    The rank of a symbol is how many `model` thinks likelier; of equally likely ones the lower class
    comes first.
    """
    step = max(1, _BLOCK // model.classes)
    classes = torch.arange(model.classes, device=model.embedding.device)
    nats, found = [], []
    for part, wanted in zip(hidden.split(step), targets[:, None].split(step), strict=True):
        log_p = model.output.log_probabilities(part)  # (n, C)
        own = log_p.gather(1, wanted)
        before = (log_p > own) | ((log_p == own) & (classes < wanted))
        nats.append(-own[:, 0])
        found.append(before.sum(dim=1))
    return torch.cat(nats).cpu(), torch.cat(found).cpu()


def sentence_losses(
    model: LanguageModel, sentences: Sequence[NDArray[np.int64]]
) -> NDArray[np.float64]:
    """Return -log p in nats of each sentence, float64 (S,), read by itself from a state of zeros.

    sentences: the classes of each, int64 (n,), the last of which alone is the end of a sentence.
    """
    sizes = [len(each) for each in sentences]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    whole = {"examples": "sentences", "bptt_length": max(sizes)}
    losses = model.token_losses(
        np.concatenate(sentences),
        document_starts=starts,
        params=model.params.model_copy(update=whole),
    )
    return np.add.reduceat(losses.astype(np.float64), starts)


def ngram_ranks(model: KneserNey, text: HeldOut) -> NDArray[np.int64]:
    """Return the rank of each symbol of `text` by an n-gram model, int64 (N,), as of `ranked`."""
    classes, found = np.arange(model.classes), []
    for targets, p in _with_targets(model, text.ids):
        own = np.take_along_axis(p, targets[:, None], axis=1)
        found.append(((p > own) | ((p == own) & (classes < targets[:, None]))).sum(axis=1))
    return np.concatenate(found)


def _with_targets(
    model: KneserNey, ids: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Yield parts of `ids` (n,) with the probabilities of all symbols there (n, C)."""
    step = max(1, _BLOCK // model.classes)
    for start, p in zip(range(0, len(ids), step), model.probabilities(ids, step), strict=True):
        yield ids[start : start + step], p


def accuracy(ranks: NDArray[np.int64], text: HeldOut, *, seed: int) -> dict[str, float]:
    """Return the share of symbols of `text` whose rank is below each of `TOP`.

    `top_1` and `top_5` with the ends _low and _high of 95 % intervals from the samples that those
    of perplexity are from; `top_1_known` and `top_5_known`: over the symbols other than the unknown
    one, NaN where there are none.
    """
    hits = np.array([ranks < most for most in TOP], dtype=np.float64)  # (2, N)
    known = text.ids != text.unknown
    found: dict[str, float] = {}
    for most, own, drawn in zip(TOP, hits, resampled(hits, text, seed), strict=True):
        share = float(own.mean())
        low, high = np.clip(interval(share, drawn, text.spread), 0, 1).tolist()
        found |= {f"top_{most}": share, f"top_{most}_low": low, f"top_{most}_high": high}
        found[f"top_{most}_known"] = float(own[known].mean()) if known.any() else float("nan")
    return found
