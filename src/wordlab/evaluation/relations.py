"""Do cosines tell kinds of relations between words apart: synonyms, antonyms, hypernyms, ...?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from wordlab.errors import UserError
from wordlab.evaluation import statistics
from wordlab.evaluation.datasets import Lookup, read_lines
from wordlab.evaluation.spaces import Space
from wordlab.evaluation.statistics import Floats
from wordlab.rng import stream

Pairs = Mapping[str, Sequence[tuple[str, str]]]
"""Pairs of words by relation."""

CURATED = Path(__file__).with_name("relations.tsv")
UNRELATED = "unrelated"
"""Pairs whose words stand in the lists, but in different pairs, drawn at random."""
QUANTILES = {"p10": 0.1, "p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9}


@dataclass(frozen=True, eq=False)
class RelationStudy:
    """How near words in each relation are, and which relations a model tells apart.

    cosines: a row a model and relation: n pairs known to all models of total, the mean with low
    and high, and the quantiles p10, p25, median, p75, p90. contrasts: a row a model and two
    relations, first and second: auc, how often a pair of the first has the higher cosine, with low
    and high; precision, the average precision of finding the first among both, with its low and
    high; chance, what that would be by chance; distinct, whether the interval of auc leaves
    out a half, both relations having 10 pairs or more. Intervals hold together for all models.
    sentences: in words.
    """

    cosines: pd.DataFrame = field(repr=False)
    contrasts: pd.DataFrame = field(repr=False)
    sentences: tuple[str, ...]


def read(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the pairs by relation of a file with a relation and two words a line, tabs between.

    Empty lines and those that begin with # are passed over. Raises UserError, naming the line,
    if it is anything else.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match [cell.strip() for cell in line.split("\t")]:
            case [relation, first, second] if relation and first and second:
                if relation == UNRELATED:
                    raise UserError(
                        f"{path}, line {number}: `{UNRELATED}` pairs are drawn, not read"
                    )
                found.setdefault(relation, []).append((first, second))
            case _:
                raise UserError(
                    f"{path}, line {number}: expected a relation and two words, tabs between"
                )
    return found


def study(
    spaces: Mapping[str, Space],
    pairs: Pairs,
    *,
    ignore_case: bool,
    resamples: int,
    confidence: float,
    seed: int,
) -> RelationStudy:
    """Compare the cosines of `pairs` by relation, over the pairs that all of `spaces` know."""
    lookups = {
        name: Lookup(space.vocabulary, ignore_case=ignore_case) for name, space in spaces.items()
    }
    known = {
        relation: [
            pair
            for pair in listed
            if all(lookup.row(word) is not None for lookup in lookups.values() for word in pair)
        ]
        for relation, listed in pairs.items()
    }
    known[UNRELATED] = _unrelated(known, stream(seed, UNRELATED))
    totals = {**{name: len(listed) for name, listed in pairs.items()},
              UNRELATED: len(known[UNRELATED])}  # fmt: skip
    draws = {
        relation: statistics.resample(
            len(listed), resamples, stream(seed, "bootstrap", "relations", relation)
        )
        for relation, listed in known.items()
    }
    together = 1 - (1 - confidence) / max(1, len(spaces))  # Bonferroni's correction
    cosines: list[dict[str, object]] = []
    contrasts: list[dict[str, object]] = []
    for model, space in spaces.items():
        values = {name: _cosines(space, lookups[model], listed) for name, listed in known.items()}
        cosines += [
            {"model": model, "relation": name, **_summary(x, draws[name], together),
             "total": totals[name]}
            for name, x in values.items()
        ]  # fmt: skip
        contrasts += [
            {"model": model, "first": a, "second": b,
             **_contrast(values[a], values[b], draws[a], draws[b], together)}
            for a, b in combinations(values, 2)
        ]  # fmt: skip
    table = pd.DataFrame(contrasts)
    return RelationStudy(pd.DataFrame(cosines), table, tuple(_sentences(table)))


def _unrelated(known: Pairs, random: np.random.Generator) -> list[tuple[str, str]]:
    """Return as many pairs as the longest list has, each of two words from different pairs."""
    listed = {frozenset(pair) for pairs in known.values() for pair in pairs}
    words = sorted({word for pair in listed for word in pair})
    wanted = max(map(len, known.values()), default=0)
    drawn: dict[frozenset[str], tuple[str, str]] = {}
    for _ in range(20 * wanted):  # enough but where there are hardly any words
        i, j = random.integers(0, len(words), 2)
        pair = frozenset((words[i], words[j]))
        if len(drawn) < wanted and len(pair) == 2 and pair not in listed:
            drawn.setdefault(pair, (words[i], words[j]))
    return list(drawn.values())


def _cosines(space: Space, lookup: Lookup, pairs: Sequence[tuple[str, str]]) -> Floats:
    rows = [[lookup.row(word) for word in pair] for pair in pairs]
    left, right = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    return space.between(left, right)


def _summary(values: Floats, draws: Floats, confidence: float) -> dict[str, float]:
    if len(values) == 0:
        return {"n": 0, **dict.fromkeys(("mean", "low", "high", *QUANTILES), np.nan)}
    low, high = statistics.interval((draws * values).sum(axis=1) / len(values), confidence)
    quantiles = np.quantile(values, list(QUANTILES.values()))
    return {"n": len(values), "mean": float(values.mean()), "low": low, "high": high,
            **dict(zip(QUANTILES, quantiles.tolist(), strict=True))}  # fmt: skip


def _contrast(
    x: Floats, y: Floats, of_x: Floats, of_y: Floats, confidence: float
) -> dict[str, float | bool]:
    ones = np.ones((1, len(x))), np.ones((1, len(y)))
    low, high = statistics.interval(statistics.resampled_auc(x, y, of_x, of_y), confidence)
    enough = min(len(x), len(y)) >= statistics.FEWEST
    draws = statistics.resampled_average_precision(x, y, of_x, of_y)
    least, most = statistics.interval(draws, confidence)
    return {
        "auc": float(statistics.resampled_auc(x, y, *ones)[0]),
        "low": low,
        "high": high,
        "precision": float(statistics.resampled_average_precision(x, y, *ones)[0]),
        "precision_low": least,
        "precision_high": most,
        "chance": len(x) / max(1, len(x) + len(y)),
        "distinct": enough and (low > 0.5 or high < 0.5),
    }


def _sentences(contrasts: pd.DataFrame) -> list[str]:
    """Return whether antonyms are as near as synonyms, and how much each model tells apart."""
    if contrasts["auc"].isna().all():
        return ["Relations: no two of them have pairs whose words all models know."]
    told = []
    asked = contrasts.query("first == 'synonyms' and second == 'antonyms'")
    if len(asked) and asked["auc"].notna().all():
        answers = [f"{row['model']} {_verdict(row)}" for row in asked.to_dict("records")]
        told.append(
            "Are antonyms as near as synonyms? How often a pair of synonyms has the higher cosine "
            f"than a pair of antonyms (0.5: as near): {'; '.join(answers)}."
        )
    if len(contrasts) and contrasts["auc"].notna().all():
        between = contrasts[contrasts["second"] != UNRELATED]
        chance = contrasts[contrasts["second"] == UNRELATED]
        counts = [
            f"{model} {int(chance.loc[chance['model'] == model, 'distinct'].sum())} and "
            f"{int(between.loc[between['model'] == model, 'distinct'].sum())}"
            for model in contrasts["model"].unique()
        ]
        models = contrasts["model"].nunique()
        told.append(
            f"Relations told from unrelated pairs, of {len(chance) // models}, and from one "
            f"another, of {len(between) // models}, by the cosine alone: {'; '.join(counts)}."
        )
    return told


def _verdict(row: Mapping[object, object]) -> str:
    numbers = f"{row['auc']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
    if not row["distinct"]:
        return f"{numbers}, not told apart"
    return f"{numbers}, {'synonyms' if float(str(row['auc'])) > 0.5 else 'antonyms'} nearer"
