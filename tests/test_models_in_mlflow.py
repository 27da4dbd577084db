"""Trained models in MLflow: what is kept of them, what they answer, who is champion."""

import errno
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from unittest.mock import Mock

import mlflow
import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import scoring_server
from sqlalchemy import event, orm
from starlette.testclient import TestClient

from wordlab import artifacts
from wordlab.asking import words
from wordlab.asking.prediction import predict
from wordlab.asking.surprisal import measure
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.params import flatten
from wordlab.params.whole import load
from wordlab.pipeline import answering, tracking, trained
from wordlab.pipeline.models import registered
from wordlab.pipeline.stage import Stage, _log_models
from wordlab.recurrent.language_model import LanguageModel

KNOWN = Vocabulary(
    ("the", "king", "queen", "man", "woman", "paris"), np.array([60, 50, 40, 30, 20, 10])
)
FILES = {
    "MLmodel",
    "input_example.json",
    "model.py",
    "python_env.yaml",
    "requirements.txt",
    "serving_input_example.json",
}


def vectors(seed):
    matrix = np.random.default_rng(seed).normal(size=(len(KNOWN), 4)).astype(np.float32)
    return Vectors(KNOWN, matrix, {"model": "word2vec"})


class Checkout:
    """A folder with small models, which the stages of a pass log as `tracking` does."""

    def __init__(self, folder, params, network):
        self.folder, self.params = folder, params
        (folder / "dvc.yaml").write_text("stages: {}\n")
        vectors(1).save(folder / "data/models/skipgram")
        LanguageModel(network(), KNOWN, level="word", seed=1).save(folder / "data/models/lm_gru")
        self.opened = 0

    def session(self, stage):
        self.opened += 1
        return tracking.Session(stage, "a pass", None, {"seed": 1}, {"dvc.experiment": "workspace"})

    def log(self, name):
        """Log the model `name` as a run of its own; return its md5."""
        path = Path("data/models") / name
        session, digest = self.session(f"train {name}"), artifacts.md5(path)
        session.inputs({"data/processed/corpus": "c0ffee"})
        (model,) = trained.models(path)
        described = {
            "name": model.name, "kind": model.kind, "path": model.path, "within": model.within,
            "example": model.example, "md5": digest, "params": {"rate": 0.5},
            "preprocess": self.params.preprocess.model_dump(mode="json"),
            "checkout": str(self.folder),
        }  # fmt: skip
        session.model(described, {"loss": 2.0}, "data/processed/corpus", 1)
        session.finish("FINISHED")
        return digest

    def score(self, name, value, better, answers):
        """Log a score of the model that is at its place now; return what the champion answered."""
        path = f"data/models/{name}"
        session = self.session("evaluate")
        session.inputs({path: artifacts.md5(Path(path))})
        session.child(name)
        before = session.champion(path, str(self.folder / "before"))
        kept = self.folder / trained.ANSWERS
        np.savez(kept, right=answers)
        session.scored(
            path, 1, {"wordsim353": value}, {"wordsim353": "b0b"}, str(kept), better, "by .1.", 1
        )
        session.finish("FINISHED")
        return None if before is None else np.load(before)["right"].tolist()

    def client(self):
        return tracking._connect()

    def model(self, name, version="latest"):
        mlflow.set_tracking_uri(self.client()[0].tracking_uri)
        return mlflow.pyfunc.load_model(f"models:/{registered(name)}/{version}")


@pytest.fixture
def checkout(tmp_path, monkeypatch, repository, network):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    before = mlflow.get_tracking_uri()
    yield Checkout(tmp_path, load(repository / "params.yaml"), network)
    mlflow.set_tracking_uri(before)


def test_a_model_is_logged_once_with_its_md5_and_without_a_pickle(checkout):
    digest = checkout.log("skipgram")
    assert checkout.log("skipgram") == digest
    client, experiment = checkout.client()
    (model,) = client.search_logged_models([experiment])
    assert model.tags["dvc.md5"] == digest
    assert model.params == {"rate": "0.5"}
    assert model.status == "READY"
    assert json.loads(model.tags["mlflow.modelVersions"]) == [
        {"name": registered("skipgram"), "version": 1}
    ]
    (loss,) = model.metrics
    assert (loss.key, loss.value) == ("loss", 2.0)
    assert (loss.dataset_name, loss.dataset_digest) == ("data/processed/corpus", "c0ffee")
    runs = client.search_runs([experiment], "tags.`wordlab.stage` = 'train skipgram'")
    assert [[made.model_id for made in run.outputs.model_outputs] for run in runs] == [
        [model.model_id]
    ] * 2
    kept = {path for path in (checkout.folder / "mlartifacts").rglob("*") if path.is_file()}
    assert {path.name for path in kept} - {"registered_model_meta"} == FILES
    for path in kept:
        assert b"pickle" not in path.read_bytes().lower()
        assert path.stat().st_size < 5000
    pinned = next(path for path in kept if path.name == "requirements.txt").read_text()
    assert f"numpy=={np.__version__}\n" in pinned
    assert all("==" in line for line in pinned.splitlines())


def test_a_model_that_was_logged_by_half_is_logged_again(checkout, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(
            mlflow.MlflowClient, "log_model_artifacts", Mock(side_effect=KeyboardInterrupt)
        )
        checkout.log("skipgram")
    assert checkout.log("skipgram") == checkout.log("skipgram")
    client, experiment = checkout.client()
    models = client.search_logged_models([experiment])
    assert sorted(str(model.status) for model in models) == ["PENDING", "READY"]


def test_an_artifact_that_has_no_room_is_told_as_such(checkout, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device", "mlartifacts")
    monkeypatch.setattr(mlflow.MlflowClient, "log_text", Mock(side_effect=full))
    here, there = socket.socketpair()
    begin = {"stage": "a stage", "key": "a pass", "name": None, "params": {}, "tags": {}}
    text = {"run": 0, "text": "of a stage", "name": "a.txt", "folder": ""}
    with here, there, there.makefile("rw", encoding="utf-8") as stream:
        here.sendall(
            "".join(f"{json.dumps(x)}\n" for x in (["begin", begin], ["text", text])).encode()
        )
        here.shutdown(socket.SHUT_WR)
        tracking.log(stream)
        told = here.recv(1000).decode()
    assert told.startswith("MLflow could not store the run ([Errno 28] No space left on device")


def test_two_stages_that_record_one_dataset_at_the_same_moment(checkout):
    one, other = checkout.session("one stage"), checkout.session("other stage")
    read = {"data/processed/corpus": "c0ffee"}
    # the other is between one's look for the dataset and its insertion
    event.listen(orm.Session, "before_flush", lambda *_: other.inputs(read), once=True)
    one.inputs(read)
    client, _ = checkout.client()
    for session in (one, other):
        (found,) = client.get_run(session.runs[0].id).inputs.dataset_inputs
        assert (found.dataset.name, found.dataset.digest) == ("data/processed/corpus", "c0ffee")
        session.finish("FINISHED")


def test_a_stage_that_is_killed_as_it_sends_ends_its_run_alone(checkout):
    here, there = socket.socketpair()
    begin = {"stage": "a stage", "key": "a pass", "name": None, "params": {}, "tags": {}}
    with here, there, there.makefile("rw", encoding="utf-8") as stream:
        here.sendall((json.dumps(["begin", begin]) + '\n["text", {"te').encode())
        here.shutdown(socket.SHUT_WR)
        tracking.log(stream)
    client, experiment = checkout.client()
    (run,) = client.search_runs([experiment], "tags.`wordlab.stage` = 'a stage'")
    assert run.info.status == "KILLED"


def test_vectors_answer_as_the_command_does(checkout):
    checkout.log("skipgram")
    model, (space, _) = checkout.model("skipgram"), words.load(Path("data/models/skipgram"))
    near = words.neighbours(space, "king", 2)
    asked = model.predict([{"words": "King"}, {"words": "man"}], params={"number": 2})
    assert [(row["word"], row["cosine"]) for row in asked[0]] == near
    assert len(asked) == 2
    (cosine,) = model.predict([{"words": "king queen"}], params={"task": "cosine"})
    assert cosine == words.cosine(space, "king", "queen")
    (answers,) = model.predict([{"words": "man king woman"}], params={"task": "analogy"})
    assert answers[0]["word"] == words.analogy(space, "man", "king", "woman", 1)[0][0]
    (rows,) = model.predict([{"words": "king man"}], params={"task": "vectors"})
    assert rows == space.vectors.matrix[[1, 3]].tolist()
    with pytest.raises(MlflowException, match="kin: not in the vocabulary of 6 words; near it: ki"):
        model.predict([{"words": "kin"}])
    with pytest.raises(MlflowException, match="task 'cosine' with 1 words; expected neighbours"):
        model.predict([{"words": "king"}], params={"task": "cosine"})


def test_a_language_model_answers_as_the_command_does(checkout):
    checkout.log("lm_gru")
    model = checkout.model("lm_gru")
    own = LanguageModel.load(Path("data/models/lm_gru"))
    (next_one,) = model.predict([{"text": "the king"}], params={"number": 3})
    expected = predict(own, "the king", checkout.params.preprocess, 3).likeliest
    assert [one["probability"] for one in next_one["likeliest"]] == [
        one.probability for one in expected
    ]
    (read,) = model.predict([{"text": "The queen."}], params={"task": "surprisal"})
    assert read["bits"] == measure(own, [["the queen"]]).bits
    assert [token["text"] for token in read["tokens"]] == ["the", "queen", None]
    given = {"task": "complete", "length": 4, "strategy": "greedy"}
    (text,) = model.predict([{"text": "the king"}], params=given)
    assert text.startswith("the king ")
    with pytest.raises(MlflowException, match="no token of the kind"):
        model.predict([{"text": "..."}], params={"task": "surprisal"})


def test_a_server_of_a_model_answers_its_example_and_a_mistake_in_one_line(checkout):
    checkout.log("skipgram")
    model = checkout.model("skipgram")
    client = TestClient(scoring_server.init(model))
    example = next(checkout.folder.rglob("serving_input_example.json")).read_text()
    head = {"Content-Type": "application/json"}
    answer = client.post("/invocations", content=example, headers=head)
    assert answer.status_code == 200
    assert len(answer.json()["predictions"][0]) == len(KNOWN) - 1
    wrong = json.dumps({"dataframe_records": [{"words": "kin"}]})
    answer = client.post("/invocations", content=wrong, headers=head)
    assert answer.status_code == 400
    assert "kin: not in the vocabulary" in answer.json()["message"]


def test_bytes_are_those_that_were_logged_or_none(checkout):
    digest = checkout.log("skipgram")
    place = checkout.folder / "data/models/skipgram"
    cache = checkout.folder / ".dvc/cache/files/md5"
    entries = [
        {"md5": artifacts.md5(file), "relpath": file.name} for file in sorted(place.iterdir())
    ]
    for name, content in [
        *((entry["md5"], (place / entry["relpath"]).read_bytes()) for entry in entries),
        (digest, json.dumps(entries, sort_keys=True).encode()),
    ]:
        (cache / name[:2]).mkdir(parents=True, exist_ok=True)
        (cache / name[:2] / name[2:]).write_bytes(content)
    vectors(2).save(place)  # another training
    (rows,) = checkout.model("skipgram").predict([{"words": "king"}], params={"task": "vectors"})
    assert rows == vectors(1).matrix[[1]].tolist()
    (cache / digest[:2] / digest[2:]).unlink()
    problem = "data/models/skipgram: not here as it was logged, .*`dvc pull data/models/skipgram`"
    with (
        pytest.raises(UserError, match=problem),
        answering.located("data/models/skipgram", digest, checkout.folder),
    ):
        pass
    assert vectors(2).matrix.tolist() == Vectors.load(place).matrix.tolist()


def test_the_champion_is_replaced_by_a_better_one_alone(checkout):
    place = checkout.folder / "data/models/skipgram"
    champions = []
    for seed, better in ((1, None), (2, False), (3, True), (4, None)):
        vectors(seed).save(place)
        checkout.log("skipgram")
        before = checkout.score("skipgram", seed / 10, better, [seed])
        champions.append(before)
    assert champions == [None, [1], [1], [3]]
    assert checkout.score("skipgram", 0.4, None, [4]) == [3]
    client, experiment = checkout.client()
    name = registered("skipgram")
    champion = client.get_model_version_by_alias(name, "champion")
    assert champion.version == 3
    assert champion.description.endswith(
        "Against version 1, champion then: by .1. This one is champion now."
    )
    assert client.get_model_version(name, "2").description.endswith("Version 1 stays it.")
    order = [{"field_name": "metrics.wordsim353", "ascending": False}]
    found = client.search_logged_models([experiment], order_by=order)
    scores = [next(m.value for m in model.metrics if m.key == "wordsim353") for model in found]
    assert scores == [0.4, 0.3, 0.2, 0.1]


@pytest.mark.parametrize("switch", ["", "false"])
def test_models_are_kept_out_of_mlflow_on_demand(checkout, monkeypatch, switch):
    monkeypatch.setenv(trained.SWITCH, switch)
    sent = []

    class Kept:
        def model(self, *arguments):
            sent.append(arguments)

    path = Path("data/models/skipgram")
    stage = Stage("train", "", checkout.params, Kept(), [Path("data/corpus")], {path: path}, None)
    stage.settings_of[""] = {"rate": 0.5}
    _log_models(stage, {str(path): "0", "reports/metrics/a.json": "1"})
    assert len(sent) == (not switch)
    if sent:
        ((model, _, learned_from),) = sent
        assert model["params"] == flatten({"rate": 0.5})
        assert learned_from == "data/corpus"


@pytest.fixture
def server(tmp_path_factory, monkeypatch):
    """The address of an `mlflow server` of its own."""
    folder = tmp_path_factory.mktemp("server")
    port = _free_port()
    command = [shutil.which("mlflow") or str(Path(sys.executable).with_name("mlflow")), "server"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/runs.db"]
    command += ["--artifacts-destination", (folder / "artifacts").as_uri()]
    given = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = subprocess.Popen(
        command, env=given, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    _wait_for(f"{address}/health", process)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    yield address
    process.terminate()
    process.wait()


def _wait_for(address, process):
    """Wait until a server answers, as long as its process is there."""
    deadline = time.monotonic() + 180
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, "no server"
            time.sleep(0.2)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_models_are_logged_scored_and_loaded_by_a_server(server, checkout):
    digest = checkout.log("skipgram")
    assert checkout.score("skipgram", 0.1, None, [1]) is None
    vectors(2).save(checkout.folder / "data/models/skipgram")
    checkout.log("skipgram")
    assert checkout.score("skipgram", 0.2, True, [2]) == [1]
    client, experiment = checkout.client()
    order = [{"field_name": "metrics.wordsim353", "ascending": False}]
    best, first = client.search_logged_models([experiment], order_by=order)
    assert first.tags["dvc.md5"] == digest != best.tags["dvc.md5"]
    assert client.get_model_version_by_alias(registered("skipgram"), "champion").version == "2"
    (rows,) = checkout.model("skipgram").predict([{"words": "king"}], params={"task": "vectors"})
    assert rows == vectors(2).matrix[[1]].tolist()
    assert not (checkout.folder / "mlflow.db").exists()


def test_a_served_model_answers_what_curl_sends_in_the_docs(checkout, repository):
    """By the server that `mlflow models serve` starts, in a process of its own."""
    checkout.log("skipgram")
    (model,) = checkout.folder.rglob("MLmodel")
    docs = (repository / "docs/mlflow.md").read_text(encoding="utf-8")
    sent = re.search(r"5001/(\w+) -H '(.*): (.*)' \\\n +-d '(.*)'$", docs, re.MULTILINE)
    path, head, kind, body = sent.groups()
    assert "england english spain" in body
    body = body.replace("england english spain", "man king woman")  # of the words of this model
    port = _free_port()
    command, given = scoring_server.get_cmd(str(model.parent), port, "127.0.0.1", nworkers=1)
    process = subprocess.Popen(
        [sys.executable, "-m", *shlex.split(command)],
        env=given | {"PYTHONPATH": str(repository / "src")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/ping", process)
        address = f"http://127.0.0.1:{port}/{path}"
        request = urllib.request.Request(address, body.encode(), {head: kind})
        with urllib.request.urlopen(request, timeout=60) as answer:
            (found,) = json.load(answer)["predictions"]
    finally:
        process.terminate()
        process.wait()
    own = words.analogy(words.load(Path("data/models/skipgram"))[0], "man", "king", "woman", 10)
    assert [(row["word"], row["cosine"]) for row in found] == own
