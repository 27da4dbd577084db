"""The sweep of recurrent language models: how their settings move what they learn.

Trials run side by side in processes of one torch thread each, so that no result depends on how many
there are; those that the store has are not run again. A training that diverges is a result: its
loss is that of guessing blindly.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import pandas as pd

from wordlab import rng
from wordlab.analysis.language import conclude, with_tests
from wordlab.analysis.summary import SweepResult, numbered
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.evaluation.generation import yardsticks
from wordlab.evaluation.ngrams import KneserNey
from wordlab.parallel import side_by_side
from wordlab.params.language import LanguageModelParams, LanguageModelSection
from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.recurrent.batches import language_ids
from wordlab.sweeps.baselines import baselines
from wordlab.sweeps.final import Kept, test, winners
from wordlab.sweeps.folds import Split, beginning, rest, splits
from wordlab.sweeps.language_trial import Job, reference, train
from wordlab.sweeps.search import Pruner, Searcher, Settings
from wordlab.sweeps.space import Trial, code_digest, fingerprint, override, repeated, text_digest
from wordlab.sweeps.store import opened
from wordlab.sweeps.trials import Metrics, Objective, Sweep, TrialLogger, ignore_trial

NOTHING_KEPT = Checkpoint()
MEASURED = {
    *("fixed", "update_tokens", "parameters", "folds"),
    *("contexts", "progress_tokens", "target_loss", "drawn_text"),
}
"""The params that decide what a trial is and measures, besides its settings and its text."""
CODE = (
    *("recurrent", "evaluation/ngrams", "evaluation/generation"),
    *("sweeps/language_trial", "sweeps/contexts"),
)
"""The code that trains and measures."""
Shared = tuple[Sequence[Split], EncodedCorpus, Vocabulary]
"""What all trials share: the splits, the text that drawn text is scored by, and the words."""


def sweep(
    corpora: Mapping[str, EncodedCorpus],
    vocabulary: Vocabulary,
    base: LanguageModelSection,
    params: RecurrentSweepParams,
    *,
    ngram_orders: Sequence[int],
    seed: int,
    name: str = "sweep_recurrent",
    on_trial: TrialLogger = ignore_trial,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> SweepResult:
    """Train language models with the combinations of a search and score them on held-out text.

    corpora: the splits train, valid and test; vocabulary: the words that the models know; base: the
    settings that a trial does not change; ngram_orders: to choose that of the Kneser-Ney models
    from, on the split valid; name: of the sweep, under which its trials are kept. A trial's
    `valid_loss` is that of text which chose nothing, in nats per symbol, or log(classes) where it
    diverged. The trainings of one repetition share their seed, whatever the settings. Raises
    UserError if settings contradict one another or a split is too short.
    """
    learnt = beginning(corpora["train"], params.tokens)
    pairs = splits(
        learnt,
        corpora["valid"],
        folds=params.folds,
        early_stopping_share=params.early_stopping_share,
        scored_tokens=params.valid_tokens,
    )
    judge = rest(corpora["train"], learnt)
    ngrams = KneserNey.chosen(
        language_ids(corpora["train"], vocabulary),
        language_ids(corpora["valid"], vocabulary),
        orders=ngram_orders,
        classes=vocabulary.classes,
        end=vocabulary.end,
    )
    recipe = {
        "base": [getattr(base, cell).model_dump() for cell in params.cells],
        "sweep": params.model_dump(include=MEASURED),
        "ngram_order": ngrams.order,
        "text": [
            *(
                text_digest(part)
                for one in pairs
                for part in (one.learnt, one.stopping, one.scored)
            ),
            text_digest(judge),
        ],
        "words": fingerprint(vocabulary.words),
        "seed": seed,
        "code": code_digest(*CODE),
    }
    pruners: dict[str, Pruner] = {
        cell: Pruner(
            Searcher(params.space, params.search, trials=params.trials, seed=seed), params.pruning
        )
        for cell in params.cells
    }
    prepared = partial(jobs, base=base, params=params, ngram_order=ngrams.order, seed=seed)
    done, table = _searched(
        Sweep(
            opened(name, params.space, checkpoint),
            recipe=recipe,
            models=params.cells,
            objective=Objective("valid_perplexity", "lower"),
            title="sweep of language models",
            count=sum(p.count for p in pruners.values()) * params.seeds * params.folds,
            fixed=params.fixed,
            on_trial=on_trial,
        ),
        pruners,
        params,
        prepared,
        (pairs, judge, vocabulary),
    )
    judged_by = reference(prepared(done[:1])[0], judge, vocabulary)
    real = yardsticks([one.scored for one in pairs], vocabulary, judged_by, seed=seed)
    known = baselines(pairs, corpora["valid"], vocabulary, orders=ngram_orders)
    found = conclude(table, real, known, params, seed=seed)
    won = [
        replace(trial, fold=None, seed=1, budget=None)
        for trial in winners(found.best, found.trials, done)
    ]
    kept = Kept(checkpoint, {**recipe, "whole": [text_digest(part) for part in corpora.values()]})
    tested = test(
        won, prepared(won), corpora, vocabulary, ngrams, kept, seed=seed, on_trial=on_trial
    )
    return with_tests(found, tested, list(params.space))


def _searched(
    running: Sweep,
    pruners: Mapping[str, Pruner],
    params: RecurrentSweepParams,
    prepared: Callable[[Sequence[Trial]], list[Job]],
    shared: Shared,
) -> tuple[list[Trial], pd.DataFrame]:
    """Return all trials that the searches propose, and the table of what they measured."""
    done: list[Trial] = []
    tables: list[pd.DataFrame] = []
    with running:
        while planned := [
            trial
            for cell, pruner in pruners.items()
            for settings, share in pruner.propose()
            for trial in repeated(
                cell,
                [settings],
                seeds=params.seeds,
                folds=params.folds,
                budget=None if params.pruning == "none" else share,
            )
        ]:
            runner = partial(_run, planned_jobs=prepared(planned), shared=shared)
            table = running.run(planned, runner)
            for cell, pruner in pruners.items():
                pruner.tell(*mean_losses(table[table["model"] == cell], list(params.space)))
            tables.append(table)
            done += planned
    return done, pd.concat(tables, ignore_index=True)


def mean_losses(table: pd.DataFrame, settings: list[str]) -> tuple[list[Settings], list[float]]:
    """Return the combinations of a table of trials, in its order, and the mean loss of each."""
    by_combination = numbered(table, settings).groupby("combination")
    firsts = by_combination.head(1)[settings].itertuples(index=False)
    combinations = [dict(zip(settings, values, strict=True)) for values in firsts]
    return combinations, by_combination["valid_loss"].mean().tolist()


def jobs(
    planned: Sequence[Trial],
    base: LanguageModelSection,
    params: RecurrentSweepParams,
    *,
    ngram_order: int,
    seed: int,
) -> list[Job]:
    """Return what each trial trains."""
    return [
        Job(
            params=_params(getattr(base, trial.model), params, trial),
            split=(trial.fold or 1) - 1,
            seed=rng.derive(seed, "sweep", trial.fold or 1, trial.seed),
            sweep=params,
            ngram_order=ngram_order,
            share=trial.budget or 1.0,
        )
        for trial in planned
    ]


def _params(
    base: LanguageModelParams, params: RecurrentSweepParams, trial: Trial
) -> LanguageModelParams:
    """Return all settings of the network of a trial, and of its training."""
    return override(base, params.combined(base, trial.settings))


def _run(
    groups: Iterator[Sequence[int]],
    planned_jobs: Sequence[Job],
    shared: Shared,
) -> Iterator[tuple[int, Metrics]]:
    """Yield the metrics of the trials claimed, by number, as each ends."""
    numbers: list[int] = []

    def claimed() -> Iterator[Job | None]:
        for group in groups:
            numbers.extend(group)
            yield planned_jobs[group[0]] if group else None

    for place, metrics in side_by_side(_train_split, claimed(), *shared):
        yield numbers[place], metrics


def _train_split(
    job: Job, pairs: Sequence[Split], judge: EncodedCorpus, vocabulary: Vocabulary
) -> Metrics:
    return train(job, pairs[job.split], judge, vocabulary)
