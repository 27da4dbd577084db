"""The training of one language model of a sweep, in a process of its own."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wordlab.errors import UserError
from wordlab.params.recurrent import LanguageModelParams
from wordlab.params.sweeps import DrawnTextParams, RecurrentSweepParams
from wordlab.recurrent.batching import document_starts, language_ids
from wordlab.recurrent.examples import Text
from wordlab.sweeps.contexts import context_losses, context_names
from wordlab.sweeps.course import Course
from wordlab.sweeps.drawn import TEXT_SCORES, Reference
from wordlab.sweeps.folds import Split
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from wordlab.recurrent.language_model import LanguageModel


@dataclass(frozen=True)
class Job:
    """What a training is: its settings, on which split (from 0), from which seed.

    sweep: what is measured, and the budget of weights; ngram_order: of the Kneser-Ney model that
    drawn text is scored by; share: of the budget in epochs or tokens, that it trains on.
    """

    params: LanguageModelParams
    split: int
    seed: int
    sweep: RecurrentSweepParams
    ngram_order: int
    share: float = 1.0


def train(job: Job, split: Split, judge: EncodedCorpus, vocabulary: Vocabulary) -> dict[str, float]:
    """Return what a trial with one torch thread measured; after divergence, NaN for most.

    judge: what drawn text is scored by.

    valid_loss: mean loss of the text scored, nats per symbol, at most log(classes);
    valid_perplexity: its exponential; diverged: 1 where the training broke off or that loss is
    above log(classes), that of guessing blindly, else 0; train_loss, gradient_norm, epoch: of the
    epoch that was best on the text held out to choose it; updates: of an epoch; parameters: how
    many; embedding_size and batch_size, where they follow from a budget; context_loss and
    context_N_loss: as in `contexts`; text_perplexity, text_distinct_2, text_coherence: of text
    drawn from the model, as in `drawn`; and what `Course` measures.
    """
    # imported here, for the process that hands out the trials needs no torch
    from wordlab.recurrent.threads import threads

    model, measured = train_model(job, split.learnt, split.stopping, vocabulary)
    blind = math.log(vocabulary.classes)
    contexts = dict.fromkeys(context_names(job.sweep.contexts), math.nan)
    scores = dict.fromkeys(TEXT_SCORES, math.nan)
    loss = math.inf
    if not measured["diverged"]:
        ids, starts = language_ids(split.scored, vocabulary), document_starts(split.scored)
        with threads(1):
            losses = model.token_losses(ids, document_starts=starts)
            loss = float(losses.mean(dtype=np.float64))
            if loss < blind:
                contexts = context_losses(model, ids, job.sweep.contexts, document_starts=starts)
    if loss < blind:
        drawn = texts(model, job.sweep.drawn_text, seed=job.seed)
        scores = reference(job, judge, vocabulary).scores(drawn)
    loss, diverged = (loss, 0.0) if loss < blind else (blind, 1.0)
    return {
        "valid_loss": loss,
        "valid_perplexity": math.exp(loss),
        **measured,
        "diverged": diverged,
        **contexts,
        **scores,
    }


def reference(job: Job, judge: EncodedCorpus, vocabulary: Vocabulary) -> Reference:
    """Return what text drawn from the model of a trial is compared with."""
    return Reference.of(judge, vocabulary, order=job.ngram_order, params=job.sweep.drawn_text)


def train_model(
    job: Job, learnt: EncodedCorpus, stopping: EncodedCorpus, vocabulary: Vocabulary
) -> tuple["LanguageModel", dict[str, float]]:
    """Return a model with the weights of the epoch best on `stopping`, and what training measured.

    diverged: 1 where the training broke off, else 0; the rest as `train` names it, NaN where the
    training broke off.
    """
    from wordlab.recurrent import language_model, training

    sweep, known = job.sweep, vocabulary
    train_ids, stopping_ids = (language_ids(corpus, known) for corpus in (learnt, stopping))
    budget = sweep.parameters
    params = job.params if budget is None else within_budget(job.params, known, budget)
    model = language_model.build(params, known, level="word", seed=job.seed)
    starts = document_starts(learnt), document_starts(stopping)
    text = Text(train_ids, starts[0]).examples(params, end=known.end, seed=job.seed)
    if job.share < 1:
        tokens = params.epochs * text.symbols
        tokens = min(tokens, params.tokens or tokens)
        params = params.model_copy(update={"tokens": math.ceil(job.share * tokens)})
    measured = dict.fromkeys(("train_loss", "gradient_norm", "epoch"), math.nan)
    course, diverged = Course(sweep.progress_tokens, sweep.target_loss), False
    try:
        record = training.train(
            model,
            train_ids,
            stopping_ids,
            params,
            seed=job.seed,
            torch_threads=1,
            document_starts=starts,
            on_epoch=course.epoch_ended,
            watcher=course,
        )
        best = record.epochs[record.best_epoch - 1]
        measured |= {name: float(getattr(best, name)) for name in measured}
    except training.DivergedError:
        diverged = True
    sizes = {} if budget is None else {"embedding_size": float(params.embedding_size)}
    if sweep.update_tokens is not None:
        sizes["batch_size"] = float(params.batch_size)
    return model, {
        "diverged": float(diverged),
        **measured,
        **sizes,
        "updates": float(text.batch_count),
        "parameters": float(language_model.description(model)["parameters"]),
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
