"""All that the models of word vectors are compared by, in one result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from wordlab.artifacts import rounded
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.ppmi.ppmi import PpmiModel
from wordlab.evaluation import comparison, neighbours, relations, scores
from wordlab.evaluation.comparison import Comparison
from wordlab.evaluation.relations import RelationStudy
from wordlab.evaluation.scores import Trained
from wordlab.evaluation.spaces import SparseSpace, space
from wordlab.params.evaluation import ComparisonParams, EvaluationParams, RelationParams


@dataclass(frozen=True, eq=False)
class Overview:
    """Models of word vectors side by side.

    comparison: scores, differences, neighbours; relations: which relations cosines show; frequency,
    geometry: as in the modules of these names; associations: one row per word and rank (from 1):
    the context most strongly associated with the word directly, with its ppmi (nats), beside the
    neighbour that has the most similar associations, with its cosine. Scores, relations and
    frequency are of all trainings of a model; neighbours and geometry of the first.
    """

    comparison: Comparison
    relations: RelationStudy
    frequency: pd.DataFrame = field(repr=False)
    geometry: pd.DataFrame = field(repr=False)
    associations: pd.DataFrame = field(repr=False)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings in words."""
        return (*self.comparison.sentences, *self.relations.sentences)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        return {
            **self.comparison.tables(),
            "relations": self.relations.cosines,
            "contrasts": self.relations.contrasts,
            "frequency": self.frequency,
            "geometry": self.geometry,
            "associations": self.associations,
        }

    def metrics(self) -> dict[str, Any]:
        """Return the comparison's metrics, and by model what else was measured, rounded."""
        antonyms = self.relations.contrasts.query("first == 'synonyms' and second == 'antonyms'")
        measured = {
            "relations": _nested(self.relations.cosines, "relation", ["mean", "low", "high", "n"]),
            "synonyms_over_antonyms": {
                row["model"]: {key: row[key] for key in ("auc", "low", "high")}
                for row in antonyms.to_dict("records")
            },
            "frequency": {
                task: _nested(part, "band", ["score", "low", "high", "n"])
                for task, part in self.frequency.groupby("task", sort=False)
            },
            "geometry": self.geometry.set_index("model").to_dict("index"),
        }
        return {**self.comparison.metrics(), **rounded(measured)}


def overview(
    models: Mapping[str, Trained],
    ppmi: PpmiModel,
    evaluation: EvaluationParams,
    params: ComparisonParams,
    *,
    seed: int,
) -> Overview:
    """Compare `models`, by name, and `ppmi` for its associations; all are left as they were."""
    trained = {
        name: [space(one) for one in scores.trainings(model)] for name, model in models.items()
    }
    spaces = {name: trainings[0] for name, trainings in trained.items()}
    found = scores.evaluate_all(models, evaluation, seed=seed)
    vocabulary = next(iter(spaces.values())).vocabulary
    return Overview(
        comparison=comparison.compare_scored(spaces, found, params),
        relations=relations.study(
            trained,
            listed_pairs(params.relations, vocabulary),
            ignore_case=evaluation.ignore_case,
            resamples=evaluation.resamples,
            confidence=evaluation.confidence,
            seed=seed,
        ),
        frequency=comparison.by_frequency(found, vocabulary),
        geometry=neighbours.geometry(spaces, params.overlap_words, params.neighbours),
        associations=associations(ppmi, params),
    )


def listed_pairs(params: RelationParams, vocabulary: Vocabulary) -> relations.Pairs:
    """Return the pairs by relation that `params` asks for.

    Raises UserError if the list cannot be read, or WordNet is wanted and not installed.
    """
    pairs = relations.read(Path(params.path) if params.path else relations.CURATED)
    if params.wordnet:
        pairs = relations.extend(pairs, vocabulary.words, params.wordnet, relations.reader())
    return pairs


def associations(ppmi: PpmiModel, params: ComparisonParams) -> pd.DataFrame:
    """Return direct associations beside second-order neighbours, columns as in `Overview`."""
    rows = SparseSpace(ppmi.vocabulary, ppmi.matrix)
    words = comparison.looked_up(params, ppmi.vocabulary).words
    near = neighbours.table({"ppmi": rows}, words, params.neighbours)
    direct = pd.DataFrame(
        [
            (word, rank, context, value)
            for word in words
            for rank, (context, value) in enumerate(
                ppmi.associations(word, params.neighbours), start=1
            )
        ],
        columns=["word", "rank", "association", "ppmi"],
    )
    return direct.merge(near.drop(columns="model"), on=["word", "rank"], how="outer", sort=False)


def _nested(table: pd.DataFrame, key: str, columns: list[str]) -> dict[str, Any]:
    """Return model -> `key` -> the numbers of `columns`."""
    result: dict[str, Any] = {}
    for row in table.to_dict("records"):
        values = {column: row[column] for column in columns}
        result.setdefault(str(row["model"]), {})[str(row[key])] = values
    return result
