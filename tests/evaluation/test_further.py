"""Categories, odd ones out, degrees and relations, against scikit-learn, gensim and plain loops."""

import numpy as np
import pytest
from gensim.models import KeyedVectors
from scipy import sparse, stats
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics.cluster import contingency_matrix

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.vectors import analogy, battery, further, similarity
from wordlab.evaluation.vectors.sets import EvaluationSets
from wordlab.evaluation.vectors.similarity import DenseSpace, SparseSpace
from wordlab.params.embeddings import EvaluationParams

WORDS = tuple(f"w{i}" for i in range(90))
GROUPS = 6


@pytest.fixture(scope="module")
def vectors():
    """90 words around 6 centres."""
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(GROUPS, 12))[np.arange(90) % GROUPS] + rng.normal(size=(90, 12))
    counts = np.arange(90, 0, -1, dtype=np.int64)
    return Vectors(Vocabulary(WORDS, counts), matrix.astype(np.float32), {})


@pytest.fixture(scope="module")
def space(vectors):
    return DenseSpace(vectors)


@pytest.fixture(scope="module")
def categories():
    names = tuple(f"c{i}" for i in range(GROUPS))
    ids = np.append(np.arange(90) % GROUPS, 0)
    return further.Categories("made_up", (*WORDS, "unknown"), names, ids)


@pytest.fixture(scope="module")
def puzzles():
    rng = np.random.default_rng(4)
    groups = np.arange(90).reshape(-1, GROUPS).T  # by column of one centre
    found = []
    for _ in range(60):
        own, other = rng.choice(GROUPS, 2, replace=False)
        words = rng.choice(groups[own], 4, replace=False)
        found.append((*(WORDS[i] for i in words), WORDS[rng.choice(groups[other])]))
    return further.Puzzles("made_up", tuple(found), np.arange(60))


def keyed(vectors):
    found = KeyedVectors(vectors.matrix.shape[1])
    found.add_vectors(list(vectors.vocabulary.words), vectors.matrix)
    return found


def test_purity_is_that_of_scikit_learns_clusters(vectors, space, categories):
    result = further.sort_into_categories(space, categories, ignore_case=True)
    labels = AgglomerativeClustering(GROUPS, linkage="ward").fit_predict(vectors.normalized)
    table = contingency_matrix(categories.category[:90], labels)
    assert result.score(result.known) == pytest.approx(table.max(axis=0).sum() / 90, abs=1e-6)
    assert 0.5 < result.score(result.known) < 1
    assert result.known.sum() == 90 and not result.known[90]


def test_odd_ones_are_gensims(vectors, space, puzzles):
    result = further.spot_odd_ones(space, puzzles, ignore_case=True)
    theirs = [keyed(vectors).doesnt_match(words) == words[-1] for words in puzzles.words]
    assert result.correct.tolist() == theirs
    assert result.score(result.known) == pytest.approx(np.mean(theirs), abs=1e-6)
    assert 0.3 < result.score(result.known) < 1


def test_an_unknown_word_is_left_out_of_its_puzzle(space):
    words = (("w0", "w6", "gone", "w1"), ("w0", "gone", "w1"), ("w0", "w6", "gone"))
    result = further.spot_odd_ones(
        space, further.Puzzles("made_up", words, np.arange(3)), ignore_case=True
    )
    assert result.known.tolist() == [True, False, False]


def test_a_relation_is_that_of_the_nearest_offset_without_a_shared_word(vectors, space):
    rng = np.random.default_rng(5)
    pairs = [tuple(WORDS[i] for i in rng.choice(90, 2, replace=False)) for _ in range(300)]
    relation = rng.integers(0, 3, 300)
    related = further.Related("made_up", tuple(pairs), ("a", "b", "c"), relation)
    result = further.guess_relations(space, related, ignore_case=True)
    unit = vectors.normalized.astype(np.float64)
    offsets = np.array([unit[WORDS.index(b)] - unit[WORDS.index(a)] for a, b in pairs])
    offsets /= np.linalg.norm(offsets, axis=1, keepdims=True)
    for i, pair in enumerate(pairs):
        others = [j for j, other in enumerate(pairs) if not set(pair) & set(other)]
        nearest = others[int((offsets[others] @ offsets[i]).argmax())]
        assert result.correct[i] == (relation[nearest] == relation[i])


def test_nothing_known_is_no_score(space):
    case = {"ignore_case": True}
    none, zero = (("gone", "away"),), np.zeros(1, dtype=np.int64)
    results = [
        further.guess_relations(space, further.Related("x", none, ("a",), zero), **case),
        further.spot_odd_ones(space, further.Puzzles("x", none, zero), **case),
        further.sort_into_categories(
            space, further.Categories("x", ("gone",), ("a",), zero), **case
        ),
        further.give_degrees(
            space, further.Degrees("x", none, ("a",), zero, np.zeros(1), (none,)), **case
        ),
    ]
    assert not any(result.known.any() for result in results)
    assert all(np.isnan(result.score(result.known)) for result in results)


def test_degrees_are_mean_cosines_with_the_examples(vectors, space):
    pairs = tuple((f"w{i}", f"w{i + 20}") for i in range(40))
    relation, gold = np.arange(40) % 2, np.random.default_rng(6).normal(size=40)
    examples = ((("w80", "w81"), ("w82", "gone")), (("w84", "w85"), ("w86", "w87")))
    degrees = further.Degrees("made_up", pairs, ("x", "y"), relation, gold, examples)
    result = further.give_degrees(space, degrees, ignore_case=True)
    unit = vectors.normalized.astype(np.float64)

    def offset(a, b):
        found = unit[WORDS.index(b)] - unit[WORDS.index(a)]
        return found / np.linalg.norm(found)

    given = {0: [("w80", "w81")], 1: list(examples[1])}
    expected = [
        np.mean([offset(*pair) @ offset(*one) for one in given[r]])
        for pair, r in zip(pairs, relation.tolist(), strict=True)
    ]
    np.testing.assert_allclose(result.degrees, expected, atol=1e-6)
    by_relation = [
        stats.spearmanr(result.degrees[relation == r], gold[relation == r])[0] for r in (0, 1)
    ]
    assert result.score(result.known) == pytest.approx(np.mean(by_relation), abs=1e-6)


def test_sparse_rows_give_the_same_as_dense_ones(vectors, space, categories, puzzles):
    rows = sparse.csr_array(vectors.matrix)
    other = SparseSpace(vectors.vocabulary, rows)
    ids = np.arange(30)
    np.testing.assert_allclose(other.among(ids), space.among(ids), atol=1e-6)
    tasks = {further.sort_into_categories: categories, further.spot_odd_ones: puzzles}
    for task, items in tasks.items():
        first, second = (task(one, items, ignore_case=True) for one in (space, other))
        assert first.score(first.known) == pytest.approx(second.score(second.known), abs=1e-6)


def test_any_of_several_answers_is_right(space):
    asked = (("w0", "w6", "w1", "none"),) * 2
    questions = analogy.Questions(asked, ("s",), np.zeros(2, np.int64), (WORDS, ("nowhere",)))
    result = analogy.score(space, questions, "3cosadd", ignore_case=True)
    assert result.known.tolist() == result.correct.tolist() == [True, False]


@pytest.fixture
def params():
    return EvaluationParams.model_validate(
        {
            "similarity": [{"name": "own", "path": "x"}],
            "analogies": {"path": "none", "methods": ["3cosadd"], "restrict_vocabulary": None},
            "ignore_case": True,
            "resamples": 300,
            "confidence": 0.95,
        }
    )


def test_the_battery_has_a_row_per_set_by_task(space, params, categories, puzzles, monkeypatch):
    gold = np.random.default_rng(0).normal(size=50)
    pairs = similarity.WordPairs("own", tuple(zip(WORDS[:50], WORDS[40:], strict=True)), gold)
    items = {"ap": categories, "anomia": puzzles}
    monkeypatch.setattr(battery.by_name, "read", lambda item, fetch: items.get(item.name))
    sets = EvaluationSets((pairs,), battery.by_name.NO_QUESTIONS)
    rows, missing = battery.rows(space, params, sets, "en", seed=1)
    assert [(row.name, row.task, row.n, row.total) for row in rows] == [
        ("own", "similarity", 50, 50),
        ("ap", "categories", 90, 91),
        ("anomia", "odd one out", 60, 60),
    ]
    assert {"men", "bats", "google"} < set(missing) and "es_rg65" not in missing
    for row in rows:
        assert row.low < row.score < row.high
        assert row.coverage == row.n / row.total
    assert rows[1].as_json()["all"] is None
    again, _ = battery.rows(space, params, sets, "en", seed=1)
    assert again == rows
