"""The training of one language model of a sweep, in a process of its own."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wordlab.errors import UserError
from wordlab.params.recurrent import LanguageModelParams
from wordlab.recurrent.batching import document_starts, language_ids
from wordlab.recurrent.examples import Text
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from wordlab.recurrent.language_model import LanguageModel

WINDOWS = 1024
"""Cut contexts read side by side, which bounds the memory they take."""


@dataclass(frozen=True)
class Job:
    """What a trial trains: its settings, on which split (from 0), from which seed."""

    params: LanguageModelParams
    split: int
    seed: int
    budget: int | None
    """How many weights the network is to have, by its embedding_size; None leaves that alone."""
    contexts: tuple[int, ...]
    """The lengths to which the context is cut for scores of their own."""


def train(
    job: Job, learnt: EncodedCorpus, valid: EncodedCorpus, vocabulary: Vocabulary
) -> dict[str, float]:
    """Return what a training with one torch thread measured; after divergence, NaN for most.

    valid_loss: the lowest over the epochs, at most log(classes), nats a symbol;
    valid_perplexity: its exponential; diverged: 1 or 0; train_loss, gradient_norm, clip_rate,
    epoch: of the epoch with that loss; updates: of an epoch; parameters: how many;
    embedding_size, where a budget decides it; context_loss and context_N_loss: mean loss of
    symbols that have enough before them, and the same with only the last N of these known;
    seconds, tokens_per_second.
    """
    # imported here, for the process that hands out the trials needs no torch
    from wordlab.recurrent import language_model, training

    known = vocabulary.truncated(job.params.vocabulary_size)
    train_ids, valid_ids = (
        language_ids(corpus, vocabulary, job.params.vocabulary_size) for corpus in (learnt, valid)
    )
    params = job.params if job.budget is None else within_budget(job.params, known, job.budget)
    model = language_model.build(params, known, level="word", seed=job.seed)
    size = language_model.description(model)
    starts = document_starts(learnt), document_starts(valid)
    text = Text(train_ids, starts[0]).examples(params, end=len(known) + 1, seed=job.seed)
    blind = math.log(size["classes"])
    measured = dict.fromkeys(("train_loss", "gradient_norm", "clip_rate", "epoch"), math.nan)
    epochs: list[float] = []
    started = time.monotonic()
    try:
        record = training.train(
            model,
            train_ids,
            valid_ids,
            params,
            seed=job.seed,
            torch_threads=1,
            document_starts=starts,
            on_epoch=lambda epoch, _: epochs.append(epoch),
        )
        best = record.epochs[record.best_epoch - 1]
        loss = min(best.valid_loss, blind)
        measured |= {name: float(getattr(best, name)) for name in measured}
    except training.DivergedError:
        loss = math.nan
    seconds = time.monotonic() - started
    diverged = math.isnan(loss)
    told = {} if job.budget is None else {"embedding_size": float(params.embedding_size)}
    contexts = context_losses(
        model, valid_ids, job.contexts, streams=params.batch_size, document_starts=starts[1]
    )
    return {
        "valid_loss": blind if diverged else loss,
        "valid_perplexity": math.exp(blind if diverged else loss),
        "diverged": float(diverged),
        **measured,
        **({name: math.nan for name in contexts} if diverged else contexts),
        **told,
        "updates": float(text.batch_count),
        "parameters": float(size["parameters"]),
        "seconds": seconds,
        "tokens_per_second": len(train_ids) * max(len(epochs), 1) / seconds,
    }


def within_budget(
    params: LanguageModelParams, vocabulary: Vocabulary, budget: int
) -> LanguageModelParams:
    """Return `params` with the embedding_size that brings the number of weights closest to budget.

    The number is a linear function of embedding_size. Raises UserError if the smallest network is
    larger than the budget, or embedding_size is tied to hidden_size.
    """
    from wordlab.recurrent import language_model

    if params.tied or params.embedding == "one_hot":
        raise UserError(
            "sweep_recurrent.parameters: the budget decides embedding_size; expected tied: false "
            "and embedding: trained or frozen"
        )
    one, two = (
        language_model.description(
            language_model.build(
                params.model_copy(update={"embedding_size": size}), vocabulary, level="word", seed=0
            )
        )["parameters"]
        for size in (1, 2)
    )
    size = 1 + round((budget - one) / (two - one))
    if size < 1:
        raise UserError(
            f"sweep_recurrent.parameters: hidden_size {params.hidden_size} needs {one:,} weights "
            f"with an embedding of 1; expected a budget above that, got {budget:,}"
        )
    return params.model_copy(update={"embedding_size": size})


def context_losses(
    model: "LanguageModel",
    ids: NDArray[np.int64],
    contexts: Sequence[int],
    *,
    streams: int,
    document_starts: NDArray[np.int64],
) -> dict[str, float]:
    """Return how well `model` predicts with its whole context, and with the last symbols only.

    context_loss: the mean of -log p, nats, over the symbols of `ids` (N,) that have the longest of
    `contexts` before them in their document and their stream; context_N_loss: the same symbols,
    the state being zeros N symbols before each. NaN where there are no such symbols; nothing for
    no contexts.
    """
    if not contexts:
        return {}
    names = [f"context_{count}_loss" for count in contexts]
    whole = model.token_losses(ids, streams=streams, document_starts=document_starts)
    length, longest = -(-len(ids) // max(1, min(streams, len(ids)))), max(contexts)
    places = np.arange(len(ids))
    start = np.zeros(len(ids), dtype=np.int64)
    inside = document_starts[document_starts < len(ids)]
    start[inside] = inside
    depth = np.minimum(places - np.maximum.accumulate(start), places % length)
    chosen = places[depth >= longest]
    if not len(chosen):
        return dict.fromkeys(("context_loss", *names), math.nan)
    losses = {"context_loss": float(whole[chosen].mean(dtype=np.float64))}
    for name, count in zip(names, contexts, strict=True):
        windows = ids[chosen + np.arange(-count, 0)[:, None]]  # (count, chosen)
        losses[name] = _cut_loss(model, windows, ids[chosen])
    return losses


def _cut_loss(
    model: "LanguageModel", windows: NDArray[np.int64], targets: NDArray[np.int64]
) -> float:
    """Return the mean of -log p of `targets` (N,) after `windows` (T, N) alone, nats."""
    import torch

    total = 0.0
    for start in range(0, len(targets), WINDOWS):
        part = slice(start, start + WINDOWS)
        inputs = torch.from_numpy(windows[:, part].copy())
        wanted = torch.full_like(inputs, -1)  # only the last one is to be predicted
        wanted[-1] = torch.from_numpy(targets[part].copy())
        total += model.window_loss(inputs, wanted, model.initial_state(inputs.shape[1]))
    return total / len(targets)
