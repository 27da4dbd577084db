"""The sweep of recurrent language models: how their settings move validation perplexity.

Trials run side by side in processes of one torch thread each, so that no result depends on how many
there are; those that the store has are not run again. A training that diverges is a result: its
loss is that of guessing blindly.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import rng
from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.params.recurrent import LanguageModelSection
from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.sweeps.recurrent_findings import conclude
from wordlab.sweeps.search import Searcher, Settings
from wordlab.sweeps.space import (
    Trial,
    code_digest,
    fingerprint,
    override,
    repeated,
    text_digest,
)
from wordlab.sweeps.store import opened
from wordlab.sweeps.summary import SweepResult, numbered
from wordlab.sweeps.training import Job, train
from wordlab.sweeps.trials import Metrics, Objective, Sweep, TrialLogger, ignore_trial
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
    """Train language models with the combinations of a search and score them on held-out text.

    base: the settings that a trial does not change. A trial's `valid_loss` is the lowest over its
    epochs, in nats a symbol, or log(classes) where it diverged, or where it is above that. The
    trainings of one repetition share their seed, whatever the settings.
    Raises UserError if settings contradict one another or a split is too short.
    """
    learnt = beginning(train_corpus, params.tokens)
    pairs = splits(learnt, beginning(valid_corpus, params.valid_tokens), folds=params.folds)
    recipe = {
        "base": [getattr(base, cell).model_dump() for cell in params.cells],
        "sweep": params.model_dump(include={"fixed", "parameters", "folds", "contexts"}),
        "text": [[text_digest(part) for part in split] for split in pairs],
        "words": fingerprint(vocabulary.words),
        "seed": seed,
        "code": code_digest("recurrent", "sweeps/training"),
    }
    searchers = {
        cell: Searcher(params.space, params.search, trials=params.trials, seed=seed)
        for cell in params.cells
    }
    tables: list[pd.DataFrame] = []
    with Sweep(
        opened("sweep_recurrent", params.space, checkpoint),
        recipe=recipe,
        models=params.cells,
        objective=Objective("valid_perplexity", "lower"),
        title="sweep of language models",
        count=sum(searcher.count for searcher in searchers.values()) * params.seeds * params.folds,
        on_trial=on_trial,
    ) as running:
        while planned := [
            trial
            for cell, searcher in searchers.items()
            for trial in repeated(cell, searcher.propose(), seeds=params.seeds, folds=params.folds)
        ]:
            planned_jobs = jobs(planned, base, params, seed=seed)
            runner = partial(_run, planned_jobs=planned_jobs, pairs=pairs, vocabulary=vocabulary)
            table = running.run(planned, runner)
            for cell, searcher in searchers.items():
                searcher.tell(*mean_losses(table[table["model"] == cell], list(params.space)))
            tables.append(table)
    return conclude(pd.concat(tables, ignore_index=True), params, seed=seed)


def mean_losses(table: pd.DataFrame, settings: list[str]) -> tuple[list[Settings], list[float]]:
    """Return the combinations of a table of trials, in its order, and the mean loss of each."""
    by_combination = numbered(table, settings).groupby("combination")
    firsts = by_combination.head(1)[settings].itertuples(index=False)
    combinations = [dict(zip(settings, values, strict=True)) for values in firsts]
    return combinations, by_combination["valid_loss"].mean().tolist()


def jobs(
    planned: Sequence[Trial], base: LanguageModelSection, params: RecurrentSweepParams, *, seed: int
) -> list[Job]:
    """Return what each trial trains."""
    return [
        Job(
            params=override(getattr(base, trial.model), {**params.fixed, **trial.settings}),
            split=(trial.fold or 1) - 1,
            seed=rng.derive(seed, "sweep", trial.fold or 1, trial.seed),
            budget=params.parameters,
            contexts=params.contexts,
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
    groups: Iterator[Sequence[int]],
    planned_jobs: Sequence[Job],
    pairs: Sequence[Split],
    vocabulary: Vocabulary,
) -> Iterator[tuple[int, Metrics]]:
    """Yield the metrics of the trials claimed, by number, as each ends."""
    numbers: list[int] = []

    def claimed() -> Iterator[Job | None]:
        for group in groups:
            numbers.extend(group)
            yield planned_jobs[group[0]] if group else None

    for place, metrics in side_by_side(_train_split, claimed(), pairs, vocabulary):
        yield numbers[place], metrics


def _train_split(job: Job, pairs: Sequence[Split], vocabulary: Vocabulary) -> Metrics:
    return train(job, *pairs[job.split], vocabulary)
