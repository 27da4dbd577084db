"""Names that people give, of methods, prompts and sections of questions, in MLflow."""

from io import BytesIO

import matplotlib
import mlflow
import pytest
from matplotlib.figure import Figure
from mlflow.utils.validation import _validate_metric_name, _validate_param_name

from wordlab.pipeline.legal import file_name, legal, shortened
from wordlab.pipeline.recorder import _pass
from wordlab.pipeline.runs import Run
from wordlab.report.figures.style import STYLE

ODD = [
    "dropout (50%)",
    "a//b", "/a", "a/", "../a", "..", ".", "a/./b", "",
    "x" * 220 + ".accuracy." + "y" * 40,
    "café №5 (ø)", "tab\tline\n", "a@b[0]{c}=d", "日本" * 200,
]  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_any_name_becomes_one_that_mlflow_takes(name: str) -> None:
    for kept in (legal(name), legal(f"methods.{name}.dropout")):
        _validate_metric_name(kept)
        _validate_param_name(kept)
        assert len(kept) <= 250


def test_names_that_are_legal_stay_and_others_stay_apart() -> None:
    for name in ("analogy.3cosadd.total", "length 50", "kneser-ney", "best combination", "a/b.c"):
        assert legal(name) == name == shortened(name)
    names = ["50 (%)", "50 [%]", "50 {%}", "a" * 300, "a" * 300 + "b", "a b", "a_b", "a/b", "a//b"]
    assert len({legal(name) for name in names}) == len(names)
    assert legal("50 (%)").startswith("50 ___ ")


def test_a_run_keeps_what_has_odd_names(tmp_path) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.create_experiment("e", artifact_location=(tmp_path / "kept").as_uri())
    run = Run(client, client.create_run(experiment, run_name=shortened("n" * 400)).info.run_id)
    odd = {name: number for number, name in enumerate(ODD)}
    run.params({"methods": odd})
    run.metrics({"sections": odd}, 0)
    run.tags({name: "x" for name in ODD if name})
    sixty = " ".join(["prompt"] * 60)
    names = [
        f"gru {prompt}.txt" for prompt in (sixty, sixty + "s", "and/or", "and?or", "../..", "")
    ]
    for name in names:
        run.text(name, name, "samples")
    run.end("FINISHED")
    kept = client.get_run(run.id)
    assert sorted(map(int, kept.data.params.values())) == list(range(len(ODD)))
    assert sorted(kept.data.metrics.values()) == list(range(len(ODD)))
    files = client.list_artifacts(run.id, "samples")
    assert len({file.path for file in files}) == len(names)
    assert (tmp_path / "kept" / run.id / "artifacts" / "samples" / "gru .txt").read_text() == names[
        -1
    ]


def test_the_name_of_a_file_keeps_its_ending_and_its_letters() -> None:
    for name in (
        "gru the history of.txt",
        "report.html",
        "gru días, y 'no'.txt",
        "gru he was..txt",
    ):
        assert file_name(name) == name
    long = file_name("ж" * 500 + ".txt")
    assert len(long.encode()) <= 255 and long.endswith(".txt")


def test_an_experiment_with_a_quote_in_its_name_is_found_again(monkeypatch) -> None:
    monkeypatch.setenv("DVC_EXP_NAME", "what's new")
    assert "'" not in _pass(None)[0]


def test_a_name_with_dollars_is_drawn_as_it_is() -> None:
    with matplotlib.rc_context(STYLE):
        figure = Figure()
        figure.text(0.5, 0.5, "costs $x^{$ more")  # no formula, which would fail
        figure.savefig(BytesIO(), format="png")
