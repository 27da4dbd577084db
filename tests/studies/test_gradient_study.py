"""The study of gradients: whole, reproducible, and it says no more than it measured."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy import stats

from wordlab.artifacts import Result, rounded
from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.evaluation.repeated import change_intervals
from wordlab.evaluation.statistics import median_interval
from wordlab.params.language import LanguageModelParams
from wordlab.params.studies import GradientStudyParams, TruncationParams
from wordlab.params.whole import load
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies.gradients import jobs
from wordlab.studies.gradients.jobs import Texts
from wordlab.studies.gradients.study import study, truncations

PARAMS: dict[str, Any] = {
    "lengths": [5, 12],
    "sequences": 6,
    "faded": 0.01,
    "confidence": 0.95,
    "initialisations": ["uniform", "orthogonal"],
    "training": {
        "tokens": 400,
        "valid_tokens": 100,
        "epochs": 2,
        "hidden_size": 8,
        "batch_size": 4,
        "bptt_length": 10,
        **{
            cell: {"rate": 1.0, "clip_norm": 1e-3, "clip_value": 1e-4}
            for cell in ("rnn", "lstm", "gru")
        },
    },
    "truncation": {
        "lengths": [5, 20],
        "tokens": 400,
        "valid_tokens": 100,
        "epochs": 1,
        "hidden_size": 8,
        "window_tokens": 40,
        "seeds": 3,
    },
    "tasks": {
        "delays": [4],
        "initialisations": ["uniform", "orthogonal"],
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
    checkpoint: Checkpoint = NOTHING_KEPT,
    **changes: Any,
) -> Result:
    vocabulary = Vocabulary(tuple("abcdef"), np.ones(6, np.int64))
    made = networks(*cells)
    models = {cell: LanguageModel(params, vocabulary, "word", 9) for cell, params in made.items()}
    ids = np.random.default_rng(1).integers(0, 8, 600)
    logged = trials if trials is not None else {}
    return study(
        models,
        Texts(ids, ids[:300]),
        GradientStudyParams.model_validate({**PARAMS, **changes}),
        seed=seed,
        on_trial=lambda name, settings, metrics: logged.update({name: metrics}),
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
    assert not any("seconds" in column for table in first.tables.values() for column in table)
    assert set(first.tables["lags"]["part"]) == {"state", "hidden", "memory"}
    whole = first.tables["lags"][
        (first.tables["lags"]["part"] == "state") & (first.tables["lags"]["lag"] == 0)
    ]
    np.testing.assert_allclose(whole["norm"], 1.0)
    with monkeypatch.context() as stopped:  # all is in the checkpoint: nothing is measured again
        stopped.setattr(jobs, "measure", None)
        resumed = measure(networks, 1, checkpoint=checkpoint)
    monkeypatch.setenv("WORDLAB_THREADS", "2")
    beside = measure(networks, 1)
    for name, table in first.tables.items():
        pd.testing.assert_frame_equal(table, resumed.tables[name], check_exact=True)
        pd.testing.assert_frame_equal(table, beside.tables[name], check_exact=True)
    assert json.dumps(rounded(first.metrics)) == json.dumps(rounded(beside.metrics))


def test_every_way_to_clip_is_told_apart_and_every_parameter_is_followed(
    networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "1")
    found = measure(networks, 2, cells=("gru",), lengths=[5])
    rates = found.tables["trainings"].set_index(["initialisation", "clipping"])["clip_rate"]
    assert rates["uniform"].to_dict() == {"none": 0, "by norm": 1, "by value": 1}
    parameters = set(found.tables["steps"]["parameter"])
    assert {"all", "embedding", "layers.cells.0.recurrent_weight", "output.bias"} <= parameters
    one = found.tables["steps"].query(
        "initialisation == 'uniform' and clipping == 'none' and step == 3"
    )
    norms = one.set_index("parameter")["norm"]
    assert norms["all"] == pytest.approx(np.linalg.norm(norms.drop("all")))
    assert found.tables["steps"]["epoch"].unique().tolist() == [1, 2]
    assert found.tables["truncations"]["agreement"].iloc[-1] == pytest.approx(1.0)


@pytest.mark.parametrize(("rate", "diverged"), [(0.1, False), (1e4, True), (1e30, True)])
def test_a_training_that_ends_worse_than_a_blind_guess_has_diverged(
    rate: float, diverged: bool, networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "1")
    descent = {"rate": rate, "clip_norm": 1e9, "clip_value": 1e9}
    training = {**PARAMS["training"], "gru": descent}
    found = measure(networks, 2, cells=("gru",), training=training, initialisations=["uniform"])
    assert found.tables["trainings"]["diverged"].tolist() == [diverged] * 3
    above = found.tables["trainings"]["valid_loss"].dropna() > np.log(8)
    assert above.all() if diverged else not above.any()


@pytest.mark.parametrize("clipping", ["none", "by norm", "by value"])
def test_a_training_at_a_rate_beyond_numbers_has_diverged(
    clipping: Any, networks: Networks
) -> None:
    vocabulary = Vocabulary(tuple("abcdef"), np.ones(6, np.int64))
    model = LanguageModel(networks("gru")["gru"], vocabulary, "word", 9)
    descent = {"rate": 1e30, "clip_norm": 1e9, "clip_value": 1e9}
    params = {**PARAMS, "training": {**PARAMS["training"], "gru": descent}}
    ids = np.random.default_rng(1).integers(0, 8, 600)
    own = GradientStudyParams.model_validate(params)
    shared = jobs.Shared({"gru": model}, Texts(ids, ids[:300]), own, seed=2)
    found = jobs.measure(jobs.Training("gru", "uniform", clipping), shared)
    assert found.numbers["diverged"] is True
    assert found.numbers.get("valid_loss", np.inf) > np.log(8)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_shipped_thresholds_clip_few_steps(
    cell: Any, repository: Path, article_words: tuple[np.ndarray, Vocabulary]
) -> None:
    shipped, (ids, vocabulary) = load(repository / "params.yaml"), article_words
    params = shipped.gradient_study
    model = LanguageModel(getattr(shipped.language_model, cell), vocabulary, "word", 1)
    texts = Texts(*np.split(ids, [params.training.tokens]))
    shared = jobs.Shared({cell: model}, texts, params, seed=1)
    rates = {}
    for start in params.initialisations:
        for way in ("by norm", "by value"):
            measured = jobs.Training(cell, start, way).measure(shared).numbers
            assert not measured["diverged"]
            rates[start, way] = measured["clip_rate"]
    assert min(rates.values()) >= 0.05, rates
    assert max(rates.values()) <= 0.3, rates


def test_sequences_do_not_overlap_and_are_fewer_where_the_text_is_short() -> None:
    texts = Texts(np.arange(0), np.arange(100))
    for count, expected in ((3, 3), (50, 9)):
        drawn = texts.sequences(10, count, 1)
        assert drawn.shape == (11, expected)
        assert len(np.unique(drawn)) == drawn.size  # no place of the text twice
        assert (np.diff(drawn, axis=0) == 1).all()
    places = {int(texts.sequences(10, 1, seed)[0, 0]) for seed in range(20)}
    assert len(places) > 5


def test_windows_are_compared_over_seeds_with_the_longest() -> None:
    losses = {5: [5.3, 5.41, 5.5], 20: [5.04, 5.09, 5.25], 50: [5.0, 5.1, 5.2]}
    measured = pd.DataFrame(
        {
            "cell": "gru",
            "length": length,
            "agreement": 0.5,
            "kept_mib": 1.0,
            "losses": own,
            "updates": 37,
            "streams": 100 // length,
        }
        for length, own in losses.items()
    )
    table = truncations(measured, 6.2, 0.95).set_index("length")
    assert table["change"].tolist() == pytest.approx([0.3033, 0.0267, 0.0], abs=1e-4)
    expected = change_intervals(np.array(list(losses.values())), 2, 0.95, 2)  # two comparisons
    np.testing.assert_allclose(table[["change", "change_low", "change_high"]], expected)
    with pytest.raises(ValidationError, match="multiple of every window"):
        TruncationParams.model_validate({**PARAMS["truncation"], "lengths": [5, 30]})
    with pytest.raises(ValidationError, match=r"lengths: expected different lengths, got \[5, 5\]"):
        TruncationParams.model_validate({**PARAMS["truncation"], "lengths": [5, 5]})


@pytest.mark.parametrize("tokens", [400, 237, 10_000])
def test_windows_of_every_length_get_as_many_updates(
    tokens: int, networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "1")
    own = {**PARAMS["truncation"], "lengths": [2, 5, 20], "tokens": tokens}
    found = measure(networks, 1, cells=("gru",), lengths=[5], truncation=own)
    updates = min(tokens, 599) // 40  # of the 600 symbols there are
    assert found.tables["truncations"]["updates"].tolist() == [updates] * 3
    assert found.tables["truncations"]["streams"].tolist() == [20, 8, 2]


def test_budgets_of_the_language_models_do_not_shorten_the_trainings(
    networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "1")

    def bounded(*cells: str) -> dict[str, LanguageModelParams]:
        changes = {"tokens": 50, "minutes": 1e-9, "optimizer": "averaged_sgd", "warmup": 0.5}
        return {cell: own.model_copy(update=changes) for cell, own in networks(*cells).items()}

    found, expected = (measure(given, 1, cells=("gru",)) for given in (bounded, networks))
    assert found.metrics == expected.metrics


@pytest.mark.parametrize("name", ["lengths", "truncation.lengths"])
def test_a_text_shorter_than_the_sequences_is_refused(name: str, networks: Networks) -> None:
    own = {"lengths": [400], "window_tokens": 400}
    changes = {"lengths": {"lengths": [400]},
               "truncation.lengths": {"truncation": {**PARAMS["truncation"], **own,
                                                     "lengths": [5, 400]}}}  # fmt: skip
    with pytest.raises(UserError, match=rf"gradient_study\.{name}: a sequence of 400"):
        measure(networks, 1, **changes[name])


@pytest.mark.parametrize("tokens", [1, 7, 20, 300, 999, 1000, 5000])
def test_small_networks_are_scored_on_stretches_of_the_whole_text(tokens: int) -> None:
    texts = Texts(np.arange(0), np.arange(1000))
    found = texts.scored(tokens)
    assert min(tokens, 1000) - 20 < len(found) <= tokens
    assert (np.diff(found) > 0).all() and found[-1] < 1000  # none twice
    if tokens >= 20:
        assert np.diff(found).max() <= 50 and found[0] == 0 and found[-1] >= 950


def test_a_text_shorter_than_an_update_is_refused(networks: Networks) -> None:
    own = {**PARAMS["truncation"], "window_tokens": 600}
    with pytest.raises(UserError, match=r"truncation\.window_tokens: an update of 600 tokens"):
        measure(networks, 1, truncation=own)


@pytest.mark.parametrize("common", [0.0, 2.0])
def test_intervals_over_seeds_cover_what_they_claim_all_at_once(common: float) -> None:
    random = np.random.default_rng(1)
    truth = np.arange(5.0)
    changes = []
    for _ in range(600):
        seeds = random.normal(0.0, common, 3)  # moves all settings alike
        values = truth[:, None] + seeds + random.normal(0.0, 0.5, (5, 3))
        changes.append(_holds(change_intervals(values, 0, 0.9, 4)[1:], truth[1:]).all())
    assert 0.88 < np.mean(changes) < 0.95


def _holds(intervals: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return (intervals[:, 1] <= truth) & (truth <= intervals[:, 2])


def test_changes_of_two_settings_have_the_paired_t_interval() -> None:
    values = np.array([[1.0, 2.0, 3.5], [1.3, 2.1, 4.0]])
    paired = stats.ttest_rel(values[1], values[0]).confidence_interval(0.95)
    nothing, (change, *ends) = change_intervals(values, 0, 0.95).tolist()
    assert nothing == [0, 0, 0]
    assert change == pytest.approx(0.3)
    assert ends == pytest.approx([paired.low, paired.high])


def test_settings_that_are_the_same_trainings_count_once() -> None:
    values = np.random.default_rng(2).standard_normal((4, 3))
    twice = np.concatenate([values, values[:2]])
    found = change_intervals(twice, 0, 0.95)
    np.testing.assert_allclose(found[:4], change_intervals(values, 0, 0.95))
    assert found[4].tolist() == [0, 0, 0]  # those of the reference itself
    np.testing.assert_array_equal(found[5], found[1])
    assert not change_intervals(np.repeat(values[:1], 2, axis=0), 0, 0.95).any()


def test_the_interval_of_a_median_covers_it_as_often_as_it_says() -> None:
    assert median_interval(np.arange(101.0), 0.95) == (50.0, 40.0, 60.0)
    assert np.isnan(median_interval(np.arange(5.0), 0.95)[1:]).all()
    assert median_interval(np.arange(6.0), 0.95) == (2.5, 0.0, 5.0)
    samples = np.random.default_rng(1).exponential(1.0, (1000, 20))
    spans = [median_interval(sample, 0.9) for sample in samples]
    covered = np.mean([low <= np.log(2) <= high for _, low, high in spans])
    assert 0.9 < covered < 0.98
