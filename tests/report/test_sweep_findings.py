"""What the report says of sweeps, from their tables."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweep_params import recurrent_sweep
from wordlab.analysis.variance import summarise
from wordlab.artifacts import write_tables
from wordlab.params.whole import load
from wordlab.report.findings import findings, language_sweeps, sweeps
from wordlab.report.results import Results


def grid(effect: float, *, seeds: int, noise: float = 0.01) -> pd.DataFrame:
    """Return trials of a grid of rates and sizes, of which only the rate does anything."""
    random = np.random.default_rng(4)
    return pd.DataFrame(
        {"model": "gru", "rate": rate, "hidden_size": size, "seed": seed,
         "valid_loss": effect * rate + noise * random.standard_normal()}
        for rate in (1, 2, 3) for size in (10, 20) for seed in range(1, seeds + 1)
    )  # fmt: skip


def said_of(table: pd.DataFrame, settings: list[str], score: str = "valid_loss") -> list[str]:
    goal: Any = "lower" if score == "valid_loss" else "higher"
    tables = summarise(table, settings, {score: goal}, 0.95)
    return sweeps.of_scores(table, tables, settings, [score])


def test_sentences_claim_what_is_beyond_the_noise_only() -> None:
    said = "\n".join(said_of(grid(1.0, seeds=2), ["rate", "hidden_size"]))
    assert "GRU, validation loss: the best of 6 combinations is rate 1, hidden size" in said
    assert "rate 1 does better than 3 by 2 [" in said
    assert "no two values of hidden size differ by more than the noise" in said
    assert re.search(r"standard deviation of [\d.]+, from 2 trainings of each of 6 comb", said)


def test_what_a_fold_adds_to_all_is_told_apart_from_the_noise() -> None:
    table = pd.concat([grid(1.0, seeds=2).assign(fold=fold) for fold in (1, 2)], ignore_index=True)
    said = "\n".join(said_of(table, ["rate", "hidden_size"]))
    assert re.search(
        r"of [\d.]+, leaving out what a fold adds to all combinations alike, from 4 trainings", said
    )


def test_values_of_equal_means_are_compared_too() -> None:
    table = grid(1.0, seeds=2)
    alike = table.groupby(["rate", "seed"])["valid_loss"].transform("first")
    said = "\n".join(said_of(table.assign(valid_loss=alike), ["rate", "hidden_size"]))
    assert "no two values of hidden size differ by more than the noise; the largest diff" in said
    assert "erence is 0 [-" in said


def test_one_seed_establishes_nothing() -> None:
    (said,) = said_of(grid(1.0, seeds=1), ["rate", "hidden_size"])
    assert "no difference is established" in said
    assert "rate 1" in said


def test_repetitions_that_do_not_differ_leave_the_noise_unknown() -> None:
    (said,) = said_of(grid(1.0, seeds=2, noise=0), ["rate", "hidden_size"])
    assert "trainings of the same settings do not differ, so the noise is unknown" in said


def test_a_score_that_is_missing_is_said_to_be() -> None:
    table = grid(1.0, seeds=2)
    table.loc[3, "valid_loss"] = np.nan
    said = said_of(table, ["rate", "hidden_size"])
    assert said == ["GRU, validation loss: 1 of 12 trials have no score; no analysis."]
    none = said_of(table.assign(valid_loss=np.nan), ["rate", "hidden_size"])
    assert none == ["GRU: no trial has a score, so nothing is analysed: validation loss."]


def test_models_and_scores_are_named_as_people_do() -> None:
    table = pd.DataFrame({"model": "skipgram", "a": [1, 2], "seed": 1, "analogy_total": [0.1, 0.2]})
    said = said_of(table, ["a"], "analogy_total")
    assert all(one.startswith("skip-gram, all analogies: ") for one in said)


def test_values_are_told_as_they_were_tried(tmp_path: Path, repository: Path) -> None:
    """A column of a CSV may hold whole numbers, others and none."""
    random = np.random.default_rng(1)
    trials = pd.DataFrame(
        {"model": "glove", "window": window, "x_max": x_max, "dimensions": size, "seed": seed,
         "analogy_total": window + x_max + 0.001 * random.standard_normal()}
        for window in (3, 10) for x_max in (2.0, 2.5) for size in (4, 8) for seed in (1, 2)
    )  # fmt: skip
    settings = ["window", "x_max", "dimensions"]
    write_tables(tmp_path / "tables" / "sweep_glove", {"trials": trials})
    found = summarise(trials, settings, {"analogy_total": "higher"}, 0.95)
    write_tables(tmp_path / "tables" / "analysis_glove", found)
    params = load(repository / "params.yaml")
    sweep = params.sweep_glove.model_copy(update={"grid": {name: () for name in settings}})
    results = Results(tmp_path, params.model_copy(update={"sweep_glove": sweep}))
    said = findings("analyse_sweep@glove", results)
    assert any("window 10 does better than 3 by 7 [" in one for one in said)
    assert any("x_max 2.5 does better than 2.0 by 0.5 [" in one for one in said)


def test_what_was_pruned_and_spared_is_said() -> None:
    rungs = [(1, 0.25), (2, 0.25), (3, 0.25), (4, 0.25), (1, 0.5), (2, 0.5), (1, 1.0)]
    table = pd.DataFrame(
        [{"model": "gru", "size": n, "budget": b, "seed": s} for n, b in rungs for s in (1, 2)]
    )
    pruned, least = language_sweeps.pruning(table, ["size"])
    assert pruned.startswith(
        "GRU: 3 of 4 combinations were pruned (2 after 25% of the budget, 1 after 50% of the "
    )
    assert pruned.endswith("took 75% of what training all in full takes.")
    assert "on 25% of it" in least


def test_what_else_differs_is_in_the_same_sentence() -> None:
    table = pd.DataFrame(
        {"model": "gru", "bptt_length": [5, 20], "updates": [40.0, 10.0], "diverged": [0.0, 1.0]}
    )
    notes = language_sweeps.confounds(table)
    assert notes["bptt_length"] == "a larger BPTT length makes fewer updates of the same text"
    equal = language_sweeps.confounds(table.assign(updates=10.0, batch_size=[12.0, 3.0]))
    assert "a longer BPTT length has a smaller batch size" in equal["bptt_length"]
    assert language_sweeps.confounds(table[table["bptt_length"] == 5]) == {}
    assert language_sweeps.diverged(table)[0].startswith("GRU: 1 of 2 trainings diverged")


def effects(**rows: tuple[float, bool]) -> pd.DataFrame:
    """Return the table `truncation`: of each measure low, and whether it is beyond the noise."""
    return pd.DataFrame(
        {"model": "gru", "measure": measure, "setting": "bptt_length", "highest": "30",
         "lowest": "10", "difference": 0.1, "low": low, "high": 0.2, "beyond_noise": beyond}
        for measure, (low, beyond) in rows.items()
    )  # fmt: skip


def test_the_note_on_what_else_differs_is_in_comparisons_of_lengths_only() -> None:
    trials = pd.DataFrame(
        {"model": "gru", "bptt_length": [10, 30], "diverged": 0.0, "clip_rate": 0.2,
         "loss_variance": 0.1, "context_1_loss": 2.0, "context_loss": [1.0, math.nan]}
    )  # fmt: skip
    table = effects(clip_rate=(0.05, True), loss_variance=(math.nan, False))
    params, notes = recurrent_sweep(), {"bptt_length": "NOTE"}
    clipped, variance, none, gain = language_sweeps.truncation_effects(trials, table, params, notes)
    assert clipped == (
        "GRU: the share of updates that are clipped: higher at BPTT length 30 than at 10 by "
        "0.1 [0.05, 0.2] (NOTE)."
    )
    assert "the noise is unknown" in variance
    assert none == "GRU: none of 2 trainings diverged."
    assert "what the context before the last 1 symbols gains" in gain
    assert "not measured in all trainings" in gain
    assert "NOTE" not in variance + none + gain
    random = np.random.default_rng(1)
    table = pd.DataFrame(
        {"model": "gru", "bptt_length": length, "seed": seed, "valid_loss": length + noise}
        for length in (10, 30) for seed, noise in enumerate(random.standard_normal(3))
    )  # fmt: skip
    found = summarise(table, ["bptt_length"], {"valid_loss": "lower"}, 0.95)
    options: Any = {"settings": ["bptt_length"], "scores": ["valid_loss"], "notes": notes}
    said = sweeps.of_scores(table, found, **options)
    assert [one for one in said if "NOTE" in one] == [one for one in said if "does better" in one]
    silent = sweeps.of_scores(table, found, **options, silent=[("gru", "bptt_length")])
    assert silent == [one for one in said if "does better" not in one]


def test_networks_that_learn_too_little_are_named() -> None:
    beaten = pd.DataFrame([{"model": "gru", "trainings": 4, "beat_unigram": 0,
                            "beat_kneser_ney": 0, "learns": False}])  # fmt: skip
    (counted,) = language_sweeps.against_baselines(beaten)
    assert counted.startswith("GRU: of 4 trainings, 0 predict the scored text better")
    (little,) = language_sweeps.too_little_trained(["gru"])
    assert little.startswith("GRU: neither BPTT lengths nor what the context gains are compared")


def winner_table(*perplexities: float) -> pd.DataFrame:
    """Return the table of a winner of which the trainings with a perplexity of NaN diverged."""
    known = [x for x in perplexities if not math.isnan(x)]
    each = [*zip(map(str, range(1, 9)), perplexities, strict=False), ("mean", np.mean(known))]
    scores = ("low", "high", "perplexity_known", "unknown_share", "ratio", "ratio_low",
              "ratio_high", "ngram_perplexity")  # fmt: skip
    return pd.DataFrame(
        {
            **{"model": "gru", "rate": 0.1, "epochs": 1, "seed": seed},
            **dict.fromkeys(scores, 1.0),
            "diverged": len(perplexities) - len(known) if seed == "mean" else math.isnan(x),
            "test_perplexity": x,
        }
        for seed, x in each
    )


def test_no_verdict_where_a_winner_diverged() -> None:
    assert language_sweeps.winners(winner_table(50.0, math.nan, 60.0), ["rate"]) == [
        "GRU: the best settings (rate 0.1), trained for one epoch on the whole training split: 1 "
        "of 3 new seeds diverged.",
        "GRU: the 2 new seeds that did not diverge reach a perplexity of 55.0 on the test split, "
        "which gives no verdict on these settings.",
    ]
    one = language_sweeps.winners(winner_table(50.0, math.nan), ["rate"])[1]
    assert one.startswith("GRU: the 1 new seed that did not diverge reaches a perplexity of 50.0")
    first, _, ratio = language_sweeps.winners(winner_table(50.0, 60.0), ["rate"])
    assert "from 2 new seeds, reach a perplexity of 55.0" in first
    assert "times the perplexity of Kneser-Ney" in ratio
    assert "trained for one epoch on the whole training split from 2" in first
    table = winner_table(50.0, 60.0).assign(epochs=4)
    assert "at most 4 epochs on the whole" in language_sweeps.winners(table, ["rate"])[0]
    for limited in (
        language_sweeps.winners(table, ["rate"], {"gru": 12000}),
        language_sweeps.winners(table.assign(tokens=12000), ["rate", "tokens"]),
    ):
        assert "for one epoch on the first 12,000 symbols of the training split" in limited[0]


@pytest.mark.parametrize(("low", "shown"), [(21.5, "22 [22, 23]"), (math.nan, "22; held-out")])
def test_drawn_text_is_beside_real_text(low: float, shown: str) -> None:
    drawn = pd.DataFrame(
        [{"model": "gru", "measure": "text_perplexity", "mean": 22.0, "low": low, "high": 22.9}]
    )
    real = pd.DataFrame({"text": ["held out", "shuffled"], "fold": 1,
                         "text_perplexity": [20.0, 60.0], "text_coherence": 0.1})  # fmt: skip
    (said,) = language_sweeps.drawn_texts(drawn, real)
    assert f"has a perplexity under n-grams of {shown}" in said
    assert said.endswith("its words shuffled 60.")
