"""Every evaluation set that is here, on one model of word vectors: a row per set."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from wordlab.artifacts import rounded
from wordlab.evaluation.vectors import analogy, by_name, further, scores, similarity
from wordlab.evaluation.vectors.analogy import AnalogyResult, Questions
from wordlab.evaluation.vectors.by_name import Items
from wordlab.evaluation.vectors.scores import Scores
from wordlab.evaluation.vectors.sets import EvaluationSets
from wordlab.evaluation.vectors.similarity import SimilarityResult, Space, WordPairs
from wordlab.params.embeddings import EvaluationParams
from wordlab.params.sets import TASKS, catalogue, task_of

Result = SimilarityResult | AnalogyResult | further.Guesses | further.DegreeResult


@dataclass(frozen=True)
class Row:
    """How a model did on one set.

    measure: what score is; low, high: its interval; score is over the n of `total` items whose
    words are known, coverage the share of these; all: the score over all items, unknown words at
    cosine 0 or wrong, where the task has such a score; else None.
    """

    name: str
    title: str
    task: str
    language: str
    measure: str
    score: float
    low: float
    high: float
    n: int
    total: int
    coverage: float
    all: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the row as a mapping, numbers rounded, None for what has no value."""
        return dict(rounded(asdict(self)))


Extend = Callable[[Iterable[str]], Space]


def rows(
    space: Space,
    params: EvaluationParams,
    sets: EvaluationSets,
    language: str,
    *,
    seed: int,
    extend: Extend | None = None,
) -> tuple[list[Row], list[str]]:
    """Return a row per set that is here, by task, and the names of those that are not.

    sets: those of `params`, which come first in their tasks; besides them, those of the catalogue
    for `language`. Nothing is fetched. seed: of the bootstrap. extend: returns the space with
    words that it lacks, for a model that makes vectors of any; analogies, which are answered with
    words of the vocabulary, do without.
    """
    missing: list[str] = []
    found = [
        _row(_with_words(space, items, extend), name, task, items, params, seed)
        for name, task, items in _all(params, sets, language, missing)
    ]
    return sorted(found, key=lambda row: TASKS.index(row.task)), missing


def _all(
    params: EvaluationParams, sets: EvaluationSets, language: str, missing: list[str]
) -> Iterator[tuple[str, str, Items]]:
    """Yield the name, the task and the items of each set; mutates missing, the names of others."""
    public = catalogue()
    seen = {pairs.name for pairs in sets.pairs}
    for pairs in sets.pairs:
        yield pairs.name, task_of(pairs.name), pairs
    path = by_name.path_or_name(params.analogies.path, by_name.GOOGLE)
    if len(sets.questions):
        name = path if isinstance(path, str) else scores.ANALOGY
        seen.add(name)
        yield name, "analogies", sets.questions
    for name, item in public.items():
        if item.language != language or name in seen:
            continue
        items = by_name.read(item, fetch=False)
        if items is None:
            missing.append(name)
        else:
            yield name, item.task, items


def _with_words(space: Space, items: Items, extend: Extend | None) -> Space:
    """Return the space with the words of a set."""
    if extend is None or isinstance(items, Questions):
        return space
    words = {word for group in items.words for word in group}
    if isinstance(items, further.Degrees):
        words |= {word for pairs in items.examples for pair in pairs for word in pair}
    return extend(sorted(words))


def _row(
    space: Space, name: str, task: str, items: Items, params: EvaluationParams, seed: int
) -> Row:
    result = answer(space, items, params)
    scored = scores.task({"": Scores({}, {}, params, seed)}, {"": (result,)}, name, name)
    low, high = scored.interval(0, params.confidence)
    public = catalogue().get(name)
    return Row(
        name,
        public.title if public else name,
        task,
        public.language if public else "",
        _measure(result),
        float(scored.scores[0]),
        low,
        high,
        scored.n,
        scored.total,
        scored.n / scored.total if scored.total else float("nan"),
        _over_all(result),
    )


def answer(space: Space, items: Items, params: EvaluationParams) -> Result:
    """Return what a model makes of a set; analogies by the first method."""
    case = params.ignore_case
    match items:
        case WordPairs():
            return similarity.score(space, items, ignore_case=case)
        case Questions():
            limit, method = params.analogies.restrict_vocabulary, params.analogies.methods[0]
            return analogy.score(space, items, method, ignore_case=case, restrict_vocabulary=limit)
        case further.Categories():
            return further.sort_into_categories(space, items, ignore_case=case)
        case further.Puzzles():
            return further.spot_odd_ones(space, items, ignore_case=case)
        case further.Degrees():
            return further.give_degrees(space, items, ignore_case=case)
        case further.Related():
            return further.guess_relations(space, items, ignore_case=case)


def _measure(result: Result) -> str:
    if isinstance(result, SimilarityResult):
        return "Spearman"
    return "share right" if isinstance(result, AnalogyResult) else result.measure


def _over_all(result: Result) -> float | None:
    if isinstance(result, SimilarityResult):
        return result.spearman(unknown=True)
    if isinstance(result, AnalogyResult):
        return result.accuracy(np.ones(len(result.questions), dtype=bool), unknown=True)
    return None


def missing_notice(missing: Sequence[str]) -> str:
    """Return the line that says which sets are not here."""
    return f"not here: {', '.join(missing)}; `wordlab sets --fetch` fetches them"
