"""The sweep of GloVe: every combination once, each as a training of its own would be."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from wordlab import rng
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import glove
from wordlab.embeddings.counts import cooccurrence
from wordlab.evaluation.vectors.answers import measure
from wordlab.evaluation.vectors.sets import read_sets
from wordlab.params.embeddings import CooccurrenceParams, EvaluationParams, GloveParams
from wordlab.params.sweeps import GloveSweepParams
from wordlab.sweeps.glove import sweep

WORDS = ("boy", "girl", "brother", "sister", "man", "woman", "king", "queen", "tiger", "cat")
COUNTING = CooccurrenceParams(
    window=9, dynamic_window=False, weighting="inverse_distance", side="both", subsample=0.0,
    subsample_formula="reference", memory_mb=64,
)  # fmt: skip
TRAINING = GloveParams(
    dimensions=9,
    iterations=9,
    rate=0.05,
    x_max=10.0,
    exponent=0.75,
    adagrad="reference",
    vectors="sum",
)
SWEEP: dict[str, Any] = {
    "grid": {"window": [1, 2], "dimensions": [3, 4], "iterations": [3, 1]},
    "fixed": {"weighting": "uniform", "rate": 0.1, "x_max": 10.0},
    "seeds": 2,
    "confidence": 0.95,
}


class Interrupted(Exception):
    """Stands for a kill."""


def text() -> tuple[EncodedCorpus, Vocabulary]:
    tokens = np.random.default_rng(0).integers(0, 10, 600).astype(np.int32)
    ends = np.arange(30, 601, 30)
    return EncodedCorpus(tokens, ends, ends), Vocabulary(WORDS, np.full(10, 60))


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> EvaluationParams:
    folder = tmp_path_factory.mktemp("sets")
    pairs = [f"{one} {other} {i % 7}" for i, (one, other) in enumerate(combinations(WORDS, 2))]
    (folder / "pairs.txt").write_text("\n".join(pairs))
    (folder / "questions.txt").write_text(": family\nboy girl man woman\n")
    return EvaluationParams.model_validate(
        {
            "similarity": [{"name": "pairs", "path": str(folder / "pairs.txt")}],
            "analogies": {
                "path": str(folder / "questions.txt"),
                "methods": ["3cosadd"],
                "restrict_vocabulary": None,
            },
            "ignore_case": True,
            "resamples": 100,
            "confidence": 0.95,
        }
    )


def run(evaluation: EvaluationParams, **more):
    sections = (COUNTING.model_dump(), TRAINING.model_dump())
    params = GloveSweepParams.model_validate(GloveSweepParams.inherit(SWEEP, *sections))
    return sweep(*text(), params, evaluation, seed=1, **more)


def test_each_trial_is_scored_as_a_training_of_its_own(evaluation: EvaluationParams):
    reported: dict[str, Any] = {}
    trials = run(evaluation, on_trial=lambda name, _, metrics: reported.update({name: metrics}))
    assert len(trials) == len(reported) == 2 * 2 * 2 * 2
    assert list(trials.columns[:5]) == ["model", "window", "dimensions", "iterations", "seed"]
    seconds = [reported[f"glove window=1 dimensions=3 iterations={i} seed=1"] for i in (1, 3)]
    assert 0 < seconds[0]["seconds"] < seconds[1]["seconds"]
    sets = read_sets(evaluation)
    for row in trials.iloc[[0, 6, 15]].itertuples():
        counting = COUNTING.model_copy(update={"window": row.window, "weighting": "uniform"})
        settings = {"dimensions": row.dimensions, "iterations": row.iterations, "rate": 0.1}
        vectors = glove.train(
            cooccurrence.count(*text(), counting, seed=1),
            TRAINING.model_copy(update=settings),
            seed=rng.derive(1, "sweep", row.seed),
        )
        assert row.pairs == measure(vectors, evaluation, sets)["pairs"]


def test_each_window_is_counted_once_and_each_length_trained_on_the_way(
    evaluation: EvaluationParams, monkeypatch: pytest.MonkeyPatch
):
    counted, trained = [], []
    count, train = cooccurrence.count, glove.train_and_stop_by
    monkeypatch.setattr(
        cooccurrence, "count", lambda *a, **k: counted.append(a[2].window) or count(*a, **k)
    )
    monkeypatch.setattr(
        glove, "train_and_stop_by", lambda *a, **k: trained.append(a[2]) or train(*a, **k)
    )
    run(evaluation)
    assert counted == [1, 2]
    assert trained == [(3, 1)] * 2 * 2 * 2


def test_a_sweep_cut_off_goes_on(evaluation: EvaluationParams, tmp_path):
    done: list[str] = []

    def stop_at_5(name: str, params: object, metrics: object) -> None:
        done.append(name)
        if len(done) == 5:
            raise Interrupted

    checkpoint = Checkpoint(tmp_path / "checkpoint")
    with pytest.raises(Interrupted):
        run(evaluation, on_trial=stop_at_5, checkpoint=checkpoint)
    resumed, whole = run(evaluation, checkpoint=checkpoint, threads=1), run(evaluation)
    pd.testing.assert_frame_equal(resumed, whole, check_exact=True)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"grid": {"epochs": [1]}}, "epochs: no such setting to sweep; expected one of window,"),
        ({"grid": {"window": [0]}}, "window: expected greater than or equal to 1, got 0"),
        ({"grid": {"memory_mb": [64, 128]}}, "memory_mb: expected a setting that changes results"),
        ({"grid": {"exponent": [0.5, -1.0]}}, "exponent: expected greater than or equal to 0"),
    ],
)
def test_settings_that_do_not_exist_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        GloveSweepParams.model_validate({**SWEEP, **changes})
