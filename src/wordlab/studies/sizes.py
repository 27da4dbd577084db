"""How the scores of word vectors grow with the size of the text they are trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.artifacts import rounded
from wordlab.embeddings import cooccurrence, glove, ppmi, word2vec
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation import scores, statistics
from wordlab.evaluation.comparison import score_table
from wordlab.evaluation.scores import Task
from wordlab.params.embeddings import (
    CooccurrenceParams,
    GloveParams,
    PpmiParams,
    Word2vecParams,
)
from wordlab.params.evaluation import EvaluationParams
from wordlab.params.studies import SizeStudyParams
from wordlab.params.text import VocabularyParams
from wordlab.rng import stream
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import UNKNOWN, Vocabulary

Models = Mapping[str, Vectors]
GROWTH = ["task", "model", "share", "larger", "difference", "low", "high", "n", "distinct"]


@dataclass(frozen=True)
class Recipes:
    """How the models are made: the sections of the params that the pipeline trains by."""

    vocabulary: VocabularyParams
    skipgram: Word2vecParams
    cooccurrence: CooccurrenceParams
    ppmi: PpmiParams
    glove: GloveParams


@dataclass(frozen=True, eq=False)
class SizeStudy:
    """The same models on growing shares of the text.

    scores: one row per task, share and model: score with low and high, over the n items whose words
    are known at every share, of total; tokens and words of the text trained on. own: the same over
    the items known at that share, which differ from share to share. growth: one row per task, model
    and two shares, share and larger: by how much the score rises, difference, with low and high
    (intervals that hold together for all rows), n, and distinct, whether the interval leaves out 0,
    n being 10 or more. sentences: in words.

    Intervals draw items, crossing the words or word pairs that they share; the sizes are drawn
    together. Neither the documents nor the seed are: each size is one draw and one training.
    """

    scores: pd.DataFrame = field(repr=False)
    own: pd.DataFrame = field(repr=False)
    growth: pd.DataFrame = field(repr=False)
    sentences: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        return {"scores": self.scores, "own": self.own, "growth": self.growth}

    def metrics(self) -> dict[str, Any]:
        """Return task -> model -> share in percent -> score, low, high, n and the `own_` ones."""
        result: dict[str, Any] = {}
        for prefix, table in (("", self.scores), ("own_", self.own)):
            for row in table.to_dict("records"):
                models = result.setdefault(str(row["task"]), {})
                shares = models.setdefault(str(row["model"]), {})
                values = {f"{prefix}{key}": row[key] for key in ("score", "low", "high", "n")}
                shares.setdefault(_percent(row["share"]), {}).update(values)
        return rounded(result)


def study_sizes(
    corpus: EncodedCorpus,
    whole: Models,
    recipes: Recipes,
    params: SizeStudyParams,
    evaluation: EvaluationParams,
    *,
    seed: int,
) -> SizeStudy:
    """Train on documents that hold each of `params.shares` of `corpus`, and compare with `whole`.

    whole: skipgram, ppmi_svd and glove as trained on all of it. Documents are drawn at random and
    whole, so that no window crosses from one sentence to another that does not follow it; those of
    a smaller share are among those of a larger one. A share with no more words than the vectors
    have dimensions is left out. Analogies are answered by the first method.
    """
    evaluation = evaluation.by_first_method()
    vocabulary = next(iter(whole.values())).vocabulary
    order = stream(seed, "sizes").permutation(len(corpus.document_ends))
    trained: dict[float, Models] = {}
    tokens: dict[float, int] = {}
    left_out = []
    for share in sorted(params.shares):
        part = _part(corpus, vocabulary, order, share, recipes.vocabulary)
        if part is None or len(part[1]) <= max(recipes.ppmi.dimensions, recipes.glove.dimensions):
            left_out.append(share)
            continue
        tokens[share] = int((part[0].tokens != UNKNOWN).sum())
        trained[share] = _train(*part, recipes, seed)
    trained[1.0] = whole
    tokens[1.0] = int((corpus.tokens != UNKNOWN).sum())
    found = {
        share: scores.evaluate_all(models, evaluation, seed=seed)
        for share, models in trained.items()
    }
    words = {share: len(_vocabulary(models)) for share, models in trained.items()}
    names = [(share, name) for share, own in found.items() for name in own]
    common = scores.tasks({f"{share} {name}": found[share][name] for share, name in names})
    confidence = evaluation.confidence
    tables = [
        pd.concat(parts, ignore_index=True).assign(
            tokens=lambda table: table["share"].map(tokens),
            words=lambda table: table["share"].map(words),
        )
        for parts in (
            [_table(task, names, confidence) for task in common],
            [
                _table(task, [(share, name) for name in own], confidence)
                for share, own in found.items()
                for task in scores.tasks(own)
            ],
        )
    ]
    growth = _growth(common, names, confidence)
    sentences = (*_sentences(tables[0], growth), *_caveats(tables[1]), *_missing(left_out))
    return SizeStudy(tables[0], tables[1], growth, sentences)


def _part(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    order: NDArray[np.int64],
    share: float,
    params: VocabularyParams,
) -> tuple[EncodedCorpus, Vocabulary] | None:
    """Return the first documents in `order` that hold about `share` of the tokens, in the order of
    the text, with a vocabulary of their own.

    None if no word is left in it.
    """
    lengths = np.diff(corpus.document_ends, prepend=0)
    held = np.cumsum(lengths[order])
    count = 1 + int(np.abs(held - share * len(corpus)).argmin())
    chosen = np.zeros(len(order), dtype=bool)
    chosen[order[:count]] = True
    kept = np.repeat(chosen, lengths)
    before = np.concatenate([[0], np.cumsum(kept)])
    sentences = kept[corpus.sentence_ends - 1]
    known = corpus.tokens[kept]
    counts = np.bincount(known[known != UNKNOWN], minlength=len(vocabulary)).tolist()
    if max(counts, default=0) < params.min_count:
        return None
    own = Vocabulary.build(
        dict(zip(vocabulary.words, counts, strict=True)),
        min_count=params.min_count,
        max_size=params.max_size,
    )
    ids = np.array([own.index.get(word, UNKNOWN) for word in vocabulary.words], dtype=np.int32)
    tokens = np.where(known == UNKNOWN, np.int32(UNKNOWN), ids[known])
    return EncodedCorpus(
        tokens, before[corpus.sentence_ends[sentences]], before[corpus.document_ends[chosen]]
    ), own


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


def _vocabulary(models: Models) -> Vocabulary:
    return next(iter(models.values())).vocabulary


def _table(task: Task, names: Sequence[tuple[float, str]], confidence: float) -> pd.DataFrame:
    """Return the scores of a task, one row per share and model of `names`."""
    table = score_table(task, [name for _, name in names], confidence).drop(columns="seeds")
    table.insert(0, "share", [share for share, _ in names])
    return table


def _growth(
    tasks: Sequence[Task], names: Sequence[tuple[float, str]], confidence: float
) -> pd.DataFrame:
    """Return by how much scores rise from each share to each larger one, as `SizeStudy.growth`."""
    steps = [
        (place, larger)
        for (place, (share, name)), (larger, (more, same)) in combinations(enumerate(names), 2)
        if name == same and share < more
    ]
    rows = [
        {"task": task.name, "model": names[place][1], "share": names[place][0],
         "larger": names[larger][0], "n": task.n}
        for task in tasks
        for place, larger in steps
    ]  # fmt: skip
    if not rows:
        return pd.DataFrame(columns=GROWTH)
    left, right = np.array(steps).T
    values = np.concatenate([task.scores[right] - task.scores[left] for task in tasks])
    draws = np.concatenate([task.draws[right] - task.draws[left] for task in tasks])
    margins, _ = statistics.margins_together(values, draws, confidence)
    table = pd.DataFrame(rows).assign(
        difference=values, low=values - margins, high=values + margins
    )
    clear = (table["low"] > 0) | (table["high"] < 0)
    return table.assign(distinct=clear & (table["n"] >= statistics.FEWEST))[GROWTH]


def _sentences(table: pd.DataFrame, growth: pd.DataFrame) -> list[str]:
    """Return for each task which models' scores change from the least text to all of it."""
    sentences = []
    for task, part in table.groupby("task", sort=False):
        steps = growth[(growth["task"] == task) & (growth["larger"] == 1)]
        steps = steps[steps["share"] == steps["share"].min()]
        if steps.empty or steps["difference"].isna().any():
            continue
        changes = [
            f"{row['model']} changes by {row['difference']:+.3f} [{row['low']:+.3f}, "
            f"{row['high']:+.3f}]"
            for row in steps[steps["distinct"]].to_dict("records")
        ]
        others = ", ".join(steps.loc[~steps["distinct"], "model"])
        if others:
            least = float((steps["high"] - steps["difference"])[~steps["distinct"]].min())
            changes.append(f"no change is shown of {others}; one would show from {least:.2f} on")
        sentences.append(
            f"{task}, from {_percent(steps['share'].iloc[0])} of the text to all of it, over the "
            f"{int(part['n'].iloc[0]):,} of {int(part['total'].iloc[0]):,} items known at every "
            f"size: {'; '.join(changes)}."
        )
    return sentences


def _caveats(own: pd.DataFrame) -> list[str]:
    """Return what the numbers of several sizes leave out, or that there are none."""
    if own["score"].isna().all():
        return ["No set can be scored at every size of the text."]
    shares = own["share"].unique()
    if len(shares) < 2:
        return []
    counts = [
        f"{', '.join(f'{n:,}' for n in part.groupby('share')['n'].first())} of {task}"
        for task, part in own.groupby("task", sort=False)
    ]
    return [
        f"The items known at each size ({'; '.join(counts)} at "
        f"{', '.join(map(_percent, shares))} of the text) are other questions at each: a larger "
        f"text brings in rarer words. Compare models there, not sizes.",
        "The intervals draw words and word pairs, and hold together for all sizes, models and "
        "tasks; each size is one draw of documents and one training, whose own noise they leave "
        "out.",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _missing(left_out: Sequence[float]) -> list[str]:
    shares = ", ".join(map(_percent, left_out))
    return [f"Left out, because their vocabulary is too small: {shares} of the text."] * bool(
        left_out
    )
