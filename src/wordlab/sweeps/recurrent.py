"""The sweep of recurrent language models: how their settings move validation perplexity.

Trials run side by side in processes of one torch thread each, so that no result depends on how many
there are. A training that diverges is a result: its loss is that of guessing blindly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import rng
from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.params.recurrent import LanguageModelSection
from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.sweeps import trials
from wordlab.sweeps.space import Trial, fingerprint, grid, override
from wordlab.sweeps.summary import SweepResult, summarise
from wordlab.sweeps.training import Job, train
from wordlab.sweeps.trials import Metrics, TrialLogger, ignore_trial
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary
from wordlab.workers import side_by_side

NOTHING_KEPT = Checkpoint()


def sweep(
    train_corpus: EncodedCorpus,
    valid_corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    base: LanguageModelSection,
    params: RecurrentSweepParams,
    *,
    seed: int,
    on_trial: TrialLogger = ignore_trial,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> SweepResult:
    """Train language models with every combination of settings and score them on held-out text.

    base: the settings that a trial does not change. A trial's `valid_loss` is the lowest over its
    epochs, in nats a symbol, or log(classes) where it diverged, or where it is above that. The
    trainings of one repetition share their seed, whatever the settings.
    Raises UserError if settings contradict one another or a split is too short.
    """
    learnt = beginning(train_corpus, params.tokens)
    pairs = splits(learnt, beginning(valid_corpus, params.valid_tokens), folds=params.folds)
    planned = plan(params)
    planned_jobs = jobs(planned, base, params, seed=seed)
    table = trials.run(
        planned,
        lambda left: _run(left, planned_jobs, pairs, vocabulary),
        recipe={
            "settings": [job.params.model_dump() for job in planned_jobs],
            "tokens": [[len(part) for part in split] for split in pairs],
            "words": fingerprint(vocabulary.words),
            "seed": seed,
        },
        title="sweep of language models",
        on_trial=on_trial,
        checkpoint=checkpoint,
    )
    found = summarise(table, list(params.grid), {"valid_loss": "lower"}, params.confidence)
    return replace(found, sentences=(*found.sentences, *caveats(table)))


def caveats(table: pd.DataFrame) -> list[str]:
    """Return what the trials of a sweep differ in besides the settings, and how many diverged."""
    said = []
    settings = [name for name in ("bptt_length", "batch_size") if name in table]
    for name in settings:
        updates = table.groupby(name)["updates"].mean()
        if len(updates) > 1:
            counts = ", ".join(f"{mean:.0f} at {value}" for value, mean in updates.items())
            said.append(
                f"All trials read the same text, so {name} changes how many updates an epoch "
                f"makes ({counts}): its effect includes that of fewer or more updates."
            )
    for model, diverged in table.groupby("model", sort=False)["diverged"]:
        if diverged.any():
            said.append(
                f"{model}: {int(diverged.sum())} of {len(diverged)} trainings diverged; they count "
                f"with the loss of guessing blindly."
            )
    return said


def plan(params: RecurrentSweepParams) -> list[Trial]:
    """Return the trials of the sweep, in the order of its table."""
    return grid(params.cells, params.grid, seeds=params.seeds, folds=params.folds)


def jobs(
    planned: Sequence[Trial], base: LanguageModelSection, params: RecurrentSweepParams, *, seed: int
) -> list[Job]:
    """Return what each trial trains."""
    return [
        Job(
            params=override(getattr(base, trial.model), {**params.fixed, **trial.settings}),
            split=(trial.fold or 1) - 1,
            seed=rng.derive(seed, "sweep", trial.fold or 1, trial.seed),
        )
        for trial in planned
    ]


def beginning(corpus: EncodedCorpus, tokens: int) -> EncodedCorpus:
    """Return the whole sentences among the first `tokens` tokens, at least one sentence."""
    if len(corpus) == 0:
        raise UserError(
            "sweep_recurrent: expected training and validation text, got an empty split"
        )
    sentences = max(int(np.searchsorted(corpus.sentence_ends, tokens, side="right")), 1)
    end = int(corpus.sentence_ends[sentences - 1])
    documents = corpus.document_ends[corpus.document_ends < end]
    return EncodedCorpus(
        tokens=np.asarray(corpus.tokens[:end]),
        sentence_ends=corpus.sentence_ends[:sentences],
        document_ends=np.append(documents, end),
    )


def documents(corpus: EncodedCorpus, chosen: NDArray[np.bool_]) -> EncodedCorpus:
    """Return the `chosen` documents of `corpus`, bool (D,)."""
    starts = np.concatenate([[0], corpus.document_ends[:-1]])
    sizes = np.where(chosen, corpus.document_ends - starts, 0)
    kept = np.repeat(chosen, corpus.document_ends - starts)
    owner = np.searchsorted(corpus.document_ends, corpus.sentence_ends, side="left")
    shift = np.cumsum(corpus.document_ends - starts - sizes)
    return EncodedCorpus(
        tokens=corpus.tokens[kept],
        sentence_ends=(corpus.sentence_ends - shift[owner])[chosen[owner]],
        document_ends=np.cumsum(sizes)[chosen],
    )


Split = tuple[EncodedCorpus, EncodedCorpus]


def splits(learnt: EncodedCorpus, valid: EncodedCorpus, *, folds: int) -> list[Split]:
    """Return what to learn from and what to be scored on, a pair a fold.

    One fold is scored on `valid`; of several, fold f on each document whose number is f modulo
    `folds`. Raises UserError if there are fewer documents than folds.
    """
    if folds == 1:
        return [(learnt, valid)]
    number = np.arange(len(learnt.document_ends))
    if len(number) < folds:
        raise UserError(
            f"sweep_recurrent.folds: {folds} folds need as many documents, got {len(number)} among "
            f"the first {len(learnt)} tokens; expected fewer folds or more tokens"
        )
    return [
        (documents(learnt, number % folds != fold), documents(learnt, number % folds == fold))
        for fold in range(folds)
    ]


def _run(
    left: Sequence[tuple[int, Trial]],
    planned_jobs: Sequence[Job],
    pairs: Sequence[Split],
    vocabulary: Vocabulary,
) -> Iterator[tuple[int, Metrics]]:
    """Yield the metrics of the trials `left`, by number, as each ends."""
    numbers = [number for number, _ in left]
    wanted = [planned_jobs[number] for number in numbers]
    for place, metrics in side_by_side(_train_split, wanted, pairs, vocabulary):
        yield numbers[place], metrics


def _train_split(job: Job, pairs: Sequence[Split], vocabulary: Vocabulary) -> Metrics:
    return train(job, *pairs[job.split], vocabulary)
