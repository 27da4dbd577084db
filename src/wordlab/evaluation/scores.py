"""All scores of one model, under the names that every model's scores have."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wordlab import downloads
from wordlab.artifacts import rounded
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation import analogy, similarity, statistics
from wordlab.evaluation.analogy import AnalogyResult, Questions
from wordlab.evaluation.datasets import packaged
from wordlab.evaluation.similarity import SimilarityResult, WordPairs
from wordlab.evaluation.spaces import Space, space
from wordlab.evaluation.statistics import CrossedResamples
from wordlab.params.evaluation import EvaluationParams, WordPairsParams
from wordlab.rng import stream

GROUPS = ("semantic", "syntactic", "total")


@dataclass(frozen=True, eq=False)
class EvaluationSets:
    """What models are scored on, read once: sets of word pairs, and analogy questions."""

    pairs: tuple[WordPairs, ...]
    questions: Questions


@dataclass(frozen=True, eq=False)
class Scores:
    """What one model answered, and the settings it is summed up with.

    similarity: a result for each set of word pairs; analogy: one for each method, by name.
    """

    similarity: Mapping[str, SimilarityResult]
    analogy: Mapping[str, AnalogyResult]
    params: EvaluationParams
    seed: int

    def metrics(self) -> dict[str, Any]:
        """Return the scores as nested rounded numbers, None for what has no value.

        For each set of word pairs: `spearman` and `pearson` over the pairs whose words are known,
        `low` and `high`, the bootstrap interval of `spearman`; `spearman_all`, unknown words at
        cosine 0; `n` pairs known of `pairs`, and `coverage`, their ratio. For `analogy`: `n`,
        `questions` and `coverage`, and under each method the share of right answers `semantic`,
        `syntactic` and in `total`, each over the known questions, the interval of `total`, `*_all`
        with unknown questions wrong, and `sections`.
        """
        result: dict[str, Any] = {
            name: self._similarity_metrics(scored) for name, scored in self.similarity.items()
        }
        result["analogy"] = self._analogy_metrics()
        return rounded(result)

    def _similarity_metrics(self, scored: SimilarityResult) -> dict[str, Any]:
        random = stream(self.seed, "bootstrap", scored.pairs.name)
        counts = statistics.resample(scored.n, self.params.resamples, random)
        low, high = statistics.interval(scored.resampled(counts), self.params.confidence)
        return {
            "spearman": scored.spearman(),
            "low": low,
            "high": high,
            "spearman_all": scored.spearman(unknown=True),
            "pearson": scored.pearson(),
            "n": scored.n,
            "pairs": len(scored.pairs),
            "coverage": scored.coverage,
        }

    def _analogy_metrics(self) -> dict[str, Any]:
        first = next(iter(self.analogy.values()))
        questions, asked = first.questions, int(first.known.sum())
        metrics: dict[str, Any] = {
            "n": asked,
            "questions": len(questions),
            "coverage": asked / len(questions) if len(questions) else float("nan"),
        }
        resamples = self._resampled_questions(first)
        for method, answered in self.analogy.items():
            groups = {name: questions.group(name) for name in GROUPS}
            draws = resamples.means(answered.correct[answered.known])
            low, high = statistics.interval(draws, self.params.confidence)
            metrics[method] = {
                **{name: answered.accuracy(group) for name, group in groups.items()},
                "low": low,
                "high": high,
                **{
                    f"{name}_all": answered.accuracy(group, unknown=True)
                    for name, group in groups.items()
                },
                "sections": {
                    name: {
                        "accuracy": answered.accuracy(questions.section == i),
                        "n": int(answered.known[questions.section == i].sum()),
                    }
                    for i, name in enumerate(questions.sections)
                },
            }
        return metrics

    def _resampled_questions(self, result: AnalogyResult) -> CrossedResamples:
        ab, cd = result.questions.pairs()
        random = stream(self.seed, "bootstrap", "analogy")
        return CrossedResamples.draw(
            ab[result.known], cd[result.known], self.params.resamples, random
        )


def read_sets(params: EvaluationParams) -> EvaluationSets:
    """Read the sets that `params` names, fetching those that have a url and are not here yet.

    Raises UserError if one cannot be fetched or read.
    """
    pairs = tuple(similarity.read_pairs(_file(item), item.name) for item in params.similarity)
    path = params.analogies.path
    return EvaluationSets(
        pairs, analogy.read_questions(Path(path) if path else packaged("analogies"))
    )


def _file(pairs: WordPairsParams) -> Path:
    if pairs.url is not None and pairs.sha256 is not None:
        return downloads.cached(pairs.url, pairs.sha256)
    return Path(pairs.path) if pairs.path else packaged(pairs.name)


def evaluate(
    model: Vectors | Space,
    params: EvaluationParams,
    *,
    seed: int,
    sets: EvaluationSets | None = None,
) -> Scores:
    """Return the scores of `model`, which is left as it was.

    seed: of the bootstrap; sets: those of `params` if they have been read already.
    """
    sets = sets or read_sets(params)
    words = space(model)
    case = params.ignore_case
    return Scores(
        similarity={
            pairs.name: similarity.score(words, pairs, ignore_case=case) for pairs in sets.pairs
        },
        analogy={
            method: analogy.score(
                words,
                sets.questions,
                method,
                ignore_case=case,
                restrict_vocabulary=params.analogies.restrict_vocabulary,
            )
            for method in params.analogies.methods
        },
        params=params,
        seed=seed,
    )


def evaluate_all(
    models: Mapping[str, Vectors | Space], params: EvaluationParams, *, seed: int
) -> dict[str, Scores]:
    """Return the scores of several models, by name, as `evaluate` does, the sets read once."""
    sets = read_sets(params)
    return {name: evaluate(model, params, seed=seed, sets=sets) for name, model in models.items()}
