"""The commands that ask a language model, as a person types them."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from wordlab import cli
from wordlab.asking.pairs import BUILT_IN
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import Notice
from wordlab.recurrent.batches import alphabet
from wordlab.recurrent.language_model import LanguageModel

WORDS = Vocabulary(("the", "king", "of", "spain"), np.array([4, 3, 2, 1]))


@pytest.fixture
def checkout(tmp_path, monkeypatch, repository, network):
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(repository / name, tmp_path)
    models = {
        "lm_gru": LanguageModel(network(cell="gru"), WORDS, "word", seed=1),
        "lm_rnn": LanguageModel(network(cell="rnn"), WORDS, "word", seed=2),
        "lm_char": LanguageModel(network(), alphabet(["the king"], min_count=1), "character", 1),
    }
    for name, model in models.items():
        model.save(tmp_path / "data/models" / name)
    (tmp_path / "texts/deep").mkdir(parents=True)
    (tmp_path / "texts/own.txt").write_text("The king. Of Spain!\n")
    monkeypatch.chdir(tmp_path / "texts/deep")
    return tmp_path


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["wordlab", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def typed(*arguments, **options):
    command = [sys.executable, "-m", "wordlab", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_a_text_is_measured_from_any_folder(checkout, monkeypatch, capsys):
    assert run(monkeypatch, "surprisal", "../own.txt") == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0] == "sentence\tplace\ttoken\tknown\tsurprisal\tprobability\trank"
    assert [line.split("\t")[2] for line in lines[1:]] == [
        "the",
        "king",
        "</s>",
        "of",
        "spain",
        "</s>",
    ]
    assert shown.err.startswith("GRU: perplexity ") and shown.err.count("\n") == 1
    assert "6 tokens, 2 of them ends of sentences; no unknown word" in shown.err


def test_the_page_lies_where_the_person_is(checkout, monkeypatch, capsys):
    own = ["surprisal", "../own.txt", "--model", "lm_char", "--html", "made/page.html"]
    assert run(monkeypatch, *own) == 0
    assert "own.txt to made/page.html" in capsys.readouterr().out
    content = (checkout / "texts/deep/made/page.html").read_text(encoding="utf-8")
    assert "GRU, characters" in content


def test_standard_input_is_read_and_a_reader_may_leave(checkout):
    (checkout / "long.txt").write_text("the king of spain\n" * 1000)
    own = f"{sys.executable} -m wordlab surprisal - --streams 16 < {checkout}/long.txt | head -n 2"
    done = subprocess.run(own, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1].split("\t")[:4] == ["1", "1", "the", "yes"]
    assert "Traceback" not in done.stderr and "rror" not in done.stderr


def test_the_next_words_are_a_table_or_json(checkout, monkeypatch, capsys):
    assert run(monkeypatch, "predict", "The king, of", "-n", "3", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["read"] == "the king of" and found["unknown"] == []
    p = [one["probability"] for one in found["likeliest"]]
    assert p == sorted(p, reverse=True) and sum(p) + found["rest"] == pytest.approx(1)
    said = "unknown to the model, which reads each as the unknown word: queen, zzz"
    with pytest.warns(Notice, match=said):
        assert run(monkeypatch, "predict", "the queen of zzz", "-n", "6") == 0
    rows = [line.split(" %  ") for line in capsys.readouterr().out.splitlines()]
    kinds = {"(unknown)", "(end of sentence)", "(all others)"}
    assert {name for _, name in rows} == kinds | set(WORDS.words)
    assert sum(float(p) for p, _ in rows) == pytest.approx(100, abs=0.01)


def test_what_is_predicted_is_what_greedy_text_goes_on_with(checkout, monkeypatch, capsys):
    for prompt in ("the king", "", "The king. Of"):
        assert run(monkeypatch, "predict", prompt, "--json") == 0
        likeliest = json.loads(capsys.readouterr().out)["likeliest"]
        best = next(one for one in likeliest if one["kind"] != "unknown")
        own = ["generate", "--prompt", prompt, "--strategy", "greedy", "--length", "1"]
        assert run(monkeypatch, *own) == 0
        text = capsys.readouterr().out
        assert text.endswith("\n\n" if best["text"] is None else f"{best['text']}\n")


def test_a_beginning_of_characters_keeps_the_space_at_its_end(checkout, monkeypatch, capsys):
    read = []
    for prompt in ("the", "the ", "the \n"):
        assert run(monkeypatch, "predict", prompt, "-m", "char", "--json") == 0
        read.append(json.loads(capsys.readouterr().out)["read"])
    assert read == ["the", "the ", "the\n"]


def test_a_cache_changes_what_is_drawn_but_not_at_weight_0(checkout, monkeypatch, capsys):
    texts = []
    for own in ([], ["--cache", "--cache-weight", "0"], ["--cache", "--cache-weight", "0.9"]):
        assert run(monkeypatch, "generate", "--prompt", "the king", "--length", "30", *own) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != texts[2]
    assert run(monkeypatch, "generate", "--cache", "--strategy", "beam") == 1
    assert "strategy: a beam has several texts" in capsys.readouterr().err


def test_models_are_scored_on_the_shipped_pairs_and_compared(checkout, monkeypatch, capsys):
    models = ["-m", "gru", "-m", "lm_rnn", "-m", "char"]
    assert run(monkeypatch, "score", *models, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    pairs = BUILT_IN.read_text().count("\n") - 2
    assert found["chance"] == 0.5
    assert list(found["models"]) == ["GRU", "RNN", "GRU, characters"]
    assert {model["all"]["pairs"] for model in found["models"].values()} == {pairs}
    assert found["models"]["GRU"]["all"]["unknown"] == pairs  # four words are known
    assert found["models"]["GRU"]["all"]["known"]["pairs"] == 0
    assert len(found["comparisons"]) == 3
    assert run(monkeypatch, "score", *models) == 0
    shown = capsys.readouterr().out
    assert "agreement across an attractor" in shown and "Chance is .50" in shown
    assert "GRU less RNN" in shown


def test_models_of_one_title_are_compared_and_one_model_is_scored_once(
    checkout, monkeypatch, capsys
):
    with pytest.warns(Notice, match="lm_gru: the same model as gru, scored once"):
        assert run(monkeypatch, "score", "-m", "gru", "-m", "lm_gru", "--json") == 0
    assert list(json.loads(capsys.readouterr().out)["models"]) == ["GRU"]
    shutil.copytree(checkout / "data/models/lm_rnn", checkout / "texts/deep/gru")
    monkeypatch.chdir(checkout / "texts/deep")
    assert run(monkeypatch, "score", "-m", "gru", "-m", "lm_gru", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["models"]) == ["GRU", "lm_gru"] and len(found["comparisons"]) == 1


@pytest.mark.parametrize("command", [["generate", "--length", "2"], ["predict"]])
def test_torch_has_one_thread_whatever_is_asked(checkout, monkeypatch, command):
    seen, before = [], LanguageModel.initial_state

    def state(*own):
        seen.append(torch.get_num_threads())
        return before(*own)

    monkeypatch.setattr(LanguageModel, "initial_state", state)
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert run(monkeypatch, *command) == 0
    finally:
        torch.set_num_threads(usual)
    assert set(seen) == {1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["surprisal", "none.txt"], "none.txt: no such file; expected a text"),
        (["surprisal", ".."], "..: a folder; expected a text"),
        (
            ["surprisal", "../own.txt", "-m", "x"],
            "x: no such model; expected one of char, gru, rnn",
        ),
        (
            ["surprisal", "../own.txt", "--html", ".."],
            "..: cannot be written (Is a directory); exp",
        ),
        (["score", "../own.txt"], "own.txt, line 1: 1 column; expected a right and a wrong"),
        (["score", "-m", "x"], "x: no such model; expected one of char, gru, rnn"),
        (["predict", "-m", "x"], "x: no such model; expected one of char, gru, rnn"),
        (
            ["generate", "--prompt", "123 !!"],
            "prompt: no token of the kind 'letters' in '123 !!'; expected one, or none",
        ),
        (["predict", "..."], "prompt: no token of the kind 'letters' in '...'; expected one"),
        (
            ["surprisal", "../own.txt", "--html", "../own.txt"],
            "own.txt: the file that is read; expected another one to write",
        ),
        (
            ["generate", "--cache-weight", "0.3"],
            "--cache-weight: a setting of the cache; expected --cache too",
        ),
        (
            ["generate", "--strategy", "greedy", "--top-k", "3"],
            "top_k: a setting of the strategy sample; expected strategy sample, got greedy",
        ),
        (["generate", "--beam-width", "3"], "beam_width: a setting of the strategy beam"),
        (["generate", "--prompt", "a zzz"], "prompt: words unknown to the model: a, zzz; expected"),
    ],
)
def test_a_mistake_gets_one_line(checkout, monkeypatch, capsys, arguments, message):
    assert run(monkeypatch, *arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("wordlab: ") and message in error and error.count("\n") == 1


def test_params_that_are_not_those_of_the_last_run_are_named(checkout, monkeypatch, capsys):
    lock = "stages:\n  preprocess:\n    params:\n      params.yaml:\n        preprocess:\n"
    (checkout / "dvc.lock").write_text(f"{lock}          lowercase: true\n          gone: 1\n")
    assert run(monkeypatch, "predict", "the") == 0
    assert capsys.readouterr().err == ""
    (checkout / "dvc.lock").write_text(f"{lock}          lowercase: false\n")
    with pytest.warns(Notice, match="preprocess in params.yaml is not what dvc.lock has"):
        assert run(monkeypatch, "predict", "the") == 0


@pytest.mark.parametrize("content", ["", "stages: [", "stages:\n  preprocess: 1\n"])
def test_a_damaged_lock_is_one_line(checkout, monkeypatch, capsys, content):
    (checkout / "dvc.lock").write_text(content)
    assert run(monkeypatch, "predict", "the") == 1
    told = "wordlab: dvc.lock: empty or damaged; `git checkout dvc.lock` brings the committed one"
    assert capsys.readouterr().err == f"{told} back\n"


def test_the_shell_completes_commands_and_models(checkout):
    environment = {**os.environ, "_WORDLAB_COMPLETE": "complete_bash"}
    for words, expected in (("wordlab su", "surprisal"), ("wordlab score --model g", "gru")):
        count = str(len(words.split()) - 1)
        own = {**environment, "COMP_WORDS": words, "COMP_CWORD": count}
        assert typed(env=own).stdout.split() == [expected]
