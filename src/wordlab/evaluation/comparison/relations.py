"""Relations between words, from WordNet by way of nltk, and which of them cosines show."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import Any

import numpy as np
import pandas as pd

from wordlab.errors import UserError
from wordlab.evaluation import statistics
from wordlab.evaluation.statistics import CrossedResamples, Floats
from wordlab.evaluation.vectors.further import UNRELATED
from wordlab.evaluation.vectors.similarity import Lookup, Space, numbered
from wordlab.rng import stream


def reader() -> Any:
    """Return nltk's reader of WordNet. Raises UserError if nltk or WordNet is not installed."""
    try:
        from nltk.corpus import wordnet

        wordnet.ensure_loaded()
    except (ImportError, LookupError):
        raise UserError(
            "comparison.relations.wordnet: nltk's WordNet is not installed; `pip install nltk` and "
            "`python -m nltk.downloader wordnet` install it"
        ) from None
    return wordnet


def extend(
    pairs: dict[str, list[tuple[str, str]]], words: Sequence[str], n: int, wordnet: Any
) -> dict[str, list[tuple[str, str]]]:
    """Return `pairs` with up to `n` more in each relation that WordNet knows.

    words: by falling frequency; the pairs of the commonest come first. A word means the first
    sense that WordNet lists. A pair that `pairs` has already, in any relation, is left out.
    """
    known = set(words)
    taken = {frozenset(pair) for listed in pairs.values() for pair in listed}
    result = {relation: list(listed) for relation, listed in pairs.items()}
    for relation, related in RELATED.items():
        found = _pairs(words, known, related, wordnet, taken)
        result[relation] = [*result.get(relation, []), *islice(found, n)]
    return result


def _pairs(
    words: Iterable[str], known: set[str], related: Any, wordnet: Any, taken: set[frozenset[str]]
) -> Iterator[tuple[str, str]]:
    for word in words:
        sense = _first_sense(word, wordnet)
        if sense is None:
            continue
        for other, expected in related(word, sense):
            pair = frozenset((word, other))
            if other not in known or len(pair) < 2 or pair in taken:
                continue
            if _first_sense(other, wordnet) == expected:
                taken.add(pair)
                yield word, other


def _first_sense(word: str, wordnet: Any) -> Any:
    sense = next(iter(wordnet.synsets(word)), None)
    uninflected = sense is not None and word in sense.lemma_names()
    return sense if uninflected else None


RELATED: dict[str, Callable[[str, Any], list[tuple[str, Any]]]] = {
    "synonyms": lambda word, sense: [(name, sense) for name in sense.lemma_names()],
    "antonyms": lambda word, sense: [
        (other.name(), other.synset())
        for lemma in sense.lemmas()
        if lemma.name() == word
        for other in lemma.antonyms()
    ],
    "hypernyms": lambda word, sense: [
        (name, wider) for wider in sense.hypernyms() for name in wider.lemma_names()
    ],
    "co-hyponyms": lambda word, sense: [
        (name, other)
        for wider in sense.hypernyms()
        for other in wider.hyponyms()
        if other != sense
        for name in other.lemma_names()
    ],
}
"""The words in each relation to a sense of a word, each with the sense that it must have."""


Pairs = Mapping[str, Sequence[tuple[str, str]]]
"""Pairs of words by relation."""
Measure = Callable[..., Floats]
"""Takes the cosines of one or two relations, then the weights of each, and returns (1 + 2R,)."""
Measured = tuple[float, Floats]
"""A value, and the same in resamples as `statistics.combined` takes them, (3, R)."""

FEWEST = 30
"""Pairs of a relation below which its contrasts are not judged.

Simulated with 42 contrasts without a difference, and intervals that should all hold in 90 % of the
studies, 12 % and 15 % of the studies show a difference at 60 and 30 pairs per relation, but 30 % at
12.
"""
QUANTILES = {"p10": 0.1, "p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9}


def study(
    models: Mapping[str, Sequence[Space]],
    pairs: Pairs,
    *,
    ignore_case: bool,
    resamples: int,
    confidence: float,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare the cosines of `pairs` by relation, over the pairs that all of `models` know.

    models: the spaces of each model's trainings, which have the same words.

    Returns two tables. Cosines: one row per model and relation: n pairs known to all models of
    total, the mean with low and high, and the quantiles p10, p25, median, p75, p90, each the mean
    over trainings. Contrasts: one row per model and two relations, first and second: auc, how often
    a pair of the first has the higher cosine, with low and high; precision, the average precision
    of finding the first among both, with its low and high; chance, what that would be by chance;
    distinct, whether the interval of auc leaves out a half, both relations having 30 pairs or more.

    Intervals draw words, which cross in the pairs, and trainings. Those of a measure hold together
    for all its rows: of auc, for all contrasts of all models.
    """
    lookups = {
        name: Lookup(spaces[0].vocabulary, ignore_case=ignore_case)
        for name, spaces in models.items()
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
    totals = {name: len(listed) for name, listed in {**known, **pairs}.items()}
    weights = _weights(known, resamples, stream(seed, "bootstrap", "relations"))

    def drawn(
        model: str, measure: Measure, values: Mapping[str, Sequence[Floats]], *relations: str
    ) -> Measured:
        """Return a measure of relations over the trainings of a model, and in resamples."""
        each = np.array(
            [
                measure(*x, *(weights[name] for name in relations))
                for x in zip(*(values[name] for name in relations), strict=True)
            ]
        )
        random = stream(seed, "bootstrap", "seeds", model)
        return each[:, 0].mean(), statistics.over_seeds(each[:, 1:], random)

    cosines: list[tuple[dict[str, object], Mapping[str, Measured]]] = []
    contrasts: list[tuple[dict[str, object], Mapping[str, Measured]]] = []
    for model, spaces in models.items():
        values = {
            name: [_cosines(one, lookups[model], listed) for one in spaces]
            for name, listed in known.items()
        }
        for name, x in values.items():
            row = {"model": model, "relation": name, "n": len(known[name]), "total": totals[name]}
            mean = drawn(model, statistics.resampled_mean, values, name)
            cosines.append(({**row, **_quantiles(x)}, {"mean": mean}))
        for a, b in combinations(values, 2):
            sizes = len(known[a]), len(known[b])
            row = {"model": model, "first": a, "second": b, "chance": sizes[0] / max(1, sum(sizes))}
            measures = {
                "auc": drawn(model, statistics.resampled_auc, values, a, b),
                "precision": drawn(model, statistics.resampled_average_precision, values, a, b),
            }
            contrasts.append(({**row, "enough": min(sizes) >= FEWEST}, measures))
    table = _with_intervals(contrasts, confidence)
    table["distinct"] = table.pop("enough") & ((table["low"] > 0.5) | (table["high"] < 0.5))
    return _with_intervals(cosines, confidence), table


def _with_intervals(
    rows: Sequence[tuple[dict[str, object], Mapping[str, Measured]]], confidence: float
) -> pd.DataFrame:
    """Return rows as a table, with the measures of each, and intervals that hold for all rows.

    Ends are low and high for the first measure, then `measure_low` and `measure_high`.
    """
    table = pd.DataFrame([row for row, _ in rows])
    for place, name in enumerate(rows[0][1] if rows else ()):
        values = np.array([measured[name][0] for _, measured in rows])
        draws = statistics.combined(np.array([measured[name][1] for _, measured in rows]))
        margins, _ = statistics.margins_together(values, draws, confidence)
        prefix = f"{name}_" if place else ""
        table[name] = values
        least = -1 if name == "mean" else 0  # a cosine, or a share
        table[f"{prefix}low"] = np.maximum(values - margins, least)
        table[f"{prefix}high"] = np.minimum(values + margins, 1)
    return table


def _weights(pairs: Pairs, resamples: int, random: np.random.Generator) -> dict[str, Floats]:
    """Return by relation how much each pair weighs in itself, then in resamples, (1 + 2R, n).

    The words of all relations are drawn together, so that what two relations share they share in
    every resample.
    """
    first, second = numbered(
        (a.casefold(), b.casefold()) for listed in pairs.values() for a, b in listed
    )
    drawn = CrossedResamples.draw(first, second, resamples, random).weights
    weights = np.concatenate([np.ones((1, len(first))), drawn])
    ends = np.cumsum([len(listed) for listed in pairs.values()])
    return dict(zip(pairs, np.split(weights, ends[:-1], axis=1), strict=True))


def _quantiles(values: Sequence[Floats]) -> dict[str, float]:
    """Return the quantiles of each training's cosines, the mean over trainings."""
    if len(values[0]) == 0:
        return dict.fromkeys(QUANTILES, np.nan)
    found = np.quantile(np.array(values), list(QUANTILES.values()), axis=1).mean(axis=1)
    return dict(zip(QUANTILES, found.tolist(), strict=True))


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
