"""Whether a model that was scored beats the champion of its name in MLflow, on the same items.

Both answered the same items, so the tests are the paired ones of the report: what makes an item
hard for both cancels out. What a model answered is kept beside it, some 100 kB, so that nothing is
computed anew for the comparison.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordlab import artifacts, names
from wordlab.evaluation.comparison.comparison import differences_of
from wordlab.evaluation.language import held_out
from wordlab.evaluation.language.held_out import HeldOut
from wordlab.evaluation.vectors import scores
from wordlab.evaluation.vectors.analogy import AnalogyResult
from wordlab.evaluation.vectors.scores import Scores
from wordlab.evaluation.vectors.similarity import SimilarityResult
from wordlab.pipeline.recorder import Recorder
from wordlab.pipeline.trained import ANSWERS
from wordlab.report.tables import ranged

Answers = Mapping[str, NDArray[Any]]
Results = Mapping[str, tuple[SimilarityResult | AnalogyResult, ...]]
"""Of each training, by the name of a task."""
Verdict = tuple[bool | None, str]
"""Whether a model is better than the champion, None if that cannot be said; and how they differ."""
APART = None, "not compared, as it was scored on other items."


@dataclass(frozen=True, eq=False)
class Scored:
    """A model that was scored.

    metrics: its few scores; answers: to each item; against: compares it by the answers of another.
    """

    metrics: Mapping[str, Any]
    answers: Answers
    against: Callable[[Answers], Verdict]


def hold(recorder: Recorder, found: Mapping[Path, Scored], datasets: Mapping[str, str]) -> None:
    """Link the scores of models, by their folders, with them in MLflow, and settle who is champion.

    datasets: the digest of each by name. A metric of that name was measured on it, all metrics on
    the one dataset if there is one.
    """
    with TemporaryDirectory() as scratch:
        for run, (path, scored) in enumerate(found.items(), start=1):
            place = Path(scratch) / path.name
            place.mkdir()
            before = recorder.champion(path, place / "champion")
            verdict: Verdict = None, ""
            if before is not None:
                with artifacts.reading(before), np.load(before, allow_pickle=False) as kept:
                    verdict = scored.against(dict(kept))
            np.savez_compressed(place / ANSWERS, allow_pickle=False, **scored.answers)
            recorder.scored(path, run, scored.metrics, datasets, place / ANSWERS, *verdict)
        recorder.stored()  # before the files go


def of_vectors(found: Scores, metrics: Mapping[str, Any]) -> Scored:
    """Return word vectors that were scored: on the sets of pairs, and analogies by the first
    method; metrics: their part of `scores.headline`."""
    method = next(iter(found.analogy))
    results: Results = {**found.similarity, f"{scores.ANALOGY} {method}": found.analogy[method]}
    answers: dict[str, NDArray[Any]] = {}
    for name, trainings in results.items():
        answers[f"{name}.items"] = np.array(_digest(trainings[0].items.words))
        answers[f"{name}.known"] = trainings[0].known
        answers[f"{name}.answers"] = np.array([_answered(one) for one in trainings])

    def against(others: Answers) -> Verdict:
        shared = [name for name in results if _shared(others, answers, name)]
        if not shared:
            return APART
        both = {
            "own": _only(found, {name: results[name] for name in shared}),
            "other": _only(found, {one: _of_other(results[one][0], one, others) for one in shared}),
        }
        table = differences_of(scores.tasks(both), list(both), found.params.confidence)
        worse = table["first"] == "other"
        differ = table["distinct"]
        better = bool((differ & ~worse).any() and not (differ & worse).any())
        sides = [
            f"{_signed(row, -1 if row.first == 'other' else 1)} on {names.task(str(row.task))}"
            for row in table.itertuples()
        ]
        return better, f"the difference is {names.listed(sides)}."

    return Scored(metrics, answers, against)


def _answered(result: SimilarityResult | AnalogyResult) -> NDArray[Any]:
    return result.cosines if isinstance(result, SimilarityResult) else result.correct


def _only(found: Scores, results: Results) -> Scores:
    """Return scores by `results` alone, by the name of the set or the method behind `analogy`."""
    similarity, analogy = {}, {}
    for name, each in results.items():
        kind, _, method = name.partition(" ")
        pairs = tuple(one for one in each if isinstance(one, SimilarityResult))
        if pairs:
            similarity[name] = pairs
        else:
            analogy[method] = tuple(one for one in each if isinstance(one, AnalogyResult))
    return Scores(similarity, analogy, found.params, found.seed, found.name)


def _of_other(
    one: SimilarityResult | AnalogyResult, name: str, answers: Answers
) -> tuple[SimilarityResult | AnalogyResult, ...]:
    """Return the results of a model on the items of `one`, from its answers."""
    known, rows = answers[f"{name}.known"], answers[f"{name}.answers"]
    if isinstance(one, SimilarityResult):
        return tuple(SimilarityResult(one.pairs, known, row) for row in rows)
    return tuple(AnalogyResult(one.questions, known, (), row) for row in rows)


def _signed(row: Any, sign: int) -> str:
    low, high = sorted((sign * row.low, sign * row.high))
    return ranged(sign * row.difference, low, high)


def of_losses(
    losses: NDArray[np.floating], text: HeldOut, metrics: Mapping[str, Any], seed: int
) -> Scored:
    """Return a language model that was scored: losses (N,) in nats on the symbols of `text`."""
    items = np.array(_digest([text.ids.tobytes(), text.document_starts.tobytes()]))
    answers = {"items": items, "losses": losses.astype(np.float32)}

    def against(others: Answers) -> Verdict:
        if not _same(others, answers, "items"):
            return APART
        found = held_out.score(losses, text, seed=seed, baseline=others["losses"])
        assert found.ratio_high is not None
        ratio = ranged(found.ratio, found.ratio_low, found.ratio_high)
        symbols = f"{found.symbols:,} symbols of the test split"
        return found.ratio_high < 1, f"{ratio} times its perplexity on the {symbols}."

    return Scored(metrics, answers, against)


def _shared(one: Answers, other: Answers, name: str) -> bool:
    """Return whether both were scored on the same items, of which both know some."""
    same = _same(one, other, f"{name}.items")
    return same and bool((one[f"{name}.known"] & other[f"{name}.known"]).any())


def _same(one: Answers, other: Answers, name: str) -> bool:
    return name in one and np.array_equal(one[name], other[name])


def _digest(items: Any) -> str:
    return md5(repr(items).encode()).hexdigest()
