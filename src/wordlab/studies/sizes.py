"""How the scores of word vectors grow with the size of the text they are trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.artifacts import Result
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import UNKNOWN, Vocabulary
from wordlab.embeddings import glove, ppmi
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.vectors import Vectors
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.evaluation import statistics
from wordlab.evaluation.comparison.comparison import score_table
from wordlab.evaluation.vectors import scores
from wordlab.evaluation.vectors.scores import Task
from wordlab.params.embeddings import (
    CooccurrenceParams,
    EvaluationParams,
    GloveParams,
    PpmiParams,
    Word2vecParams,
)
from wordlab.params.studies import SizeStudyParams
from wordlab.params.text import VocabularyParams
from wordlab.rng import stream

Models = Mapping[str, Vectors]
GROWTH = ["task", "model", "share", "larger", "difference", "low", "high", "n", "distinct"]
OFF = 0.2
"""How far, in parts of a share, what documents hold may be from it."""


@dataclass(frozen=True)
class Recipes:
    """How the models are made: the sections of the params that the pipeline trains by."""

    vocabulary: VocabularyParams
    skipgram: Word2vecParams
    cooccurrence: CooccurrenceParams
    ppmi: PpmiParams
    glove: GloveParams


def study_sizes(
    corpus: EncodedCorpus,
    whole: Models,
    recipes: Recipes,
    params: SizeStudyParams,
    evaluation: EvaluationParams,
    *,
    seed: int,
) -> Result:
    """Train on documents that hold each of `params.shares` of `corpus`, and compare with `whole`.

    whole: skipgram, ppmi_svd and glove as trained on all of it. Documents are drawn at random and
    whole, so that no window crosses from one sentence to another that does not follow it; those of
    a smaller share are among those of a larger one. Analogies are answered by the first method.
    Tables:

    - scores: one row per task, share and model: score with low and high, over the n items whose
      words are known at every share, of total; held, the share that the documents trained on really
      hold; their tokens and words;
    - own: the same over the items known at that share, which differ from share to share;
    - growth: one row per task and model: by how much the score rises from the least share to the
      whole text (share, larger), difference, with low and high (intervals that hold together for
      all rows), n, and distinct, whether the interval leaves out 0, n being 10 or more;
    - left_out: share, reason: vocabulary, if it has no more words than the vectors have dimensions,
      or documents, if no whole ones hold about that much (as `_documents` has it).

    Intervals draw items, crossing the words or word pairs that they share; the sizes are drawn
    together. Neither the documents nor the seed are: each size is one draw and one training.
    """
    evaluation = scores.by_first_method(evaluation)
    vocabulary = next(iter(whole.values())).vocabulary
    order = stream(seed, "sizes").permutation(len(corpus.document_ends))
    trained: dict[float, Models] = {}
    facts: list[dict[str, float]] = []
    left_out: dict[float, str] = {}
    for share, count in _documents(corpus, order, params.shares).items():
        if count is None:
            left_out[share] = "documents"
            continue
        part = _part(corpus, vocabulary, order[:count], recipes.vocabulary)
        if part is None or len(part[1]) <= max(recipes.ppmi.dimensions, recipes.glove.dimensions):
            left_out[share] = "vocabulary"
            continue
        trained[share] = _train(*part, recipes, seed)
        facts.append({"share": share, "held": len(part[0]) / len(corpus), **_sizes(*part)})
    trained[1.0] = whole
    facts.append({"share": 1.0, "held": 1.0, **_sizes(corpus, vocabulary)})
    found = {
        share: scores.evaluate_all(models, evaluation, seed=seed)
        for share, models in trained.items()
    }
    cases = [(share, name) for share, own in found.items() for name in own]
    common = scores.tasks({f"{share} {name}": found[share][name] for share, name in cases})
    by_share = pd.DataFrame(facts).set_index("share")
    alike, own = (
        pd.concat(parts, ignore_index=True).join(by_share, on="share")
        for parts in (
            [_table(task, cases, evaluation.confidence) for task in common],
            [
                _table(task, [(share, name) for name in scored], evaluation.confidence)
                for share, scored in found.items()
                for task in scores.tasks(scored)
            ],
        )
    )
    tables = {
        "scores": alike,
        "own": own,
        "growth": _growth(common, cases, evaluation.confidence),
        "left_out": pd.DataFrame(left_out.items(), columns=["share", "reason"]),
    }
    return Result(tables, _metrics(alike, own))


def _metrics(alike: pd.DataFrame, own: pd.DataFrame) -> dict[str, Any]:
    """Return task -> model -> share in percent -> score, low, high, n and the `own_` ones."""
    result: dict[str, Any] = {}
    for prefix, table in (("", alike), ("own_", own)):
        for row in table.to_dict("records"):
            models = result.setdefault(str(row["task"]), {})
            shares = models.setdefault(str(row["model"]), {})
            values = {f"{prefix}{key}": row[key] for key in ("score", "low", "high", "n")}
            shares.setdefault(f"{100 * row['share']:.3g} %", {}).update(values)
    return result


def _documents(
    corpus: EncodedCorpus, order: NDArray[np.int64], shares: Sequence[float]
) -> dict[float, int | None]:
    """Return for each share how many documents, first in `order`, hold about that many tokens.

    None where what they hold is off by more than a fifth of the share (OFF), or where they are the
    same as for a smaller share or all there are.
    """
    lengths = np.diff(corpus.document_ends, prepend=0)
    held = np.cumsum(lengths[order]) / len(corpus)
    found: dict[float, int | None] = {}
    for share in sorted(shares):
        count = 1 + int(np.abs(held - share).argmin())
        close = abs(held[count - 1] - share) <= OFF * share
        new = count < len(order) and count not in found.values()
        found[share] = count if close and new else None
    return found


def _part(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    documents: NDArray[np.int64],
    params: VocabularyParams,
) -> tuple[EncodedCorpus, Vocabulary] | None:
    """Return `documents` of the corpus, in the order of the text, with a vocabulary of their own.

    None if no word is left in it.
    """
    part = corpus.documents(np.sort(documents))
    counts = part.counts(len(vocabulary)).tolist()
    if max(counts, default=0) < params.min_count:
        return None
    own = Vocabulary.build(
        dict(zip(vocabulary.words, counts, strict=True)),
        min_count=params.min_count,
        max_size=params.max_size,
    )
    ids = np.array([own.index.get(word, UNKNOWN) for word in vocabulary.words], dtype=np.int32)
    tokens = np.where(part.tokens == UNKNOWN, np.int32(UNKNOWN), ids[part.tokens])
    return replace(part, tokens=tokens), own


def _sizes(corpus: EncodedCorpus, vocabulary: Vocabulary) -> dict[str, int]:
    """Return how many known tokens and how many different words a text has."""
    return {"tokens": int((corpus.tokens != UNKNOWN).sum()), "words": len(vocabulary)}


def _train(corpus: EncodedCorpus, vocabulary: Vocabulary, recipes: Recipes, seed: int) -> Models:
    counts = cooccurrence.count(corpus, vocabulary, recipes.cooccurrence, seed=seed)
    weighed = ppmi.ppmi(counts, recipes.ppmi)
    return {
        "skipgram": word2vec.train(
            corpus, vocabulary, recipes.skipgram, architecture="skipgram", seed=seed
        ),
        "ppmi_svd": ppmi.factorise(weighed.matrix, vocabulary, recipes.ppmi, seed=seed),
        "glove": glove.train(counts, recipes.glove, seed=seed),
    }


def _table(task: Task, cases: Sequence[tuple[float, str]], confidence: float) -> pd.DataFrame:
    """Return the scores of a task, one row per share and model of `cases`."""
    table = score_table(task, [name for _, name in cases], confidence).drop(columns="seeds")
    table.insert(0, "share", [share for share, _ in cases])
    return table


def _growth(
    tasks: Sequence[Task], cases: Sequence[tuple[float, str]], confidence: float
) -> pd.DataFrame:
    """Return by how much scores rise from the least share to the whole, as in `study_sizes`."""
    least = min(share for share, _ in cases)
    steps = [
        (cases.index((least, name)), place)
        for place, (share, name) in enumerate(cases)
        if share == 1 and least < 1
    ]
    rows = [
        {"task": task.name, "model": cases[place][1], "share": cases[place][0],
         "larger": cases[larger][0], "n": task.n}
        for task in tasks
        for place, larger in steps
    ]  # fmt: skip
    if not rows:
        return pd.DataFrame(columns=GROWTH)
    left, right = np.array(steps).T
    values = np.concatenate([task.scores[right] - task.scores[left] for task in tasks])
    draws = np.concatenate([task.draws[right] - task.draws[left] for task in tasks])
    margins, _ = statistics.margins_together(values, statistics.combined(draws), confidence)
    table = pd.DataFrame(rows).assign(
        difference=values, low=values - margins, high=values + margins
    )
    clear = (table["low"] > 0) | (table["high"] < 0)
    return table.assign(distinct=clear & (table["n"] >= statistics.FEWEST))[GROWTH]
