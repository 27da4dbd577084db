"""Words in the plane: what PCA and t-SNE must keep."""

import json

import numpy as np
import pytest
import scipy.sparse
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.comparison.neighbours import project
from wordlab.evaluation.vectors.similarity import DenseSpace, SparseSpace
from wordlab.params.embeddings import MapParams

PARAMS = MapParams(words=60, neighbours=4, perplexity=10, iterations=400)


def space(matrix, words=None):
    words = words or [f"w{i}" for i in range(len(matrix))]
    counts = np.arange(len(words), 0, -1, dtype=np.int64)
    return DenseSpace(Vectors(Vocabulary(tuple(words), counts), matrix.astype(np.float32)))


@pytest.fixture(scope="module")
def groups():
    """Three groups of words that point three ways, dealt in turn, and words beyond the map."""
    random = np.random.default_rng(1)
    centres = 4 * random.standard_normal((3, 12))
    return space(np.tile(centres, (30, 1)) + random.standard_normal((90, 12)))


def test_pca_is_that_of_the_rows_at_length_1(groups):
    projection = project(groups, PARAMS, seed=1)
    expected = PCA(2).fit(groups.vectors.normalized[:60])
    theirs = expected.transform(groups.vectors.normalized[:60])
    np.testing.assert_allclose(np.abs(projection.pca), np.abs(theirs), atol=1e-4)
    assert projection.explained == pytest.approx(expected.explained_variance_ratio_.sum(), abs=1e-4)
    assert (projection.pca[np.abs(projection.pca).argmax(axis=0), [0, 1]] > 0).all()


def test_tsne_keeps_groups_together(groups):
    projection = project(groups, PARAMS, seed=1)
    places, group = projection.tsne, np.arange(60) % 3
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (group[distances.argmin(axis=1)] == group).mean() > 0.95


def test_neighbours_come_from_all_words_of_the_space(groups):
    projection = project(groups, PARAMS, seed=1)
    assert len(projection.words) == 60 and {len(near) for near in projection.near} == {4}
    words, cosines = zip(*projection.near[5], strict=True)
    expected = groups.vectors.neighbours("w5", 4)
    assert words == tuple(word for word, _ in expected)
    assert cosines == pytest.approx([cosine for _, cosine in expected])
    named = {word for near in projection.near for word, _ in near}
    assert named - set(projection.words)
    assert list(projection.table().columns) == [
        "word",
        "count",
        "pca_x",
        "pca_y",
        "tsne_x",
        "tsne_y",
    ]


def test_sparse_rows_lie_where_the_same_dense_rows_do(groups):
    random = np.random.default_rng(2)
    matrix = random.random((50, 20)) * (random.random((50, 20)) < 0.4)
    dense = project(space(matrix), PARAMS, seed=1)
    rows = SparseSpace(space(matrix).vocabulary, scipy.sparse.csr_array(matrix))
    sparse = project(rows, PARAMS, seed=1)
    np.testing.assert_allclose(sparse.pca, dense.pca, atol=1e-4)


@pytest.mark.parametrize("matrix", [np.zeros((5, 2)), np.ones((1, 2)), np.eye(3), np.ones((6, 3))])
def test_next_to_nothing_can_be_mapped(matrix):
    projection = project(space(matrix), PARAMS, seed=1)
    assert np.isfinite(projection.tsne).all() and np.isfinite(projection.pca).all()
    json.dumps(projection.drawn(), allow_nan=False)


def test_the_bytes_are_the_same_with_any_number_of_threads():
    matrix = np.random.default_rng(1).standard_normal((200, 30))
    params = PARAMS.model_copy(update={"words": 200})
    found = []
    for threads in (1, 3):
        with threadpool_limits(threads):
            found.append(project(space(matrix), params, seed=1))
    np.testing.assert_array_equal(found[0].tsne, found[1].tsne)
    np.testing.assert_array_equal(found[0].pca, found[1].pca)
