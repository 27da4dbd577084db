import numpy as np
import pytest
from gensim.models import KeyedVectors

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import formats, reading
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


def test_a_word_with_a_space_is_refused(tmp_path):
    spaced = Vectors(Vocabulary(("new york",), np.array([1])), np.ones((1, 2), np.float32))
    with pytest.raises(UserError, match="white space"):
        formats.write(spaced, tmp_path / "v", "glove_text")
