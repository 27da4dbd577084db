"""The sweep of GloVe: its trials, and how they are counted and trained."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import pandas as pd

from wordlab import rng
from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import glove
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.vectors import Vectors
from wordlab.params.embeddings import CooccurrenceParams, EvaluationParams, GloveParams
from wordlab.params.sweeps import GloveSweepParams
from wordlab.sweeps import vectors
from wordlab.sweeps.trials import grid, ignore_trial
from wordlab.trials.runner import TrialLogger


def sweep(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: GloveSweepParams,
    evaluation: EvaluationParams,
    *,
    seed: int,
    threads: int | None = None,
    on_trial: TrialLogger = ignore_trial,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> pd.DataFrame:
    """Count, train GloVe with every combination of settings and score the vectors.

    Each window (and other setting of the counts) is counted once. Trials that differ in their
    iterations alone are one training, scored on the way. A trial's seed is that of its training
    alone: what `subsample` or `dynamic_window` draws of the counts is the same for all trials, and
    no noise. Returns what `vectors.sweep` returns. Raises UserError if a training's cost stops
    being finite.
    """
    planned = grid(["glove"], params.grid, seeds=params.seeds)
    counting = [params.settings(CooccurrenceParams, trial.settings) for trial in planned]
    training = [params.settings(GloveParams, trial.settings) for trial in planned]
    alike: dict[object, list[int]] = {}
    for number, trial in enumerate(planned):
        of_any_length = training[number].model_copy(update={"iterations": 1})
        alike.setdefault((counting[number], of_any_length, trial.seed), []).append(number)

    @lru_cache(maxsize=1)  # trials of the same counts follow one another
    def counted(settings: CooccurrenceParams) -> cooccurrence.Counts:
        return cooccurrence.count(corpus, vocabulary, settings, seed=seed, threads=threads)

    def train(group: Sequence[int]) -> Iterator[tuple[int, Vectors]]:
        number_of = {training[number].iterations: number for number in group}
        first = group[0]
        own = rng.derive(seed, "sweep", planned[first].seed)
        for iterations, found in glove.train_and_stop_by(
            counted(counting[first]), training[first], tuple(number_of), seed=own, threads=threads
        ):
            yield number_of[iterations], found

    return vectors.sweep(
        "GloVe", train, planned, corpus, vocabulary, params, evaluation,
        seed=seed, on_trial=on_trial, checkpoint=checkpoint, groups=list(alike.values()),
    )  # fmt: skip
