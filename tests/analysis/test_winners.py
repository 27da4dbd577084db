"""The winners of a sweep, pasted into DVC, give the params that won."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dvc.utils.hydra import apply_overrides

from wordlab.analysis.winners import Winner, winners
from wordlab.errors import UserError
from wordlab.params.whole import Params, load
from wordlab.report import tables as printed

REACHED = {"mean": 4.1, "low": 4.0, "high": 4.2, "n": 2, "combinations": 8}


@pytest.fixture
def params(tmp_path: Path, repository: Path) -> Path:
    """A copy of the shipped params, to be changed."""
    return Path(shutil.copy(repository / "params.yaml", tmp_path / "params.yaml"))


def best(folder: Path, sweep: str, rows: dict[str, Any]) -> Path:
    """Write the best of a sweep below `folder`, and return this."""
    (folder / f"analysis_{sweep}").mkdir()
    table = pd.DataFrame({**rows, **REACHED})
    table.to_csv(folder / f"analysis_{sweep}" / "best.csv", index=False)
    return folder


def pasted(params: Path, found: list[Winner]) -> Params:
    """Return what results from `dvc exp run $(wordlab best ...)`, of which a shell makes words."""
    words = " ".join(winner.arguments for winner in found).split()
    assert words[::2] == ["-S"] * (len(words) // 2)
    apply_overrides(str(params), words[1::2])
    return load(params)


RECURRENT = {
    "model": ["lstm", "gru"],
    "score": "valid_loss",
    "hidden_size": [64, 32],
    "rate": [0.002, 1e-5],
    "bptt_length": [10, 30],
}


def test_pasted_arguments_give_the_language_models_that_won(tmp_path: Path, params: Path) -> None:
    shipped = load(params)
    tables = best(tmp_path, "recurrent", RECURRENT)
    found = winners(tables, "recurrent", shipped)
    reached = printed.winner(found[1].model, found[1].reached)
    assert reached == "GRU: validation loss 4.1 [4, 4.2], n = 2, the best of 8"
    won = pasted(params, found).language_model
    assert (won.lstm.hidden_size, won.lstm.rate, won.lstm.bptt_length) == (64, 0.002, 10)
    assert (won.gru.hidden_size, won.gru.rate) == (32, 1e-5)
    tokens = shipped.sweep_recurrent.update_tokens
    assert tokens is not None
    assert (won.lstm.batch_size, won.gru.batch_size) == (tokens // 10, tokens // 30)
    for name, value in shipped.sweep_recurrent.fixed.items():
        assert getattr(won.gru, name) == value
    assert winners(tables, "recurrent", shipped, model="gru") == found[1:]
    with pytest.raises(UserError, match="speed: no such score .* expected one of valid_loss"):
        winners(tables, "recurrent", shipped, score="speed")
    with pytest.raises(UserError, match="rnn: no such model .* expected one of lstm, gru"):
        winners(tables, "recurrent", shipped, model="rnn")
    with pytest.raises(UserError, match="`dvc repro analyse_sweep@recurrent` makes it"):
        winners(tmp_path / "gone", "recurrent", shipped)


def test_whole_numbers_stay_whole_beside_an_empty_cell(tmp_path: Path, params: Path) -> None:
    sweep = "sweep_recurrent"
    apply_overrides(
        str(params),
        [f"++{sweep}.space={{patience:[1,2,null],rate:[1,2],variational:[true,false],clip_norm:[1.5,null]}}",
         f"++{sweep}.search=grid", f"++{sweep}.cells=[lstm,gru]"],
    )  # fmt: skip
    rows = {
        "patience": [2, None],
        "rate": [1, 2],
        "variational": [True, False],
        "clip_norm": [None, 1.5],
    }
    tables = best(tmp_path, "recurrent", {**RECURRENT, **rows})
    found = winners(tables, "recurrent", load(params))
    assert "patience=2 " in found[0].arguments and "patience=null" in found[1].arguments
    won = pasted(params, found).language_model
    settings = ("patience", "rate", "variational", "clip_norm")
    assert [getattr(won.lstm, name) for name in settings] == [2, 1, True, None]
    assert [getattr(won.gru, name) for name in settings] == [None, 2, False, 1.5]


def test_a_winner_within_a_budget_has_the_embedding_that_met_it(
    tmp_path: Path, params: Path
) -> None:
    tables = best(tmp_path, "recurrent", RECURRENT)
    trials = pd.DataFrame({**RECURRENT, "seed": 1, "embedding_size": [21, 33]})
    others = trials.assign(hidden_size=[32, 64], embedding_size=[99, 98])
    (tables / "sweep_recurrent").mkdir()
    pd.concat([others, trials]).to_csv(tables / "sweep_recurrent" / "trials.csv", index=False)
    sweep = "sweep_recurrent"
    apply_overrides(str(params), [f"++{sweep}.parameters=150000", f"++{sweep}.fixed.tied=false"])
    won = pasted(params, winners(tables, "recurrent", load(params))).language_model
    assert (won.lstm.embedding_size, won.gru.embedding_size) == (21, 33)


def test_pasted_arguments_give_the_vectors_that_won(tmp_path: Path, params: Path) -> None:
    shipped = load(params)
    tried = {"score": ["wordsim353"], "window": [7], "dimensions": [30]}
    skipgram = best(tmp_path, "word2vec", {"model": ["skipgram"], **tried, "rate": [0.03]})
    glove = best(tmp_path, "glove", {"model": ["glove"], **tried, "iterations": [6]})
    won = pasted(
        params,
        [*winners(skipgram, "word2vec", shipped), *winners(glove, "glove", shipped)],
    )
    assert (won.word2vec.skipgram.window, won.word2vec.skipgram.rate) == (7, 0.03)
    assert won.word2vec.cbow.window == shipped.word2vec.cbow.window
    assert (won.cooccurrence.window, won.glove.dimensions, won.glove.iterations) == (7, 30, 6)
