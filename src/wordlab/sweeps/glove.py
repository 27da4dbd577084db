"""The sweep of GloVe: how the settings of its counts and its training move its scores."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from wordlab import rng
from wordlab.checkpoints import Checkpoint
from wordlab.embeddings import cooccurrence, glove
from wordlab.evaluation import scores
from wordlab.params.embeddings import CooccurrenceParams, GloveParams
from wordlab.params.evaluation import EvaluationParams
from wordlab.params.sweeps import GloveSweepParams
from wordlab.sweeps.scoring import as_evaluated, measure, objective, summarised
from wordlab.sweeps.space import Trial, code_digest, fingerprint, grid, override, text_digest
from wordlab.sweeps.store import opened
from wordlab.sweeps.summary import SweepResult
from wordlab.sweeps.trials import Metrics, Sweep, TrialLogger, ignore_trial
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

NOTHING_KEPT = Checkpoint()


def sweep(
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
) -> SweepResult:
    """Count, train GloVe with every combination of settings and score the vectors.

    counting, training: the settings that a trial does not change. Each window (and other setting
    of the counts) is counted once. Trials that differ in their iterations alone are one training,
    scored on the way. The trainings of one repetition share their seed, whatever the settings.
    Raises UserError if settings contradict one another or a training's cost stops being finite.
    """
    sets = scores.read_sets(evaluation)
    planned = grid(["glove"], params.grid, seeds=params.seeds)
    settings = [_settings(counting, training, params, trial) for trial in planned]

    def runner(groups: Iterator[Sequence[int]]) -> Iterator[tuple[int, Metrics]]:
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
                yield index_of[iterations], {**scored, "seconds": seconds}
                started = time.monotonic()

    alike: dict[Any, list[int]] = {}
    for index, (counted, trained) in enumerate(settings):
        key = counted, trained.model_copy(update={"iterations": 1}), planned[index].seed
        alike.setdefault(key, []).append(index)
    with Sweep(
        opened("sweep_glove", params.grid, checkpoint),
        recipe={
            "counting": counting.model_dump(exclude={"memory_mb"}),
            "training": training.model_dump(),
            "fixed": params.fixed,
            "evaluation": evaluation.model_dump(),
            "text": text_digest(corpus),
            "words": fingerprint(vocabulary.words),
            "seed": seed,
            "code": code_digest("embeddings", "evaluation", "sweeps/scoring"),
        },
        models=["glove"],
        objective=objective(sets),
        title="sweep of GloVe",
        count=len(planned),
        fixed=params.fixed,
        on_trial=as_evaluated(on_trial, evaluation, sets),
    ) as running:
        table = running.run(planned, runner, list(alike.values()))
    return summarised(table, params, evaluation, sets, seed=seed)


def _settings(
    counting: CooccurrenceParams, training: GloveParams, params: GloveSweepParams, trial: Trial
) -> tuple[CooccurrenceParams, GloveParams]:
    """Return what a trial counts and trains by: its settings on top of the sections' own."""
    changes = {**params.fixed, **trial.settings}
    counts = {name: x for name, x in changes.items() if name in CooccurrenceParams.model_fields}
    return override(counting, counts), override(
        training, {name: x for name, x in changes.items() if name not in counts}
    )
