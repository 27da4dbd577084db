"""The sweeps of word2vec and GloVe: one trial trains vectors and scores them."""

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from wordlab import artifacts, rng
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import glove
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.evaluation import scores
from wordlab.evaluation.scores import ANSWERS, EvaluationSets, measure
from wordlab.params.embeddings import (
    CooccurrenceParams,
    EvaluationParams,
    GloveParams,
    Word2vecSection,
)
from wordlab.params.sweeps import GloveSweepParams, Word2vecSweepParams
from wordlab.sweeps.trials import (
    Objective,
    Trial,
    TrialLogger,
    grid,
    ignore_trial,
    opened,
    override,
    text_digest,
)
from wordlab.trials.runner import Outcome, fingerprint


def objective(sets: EvaluationSets) -> Objective:
    """Return what tells the best trial while a sweep runs: the first set of pairs, or analogies."""
    return Objective(sets.pairs[0].name if sets.pairs else "analogy_total", "higher")


def as_evaluated(
    on_trial: TrialLogger, params: EvaluationParams, sets: EvaluationSets
) -> TrialLogger:
    """Return `on_trial` with the scores under the names that evaluate_embeddings gives them.

    So the runs of trials, and those of models trained in full, can be compared.
    """
    names = {pairs.name: f"{pairs.name}.spearman" for pairs in sets.pairs}
    for group in scores.GROUPS:
        names[f"analogy_{group}"] = f"analogy.{params.analogies.methods[0]}.{group}"

    def renamed(name: str, settings: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        on_trial(name, settings, {names.get(key, key): x for key, x in metrics.items()})

    return renamed


NOTHING_KEPT = Checkpoint()


def sweep_word2vec(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    base: Word2vecSection,
    params: Word2vecSweepParams,
    evaluation: EvaluationParams,
    *,
    seed: int,
    on_trial: TrialLogger = ignore_trial,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> pd.DataFrame:
    """Train word2vec on `corpus` with every combination of settings and score the vectors.

    base: the settings that a trial does not change. Returns one row per trial: model, settings,
    seed, and what `scores.measure` returns. The trainings of one repetition share their seed,
    whatever the settings. Raises UserError if settings contradict one another or a training
    overflows.
    """
    sets = scores.read_sets(evaluation)
    known = corpus.known()
    planned = grid(params.architectures, params.grid, seeds=params.seeds)
    settings = [
        override(getattr(base, trial.model), {**params.fixed, **trial.settings})
        for trial in planned
    ]

    def runner(groups: Iterator[Sequence[int]]) -> Iterator[tuple[int, Outcome]]:
        for index in itertools.chain.from_iterable(groups):
            started = time.monotonic()
            vectors = word2vec.train(
                known,
                vocabulary,
                settings[index],
                architecture="cbow" if planned[index].model == "cbow" else "skipgram",
                seed=rng.derive(seed, "sweep", planned[index].seed),
            )
            tracked = {"seconds": time.monotonic() - started}
            yield index, Outcome(measure(vectors, evaluation, sets), tracked=tracked)

    with opened(
        "sweep_word2vec",
        params.grid,
        checkpoint,
        recipe={
            "base": base.model_dump(),
            "fixed": params.fixed,
            "evaluation": evaluation.model_dump(),
            "text": text_digest(known),
            "words": fingerprint(vocabulary.words),
            "seed": seed,
        },
        models=params.architectures,
        objective=objective(sets),
        title="sweep of word2vec",
        count=len(planned),
        fixed=params.fixed,
        on_trial=as_evaluated(on_trial, evaluation, sets),
    ) as running:
        return running.run(planned, runner)


def sweep_glove(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    counting: CooccurrenceParams,
    training: GloveParams,
    params: GloveSweepParams,
    evaluation: EvaluationParams,
    *,
    seed: int,
    threads: int | None = None,
    on_trial: TrialLogger = ignore_trial,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> pd.DataFrame:
    """Count, train GloVe with every combination of settings and score the vectors.

    counting, training: the settings that a trial does not change. Each window (and other setting
    of the counts) is counted once. Trials that differ in their iterations alone are one training,
    scored on the way. Returns one row per trial, as `sweep_word2vec` does. Raises UserError if
    settings contradict one another or a training's cost stops being finite.
    """
    sets = scores.read_sets(evaluation)
    planned = grid(["glove"], params.grid, seeds=params.seeds)
    settings = [_settings(counting, training, params, trial) for trial in planned]

    def runner(groups: Iterator[Sequence[int]]) -> Iterator[tuple[int, Outcome]]:
        counted: CooccurrenceParams | None = None
        for group in filter(None, groups):
            if settings[group[0]][0] != counted:
                counted = settings[group[0]][0]
                counts = cooccurrence.count(corpus, vocabulary, counted, seed=seed, threads=threads)
            index_of = {settings[index][1].iterations: index for index in group}
            own = rng.derive(seed, "sweep", planned[group[0]].seed)
            seconds, started = 0.0, time.monotonic()
            for iterations, vectors in glove.train_and_stop_by(
                counts, settings[group[0]][1], tuple(index_of), seed=own, threads=threads
            ):
                seconds += time.monotonic() - started
                scored = measure(vectors, evaluation, sets)
                yield index_of[iterations], Outcome(scored, tracked={"seconds": seconds})
                started = time.monotonic()

    alike: dict[Any, list[int]] = {}
    for index, (counted, trained) in enumerate(settings):
        key = counted, trained.model_copy(update={"iterations": 1}), planned[index].seed
        alike.setdefault(key, []).append(index)
    with opened(
        "sweep_glove",
        params.grid,
        checkpoint,
        recipe={
            "counting": counting.model_dump(exclude={"memory_mb"}),
            "training": training.model_dump(),
            "fixed": params.fixed,
            "evaluation": evaluation.model_dump(),
            "text": text_digest(corpus),
            "words": fingerprint(vocabulary.words),
            "seed": seed,
        },
        models=["glove"],
        objective=objective(sets),
        title="sweep of GloVe",
        count=len(planned),
        fixed=params.fixed,
        on_trial=as_evaluated(on_trial, evaluation, sets),
    ) as running:
        return running.run(planned, runner, list(alike.values()))


def write(folder: Path, trials: pd.DataFrame) -> None:
    """Write `trials` to read, and exactly, with their answers, to compute with."""
    artifacts.write_tables(folder, {"trials": trials.drop(columns=ANSWERS)})
    artifacts.write_exact(folder / "trials.parquet", trials)


def _settings(
    counting: CooccurrenceParams, training: GloveParams, params: GloveSweepParams, trial: Trial
) -> tuple[CooccurrenceParams, GloveParams]:
    """Return what a trial counts and trains by: its settings on top of the sections' own."""
    changes = {**params.fixed, **trial.settings}
    counts = {name: x for name, x in changes.items() if name in CooccurrenceParams.model_fields}
    return override(counting, counts), override(
        training, {name: x for name, x in changes.items() if name not in counts}
    )
