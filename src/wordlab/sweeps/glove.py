"""The sweep of GloVe: how the settings of its counts and its training move its scores."""

import time
from collections.abc import Iterator, Sequence

from wordlab import rng
from wordlab.checkpoints import Checkpoint
from wordlab.embeddings import cooccurrence, glove
from wordlab.evaluation import scores
from wordlab.params.embeddings import CooccurrenceParams, GloveParams
from wordlab.params.evaluation import EvaluationParams
from wordlab.params.sweeps import GloveSweepParams
from wordlab.sweeps import trials
from wordlab.sweeps.scoring import goals, measure
from wordlab.sweeps.space import Trial, grid, override
from wordlab.sweeps.summary import SweepResult, summarise
from wordlab.sweeps.trials import Metrics, TrialLogger, ignore_trial
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

NOTHING_KEPT = Checkpoint()

Plan = dict[CooccurrenceParams, dict[tuple[GloveParams, int], dict[int, int]]]
"""Which counts, then which training and repetition, then which trial each iteration is."""


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

    def runner(left: Sequence[tuple[int, Trial]]) -> Iterator[tuple[int, Metrics]]:
        plan: Plan = {}
        for index, trial in left:
            counted, trained = settings[index]
            alike = trained.model_copy(update={"iterations": 1}), trial.seed
            plan.setdefault(counted, {}).setdefault(alike, {})[trained.iterations] = index
        for counted, trainings in plan.items():
            counts = cooccurrence.count(corpus, vocabulary, counted, seed=seed, threads=threads)
            for (trained, repetition), index_of in trainings.items():
                own = rng.derive(seed, "sweep", repetition)
                seconds, started = 0.0, time.monotonic()
                for iterations, vectors in glove.train_and_stop_by(
                    counts, trained, tuple(index_of), seed=own, threads=threads
                ):
                    seconds += time.monotonic() - started
                    scored = measure(vectors, evaluation, sets)
                    yield index_of[iterations], {**scored, "seconds": seconds}
                    started = time.monotonic()

    table = trials.run(
        planned,
        runner,
        recipe={
            "settings": [
                [counted.model_dump(exclude={"memory_mb"}), trained.model_dump()]
                for counted, trained in settings
            ],
            "evaluation": evaluation.model_dump(),
            "tokens": len(corpus),
            "words": len(vocabulary),
            "seed": seed,
        },
        title="sweep of GloVe",
        on_trial=on_trial,
        store=trials.Kept(checkpoint),
    )
    return summarise(table, list(params.grid), goals(table, sets), params.confidence)


def _settings(
    counting: CooccurrenceParams, training: GloveParams, params: GloveSweepParams, trial: Trial
) -> tuple[CooccurrenceParams, GloveParams]:
    """Return what a trial counts and trains by: its settings on top of the sections' own."""
    changes = {**params.fixed, **trial.settings}
    counts = {name: x for name, x in changes.items() if name in CooccurrenceParams.model_fields}
    return override(counting, counts), override(
        training, {name: x for name, x in changes.items() if name not in counts}
    )
