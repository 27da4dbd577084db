"""The scores of one model: their names, their truth, what they leave alone."""

import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation import statistics
from wordlab.evaluation.vectors import scores
from wordlab.evaluation.vectors.analogy import AnalogyResult, Questions
from wordlab.evaluation.vectors.scores import Scores
from wordlab.evaluation.vectors.sets import EvaluationSets, read_sets
from wordlab.evaluation.vectors.similarity import SimilarityResult, SparseSpace
from wordlab.params.embeddings import EvaluationParams


@pytest.fixture(scope="module")
def params() -> EvaluationParams:
    return EvaluationParams.model_validate(
        {
            "similarity": [
                {"name": "wordsim353", "path": None},
                {"name": "simlex999", "path": None},
            ],
            "analogies": {
                "path": None,
                "methods": ["3cosadd", "3cosmul"],
                "restrict_vocabulary": None,
            },
            "ignore_case": True,
            "resamples": 200,
            "confidence": 0.95,
        }
    )


@pytest.fixture(scope="module")
def sets(params: EvaluationParams) -> EvaluationSets:
    return read_sets(params)


def vectors(sets: EvaluationSets, share: float) -> Vectors:
    random = np.random.default_rng(1)
    words = sorted(
        {word.lower() for pairs in sets.pairs for pair in pairs.words for word in pair}
        | {word.lower() for question in sets.questions.words for word in question}
    )
    words = random.permutation(words)[: int(share * len(words))].tolist()
    matrix = random.standard_normal((len(words), 16)).astype(np.float32)
    counts = np.arange(len(words), 0, -1, dtype=np.int64)
    return Vectors(Vocabulary(tuple(words), counts), matrix)


def test_metrics_are_complete_rounded_and_repeatable(
    params: EvaluationParams, sets: EvaluationSets
) -> None:
    model = vectors(sets, 0.6)
    before = model.matrix.copy()
    metrics = scores.evaluate(model, params, seed=1, sets=sets).metrics()
    assert metrics == scores.evaluate(model, params, seed=1).metrics()
    assert metrics != scores.evaluate(model, params, seed=2, sets=sets).metrics()
    np.testing.assert_array_equal(model.matrix, before)
    json.dumps(metrics, allow_nan=False)
    assert list(metrics) == ["wordsim353", "simlex999", "analogy"]
    similarity = metrics["wordsim353"]
    assert similarity["low"] < similarity["spearman"] < similarity["high"]
    assert similarity["coverage"] == pytest.approx(similarity["n"] / 353, abs=1e-4)
    added = metrics["analogy"]["3cosadd"]
    assert added["low"] <= added["total"] <= added["high"]
    known = sum(section["n"] for section in added["sections"].values())
    assert known == metrics["analogy"]["n"]
    assert added["total_all"] == pytest.approx(added["total"] * known / 19544, abs=1e-4)


def test_intervals_draw_the_words_that_pairs_share(
    params: EvaluationParams, sets: EvaluationSets
) -> None:
    model, random = vectors(sets, 0.9), np.random.default_rng(5)
    (result,) = scores.evaluate(model, params, seed=1, sets=sets).similarity["wordsim353"]
    left, right = (ids[result.known] for ids in result.pairs.parts())
    of_words = random.standard_normal(2 * len(sets.pairs[0]))
    gold, cosines = result.pairs.gold.copy(), result.cosines.copy()
    gold[result.known] = cosines[result.known] = of_words[left] + of_words[right]
    cosines[result.known] += random.standard_normal(result.n)

    def width(answers: SimilarityResult) -> float:
        found = Scores({"pairs": (answers,)}, {"3cosadd": answered}, params, 1)
        metrics = found.metrics()["pairs"]
        return metrics["high"] - metrics["low"]

    answered = (AnalogyResult(sets.questions, *unanswered(sets.questions)),)
    pairs = replace(result.pairs, gold=gold)
    apart = replace(pairs, words=tuple((f"{i} {a}", f"{i} {b}") for i, (a, b) in
                                       enumerate(pairs.words)))  # fmt: skip
    sharing, alone = (SimilarityResult(one, result.known, cosines) for one in (pairs, apart))
    assert width(sharing) > 1.1 * width(alone)
    counts = statistics.resample(result.n, 1000, random)
    draws = statistics.resampled_spearman(cosines[result.known], gold[result.known], counts)
    low, high = statistics.interval(draws, 0.95)
    assert width(alone) == pytest.approx(high - low, rel=0.2)


def test_several_trainings_are_averaged_and_drawn(
    params: EvaluationParams, sets: EvaluationSets
) -> None:
    model = vectors(sets, 0.9)
    random = np.random.default_rng(3)
    others = [
        Vectors(model.vocabulary, random.standard_normal(model.matrix.shape).astype(np.float32))
        for _ in range(2)
    ]
    several = scores.evaluate([model, *others], params, seed=1, sets=sets).metrics()
    each = [scores.evaluate(one, params, seed=1, sets=sets).metrics() for one in (model, *others)]
    for name in ("wordsim353", "simlex999"):
        values = [metrics[name]["spearman"] for metrics in each]
        assert several[name]["seeds"] == 3 and each[0][name]["seeds"] == 1
        assert several[name]["by_seed"] == pytest.approx(values)
        assert several[name]["spearman"] == pytest.approx(np.mean(values), abs=1e-4)
        assert several[name]["n"] == each[0][name]["n"]
    totals = [metrics["analogy"]["3cosadd"]["total"] for metrics in each]
    assert several["analogy"]["3cosadd"]["total"] == pytest.approx(np.mean(totals), abs=1e-5)


def test_the_interval_holds_the_noise_of_the_seed(
    params: EvaluationParams, sets: EvaluationSets
) -> None:
    pairs = sets.pairs[0]
    random = np.random.default_rng(4)
    known = np.ones(len(pairs), dtype=bool)
    good = SimilarityResult(pairs, known, pairs.gold + random.standard_normal(len(pairs)))
    bad = SimilarityResult(pairs, known, random.standard_normal(len(pairs)))
    answered = {"3cosadd": (AnalogyResult(sets.questions, *unanswered(sets.questions)),) * 3}

    def width(*results: SimilarityResult) -> float:
        scored = Scores({pairs.name: results}, answered, params, 1)
        metrics = scored.metrics()[pairs.name]
        return metrics["high"] - metrics["low"]

    alike, differing = (good, good, good), (good, good, bad)
    assert width(*differing) > 2 * width(*alike)
    assert width(good) == width(*alike)


def unanswered(questions: Questions) -> tuple[np.ndarray, tuple[None, ...], np.ndarray]:
    """Return an AnalogyResult's fields where no word is known."""
    nothing = np.zeros(len(questions), dtype=bool)
    return nothing, (None,) * len(questions), nothing


def test_sparse_and_dense_models_have_the_same_metrics(
    params: EvaluationParams, sets: EvaluationSets
) -> None:
    model = vectors(sets, 0.3)
    sparse = SparseSpace(model.vocabulary, scipy.sparse.csr_array(model.matrix))
    found = [scores.evaluate(m, params, seed=1, sets=sets).metrics() for m in (model, sparse)]
    assert found[0] == found[1]


def test_a_model_that_knows_no_word_has_no_scores(
    params: EvaluationParams, sets: EvaluationSets
) -> None:
    unknown = Vectors(
        Vocabulary(("xyzzy", "plugh"), np.array([2, 1])), np.ones((2, 3), dtype=np.float32)
    )
    metrics = scores.evaluate(unknown, params, seed=1, sets=sets).metrics()
    assert metrics["wordsim353"]["spearman"] is None
    assert metrics["wordsim353"]["n"] == 0
    assert metrics["wordsim353"]["coverage"] == 0
    assert metrics["analogy"]["3cosmul"]["total"] is None
    assert metrics["analogy"]["3cosmul"]["total_all"] == 0


def test_too_few_known_items_have_no_interval_and_no_headline(
    params: EvaluationParams, sets: EvaluationSets
) -> None:
    whole = vectors(sets, 0.6)

    def scored(pairs: int) -> tuple[dict[str, float | None], dict[str, float | None]]:
        few = replace(
            sets, pairs=tuple(replace(one, words=one.words[:pairs], gold=one.gold[:pairs])
                              for one in sets.pairs)
        )  # fmt: skip
        metrics = scores.evaluate(whole, params, seed=1, sets=few).metrics()
        return metrics["simlex999"], scores.headline({"made": metrics})["made"]

    own, headline = scored(15)
    assert own["n"] in range(1, statistics.FEWEST)
    assert own["spearman"] is not None
    assert (own["low"], own["high"], headline["simlex999"]) == (None, None, None)
    own, headline = scored(50)
    assert own["n"] in range(statistics.FEWEST, scores.FEWEST)
    assert own["low"] is not None
    assert headline["simlex999"] is None
    own, headline = scored(300)
    assert headline["simlex999"] == pytest.approx(own["spearman"], abs=1e-4)
    assert headline.keys() == {"wordsim353", "simlex999", "analogies"}


def test_the_intervals_are_those_of_the_metrics(
    params: EvaluationParams, sets: EvaluationSets
) -> None:
    metrics = {"made": scores.evaluate(vectors(sets, 0.6), params, seed=1, sets=sets).metrics()}
    table = scores.intervals(metrics).set_index("measure")
    assert list(table.index) == ["wordsim353", "simlex999", "analogies"]
    own = metrics["made"]["simlex999"]
    assert table.loc["simlex999", "score"] == pytest.approx(own["spearman"], rel=1e-4)
    assert table.loc["simlex999", "low"] == pytest.approx(own["low"], rel=1e-4)
    assert (table["low"] < table["score"]).all() and (table["score"] < table["high"]).all()
