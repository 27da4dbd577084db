"""The study of gradients: whole, reproducible, and it says no more than it measured."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wordlab import figures
from wordlab.artifacts import rounded
from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.params.gradients import GradientStudyParams
from wordlab.params.recurrent import LanguageModelParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies import gradient_jobs
from wordlab.studies import gradient_sentences as sentences
from wordlab.studies.gradient_lags import Texts
from wordlab.studies.gradients import GradientStudy, study
from wordlab.studies.statistics import mean_interval, median_interval
from wordlab.text.vocabulary import Vocabulary

PARAMS: dict[str, Any] = {
    "lengths": [5, 12],
    "sequences": 6,
    "jacobian_states": 3,
    "confidence": 0.95,
    "initialisations": ["uniform", "orthogonal"],
    "training": {
        "tokens": 400,
        "epochs": 2,
        "batch_size": 4,
        "bptt_length": 10,
        "rate": 1.0,
        "clipping": {
            "none": {"norm": None, "value": None},
            "by norm": {"norm": 1e-3, "value": None},
            "by value": {"norm": None, "value": 1e-4},
        },
    },
    "truncation": {"tokens": 400, "epochs": 1, "window_tokens": 40},
    "tasks": {
        "delays": [4],
        "symbols": 3,
        "copied": 1,
        "hidden_size": 8,
        "steps": 5,
        "batch_size": 8,
        "rate": 0.01,
        "clip_norm": 1.0,
        "test_sequences": 20,
    },
}
Networks = Callable[..., dict[str, LanguageModelParams]]


def measure(
    networks: Networks,
    seed: int,
    *,
    cells: tuple[str, ...] = ("rnn", "lstm"),
    trials: dict[str, Any] | None = None,
    checkpoint: Checkpoint = Checkpoint(None),  # noqa: B008
    **changes: Any,
) -> GradientStudy:
    vocabulary = Vocabulary(tuple("abcdef"), np.ones(6, np.int64))
    made = networks(*cells)
    models = {cell: LanguageModel(params, vocabulary, "word", 9) for cell, params in made.items()}
    ids = np.random.default_rng(1).integers(0, 8, 600)
    told = trials if trials is not None else {}
    return study(
        models,
        Texts(ids, ids[:300]),
        GradientStudyParams.model_validate({**PARAMS, **changes}),
        seed=seed,
        torch_threads=1,
        on_trial=lambda name, settings, metrics: told.update({name: metrics}),
        checkpoint=checkpoint,
    )


def test_the_study_is_whole_and_the_same_for_the_same_seed_and_any_processes(
    networks: Networks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "1")
    trials: dict[str, Any] = {}
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors")
    first = measure(networks, 1, trials=trials, checkpoint=checkpoint)
    assert len(trials) == 2 * (3 + 2 * 3 + 2 + 2 * 2)
    assert trials["gradients truncation lstm 5"]["seconds_per_token"] > 0
    assert not any("seconds" in column for table in first.tables().values() for column in table)
    assert set(first.lags["part"]) == {"state", "hidden", "memory"}
    whole = first.lags[(first.lags["part"] == "state") & (first.lags["lag"] == 0)]
    np.testing.assert_allclose(whole["norm"], 1.0)
    with monkeypatch.context() as stopped:  # all is in the checkpoint: nothing is measured again
        stopped.setattr(gradient_jobs, "measure", None)
        resumed = measure(networks, 1, checkpoint=checkpoint)
    monkeypatch.setenv("WORDLAB_THREADS", "2")
    beside = measure(networks, 1)
    for name, table in first.tables().items():
        pd.testing.assert_frame_equal(table, resumed.tables()[name], check_exact=True)
        pd.testing.assert_frame_equal(table, beside.tables()[name], check_exact=True)
    assert json.dumps(rounded(first.metrics())) == json.dumps(rounded(beside.metrics()))
    assert first.sentences == beside.sentences
    plain = first.steps[first.steps["initialisation"] == "uniform"]
    assert len(figures.gradient_heat(plain).axes) == 2 * 3 + 1  # and the colours'
    assert len(figures.gradient_distribution(first.steps, first.trainings).axes) == 2
    assert len(figures.gradient_by_lag(first.lags.query("part == 'state'")).axes) == 2


def test_every_way_to_clip_is_told_apart_and_every_parameter_is_followed(
    networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "1")
    found = measure(networks, 2, cells=("gru",), lengths=[5])
    rates = found.trainings.set_index(["initialisation", "clipping"])["clip_rate"]
    assert rates["uniform"].to_dict() == {"none": 0, "by norm": 1, "by value": 1}
    parameters = set(found.steps["parameter"])
    assert {"all", "embedding", "layers.cells.0.recurrent_weight", "output.bias"} <= parameters
    one = found.steps.query("initialisation == 'uniform' and clipping == 'none' and step == 3")
    norms = one.set_index("parameter")["norm"]
    assert norms["all"] == pytest.approx(np.linalg.norm(norms.drop("all")))
    assert found.steps["epoch"].unique().tolist() == [1, 2]
    assert found.truncations["agreement"].tolist() == pytest.approx([1.0])


def test_a_text_shorter_than_the_sequences_is_refused(networks: Networks) -> None:
    with pytest.raises(UserError, match=r"gradient_study\.lengths"):
        measure(networks, 1, lengths=[400])


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


def test_what_is_said_of_clipping_and_of_tasks_follows_the_numbers() -> None:
    columns = ["cell", "initialisation", "clipping", "diverged", "valid_loss", "clip_rate",
               "median_norm", "largest_norm"]  # fmt: skip
    table = pd.DataFrame(
        [("rnn", "uniform", "none", True, np.nan, 0, 2, 900), ("rnn", "uniform", "by norm", False,
         5.5, 0.25, 2, 4)], columns=columns)  # fmt: skip
    (said,) = sentences.clipping(table)
    assert "without clipping it diverges, clipped by norm 5.50 (25% of the steps clipped)" in said
    assert "largest norm of a step is 900, the median 2" in said
    table = pd.DataFrame(
        [
            ("copying", "rnn", "uniform", 5, 0.95, 0.25),
            ("copying", "rnn", "uniform", 50, 0.2, 0.25),
        ],
        columns=["task", "cell", "initialisation", "delay", "success", "baseline"],
    )
    (said,) = sentences.tasks(table)
    assert "RNN (uniform) 95% at 5, 20% at 50" in said
    assert "at some delay with RNN, at a delay of 50 with none" in said
