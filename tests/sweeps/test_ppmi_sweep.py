"""The sweep of PPMI: each trial is what its settings alone would give, and counts are shared."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from wordlab import rng
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import ppmi
from wordlab.embeddings.counts import cooccurrence
from wordlab.evaluation.vectors.answers import measure
from wordlab.evaluation.vectors.sets import read_sets
from wordlab.params.embeddings import CooccurrenceParams, EvaluationParams, PpmiParams
from wordlab.params.sweeps import PpmiSweepParams
from wordlab.sweeps import vectors
from wordlab.sweeps.ppmi import sweep

WORDS = tuple(["red", "green", "blue", "black", "white", "brown", "pink", "grey"])
COUNTING = CooccurrenceParams(
    window=4, dynamic_window=False, weighting="uniform", side="both", subsample=0.0,
    subsample_formula="reference", memory_mb=64,
)  # fmt: skip
WEIGHING = PpmiParams(
    context_exponent=1.0, shift=1.0, dimensions=4, eigenvalue_exponent=0.5, add_contexts=False,
    tolerance=0.01,
)  # fmt: skip
SWEEP: dict[str, Any] = {
    "grid": {"window": [1, 3], "shift": [1.0, 1.1], "dimensions": [2, 3]},
    "fixed": {"context_exponent": 0.5},
    "seeds": 2,
    "confidence": 0.95,
}


def text() -> tuple[EncodedCorpus, Vocabulary]:
    tokens = np.random.default_rng(5).integers(0, len(WORDS), 400).astype(np.int32)
    ends = np.arange(20, 401, 20)
    return EncodedCorpus(tokens, ends, ends), Vocabulary(WORDS, np.full(len(WORDS), 50))


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> EvaluationParams:
    folder = tmp_path_factory.mktemp("sets")
    pairs = [f"{one} {other} {n}" for n, (one, other) in enumerate(combinations(WORDS, 2))]
    (folder / "pairs.txt").write_text("\n".join(pairs))
    (folder / "questions.txt").write_text(": colours\nred green blue black\n")
    analogies = {
        "path": str(folder / "questions.txt"), "methods": ["3cosadd"], "restrict_vocabulary": None
    }  # fmt: skip
    return EvaluationParams.model_validate(
        {
            "similarity": [{"name": "pairs", "path": str(folder / "pairs.txt")}],
            "analogies": analogies,
            "ignore_case": True,
            "resamples": 100,
            "confidence": 0.95,
        }
    )


def run(evaluation: EvaluationParams, **more: Any) -> Any:
    sections = (COUNTING.model_dump(), WEIGHING.model_dump())
    params = PpmiSweepParams.model_validate(PpmiSweepParams.inherit(SWEEP, *sections))
    return sweep(*text(), params, evaluation, seed=1, **more)


def test_an_evaluation_set_that_changed_is_another_recipe(
    evaluation: EvaluationParams, monkeypatch: pytest.MonkeyPatch
):
    class Met(Exception):
        """Stands for the trials."""

    recipes: list[Any] = []

    def opened(*_: Any, recipe: Any, **__: Any) -> None:
        recipes.append(recipe)
        raise Met

    monkeypatch.setattr(vectors, "opened", opened)
    place = Path(str(evaluation.similarity[0].path))
    before = place.read_text()
    for written in (before, before, before.replace("red green 0", "red green 9")):
        place.write_text(written)
        with pytest.raises(Met):
            run(evaluation)
    place.write_text(before)
    assert recipes[0] == recipes[1] != recipes[2]


def test_each_trial_is_scored_as_its_settings_alone_would_be(evaluation: EvaluationParams):
    trials = run(evaluation)
    assert len(trials) == 2 * 2 * 2 * 2
    assert list(trials.columns[:5]) == ["model", "window", "shift", "dimensions", "seed"]
    assert set(trials["model"]) == {"ppmi_svd"}
    sets = read_sets(evaluation)
    for row in trials.iloc[[0, 6, 15]].itertuples():
        counts = cooccurrence.count(
            *text(), COUNTING.model_copy(update={"window": row.window}), seed=1
        )
        own = {"shift": row.shift, "dimensions": row.dimensions, "context_exponent": 0.5}
        settings = WEIGHING.model_copy(update=own)
        model = ppmi.ppmi(counts, settings)
        drawn = rng.derive(1, "sweep", row.seed)
        vectors = ppmi.factorise(model.matrix, model.vocabulary, settings, seed=drawn)
        assert row.pairs == measure(vectors, evaluation, sets)["pairs"]


def test_each_window_is_counted_once(evaluation: EvaluationParams, monkeypatch: pytest.MonkeyPatch):
    counted, count = [], cooccurrence.count
    monkeypatch.setattr(
        cooccurrence, "count", lambda *a, **k: counted.append(a[2].window) or count(*a, **k)
    )
    run(evaluation)
    assert counted == [1, 3]


@pytest.mark.parametrize(
    ("grid", "complaint"),
    [
        ({"iterations": [1]}, "iterations: no such setting to sweep; expected one of window,"),
        ({"shift": [0.5]}, "shift: expected greater than or equal to 1, got 0.5"),
    ],
)
def test_settings_that_do_not_exist_are_refused(grid: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        PpmiSweepParams.model_validate({**SWEEP, "grid": grid})
