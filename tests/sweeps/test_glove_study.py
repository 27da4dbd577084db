"""The study of GloVe: every combination once, each as a training of its own would be."""

import numpy as np
import pandas as pd
import pytest

from wordlab import rng
from wordlab.checkpoints import Checkpoint
from wordlab.embeddings import cooccurrence, glove
from wordlab.evaluation import scores
from wordlab.params.embeddings import CooccurrenceParams, GloveParams
from wordlab.params.evaluation import EvaluationParams
from wordlab.params.studies import GloveStudyParams
from wordlab.sweeps.glove import study_glove
from wordlab.sweeps.word2vec import measure
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

WORDS = ("boy", "girl", "brother", "sister", "man", "woman", "king", "queen", "tiger", "cat")
COUNTING = CooccurrenceParams(
    window=9, dynamic_window=False, weighting="inverse_distance", side="both", subsample=0.0,
    subsample_formula="code", memory_mb=64,
)  # fmt: skip
TRAINING = GloveParams(
    dimensions=9, iterations=9, rate=0.05, x_max=10.0, exponent=0.75, adagrad="code", vectors="sum"
)
EVALUATION = EvaluationParams.model_validate(
    {
        "similarity": [{"name": "wordsim353", "path": None}],
        "analogies": {"path": None, "methods": ["3cosadd"], "restrict_vocabulary": None},
        "ignore_case": True,
        "resamples": 100,
        "confidence": 0.95,
    }
)
PARAMS = GloveStudyParams(
    windows=(1, 2), dimensions=(3, 4), iterations=(1, 3), seeds=2, confidence=0.95
)


class Interrupted(Exception):
    """Stands for a kill."""


def text() -> tuple[EncodedCorpus, Vocabulary]:
    tokens = np.random.default_rng(0).integers(0, 10, 600).astype(np.int32)
    ends = np.arange(30, 601, 30)
    return EncodedCorpus(tokens, ends, ends), Vocabulary(WORDS, np.full(10, 60))


def study(**more):
    return study_glove(
        *text(), PARAMS, counting=COUNTING, training=TRAINING, evaluation=EVALUATION, seed=1, **more
    )


def test_each_trial_is_scored_as_its_own_training():
    trials = study().trials
    assert len(trials) == 2 * 2 * 2 * 2
    sets = scores.read_sets(EVALUATION)
    for row in trials.iloc[[0, 6, 15]].itertuples():
        counts = cooccurrence.count(
            *text(), COUNTING.model_copy(update={"window": row.window}), seed=1
        )
        vectors = glove.train(
            counts,
            TRAINING.model_copy(
                update={"dimensions": row.dimensions, "iterations": row.iterations}
            ),
            seed=rng.derive(1, "glove study", row.seed),
        )
        assert row.wordsim353 == measure(vectors, EVALUATION, sets)["wordsim353"]


def test_a_study_cut_off_goes_on(tmp_path):
    done: list[str] = []

    def stop_at_5(name: str, params: object, metrics: object) -> None:
        done.append(name)
        if len(done) == 5:
            raise Interrupted

    checkpoint = Checkpoint(tmp_path / "checkpoint")
    with pytest.raises(Interrupted):
        study(on_trial=stop_at_5, checkpoint=checkpoint)
    resumed = study(checkpoint=checkpoint)
    pd.testing.assert_frame_equal(resumed.trials, study().trials, check_exact=True)
