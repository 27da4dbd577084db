"""Whatever happens to an artifact, its reader says so in one line, and no reader crashes."""

import errno
import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from wordlab import artifacts
from wordlab.corpus import corpus
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.counts import sparse
from wordlab.embeddings.counts.sparse import WordMatrix
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.params.whole import load
from wordlab.recurrent.batches import read_documents
from wordlab.recurrent.language_model import LanguageModel
from wordlab.text import counting, documents

WORDS = Vocabulary(("the", "of", "and", "in", "naïve"), np.array([9, 7, 5, 3, 1]))
REPOSITORY = Path(__file__).resolve().parents[1]


def text(folder):
    (folder / "train.txt").write_text("the of naïve\nin and\n\nthe of\n\n", encoding="utf-8")


def encoded(folder):
    ends = np.array([3, 5, 7])
    EncodedCorpus(np.array([0, 1, 4, -1, 2, 0, 1], np.int32), ends, ends[1:]).save(folder)


def counts(folder):
    rows = np.arange(1, 26, dtype=np.float32).reshape(5, 5)
    WordMatrix(WORDS, csr_array(rows)).save(folder)


def vectors(folder):
    matrix = np.arange(20, dtype=np.float32).reshape(5, 4)
    Vectors(WORDS, matrix, {"model": "glove"}).save(folder)


def language_model(folder):
    params = load(REPOSITORY / "params.yaml").language_model.gru
    small = params.model_copy(
        update={"embedding_size": 4, "hidden_size": 4, "layers": 1, "adaptive_cutoffs": []}
    )
    LanguageModel(small, WORDS, "word", seed=1).save(folder)


def raw(folder):
    some = [documents.Document("A", "the of"), documents.Document(None, "and naïve " * 40)]
    documents.write(folder / "documents.parquet", some)


def table(folder):
    trials = pd.DataFrame({"model": ["gru"] * 3, "valid_loss": [4.0, 3.5, 3.25]})
    artifacts.write_table(folder / "trials.csv", trials)
    artifacts.write_exact(folder / "trials.parquet", trials)
    artifacts.write_json(folder / "metrics.json", {"gru": {"perplexity": 137.5}})


KINDS = {
    "vocabulary": (lambda at: WORDS.save(at / "vocabulary.tsv"),
                   lambda at: Vocabulary.load(at / "vocabulary.tsv")),
    "text": (text, lambda at: (list(counting.shards(at / "train.txt")),
                               read_documents(at / "train.txt"),
                               list(corpus.read(at / "train.txt")))),
    "corpus": (encoded, lambda at: EncodedCorpus.load(at, WORDS).known()),
    "counts": (counts, lambda at: sparse.multiply_rows(
        (found := WordMatrix.load(at).matrix).data, found.indices, found.indptr,
        np.ones((5, 2), np.float32), np.empty((5, 2), np.float32), 0, 5)),
    "vectors": (vectors, lambda at: Vectors.load(at).neighbours("the")),
    "language model": (language_model, lambda at: LanguageModel.load(at)),
    "documents": (raw, lambda at: documents.lengths(at / "documents.parquet")),
    "tables": (table, lambda at: (artifacts.read_table(at / "trials.csv"),
                                  artifacts.read_exact(at / "trials.parquet", ["valid_loss"]),
                                  artifacts.read_json(at / "metrics.json"))),
}  # fmt: skip
"""What writes each kind of artifact into a folder, and what reads it from there."""
DAMAGES = {
    "gone": None,
    "emptied": lambda content: b"",
    "halved": lambda content: content[: len(content) // 2],
    "junk": lambda content: bytes(range(256)),
    "cut by one byte": lambda content: content[:-1],
    "zeros": lambda content: bytes(len(content)),
    "begins otherwise": lambda content: b"\xff" + content[1:],
}
MAY_READ = ("emptied", "halved", "cut by one byte", "zeros")
"""Damages after which a text or a table may still be one: `dvc.lock` shows that it is another."""


def damage(path, change):
    content = path.read_bytes()
    path.unlink()
    if change is not None:
        path.write_bytes(change(content))


@pytest.mark.parametrize(("kind", "name"), [*product(KINDS, DAMAGES)])
def test_a_damaged_artifact_is_one_line_that_names_it(kind, name, tmp_path):
    write, read = KINDS[kind]
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        write(folder)
        read(folder)
        files = sorted(folder.iterdir())
        if number == len(files):
            break
        damage(files[number], DAMAGES[name])
        kept = name == "begins otherwise" and files[number].suffix == ".parquet"
        lines = name in MAY_READ and files[number].suffix in (".txt", ".csv", ".tsv", ".json")
        try:
            read(folder)
        except UserError as error:
            line = str(error)
            assert "\n" not in line
            assert line.startswith((str(files[number]), f"{folder}: ")), line
        else:
            assert kept or lines, files[number].name


def refused(kind, folder):
    """Return the line with which the artifact in `folder` is refused, without the folder."""
    with pytest.raises(UserError) as error:
        KINDS[kind][1](folder)
    return str(error.value).removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("kind", "file", "array", "message"),
    [
        ("corpus", "tokens.npy", [0, 1, 5, -1, 2, 0, 1], "numbers from -1 to 5"),
        ("corpus", "tokens.npy", [0, 1, -7, -1, 2, 0, 1], "numbers from -7 to 2"),
        ("corpus", "sentence_ends.npy", [3, 5, 6], "the last end is 6 of 7"),
        ("corpus", "sentence_ends.npy", [3, 3, 7], "ends that do not rise"),
        ("corpus", "document_ends.npy", [4, 7], "a document that ends within a sentence"),
        ("counts", "indices.npy", [*range(5)] * 4 + [0, 1, 2, 3, 5], "numbers from 0 to 5"),
        ("counts", "indices.npy", [*range(5)] * 4 + [0, 1, 2, 3, -1], "numbers from -1 to 4"),
        ("counts", "indptr.npy", [0, 5, 10, 15, 20, 2**30], "the last end is 1073741824 of 25"),
        ("counts", "indptr.npy", [0, 5, 30, 15, 20, 25], "ends that do not rise"),
        ("counts", "data.npy", [1.0] * 24 + [np.nan], "numbers from nan to nan"),
        ("vectors", "vectors.npy", [[0.0, np.inf]] * 5, "the vector of 'the' has NaN or infinity"),
        ("vectors", "vectors.npy", [[0.0, 1.0]] * 6, "5 words but a matrix of (6, 2)"),
        ("vectors", "vectors.npy", [0.0, 1.0], "float32 of (2,)"),
    ],
)
def test_numbers_out_of_range_are_refused_before_they_are_used(
    kind, file, array, message, tmp_path
):
    KINDS[kind][0](tmp_path)
    path = tmp_path / file
    np.save(path, np.array(array, np.load(path).dtype))
    line = refused(kind, tmp_path)
    assert line.startswith(f"{file}: ")
    assert message in line


@pytest.mark.parametrize("kind", ["corpus", "counts", "vectors", "language model"])
def test_a_vocabulary_of_another_size_is_refused(kind, tmp_path):
    KINDS[kind][0](tmp_path)
    for words in (2, 4):
        WORDS.truncated(words).save(tmp_path / "vocabulary.tsv")
        with pytest.raises(UserError):
            if kind == "corpus":
                EncodedCorpus.load(tmp_path, Vocabulary.load(tmp_path / "vocabulary.tsv"))
            else:
                KINDS[kind][1](tmp_path)


@pytest.mark.parametrize("lines", ["the\t9\nthe\t7\n", "the\t-1\n", "the\n", f"the\t{2**70}\n"])
def test_a_vocabulary_holds_each_word_once_and_counts(lines, tmp_path):
    (tmp_path / "vocabulary.tsv").write_text(lines)
    assert refused("vocabulary", tmp_path).startswith("vocabulary.tsv: damaged (")


def test_a_column_that_is_missing_is_named(tmp_path):
    table(tmp_path)
    artifacts.write_exact(tmp_path / "trials.parquet", pd.DataFrame({"model": ["gru"]}))
    assert "no column valid_loss" in refused("tables", tmp_path)
    pd.DataFrame({"title": ["A"]}).to_parquet(tmp_path / "documents.parquet")
    assert "not title and text" in refused("documents", tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 100_000, "tied": False}, "fewer weights"),
        ({"layers": 0}, "layers"),
        ({"cell": 1}, "cell"),
    ],
)
def test_a_network_of_other_settings_takes_no_memory(changes, message, tmp_path):
    language_model(tmp_path)
    path = tmp_path / "model.json"
    description = artifacts.read_json(path)
    path.write_text(json.dumps({**description, "network": {**description["network"], **changes}}))
    assert message in refused("language model", tmp_path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    language_model(tmp_path)
    model = LanguageModel.load(tmp_path)
    model.embedding.data[0, 0] = float("nan")
    model.save(tmp_path)
    assert "embedding has NaN or infinity" in refused("language model", tmp_path)


@pytest.mark.parametrize(
    "error",
    [PermissionError(errno.EACCES, "denied"), OSError(errno.EIO, "I/O error"), MemoryError()],
)
def test_what_the_machine_lacks_is_no_damage(error, tmp_path):
    with pytest.raises(type(error)), artifacts.reading(tmp_path):
        raise error


def test_a_folder_in_the_place_of_a_file_is_damage(tmp_path):
    with pytest.raises(UserError, match=r"damaged \(.*Is a directory"):
        artifacts.read_text(tmp_path)


FLIPS = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[1])
from test_damage import KINDS, UserError

random = np.random.default_rng(1)
refused = 0
for kind in KINDS:
    for number in range(40):
        folder = Path(sys.argv[2]) / kind / str(number)
        folder.mkdir(parents=True)
        KINDS[kind][0](folder)
        files = sorted(folder.iterdir())
        path = files[number % len(files)]
        content = bytearray(path.read_bytes())
        for place in random.integers(len(content), size=1 + number % 8):
            content[place] = random.integers(256)
        path.write_bytes(content)
        try:
            KINDS[kind][1](folder)
        except UserError:
            refused += 1
print(refused)
"""


def test_flipped_bytes_crash_no_reader(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FLIPS, str(Path(__file__).parent), str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 40
