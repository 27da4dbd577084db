"""The sweep of recurrent language models: how their settings move what they learn.

Trials run side by side in processes, and no result depends on how many there are; those that the
store has are not run again. A training that diverges is a result: its loss is that of guessing
blindly.
"""

import itertools
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab import rng
from wordlab.artifacts import Result
from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.evaluation.language.drawn_text import yardsticks
from wordlab.evaluation.language.held_out import HeldOut, score
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.evaluation.repeated import repetitions
from wordlab.params.derived import combined
from wordlab.params.language import LanguageModelSection
from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.recurrent.batches import document_starts, language_ids
from wordlab.recurrent.devices import threads
from wordlab.recurrent.training import perplexity
from wordlab.sweeps.language.folds import Split, baselines, beginning, learnt_by, rest, splits
from wordlab.sweeps.language.search import Pruner, Searcher
from wordlab.sweeps.language.trial import Job, curves, reference, train, train_model
from wordlab.sweeps.trials import (
    Objective,
    Sweep,
    Trial,
    ignore_trial,
    opened,
    override,
    repeated,
    text_digest,
)
from wordlab.trials.runner import Measurements, Outcome, TrialLogger, fingerprint, in_processes

MEASURED = {"fixed", "update_tokens", "parameters", "folds", "contexts", "progress_tokens",
            "target_loss", "drawn_text"}  # fmt: skip
"""The params that decide what a trial is and measures, besides its settings and its text."""
TIMINGS = ("seconds", "tokens_per_second")
"""What of a trial is reported but no part of the result, which is the same on any machine."""
Shared = tuple[Sequence[Split], EncodedCorpus, Vocabulary]
"""What all trials share: the splits, the text that drawn text is scored by, and the words."""
Losses = NDArray[np.floating]
SCORES = ("low", "high", "perplexity_known", "unknown_share", "symbols", "ratio", "ratio_low",
          "ratio_high")  # fmt: skip
"""What the table of winners has of `LanguageScore` besides the perplexity."""


def sweep(
    corpora: Mapping[str, EncodedCorpus],
    vocabulary: Vocabulary,
    base: LanguageModelSection,
    params: RecurrentSweepParams,
    *,
    ngram_orders: Sequence[int],
    seed: int,
    on_trial: TrialLogger = ignore_trial,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> Result:
    """Train language models with the combinations of a search and score them on held-out text.

    corpora: the splits train, valid and test; vocabulary: the words that the models know; base: the
    settings that a trial does not change; ngram_orders: to choose that of the Kneser-Ney models
    from, on the split valid. A trial's `valid_loss` is that of text which chose nothing, in nats
    per symbol, or log(classes) where it diverged. The trainings of one repetition share their seed,
    whatever the settings.

    Returns tables: `trials`: model, settings, fold (if several), budget (if the sweep prunes), seed
    and what was measured; `progress`: the loss on the text that chooses the epoch, of each trial by
    tokens; `yardsticks`: fold, text and the scores of real text; `baselines`: as `folds.baselines`
    returns them; `winners`: as `tested` does; as metrics what winners reach on the test split,
    where no seed diverged. Raises UserError if settings contradict one another or a split is too
    short.
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
        "text": [*map(text_digest, itertools.chain.from_iterable(pairs)), text_digest(judge)],
        "words": fingerprint(vocabulary.words),
        "seed": seed,
    }
    pruners: dict[str, Pruner] = {
        cell: Pruner(
            Searcher(params.space, params.search, trials=params.trials, seed=seed), params.pruning
        )
        for cell in params.cells
    }
    prepared = partial(jobs, base=base, params=params, ngram_order=ngrams.order, seed=seed)
    with opened(
        "sweep_recurrent",
        params.space,
        checkpoint,
        recipe=recipe,
        models=params.cells,
        objective=Objective("valid_perplexity", "lower"),
        title="sweep of language models",
        count=sum(p.count for p in pruners.values()) * params.seeds * params.folds,
        fixed=params.fixed,
        on_trial=on_trial,
    ) as running:
        done, table = _searched(running, pruners, params, prepared, (pairs, judge, vocabulary))
    judged_by = reference(prepared(done[:1])[0], judge, vocabulary)
    real = yardsticks([one.scored for one in pairs], vocabulary, judged_by, seed=seed)
    known = baselines(pairs, vocabulary, orders=ngram_orders)
    trials, progress = curves(table)
    won = [replace(one, fold=None, seed=1, budget=None) for one in best(trials, done)]
    tables = {
        "trials": trials,
        "progress": progress,
        "yardsticks": real,
        "baselines": known,
        "winners": tested(
            won,
            prepared(won),
            corpora,
            vocabulary,
            ngrams,
            ngram_orders=ngram_orders,
            seed=seed,
            on_trial=on_trial,
            checkpoint=checkpoint.part(0),
        ),
    }
    means = tables["winners"].query("seed == 'mean' and diverged == 0").to_dict("records")
    names = ("test_perplexity", *SCORES, "ngram_perplexity")
    metrics = {row["model"]: {"test": {name: row[name] for name in names}} for row in means}
    return Result(tables, metrics)


def best(trials: pd.DataFrame, done: Sequence[Trial]) -> Iterator[Trial]:
    """Yield a trial of the best combination of each model, of those with the whole budget.

    done: the trials in the order of the table `trials`.
    """
    whole = trials[trials["budget"] == 1] if "budget" in trials else trials
    for _, part in whole.groupby("model", sort=False):
        groups = part.groupby(list(done[0].settings), sort=False, dropna=False)
        losses = repetitions(part, groups.ngroup().to_numpy(), "valid_loss").mean(axis=(1, 2))
        yield done[part.index[groups.ngroup() == losses.argmin()][0]]


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
    while any((proposed := {cell: own.propose() for cell, own in pruners.items()}).values()):
        planned = [
            trial
            for cell, own in proposed.items()
            for settings, share in own
            for trial in repeated(
                cell,
                [settings],
                seeds=params.seeds,
                folds=params.folds,
                budget=None if params.pruning == "none" else share,
            )
        ]
        table = running.run(planned, in_processes(_train, prepared(planned), *shared))
        for cell, own in proposed.items():
            losses = table.loc[table["model"] == cell, "valid_loss"].to_numpy()
            means = losses.reshape(len(own), params.folds * params.seeds).mean(axis=1)
            pruners[cell].tell([settings for settings, _ in own], means.tolist())
        tables.append(table)
        done += planned
    return done, pd.concat(tables, ignore_index=True)


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
            params=override(
                (own := getattr(base, trial.model)), combined(params, own, trial.settings)
            ),
            split=(trial.fold or 1) - 1,
            seed=rng.derive(seed, "sweep", trial.fold or 1, trial.seed),
            sweep=params,
            ngram_order=ngram_order,
            share=trial.budget or 1.0,
        )
        for trial in planned
    ]


def _train(
    job: Job, pairs: Sequence[Split], judge: EncodedCorpus, vocabulary: Vocabulary
) -> Outcome:
    measured = train(job, pairs[job.split], judge, vocabulary)
    tracked = {name: measured.pop(name) for name in TIMINGS if name in measured}
    return Outcome(measured, tracked=tracked)


def tested(
    won: Sequence[Trial],
    jobs: Sequence[Job],
    corpora: Mapping[str, EncodedCorpus],
    vocabulary: Vocabulary,
    ngrams: KneserNey,
    *,
    ngram_orders: Sequence[int],
    seed: int,
    on_trial: TrialLogger,
    checkpoint: Checkpoint,
) -> pd.DataFrame:
    """Train each winner on the training split from new seeds, and score the test split.

    Where `tokens` limits a winner, it learns from the beginning of the split, and so do the n-grams
    that it is compared with. jobs: what each of `won` trains, but for the seed; corpora: train,
    valid, which chooses the epoch, and test; ngrams: of all of train. Returns one row per winner
    and seed, and one for the mean loss over the seeds of a winner: model, settings, epochs (at
    most), seed (1, 2, ... or `mean`), diverged (how many trainings did), test_perplexity, and of
    `LanguageScore` low, high, perplexity_known, unknown_share, symbols, ratio (to the n-grams),
    ratio_low and ratio_high, NaN where all diverged; ngram_perplexity.
    """
    ids = language_ids(corpora["test"], vocabulary)
    text = HeldOut(ids, document_starts(corpora["test"]), vocabulary.unknown, vocabulary.end)
    limits = {job.params.tokens for job in jobs}
    baselines = {
        limit: _counted(corpora, vocabulary, ngrams, ngram_orders, limit).losses(ids)
        for limit in limits
    }
    seeds = [str(number) for job in jobs[:1] for number in range(1, job.sweep.winner_seeds + 1)]
    # no trial of the sweep has these seeds
    planned = [
        replace(
            job,
            seed=rng.derive(seed, "winner", name),
            sweep=job.sweep.model_copy(update={"progress_tokens": sys.maxsize}),  # not looked at
        )
        for job in jobs
        for name in seeds
    ]
    shared = (*(corpora[name] for name in ("train", "valid", "test")), vocabulary)
    measured = Measurements(
        _test, shared, title="winners of the sweep", checkpoint=checkpoint, resumed=True
    )
    ended = [one.arrays.get("losses") for one in measured.of(planned)]
    rows: list[dict[str, Any]] = []
    for place, trial in enumerate(won):
        own = ended[place * len(seeds) : (place + 1) * len(seeds)]
        for name, alike in [*zip(seeds, ([losses] for losses in own), strict=True), ("mean", own)]:
            epochs, baseline = jobs[place].params.epochs, baselines[jobs[place].params.tokens]
            row = {"model": trial.model, **trial.settings, "epochs": epochs, "seed": name}
            scored = _scored(alike, text, baseline, seed)
            finite = {key: x for key, x in scored.items() if math.isfinite(x)}
            on_trial(f"{trial.model} winner, seed {name}, on the test split", row, finite)
            rows.append({**row, **scored})
    return pd.DataFrame(rows)


def _counted(
    corpora: Mapping[str, EncodedCorpus],
    vocabulary: Vocabulary,
    ngrams: KneserNey,
    orders: Sequence[int],
    limit: int | None,
) -> KneserNey:
    """Return `ngrams`, or those of what a training limited to so many tokens learns from."""
    read = learnt_by(corpora["train"], limit)
    if len(read) == len(corpora["train"]):
        return ngrams
    return KneserNey.chosen(
        language_ids(read, vocabulary),
        language_ids(corpora["valid"], vocabulary),
        orders=orders,
        classes=vocabulary.classes,
        end=vocabulary.end,
    )


def _scored(
    losses: Sequence[Losses | None], text: HeldOut, baseline: Losses, seed: int
) -> dict[str, float]:
    """Return the scores of trainings alike but for the seed; losses: (N,), None if diverged."""
    known = [one for one in losses if one is not None]
    fields = dict.fromkeys(("test_perplexity", *SCORES), math.nan)
    if known:
        found = asdict(score(np.stack(known), text, seed=seed, baseline=baseline))
        fields = {"test_perplexity": found["perplexity"], **{name: found[name] for name in SCORES}}
    ngrams = perplexity(float(baseline.mean(dtype=np.float64)))
    return {"diverged": float(len(losses) - len(known)), **fields, "ngram_perplexity": ngrams}


def _test(
    job: Job,
    shared: tuple[EncodedCorpus, EncodedCorpus, EncodedCorpus, Vocabulary],
    checkpoint: Checkpoint,
) -> Outcome:
    """Return the losses (N,) of the symbols of the test split, none where the training diverged.

    shared: the splits train, valid and test, and the words.
    """
    train, valid, held_out, vocabulary = shared
    read = learnt_by(train, job.params.tokens)
    model, measured = train_model(job, read, valid, vocabulary, checkpoint)
    if measured["diverged"]:
        return Outcome({})
    with threads():
        starts = document_starts(held_out)
        losses = model.token_losses(language_ids(held_out, vocabulary), document_starts=starts)
    return Outcome({}, {"losses": losses})
