"""What sweeps of word vectors are judged by: the seed and the items, drawn together."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from wordlab.analysis import sweeps as analysis
from wordlab.analysis.grid import Grid
from wordlab.analysis.variance import Tables, summarise
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation import statistics
from wordlab.evaluation.vectors.answers import measure
from wordlab.evaluation.vectors.sets import read_sets
from wordlab.params.embeddings import EvaluationParams
from wordlab.params.sweeps import GloveSweepParams
from wordlab.report.findings import sweeps as findings

WORDS = tuple(f"w{i}" for i in range(16))
SWEEP = GloveSweepParams.model_validate(
    {"grid": {"window": [1, 2], "rate": [0.1, 0.2]}, "fixed": {}, "seeds": 3, "confidence": 0.95}
)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> EvaluationParams:
    folder, random = tmp_path_factory.mktemp("sets"), np.random.default_rng(1)
    pairs = list(combinations(WORDS, 2))
    gold = random.standard_normal(len(pairs))
    lines = [f"{a} {b} {g:.3f}" for (a, b), g in zip(pairs, gold, strict=True)]
    (folder / "pairs.txt").write_text("\n".join([*lines, "w1 absent 0"]))
    (folder / "questions.txt").write_text(
        ": gram\nw1 w2 w3 w4\nw1 w2 w5 w6\n: family\nw7 w8 w9 w1\n"
    )
    return EvaluationParams.model_validate(
        {
            "similarity": [{"name": "pairs", "path": str(folder / "pairs.txt")}],
            "analogies": {
                "path": str(folder / "questions.txt"),
                "methods": ["3cosadd", "3cosmul"],
                "restrict_vocabulary": None,
            },
            "ignore_case": True,
            "resamples": 300,
            "confidence": 0.95,
        }
    )


def trials(evaluation: EvaluationParams, *, seed_noise: float, effect: float) -> pd.DataFrame:
    """Vectors that are the same in all trials, but for the window, by `effect`, and the seed."""
    random = np.random.default_rng(2)
    sets = read_sets(evaluation)
    common, change = random.standard_normal((2, len(WORDS), 8))
    vocabulary = Vocabulary(WORDS, np.arange(len(WORDS), 0, -1))
    rows = []
    for window, rate, seed in [(w, r, s) for w in (1, 2) for r in (0.1, 0.2) for s in (1, 2, 3)]:
        noise = seed_noise * random.standard_normal(common.shape)
        matrix = common + effect * (window - 1) * change + noise
        vectors = Vectors(vocabulary, matrix.astype(np.float32))
        measured = measure(vectors, evaluation, sets)
        rows.append({"model": "glove", "window": window, "rate": rate, "seed": seed, **measured})
    return pd.DataFrame(rows)


def both(table: pd.DataFrame, evaluation: EvaluationParams) -> tuple[Tables, Tables]:
    """The sweep by seeds and items together, and by the seed alone."""
    sets = read_sets(evaluation)
    together = dict(analysis.analyse_vectors(table, SWEEP, evaluation, sets, seed=1).tables)
    seed_alone = summarise(table, list(SWEEP.grid), {"pairs": "higher"}, SWEEP.confidence)
    return together, seed_alone


def of_window(found: Tables) -> pd.Series:
    table = found["differences"].query("score == 'pairs' and setting == 'window'")
    return table.iloc[0]


def test_a_difference_on_these_items_alone_is_no_verdict(evaluation: EvaluationParams) -> None:
    table = trials(evaluation, seed_noise=0.001, effect=0.4)
    together, seed_alone = (of_window(found) for found in both(table, evaluation))
    assert seed_alone["beyond_noise"]  # the seed changes next to nothing, so all differences "hold"
    assert together["difference"] == pytest.approx(seed_alone["difference"])
    assert not together["beyond_noise"]


def test_the_noise_of_the_seed_is_in_the_interval(evaluation: EvaluationParams) -> None:
    steady, noisy = (
        of_window(both(trials(evaluation, seed_noise=noise, effect=0.0), evaluation)[0])
        for noise in (0.01, 0.6)
    )
    assert noisy["high"] - noisy["low"] > 5 * (steady["high"] - steady["low"])


def test_sentences_say_what_the_noise_is(evaluation: EvaluationParams) -> None:
    table = trials(evaluation, seed_noise=0.1, effect=1.0)
    together = both(table, evaluation)[0]
    said = findings.of_vectors({**together, "trials": table.drop(columns="answers")}, SWEEP)
    assert "draw the seeds and the items that vectors are scored on together" in said[0]
    assert {one.split(": ")[0] for one in said[1:]} == {
        "GloVe, semantic analogies", "GloVe, syntactic analogies", "GloVe, all analogies",
        "GloVe, pairs"
    }  # fmt: skip
    assert set(together["best"]["score"]) == {
        "analogy_semantic", "analogy_syntactic", "analogy_total", "pairs"
    }  # fmt: skip


def test_draws_are_those_of_the_vectors_themselves(evaluation: EvaluationParams) -> None:
    table = trials(evaluation, seed_noise=0.1, effect=1.0)
    sets = read_sets(evaluation)
    draws = analysis.resampled(table, list(SWEEP.grid), evaluation, sets, seed=1)
    assert {name: x.shape for name, x in draws.items()} == dict.fromkeys(draws, (12, 3, 300))
    by_trial = draws["pairs"].reshape(4, 3, 3, 300)
    assert (by_trial == by_trial[:, :1]).all()  # of the combination, the same for its seeds
    means = table.groupby(["window", "rate"], sort=False)["pairs"].mean()
    drawn = statistics.combined(by_trial[:, 0])
    np.testing.assert_allclose(drawn.mean(axis=1), means, atol=0.05)


def test_contrasts_of_a_grid_by_t_are_those_of_its_pooled_noise() -> None:
    values = np.random.default_rng(3).standard_normal((2, 3, 4))
    grid = Grid(("a", "b"), ((1, 2), (1, 2, 3)), values, np.zeros(1))
    noise = np.sqrt(values.var(axis=2, ddof=1).mean())
    assert grid.noise == pytest.approx(noise)
    levels = grid.levels(1)
    np.testing.assert_allclose(levels @ grid.means.ravel(), values.mean(axis=(0, 2)))
    (margin,) = grid.margins(levels[:1] - levels[1:2], 0.95)
    assert margin == pytest.approx(2.1009 * noise * np.sqrt(2 / 8), rel=1e-4)
    draws = np.random.default_rng(4).standard_normal((2, 3, 3, 500))
    draws[..., 0, :] = 2 * draws[..., 0, :] + grid.means[..., None]
    drawn = Grid(("a", "b"), ((1, 2), (1, 2, 3)), values, np.zeros(1), draws)
    expected, _ = statistics.margins_together(
        levels[:1] @ grid.means.ravel(),
        statistics.combined((levels[:1] @ draws.reshape(6, -1)).reshape(1, 3, 500)),
        0.95,
    )
    np.testing.assert_allclose(drawn.margins(levels[:1], 0.95), expected)
