"""Names as people read them."""

import pytest

from wordlab import names, progress


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("ppmi_svd", "PPMI-SVD"),
        ("lstm hidden_size=8 seed=1", "LSTM, hidden size 8, seed 1"),
        ("skipgram update_tokens=60 budget=0.25", "skip-gram, tokens per update 60, budget 0.25"),
        ("gru winner, seed 1, on the test split", "GRU winner, seed 1, on the test split"),
    ],
)
def test_a_trial_is_read_without_internal_names(name: str, read: str) -> None:
    assert names.trial(name) == read


def test_a_cell_without_a_gate_is_named_in_words() -> None:
    assert names.model("lstm no_forget") == "LSTM without forget gate"
    assert names.plain("gru no_reset") == "GRU without reset gate"
    assert names.model("gru coupled by hand") == "gru coupled by hand"


def test_a_bar_shows_the_best_trial_in_words() -> None:
    shown = progress.best("valid_loss", 4.2, "gru rate=0.1")
    assert shown == "best validation loss 4.2: GRU, rate 0.1"
