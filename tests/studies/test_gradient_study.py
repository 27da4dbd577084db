"""The study of gradients: whole, reproducible, and it says no more than it measured."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from wordlab import figures
from wordlab.artifacts import rounded
from wordlab.errors import UserError
from wordlab.params.recurrent import LanguageModelParams
from wordlab.params.studies import GradientStudyParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies import gradient_sentences as sentences
from wordlab.studies.gradients import GradientStudy, study
from wordlab.studies.statistics import mean_interval, median_interval
from wordlab.text.vocabulary import Vocabulary

PARAMS: dict[str, Any] = {
    "lengths": [5, 12],
    "sequences": 6,
    "jacobian_states": 3,
    "confidence": 0.95,
    "clipping": {"tokens": 400, "epochs": 1, "rate": 1.0, "thresholds": [None, 0.5]},
    "adding": {
        "delays": [4],
        "hidden_size": 8,
        "steps": 5,
        "batch_size": 8,
        "rate": 0.01,
        "clip_norm": 1.0,
        "test_sequences": 20,
    },
}


Networks = Callable[..., dict[str, LanguageModelParams]]


def measure(networks: Networks, seed: int, trials: list[str], **changes: Any) -> GradientStudy:
    vocabulary = Vocabulary(tuple("abcdef"), np.ones(6, np.int64))
    made = networks("rnn", "lstm", "gru")
    models = {cell: LanguageModel(params, vocabulary, "word", 9) for cell, params in made.items()}
    ids = np.random.default_rng(1).integers(0, 8, 600)
    params = GradientStudyParams.model_validate({**PARAMS, **changes})
    return study(
        models,
        ids,
        ids[:300],
        params,
        seed=seed,
        torch_threads=1,
        on_trial=lambda name, settings, metrics: trials.append(name),
    )


def test_the_study_is_whole_and_the_same_for_the_same_seed(networks: Networks) -> None:
    trials: list[str] = []
    first, again, other = (
        measure(networks, 1, trials),
        measure(networks, 1, []),
        measure(networks, 2, []),
    )
    assert len(trials) == len(set(trials)) == 3 * (2 + 2 + 1)
    assert set(first.lags["part"]) == {"state", "hidden", "memory"}
    whole = first.lags[(first.lags["part"] == "state") & (first.lags["lag"] == 0)]
    np.testing.assert_allclose(whole["norm"], 1.0)
    assert json.dumps(rounded(first.metrics())) == json.dumps(rounded(again.metrics()))
    assert json.dumps(rounded(first.metrics())) != json.dumps(rounded(other.metrics()))
    assert first.sentences == again.sentences
    trained = first.lags[(first.lags["part"] == "state") & (first.lags["weights"] == "trained")]
    assert len(figures.gradient_by_lag(trained).axes) == 2
    figures.task_by_delay(first.adding, 1 / 6)


def test_a_text_shorter_than_the_sequences_is_refused(networks: Networks) -> None:
    with pytest.raises(UserError, match=r"gradient_study\.lengths"):
        measure(networks, 1, [], lengths=[400])


def reach(low: float, high: float) -> dict[str, Any]:
    middle = (low + high) / 2
    steps = {"steps": middle, "low": low, "high": high, "greatest_ratio": 1.0}
    radius = {"median": 0.5, "low": 0.4, "high": 0.6}
    return {"trained": {"length 100": steps, "spectral_radius": radius}}


def test_reaches_are_told_apart_only_where_their_intervals_are() -> None:
    said = sentences.reach({"rnn": reach(8, 12), "lstm": reach(20, 30), "gru": reach(10, 15)},
                           100, 0.95)  # fmt: skip
    assert "The LSTM's gradient reaches farther back than the RNN's." in said
    assert any("GRU" in text and "not told apart" in text for text in said)
    (alone,) = sentences.reach({"gru": reach(100, 100)}, 100, 0.95)
    assert "stays above 1% of its norm at the loss over all 100 steps" in alone


def test_intervals_cover_what_they_claim() -> None:
    random = np.random.default_rng(1)
    samples = random.normal(3.0, 1.0, (400, 5))
    spans = [mean_interval(sample.tolist(), 0.9) for sample in samples]
    covered = np.mean([low <= 3.0 <= high for _, low, high in spans])
    assert 0.85 < covered < 0.95
    middle, low, high = median_interval(np.arange(101.0), 0.95, random)
    assert low < middle == 50.0 < high
