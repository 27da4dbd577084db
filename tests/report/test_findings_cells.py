"""What is said of the study of cells: decided by the intervals alone."""

import pandas as pd

from wordlab.report.findings.cells import _context, _remembered, compared


def row(cell: str, times: float, low: float, high: float) -> dict[str, object]:
    scored = {"perplexity": 150.0, "low": 140.0, "high": 160.0, "hidden_size": 40}
    ratio = {"ratio": 0.9, "ratio_low": 0.8, "ratio_high": 1.1, "multiply_adds": 900}
    own = {"times": times, "times_low": low, "times_high": high}
    whole, gates, _ = cell.partition(" ")
    return {"cell": cell, "compared": whole if gates else "gru", **scored, **ratio, **own}


def tasks(**success: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {"task": "adding", "cell": cell, "delay": 20, "success": share}
        for cell, shares in success.items()
        for share in shares
    )


def test_an_interval_that_leaves_out_1_decides() -> None:
    rows = [row("gru", 1, 1, 1), row("sru", 0.9, 0.85, 0.95), row("rnn", 1.1, 1.05, 1.2),
            row("mingru", 0.97, 0.9, 1.02)]  # fmt: skip
    found = compared(pd.DataFrame(rows), tasks(gru=[1.0], sru=[1.0], rnn=[0.1], mingru=[0.1]))
    assert found.decided
    assert found.text == (
        "SRU predicts better than the GRU with as many weights. RNN predicts worse than the GRU "
        "with as many weights. minGRU: not decided by this text."
    )
    assert found.table is not None and [cells[0] for cells in found.table.rows] == [
        "GRU", "SRU", "RNN", "minGRU",
    ]  # fmt: skip


def test_intervals_around_1_decide_nothing() -> None:
    rows = [row("gru", 1, 1, 1), row("sru", 0.99, 0.9, 1.1)]
    found = compared(pd.DataFrame(rows), tasks(gru=[1.0], sru=[1.0]))
    assert not found.decided and "not decided by this text" in found.text


def test_a_cell_whose_interval_has_no_width_either_is_compared_with_the_gru() -> None:
    rows = [row("rnn", 1.1, 1.1, 1.1), row("gru", 1, 1, 1)]
    found = compared(pd.DataFrame(rows), tasks(gru=[1.0], rnn=[1.0]))
    assert found.text == "RNN predicts worse than the GRU with as many weights."


def test_a_cell_without_a_gate_is_held_against_its_own_kind() -> None:
    rows = [row("gru", 1, 1, 1), row("gru no_reset", 0.99, 0.9, 1.1), row("lstm", 1.1, 1.05, 1.2),
            row("lstm no_forget", 1.04, 1.01, 1.07)]  # fmt: skip
    learnt = tasks(**{str(one["cell"]): [1.0] for one in rows})
    found = compared(pd.DataFrame(rows), learnt)
    assert found.text == (
        "LSTM predicts worse than the GRU with as many weights. Of gates taken away: LSTM without "
        "forget gate predicts worse than the same cell with all its gates. GRU without reset gate: "
        "not decided by this text."
    )
    assert found.decided and found.table is not None
    assert "times that of GRU, without a gate that of the whole cell" in found.table.head
    unclear = [*rows[:3], row("lstm no_forget", 1.04, 0.9, 1.07)]
    assert compared(pd.DataFrame(unclear), learnt).text == (
        "LSTM predicts worse than the GRU with as many weights. Of gates taken away: no cell is "
        "shown to predict better or worse than the same cell with all its gates."
    )
    whole = [rows[0], rows[1], row("lstm", 1.0, 0.9, 1.1), rows[3]]
    assert not compared(pd.DataFrame(whole), learnt).decided  # that of the LSTM's gate is another
    alone = compared(pd.DataFrame([rows[2], rows[3]]).assign(compared="lstm"), learnt)
    assert alone.decided and alone.text.startswith("Of gates taken away: LSTM without")


def test_a_context_that_raises_the_loss_is_not_said_to_lower_it() -> None:
    gains = pd.DataFrame({"cell": ["gru", "sru"], "context": 8, "gain": [-0.02, 0.1]})
    assert "lower the loss of the SRU most, by .10 nats" in _context(gains)[0]
    assert "lower the loss of no network" in _context(gains[:1])[0]


def test_a_task_is_learnt_where_every_seed_learns_it() -> None:
    found = _remembered(tasks(gru=[1.0, 0.95], lstm=[1.0, 0.4], rnn=[0.1, 0.2]))
    assert found == [
        "Adding over 20 steps: GRU gets over nine answers in ten right with every seed.",
        "Adding over 20 steps: RNN gets less than half of the answers right with every seed.",
    ]
