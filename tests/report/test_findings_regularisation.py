"""What is said of methods against overfitting: decided by intervals alone."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wordlab.params.studies import COMBINATION
from wordlab.params.whole import load
from wordlab.report.findings import regularisation
from wordlab.report.findings.embeddings import OPEN
from wordlab.report.results import Unmeasured

SPACED = "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}"
Change = tuple[float, float]
"""A difference and the half width of its interval."""


def method(name: str, change: Change, unigram: Change, **settings: Any) -> dict[str, Any]:
    """Return a row of the study of regularisation: by how much the method changes the test loss,
    and by how much that differs from the unigram model's."""
    row = {"cell": "gru", "method": name, "test": 5 + unigram[0], "gap": 1.0,
           "unigram": 5.0, "kneser_ney": 4.9, "would_stop": 2.0, "test_tokens": 150}  # fmt: skip
    measures = {"test_change": change, "gap_change": (0.0, 1.0), "unigram_change": unigram}
    for measure, (middle, margin) in measures.items():
        row |= {measure: middle, f"{measure}_low": middle - margin}
        row |= {f"{measure}_high": middle + margin}
    nothing = {"dropout": 0.0, "variational": False, "dropout_recurrent": 0.0, "weight_decay": 0.0}
    return row | nothing | {"early_stopping": False} | settings


def test_only_changes_beyond_the_noise_are_claimed(repository: Path) -> None:
    params = load(repository / "params.yaml").regularisation_study
    rows = [
        method("none", (0, 0), (1.0, 0.5)),
        method("dropout", (-0.7, 0.2), (0.3, 0.5)),
        method("early_stopping", (-0.3, 0.4), (-0.7, 0.5)),
        method("decay", (0.0, 0.4), (1.0, 0.5)),
    ]
    said = regularisation.regularised(pd.DataFrame(rows), params)
    assert any("same 150 symbols" in text for text in said)
    assert any("over other seeds and other texts, leaves out 0" in text for text in said)
    assert "GRU: dropout lowers the test loss, by 0.70 nats per token." in said
    (unclear,) = [text for text in said if "no change of the test loss beyond" in text]
    assert unclear.endswith("with early stopping or decay.")
    assert (
        "GRU: with early stopping the test loss is lowest, 4.30 nats per token; with early "
        "stopping it predicts better than the unigram model."
    ) in said
    assert "GRU: with nothing and decay it predicts worse than the unigram model." in said
    assert "GRU: no clear difference from the unigram model with dropout." in said
    exact = params.model_copy(update={"confidence": 0.995})
    assert any(
        "hold together for a cell with 99.5% confidence" in x
        for x in regularisation.regularised(pd.DataFrame(rows), exact)
    )
    alike = regularisation.regularised(pd.DataFrame(rows[1:2] + rows[:1]), params)
    assert any("with no method does it clearly predict better" in text for text in alike)


def test_a_combination_is_named_by_what_it_is_made_of() -> None:
    settings = {"dropout": 0.4, "variational": True, "weight_decay": 0.1}
    made, nothing = (
        regularisation.combined(pd.DataFrame([method(COMBINATION, (0, 0), (0, 0), **own)]))
        for own in (settings, {})
    )
    assert "variational dropout 0.4, weight decay 0.1, each" in made[0]
    assert "nothing at all" in nothing[0]


def pairs(*rows: tuple[str, str, float, float, float]) -> pd.DataFrame:
    """Return the table of pairs of a GRU: method, other, difference and margin, and the difference,
    with a margin of .1, if early stopping chose the epoch of both; 0: the same trainings."""
    return pd.DataFrame(
        {"cell": "gru", "method": method, "other": other, "change": change, "low": change - margin,
         "high": change + margin, "stopped": stopped, "stopped_low": stopped - 0.1 * bool(stopped),
         "stopped_high": stopped + 0.1 * bool(stopped)}
        for method, other, change, margin, stopped in rows
    )  # fmt: skip


ALL = pairs(
    ("dropout", "none", -0.4, 0.1, 0.3), ("weight decay", "none", 0.1, 0.2, -0.2),
    ("patience", "none", -0.1, 0.2, 0), ("weight decay", "dropout", 0.5, 0.2, -0.5),
    ("patience", "dropout", 0.3, 0.4, -0.3), ("patience", "weight decay", -0.2, 0.1, 0.2),
    ("combination", "none", -0.4, 0.1, 0.3), ("combination", "dropout", 0.0, 0.0, 0),
    ("combination", "weight decay", -0.5, 0.2, 0.05), ("combination", "patience", -0.3, 0.4, 0.3),
)  # fmt: skip
METHODS = pd.DataFrame(
    {"cell": "gru", "method": ["none", "dropout", "weight decay", "patience", "combination"],
     "test_change": [0, -0.4, 0.1, -0.1, -0.4], "test_change_low": [0, -0.5, -0.1, -0.3, -0.5],
     "test_change_high": [0, -0.3, 0.3, 0.1, -0.3],
     "test": [6.0, 5.6, 6.1, 5.9, 5.6], "would_gain": [0.9, 0.2, 1.2, 0.0, 0.2]}
)  # fmt: skip


def test_methods_are_ahead_of_others_where_the_interval_of_their_difference_leaves_out_0() -> None:
    assert regularisation.beaten(ALL, "dropout") == ["none", "weight decay"]
    assert regularisation.beaten(ALL, "weight decay") == []
    assert regularisation.beaten(ALL, "patience") == ["weight decay"]
    assert regularisation.beaten(ALL, "weight decay", "stopped") == ["none", "dropout", "patience"]
    assert regularisation.against_one_another(ALL) == [
        "GRU: dropout predicts better than weight decay.",
        "GRU: patience predicts better than weight decay.",
        "GRU: the combination predicts better than weight decay.",
    ]
    [none] = regularisation.against_one_another(ALL[:1])
    assert none == "No method is shown to predict better than another."


STOPPED = (
    "With early stopping beside each, the GRU's loss is lowest with weight decay, 4.90 nats; it is "
    "lower than with nothing and dropout."
)
"""The combination is dropout, and nothing is what patience is then."""


def test_a_method_helps_if_its_whole_interval_is_below_zero() -> None:
    found = regularisation.held_back(METHODS, ALL)
    assert found.decided and found.text == (
        "The largest change is that by dropout, which lowers the GRU's loss on unseen text by .40 "
        "nats, between .30 and .50 over other seeds and texts; it is lower than with weight decay, "
        f"and whether also than with patience is {OPEN}. Shown to help: dropout and the "
        f"combination. Methods without early stopping are judged at the last epoch. {STOPPED}"
    )
    assert found.table is not None
    assert found.table.head == ["GRU"]
    assert found.table.rows[1] == ["weight decay", f".10 (-.10{SPACED}.30), not decided"]
    two = regularisation.held_back(
        pd.concat([METHODS, METHODS.assign(cell="lstm")]), pd.concat([ALL, ALL.assign(cell="lstm")])
    )
    assert "Shown to help every network: dropout and the combination." in two.text
    assert two.text.endswith(f"{STOPPED} {STOPPED.replace('GRU', 'LSTM')}")
    none = regularisation.held_back(METHODS.assign(test_change_high=1.0), ALL)
    assert not none.decided and OPEN in none.text
    alone = regularisation.held_back(METHODS.assign(would_gain=[1.3, 0.2, 1.2, 0.0, 0.2]), ALL)
    assert "the GRU's loss is lowest with nothing else, 4.70 nats; it is lower" in alone.text
    with pytest.raises(Unmeasured):
        regularisation.held_back(METHODS[:1], ALL[:0])
