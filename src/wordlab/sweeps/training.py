"""The training of one language model of a sweep, in a process of its own."""

import math
import time
from dataclasses import dataclass

from wordlab.params.recurrent import LanguageModelParams
from wordlab.recurrent.batching import document_starts, language_ids
from wordlab.recurrent.examples import Text
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Job:
    """What a trial trains: its settings, on which split (from 0), from which seed."""

    params: LanguageModelParams
    split: int
    seed: int


def train(
    job: Job, learnt: EncodedCorpus, valid: EncodedCorpus, vocabulary: Vocabulary
) -> dict[str, float]:
    """Return what a training with one torch thread measured; after divergence, NaN for most.

    valid_loss: the lowest over the epochs, at most log(classes), nats a symbol;
    valid_perplexity: its exponential; diverged: 1 or 0; train_loss, gradient_norm, clip_rate,
    epoch: of the epoch with that loss; updates: of an epoch; parameters: how many; seconds,
    tokens_per_second.
    """
    # imported here, for the process that hands out the trials needs no torch
    from wordlab.recurrent import language_model, training

    known = vocabulary.truncated(job.params.vocabulary_size)
    train_ids, valid_ids = (
        language_ids(corpus, vocabulary, job.params.vocabulary_size) for corpus in (learnt, valid)
    )
    model = language_model.build(job.params, known, level="word", seed=job.seed)
    size = language_model.description(model)
    starts = document_starts(learnt), document_starts(valid)
    text = Text(train_ids, starts[0]).examples(job.params, end=len(known) + 1, seed=job.seed)
    blind = math.log(size["classes"])
    measured = dict.fromkeys(("train_loss", "gradient_norm", "clip_rate", "epoch"), math.nan)
    epochs: list[float] = []
    started = time.monotonic()
    try:
        record = training.train(
            model,
            train_ids,
            valid_ids,
            job.params,
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
    return {
        "valid_loss": blind if diverged else loss,
        "valid_perplexity": math.exp(blind if diverged else loss),
        "diverged": float(diverged),
        **measured,
        "updates": float(text.batch_count),
        "parameters": float(size["parameters"]),
        "seconds": seconds,
        "tokens_per_second": len(train_ids) * max(len(epochs), 1) / seconds,
    }
