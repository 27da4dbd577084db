"""One trial of the recurrent sweep: a language model trained in a process of its own."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.evaluation.language.contexts import context_losses, context_names
from wordlab.evaluation.language.drawn_text import TEXT_SCORES, Reference
from wordlab.evaluation.language.generation import draw_texts
from wordlab.params.language import LanguageModelParams
from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.recurrent import language_model, training
from wordlab.recurrent.batches import Text, document_starts, language_ids
from wordlab.recurrent.devices import threads
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import Update, perplexity
from wordlab.sweeps.language.folds import Split

MARK = "valid_loss_at_"
"""Prefix of the held-out losses by tokens."""
BLOCKS = 20
"""Stretches of the last half of a training, whose mean losses are compared."""


class Progress:
    """Records a training (a Watcher): its updates, and the held-out loss every `interval` symbols.

    Its seconds count from when it is made, without those of held-out losses.

    target: the loss at or below which the training has reached its goal.
    """

    def __init__(self, interval: int, target: float) -> None:
        self.interval, self.target = interval, target
        self.updates: list[Update] = []
        self.marks: dict[int, float] = {}
        self.reached: tuple[int, int] | None = None
        self.seconds = 0.0
        self._since = time.monotonic()

    def updated(self, update: Update) -> None:
        """Record an update."""
        self.updates.append(update)
        now = time.monotonic()
        self.seconds += now - self._since
        self._since = now

    def validated(self, step: int, mark: int, loss: float) -> None:
        """Record a held-out loss; the time to measure it does not count."""
        self.marks[mark] = loss
        if self.reached is None and loss <= self.target:
            self.reached = step, mark
        self._since = time.monotonic()

    def epoch_ended(self, epoch: int, measured: Mapping[str, Any]) -> None:
        """Restart the clock (a StepLogger)."""
        self._since = time.monotonic()

    def metrics(self) -> dict[str, float]:
        """Return what the training measured.

        steps: updates made; steps_to_target and tokens_to_target: updates and tokens until the
        held-out loss, measured every `interval` tokens, was at most the target, NaN if it never
        was; clip_rate: share of the updates whose gradients were clipped; loss_variance: as in
        `scatter`; valid_loss_at_N: held-out loss when N tokens had been learnt from; seconds (of
        updates alone) and tokens_per_second.
        """
        updates = self.updates
        steps, tokens = self.reached or (math.nan, math.nan)
        symbols = sum(update.symbols for update in updates)
        return {
            "steps": float(len(updates)),
            "steps_to_target": float(steps),
            "tokens_to_target": float(tokens),
            "clip_rate": sum(u.clipped for u in updates) / len(updates) if updates else math.nan,
            "loss_variance": scatter(updates),
            **{f"{MARK}{mark}": loss for mark, loss in self.marks.items()},
            "seconds": self.seconds,
            "tokens_per_second": symbols / self.seconds if self.seconds > 0 else math.nan,
        }


def scatter(updates: list[Update]) -> float:
    """Return how much the training loss scatters around its trend in the last half, nats^2.

    That is the variance around a straight line of the mean losses of BLOCKS stretches of the text
    with equally many symbols: stretches, not updates, for the loss of a short window varies more
    whatever the training does. NaN without updates.
    """
    symbols = np.cumsum([0, *(update.symbols for update in updates)])
    losses = np.cumsum([0, *(update.symbols * update.loss for update in updates)])
    bounds = np.linspace(symbols[-1] / 2, symbols[-1], BLOCKS + 1)
    if not symbols[-1]:
        return math.nan
    means = np.diff(np.interp(bounds, symbols, losses)) / np.diff(bounds)
    x = np.linspace(-1, 1, BLOCKS)
    slope = (x @ means) / (x @ x)
    return float(((means - means.mean() - slope * x) ** 2).sum() / (BLOCKS - 2))


def curves(trials: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split the losses by tokens off `trials`; return what is left, and these.

    The table of these has the columns of a trial (model, settings, fold if several, seed), tokens
    and valid_loss, and one row per trial and number of tokens that it reached.
    """
    tokens = sorted(int(x[len(MARK) :]) for x in map(str, trials) if x.startswith(MARK))
    marks = [f"{MARK}{count}" for count in tokens]
    named = list(trials.columns[: list(trials.columns).index("seed") + 1])
    long = trials[named + marks].melt(named, marks, "tokens", "valid_loss", ignore_index=False)
    long["tokens"] = long["tokens"].str[len(MARK) :].astype(int)
    long = long.dropna(subset="valid_loss").sort_index(kind="stable").reset_index(drop=True)
    return trials.drop(columns=marks), long


@dataclass(frozen=True)
class Job:
    """One training: its settings, the number of its split (from 0), its seed.

    sweep: what is measured, and the budget of weights; ngram_order: of the Kneser-Ney model that
    scores drawn text; share: of the budget in epochs or tokens.
    """

    params: LanguageModelParams
    split: int
    seed: int
    sweep: RecurrentSweepParams
    ngram_order: int
    share: float = 1.0


def train(job: Job, split: Split, judge: EncodedCorpus, vocabulary: Vocabulary) -> dict[str, float]:
    """Train and measure with one torch thread; after divergence most measures are NaN.

    judge: the text whose n-grams score drawn text.

    valid_loss: mean loss of the text scored, nats per symbol, at most log(classes);
    valid_perplexity: its exponential; diverged: 1 where the training broke off or that loss is
    above log(classes), that of guessing blindly, else 0; train_loss, gradient_norm, epoch: of the
    epoch that was best on the text held out to choose it; updates: of an epoch; parameters: how
    many; embedding_size and batch_size, where they follow from a budget; context_loss and
    context_N_loss: as in `context_losses`; text_perplexity, text_distinct_2, text_coherence: scores
    of text drawn from the model; and what `Progress` measures.
    """
    model, measured = train_model(job, split.learnt, split.stopping, vocabulary)
    blind = math.log(vocabulary.classes)
    contexts = dict.fromkeys(context_names(job.sweep.contexts), math.nan)
    scores = dict.fromkeys(TEXT_SCORES, math.nan)
    loss = math.inf
    if not measured["diverged"]:
        ids, starts = language_ids(split.scored, vocabulary), document_starts(split.scored)
        with threads():
            losses = model.token_losses(ids, document_starts=starts)
            loss = float(losses.mean(dtype=np.float64))
            if loss < blind:
                contexts = context_losses(model, ids, job.sweep.contexts, document_starts=starts)
    if loss < blind:
        drawn_text = job.sweep.drawn_text
        with threads():
            drawn = draw_texts(model, drawn_text.texts, drawn_text.length, seed=job.seed)
        scores = reference(job, judge, vocabulary).scores(drawn)
    loss, diverged = (loss, 0.0) if loss < blind else (blind, 1.0)
    return {
        "valid_loss": loss,
        "valid_perplexity": perplexity(loss),
        **measured,
        "diverged": diverged,
        **contexts,
        **scores,
    }


def reference(job: Job, judge: EncodedCorpus, vocabulary: Vocabulary) -> Reference:
    """Return what text drawn from the model of a trial is compared with."""
    return Reference.of(judge, vocabulary, order=job.ngram_order, params=job.sweep.drawn_text)


def train_model(
    job: Job,
    learnt: EncodedCorpus,
    stopping: EncodedCorpus,
    vocabulary: Vocabulary,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> tuple[LanguageModel, dict[str, float]]:
    """Return a model with the weights of the epoch best on `stopping`, and what training measured.

    diverged: 1 where the training broke off, else 0; the rest as `train` names it, NaN where the
    training broke off. A training that resumes from `checkpoint` has no `progress` of before.
    """
    sweep, known = job.sweep, vocabulary
    train_ids, stopping_ids = (language_ids(corpus, known) for corpus in (learnt, stopping))
    budget = sweep.parameters
    params = job.params if budget is None else within_budget(job.params, known, budget)
    model = language_model.LanguageModel(params, known, level="word", seed=job.seed)
    starts = document_starts(learnt), document_starts(stopping)
    text = Text(train_ids, starts[0]).examples(params, end=known.end, seed=job.seed)
    if job.share < 1:
        tokens = params.epochs * text.symbols
        tokens = min(tokens, params.tokens or tokens)
        params = params.model_copy(update={"tokens": math.ceil(job.share * tokens)})
    measured = dict.fromkeys(("train_loss", "gradient_norm", "epoch"), math.nan)
    progress, diverged = Progress(sweep.progress_tokens, sweep.target_loss), False
    try:
        record = training.train(
            model,
            train_ids,
            stopping_ids,
            params,
            seed=job.seed,
            document_starts=starts,
            on_epoch=progress.epoch_ended,
            watcher=progress,
            checkpoint=checkpoint,
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
        **progress.metrics(),
    }


def within_budget(
    params: LanguageModelParams, vocabulary: Vocabulary, budget: int
) -> LanguageModelParams:
    """Return `params` with the embedding_size that brings the number of weights closest to budget.

    The number is a linear function of embedding_size, but for an SRU as wide as its embedding,
    which has fewer. Raises UserError if the smallest network is larger than the budget.
    """
    smallest = (params.model_copy(update={"embedding_size": size}) for size in (1, 2))
    built = (LanguageModel(own, vocabulary, level="word", seed=0) for own in smallest)
    one, two = (language_model.description(model)["parameters"] for model in built)
    size = 1 + round((budget - one) / (two - one))
    if size < 1:
        raise UserError(
            f"sweep_recurrent.parameters: hidden_size {params.hidden_size} needs {one:,} weights "
            f"with an embedding of 1; expected a budget above that, got {budget:,}"
        )
    return params.model_copy(update={"embedding_size": size})
