import errno
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from gensim.models import KeyedVectors

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import fasttext, formats, reading
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError


@pytest.fixture
def vectors():
    vocabulary = Vocabulary(("über", "the", "日本"), np.array([9, 5, 2]))
    matrix = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    matrix[1, :3] = 1e-30, 0, 3e20
    return Vectors(vocabulary, matrix, {"model": "test"})


@pytest.mark.parametrize("kind", ["word2vec_text", "word2vec_binary", "glove_text"])
def test_written_is_read_back_exactly(vectors, tmp_path, kind):
    formats.write(vectors, tmp_path / "v", kind)
    back = reading.read(tmp_path / "v")
    assert back.vocabulary.words == vectors.vocabulary.words
    assert back.matrix.dtype == np.float32
    np.testing.assert_array_equal(back.matrix, vectors.matrix)
    assert back.description["format"] == kind
    first = reading.read(tmp_path / "v", words=2)
    assert first.vocabulary.words == vectors.vocabulary.words[:2]
    np.testing.assert_array_equal(first.matrix, vectors.matrix[:2])


def test_the_projector_gets_a_row_a_word_under_a_head(vectors, tmp_path):
    formats.write_projector(vectors, tmp_path / "p")
    read = np.loadtxt(tmp_path / "p" / "vectors.tsv", delimiter="\t", dtype=np.float32)
    np.testing.assert_array_equal(read, vectors.matrix)
    metadata = (tmp_path / "p" / "metadata.tsv").read_text(encoding="utf-8")
    assert metadata == "word\tcount\nüber\t9\nthe\t5\n日本\t2\n"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # gensim's file
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("word2vec_text", {}),
        ("word2vec_binary", {"binary": True}),
        ("glove_text", {"no_header": True}),
    ],
)
def test_gensim_reads_and_writes_the_same(vectors, tmp_path, kind, options):
    formats.write(vectors, tmp_path / "ours", kind)
    keyed = KeyedVectors.load_word2vec_format(str(tmp_path / "ours"), **options)
    assert keyed.index_to_key == list(vectors.vocabulary.words)
    np.testing.assert_allclose(keyed.vectors, vectors.matrix, rtol=1e-6)
    if kind != "glove_text":
        keyed.save_word2vec_format(str(tmp_path / "theirs"), **options)
        back = reading.read(tmp_path / "theirs")
        np.testing.assert_allclose(back.matrix, vectors.matrix, rtol=1e-6)


def test_rows_whose_squares_leave_float32_have_their_cosines():
    rows = np.array([[3, 4], [3e30, 4e30], [3e-30, 4e-30], [0, 0], [-3e-40, 0]], np.float32)
    found = Vectors(Vocabulary(tuple("abcde"), np.arange(5, 0, -1)), rows).normalized
    np.testing.assert_allclose(found, [[0.6, 0.8]] * 3 + [[0, 0], [-1, 0]], rtol=1e-6)


@pytest.mark.parametrize("kind", ["word2vec_text", "fasttext_bin", "tensorboard"])
def test_an_export_that_is_cut_off_leaves_what_was_there(vectors, tmp_path, kind):
    writers = {
        "word2vec_text": lambda vectors: formats.write(vectors, tmp_path / "v", "word2vec_text"),
        "fasttext_bin": lambda vectors: fasttext.write(vectors, None, tmp_path / "v"),
        "tensorboard": lambda vectors: formats.write_projector(vectors, tmp_path),
    }
    writers[kind](vectors)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    class Full(np.ndarray):
        def __iter__(self):
            yield from list(self.view(np.ndarray))[:1]
            raise OSError(errno.ENOSPC, "No space left on device")

        def __getitem__(self, key):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        writers[kind](Vectors(vectors.vocabulary, (vectors.matrix + 1).view(Full)))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_an_export_goes_through_links_and_pipes_and_takes_no_folders_place(vectors, tmp_path):
    (tmp_path / "there").write_text("old")
    (tmp_path / "link").symlink_to("there")
    formats.write(vectors, tmp_path / "link", "glove_text")
    assert (tmp_path / "link").is_symlink()
    assert len((tmp_path / "there").read_text(encoding="utf-8").splitlines()) == 3
    (tmp_path / "folder" / "kept").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        formats.write(vectors, tmp_path / "folder", "glove_text")
    assert (tmp_path / "folder" / "kept").is_dir()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        formats.write(vectors, tmp_path / "loop", "glove_text")
    (tmp_path / "there").chmod(0o600)
    formats.write(vectors, tmp_path / "there", "word2vec_text")
    assert (tmp_path / "there").stat().st_mode & 0o777 == 0o600
    formats.write(vectors, tmp_path / "there", "glove_text")
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        read = pool.submit((tmp_path / "pipe").read_bytes)
        formats.write(vectors, tmp_path / "pipe", "glove_text")
        assert read.result() == (tmp_path / "there").read_bytes()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write any file")
def test_an_export_replaces_nothing_that_may_not_be_written(vectors, tmp_path):
    (tmp_path / "kept").write_text("old")
    (tmp_path / "kept").chmod(0o444)
    (tmp_path / "link").symlink_to("kept")
    for name in ("kept", "link"):
        with pytest.raises(PermissionError):
            formats.write(vectors, tmp_path / name, "glove_text")
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "v").write_text("old")
    (tmp_path / "closed").chmod(0o555)
    formats.write(vectors, tmp_path / "closed" / "v", "glove_text")
    assert len((tmp_path / "closed" / "v").read_text(encoding="utf-8").splitlines()) == 3


def test_a_word_with_a_space_is_refused(tmp_path):
    spaced = Vectors(Vocabulary(("new york",), np.array([1])), np.ones((1, 2), np.float32))
    with pytest.raises(UserError, match="white space"):
        formats.write(spaced, tmp_path / "v", "glove_text")
