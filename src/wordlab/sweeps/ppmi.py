"""The sweep of PPMI: its trials, and how they are counted, weighed and factorised."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import pandas as pd
from scipy.sparse import csr_array

from wordlab import rng
from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import ppmi
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.vectors import Vectors
from wordlab.params.embeddings import CooccurrenceParams, EvaluationParams, PpmiParams
from wordlab.params.sweeps import PpmiSweepParams
from wordlab.sweeps import vectors
from wordlab.sweeps.trials import grid, ignore_trial
from wordlab.trials.runner import TrialLogger


def sweep(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: PpmiSweepParams,
    evaluation: EvaluationParams,
    *,
    seed: int,
    threads: int | None = None,
    on_trial: TrialLogger = ignore_trial,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> pd.DataFrame:
    """Count, weigh and factorise with every combination of settings, and score the vectors.

    Trials of one window that follow one another share its counts. A trial's seed is that of its
    SVD alone: what `subsample` or `dynamic_window` draws of the counts is the same for all trials,
    and no noise. Returns what `vectors.sweep` returns. Raises UserError if there are fewer words
    than dimensions.
    """
    planned = grid(["ppmi_svd"], params.grid, seeds=params.seeds)
    counting = [params.settings(CooccurrenceParams, trial.settings) for trial in planned]
    weighing = [params.settings(PpmiParams, trial.settings) for trial in planned]

    @lru_cache(maxsize=1)
    def counted(settings: CooccurrenceParams) -> cooccurrence.Counts:
        return cooccurrence.count(corpus, vocabulary, settings, seed=seed, threads=threads)

    @lru_cache(maxsize=1)
    def weighed(counts: CooccurrenceParams, settings: PpmiParams) -> csr_array:
        return ppmi.ppmi(counted(counts), settings, threads=threads).matrix

    def train(group: Sequence[int]) -> Iterator[tuple[int, Vectors]]:
        for number in group:
            own = weighing[number]
            matrix = weighed(counting[number], own)
            drawn = rng.derive(seed, "sweep", planned[number].seed)
            yield number, ppmi.factorise(matrix, vocabulary, own, seed=drawn, threads=threads)

    return vectors.sweep(
        "PPMI", train, planned, corpus, vocabulary, params, evaluation,
        seed=seed, on_trial=on_trial, checkpoint=checkpoint,
    )  # fmt: skip
