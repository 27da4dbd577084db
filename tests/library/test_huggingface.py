"""A folder for the Hugging Face hub holds the model, loads elsewhere, and its card is true."""

import json
import subprocess
import sys

import numpy as np
import pytest
from huggingface_hub import ModelCard
from ruamel.yaml import YAML
from safetensors.numpy import load_file, save_file

import wordlab
from wordlab import cli
from wordlab.artifacts import md5, write_json
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.params.whole import load
from wordlab.recurrent.language_model import LanguageModel

WORDS = Vocabulary(("king", "[UNK]", "man", "rome"), np.array([9, 7, 2, 1]))
MATRIX = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 0], [0.1, 1, 1 / 3]], np.float32)
EMBEDDINGS = {
    "skipgram": {
        "wordsim353": {"spearman": 0.57, "low": 0.44, "high": 0.66, "n": 236, "pairs": 353},
        "analogy": {
            "n": 34,
            "questions": 195,
            "3cosadd": {"total": 0.046, "low": None, "high": None},
        },
    }
}
NETWORKS = {
    "gru": {
        "perplexity": 136.8, "low": 104.9, "high": 169.5, "ratio": 0.69, "ratio_low": 0.64,
        "ratio_high": 0.75, "symbols": 26902, "documents": 8,
    }
}  # fmt: skip
SOURCE = {"origin": "a | b", "licence": "CC BY-SA 3.0", "sha256": "a53f", "documents": 106}


@pytest.fixture
def checkout(tmp_path, repository, network, monkeypatch):
    """A repository with two models, their scores, and the dvc.lock that says so."""
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_bytes((repository / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    Vectors(WORDS, MATRIX, {"model": "word2vec"}).save(tmp_path / "data/models/skipgram")
    Vectors(WORDS, -MATRIX).save(tmp_path / "data/models/skipgram/seed_2")
    LanguageModel(network(cell="gru"), WORDS, "word", 1).save(tmp_path / "data/models/lm_gru")
    for path, value in {
        "data/raw/provenance.json": SOURCE,
        "reports/metrics/embeddings.json": EMBEDDINGS,
        "reports/metrics/language_models.json": NETWORKS,
    }.items():
        write_json(tmp_path / path, value)
    lock(tmp_path)
    return tmp_path


def lock(folder):
    """Write the dvc.lock of what is in `folder`."""
    params = load(folder / "params.yaml")
    both = {"seed": 1, "vector_seeds": 2}
    stages = {
        "download": ([], ["data/raw/provenance.json"], {}),
        "preprocess": ([], [], {"preprocess": params.preprocess.model_dump(mode="json")}),
        "train_word2vec@skipgram": (
            [],
            ["data/models/skipgram"],
            {**both, "word2vec.skipgram": {"rate": 0.025}},
        ),
        "train_lm@gru": ([], ["data/models/lm_gru"], {"seed": 1}),
        "evaluate_embeddings": (
            ["data/models/skipgram"],
            ["reports/metrics/embeddings.json"],
            {"evaluation": {"confidence": 0.9}},
        ),
        "evaluate_lm": (["data/models/lm_gru"], ["reports/metrics/language_models.json"], {}),
    }

    def listed(paths):
        return [{"path": path, "md5": md5(folder / path)} for path in paths]

    written = {
        name: {"deps": listed(deps), "outs": listed(outs), "params": {"params.yaml": params}}
        for name, (deps, outs, params) in stages.items()
    }
    YAML().dump({"schema": "2.0", "stages": written}, folder / "dvc.lock")


def export(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["wordlab", "export", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_word_vectors_load_back_and_in_gensim(checkout, monkeypatch):
    from gensim.models import KeyedVectors

    assert export(monkeypatch, "skipgram", "huggingface", "out") == 0
    again = wordlab.open("out")
    assert again.vocabulary.words == WORDS.words
    assert again.vocabulary.counts.tolist() == WORDS.counts.tolist()
    assert again.matrix.tobytes() == MATRIX.tobytes()
    assert again.vectors.description == {"model": "word2vec"}
    found = KeyedVectors.load_word2vec_format("out/vectors.txt.gz")
    assert found.index_to_key == list(WORDS.words)
    assert np.array_equal(found.vectors, MATRIX)


def test_the_same_model_gives_the_same_files_and_others_stay(checkout, monkeypatch):
    for name in ("one", "two"):
        (checkout / name).mkdir()
        (checkout / name / "own.txt").write_text("kept")
        assert export(monkeypatch, "skipgram", "huggingface", name) == 0
    assert export(monkeypatch, "skipgram", "huggingface", "two") == 0
    assert md5(checkout / "one") == md5(checkout / "two")
    assert (checkout / "two/own.txt").read_text() == "kept"
    assert {path.stat().st_mode & 0o777 for path in (checkout / "two").iterdir()} == {0o644}


def test_the_files_are_those_that_sentence_transformers_reads(checkout, monkeypatch):
    assert export(monkeypatch, "skipgram", "huggingface", "out") == 0
    (module,) = json.loads((checkout / "out/modules.json").read_text())
    assert module["type"] == "sentence_transformers.models.StaticEmbedding"
    assert module["path"] == ""
    (name, matrix), *others = load_file("out/model.safetensors").items()
    assert name == "embedding.weight" and not others
    assert np.array_equal(matrix, [*MATRIX, np.zeros(3)])
    tokenizer = json.loads((checkout / "out/tokenizer.json").read_text())
    words = tokenizer["model"]
    assert words["unk_token"] == "[[UNK]]"  # [UNK] is a word here
    assert words["vocab"] == {**WORDS.index, "[[UNK]]": 4}
    assert tokenizer["normalizer"]["normalizers"][0] == {"type": "Lowercase"}
    assert tokenizer["pre_tokenizer"]["pattern"] == {"Regex": r"\p{L}[\p{L}\p{M}]*"}


def test_sentence_transformers_and_spacy_read_them(checkout, monkeypatch):
    transformers = pytest.importorskip("sentence_transformers")
    spacy = pytest.importorskip("spacy")
    assert export(monkeypatch, "skipgram", "huggingface", "out") == 0
    read = transformers.SentenceTransformer("out", device="cpu")
    (row,) = read.encode(["The King, of ROME!"])
    assert np.allclose(row, MATRIX[[0, 3]].sum(axis=0) / 4, atol=1e-6)
    command = [sys.executable, "-m", "spacy", "init", "vectors", "en", "out/vectors.txt.gz", "en"]
    subprocess.run(command, check=True)
    assert np.array_equal(spacy.load(checkout / "en").vocab["rome"].vector, MATRIX[3])


def test_a_language_model_loads_back_and_reads_as_it_was_trained(checkout, monkeypatch, capsys):
    before = wordlab.open("gru")
    assert export(monkeypatch, "gru", "huggingface", "out/gru") == 0
    assert "lm_gru to out/gru" in capsys.readouterr().out
    (checkout / "params.yaml").write_text("")
    again = wordlab.open("out/gru")
    assert again.next_words("the KING") == before.next_words("the KING")
    assert again.generate("king", length=5) == before.generate("king", length=5)
    one, other = checkout / "out/gru", checkout / "data/models/lm_gru"
    assert md5(one / "model.safetensors") == md5(other / "model.safetensors")
    (one / "config.json").write_text('{"preprocess": {}}')
    with pytest.raises(UserError, match="config.json: damaged"):
        wordlab.open("out/gru")


def test_the_card_is_as_the_hub_reads_it_and_has_what_the_lock_says(checkout, monkeypatch):
    assert export(monkeypatch, "skipgram", "huggingface", "out") == 0
    text = (checkout / "out/README.md").read_text(encoding="utf-8")
    data = ModelCard(text).data
    assert data.license == "cc-by-sa-3.0"
    assert [one.metric_value for one in data.eval_results] == [0.57, 0.046]
    assert [one.dataset_type for one in data.eval_results] == ["wordsim353", "analogies"]
    for line in (
        "4 word vectors of 3 dimensions. By wordlab.",
        "| text | a \\| b |",
        "| sha256 | a53f |",
        "| on | measure | score | 90 % interval | of |",
        "| WordSim-353 | Spearman's rho | .570 | .440 to .660 | 236 of 353 pairs |",
        "| analogies | accuracy, 3CosAdd | .0460 | – | 34 of 195 questions |",
        "dvc repro train_word2vec@skipgram",
        f"| md5 of the output | `{md5(checkout / 'data/models/skipgram')}` |",
        "| seed | 1 |",
        "| `word2vec.skipgram.rate` | `0.025` |",
        "# put the settings below into params.yaml: no commit has this model",
    ):
        assert f"{line}\n" in text, line
    assert "means over 2 trainings that differ in their seed; this is the one of seed 1" in text


def test_the_card_of_a_language_model_has_its_scores(checkout, monkeypatch):
    assert export(monkeypatch, "lm_gru", "huggingface", "out") == 0
    text = (checkout / "out/README.md").read_text(encoding="utf-8")
    assert "| test split | perplexity | 137 | 105 to 170 | 26,902 symbols of 8 documents |" in text
    assert "It knows 4 words; all others are one symbol" in text
    assert ModelCard(text).data.pipeline_tag == "text-generation"


@pytest.mark.parametrize("changed", ["vectors", "scores"])
def test_a_card_says_nothing_of_other_bytes(checkout, monkeypatch, changed):
    if changed == "vectors":
        Vectors(WORDS, 2 * MATRIX).save(checkout / "data/models/skipgram")
    else:
        write_json(checkout / "reports/metrics/embeddings.json", {})
    assert export(monkeypatch, "skipgram", "huggingface", "out") == 0
    text = (checkout / "out/README.md").read_text(encoding="utf-8")
    assert "No score is known of these files" in text
    assert ModelCard(text).data.eval_results is None
    assert ("how is not known" in text) == (changed == "vectors")


def test_another_training_has_its_own_seed_and_a_part_no_record(checkout, monkeypatch):
    assert export(monkeypatch, "skipgram/seed_2", "huggingface", "second") == 0
    text = (checkout / "second/README.md").read_text(encoding="utf-8")
    assert "| seed | 1 |" not in text and "dvc repro train_word2vec@skipgram" in text
    assert export(monkeypatch, "skipgram", "huggingface", "part", "--words", "2") == 0
    assert "how is not known" in (checkout / "part/README.md").read_text(encoding="utf-8")
    assert len(wordlab.open("part")) == 2


@pytest.mark.parametrize("damage", ["cut", "other", "short", "whole numbers", "flat", "too large"])
def test_damage_is_one_line(checkout, monkeypatch, damage):
    assert export(monkeypatch, "skipgram", "huggingface", "out") == 0
    weights = checkout / "out/model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-4])
    else:
        rows = np.concatenate([MATRIX, MATRIX[:1]])
        name, found = {
            "short": ("embedding.weight", MATRIX),
            "other": ("other", MATRIX),
            "whole numbers": ("embedding.weight", rows.astype(np.int32)),
            "flat": ("embedding.weight", rows[:, 0]),
            "too large": ("embedding.weight", rows.astype(np.float64) * 1e300),
        }[damage]
        save_file({name: np.ascontiguousarray(found)}, weights)
    with pytest.raises(UserError, match="out/model.safetensors: damaged") as raised:
        wordlab.open("out")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_numbers_of_another_size_become_float32(checkout, monkeypatch, kind):
    assert export(monkeypatch, "skipgram", "huggingface", "out") == 0
    rows = np.concatenate([MATRIX, MATRIX[:1]]).astype(kind)
    save_file({"embedding.weight": rows}, checkout / "out/model.safetensors")
    found = wordlab.open("out")
    assert found.matrix.dtype == np.float32
    assert np.array_equal(found.matrix, MATRIX.astype(kind).astype(np.float32))


def test_nothing_of_a_persons_or_of_the_pipelines_is_replaced(checkout, monkeypatch, capsys):
    (checkout / "mine").mkdir()
    (checkout / "mine/README.md").write_text("mine")
    assert export(monkeypatch, "skipgram", "huggingface", "mine") == 1
    error = "mine/README.md: not written by `wordlab export`; expected a new folder"
    assert error in capsys.readouterr().err
    assert [path.name for path in (checkout / "mine").iterdir()] == ["README.md"]
    assert (checkout / "mine/README.md").read_text() == "mine"
    before = md5(checkout / "data/models/skipgram")
    for model, folder in (("gru", "skipgram"), ("skipgram", "lm_gru"), ("skipgram", "skipgram")):
        assert export(monkeypatch, model, "huggingface", f"data/models/{folder}") == 1
    assert md5(checkout / "data/models/skipgram") == before
    assert export(monkeypatch, "skipgram", "huggingface", "out") == 0
    capsys.readouterr()
    assert export(monkeypatch, "out", "huggingface", "out") == 1
    assert "out: the model itself; expected another folder" in capsys.readouterr().err
    assert export(monkeypatch, "gru", "huggingface", "new", "--words", "2") == 1
    assert (
        "a language model is whole" in capsys.readouterr().err and not (checkout / "new").exists()
    )


def test_two_kinds_of_models_do_not_share_a_folder(checkout, monkeypatch, capsys):
    assert export(monkeypatch, "gru", "huggingface", "out") == 0
    assert export(monkeypatch, "skipgram", "huggingface", "out") == 1
    assert (
        "out: holds another model, or no config.json of it; expected a new folder"
        in capsys.readouterr().err
    )
    assert not list((checkout / "out").glob(".partial*"))
