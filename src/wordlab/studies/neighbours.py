"""Which neighbours of words, and which scores, other texts of the kind would give too."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from wordlab.artifacts import Result, nested
from wordlab.corpus.vocabulary import study_words
from wordlab.embeddings.draws import Draws
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation import stability
from wordlab.evaluation.comparison.comparison import WORDS
from wordlab.evaluation.vectors import analogy, scores, similarity
from wordlab.evaluation.vectors.scores import Task
from wordlab.evaluation.vectors.sets import EvaluationSets, read_sets
from wordlab.evaluation.vectors.similarity import DenseSpace
from wordlab.params.embeddings import EvaluationParams
from wordlab.params.studies import DrawsParams

Trainings = Mapping[str, Sequence[Vectors]]


def study_neighbours(
    trained: Trainings,
    drawn: Mapping[str, Draws],
    words: Sequence[str] | None,
    commonest: int,
    params: DrawsParams,
    evaluation: EvaluationParams,
    *,
    seed: int,
) -> Result:
    """Compare models, by name, with what draws of the documents make of them.

    trained: the trainings of each on the whole text; words: whose neighbours are looked up, chosen
    from the text where none are named; commonest: over how many words stability is measured.
    Tables:

    - neighbours: model, and the columns of `stability.neighbours`, of the first training;
    - stability: model, word, count, stability (`stability.stability`), commonest words first;
    - scores: one row per model and task: score, the mean over trainings; items_low, items_high, its
      confidence interval over items and trainings; documents_low, documents_high, the prediction
      interval of what another text of the kind scores (`statistics.elsewhere`), on those of the
      items whose words it has; n items, and the draws. The two answer different questions, and
      their widths do not compare.

    All intervals are at `params.confidence`; of ranks and scores over documents they are NaN where
    the text has fewer than `statistics.FEWEST` documents.
    """
    first = {name: DenseSpace(vectors[0]) for name, vectors in trained.items()}
    vocabulary = next(iter(first.values())).vocabulary
    shown = study_words(words, vocabulary, WORDS)
    ids = np.arange(min(commonest, len(vocabulary)))
    near, stable = [], []
    for name, space in first.items():
        found = stability.neighbours(
            space, drawn[name], shown, params.neighbours, params.confidence
        )
        near.append(found.assign(model=name)[["model", *stability.COLUMNS]])
        stable.append(
            pd.DataFrame(
                {
                    "model": name,
                    "word": vocabulary.words[: len(ids)],
                    "count": vocabulary.counts[: len(ids)],
                    "stability": stability.stability(space, drawn[name], ids, params.neighbours),
                }
            )
        )
    tables = {
        "neighbours": pd.concat(near, ignore_index=True),
        "stability": pd.concat(stable, ignore_index=True),
        "scores": _scores(trained, drawn, params, scores.by_first_method(evaluation), seed),
    }
    means = tables["stability"].groupby("model", sort=False)["stability"].mean()
    metrics = {"stability": means.to_dict(), "scores": nested(tables["scores"], ["task", "model"])}
    return Result(tables, metrics)


def _scores(
    trained: Trainings,
    drawn: Mapping[str, Draws],
    params: DrawsParams,
    evaluation: EvaluationParams,
    seed: int,
) -> pd.DataFrame:
    """Return the table of scores."""
    sets = read_sets(evaluation)
    found = {
        name: scores.evaluate(vectors, evaluation, seed=seed, sets=sets, name=name)
        for name, vectors in trained.items()
    }
    tasks = scores.tasks(found)
    rows = []
    for place, name in enumerate(found):
        draws = drawn[name]
        of_draws = [
            scored(draws.vectors(number), tasks, sets, evaluation) for number in range(len(draws))
        ]
        for task, others in zip(tasks, zip(*of_draws, strict=True), strict=True):
            score = float(task.scores[place])
            items = task.interval(place, params.confidence)
            documents = np.clip(
                stability.believed(np.array(others), draws, params.confidence, score), task.least, 1
            )
            rows.append(
                {
                    "model": name, "task": task.name, "score": score,
                    "items_low": items[0], "items_high": items[1],
                    "documents_low": documents[0], "documents_high": documents[1],
                    "n": task.n, "draws": len(draws),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def scored(
    vectors: Vectors, tasks: Sequence[Task], sets: EvaluationSets, params: EvaluationParams
) -> list[float]:
    """Return what vectors score at each of `tasks`, over the items whose words they have."""
    space, pairs = DenseSpace(vectors), {one.name: one for one in sets.pairs}
    found = []
    for task in tasks:
        if task.name in pairs:
            answered = similarity.score(space, pairs[task.name], ignore_case=params.ignore_case)
            found.append(answered.spearman())
            continue
        questions = analogy.score(
            space,
            sets.questions,
            task.name.removeprefix(f"{scores.ANALOGY} "),
            ignore_case=params.ignore_case,
            restrict_vocabulary=params.analogies.restrict_vocabulary,
        )
        found.append(questions.accuracy(sets.questions.group("total")))
    return found
