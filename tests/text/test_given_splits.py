"""Splits that are given: by files of their own, or by a source that has them."""

import numpy as np
import pytest

from small_pipeline import REPOSITORY, run_stage, shrink
from wordlab.artifacts import read_json
from wordlab.corpus import corpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.evaluation.language.held_out import HeldOut, score, symbol_ids
from wordlab.params.language import CELLS
from wordlab.params.text import CorpusParams
from wordlab.params.whole import load, read
from wordlab.recurrent.batches import (
    alphabet,
    character_ids,
    document_starts,
    language_ids,
    read_lines,
)
from wordlab.recurrent.language_model import LanguageModel
from wordlab.text import documents, preprocess, readers, sources
from wordlab.text.documents import Document, Notes
from wordlab.text.lines import LONGEST_LINE

FILES = {"train": "train.txt", "valid": "valid.txt", "test": "test.txt"}


def params(**changes):
    settings = {
        "source": "file",
        "path": None,
        "url": None,
        "watch": {},
        "sha256": None,
        "column": "text",
        "documents": "auto",
        "splits": FILES,
    }
    return CorpusParams(**(settings | changes))


def found(folder, **changes):
    return list(sources.find(params(**changes), folder).documents())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.txt").write_text("one two\nthree\n\nfour\n")
    (tmp_path / "valid.txt").write_text("five\n" * 3)
    (tmp_path / "test.txt").write_text("six\n")
    return tmp_path


def test_each_document_has_the_split_of_its_file(folder):
    assert found(folder) == [
        Document(None, "one two\nthree", "train"),
        Document(None, "four", "train"),
        Document(None, "five\nfive\nfive", "valid"),
        Document(None, "six", "test"),
    ]


def test_a_split_may_be_a_folder_or_a_pattern_of_any_format(folder):
    (folder / "more").mkdir()
    (folder / "more" / "a.jsonl").write_text('{"text": "seven"}\n{"text": "eight"}\n')
    (folder / "more" / "b.txt").write_text("nine\n")
    splits = {"train": "more", "valid": "v*.txt", "test": "test.txt"}
    texts = [(document.text, document.split) for document in found(folder, splits=splits)]
    assert texts[:3] == [("seven", "train"), ("eight", "train"), ("nine", "train")]
    assert [split for _, split in texts[3:]] == ["valid", "test"]


def test_splits_are_kept_with_the_documents_and_only_then(folder, tmp_path):
    path = tmp_path / "documents.parquet"
    documents.write(path, found(folder), splits=True)
    assert documents.splits(path) == ["train", "train", "valid", "test"]
    documents.write(path, found(folder))
    assert documents.splits(path) is None


@pytest.mark.parametrize("content", [b"", b"no Parquet", "valdi", None])
def test_splits_that_are_not_as_written_are_one_line(content, tmp_path):
    path = tmp_path / "documents.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        documents.write(path, [documents.Document(None, "the of", content)], splits=True)
    with pytest.raises(UserError, match=r"documents\.parquet: damaged \("):
        documents.splits(path)


def test_a_split_without_blank_lines_is_one_document(folder, monkeypatch):
    monkeypatch.setattr(readers, "LONGEST_TEXT", 10)
    assert len(found(folder)) == 4
    drawn = found(folder, splits=None, path="valid.txt")
    assert [document.text for document in drawn] == ["five\nfive\nfive"]
    assert readers.longest_text(params()) > readers.longest_text(params(splits=None, path="x"))


def test_the_headings_of_wikitext_begin_documents(tmp_path):
    path = tmp_path / "wiki.train.tokens"
    path.write_text(
        " \n = A <unk> = \n \n One @-@ two . \n \n = = B = = \n \n 3 \n = C = \n \n 4 \n"
    )
    expected = ["= A <unk> =\nOne @-@ two .\n= = B = =\n3", "= C =\n4"]
    articles = readers.read(path, "text", "auto", Notes())
    assert [document.text for document in articles] == expected
    assert len(list(readers.read(path, "text", "files", Notes()))) == 1


@pytest.mark.parametrize("word", ["<unk>", "<eos>"])
def test_a_text_may_begin_with_a_word_in_angle_brackets(tmp_path, word):
    path = tmp_path / "text"
    path.write_text(f" {word}\nN <unk> million\n")
    (document,) = readers.read(path, "text", "auto", Notes())
    assert document.text == f"{word}\nN <unk> million"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("valid.txt", None, r"corpus\.splits\.valid: .*valid\.txt: no such file"),
        ("test.txt", "", r"corpus\.splits\.test: .*test\.txt: the file is empty"),
        ("test.txt", " \n\n", r"corpus\.splits\.test: .*test\.txt: no text in it"),
    ],
)
def test_a_split_that_is_missing_or_without_text_is_refused(folder, name, content, problem):
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(UserError, match=problem) as caught:
        found(folder)
    assert "\n" not in str(caught.value)


def test_a_file_in_two_splits_is_refused_under_any_name(folder):
    problem = r"corpus\.splits\.test: .* is in corpus\.splits\.valid too"
    with pytest.raises(UserError, match=problem):
        found(folder, splits=FILES | {"test": "valid.txt"})
    (folder / "link.txt").symlink_to(folder / "valid.txt")
    with pytest.raises(UserError, match=problem):
        found(folder, splits=FILES | {"test": "link.txt"})
    assert len(found(folder, splits=FILES | {"train": "train.txt"})) == 4


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"splits": "given", "path": "a"}, "splits: given takes those of hf:.*source is file"),
        ({"splits": "taken"}, "expected null, given, or a path .*'taken'"),
        ({"source": "sample"}, "source: expected file, since corpus.splits names files.*sample"),
        ({"path": "text.txt"}, "path: expected null, since corpus.splits names .*text.txt"),
        ({"splits": {"train": "a", "valid": "b"}}, "a path for each of train, valid and test"),
        ({"splits": FILES | {"test": 3}}, "a path for each of train, valid and test"),
        ({"splits": FILES | {"more": "a"}}, "a path for each of train, valid and test"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, problem):
    with pytest.raises(ValueError, match=problem) as caught:
        params(**changes)
    assert caught.value.error_count() == 1


SETTINGS = {"lowercase": False, "tokens": "whitespace", "units": "lines"}
"""Of `preprocess`, as scales/standard.yaml has them."""


@pytest.fixture
def standard(tmp_path, monkeypatch):
    """Return the folder of a set as the Penn Treebank's files are, encoded, and its params."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.txt").write_text(" a <unk> N \n a B a \n\n <unk> \n")
    (tmp_path / "valid.txt").write_text(" a N \n")
    (tmp_path / "test.txt").write_text(" a B \n <unk> \n")
    path = tmp_path / "params.yaml"
    path.write_text((REPOSITORY / "params.yaml").read_text())
    shrink(
        path,
        {
            "corpus": {"path": None, "splits": FILES},
            "preprocess": SETTINGS,
            "vocabulary": {"min_count": 1},
        },
    )
    loaded = load(path)
    for stage in ("download", "preprocess", "build_vocab"):
        run_stage(stage, loaded, tmp_path)
    return tmp_path, loaded


def test_the_scale_for_published_sets_has_these_settings():
    scale = read(REPOSITORY / "scales" / "standard.yaml")
    assert scale["preprocess"] == SETTINGS
    assert scale["vocabulary"] == {"min_count": 1, "max_size": None}
    others = scale.keys() - {"preprocess", "vocabulary"}
    assert others == {"word2vec", "language_model", "sweep_recurrent"}, "and the word models"


def test_the_scale_for_published_sets_starts_from_vectors_of_the_models_size():
    loaded = load(REPOSITORY / "params.yaml", REPOSITORY / "scales" / "standard.yaml")
    models = loaded.language_model
    assert models.words == "models/skipgram"
    sizes = {getattr(models, cell).embedding_size for cell in CELLS}
    assert sizes == {loaded.word2vec.skipgram.dimensions}


def test_a_published_set_goes_in_as_it_is(standard):
    folder, _ = standard
    splits = folder / "data" / "interim" / "splits"
    assert (splits / "train.txt").read_text() == "a <unk> N\na B a\n\n<unk>\n\n"
    assert (splits / "test.txt").read_text() == "a B\n<unk>\n\n"
    vocabulary = Vocabulary.load(folder / "data" / "processed" / "vocabulary.tsv")
    assert vocabulary.words == ("a", "<unk>", "B", "N")
    metrics = read_json(folder / "reports" / "metrics" / "vocabulary.json")
    assert [metrics[name]["unknown_share"] for name in corpus.SPLITS] == [0, 0, 0]
    sizes = read_json(folder / "reports" / "metrics" / "preprocess.json")
    assert [sizes[name]["documents"] for name in corpus.SPLITS] == [2, 1, 1]


def test_perplexity_is_per_token_with_the_ends_of_lines(standard):
    """By hand: p(a) = 1/2, p(B) = 1/8, p(<unk>) = 1/8, p(end) = 1/4, each by itself."""
    folder, loaded = standard
    vocabulary = Vocabulary.load(folder / "data" / "processed" / "vocabulary.tsv")
    encoded = corpus.EncodedCorpus.load(folder / "data" / "processed" / "corpus" / "test")
    ids = language_ids(encoded, vocabulary)
    index = vocabulary.index
    end = vocabulary.end
    assert ids.tolist() == [index["a"], index["B"], end, index["<unk>"], end]
    p = {index["a"]: 1 / 2, index["B"]: 1 / 8, index["<unk>"]: 1 / 8, end: 1 / 4}
    text = HeldOut(ids, document_starts(encoded), vocabulary.unknown, end)
    found = score(-np.log([p[one] for one in ids.tolist()]), text, seed=1)
    assert found.perplexity == pytest.approx((2 * 8 * 4 * 8 * 4) ** (1 / 5))
    assert (found.symbols, found.documents, found.unknown_share) == (5, 1, 0)
    assert found.perplexity_known == found.perplexity
    assert found.low < found.perplexity < found.high
    model = LanguageModel(loaded.language_model.gru, vocabulary, "word", seed=1)
    lines = read_lines(folder / "data" / "interim" / "splits" / "test.txt")
    assert symbol_ids(model, lines).tolist() == ids.tolist()


LETTERS = [chr(b) if chr(b).isascii() and chr(b).isalnum() else chr(256 + b) for b in range(256)]
"""A letter for each byte, as docs/published_sets.md has them."""


def raw(settings, folder, monkeypatch, contents):
    """Return the lines of each split of texts that go in as they are, and its symbols."""
    monkeypatch.chdir(folder)
    path = folder / "documents.parquet"
    for name, content in contents.items():
        (folder / FILES[name]).write_text(content, encoding="utf-8")
    documents.write(path, found(folder), splits=True)
    preprocess.write_splits(documents.batches(path), documents.splits(path), folder, settings)
    return {name: read_lines(folder / FILES[name]) for name in contents}


def test_bytes_go_in_as_letters_and_come_back_as_they_were(tmp_path, monkeypatch):
    settings = load(REPOSITORY / "params.yaml").preprocess.model_copy(update=SETTINGS)
    random = np.random.default_rng(1)
    content = b"<mediawiki>\n\n  <page>\r\n\t" + random.bytes(2 * LONGEST_LINE)
    text = "".join(LETTERS[byte] for byte in content)
    assert len(set(LETTERS)) == 256
    lines = raw(settings, tmp_path, monkeypatch, dict.fromkeys(FILES, text))["test"]
    assert [len(line) for line in lines[:-1]] == [LONGEST_LINE] * 2
    assert bytes(map(LETTERS.index, "".join(lines))) == content


def test_a_line_of_words_is_cut_at_spaces_and_keeps_its_number_of_symbols(tmp_path, monkeypatch):
    settings = load(REPOSITORY / "params.yaml").preprocess.model_copy(update=SETTINGS)
    text = " ".join(["anarchism", "originated", "as", "a"] * 10_000)
    lines = raw(settings, tmp_path, monkeypatch, dict.fromkeys(FILES, text))["test"]
    assert len(lines) == 1 + len(text) // LONGEST_LINE > 2
    assert " ".join(lines) == text
    assert len(character_ids(lines, alphabet(lines, min_count=1))) == len(text) + 1
