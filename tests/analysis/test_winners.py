"""The winners of a sweep, pasted into DVC, give the params that won."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dvc.utils.hydra import apply_overrides

from wordlab.analysis.sweeps import analyse_vectors
from wordlab.analysis.winners import Winner, winners
from wordlab.artifacts import write_tables
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.word2vec.training import Architecture, train
from wordlab.errors import UserError
from wordlab.evaluation.vectors.answers import measure
from wordlab.evaluation.vectors.sets import read_sets
from wordlab.params.embeddings import Word2vecParams
from wordlab.params.whole import Params, load
from wordlab.report import tables as printed
from wordlab.sweeps import word2vec

REACHED = {"mean": 4.1, "low": 4.0, "high": 4.2, "n": 2, "others": 3, "combinations": 8}


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
    reached, budget, untried = printed.winner(
        found[1].model, found[1].reached, found[1].otherwise, {"rate": 0.015}
    )
    assert reached == (
        "GRU: validation loss 4.1 [4, 4.2], n = 2, the best of 8; "
        "3 others are not worse beyond the noise"
    )
    assert untried == "the pipeline's own were not tried: rate 0.015"
    assert found[1].untried == {"hidden_size": 96, "rate": 0.015, "bptt_length": 32}
    assert budget.startswith("found with epochs 1 (the pipeline 4), dropout input")
    tokens = shipped.sweep_recurrent.update_tokens
    assert "tokens 60,000 (the pipeline all), tokens per update" in budget
    assert f" {tokens} (the pipeline {32 * 30})" in budget
    won = pasted(params, found).language_model
    assert (won.lstm.hidden_size, won.lstm.rate, won.lstm.bptt_length) == (64, 0.002, 10)
    assert (won.gru.hidden_size, won.gru.rate) == (32, 1e-5)
    assert (won.lstm.embedding_size, won.gru.embedding_size) == (64, 32)  # tied to hidden_size
    changed = {"hidden_size", "embedding_size", "rate", "bptt_length"}
    for model in ("lstm", "gru"):
        now, before = getattr(won, model), getattr(shipped.language_model, model)
        assert now.model_dump(exclude=changed) == before.model_dump(exclude=changed)
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
    found = winners(tables, "recurrent", load(params))
    assert "tied" not in found[0].otherwise
    won = pasted(params, found).language_model
    assert (won.lstm.embedding_size, won.gru.embedding_size) == (21, 33)
    assert not won.lstm.tied and not won.gru.tied


def test_what_a_sweep_fixed_of_the_network_is_in_the_arguments(
    tmp_path: Path, params: Path
) -> None:
    tables = best(tmp_path, "recurrent", RECURRENT)
    fixed = "{tied:false,embedding_size:24,layers:2,forget_bias:1,epochs:1,tokens:20000}"
    apply_overrides(str(params), [f"++sweep_recurrent.fixed={fixed}"])
    found = winners(tables, "recurrent", load(params))
    otherwise = found[0].otherwise
    assert (otherwise["tokens"], otherwise["text_tokens"]) == ((20000, None), (60000, None))
    assert "epochs" in otherwise and not {"tied", "embedding_size", "layers"} & otherwise.keys()
    assert "forget_bias" not in found[0].arguments  # the pipeline's own
    won = pasted(params, found).language_model.lstm
    assert (won.tied, won.embedding_size, won.hidden_size, won.layers) == (False, 24, 64, 2)
    assert (won.epochs, won.tokens) == (4, None)


def test_values_that_a_table_rounds_are_those_that_were_tried(tmp_path: Path, params: Path) -> None:
    space = "{tokens:[1234567,9,null],rate:[0.01234567,0.02],gates:[all]}"
    apply_overrides(
        str(params), [f"++sweep_recurrent.space={space}", "sweep_recurrent.update_tokens=null"]
    )
    row = {"tokens": [1234567.0, None], "rate": [0.01234567, 0.02], "gates": ["all", "all"]}
    table = pd.DataFrame({**RECURRENT, **row, **REACHED})
    write_tables(tmp_path / "analysis_recurrent", {"best": table})
    found = winners(tmp_path, "recurrent", load(params))
    assert "tokens=1234567 " in found[0].arguments and "tokens=null " in found[1].arguments
    assert "rate=0.01234567 " in found[0].arguments


def test_pasted_arguments_give_the_vectors_that_won(tmp_path: Path, params: Path) -> None:
    shipped = load(params)
    # the analogies, which come first in the table, are not what a winner is chosen by
    tried = {"score": ["analogy_semantic", "wordsim353"], "window": [8, 7]}
    skipgram = best(tmp_path, "word2vec", {"model": "skipgram", **tried, "rate": [0.2, 0.03]})
    glove = best(tmp_path, "glove", {"model": "glove", **tried, "x_max": [2.0, 5.0]})
    won = pasted(
        params,
        [*winners(skipgram, "word2vec", shipped), *winners(glove, "glove", shipped)],
    )
    assert (won.word2vec.skipgram.window, won.word2vec.skipgram.rate) == (7, 0.03)
    changed = {"window", "rate"}
    kept = won.word2vec.skipgram.model_dump(exclude=changed)
    assert kept == shipped.word2vec.skipgram.model_dump(exclude=changed)
    assert won.word2vec.cbow.window == shipped.word2vec.cbow.window
    assert (won.cooccurrence.window, won.glove.x_max) == (7, 5)


def test_pasted_arguments_give_the_ppmi_that_won(tmp_path: Path, params: Path) -> None:
    shipped = load(params)
    tried = {"score": ["wordsim353"], "window": [5], "context_exponent": [1.0], "shift": [5.0]}
    found = winners(best(tmp_path, "ppmi", {"model": "ppmi_svd", **tried}), "ppmi", shipped)
    won = pasted(params, found)
    assert (won.cooccurrence.window, won.ppmi.context_exponent, won.ppmi.shift) == (5, 1, 5)
    assert found[0].otherwise == {"dimensions": (50, shipped.ppmi.dimensions)}


@pytest.mark.parametrize("epochs", [1, 8])
def test_the_trained_winner_is_no_worse_than_the_default(
    tmp_path: Path, params: Path, epochs: int
) -> None:
    """At the pipeline's epochs as shipped, or on a text read once, which teaches little."""
    random = np.random.default_rng(1)
    topics = np.repeat(np.arange(6), 10)
    drawn = [random.choice(60, 10, p=(topics == k % 6) / 20 + 1 / 120) for k in range(300)]
    tokens = np.concatenate(drawn).astype(np.int32)
    ends = np.arange(10, len(tokens) + 1, 10)
    corpus = EncodedCorpus(tokens, ends, ends)
    vocabulary = Vocabulary(tuple(f"w{i}" for i in range(60)), np.bincount(tokens, minlength=60))
    pairs = [(a, b) for a in range(0, 60, 3) for b in range(a + 1, 60, 4)]
    lines = [f"w{a} w{b} {9 if topics[a] == topics[b] else 1}" for a, b in pairs]
    (tmp_path / "pairs.txt").write_text("\n".join(lines))
    (tmp_path / "questions.txt").write_text(": gram\nw1 w2 w3 w4\n")
    own = ("dimensions=16", "subsample=0.0", "epochs=8", "window=2")
    apply_overrides(
        str(params),
        [
            *(f"++word2vec.shared.{setting}" for setting in own),
            f"++evaluation.similarity=[{{name:groups,path:{tmp_path / 'pairs.txt'}}}]",
            f"++evaluation.analogies.path={tmp_path / 'questions.txt'}",
            "++sweep_word2vec.grid={window:[2,4],rate:[0.025,0.05]}",
            f"++sweep_word2vec.fixed={{epochs:{epochs},dimensions:8}}",
        ],
    )
    before = load(params)
    sweep = before.sweep_word2vec
    trials = word2vec.sweep(corpus, vocabulary, sweep, before.evaluation, seed=1)
    sets = read_sets(before.evaluation)
    options = before.sweep_word2vec, before.evaluation, sets
    write_tables(tmp_path / "analysis_word2vec", analyse_vectors(trials, *options, seed=1).tables)
    found = winners(tmp_path, "word2vec", before)
    assert [winner.model for winner in found] == ["skipgram", "cbow"]
    after, budget = pasted(params, found), {} if epochs == 8 else {"epochs": (epochs, 8)}

    def scored(settings: Word2vecParams, architecture: Architecture) -> Any:
        trained = (
            train(corpus, vocabulary, settings, architecture=architecture, seed=seed)
            for seed in (1, 2, 3)
        )
        return [measure(vectors, before.evaluation, sets)["groups"] for vectors in trained]

    architectures: tuple[Architecture, ...] = ("skipgram", "cbow")
    for won, architecture in zip(found, architectures, strict=True):
        assert (won.otherwise, won.untried) == ({**budget, "dimensions": (8, 16)}, {})
        default, winner = (
            scored(getattr(one.word2vec, architecture), architecture) for one in (before, after)
        )
        assert np.mean(winner) > np.mean(default) - 2 * np.std(default, ddof=1)
        if epochs == 1:
            assert np.mean(winner) > won.reached["mean"] + 0.1  # a sweep's budget would not do
