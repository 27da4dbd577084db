"""The sweep of word2vec on a small text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.params import whole
from wordlab.params.embeddings import EvaluationParams
from wordlab.params.sweeps import Word2vecSweepParams
from wordlab.sweeps import vectors, word2vec

SWEEP: dict[str, Any] = {
    "grid": {"window": [1, 4]},
    "fixed": {"epochs": 1, "dimensions": 8, "subsample": 0.0, "rate": 0.025},
    "seeds": 2,
    "confidence": 0.95,
    "architectures": {"skipgram": {}, "cbow": {"window": [1, 3]}},
}


def run(folder: Path, params: Word2vecSweepParams) -> tuple[pd.DataFrame, list[str]]:
    random = np.random.default_rng(1)
    vocabulary = Vocabulary(tuple(f"w{i}" for i in range(40)), np.arange(80, 40, -1))
    tokens = random.integers(-1, 40, 4000).astype(np.int32)
    ends = np.arange(200, 4001, 200)
    (folder / "pairs.txt").write_text("\n".join(f"w{i} w{i + 1} {i % 7}" for i in range(30)))
    (folder / "questions.txt").write_text(": gram\nw1 w2 w3 w4\n: family\nw5 w6 w7 w8\n")
    evaluation = EvaluationParams.model_validate(
        {
            "similarity": [{"name": "pairs", "path": str(folder / "pairs.txt")}],
            "analogies": {
                "path": str(folder / "questions.txt"),
                "methods": ["3cosadd", "3cosmul"],
                "restrict_vocabulary": None,
            },
            "ignore_case": True,
            "resamples": 100,
            "confidence": 0.95,
        }
    )
    named: list[str] = []

    def on_trial(name: str, params: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        named.append(name)
        assert {"pairs.spearman", "analogy.3cosadd.total", "seconds"} <= set(metrics)
        assert params["dimensions"] == 8

    corpus = EncodedCorpus(tokens, ends, ends)
    result = word2vec.sweep(corpus, vocabulary, params, evaluation, seed=3, on_trial=on_trial)
    return result, named


def test_every_combination_is_scored(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = whole.read(repository / "params.yaml")["word2vec"]["shared"]
    params = Word2vecSweepParams.model_validate(Word2vecSweepParams.inherit(SWEEP, shared))
    result, named = run(tmp_path, params)
    assert len(result) == len(named) == 2 * 2 * 2
    assert named[0] == "skipgram window=1 seed=1"
    scores = ["analogy_semantic", "analogy_syntactic", "analogy_total", "pairs"]
    assert list(result.columns) == ["model", "window", "seed", *scores, "answers"]
    assert result["pairs"].nunique() == 8
    own = {str(model): set(part["window"]) for model, part in result.groupby("model")}
    assert own == {"skipgram": {1, 4}, "cbow": {1, 3}}
    vectors.write(tmp_path / "tables", result)
    assert len(pd.read_csv(tmp_path / "tables" / "trials.csv")) == len(result)
    exact = pd.read_parquet(tmp_path / "tables" / "trials.parquet")
    pd.testing.assert_frame_equal(exact[result.columns[:-1]], result[result.columns[:-1]])
    monkeypatch.setenv("WORDLAB_THREADS", "1")
    again, _ = run(tmp_path, params)
    pd.testing.assert_frame_equal(result, again)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"grid": {"windw": [1]}}, "windw: no such setting"),
        ({"grid": {"window": [0, 1]}}, "window: expected greater than or equal to 1, got 0"),
        ({"grid": {"window": [1, 1]}}, "window: expected different values"),
        ({"grid": {"epochs": [1, 2]}}, "epochs: expected in `grid` or in `fixed`"),
        ({"fixed": {"output": "softmax"}}, "output: expected"),
        (
            {"architectures": {"cbow": {"negatives": [2]}}},
            "architectures.cbow.negatives: expected negatives in `grid` as well",
        ),
        ({"architectures": {"cbow": {"window": [0]}}}, "window: expected greater than or equal"),
        ({"grid": {"window": [1.5]}}, "window: expected a valid integer"),
        ({"grid": {"score_epochs": [True]}}, "score_epochs: expected a setting that changes"),
    ],
)
def test_settings_that_do_not_exist_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Word2vecSweepParams.model_validate({**SWEEP, **changes})
