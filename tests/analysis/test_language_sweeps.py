"""What a sweep of language models shows, from made-up trials."""

import numpy as np
import pandas as pd
import pytest

from sweep_params import recurrent_sweep
from wordlab.analysis import sweeps

KNOWN = pd.DataFrame([{"fold": 1, "unigram_loss": 6.0, "kneser_ney_loss": 5.5, "order": 3}])


def losses(lengths: dict[int, float], spread: float = 0.01) -> pd.DataFrame:
    rows = [
        {"model": "gru", "bptt_length": length, "seed": seed, "valid_loss": loss + spread * seed}
        for length, loss in lengths.items()
        for seed in (1, 2, 3)
    ]
    return pd.DataFrame(rows)


def test_a_model_learns_where_all_its_trainings_beat_the_unigram() -> None:
    def enough(*means: float, spread: float = 0.01) -> bool:
        table = losses(dict(zip((10, 30), means, strict=True)), spread)
        return sweeps.learns(table, KNOWN, ["bptt_length"], 0.95)

    assert enough(5.7, 5.8)
    assert not enough(5.7, 5.99)
    assert not enough(5.7, 5.8, spread=0.3)
    assert not enough(5.7, 5.8, spread=0)
    rates = pd.concat([losses({10: 5.0, 30: 5.0}).assign(rate=1),
                       losses({10: 5.0, 30: 6.1}).assign(rate=2)], ignore_index=True)  # fmt: skip
    assert not sweeps.learns(rates, KNOWN, ["bptt_length", "rate"], 0.95)
    lower = rates.assign(valid_loss=rates["valid_loss"] - 0.3)
    assert sweeps.learns(lower, KNOWN, ["bptt_length", "rate"], 0.95)


def test_a_fold_that_all_trainings_find_hard_beside_its_unigram_is_noise() -> None:
    known = pd.DataFrame({"fold": [1, 2, 3], "unigram_loss": [6.0, 6.4, 6.2]})
    table = pd.concat(
        losses({10: loss - 0.3, 30: loss - 0.2}).assign(fold=fold)
        for fold, loss in known.itertuples(index=False)
    )
    assert sweeps.learns(table, known, ["bptt_length"], 0.95)
    table.loc[table["fold"] == 2, "valid_loss"] -= 0.3  # easier than its unigram has it
    assert not sweeps.learns(table, known, ["bptt_length"], 0.95)


def measured(table: pd.DataFrame) -> pd.DataFrame:
    """Return trials with all that a training measures, the same for each."""
    return table.assign(
        clip_rate=0.2, loss_variance=0.1, diverged=0.0, text_perplexity=9.0, text_coherence=0.1
    )


def test_lengths_are_compared_only_where_trainings_beat_the_unigram() -> None:
    params = recurrent_sweep(space={"bptt_length": [10, 30]}, contexts=[])
    table = measured(losses({10: 5.4, 30: 5.98}))
    table["clip_rate"] += 0.01 * table["seed"] + 0.001 * table["bptt_length"]
    result = sweeps.analyse_language(table, KNOWN, params, seed=1)
    found = result.tables
    (counts,) = found["beaten"].to_dict("records")
    assert (counts["trainings"], counts["beat_unigram"], counts["beat_kneser_ney"]) == (6, 4, 3)
    assert not counts["learns"]
    assert found["truncation"].empty
    baselines = result.metrics["gru"]["baselines"]
    assert baselines == {key: x for key, x in counts.items() if key not in ("model", "learns")}
    better = table.assign(valid_loss=table["valid_loss"] - 0.3)
    effects = (
        sweeps.analyse_language(better, KNOWN, params, seed=1)
        .tables["truncation"]
        .set_index("measure")
    )
    assert set(effects.index) == {"clip_rate", "loss_variance"}
    assert np.isfinite(effects.loc["clip_rate", "low"])
    assert np.isnan(effects.loc["loss_variance", "low"])


def test_with_pruning_the_best_is_of_those_with_all_of_the_budget() -> None:
    params = recurrent_sweep(
        space={"bptt_length": [10, 30], "hidden_size": [4, 8]}, contexts=[], pruning="median"
    )
    little = pd.concat(
        [losses({10: 5.0, 30: 5.2}).assign(hidden_size=size, budget=0.25) for size in (4, 8)]
    )
    whole = losses({30: 4.8}).assign(hidden_size=8, budget=1.0)
    table = measured(pd.concat([little, whole], ignore_index=True))
    found = sweeps.analyse_language(table, KNOWN, params, seed=1).tables
    (best,) = found["best"].to_dict("records")
    assert (best["bptt_length"], best["hidden_size"], best["combinations"]) == (30, 8, 1)
    assert found["marginals"]["n"].unique().tolist() == [6]
    assert found["drawn_texts"]["mean"].round(3).tolist() == [9.0, 0.1]


def test_an_interval_of_perplexities_stays_above_zero() -> None:
    # t of two degrees of freedom at 95 % is 4.3027; the logarithms of 1, 2 and 4 lie ln 2 apart
    found = sweeps.interval(pd.Series([1.0, 2.0, 4.0]), 0.95)
    np.testing.assert_allclose(found, (2, 0.35746, 11.190), rtol=1e-4)
    found = sweeps.interval(pd.Series([-1.0, 0.0, 1.0]), 0.95)
    np.testing.assert_allclose(found, (0, -2.484, 2.484), atol=1e-3)


@pytest.mark.parametrize("values", [[3.0], [22.0, 1048.0]])
def test_fewer_than_three_trainings_have_no_interval(values: list[float]) -> None:
    mean, low, high = sweeps.interval(pd.Series(values), 0.95)
    assert mean == pytest.approx(np.exp(np.log(values).mean()))
    assert np.isnan(low)
    assert np.isnan(high)
