"""Answers of the report: each verdict where its rule asks for it, and no more."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from wordlab.report.findings import (
    answers,
    autoencoders,
    embeddings,
    gradients,
    networks,
    preferences,
    studies,
    sweeps,
)
from wordlab.report.results import UNMEASURED, Results, Unmeasured

OPEN = "not decided by this text"
SPACED = "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}"


def scores(**models: float) -> pd.DataFrame:
    rows = [
        (model, "wordsim353", score, score - 0.1, score + 0.1, 3, 200, 353)
        for model, score in models.items()
    ]
    columns = ["model", "task", "score", "low", "high", "seeds", "n", "total"]
    return pd.DataFrame(rows, columns=columns)


def differences(*rows: tuple[str, str, bool]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["first", "second", "distinct"])
    return table.assign(task="wordsim353")


SCORES = scores(glove=0.2, ppmi=0.45, skipgram=0.571)


def test_a_model_is_above_those_whose_difference_leaves_out_zero() -> None:
    sure = embeddings.closest(
        SCORES, differences(("skipgram", "glove", True), ("skipgram", "ppmi", True)), {}
    )
    assert sure.decided and "skip-gram agrees best" in sure.text
    assert ".57, above every other model." in sure.text
    part = embeddings.closest(
        SCORES, differences(("skipgram", "glove", True), ("skipgram", "ppmi", False)), {}
    )
    assert part.decided and f"above GloVe; whether it is above PPMI is {OPEN}." in part.text
    none = embeddings.closest(
        SCORES, differences(("skipgram", "glove", False), ("skipgram", "ppmi", False)), {}
    )
    assert not none.decided and f"but whether it is above GloVe or PPMI is {OPEN}." in none.text
    assert none.table is not None and none.table.head[3] == "skip-gram"
    with pytest.raises(Unmeasured):
        embeddings.closest(SCORES.assign(score=np.nan), differences(), {})


def test_scores_are_shown_by_task() -> None:
    asked = pd.concat(
        SCORES.assign(task=task) for task in ("simlex999", "own", "analogy 3cosadd", "wordsim353")
    )
    parts = {"3cosadd": {"semantic": 0.25, "syntactic": None}}
    table = embeddings.by_task(asked, {model: {"analogy": parts} for model in SCORES["model"]})
    assert list(table.head) == ["items", "GloVe", "PPMI", "skip-gram"]
    assert [row[:2] for row in table.rows] == [
        ["relatedness: WordSim-353", "200 of 353"],
        ["similarity: SimLex-999", "200 of 353"],
        ["similarity: own", "200 of 353"],
        ["analogies by 3CosAdd", "200 of 353"],
        ["semantic ones", ""],
    ]
    assert table.rows[0][2] == f".20 (.10{SPACED}.30)"
    assert table.rows[4][2] == "25\N{NO-BREAK SPACE}%"


def test_analogies_alone_are_no_correlation() -> None:
    analogies = SCORES.assign(task="analogy 3cosadd")
    own = differences(("skipgram", "glove", True), ("skipgram", "ppmi", True))
    parts = {"3cosadd": {"semantic": None, "syntactic": None}}
    found = embeddings.closest(
        analogies,
        own.assign(task="analogy 3cosadd"),
        {model: {"analogy": parts} for model in SCORES["model"]},
    )
    assert found.text == (
        "skip-gram answers most analogies by 3CosAdd, 57\N{NO-BREAK SPACE}%, above every other "
        "model."
    )


def test_a_model_is_to_be_preferred_where_another_is_shown_to_be_worse() -> None:
    purposes = preferences.at_tasks(
        SCORES, differences(("skipgram", "glove", True), ("skipgram", "ppmi", False))
    )
    clear = preferences.prefer(purposes, "It rests on this.")
    assert clear.decided and "Prefer skip-gram to GloVe for WordSim-353." in clear.text
    assert clear.table is not None and clear.table.rows == [
        ["WordSim-353", "skip-gram", ".57", "PPMI"]
    ]
    assert clear.more == ("It rests on this.",)
    open_ = preferences.prefer([preferences.Purpose("memory", "glove", "3 MB")], "")
    assert not open_.decided and OPEN in open_.text
    with pytest.raises(Unmeasured):
        preferences.prefer([], "")
    results = Results.__new__(Results)
    results.__dict__["metrics"] = {"preprocess": {"train": {"tokens": 900}}}
    for seeds, said in ((1, "at most 1 training per model"), (3, "at most 3 trainings per model")):
        rests = preferences.rests_on(SCORES.assign(seeds=seeds), results)
        assert f"one text of 900 words, {said} and " in rests


def test_rare_words_and_relations_name_what_may_be_as_good() -> None:
    rare = scores(glove=0.2, ppmi=0.45, skipgram=0.55).assign(band="rare")
    (found,) = preferences.on_rare_words(rare)
    assert (found.best, found.above, found.unclear) == ("skipgram", ["glove"], ["ppmi"])
    assert preferences.on_rare_words(rare.assign(score=np.nan)) == []
    rows = [("glove", False), ("glove", True), ("ppmi", True), ("ppmi", True)]
    contrasts = pd.DataFrame(rows, columns=["model", "distinct"]).assign(
        second="unrelated", auc=0.7
    )
    (most,) = preferences.at_relations(contrasts)
    assert (most.best, most.value, most.unclear) == ("ppmi", "2 of 2", ["glove"])
    assert preferences.at_relations(contrasts.assign(distinct=False)) == []
    (tied,) = preferences.at_relations(contrasts.assign(distinct=True))
    assert (tied.best, tied.tied, tied.unclear) == ("glove", ["ppmi"], [])
    table = preferences.prefer([tied], "").table
    assert table is not None
    assert table.rows == [["relations, from unrelated pairs", "GloVe and PPMI", "2 of 2", "none"]]


@pytest.mark.parametrize(
    ("second", "shared", "start"),
    [("abc", 0.9, "Little"), ("xyz", 0.1, "Yes"), ("abc", 0.1, "In part")],
)
def test_a_window_changes_what_at_most_half_stays_of(
    second: str, shared: float, start: str
) -> None:
    rows = [(1, "war", context) for context in "abc"] + [(5, "war", context) for context in second]
    associations = pd.DataFrame(rows, columns=["window", "word", "context"])
    summary = pd.DataFrame({"window": [1, 5], "cells": [10, 20], "median": [2.0, 1.0]})
    overlap = pd.DataFrame([[1, shared], [shared, 1]], columns=["window 1", "window 5"])
    table = scores(**{"window 1": 0.2, "window 5": 0.5})
    for distinct in (True, False):
        found = studies.widened(
            summary, associations, overlap, table, differences(("window 5", "window 1", distinct))
        )
        assert found.text.startswith(f"{start}: from window 1 to 5")
        assert found.decided == distinct == (OPEN not in found.text)
        assert not found.more
    other = pd.concat([table, table.assign(task="simlex999")])
    ahead = differences(("window 5", "window 1", True)).assign(task="simlex999")
    found = studies.widened(summary, associations, overlap, other, ahead)
    assert list(found.more) == ["On SimLex-999 window 5 scores highest, above every other window."]
    with pytest.raises(Unmeasured):
        studies.widened(summary, associations[:3], overlap, table, differences())


def test_more_text_helps_where_a_change_leaves_out_zero() -> None:
    growth = pd.DataFrame(
        {"task": "wordsim353", "model": ["glove", "ppmi"], "share": 0.3,
         "difference": [0.2, -0.1], "low": [0.1, -0.3], "high": [0.3, 0.1],
         "distinct": [True, False], "n": 29}
    )  # fmt: skip
    yes = studies.larger(growth)
    assert yes.decided and yes.text.startswith("In part: from 30")
    every = studies.larger(growth.assign(distinct=True, difference=0.2))
    assert every.decided and every.text.startswith("Yes: from 30")
    assert "GloVe gains .20 on WordSim-353, of which 29 items are known at every size." in yes.text
    assert yes.table is not None and yes.table.head == ["WordSim-353 (n = 29)"]
    shares = studies.larger(growth.assign(task="analogy 3cosadd", n=1600))
    assert "GloVe gains 20.0 points on analogies by 3CosAdd, of which 1,600 items" in shares.text
    assert shares.table is not None
    assert shares.table.head == ["analogies by 3CosAdd (n = 1,600, points)"]
    assert shares.table.rows[1] == ["PPMI", "-10.0 (-30.0 to 10.0)".replace(" to ", SPACED)]
    falls = studies.larger(growth.assign(difference=[-0.2, -0.1]))
    assert falls.decided and falls.text.startswith("Not everywhere")
    none = studies.larger(growth.assign(distinct=False))
    assert not none.decided and OPEN in none.text and "1 of 2 scores rise" in none.text
    with pytest.raises(Unmeasured):
        studies.larger(growth.assign(difference=np.nan))


def test_a_setting_matters_where_it_is_beyond_the_noise() -> None:
    table = pd.DataFrame(
        {"model": "gru", "score": "valid_loss", "setting": ["rate", "hidden_size"],
         "highest": ["1", "8"], "lowest": ["2", "16"], "difference": [0.5, 0.1], "low": 0.05,
         "high": 0.9, "beyond_noise": [True, False]}
    )  # fmt: skip
    found = sweeps.matters(table, "valid_loss")
    assert found.decided
    assert found.text == (
        "For GRU the rate matters most: 2 instead of 1 lowers the validation loss by .50."
    )
    both = sweeps.matters(table.assign(beyond_noise=True), "valid_loss")
    assert both.text.endswith("; the hidden size counts too.")
    silent = sweeps.matters(table, "valid_loss", [("gru", "rate")])
    assert not silent.decided and silent.table is not None
    assert [row[-1] for row in silent.table.rows] == ["not compared", "no"]
    none = sweeps.matters(table.assign(beyond_noise=False), "valid_loss")
    assert not none.decided and OPEN in none.text
    with pytest.raises(Unmeasured):
        sweeps.matters(table[:0], "valid_loss")


def predicted(low: float | None, high: float | None) -> dict[str, dict[str, Any]]:
    own = {"perplexity": 140.0, "bits": 7.0, "ratio": 0.7 if high and high < 1 else 1.2}
    ngrams = {"perplexity": 200.0, "bits": 7.6, "ratio": None, "ratio_low": None,
              "ratio_high": None}  # fmt: skip
    return {
        "gru": {**own, "ratio_low": low, "ratio_high": high},
        "lstm": {**own, "perplexity": 150.0},
        "kneser_ney": ngrams,
        "char": {**own, "ratio_low": low, "ratio_high": high},
        "kneser_ney_character": ngrams,
    }


def test_a_network_predicts_better_if_the_interval_of_its_ratio_is_below_one() -> None:
    better = networks.predicted(predicted(0.6, 0.8))
    assert better.decided and better.text.startswith("Yes: the GRU's perplexity")
    assert "the network predicts better: 7.00 bits" in better.text
    worse = networks.predicted(predicted(1.1, 1.4))
    assert worse.decided and worse.text.startswith("No:")
    assert "n-grams predict better" in worse.text
    for ends in ((0.9, 1.1), (None, None)):
        none = networks.predicted(predicted(*ends))
        assert not none.decided and none.text.startswith(f"That is {OPEN}:")
    infinite = dict.fromkeys(("perplexity", "ratio", "ratio_low", "ratio_high"))
    every = predicted(0.6, 0.8)
    lost = networks.predicted({**every, "gru": {**every["gru"], **infinite}})
    assert lost.text.startswith("That is") and "the LSTM's perplexity" in lost.text
    lost = networks.predicted({"kneser_ney": every["kneser_ney"], "gru": {"bits": 1e3, **infinite}})
    assert lost.decided and lost.text.startswith("No: the GRU's perplexity on unseen text is ∞")
    with pytest.raises(Unmeasured):
        networks.predicted({})


def test_networks_are_set_beside_the_one_that_they_are_compared_with() -> None:
    every = predicted(0.6, 0.8)
    assert "times the" not in networks.predicted(every).text
    times = {"compared": "gru", "times": 1.12, "times_low": 1.05, "times_high": 1.19}
    every["lstm"] |= times
    every["rnn"] = {**every["lstm"], "times": 5e9, "times_low": 4e9, "times_high": 6e9}
    assert networks.predicted(every).text.endswith(
        f" On the same text the LSTM has 1.12 (1.05{SPACED}1.19) times and the RNN has "
        f"5,000,000,000 (4,000,000,000{SPACED}6,000,000,000) times the GRU's perplexity, one "
        "training of each; these intervals are over other texts and hold together."
    )
    every["rnn"] |= {"times_high": None}  # beyond any float
    assert "RNN" not in networks.predicted(every).text


def test_a_network_has_a_row_for_each_method_it_is_scored_by() -> None:
    every = predicted(0.6, 0.8)
    adapted = {"perplexity": 96.0, "bits": 6.59, "ratio": 0.49, "ratio_low": 0.41,
               "ratio_high": 0.56}  # fmt: skip
    lost = {**adapted, "perplexity": None, "ratio": None, "ratio_low": None, "ratio_high": None}
    every["gru"]["adapted"] = {"cache": adapted, "all": lost}
    table = networks.predicted(every).table
    assert table is not None
    plain, cache, together, *_ = table.rows
    assert [row[0] for row in table.rows[:4]] == [
        "GRU", "GRU, with a cache", "GRU, all of these", "LSTM",
    ]  # fmt: skip
    assert cache[1] == "96.0" and cache[3].startswith(".49 (.41")
    assert together[1] == "∞"
    assert len(plain) == len(cache) and cache[-1] == "–"


def test_a_gradient_reaches_farther_where_the_intervals_do_not_overlap() -> None:
    def reach(steps: float, low: float | None, high: float | None) -> dict[str, Any]:
        return {"trained": {"length 100": {"steps": steps, "low": low, "high": high}}}

    tasks = pd.DataFrame(
        {"task": "adding", "cell": ["rnn", "gru"], "delay": 20, "success": [0.2, 0.97]}
    )
    trainings = pd.DataFrame(
        {
            "cell": ["rnn", "gru"],
            "initialisation": "uniform",
            "clipping": "none",
            "diverged": [True, False],
        }
    )
    found = {"rnn": reach(10, 8, 12), "gru": reach(100, 100, 100)}
    sure = gradients.reaches(found, 100, tasks, trainings)
    assert sure.decided and "it has not faded after 100 steps" in sure.text
    assert sure.text.endswith(
        "Only the GRU learns the task of adding over 20 steps; right answers: "
        "RNN 20\N{NO-BREAK SPACE}% and GRU 97\N{NO-BREAK SPACE}%."
    )
    assert sure.table is not None
    assert list(sure.table.rows[0][1:]) == [
        "between 8 and 12", "20\N{NO-BREAK SPACE}%", "diverges", "–",
    ]  # fmt: skip
    both = pd.concat([trainings, trainings.assign(initialisation="orthogonal", diverged=False)])
    table = gradients.reaches(found, 100, tasks, both).table
    assert table is not None
    assert [row[3] for row in table.rows] == ["diverges (uniform)", "does not diverge"]
    for other in (reach(14, 11, 20), reach(14, None, None)):
        none = gradients.reaches({**found, "gru": other}, 100, tasks, trainings)
        assert not none.decided and f"the order is {OPEN}" in none.text
    far = gradients.reaches({**found, "lstm": reach(100, 70, 100)}, 100, tasks, trainings)
    assert far.decided and far.text.startswith(
        "The gradients of GRU and LSTM reach farthest: no median has faded after 100 steps, while "
        "the RNN's fades after 10 steps. "
    )
    assert far.table is not None and [row[1] for row in far.table.rows] == [
        "between 8 and 12", "more than 100", "70 or more",
    ]  # fmt: skip
    for steps, said in (
        (100, "No gradient fades within 100 steps"),
        (30, "The gradient fades after 30 steps in RNN and GRU"),
    ):
        alike = dict.fromkeys(found, reach(steps, None, None))
        none = gradients.reaches(alike, 100, tasks, trainings)
        assert not none.decided
        assert none.text.startswith(f"{said}; which reaches farther is {OPEN}. ")
    with pytest.raises(Unmeasured):
        gradients.reaches({}, 100, tasks, trainings)
    (sentence,) = gradients.uneven({"rnn": 1.4, "gru": 5.0})
    assert sentence.startswith("Rates of plain gradient descent differ (RNN 1.4 and GRU 5), so ")
    assert gradients.uneven({"rnn": 2.0, "gru": 2.0}) == []


def test_clipping_keeps_from_diverging_only_what_diverges_without_it() -> None:
    ways = ["none", "by norm", "by value"]
    table = pd.DataFrame(
        {"cell": ["rnn"] * 3 + ["gru"] * 3, "clipping": ways * 2, "diverged": [False] * 3
         + [True, False, False], "initialisation": "uniform"}
    )  # fmt: skip
    start = "Plain gradient descent"
    assert gradients.steadied(table) == [
        f"{start} diverges only without clipping for GRU (uniform)."
    ]
    other = table.assign(initialisation="orthogonal", diverged=[True] * 3 + [False] * 3)
    assert gradients.steadied(pd.concat([table, other])) == [
        f"{start} diverges only without clipping for GRU (uniform); even when clipped for RNN "
        "(orthogonal)."
    ]
    assert gradients.steadied(table.assign(diverged=False)) == [
        f"{start} never diverges here, clipped or not."
    ]
    assert gradients.steadied(table.assign(diverged=True)) == [
        f"{start} diverges even when clipped for RNN (uniform) and GRU (uniform)."
    ]
    assert gradients.steadied(table[table["clipping"] == "none"]) == []


def test_truncation_is_judged_where_networks_beat_word_frequencies() -> None:
    table = pd.DataFrame(
        {"cell": ["rnn", "rnn", "gru", "gru"], "length": [2, 50] * 2, "valid_loss": 6.0,
         "unigram": 6.5, "agreement": [0.8, 1, 0.9, 1], "kept_mib": [1.0, 2.0, 1.5, 3.0],
         "change_low": [-0.2, 0, -0.1, 0], "change_high": [-0.1, 0, 0.1, 0]}
    )  # fmt: skip
    loss, cosine, memory = gradients.truncated(table)
    assert "the loss is lower for RNN; but" in loss
    assert "cosine of .80 or more" in cosine and "at most 1.5 MiB in place of 3.0" in memory
    assert OPEN in gradients.truncated(table.assign(valid_loss=7.0))[0]
    assert gradients.truncated(table[table["length"] == 2]) == []


def test_antonyms_are_nearer_only_where_that_is_shown() -> None:
    table = pd.DataFrame(
        {"model": ["glove", "ppmi", "cbow"], "first": "synonyms", "second": "antonyms",
         "auc": [0.3, 0.7, 0.5], "distinct": [True, True, False]}
    )  # fmt: skip
    assert preferences.nearer(table) == [
        "Antonyms are nearer than synonyms in GloVe; synonyms are nearer than antonyms in PPMI; "
        f"which are nearer in CBOW is {OPEN}."
    ]
    assert preferences.nearer(table.assign(auc=np.nan)) == []
    (none,) = preferences.nearer(table[2:])
    assert none == f"Whether synonyms or antonyms are nearer in CBOW is {OPEN}."


def test_an_autoencoder_is_ahead_where_the_intervals_do_not_overlap() -> None:
    rates = pd.DataFrame(
        {"cell": ["rnn", "gru"], "latent_size": 32, "precision": "float32", "total": 5.0,
         "token_accuracy": 0.9, "exact_match": [0.2, 0.6], "exact_match_low": [0.1, 0.5],
         "exact_match_high": [0.3, 0.7]}
    )  # fmt: skip
    codes = pd.DataFrame({"code": ["UTF-8", "zlib"], "total": [8.0, 4.0]})
    sure = autoencoders.fits(rates, codes, "10 characters")
    assert (
        sure.decided
        and "more than any other cell through as many; each network is trained once. Sent"
        in sure.text
    )
    assert "(zlib) takes 4.00" in sure.text
    assert (
        "60\N{NO-BREAK SPACE}% of unseen sequences of up to 10 characters back exactly; each "
        "network is trained once. Sent"
        in (autoencoders.fits(rates[1:], codes, "10 characters").text)
    )
    assert "costs least through RNN and 32 numbers at float32: 5.00 bits" in sure.text
    less = rates[1:].assign(precision="4 bits", total=3.0, exact_match=np.nan)
    cheap = autoencoders.fits(pd.concat([rates, less]), codes, "10 characters")
    assert "costs least through GRU and 32 numbers at 4 bits: 3.00 bits" in cheap.text
    assert cheap.table is not None and [row[3] for row in cheap.table.rows] == ["5.00", "3.00"]
    none = autoencoders.fits(rates.assign(exact_match_high=0.8), codes, "10 characters")
    assert not none.decided and f"ahead of RNN through as many is {OPEN}" in none.text
    nothing = autoencoders.fits(rates.assign(exact_match=0.0), codes, "10 characters")
    assert not nothing.decided and "comes back exactly" in nothing.text
    with pytest.raises(Unmeasured):
        autoencoders.fits(rates.assign(precision="float16"), codes, "10 characters")


def test_what_could_not_be_measured_has_an_answer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(results: Results) -> Any:
        raise Unmeasured("too small")

    monkeypatch.setattr("wordlab.report.results._ANSWERERS", {"windows": nothing})
    assert answers(Results.__new__(Results)) == {"windows": UNMEASURED}
