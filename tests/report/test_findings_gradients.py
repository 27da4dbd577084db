"""Sentences about gradients say what the tables of the study show, and no more."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wordlab.params.studies import TruncationParams
from wordlab.params.whole import load
from wordlab.report.findings import gradients


def reach(low: float, high: float) -> dict[str, Any]:
    middle = (low + high) / 2
    steps = {"sequences": 8, "steps": middle, "low": low, "high": high, "greatest_ratio": 1.0}
    radius = {"median": 0.5, "low": 0.4, "high": 0.6}
    return {"trained": {"length 100": steps, "spectral_radius": radius}}


def test_reaches_differ_only_where_their_intervals_do(repository: Path) -> None:
    shipped = load(repository / "params.yaml").gradient_study
    params = shipped.model_copy(update={"lengths": [50, 100]})
    found = {"rnn": reach(8, 12), "lstm": reach(20, 30), "gru": reach(10, 15)}
    said = gradients.reach(found, params)
    assert "The LSTM's gradient reaches farther back than the RNN's." in said
    assert "LSTM, trained: the gradient fades after 20 to 30 steps." in said
    assert any("GRU" in text and "not clear" in text for text in said)
    assert "ranges are 95% intervals of the median" in said[1]
    exact = gradients.reach(found, params.model_copy(update={"faded": 0.001, "confidence": 0.995}))
    assert "below 0.1% of" in exact[1] and "99.5% intervals" in exact[1]
    alone = gradients.reach({"gru": reach(100, 100)}, params)
    assert "GRU, trained: the gradient has not faded after 100 steps." in alone
    few = reach(12, 12)
    few["trained"]["length 100"] |= {"low": None, "high": None}
    said = gradients.reach({"rnn": reach(8, 12), "lstm": few}, params)
    assert any("after 12 steps, a median over too few sequences for an interval" in x for x in said)
    assert any("LSTM" in text and "not clear" in text for text in said)
    assert not any("nan" in text for text in said)


def windows(length: int, change: float, low: float, high: float) -> dict[str, Any]:
    """Return a row of windows whose loss is higher than the longest's by `change`."""
    numbers = {"valid_loss": 5.1 + change, "change": change, "change_low": low, "change_high": high}
    cost = {"agreement": 0.5, "kept_mib": 1.0, "updates": 37, "streams": 100 // length}
    return {"cell": "gru", "length": length, "unigram": 6.2, **cost, **numbers}


TRUNCATION = TruncationParams(
    lengths=[5, 20, 50], tokens=400, valid_tokens=100, epochs=1, hidden_size=8, window_tokens=100,
    seeds=3,
)  # fmt: skip


def test_windows_are_compared_with_the_longest_where_they_beat_the_unigram_model() -> None:
    table = pd.DataFrame(
        [windows(5, 0.303, 0.2, 0.4), windows(20, 0.027, -0.01, 0.06), windows(50, 0, 0, 0)]
    ).assign(multiply_adds=1152, steps_in_a_row=lambda rows: 37 * rows["length"])
    said = gradients.truncation(table, TRUNCATION, 0.95)
    assert "GRU: a token takes 1,152 multiply-adds in the layers, whatever the length." in said
    assert "GRU: with windows of 5 steps a training takes 185 steps one after another." in said
    assert "Windows of every length get 37 updates of 100 tokens each." in said
    assert (
        "GRU: windows of 5 steps (20 streams) end 0.303 nats per token higher than the longest."
    ) in said
    (unclear,) = [text for text in said if "no clear difference in loss" in text]
    assert "windows of 20 steps (5 streams)" in unclear
    assert "-0.010 to +0.060 nats" in unclear
    assert any("99.5% confidence" in x for x in gradients.truncation(table, TRUNCATION, 0.995))
    blind = gradients.truncation(table.assign(unigram=5.2), TRUNCATION, 0.95)
    assert any("no verdict on the loss" in text for text in blind)
    assert not any("than the longest" in text or "no clear" in text for text in blind)


def test_sentences_about_clipping_and_tasks_follow_the_numbers() -> None:
    columns = ["cell", "initialisation", "clipping", "diverged", "valid_loss", "clip_rate",
               "median_norm", "largest_norm"]  # fmt: skip
    table = pd.DataFrame(
        [("rnn", "uniform", "none", True, np.nan, 0, 2, 900), ("rnn", "uniform", "by norm", False,
         5.5, 0.25, 2, 4)], columns=columns)  # fmt: skip
    said = gradients.clipping(table.assign(classes=1000))
    assert "above 6.9 nats per token" in said[0]
    assert "RNN, uniform weights: it diverges without clipping." in said
    assert "RNN, uniform weights: it ends at 5.50 nats per token clipped by norm." in said
    assert "Clipping by norm changes 25% of the steps of a training." in said
    table = pd.DataFrame(
        [
            ("copying", "rnn", "uniform", 5, 0.95, 0.25),
            ("copying", "rnn", "uniform", 50, 0.2, 0.25),
        ],
        columns=["task", "cell", "initialisation", "delay", "success", "baseline"],
    )
    said = gradients.tasks(table)
    assert "Copying: 25% of the answers are right by chance." in said
    assert "Copying over 5 steps is learnt by RNN (uniform)." in said
    assert "Copying over 50 steps is learnt by none." in said
    assert any("50 steps is not learnt by RNN (uniform): at most 20%" in text for text in said)
