"""Pages of runs and the answers: every number is that of the committed tables."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from wordlab.artifacts import read_json
from wordlab.errors import UserError
from wordlab.params.whole import load, read
from wordlab.pipeline import pages, plan, publish, store
from wordlab.report import scored
from wordlab.report.findings import answers
from wordlab.report.page import SECTIONS
from wordlab.report.results import UNMEASURED

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(REPOSITORY)


@pytest.fixture(params=["hour", "wikipedia"])
def run(request):
    """Return the committed run of a scale."""
    return pages.Run(request.param, DOCS)


def test_the_committed_pages_are_those_of_the_committed_tables():
    written = publish.written(DOCS)
    assert DOCS / "answers.md" in written
    for place, text in written.items():
        assert place.read_text(encoding="utf-8") == text, f"{place}: run `wordlab publish`"


def test_every_question_is_answered_with_a_figure_its_code_and_a_command():
    text = (DOCS / "answers.md").read_text(encoding="utf-8")
    found = re.findall(r"^### (P\d\.\d) (.*?)(?=^### |^## |\Z)", text, re.DOTALL | re.MULTILINE)
    counts = {"P1": 2, "P2": 4, "P3": 4, "P4": 3}
    asked = [f"{part}.{n}" for part, count in counts.items() for n in range(1, count + 1)]
    assert [name for name, _ in found] == asked
    for name, answer in found:
        (figure,) = re.findall(r"!\[[^]]+\]\((\S+)\)", answer)
        assert (DOCS / figure).exists(), name
        assert re.search(r"^Code: `src/wordlab/\S+`", answer, re.MULTILINE), name
        assert "```\n" in answer and len(answer) < 3000, name


@pytest.mark.parametrize(
    ("corpus", "arguments"),
    [
        ({"source": "sample"}, ""),
        ({"source": "file", "path": "/me/a"}, " -S corpus.source=file -S corpus.path=FILE"),
        (
            {"source": "hf:a/b", "splits": "given"},
            " -S corpus.source=hf:a/b -S corpus.splits=given",
        ),
        (
            {"source": "url", "url": "https://me:word@here/x", "sha256": "1f"},
            " -S corpus.source=url -S corpus.url=https://***@here/x -S corpus.sha256=1f",
        ),
        (
            {"source": "file", "splits": {"train": "/a", "test": "/b"}, "watch": {"it": "/c"}},
            " -S corpus.source=file -S '++corpus.splits={train:FILE,test:FILE}'",
        ),
    ],
)
def test_facts_say_how_the_text_was_given_without_places_and_secrets(corpus, arguments):
    others = {
        "evaluation": {
            "similarity": [
                {"name": "mine", "path": "/me/pairs"},
                {"name": "far", "url": "https://me:word@here/x"},
                "men",
            ],
            "analogies": {"path": "/me/questions"},
        },
        "comparison": {"relations": {"path": "by_language"}},
    }
    params = publish._given({"corpus": {"path": None, **corpus}, **others})
    given = params["corpus"]
    assert params["evaluation"] == {
        "similarity": [
            {"name": "mine", "path": "FILE"},
            {"name": "far", "url": "https://***@here/x"},
            "men",
        ],
        "analogies": {"path": "FILE"},
    }
    assert params["comparison"] == others["comparison"]
    assert publish._arguments(given) == arguments
    assert not {"/me/a", "/a", "/b", "/c"} & set(map(str, given.values()))


def test_every_kept_table_is_small_and_read_by_a_page_or_a_person(run):
    kept = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*.*")}
    known = {path for pattern in publish.KEPT for path in publish.spread(pattern)}
    tabled = {path for path in kept if not path.startswith("figures/")} - {pages.FACTS}
    assert tabled <= known
    for path in kept:
        most = 128 if path.startswith("figures/") else 64
        assert (run.folder / path).stat().st_size < most * 1024, path


def test_a_page_has_the_answers_of_the_report_and_the_facts_of_the_run(run):
    page = pages.page(run)
    assert run.facts["text"]["sha256"] in page and run.facts["revision"] in page
    found = answers(run.results)
    measured = [
        section for section in SECTIONS if found.get(section.name) not in (None, UNMEASURED)
    ]
    assert len(measured) > 10
    for section in measured:
        assert f"## {section.question}\n\n{found[section.name].text}\n" in page
    assert UNMEASURED.text not in page
    assert "| sweep_recurrent | " in page
    heads = re.findall(r"^(\|.*)\n\| --- ", page, re.MULTILINE)
    assert len(heads) == len(set(heads)) > 15


def test_a_page_takes_the_params_of_the_run_not_those_of_today(tmp_path, monkeypatch):
    run = pages.Run("hour", DOCS)
    params = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copytree(REPOSITORY / "scales", tmp_path / "scales")
    (tmp_path / "params.yaml").write_text(re.sub(r"\bnegatives: \d+", "negatives: 77", params))
    (tmp_path / "scales" / "hour.yaml").write_text("autoencoder: {max_length: 77}\n")
    monkeypatch.chdir(tmp_path)
    assert load(Path("params.yaml")).word2vec.skipgram.negatives == 77
    assert pages.Run("hour", Path("docs")).results.params == run.results.params
    assert run.results.params.word2vec.skipgram.negatives == 5
    for place, text in publish.written(Path("docs")).items():
        assert (tmp_path / place).read_text(encoding="utf-8") == text
    facts = tmp_path / "docs/results/hour" / pages.FACTS
    facts.write_text(json.dumps({key: x for key, x in run.facts.items() if key != "params"}))
    with pytest.raises(UserError, match=r"hour/run\.json: expected `params`, which `wordlab"):
        pages.page(pages.Run("hour", Path("docs")))


def test_sweeps_are_compared_at_the_same_window_and_dimensions():
    run = pages.Run("hour", DOCS)
    page = pages.page(run)
    _, _, beside = page.partition("## Word vectors of the same window and dimensions")
    trials = run.table("sweep_glove/trials").query("window == 10 and dimensions == 25")
    tried = trials.groupby(["x_max", "iterations"]).mean(numeric_only=True)
    best = tried.sort_values("wordsim353").iloc[-1]
    scores = (best[name] for name in ("analogy_total", "wordsim353", "simlex999"))
    assert " | ".join(f"{score:.3g}" for score in scores) + f" | {len(tried)} |" in beside
    assert "| 20 | 100 | GloVe" not in beside  # no other model has that window
    best = run.table("analysis_glove/best").iloc[0]
    assert f"| {best['mean']:.3g} | {best['low']:.3g} | {best['high']:.3g} | {best['n']} |" in page


def test_a_table_without_the_row_or_the_column_is_one_line(run):
    assert run.cell("scores/embeddings", "score", model="CBOW", measure="SimLex-999") < 1
    with pytest.raises(UserError, match=r"scores/embeddings: expected one row .* got 3$"):
        run.cell("scores/embeddings", "score", model="CBOW")
    with pytest.raises(UserError, match=r"scores/embeddings: no column p$"):
        run.cell("scores/embeddings", "p", model="CBOW", measure="SimLex-999")


def test_a_sentence_that_no_longer_holds_stops_the_page(tmp_path):
    copied = Path(shutil.copytree(DOCS / "results", tmp_path / "results")).parent
    template = '{{ holds(runs["hour"].cell("study_sizes/growth", "n", model="glove", '
    template += 'task="simlex999") > NUMBER) }}sentence'
    for number, holds in ((1, True), (10_000, False)):
        (tmp_path / pages.TEMPLATE).write_text(template.replace("NUMBER", str(number)))
        if holds:
            assert pages.answered(publish.runs(copied), copied) == "sentence"
        else:
            with pytest.raises(
                UserError, match=r"answers\.jinja, line 1: a sentence no longer holds"
            ):
                pages.answered(publish.runs(copied), copied)
    (copied / pages.TEMPLATE).write_text("{% macro f(*a) %}")
    with pytest.raises(UserError, match=r"answers\.jinja, line 1: expected token 'name', got"):
        pages.answered(publish.runs(copied), copied)


def test_the_results_of_a_pass_are_taken_over_as_they_are(run, tmp_path, monkeypatch):
    text = {"source": "sample", "origin": "a sample", "licence": "CC0", "sha256": "0" * 64}
    checkout = tmp_path / "checkout"
    (checkout / "data" / "raw").mkdir(parents=True)
    (checkout / "data" / "raw" / "provenance.json").write_text(json.dumps({**text, "documents": 3}))
    shutil.copytree(REPOSITORY / "scales", checkout / "scales")
    (checkout / "scales" / "own.yaml").write_text("# as it is\nvector_seeds: 3\n")
    shutil.copy(REPOSITORY / "params.yaml", checkout)
    (checkout / "docs").mkdir()
    shutil.copy(DOCS / pages.TEMPLATE, checkout / "docs")
    monkeypatch.chdir(checkout)
    for command in ("init -q", "add params.yaml", "-c user.name=a -c user.email=b commit -qm c"):
        subprocess.run(["git", *command.split()], check=True)
    monkeypatch.setattr(plan, "planned", lambda stages, changes: [])
    publish.take("own", reports=run.folder)
    taken = checkout / "docs" / "results" / "own"
    for path in (path for path in run.folder.rglob("*.*") if path.name != pages.FACTS):
        assert (taken / path.relative_to(run.folder)).read_bytes() == path.read_bytes()
    facts = read_json(taken / pages.FACTS)
    assert facts["text"] == {**{k: x for k, x in text.items() if k != "source"}, "documents": 3}
    assert facts["params"] == read(REPOSITORY / "params.yaml")
    assert facts["command"] == "dvc exp run -n own $(wordlab scale own)" and facts["cores"] >= 1
    with pytest.raises(UserError, match=r"params\.yaml: not the settings of scales/hour\.yaml"):
        publish.take("hour", reports=run.folder)
    with pytest.raises(UserError, match="decade: no such scale; expected a file in"):
        publish.take("decade", reports=run.folder)
    (checkout / "data" / "raw" / "provenance.json").unlink()
    before = (taken / pages.FACTS).read_bytes()
    with pytest.raises((UserError, OSError)):
        publish.take("own", reports=run.folder)
    assert (taken / pages.FACTS).read_bytes() == before
    ahead = [plan.Estimate("train_glove", {}, 1.0, 1.0, True)]
    monkeypatch.setattr(plan, "planned", lambda stages, changes: ahead)
    with pytest.raises(UserError, match="train_glove: not up to date; `dvc repro` before"):
        publish.take("own", reports=run.folder)
    (checkout / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(UserError, match=r"dvc\.yaml: not as committed"):
        publish.take("own", reports=run.folder)
    assert (taken / pages.FACTS).exists()  # what was there stays


def test_results_stand_beside_those_of_a_committed_run(run, tmp_path):
    """Each pass has a line with its words, then the same rows as alone."""
    own = run.folder / "metrics"
    shown = publish.beside(run.name, own, DOCS)
    alone = scored.results(own)
    for together, single in zip(shown.split("\n\n"), alone.split("\n\n"), strict=True):
        rows = single.splitlines()[2:]
        head, _, first, *others = together.splitlines()
        assert head.count("|") == single.splitlines()[0].count("|")
        assert first.startswith(f"| **scale `{run.name}`: ")
        assert others[: len(rows)] == rows == others[len(rows) + 1 :]
        assert others[len(rows)].startswith("| **`params.yaml`: ")
    sizes = re.search(r"WordSim-353 \((\d+ of 353 pairs)\)", alone)[1]
    assert shown.split("\n\n")[0].count(f"| {sizes} |") == 2
    assert f"{run.facts['minutes']} minutes" in shown


def test_results_beside_no_run_or_other_sets_are_refused_in_a_line(run, tmp_path):
    with pytest.raises(UserError, match=r"results/day: no such run; expected .*hour"):
        publish.beside("day", run.folder / "metrics", DOCS)
    other = tmp_path / "metrics"
    shutil.copytree(run.folder / "metrics", other)
    metrics = json.loads((other / "embeddings.json").read_text())
    for model in metrics.values():
        del model["simlex999"]
    (other / "embeddings.json").write_text(json.dumps(metrics))
    with pytest.raises(UserError, match=r"params.yaml.*: scored on .*WordSim-353.*; not on .*Sim"):
        publish.beside(run.name, other, DOCS)


def test_seconds_of_cells_are_those_of_the_last_run_that_ended_well(tmp_path, monkeypatch):
    database = tmp_path / "mlflow.db"
    client = MlflowClient(f"sqlite:///{database}")
    experiment = client.create_experiment(store.EXPERIMENT)

    def logged(stage, parent=None, status="FINISHED", params=None, metrics=None):
        tags = {"wordlab.stage": stage, **({"mlflow.parentRunId": parent} if parent else {})}
        run = client.create_run(experiment, tags=tags).info.run_id
        for key, value in (params or {}).items():
            client.log_param(run, key, value)
        for key, value in (metrics or {}).items():
            client.log_metric(run, key, value)
        if status:
            client.set_terminated(run, status)
        return run

    assert store.trials(tmp_path / "none.db", "study_cells") == []
    assert store.trials(database, "study_cells") == []
    for status, factor in (("FINISHED", 2.0), ("FINISHED", 1.0), ("FAILED", 4.0)):
        parent = logged("study_cells", status=status)
        for cell, repetition, seconds in (("sru", 1, 3.0), ("gru", 1, 5.0), ("gru", 2, 6.2)):
            own = {"cell": cell, "repetition": repetition}
            took = {"seconds": factor * seconds, "test_loss": seconds}
            logged("study_cells trial", parent, params=own, metrics=took)
        task = {"cell": "gru", "task": "adding"}
        logged("study_cells trial", parent, params=task, metrics={"seconds": 100.0})
        time.sleep(0.01)
    logged("sweep_recurrent")
    found = store.trials(database, "study_cells")
    first = {"cell": "sru", "repetition": "1", "seconds": 3.0, "test_loss": 3.0}
    assert found[0] == first and len(found) == 4
    made = tmp_path / "trainings.csv"
    made.write_text("cell,seed,test_loss\nsru,1,3\ngru,1,5\ngru,2,6.2\n")
    assert publish._cell_seconds(found, made) == {"sru": 3.0, "gru": 5.0}
    made.write_text("cell,seed,test_loss\nsru,1,3\ngru,1,5\ngru,2,6.4\n")
    assert publish._cell_seconds(found, made) == {}, "those of other trainings"
    assert publish._cell_seconds(found, tmp_path / "none.csv") == {}
    run = pages.Run("hour", DOCS)
    monkeypatch.setitem(
        run.__dict__, "facts", {**run.facts, "cell_seconds": {"gru": 5.6, "sru": 3.0}}
    )
    perplexity = run.table("study_cells/cells").set_index("cell")["perplexity"]
    rows = re.findall(r"^\| (\w+) \| (\d\.\d) \|.* ([\d.]+) \|$", pages.page(run), re.MULTILINE)
    assert [*rows] == [
        ("SRU", "3.0", f"{perplexity['sru']:.1f}"), ("GRU", "5.6", f"{perplexity['gru']:.1f}"),
    ]  # fmt: skip
