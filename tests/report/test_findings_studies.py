"""Sentences about the studies say what their tables show, and no more."""

import numpy as np
import pandas as pd

from wordlab.report.findings import autoencoders, networks, studies

Change = tuple[float, float]
"""A change, and how far its interval reaches to either side."""


def growth(task: str, n: int, **changes: Change) -> pd.DataFrame:
    """Return the rows of a task: by model how much its score rises."""
    return pd.DataFrame(
        {"task": task, "model": model, "difference": change, "low": change - margin,
         "high": change + margin, "n": n, "distinct": abs(change) > margin and n >= 10}
        for model, (change, margin) in changes.items()
    )  # fmt: skip


def scores(**known: int) -> pd.DataFrame:
    """Return the scores of tasks at two shares, over so many items of the whole text."""
    return pd.DataFrame(
        {"task": task, "share": share, "score": 0.5, "n": n, "held": held}
        for task, n in known.items()
        for share, held in ((0.3, 0.312), (1.0, 1.0))
    )


def test_a_change_of_a_score_is_claimed_where_its_interval_leaves_out_zero() -> None:
    rises = {"skipgram": (0.4, 0.1), "glove": (0.02, 0.1), "ppmi_svd": (0.0, 0.25)}
    grown = pd.concat([growth("few", 9, **rises), growth("simlex999", 12, **rises)])
    own, sets = scores(few=9, simlex999=14), ["few", "simlex999"]
    few, enough, *others = studies.grown(own, own, grown, sets)
    assert few == (
        "few: 9 items are known at every size, 9 in the whole text. These are too few to show a "
        "change."
    )
    assert enough == (
        "SimLex-999: 12 items are known at every size, 14 in the whole text. From 31.2 % of the "
        "text to all of it, skip-gram changes by +0.400 [+0.300, +0.500]. From 31.2 % of the text "
        "to all of it, no change is shown for GloVe and PPMI-SVD; one below 0.25 would not show."
    )
    none = "No set of word pairs shows that more text changes any model's score."
    assert none not in others
    assert any("intervals of changes hold together" in text for text in others)
    assert none in studies.grown(own, own, grown.assign(distinct=False), sets)
    assert studies.grown(own, own, grown[:0], sets) == []
    assert studies.grown(own, own.assign(score=np.nan), grown, sets) == [
        "No set can be scored at every size of the text."
    ]


def test_shares_that_are_left_out_are_named() -> None:
    rows = [(0.0125, "vocabulary"), (0.302, "documents"), (0.5, "documents")]
    assert studies.left_out(pd.DataFrame(rows, columns=["share", "reason"])) == [
        "Left out, because their vocabulary is too small: 1.25 % of the text.",
        "Left out, because no whole documents hold about as much, or the same as another "
        "share: 30.2 % and 50 % of the text.",
    ]
    assert studies.left_out(pd.DataFrame(columns=["share", "reason"])) == []


def test_sentences_about_windows_hold_the_numbers() -> None:
    summary = pd.DataFrame(
        {"window": [1, 5], "cells": [13364, 25214], "density": [0.0066, 0.0125],
         "ppmi_cells": [12963, 23701], "median": [3.2, 2.78], "p95": [6.26, 6.3]}
    )  # fmt: skip
    said = studies.on_cells(summary)
    assert said[0] == (
        "Window 1 observes 13,364 pairs of words, 0.66% of all; 97% of these have a PPMI above 0."
    )
    assert said[2].endswith("the median of the PPMI above 0 falls, from 3.20 to 2.78 nats.")
    assert said[3].endswith("95th percentile of the PPMI above 0 rises, from 6.26 to 6.30 nats.")
    back = pd.concat([summary, summary[:1].assign(window=9)])
    assert "neither rises nor falls throughout" in studies.on_cells(back)[3]


def test_associations_and_neighbours_are_compared_between_windows() -> None:
    contexts = {1: ["crown", "throne"], 3: ["x", "y"], 5: ["throne", "of"]}
    associations = pd.DataFrame(
        {"word": "king", "window": window, "context": context}
        for window, own in contexts.items()
        for context in own
    )
    assert studies.on_associations(associations) == [
        "Of the 2 strongest associations of “king” at window 1, 1 are among the 2 at window 5 "
        "(throne)."
    ]
    names = [f"window {window}" for window in contexts]
    overlap = pd.DataFrame([[1, 0.5, 0.2], [0.5, 1, 0.6], [0.2, 0.6, 1]], columns=names)
    assert studies.on_overlap(overlap, 10, 2000) == [
        "Of a word's 10 nearest neighbours (mean over the commonest words, at most 2,000) "
        "window 3 and window 5 share 60%, the most; window 1 and window 5 20%, the least."
    ]
    assert studies.on_overlap(overlap * np.nan, 10, 2000) == []


def test_prompts_that_are_left_out_are_counted() -> None:
    metrics = {
        "gru": {"generated": {"prompts_left_out": 2}},
        "char": {"generated": {"prompts_left_out": 0}},
        "unigram": {},
    }
    (said,) = networks.prompts_left_out(metrics)
    assert said.startswith("GRU: 2 of the prompts named in params.yaml have words unknown to it")


def test_tables_of_words_and_texts_show_what_was_found() -> None:
    columns = ["cell", "latent_size", "original", "restored"]
    rows = [
        ("rnn", 8, "a cat", "no"), ("rnn", 32, "a cat", "a car"), ("gru", 32, "a cat", "a cat"),
        ("rnn", 32, "on", None), ("gru", 32, "on", "on"),
    ]  # fmt: skip
    table = autoencoders.restored(pd.DataFrame(rows, columns=columns))
    assert "through 32 numbers" in table.title
    assert (list(table.head), list(table.rows)) == (
        ["RNN", "GRU"],
        [["a cat", "a car", "a cat"], ["on", "", "on"]],
    )
    near = pd.DataFrame(
        [("water", f"window {w}", rank, f"n{w}{rank}") for w in (1, 5) for rank in range(1, 8)],
        columns=["word", "model", "rank", "neighbour"],
    )
    table = studies.nearest_by_window(near)
    assert list(table.head) == ["window 1", "window 5"]
    assert list(table.rows) == [["water", "n11, n12, n13, n14, n15", "n51, n52, n53, n54, n55"]]


def test_sentences_about_autoencoders_follow_the_numbers() -> None:
    columns = ["precision", "rate", "correction", "token_accuracy"]
    rows = [("float32", 20, 1.0, 0.9), ("float16", 10, 1.0, 0.9), ("4 bits", 2.5, 1.5, 0.8)]
    rates = pd.DataFrame(rows, columns=columns)
    rates = rates.assign(cell="gru", latent_size=8, exact_match=0.005)
    rates["total"] = rates["rate"] + rates["correction"]
    assert autoencoders.brought_back("GRU", rates, "words") == [
        "GRU: through 8 numbers 90% of the words and 0.5% of the held-out sequences come back "
        "right.",
        "GRU, 8 numbers: the share of words right is 90% at float32, 90% at float16, 80% at 4 "
        "bits.",
    ]
    said = autoencoders.costs(rates, {"UTF-8": 8.0, "language model": 2.5})
    assert said[0].endswith(
        "GRU and 8 numbers at 4 bits: 2.50 bits per character for the vector and 1.50 to correct "
        "its errors."
    )
    assert said[1] == (
        "That is 4.00 together, less than UTF-8 (8.00), and more than language model (2.50)."
    )
    assert "GRU and 8 numbers at float16, leaves 1.00" in said[2]  # the cheaper of two alike
