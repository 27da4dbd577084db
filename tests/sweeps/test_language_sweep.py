"""The sweep of recurrent language models on a small text."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweep_params import SMALL, SWEEP, recurrent_sweep, searched
from wordlab.analysis import sweeps as analysis
from wordlab.artifacts import Result
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.params import whole
from wordlab.params.derived import combined
from wordlab.params.language import LanguageModelSection
from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.recurrent import language_model
from wordlab.recurrent.batches import Text, language_ids
from wordlab.sweeps.language import folds, trial
from wordlab.sweeps.language import sweep as language
from wordlab.sweeps.language.search import Pruner
from wordlab.sweeps.trials import grid, override
from wordlab.trials import runner as trials

VOCABULARY = Vocabulary(tuple("abcdefghij"), np.arange(10, 0, -1, dtype=np.int64))


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no processes, which would each load torch, unless a test asks for them."""
    monkeypatch.setenv("WORDLAB_THREADS", "1")


@pytest.fixture
def section(repository: Path) -> LanguageModelSection:
    """The shipped settings of the word models."""
    shipped = whole.read(repository / "params.yaml")["language_model"]
    return LanguageModelSection.model_validate(shipped)


def corpus(documents: int, seed: int = 1) -> EncodedCorpus:
    """Documents of 30 tokens in sentences of 10, each with its own word first."""
    tokens = np.random.default_rng(seed).integers(-1, 12, 30 * documents).astype(np.int32)
    tokens[::30] = np.arange(documents) % 12
    ends = np.arange(10, 30 * documents + 1, 10)
    return EncodedCorpus(tokens, ends, ends[2::3])


CORPORA = {"train": corpus(10), "valid": corpus(4, seed=2), "test": corpus(3, seed=3)}


def test_trials_in_processes_give_what_they_give_alone(
    section: LanguageModelSection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "2")
    params = RecurrentSweepParams.model_validate({**SWEEP, "folds": 2})
    logged: dict[str, Any] = {}
    result = language.sweep(
        CORPORA,
        VOCABULARY,
        section,
        params,
        ngram_orders=[2],
        seed=1,
        on_trial=lambda name, row, metrics: logged.update({name: metrics}),
    )
    assert len(result.tables["trials"]) == 2 * 2
    assert len(logged) == 2 * 2 + 3
    options: dict[str, Any] = {"folds": 2, "early_stopping_share": 0.2, "scored_tokens": None}
    splits = folds.splits(corpus(10), corpus(4), **options)
    planned = grid(["gru"], {"hidden_size": [3, 6]}, seeds=1, folds=2)
    jobs = language.jobs(planned, section, params, ngram_order=2, seed=1)
    for row, job in zip(result.tables["trials"].to_dict("records"), jobs, strict=True):
        alone = trial.train(job, splits[job.split], CORPORA["train"], VOCABULARY)
        for measured in ("valid_loss", "train_loss", "text_perplexity"):
            np.testing.assert_equal(row[measured], alone[measured])
        assert (
            logged[f"gru hidden_size={row['hidden_size']} fold={row['fold']} seed=1"]["seconds"] > 0
        )
    assert "seconds" not in result.tables["trials"]


def test_divergence_is_a_result(section: LanguageModelSection) -> None:
    wild = {
        "rate": 1e30,
        "activation": "relu",
        "optimizer": "sgd",
        "clip_norm": None,
        "warmup": 0.0,
    }
    params = override(section.rnn, {**SMALL, **wild})
    job = trial.Job(params, 0, 1, RecurrentSweepParams.model_validate(SWEEP), ngram_order=2)
    split = folds.Split(corpus(10), corpus(2), corpus(4))
    measured = trial.train(job, split, corpus(3), VOCABULARY)
    assert measured["diverged"] == 1
    assert measured["valid_loss"] == pytest.approx(math.log(12))
    assert math.isnan(measured["train_loss"])
    assert math.isnan(measured["context_3_loss"])


def test_the_cell_is_not_for_the_grid() -> None:
    with pytest.raises(ValueError, match="cell: no such setting to sweep"):
        RecurrentSweepParams.model_validate({**SWEEP, "space": {"cell": ["gru"]}})


@pytest.mark.parametrize(
    ("changes", "count"), [({}, 5), ({"search": "random", "pruning": "median"}, 5 + 3 + 2)]
)
def test_a_sweep_cut_off_goes_on_from_its_database_and_ends_the_same(
    section: LanguageModelSection,
    changes: dict[str, Any],
    count: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(checkpoint: Checkpoint) -> tuple[pd.DataFrame, list[str]]:
        logged: list[str] = []
        result = language.sweep(
            CORPORA,
            VOCABULARY,
            section,
            searched(**changes),
            ngram_orders=[2],
            seed=1,
            on_trial=lambda name, row, metrics: logged.append(name),
            checkpoint=checkpoint,
        )
        return result.tables["trials"], logged

    whole, _ = run(Checkpoint())
    checkpoint = Checkpoint(tmp_path / "sweep-1.safetensors")
    trained, kept = trial.train, []

    def cut_off(job: trial.Job, *rest: Any) -> dict[str, float]:
        if len(kept) == count - 2:
            raise KeyboardInterrupt
        kept.append(job)
        return trained(job, *rest)

    monkeypatch.setattr(language, "train", cut_off)
    with pytest.raises(KeyboardInterrupt):
        run(checkpoint)
    monkeypatch.setattr(language, "train", lambda *all: (kept.append(all[0]), trained(*all))[1])
    resumed, logged = run(checkpoint)
    pd.testing.assert_frame_equal(resumed, whole)
    assert len(kept) == len(logged[:-3]) == count
    checkpoint.clear()
    assert list(tmp_path.iterdir()) == []


def by(workers: int) -> Any:
    """Return a stand-in for processes side by side of which the youngest always ends first."""

    def side_by_side(function: Any, jobs: Iterable[Any], *shared: Any) -> Iterator[tuple[int, Any]]:
        running: list[tuple[int, Any]] = []
        for numbered in enumerate(jobs):
            running.append(numbered)
            if len(running) == workers:
                number, job = running.pop()
                yield number, function(job, *shared)
        yield from ((number, function(job, *shared)) for number, job in reversed(running))

    return side_by_side


@pytest.mark.parametrize(
    ("search", "pruning"),
    [
        *((search, "none") for search in ("grid", "random", "quasi_random", "tpe")),
        ("grid", "median"),
        ("random", "hyperband"),
    ],
)
def test_results_do_not_depend_on_how_many_trainings_run_at_once(
    section: LanguageModelSection, search: str, pruning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {"search": search, "pruning": pruning, "trials": 4}
    if search == "grid":
        changes["space"] = {"hidden_size": [2, 4], "bptt_length": [5, 10]}
    found, order = [], []
    for workers in (1, 3):
        monkeypatch.setattr(trials, "side_by_side", by(workers))
        logged: list[str] = []
        result = language.sweep(
            CORPORA,
            VOCABULARY,
            section,
            searched(**changes),
            ngram_orders=[2],
            seed=1,
            on_trial=lambda name, row, metrics, logged=logged: logged.append(name),
        )
        order.append(logged)
        tables = {name: table.to_csv() for name, table in result.tables.items()}
        found.append((tables, repr(result.metrics)))
    assert found[0] == found[1]
    assert order[0] != order[1]
    assert sorted(order[0]) == sorted(order[1])
    made, params = result.tables, searched(**changes)
    best = analysis.analyse_language(made["trials"], made["baselines"], params, seed=1).tables[
        "best"
    ]
    settings = list(params.space)
    assert made["winners"][settings].drop_duplicates().values.tolist() == (
        best[settings].values.tolist()
    )


def test_a_budget_of_weights_is_met_by_the_embedding(section: LanguageModelSection) -> None:
    for cell, hidden, removed in (
        (section.lstm, 4, "all"),
        (section.gru, 9, "all"),
        (section.lstm, 6, "coupled"),
    ):
        base = override(cell, {**SMALL, "hidden_size": hidden, "gates": removed})
        params = trial.within_budget(base, VOCABULARY, 800)
        model = language_model.LanguageModel(params, VOCABULARY, level="word", seed=1)
        size = language_model.description(model)["parameters"]
        gates = 4 if cell.cell == "lstm" else 3
        assert abs(size - 800) <= (12 + gates * hidden) / 2
    with pytest.raises(UserError, match="expected a budget above"):
        trial.within_budget(base, VOCABULARY, 100)


def test_a_range_is_not_for_a_grid() -> None:
    with pytest.raises(ValueError, match="space.hidden_size: a grid cannot try all values"):
        searched(search="grid")
    with pytest.raises(ValueError, match="expected low below high"):
        searched(space={"rate": {"low": 0.1, "high": 0.01, "log": True}})
    with pytest.raises(ValueError, match="the budget decides embedding_size"):
        searched(parameters=1000)


def test_a_rung_trains_on_its_share_and_the_last_is_a_trial_without_pruning(
    section: LanguageModelSection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "side_by_side", by(1))
    found = {
        kind: language.sweep(
            CORPORA,
            VOCABULARY,
            section,
            searched(search="grid", space={"hidden_size": [2, 4], "bptt_length": [5, 10]}, **more),
            ngram_orders=[2],
            seed=1,
        )
        for kind, more in (("none", {}), ("median", {"pruning": "median"}))
    }
    table = found["median"].tables["trials"]
    assert table["budget"].tolist() == [0.25] * 4 + [0.5] * 2 + [1.0]
    np.testing.assert_allclose(table["steps"] / table["updates"], table["budget"], atol=0.1)
    same = found["none"].tables["trials"].merge(table[table["budget"] == 1].drop(columns="budget"))
    assert len(same) == 1


def test_tpe_does_not_prune() -> None:
    with pytest.raises(ValueError, match="pruning: tpe draws by the losses on the whole budget"):
        searched(pruning="median")


def test_what_is_scored_does_not_choose_the_epoch(section: LanguageModelSection) -> None:
    params = override(section.gru, {**SMALL, "hidden_size": 6, "epochs": 6, "rate": 0.1})
    sweep = RecurrentSweepParams.model_validate(SWEEP)
    job = trial.Job(params, 0, 1, sweep, ngram_order=2)
    one, other = (
        trial.train(job, folds.Split(corpus(10), corpus(2, seed=4), scored), corpus(3), VOCABULARY)
        for scored in (corpus(4, seed=5), corpus(10))
    )
    assert one["epoch"] == other["epoch"]
    assert one["train_loss"] == other["train_loss"]
    assert one["valid_loss"] != other["valid_loss"]


def test_every_length_makes_as_many_updates(section: LanguageModelSection) -> None:
    changes: dict[str, Any] = {"space": {"bptt_length": [5, 10, 30]}, "update_tokens": 60}
    fixed = {key: x for key, x in SMALL.items() if key not in ("bptt_length", "batch_size")}
    params = RecurrentSweepParams.model_validate({**SWEEP, **changes, "fixed": fixed})
    planned = grid(["gru"], {"bptt_length": [5, 10, 30]}, seeds=1)
    jobs = language.jobs(planned, section, params, ngram_order=2, seed=1)
    assert [job.params.batch_size for job in jobs] == [12, 6, 2]
    text = Text(np.zeros(601, dtype=np.int64), np.zeros(1, dtype=np.int64))
    updates = {text.examples(job.params, end=0, seed=1).batch_count for job in jobs}
    assert updates == {10}
    with pytest.raises(ValueError, match="batch_size follows from it"):
        RecurrentSweepParams.model_validate({**SWEEP, "update_tokens": 60})
    windows = combined(params, section.gru, {"bptt_length": 5, "examples": "windows"})
    assert windows["batch_size"] == 60  # each predicts one symbol


def test_a_tied_embedding_has_the_size_of_the_state(section: LanguageModelSection) -> None:
    fixed = {key: value for key, value in SWEEP["fixed"].items() if key != "embedding_size"}
    for tied, size in ((True, 6), (False, section.gru.embedding_size)):
        params = RecurrentSweepParams.model_validate({**SWEEP, "fixed": {**fixed, "tied": tied}})
        settings = combined(params, section.gru, {"hidden_size": 6})
        assert override(section.gru, settings).embedding_size == size


@pytest.mark.parametrize(("limit", "learns"), [(None, 300), (164, 140), (165, 150), (9999, 300)])
def test_winners_and_their_ngrams_learn_from_the_same_text_from_seeds_that_no_trial_has(
    section: LanguageModelSection,
    monkeypatch: pytest.MonkeyPatch,
    limit: int | None,
    learns: int,
) -> None:
    learnt: list[EncodedCorpus] = []
    seeds: dict[str, set[int]] = {"trials": set(), "winners": set()}

    def followed(function: Any, jobs: Iterable[Any], *shared: Any) -> Any:
        kind = "trials" if len(shared) == 3 else "winners"
        own = [job for job in jobs if job is not None]
        seeds[kind] |= {(job if kind == "trials" else job[0]).seed for job in own}
        return by(1)(function, own, *shared)

    def trained(job: trial.Job, read: EncodedCorpus, *rest: Any) -> Any:
        learnt.append(read)
        return trial.train_model(job, read, *rest)

    monkeypatch.setattr(trials, "side_by_side", followed)
    monkeypatch.setattr(language, "train_model", trained)
    fixed = {**SWEEP["fixed"], "tokens": limit}
    params = RecurrentSweepParams.model_validate(
        {**SWEEP, "seeds": 2, "tokens": 100, "fixed": fixed}
    )
    result = language.sweep(CORPORA, VOCABULARY, section, params, ngram_orders=[2], seed=1)
    assert [len(corpus) for corpus in learnt] == [learns] * 2
    assert limit is None or len(language_ids(learnt[0], VOCABULARY)) <= limit
    read, _, test = (
        language_ids(one, VOCABULARY) for one in (learnt[0], CORPORA["valid"], CORPORA["test"])
    )
    given = {"classes": VOCABULARY.classes, "end": VOCABULARY.end}
    counted = KneserNey.chosen(read, test, orders=[2], **given).losses(test)
    known = result.tables["winners"]["ngram_perplexity"]
    assert known.to_numpy() == pytest.approx(math.exp(counted.mean()))
    assert len(seeds["winners"]) == 2
    assert seeds["trials"]
    assert not seeds["winners"] & seeds["trials"]
    table = result.tables["winners"].set_index("seed")
    assert table.index.tolist() == ["1", "2", "mean"]
    each = table.loc[["1", "2"], "test_perplexity"]
    mean = table.loc["mean"]
    assert mean["test_perplexity"] == pytest.approx(math.exp(np.log(each).mean()))
    assert mean["ratio"] == pytest.approx(mean["test_perplexity"] / mean["ngram_perplexity"])
    assert mean["ratio_low"] < mean["ratio"] < mean["ratio_high"]


def test_a_loss_that_is_no_number_counts_as_guessing_blindly(
    section: LanguageModelSection, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def token_losses(self, ids: Any, **options: Any) -> Any:
            return np.full(len(ids), np.nan)

    monkeypatch.setattr(trial, "train_model", lambda *_: (Broken(), {"diverged": 0.0}))
    sweep = RecurrentSweepParams.model_validate(SWEEP)
    job = trial.Job(override(section.gru, SMALL), 0, 1, sweep, ngram_order=2)
    split = folds.Split(corpus(10), corpus(2), corpus(4))
    measured = trial.train(job, split, corpus(3), VOCABULARY)
    assert measured["valid_loss"] == pytest.approx(math.log(12))
    assert measured["diverged"] == 1


def test_what_trainings_are_held_against_is_of_the_text_that_they_learn_from() -> None:
    pairs = folds.splits(corpus(10), corpus(4), folds=2, early_stopping_share=0.2,
                         scored_tokens=None)  # fmt: skip
    found = folds.baselines(pairs, VOCABULARY, orders=[1, 2])
    for row, split in zip(found.to_dict("records"), pairs, strict=True):
        learnt, stopping, scored = (language_ids(part, VOCABULARY) for part in split)
        options = {"classes": VOCABULARY.classes, "end": VOCABULARY.end}
        expected = KneserNey.fit(learnt, order=1, **options).losses(scored).mean()
        assert row["unigram_loss"] == pytest.approx(expected)
        models = [KneserNey.fit(learnt, order=order, **options) for order in (1, 2)]
        chosen = min(models, key=lambda model: model.losses(stopping).mean())
        assert row["order"] == chosen.order
        assert row["kneser_ney_loss"] == pytest.approx(chosen.losses(scored).mean())


def test_a_search_is_told_the_mean_losses_of_what_it_proposed(
    section: LanguageModelSection, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    tell = Pruner.tell

    def noted(pruner: Pruner, proposed: Any, losses: Any) -> None:
        told.append((proposed, losses))
        tell(pruner, proposed, losses)

    monkeypatch.setattr(Pruner, "tell", noted)
    tried = [{"clip_norm": None, "layers": 2}, {"clip_norm": None, "layers": 1},
             {"clip_norm": 1.0, "layers": 2}, {"clip_norm": 1.0, "layers": 1}]  # fmt: skip
    space = {"clip_norm": [None, 1.0], "layers": [2, 1]}
    params = recurrent_sweep(space=space, seeds=2, fixed=SMALL)
    table = language.sweep(CORPORA, VOCABULARY, section, params, ngram_orders=[2], seed=1).tables[
        "trials"
    ]
    means = table["valid_loss"].to_numpy().reshape(4, 2).mean(axis=1)
    assert told == [(tried, means.tolist())]


def test_winners_that_have_ended_are_not_trained_again(
    section: LanguageModelSection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = RecurrentSweepParams.model_validate(SWEEP)

    def run(checkpoint: Checkpoint) -> Result:
        return language.sweep(
            CORPORA, VOCABULARY, section, params, ngram_orders=[2], seed=1, checkpoint=checkpoint
        )

    whole = run(Checkpoint())
    trained, jobs = language.train_model, []

    def cut_off(job: trial.Job, *rest: Any) -> Any:
        if len(jobs) == 1:
            raise KeyboardInterrupt
        jobs.append(job.seed)
        return trained(job, *rest)

    checkpoint = Checkpoint(tmp_path / "sweep-1.safetensors")
    monkeypatch.setattr(language, "train_model", cut_off)
    with pytest.raises(KeyboardInterrupt):
        run(checkpoint)
    monkeypatch.setattr(
        language, "train_model", lambda *all: (jobs.append(all[0].seed), trained(*all))[1]
    )
    resumed = run(checkpoint)
    assert len(jobs) == len(set(jobs)) == 2
    pd.testing.assert_frame_equal(resumed.tables["winners"], whole.tables["winners"])
    assert len(run(checkpoint).tables["trials"]) == 2
    assert len(jobs) == 2
    checkpoint.clear()
    assert list(tmp_path.iterdir()) == []
