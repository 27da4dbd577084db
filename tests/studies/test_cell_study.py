"""The study of cells: equally many weights, the same at any number of processes, paired by seed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from wordlab.artifacts import Result
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.evaluation.language.held_out import HeldOut
from wordlab.params.language import KINDS, LanguageModelParams
from wordlab.params.studies import CellStudyParams
from wordlab.params.whole import load
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies import cells
from wordlab.studies.cells import study
from wordlab.studies.text import Text

TASKS: dict[str, Any] = {
    "delays": [4],
    "initialisations": ["uniform"],
    "symbols": 3,
    "copied": 1,
    "hidden_size": 8,
    "steps": 3,
    "batch_size": 8,
    "rate": 0.01,
    "clip_norm": 1.0,
    "test_sequences": 20,
}


def params(**changes: Any) -> CellStudyParams:
    values = {
        "rates": {"gru": 0.01, "mingru": 0.02, "hgrn2": 0.02},
        "gates": {},
        "parameters": 3000,
        "vocabulary_size": None,
        "train_tokens": 200,
        "valid_tokens": 150,
        "test_tokens": 150,
        "embedding_size": 8,
        "layers": 2,
        "task_layers": 2,
        "adaptive_cutoffs": [],
        "dropout": 0.1,
        "epochs": 1,
        "warmup": 0.1,
        "batch_size": 4,
        "bptt_length": 10,
        "seeds": 2,
        "contexts": [2],
        "tasks": TASKS,
    }
    return CellStudyParams.model_validate({**values, **changes})


Networks = Callable[..., dict[str, LanguageModelParams]]


def text(test: int = 400) -> Text:
    vocabulary = Vocabulary(tuple("abcdef"), np.ones(6, np.int64))
    train, valid, scored = np.split(np.random.default_rng(1).integers(0, 8, 350 + test), [200, 350])
    held_out = HeldOut(scored, np.array([0, test // 2]), vocabulary.unknown, vocabulary.end)
    return Text(train, valid, held_out, vocabulary)


def measure(networks: Networks, own: CellStudyParams, **given: Any) -> Result:
    given = {"seed": 1, "on_trial": lambda *given: None, "checkpoint": Checkpoint(), **given}
    return study(networks(*own.rates), given.pop("text", text()), own, orders=[1, 2], **given)


def test_one_process_or_two_give_the_same_study(
    monkeypatch: pytest.MonkeyPatch, networks: Networks
) -> None:
    trials: list[str] = []
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("WORDLAB_THREADS", threads)
        found.append(measure(networks, params(), on_trial=lambda name, *given: trials.append(name)))
    for name, table in found[0].tables.items():
        pd.testing.assert_frame_equal(table, found[1].tables[name], check_exact=True)
    assert found[0].metrics == found[1].metrics
    assert len(set(trials)) == 3 * 2 * (1 + 2)  # cells, seeds; words, adding and copying
    rows = found[0].tables["cells"].set_index("cell")
    assert rows.loc["gru", ["times", "times_low", "times_high"]].tolist() == [1, 1, 1]
    assert rows["hidden_size"]["hgrn2"] % networks("gru")["gru"].heads == 0
    assert rows["hidden_size"]["mingru"] > rows["hidden_size"]["gru"]


def test_a_rate_too_high_is_named(networks: Networks) -> None:
    wild = {"activation": "relu", "optimizer": "sgd", "clip_norm": None, "rate": 1e30}
    network = networks("rnn")["rnn"].model_copy(update=wild)
    with pytest.raises(UserError, match=r"^cell_study\.rates\.rnn: training diverged at window"):
        cells.Reader("rnn", 1, network, (2,), 1).measure(text())


def test_the_other_cells_are_compared_seed_by_seed() -> None:
    scored = text().test
    random = np.random.default_rng(3)
    gru = random.gamma(4, size=(3, 400)) + np.array([[0.0], [0.5], [1.0]])
    found = cells.table({"gru": gru, "sru": gru + 0.1}, scored, gru[0], 1).set_index("cell")
    for end in ("times", "times_low", "times_high"):
        assert found.loc["sru", end] == pytest.approx(np.exp(0.1))
    assert found.loc["sru", "low"] < found.loc["sru", "perplexity"] < found.loc["sru", "high"]


def test_a_cell_without_a_gate_is_compared_with_its_own_kind() -> None:
    scored, random = text().test, np.random.default_rng(3)
    gru = random.gamma(4, size=(3, 400))
    losses = {"rnn": gru + 0.5, "lstm": gru + 0.3, "lstm no_forget": gru + 0.4, "gru": gru,
              "gru no_reset": gru + 0.1}  # fmt: skip
    found = cells.table(losses, scored, gru[0], 1).set_index("cell")
    assert found["compared"].tolist() == ["gru", "gru", "lstm", "gru", "gru"]
    expected = np.exp([0.5, 0.3, 0.1, 0, 0.1])
    np.testing.assert_allclose(found["times"], expected)


def test_comparisons_hold_together_for_all_cells() -> None:
    scored, random = text().test, np.random.default_rng(4)
    gru = random.gamma(4, size=(3, 400))
    others = {f"sru-{n}": gru + random.normal(0, 0.5, size=(3, 400)) for n in range(12)}
    few = cells.table({"gru": gru, "sru-0": others["sru-0"]}, scored, gru[0], 1)
    many = cells.table({"gru": gru, **others}, scored, gru[0], 1)
    for name in ("perplexity", "low", "high", "ratio", "ratio_low", "ratio_high", "times"):
        assert few[name].tolist() == pytest.approx(many[name].tolist()[:2])
    widths = [
        np.log(found.loc[1, "times_high"] / found.loc[1, "times_low"]) for found in (few, many)
    ]
    assert widths[1] > 1.3 * widths[0]


def test_the_size_with_the_closest_number_of_weights_is_found(networks: Networks) -> None:
    network, words = networks("hgrn2")["hgrn2"], text().vocabulary

    def build(size: int) -> LanguageModel:
        own = {**network.model_dump(), "hidden_size": size, "embedding_size": size}
        return LanguageModel(LanguageModelParams.model_validate(own), words, "word", 0)

    counts = {size: cells._weights(build(size)) for size in range(4, 60, 4)}  # noqa: SLF001
    for budget in (900, 3000, 7000):
        best = min(counts, key=lambda size: abs(counts[size] - budget))
        assert cells.equal_size(build, 4, budget) == best


@pytest.mark.parametrize("scale", [None, "hour"])
def test_the_shipped_budget_gives_every_cell_as_many_weights(
    repository: Path, scale: str | None
) -> None:
    over = () if scale is None else (repository / "scales" / f"{scale}.yaml",)
    shipped = load(repository / "params.yaml", *over)
    own = shipped.cell_study
    size = own.vocabulary_size or 8000
    words = Vocabulary(tuple(f"w{n}" for n in range(size)), np.ones(size, np.int64))
    assert {*own.rates} == {*KINDS} if scale else {*own.rates} < {*KINDS}
    for cell in own.rates:
        network = getattr(shipped.language_model, cell)
        network = cells._network(network, shipped.language_model.gru, own, words)  # noqa: SLF001
        model = LanguageModel(network, words, "word", 0)
        assert cells._weights(model) == pytest.approx(own.parameters, rel=0.02)  # noqa: SLF001


@pytest.mark.parametrize("scale", [None, "hour", "wikipedia", "standard"])
def test_cells_differ_in_kind_size_and_rate_alone(repository: Path, scale: str | None) -> None:
    over = () if scale is None else (repository / "scales" / f"{scale}.yaml",)
    shipped = load(repository / "params.yaml", *over)
    own = shipped.cell_study
    words = Vocabulary(tuple(f"w{n}" for n in range(8000)), np.ones(8000, np.int64))
    compared = cells._compared(  # noqa: SLF001
        {cell: getattr(shipped.language_model, cell) for cell in own.rates}, own
    )
    free = {"cell", "gates", "hidden_size", "rate"}
    settings = [
        cells._network(network, shipped.language_model.gru, own, words).model_dump(exclude=free)  # noqa: SLF001
        for _, network in compared
    ]
    assert len(settings) >= len(own.rates) > 2
    assert all(one == settings[0] for one in settings)
    assert settings[0]["warmup"] == own.warmup


def test_what_the_study_has_no_setting_of_is_that_of_the_gru_for_all(
    networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sized(Exception):
        pass

    def stop(sized: dict[str, LanguageModelParams], *_: Any) -> None:
        raise Sized(sized)

    monkeypatch.setattr(cells, "_readers", stop)
    given = networks("mingru", "gru", "sru")
    given["gru"] = given["gru"].model_copy(update={"weight_decay": 0.25})
    own = params(rates={"mingru": 0.01, "gru": 0.01, "sru": 0.01})
    with pytest.raises(Sized) as raised:
        measure(lambda *_: given, own)
    (sized,) = raised.value.args
    assert {name: found.weight_decay for name, found in sized.items()} == dict.fromkeys(given, 0.25)


def test_gates_are_taken_away_at_equal_numbers_of_weights(networks: Networks) -> None:
    found = measure(networks, params(rates={"gru": 0.01, "sru": 0.01}, gates={"gru": ["no_reset"]}))
    rows = found.tables["cells"].set_index("cell")
    assert list(rows.index) == ["gru", "gru no_reset", "sru"]
    assert rows["hidden_size"]["gru no_reset"] > rows["hidden_size"]["gru"]
    assert rows["parameters"]["gru no_reset"] == pytest.approx(3000, rel=0.05)
    assert rows["times"]["gru no_reset"] != 1
    without = measure(networks, params(rates={"gru": 0.01, "sru": 0.01}))
    for name, table in without.tables.items():
        others = found.tables[name].query("cell != 'gru no_reset'").reset_index(drop=True)
        joint = [column for column in ("times_low", "times_high") if column in table]
        if joint:  # they hold together with those of the other cells
            (low, high), beside = table[joint].to_numpy().T, others[joint].to_numpy().T
            assert (low[0], high[0]) == (beside[0][0], beside[1][0]) == (1, 1)
            assert low[1] != beside[0][1] and high[1] != beside[1][1]
        pd.testing.assert_frame_equal(
            table.drop(columns=joint), others.drop(columns=joint), check_exact=True
        )


@pytest.mark.parametrize(
    ("gates", "complaint"),
    [
        ({"lstm": ["no_input"]}, r"gates\.lstm: expected a cell of rates, gru, mingru, hgrn2"),
        ({"gru": ["no_input"]}, r"gates\.gru: expected one of no_reset, no_update, got no_input"),
        ({"gru": ["all"]}, r"gates\.gru: expected one of no_reset, no_update, got all"),
        ({"mingru": ["coupled"]}, r"gates\.mingru: expected none, got coupled"),
    ],
)
def test_gates_that_a_cell_has_not_are_refused(gates: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        params(gates=gates)


def test_a_batch_too_large_is_named(networks: Networks) -> None:
    with pytest.raises(UserError, match=r"cell_study\.batch_size: 300 streams need more text"):
        measure(networks, params(batch_size=300))
