"""The winners of a sweep, pasted into DVC, give the params that won."""

import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest
from dvc.utils.hydra import apply_overrides

from wordlab.errors import UserError
from wordlab.params.whole import load
from wordlab.sweeps import winners


def test_pasted_arguments_give_the_params_that_won(tmp_path: Path, repository: Path) -> None:
    params = tmp_path / "params.yaml"
    shutil.copy(repository / "params.yaml", params)
    shipped = load(params)
    best = {"model": ["lstm", "gru"], "score": "valid_loss", "hidden_size": [64, 32]}
    table = tmp_path / "best.csv"
    pd.DataFrame({**best, "rate": [0.002, 1e-5], "bptt_length": [10, 30]}).to_csv(table)
    lines = winners.arguments(table, "recurrent", shipped, "", "quick")
    assert len(lines) == 2
    given = [word for line in lines for word in shlex.split(line) if word != "-S"]
    apply_overrides(str(params), given)
    won = load(params).language_model
    assert (won.lstm.hidden_size, won.lstm.rate, won.lstm.bptt_length) == (64, 0.002, 10)
    assert (won.gru.hidden_size, won.gru.rate) == (32, 1e-5)
    for name, value in shipped.sweep_recurrent.quick.fixed.items():
        assert getattr(won.gru, name) == value
    with pytest.raises(UserError, match="no such score"):
        winners.arguments(table, "recurrent", shipped, "speed", "quick")
    with pytest.raises(UserError, match="`dvc repro sweep_word2vec` makes it"):
        winners.arguments(tmp_path / "gone.csv", "word2vec", shipped, "", "quick")
