"""How the scores of word vectors grow with the size of the text they are trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.artifacts import rounded
from wordlab.embeddings import cooccurrence, glove, ppmi, word2vec
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation import scores
from wordlab.evaluation.comparison import score_tables
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

    scores: a row a share, model and task: tokens and words of the text trained on; score with low
    and high over the n items whose words all models know at every share, of total. coverage: a
    row a share and task: the known items of each share's own vocabulary. sentences: in words.
    """

    scores: pd.DataFrame = field(repr=False)
    coverage: pd.DataFrame = field(repr=False)
    sentences: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        return {"scores": self.scores, "coverage": self.coverage}

    def metrics(self) -> dict[str, Any]:
        """Return task -> model -> share in percent -> score, low, high, n, rounded."""
        result: dict[str, Any] = {}
        for row in self.scores.to_dict("records"):
            values = {key: row[key] for key in ("score", "low", "high", "n")}
            models = result.setdefault(str(row["task"]), {})
            models.setdefault(str(row["model"]), {})[f"{100 * row['share']:g} %"] = values
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
    """Train on each of `params.shares` of the sentences of `corpus`, and compare with `whole`.

    whole: skipgram, ppmi_svd and glove as trained on all of it. Sentences are drawn at
    random, those of a smaller share being among those of a larger one. A share with fewer words
    than the vectors have dimensions is left out. Analogies are answered by the first method.
    """
    analogies = evaluation.analogies
    first = analogies.model_copy(update={"methods": analogies.methods[:1]})
    evaluation = evaluation.model_copy(update={"analogies": first})
    vocabulary = next(iter(whole.values())).vocabulary
    order = stream(seed, "sizes").permutation(len(corpus.sentence_ends))
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
        (share, name): scored
        for share, models in trained.items()
        for name, scored in scores.evaluate_all(models, evaluation, seed=seed).items()
    }
    table = score_tables({f"{share} {name}": one for (share, name), one in found.items()})
    names = table.pop("model").str.split(" ", n=1, expand=True)
    table.insert(0, "share", names[0].astype(float))
    table.insert(1, "model", names[1])
    table["tokens"] = table["share"].map(tokens)
    table["words"] = table["share"].map(
        {share: len(next(iter(models.values())).vocabulary) for share, models in trained.items()}
    )
    return SizeStudy(table, _coverage(found), (*_sentences(table), *_missing(left_out)))


def _part(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    order: NDArray[np.int64],
    share: float,
    params: VocabularyParams,
) -> tuple[EncodedCorpus, Vocabulary] | None:
    """Return the first `share` of the sentences in `order`, with a vocabulary of their own.

    None if no word is left in it. Other sentences become unknown words, which are never trained on.
    """
    chosen = np.zeros(len(order), dtype=bool)
    chosen[order[: round(share * len(order))]] = True
    lengths = np.diff(corpus.sentence_ends, prepend=0)
    kept = np.repeat(chosen, lengths) & (corpus.tokens != UNKNOWN)
    counts = np.bincount(corpus.tokens[kept], minlength=len(vocabulary)).tolist()
    if max(counts, default=0) < params.min_count:
        return None
    own = Vocabulary.build(
        dict(zip(vocabulary.words, counts, strict=True)),
        min_count=params.min_count,
        max_size=params.max_size,
    )
    ids = np.array([own.index.get(word, UNKNOWN) for word in vocabulary.words], dtype=np.int32)
    tokens = np.where(kept, ids[corpus.tokens], np.int32(UNKNOWN))
    return EncodedCorpus(tokens, corpus.sentence_ends, corpus.document_ends), own


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


def _coverage(found: Mapping[tuple[float, str], scores.Scores]) -> pd.DataFrame:
    """Return a row a share and task: n known items of total, in that share's own vocabulary."""
    rows = []
    for share in dict.fromkeys(share for share, _ in found):
        scored = next(one for (other, _), one in found.items() if other == share)
        known = {name: result.known for name, result in scored.similarity.items()}
        known["analogy"] = next(iter(scored.analogy.values())).known
        rows += [
            {"share": share, "task": task, "n": int(items.sum()), "total": len(items)}
            for task, items in known.items()
        ]
    return pd.DataFrame(rows)


def _sentences(table: pd.DataFrame) -> list[str]:
    """Return for each task what each model scored at each share, and how sure that is."""
    told = []
    for task, part in table.groupby("task", sort=False):
        if not part["n"].iloc[0] or part["score"].isna().any():
            continue
        rows = [
            f"{model} {', '.join(f'{score:.3f}' for score in own.sort_values('share')['score'])}"
            for model, own in part.groupby("model", sort=False)
        ]
        sizes = ", ".join(f"{100 * share:g}" for share in sorted(part["share"].unique()))
        reach = float((part["high"] - part["low"]).mean() / 2)
        told.append(
            f"{task} at {sizes} % of the text, over the {int(part['n'].iloc[0]):,} items known at "
            f"every size: {'; '.join(rows)}. Intervals reach {reach:.2f} to either side on average."
        )
    return told or ["No set can be scored at every size of the text."]


def _missing(left_out: Sequence[float]) -> list[str]:
    shares = ", ".join(f"{100 * share:g} %" for share in left_out)
    return [f"Left out, for their vocabulary is too small: {shares} of the text."] if shares else []
