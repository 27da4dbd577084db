import numpy as np
import pytest
from gensim.models import KeyedVectors

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import formats
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
    back = formats.read(tmp_path / "v", kind)
    assert back.vocabulary.words == vectors.vocabulary.words
    assert back.matrix.dtype == np.float32
    np.testing.assert_array_equal(back.matrix, vectors.matrix)
    assert formats.kind_of(tmp_path / "v") == kind
    first = formats.read(tmp_path / "v", words=2)
    assert first.vocabulary.words == vectors.vocabulary.words[:2]
    np.testing.assert_array_equal(first.matrix, vectors.matrix[:2])


def test_numbers_are_counted_from_the_end_of_a_line(tmp_path):
    (tmp_path / "v").write_text("a 1 2 \r\n. . . 3 4\nat b.example 5 6\n", encoding="utf-8")
    back = formats.read(tmp_path / "v")
    assert back.vocabulary.words == ("a", ". . .", "at b.example")
    assert back.matrix.tolist() == [[1, 2], [3, 4], [5, 6]]


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
        back = formats.read(tmp_path / "theirs", kind)
        np.testing.assert_allclose(back.matrix, vectors.matrix, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("word2vec_text", b"2 3\na 1 2 3\n"),
        ("word2vec_text", b"1 2\na 1 x\n"),
        ("word2vec_text", b""),
        ("word2vec_binary", b"1 4\na \x00\x00"),
        ("glove_text", b"a 1 2\nb 1\n"),
        ("glove_text", b"a 1 2\na 1 2\n"),
        ("glove_text", b"\xff\xfe 1 2\n"),
    ],
)
def test_a_file_of_another_format_is_refused(tmp_path, kind, content):
    path = tmp_path / "v"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not in the format"):
        formats.read(path, kind)


def test_a_missing_file_and_a_word_with_a_space_are_refused(vectors, tmp_path):
    with pytest.raises(UserError, match="not found"):
        formats.read(tmp_path / "none", "glove_text")
    spaced = Vectors(Vocabulary(("new york",), np.array([1])), np.ones((1, 2), np.float32))
    with pytest.raises(UserError, match="white space"):
        formats.write(spaced, tmp_path / "v", "glove_text")
