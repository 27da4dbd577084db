"""The training of one language model of a sweep, in a process of its own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wordlab.errors import UserError
from wordlab.params.recurrent import LanguageModelParams
from wordlab.params.sweeps import DrawnTextParams, RecurrentSweepParams
from wordlab.recurrent.batching import document_starts, language_ids
from wordlab.recurrent.examples import Text
from wordlab.sweeps.course import Course
from wordlab.sweeps.drawn import TEXT_SCORES, Reference
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from wordlab.recurrent.language_model import LanguageModel

WINDOWS = 1024
"""Cut contexts read side by side, which bounds the memory they take."""


@dataclass(frozen=True)
class Job:
    """What a trial trains: its settings, on which split (from 0), from which seed.

    sweep: what is measured, and the budget of weights; ngram_order: of the Kneser-Ney model that
    drawn text is scored by; share: of the budget in epochs or tokens, that it trains on.
    """

    params: LanguageModelParams
    split: int
    seed: int
    sweep: RecurrentSweepParams
    ngram_order: int
    share: float = 1.0


def train(
    job: Job,
    learnt: EncodedCorpus,
    valid: EncodedCorpus,
    judge: EncodedCorpus,
    vocabulary: Vocabulary,
) -> dict[str, float]:
    """Return what a training with one torch thread measured; after divergence, NaN for most.

    judge: what drawn text is scored by.

    valid_loss: the lowest over the epochs, at most log(classes), nats a symbol;
    valid_perplexity: its exponential; diverged: 1 or 0; train_loss, gradient_norm, epoch: of the
    epoch with that loss; updates: of an epoch; parameters: how many; embedding_size, where a
    budget decides it; context_loss and context_N_loss: mean loss of symbols that have enough
    before them, and the same with only the last N of these known; text_perplexity,
    text_distinct_2, text_coherence: of text drawn from the model, as in `drawn`; and what `Course`
    measures.
    """
    model, measured = train_model(job, learnt, valid, vocabulary)
    scores = dict.fromkeys(TEXT_SCORES, math.nan)
    if not measured["diverged"]:
        drawn = texts(model, job.sweep.drawn_text, seed=job.seed)
        scores = reference(job, judge, vocabulary).scores(drawn)
    return {**measured, **scores}


def reference(job: Job, judge: EncodedCorpus, vocabulary: Vocabulary) -> Reference:
    """Return what text drawn from the model of a trial is held against."""
    return Reference.of(
        judge,
        vocabulary,
        order=job.ngram_order,
        params=job.sweep.drawn_text,
    )


def train_model(
    job: Job, learnt: EncodedCorpus, valid: EncodedCorpus, vocabulary: Vocabulary
) -> tuple["LanguageModel", dict[str, float]]:
    """Return a trial's model, with the weights of its best epoch, and what `train` measures of it
    but for drawn text."""
    # imported here, for the process that hands out the trials needs no torch
    from wordlab.recurrent import language_model, training
    from wordlab.recurrent.threads import threads

    sweep, known = job.sweep, vocabulary
    train_ids, valid_ids = (language_ids(corpus, known) for corpus in (learnt, valid))
    budget = sweep.parameters
    params = job.params if budget is None else within_budget(job.params, known, budget)
    model = language_model.build(params, known, level="word", seed=job.seed)
    size = language_model.description(model)
    starts = document_starts(learnt), document_starts(valid)
    text = Text(train_ids, starts[0]).examples(params, end=known.end, seed=job.seed)
    if job.share < 1:
        tokens = params.epochs * text.symbols
        tokens = min(tokens, params.tokens or tokens)
        params = params.model_copy(update={"tokens": math.ceil(job.share * tokens)})
    blind = math.log(size["classes"])
    measured = dict.fromkeys(("train_loss", "gradient_norm", "epoch"), math.nan)
    course = Course(sweep.progress_tokens, sweep.target_loss)
    try:
        record = training.train(
            model,
            train_ids,
            valid_ids,
            params,
            seed=job.seed,
            torch_threads=1,
            document_starts=starts,
            on_epoch=course.epoch_ended,
            watcher=course,
        )
        best = record.epochs[record.best_epoch - 1]
        loss = min(best.valid_loss, blind)
        measured |= {name: float(getattr(best, name)) for name in measured}
    except training.DivergedError:
        loss = math.nan
    diverged = math.isnan(loss)
    contexts = dict.fromkeys(context_names(sweep.contexts), math.nan)
    if not diverged:
        with threads(1):
            contexts = context_losses(
                model,
                valid_ids,
                sweep.contexts,
                document_starts=starts[1],
            )
    told = {} if budget is None else {"embedding_size": float(params.embedding_size)}
    return model, {
        "valid_loss": blind if diverged else loss,
        "valid_perplexity": math.exp(blind if diverged else loss),
        "diverged": float(diverged),
        **measured,
        **contexts,
        **told,
        "updates": float(text.batch_count),
        "parameters": float(size["parameters"]),
        **course.metrics(),
    }


def texts(model: "LanguageModel", params: DrawnTextParams, *, seed: int) -> NDArray[np.int64]:
    """Return texts drawn from `model`, int64 (texts, length)."""
    from wordlab.recurrent.generation import draw_texts
    from wordlab.recurrent.threads import threads

    with threads(1):
        return draw_texts(model, params.texts, params.length, seed=seed)


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
            "parameters: the budget decides embedding_size; expected tied: false "
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
            f"parameters: hidden_size {params.hidden_size} needs {one:,} weights "
            f"with an embedding of 1; expected a budget above that, got {budget:,}"
        )
    return params.model_copy(update={"embedding_size": size})


def context_names(contexts: Sequence[int]) -> list[str]:
    """Return the names of the losses that `context_losses` measures."""
    return ["context_loss", *(f"context_{count}_loss" for count in contexts)] if contexts else []


def context_losses(
    model: "LanguageModel",
    ids: NDArray[np.int64],
    contexts: Sequence[int],
    *,
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
    first, *names = context_names(contexts)
    from wordlab.recurrent.reading import STREAMS, stream_starts

    whole = model.token_losses(ids, document_starts=document_starts)
    places, start = np.arange(len(ids)), np.zeros(len(ids), dtype=np.int64)
    for begun in (document_starts, stream_starts(ids, model.end, document_starts, STREAMS)):
        inside = begun[begun < len(ids)]
        start[inside] = inside
    chosen = places[places - np.maximum.accumulate(start) >= max(contexts)]
    if not len(chosen):
        return dict.fromkeys((first, *names), math.nan)
    losses = {first: float(whole[chosen].mean(dtype=np.float64))}
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
