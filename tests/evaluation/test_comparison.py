"""Comparisons that claim what the data carry, and no more."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from wordlab.artifacts import Result
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.comparison import comparison, neighbours
from wordlab.evaluation.vectors.scores import Task
from wordlab.evaluation.vectors.similarity import DenseSpace
from wordlab.params.embeddings import ComparisonParams, EvaluationParams, RelationParams

WORDS = tuple(f"w{i}" for i in range(120))


def vectors(matrix: np.ndarray, words: tuple[str, ...] = WORDS) -> Vectors:
    counts = np.arange(len(words), 0, -1, dtype=np.int64)
    return Vectors(Vocabulary(words, counts), matrix.astype(np.float32))


@pytest.fixture(scope="module")
def models() -> Mapping[str, Vectors]:
    random = np.random.default_rng(1)
    truth = random.standard_normal((120, 10))
    return {
        "good": vectors(truth + 0.2 * random.standard_normal(truth.shape)),
        "also good": vectors(truth + 0.2 * random.standard_normal(truth.shape)),
        "noise": vectors(random.standard_normal((120, 10))),
        "truth": vectors(truth),
    }


@pytest.fixture(scope="module")
def compared(models: Mapping[str, Vectors], tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder: Path = tmp_path_factory.mktemp("sets")
    random = np.random.default_rng(2)
    unit = models["truth"].normalized
    left, right = random.integers(0, 120, (2, 300))
    lines = [f"w{i} w{j} {unit[i] @ unit[j]:.4f}" for i, j in zip(left, right, strict=True)]
    (folder / "pairs.txt").write_text("\n".join([*lines, "w1 absent 1"]))
    fours = [random.choice(120, 4, replace=False) for _ in range(40)]
    questions = [" ".join(f"w{i}" for i in four) for four in fours]
    (folder / "questions.txt").write_text("\n".join([": gram", *questions]))
    evaluation = EvaluationParams.model_validate(
        {
            "similarity": [{"name": "pairs", "path": str(folder / "pairs.txt")}],
            "analogies": {
                "path": str(folder / "questions.txt"),
                "methods": ["3cosadd"],
                "restrict_vocabulary": None,
            },
            "ignore_case": False,
            "resamples": 400,
            "confidence": 0.95,
        }
    )
    relations = RelationParams(path=None, wordnet=0)
    params = ComparisonParams(
        words=("w0", "absent"), neighbours=5, overlap_words=50, relations=relations
    )
    chosen = {name: models[name] for name in ("noise", "good", "also good")}
    chosen["of three seeds"] = [models["good"], models["noise"], models["noise"]]
    return comparison.compare(chosen, evaluation, params, seed=1)


def test_good_models_are_told_from_noise_but_not_from_one_another(compared: Result) -> None:
    table = compared.tables["differences"].query("task == 'pairs'")
    distinct = {
        frozenset((row["first"], row["second"])): row["distinct"]
        for row in table.to_dict("records")
    }
    assert distinct[frozenset(("good", "noise"))]
    assert distinct[frozenset(("also good", "noise"))]
    assert not distinct[frozenset(("good", "also good"))]
    assert (table["second"] == "noise").sum() == 3


def test_a_lead_that_the_seed_explains_is_no_lead(compared: Result) -> None:
    table = compared.tables["differences"].query("task == 'pairs'")
    row = table.set_index(["first", "second"]).loc[("of three seeds", "noise")]
    assert row["difference"] > 0.2 and not row["distinct"]
    seeds = compared.tables["scores"].set_index(["model", "task"])["seeds"]
    assert seeds["of three seeds", "pairs"] == 3 and seeds["good", "pairs"] == 1


def test_scores_and_metrics_agree(compared: Result) -> None:
    table = compared.tables["scores"][compared.tables["scores"]["task"] == "pairs"].set_index(
        "model"
    )
    assert (table["low"] < table["score"]).all() and (table["score"] < table["high"]).all()
    score = compared.metrics["pairs"]["good"]["score"]
    assert score == pytest.approx(table.loc["good", "score"], abs=1e-4)
    others = {"good", "also good", "of three seeds"}
    assert set(compared.metrics["overlap"]["noise"]) == others
    assert set(compared.tables["sections"]["section"]) == {"gram"}


def plain(draws: np.ndarray) -> np.ndarray:
    """Draws of independent items as `statistics.combined` takes them: (models, 3, R)."""
    nothing = np.zeros_like(draws)
    return np.stack([draws, nothing, nothing], axis=1)


def test_paired_intervals_hold_together_for_all_tasks_as_often_as_they_say() -> None:
    random = np.random.default_rng(3)
    wrong = 0
    for _ in range(300):
        tasks = []
        for name in ("s", "t", "u"):
            samples = random.standard_normal(60) + random.standard_normal((4, 60))
            draws = samples @ random.multinomial(60, np.full(60, 1 / 60), size=300).T / 60
            tasks.append(Task(name, 60, 60, tuple(samples.mean(axis=1)[:, None]), plain(draws)))
        table = comparison.differences_of(tasks, ["a", "b", "c", "d"], 0.9)
        assert table["task"].tolist() == ["s"] * 6 + ["t"] * 6 + ["u"] * 6
        assert (table["difference"] >= 0).all()
        wrong += bool(table["distinct"].any())
        assert (table["p"] < 0.1).eq(table["distinct"]).mean() > 0.94
    assert 0.05 <= wrong / 300 <= 0.16


def test_one_family_over_two_methods_that_answer_alike_costs_nothing() -> None:
    random = np.random.default_rng(4)
    draws = random.standard_normal((2, 500)) + np.array([[0.0], [2.5]])
    by_seed = (np.zeros(1), np.full(1, 2.5))
    once, twice = (
        [Task(f"analogy {i}", 60, 60, by_seed, plain(draws)) for i in range(count)]
        for count in (1, 2)
    )
    alone = comparison.differences_of(once, ["a", "b"], 0.95)
    both = comparison.differences_of(twice, ["a", "b"], 0.95)
    assert both["low"].tolist() == pytest.approx([alone["low"].item()] * 2)


def test_a_task_without_items_and_a_model_without_others_have_no_distinct_difference() -> None:
    empty = Task("t", 0, 9, (np.full(1, np.nan),) * 2, np.full((2, 3, 100), np.nan))
    assert not comparison.differences_of([empty], ["a", "b"], 0.95)["distinct"].any()
    alone = Task("t", 3, 3, (np.array([0.5]),), plain(np.array([[0.4, 0.5, 0.6]])))
    assert len(comparison.differences_of([alone], ["a"], 0.95)) == 0


def test_neighbours_are_those_of_the_vectors_themselves(
    models: Mapping[str, Vectors], compared: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "ROWS", 7)
    found, cosines = neighbours.nearest(DenseSpace(models["good"]), np.arange(30), 4)
    for i in range(30):
        expected = models["good"].neighbours(f"w{i}", 4)
        assert [WORDS[j] for j in found[i]] == [word for word, _ in expected]
        np.testing.assert_allclose(cosines[i], [cosine for _, cosine in expected], rtol=1e-5)
    assert set(compared.tables["neighbours"]["word"]) == {"w0"}
    assert len(compared.tables["neighbours"]) == 4 * 5


def test_equal_neighbours_are_given_commonest_first_and_duplicates_are_found() -> None:
    matrix = np.array([[1, 0], [0, 1], [1, 0], [0, 0], [0, 1], [1, 0]])
    space = DenseSpace(vectors(matrix, WORDS[:6]))
    found, cosines = neighbours.nearest(space, np.array([0, 3]), 3)
    assert found.tolist() == [[2, 5, 1], [0, 1, 2]]
    assert cosines.tolist() == [[1, 1, 0], [0, 0, 0]]


def test_overlap_is_measured_over_words_that_both_know() -> None:
    random = np.random.default_rng(4)
    matrix = random.standard_normal((20, 5))
    order = random.permutation(20)
    first = DenseSpace(vectors(matrix, WORDS[:20]))
    shuffled = DenseSpace(vectors(matrix[order], tuple(WORDS[i] for i in order)))
    other = DenseSpace(vectors(random.standard_normal((20, 5)), WORDS[:20]))
    table = neighbours.overlap({"a": first, "b": shuffled, "c": other}, 15, 6)
    assert table.loc["a", "b"] == 1
    assert table.loc["a", "c"] == table.loc["c", "a"] < 0.7
