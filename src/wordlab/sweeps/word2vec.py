"""The sweep of word2vec: its trials, and how each is trained."""

from collections.abc import Iterator, Sequence
from typing import cast

import pandas as pd

from wordlab import rng
from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.params.embeddings import EvaluationParams, Word2vecParams
from wordlab.params.sweeps import Word2vecSweepParams
from wordlab.sweeps import vectors
from wordlab.sweeps.trials import grid, ignore_trial
from wordlab.trials.runner import TrialLogger


def sweep(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: Word2vecSweepParams,
    evaluation: EvaluationParams,
    *,
    seed: int,
    on_trial: TrialLogger = ignore_trial,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> pd.DataFrame:
    """Train word2vec on `corpus` with every combination of settings and score the vectors.

    Returns what `vectors.sweep` returns. The trainings of one repetition share their seed, whatever
    the settings. Raises UserError if a training overflows.
    """
    known = corpus.known()
    planned = [
        trial
        for model in params.architectures
        for trial in grid([model], params.tried(model), seeds=params.seeds)
    ]

    def train(group: Sequence[int]) -> Iterator[tuple[int, Vectors]]:
        for number in group:
            trial = planned[number]
            yield (
                number,
                word2vec.train(
                    known,
                    vocabulary,
                    params.settings(Word2vecParams, trial.settings),
                    architecture=cast(word2vec.Architecture, trial.model),
                    seed=rng.derive(seed, "sweep", trial.seed),
                ),
            )

    return vectors.sweep(
        "word2vec", train, planned, known, vocabulary, params, evaluation,
        seed=seed, on_trial=on_trial, checkpoint=checkpoint,
    )  # fmt: skip
