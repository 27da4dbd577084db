"""Hubs and isotropy of spaces whose shape is known, and scores by frequency."""

import numpy as np
import pytest
import scipy.sparse

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.comparison import comparison, neighbours
from wordlab.evaluation.vectors.analogy import AnalogyResult, Questions
from wordlab.evaluation.vectors.scores import Scores
from wordlab.evaluation.vectors.similarity import (
    DenseSpace,
    SimilarityResult,
    SparseSpace,
    WordPairs,
)
from wordlab.params.embeddings import EvaluationParams


def vocabulary(n: int) -> Vocabulary:
    return Vocabulary(tuple(f"w{i}" for i in range(n)), np.arange(n, 0, -1, dtype=np.int64) * 10)


def space(matrix: np.ndarray) -> DenseSpace:
    return DenseSpace(Vectors(vocabulary(len(matrix)), matrix.astype(np.float32)))


def test_a_word_near_all_others_is_the_hub() -> None:
    # w3 lies between three axes: each of them has it as its nearest, and no other does
    spokes = np.vstack([np.eye(3), np.full((1, 3), 1.0)])
    assert neighbours.occurrences(spokes @ spokes.T, 1).tolist() == [1, 0, 0, 3]
    measured = neighbours.geometry({"spokes": space(spokes)}, words=10, neighbours=1).iloc[0]
    assert (measured["hub"], measured["hub_share"], measured["orphans"]) == ("w3", 1.0, 0.5)
    assert measured["words"] == 4 and measured["skewness"] > 0


def test_isotropy_falls_as_vectors_turn_one_way() -> None:
    random = np.random.default_rng(1)
    even = random.standard_normal((400, 8))
    table = neighbours.geometry(
        {"even": space(even), "turned": space(even + 3 * np.eye(8)[0])}, words=300, neighbours=5
    ).set_index("model")
    even_one, turned = table.loc["even"], table.loc["turned"]
    assert even_one["isotropy"] > 0.85 > 0.3 > turned["isotropy"]
    assert abs(even_one["mean_cosine"]) < 0.02 < 0.5 < turned["mean_cosine"]
    assert 7.5 < even_one["dimensions"] <= 8
    unit = even[:300] / np.linalg.norm(even[:300], axis=1, keepdims=True)
    variances = np.linalg.eigvalsh(np.cov(unit.T))
    assert even_one["first_share"] == pytest.approx(variances[-1] / variances.sum(), abs=1e-4)
    eigenvectors = np.linalg.eigh(unit.T @ unit)[1]
    partition = [np.exp(sign * unit @ c).sum() for c in eigenvectors.T for sign in (1, -1)]
    expected = min(partition) / max(partition)
    assert even_one["isotropy"] == pytest.approx(expected, abs=1e-4)


def test_sparse_and_empty_rows_have_a_shape_too() -> None:
    random = np.random.default_rng(2)
    matrix = random.random((40, 30)) * (random.random((40, 30)) < 0.3)
    matrix[7] = 0
    both = {
        "dense": space(matrix),
        "sparse": SparseSpace(vocabulary(40), scipy.sparse.csr_array(matrix)),
    }
    table = neighbours.geometry(both, words=40, neighbours=3).drop(columns=["model", "hub"])
    np.testing.assert_allclose(
        table.iloc[0].to_numpy(dtype=float), table.iloc[1].to_numpy(dtype=float), rtol=1e-4
    )
    nothing = neighbours.geometry({"zeros": space(np.zeros((3, 2)))}, words=3, neighbours=1).iloc[0]
    assert np.isnan(nothing["isotropy"]) and nothing["mean_cosine"] == 0


def test_items_fall_into_thirds_by_their_rarest_word() -> None:
    words = vocabulary(9)
    pairs = WordPairs("set", tuple((f"w{i}", "w0") for i in range(9)) + (("w1", "absent"),),
                      np.append(np.arange(9.0), 5))  # fmt: skip
    known = np.arange(10) < 9
    # a model that ranks the frequent words rightly and the rare ones the wrong way round
    cosines = np.append([0.0, 1, 2, 9, 3, 8, 2, 1, 0], 0.0)
    questions = Questions(  # to the first, w1 is known and right as well
        tuple((f"w{i}", "w0", "w0", "absent" if i == 1 else "w1") for i in range(1, 7)),
        ("s",), np.zeros(6, np.int64), (("w7", "w1"), *[()] * 5),
    )  # fmt: skip
    right = np.array([True, True, True, False, False, False])
    answers = AnalogyResult(questions, np.ones(6, bool), (None,) * 6, right)
    params = EvaluationParams.model_validate(
        {
            "similarity": [{"name": "simlex999"}],
            "analogies": {"path": None, "methods": ["3cosadd"], "restrict_vocabulary": None},
            "ignore_case": True,
            "resamples": 100,
            "confidence": 0.9,
        }
    )
    scored = Scores(
        {"set": (SimilarityResult(pairs, known, cosines),)}, {"3cosadd": (answers,)}, params, 1
    )
    table = comparison.by_frequency({"one": scored, "two": scored}, words).set_index(
        ["task", "model", "band"]
    )
    rare, frequent = table.loc[("set", "one", "rare")], table.loc[("set", "one", "frequent")]
    assert (rare["least"], rare["most"], rare["n"]) == (10, 30, 3)
    assert (frequent["least"], frequent["most"], frequent["n"]) == (70, 90, 3)
    assert rare["score"] == pytest.approx(-1) and frequent["score"] == pytest.approx(1)
    assert table.loc[("analogy 3cosadd", "two", "frequent"), "score"] == 1
    assert table.loc[("analogy 3cosadd", "two", "rare"), "score"] == 0
    assert len(table) == 2 * 2 * 3
