"""How often intervals hold what they should, where the truth is known because it was made up.

    python benchmarks/interval_coverage.py --corpus FILE [--trials 400] --json OUT

seeds: networks are made up whose losses differ by seed and by document, in several proportions.
Counted is how often the intervals of all their differences hold together, by the rule of the
studies (`held_out.mean_differences`): from one network to all others, and from each to each.

folds: two settings that change nothing, of three values each, are tried over folds that favour some
values of the first. Counted is how often the intervals of all differences between values hold
together, by the rule of the sweeps (`analysis.grid.Grid`), and how often an F test rejects either.

analogies: answers to Google's questions, of those whose words FILE has, are made up so that words,
or pairs of words, make a question easier or harder. Counted is how often the interval of the share
right holds the share in a population of words: with words that share a pair drawn together, as the
pipeline does, and with pairs drawn by themselves.
"""

import argparse
from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pandas as pd
from reading import encoded
from scipy import special

from wordlab.analysis.grid import Grid
from wordlab.analysis.variance import decomposition
from wordlab.errors import UserError
from wordlab.evaluation.language.held_out import HeldOut, mean_differences
from wordlab.evaluation.statistics import CrossedResamples, combined, interval, over_seeds
from wordlab.evaluation.vectors import by_name
from wordlab.evaluation.vectors.analogy import Questions
from wordlab.rng import derive, stream

DOCUMENTS, SYMBOLS = 64, 8
"""Of the made-up text; the symbols are of each document."""
CASES: dict[str, tuple[Sequence[float], float, int]] = {
    "seeds_as_texts": ([0.007] * 13, 0.006, 3),
    "seeds_above_texts": ([0.021] * 13, 0.006, 3),
    "seeds_alone": ([0.021] * 13, 0.0, 3),
    "texts_alone": ([0.0] * 13, 0.006, 3),
    "one_far_above": ([0.05] + [0.002] * 6, 0.001, 3),
    "one_of_the_others_far_above": ([0.002] * 6 + [0.05], 0.001, 3),
    "spread_24_fold": ([0.05, 0.01, 0.01, 0.01, 0.002, 0.002, 0.002], 0.006, 3),
    "five_seeds": ([0.05, 0.01, 0.01, 0.01, 0.002, 0.002, 0.002], 0.006, 5),
}
"""The standard deviation over seeds of the mean loss of each network, that of the difference of two
networks over texts, and the trainings of each."""
FOLDS: dict[str, tuple[float, int, int]] = {
    "none": (0.0, 3, 3),
    "some": (0.04, 3, 3),
    "much": (2.0, 3, 3),
    "much_one_seed": (2.0, 1, 3),
    "much_five_folds": (2.0, 1, 5),
}
"""How much folds favour values of the first setting, the noise being .1; seeds; folds."""
RESAMPLES = 300
EASY = -0.4
"""The mean of what makes a question easy, in standard deviations of the rest: 39 % are right, or
fewer the more the words differ."""


def differences(case: str, pairs: str, trials: int) -> float:
    """Return the share of trials in which all intervals hold 0, which is true of all."""
    deviations, of_texts, seeds = CASES[case]
    ids = np.tile([0, 1], DOCUMENTS * SYMBOLS // 2)
    text = HeldOut(ids, np.arange(DOCUMENTS) * SYMBOLS, 9, 1)
    count = len(deviations)
    every = list(combinations(range(count), 2)) if pairs == "each_to_each" else [
        (0, other) for other in range(1, count)
    ]  # fmt: skip
    random = stream(1, "coverage", case)
    held = 0
    for trial in range(trials):
        of_documents = random.normal(0, of_texts * (DOCUMENTS / 2) ** 0.5, (count, DOCUMENTS))
        of_seeds = random.normal(0, 1, (count, seeds)) * np.reshape(deviations, (-1, 1))
        losses = np.repeat(of_documents, SYMBOLS, axis=1)[:, None] + of_seeds[:, :, None]
        found = mean_differences(
            [losses[other] - losses[one] for one, other in every], text, seed=derive(1, trial)
        )
        held += bool(((found[:, 1] <= 0) & (found[:, 2] >= 0)).all())
    return held / trials


def of_folds(case: str, trials: int) -> dict[str, float]:
    """Return the shares of trials in which all intervals hold 0, and in which F tests reject."""
    favour, seeds, folds = FOLDS[case]
    random = stream(1, "coverage", "folds", case)
    held, rejected = 0, np.zeros(2)
    for _ in range(trials):
        favoured = random.normal(0, favour, (3, folds))
        places = product(range(3), range(3), range(folds), range(seeds))
        trained = pd.DataFrame(
            {"model": "m", "first": a, "second": b, "fold": fold, "seed": seed,
             "score": favoured[a, fold] + random.normal(0, 0.1)}
            for a, b, fold, seed in places
        )  # fmt: skip
        grid = Grid.of(trained, ["first", "second"], "score")
        levels = [grid.levels(axis) for axis in (0, 1)]
        contrasts = np.array(
            [own[i] - own[j] for own in levels for i, j in combinations(range(3), 2)]
        )
        margins = grid.margins(contrasts, 0.95)
        held += bool((np.abs(contrasts @ grid.means.ravel()) <= margins).all())
        rejected += decomposition(grid, 0.95)["p"].to_numpy()[:2] < 0.05
    first, second = (rejected / trials).tolist()
    return {"hold": held / trials, "first_rejected": first, "second_rejected": second}


def known(path: Path, min_count: int) -> Questions:
    """Return Google's questions whose words `path` has often enough."""
    words = encoded(path, min_count)[1].index
    every = by_name.questions("google")
    kept = [n for n, one in enumerate(every.words) if all(word.lower() in words for word in one)]
    if not kept:
        raise UserError(f"{path}: no word of an analogy question; expected a text of more words")
    return Questions(
        tuple(every.words[n] for n in kept), every.sections, every.section[np.array(kept)]
    )


def shares(questions: Questions, trials: int) -> dict[str, Any]:
    """Return how often intervals of 95 % hold the share right in the population."""
    ids = np.unique([[w.lower() for w in one] for one in questions.words], return_inverse=True)[1]
    words = ids.reshape(-1, 4)
    ends = [words[:, 2 * n] * (words.max() + 1) + words[:, 2 * n + 1] for n in (0, 1)]
    pairs = np.unique(ends, return_inverse=True)[1].reshape(2, -1)
    parts = {"clusters": questions.parts(), "pairs": (pairs[0], pairs[1])}
    effects = {"words": (words.T, 0.5), "pairs": (pairs, 0.7)}
    random = stream(1, "coverage", "analogies")
    found: dict[str, Any] = {"questions": len(questions)}
    for name, (items, deviation) in effects.items():
        truth = special.ndtr(EASY / np.sqrt(1 + len(items) * deviation**2))
        held = dict.fromkeys(parts, 0)
        for _ in range(trials):
            drawn = random.normal(0, deviation, items.max() + 1)
            noise = random.normal(size=len(questions))
            right = EASY + drawn[items].sum(axis=0) + noise > 0
            for part, (first, second) in parts.items():
                draws = CrossedResamples.draw(first, second, RESAMPLES, random).means(right)
                low, high = interval(combined(over_seeds(draws[None], random)), 0.95)
                held[part] += low <= truth <= high
        found[f"effects_of_{name}"] = {part: int(count) / trials for part, count in held.items()}
    return found


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the coverages."""
    return {
        "seeds": {
            case: {
                pairs: differences(case, pairs, asked.trials)
                for pairs in ("one_to_all", "each_to_each")
            }
            for case in CASES
        },
        "folds": {case: of_folds(case, asked.trials) for case in FOLDS},
        "analogies": shares(known(asked.corpus, asked.min_count), asked.trials),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    harness.run(parser.parse_args(arguments), measure)


if __name__ == "__main__":
    main()
