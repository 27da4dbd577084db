"""The similarity scores against gensim and SciPy, the reader of pairs, and small spaces."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from gensim.models import KeyedVectors

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.evaluation.vectors import similarity
from wordlab.evaluation.vectors.similarity import DenseSpace, SparseSpace
from wordlab.published import packaged


def vectors_of(words: list[str], matrix: np.ndarray) -> Vectors:
    counts = np.arange(len(words), 0, -1, dtype=np.int64)
    return Vectors(Vocabulary(tuple(words), counts), matrix.astype(np.float32))


@pytest.mark.parametrize(("name", "n"), [("wordsim353", 353), ("simlex999", 999)])
def test_scores_equal_gensim_s(name: str, n: int) -> None:
    pairs = similarity.read_pairs(packaged(name), name)
    assert len(pairs) == n
    words = sorted({word.lower() for pair in pairs.words for word in pair})
    random = np.random.default_rng(1)
    words = random.permutation(words)[: int(0.8 * len(words))].tolist()
    vectors = vectors_of(words, random.standard_normal((len(words), 20)))
    before = vectors.matrix.copy()
    result = similarity.score(DenseSpace(vectors), pairs, ignore_case=True)
    keyed = KeyedVectors(20)
    keyed.add_vectors(words, vectors.matrix)
    for unknown in (False, True):
        pearson, spearman, missing = keyed.evaluate_word_pairs(
            str(packaged(name)), dummy4unknown=unknown
        )
        assert result.spearman(unknown=unknown) == pytest.approx(spearman[0], abs=1e-6)
        assert result.coverage == pytest.approx(1 - missing / 100)
        if not unknown:
            assert result.pearson() == pytest.approx(pearson[0], abs=1e-6)
    np.testing.assert_array_equal(vectors.matrix, before)


def test_sparse_rows_score_as_the_same_rows_made_dense() -> None:
    random = np.random.default_rng(2)
    matrix = random.random((30, 12)) * (random.random((30, 12)) < 0.4)
    words = [f"w{i}" for i in range(30)]
    dense = DenseSpace(vectors_of(words, matrix))
    sparse = SparseSpace(dense.vocabulary, scipy.sparse.csr_array(matrix))
    left, right = random.integers(0, 30, (2, 50))
    np.testing.assert_allclose(sparse.between(left, right), dense.between(left, right), atol=1e-6)
    for others in (slice(5, 25), np.array([7, 3, 7])):
        found = sparse.against(left, others)
        np.testing.assert_allclose(found, dense.against(left, others), atol=1e-6)


def test_a_space_of_four_words(tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text("big large 9\nbig small 5\nbig absent 4\nbig nothing 1\nBig large 9\n")
    pairs = similarity.read_pairs(file, "four")
    matrix = np.array([[1, 0], [2, 0.1], [1, 1], [0, 0]])
    space = DenseSpace(vectors_of(["big", "large", "small", "nothing"], matrix))
    result = similarity.score(space, pairs, ignore_case=False)
    assert result.known.tolist() == [True, True, False, True, False]
    np.testing.assert_allclose(
        result.cosines, [1 / np.sqrt(1.0025), np.sqrt(0.5), 0, 0, 0], rtol=1e-6
    )
    assert result.n == 3
    assert result.coverage == 0.6
    assert result.spearman() == pytest.approx(1)
    assert result.spearman(unknown=True) < 1
    assert similarity.score(space, pairs, ignore_case=True).n == 4


@pytest.mark.parametrize(
    "text",
    [
        "# a comment\nold\tnew\t1.58\nNew York\tcity\t6\n",
        "Word 1,Word 2,Human (mean)\nold,new,1.58\nNew York,city,6\n",
        "word1\tword2\tPOS\tscore\tconc\nold\tnew\tA\t1.58\t2\n\nNew York\tcity\tN\t6\t1\n",
        "old\tnew\t1.58\r\nNew York\tcity\t6.0\r\n",  # as WordSim-353's two parts
    ],
)
def test_pairs_are_read_whatever_separates_them(text: str, tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text(text)
    pairs = similarity.read_pairs(file, "set")
    assert pairs.words == (("old", "new"), ("New York", "city"))
    assert pairs.gold.tolist() == [1.58, 6.0]


@pytest.mark.parametrize("text", ["", "# only this\n", "word1 word2 score\n"])
def test_a_file_without_pairs_gives_none_and_a_warning(text: str, tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text(text)
    with pytest.warns(UserWarning, match="no word pairs"):
        pairs = similarity.read_pairs(file, "none")
    result = similarity.score(
        DenseSpace(vectors_of(["a"], np.ones((1, 2)))), pairs, ignore_case=True
    )
    assert result.n == 0
    assert np.isnan([result.coverage, result.spearman(), result.spearman(unknown=True)]).all()


@pytest.mark.parametrize("line", ["old new", "old new much", "old", "old new nan"])
def test_a_malformed_line_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text(f"big small 3\n{line}\n")
    with pytest.raises(UserError, match=r"pairs\.txt, line 2: expected two words and a score"):
        similarity.read_pairs(file, "set")


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent.txt: no such file; .* quoted twice"):
        similarity.read_pairs(tmp_path / "absent.txt", "set")
    (tmp_path / "latin.txt").write_bytes("naïve simple 3\n".encode("latin-1"))
    with pytest.raises(UserError, match="UTF-8"):
        similarity.read_pairs(tmp_path / "latin.txt", "set")
