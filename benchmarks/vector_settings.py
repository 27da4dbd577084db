"""The settings of word vectors, sought for every model with the same budget and by the same rule.

    python benchmarks/vector_settings.py [--corpus FILE] [--json OUT]

Without --corpus it takes the text that `dvc repro build_vocab` has encoded. Each model tries the
same number of settings at each window, one training each; all else is as in params.yaml. They are
judged by pairs of words that no evaluation set has: how often a pair of wordlab's own list of
relations (synonyms, antonyms, hypernyms, co-hyponyms, related words) has a higher cosine than a
pair of words of that list drawn at random, which is the area under the ROC curve. The rule, set
beforehand: each model takes its best settings at each window, and all take the window that has the
best mean over the models. Scores on WordSim-353, SimLex-999 and the analogies play no part.
"""

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness
import numpy as np
from numpy.typing import NDArray
from reading import training_text

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import glove, ppmi
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.vectors import Vectors
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.evaluation import statistics
from wordlab.evaluation.vectors import further
from wordlab.evaluation.vectors.sets import read_sets
from wordlab.evaluation.vectors.similarity import space
from wordlab.params.whole import Params
from wordlab.published import packaged
from wordlab.rng import stream

WINDOWS = (5, 10)
WORD2VEC = {"rate": (0.025, 0.05), "subsample": (1e-3, 1e-4)}
GLOVE = {"rate": (0.05, 0.1), "x_max": (2.0, 10.0)}
PPMI = {"shift": (1.0, 5.0), "eigenvalue_exponent": (0.0, 0.5)}
UNRELATED = 3000
"""Pairs drawn at random."""
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Development:
    """Pairs of words to judge settings by, ids of a vocabulary: int64 (2, n) and (2, UNRELATED)."""

    related: Ids
    unrelated: Ids

    @classmethod
    def of(cls, vocabulary: Vocabulary, params: Params) -> "Development":
        """Return the listed pairs of known words that no set of `params.evaluation` has."""
        sets = read_sets(params.evaluation).pairs
        tested = {frozenset(map(str.casefold, pair)) for one in sets for pair in one.words}
        listed = {
            frozenset(pair): pair
            for pairs in further.read_relations(packaged("wordlab_en")).values()
            for pair in pairs
        }
        related = [
            pair
            for words, pair in listed.items()
            if words not in tested and all(word in vocabulary for word in pair)
        ]
        words = sorted({word for pair in related for word in pair})
        random, known = stream(params.seed, "development"), listed.keys() | tested
        tries = range(100 * UNRELATED if words else 0)
        pairs = (random.choice(words, 2, replace=False).tolist() for _ in tries)
        unrelated = (pair for pair in pairs if frozenset(pair) not in known)
        drawn = list(itertools.islice(unrelated, UNRELATED))
        return cls(_ids(related, vocabulary), _ids(drawn, vocabulary))

    def score(self, vectors: Vectors) -> float:
        """Return how often a related pair has the higher cosine, ties counting half."""
        related, unrelated = (
            space(vectors).between(*ids) for ids in (self.related, self.unrelated)
        )
        once = [np.ones((1, len(cosines))) for cosines in (related, unrelated)]
        return float(statistics.resampled_auc(related, unrelated, *once)[0])


def _ids(pairs: Sequence[Sequence[str]], vocabulary: Vocabulary) -> Ids:
    rows = [[vocabulary.index[word] for word in pair] for pair in pairs]
    return np.array(rows, dtype=np.int64).reshape(-1, 2).T


def trained(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    params: Params,
    window: int,
    fixed: dict[str, Any],
) -> Iterator[tuple[str, dict[str, Any], Vectors]]:
    """Yield each model's settings at a window with the vectors that they make; fixed: of all."""
    for model in ("skipgram", "cbow"):
        base = getattr(params.word2vec, model)
        for settings in combinations(WORD2VEC):
            own = harness.changed(base, **settings, **fixed, window=window)
            yield (
                model,
                settings,
                word2vec.train(corpus, vocabulary, own, architecture=model, seed=params.seed),
            )
    counting = harness.changed(params.cooccurrence, window=window)
    counts = cooccurrence.count(corpus, vocabulary, counting, seed=params.seed)
    for settings in combinations(GLOVE):
        own = harness.changed(params.glove, **settings, **fixed)
        yield "glove", settings, glove.train(counts, own, seed=params.seed)
    for settings in combinations(PPMI):
        own = harness.changed(params.ppmi, **settings, **fixed)
        matrix = ppmi.ppmi(counts, own).matrix
        yield "ppmi_svd", settings, ppmi.factorise(matrix, vocabulary, own, seed=params.seed)


def combinations(values: dict[str, tuple[float, ...]]) -> list[dict[str, float]]:
    """Return every combination of `values`."""
    return [
        dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())
    ]


def chosen(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the row of each model that the rule takes."""
    best: dict[int, dict[str, dict[str, Any]]] = {}
    for row in rows:
        models = best.setdefault(row["window"], {})
        if row["model"] not in models or row["score"] > models[row["model"]]["score"]:
            models[row["model"]] = row
    means = {w: np.mean([row["score"] for row in models.values()]) for w, models in best.items()}
    return list(best[max(means, key=lambda window: means[window])].values())


def search(
    corpus: EncodedCorpus, vocabulary: Vocabulary, params: Params, dimensions: int | None = None
) -> list[dict[str, Any]]:
    """Return a row per training: model, window, settings and score."""
    development = Development.of(vocabulary, params)
    rows = []
    for window in WINDOWS:
        fixed = {"dimensions": dimensions} if dimensions else {}
        for model, settings, vectors in trained(corpus, vocabulary, params, window, fixed):
            score = round(development.score(vectors), 4)
            rows.append({"model": model, "window": window, "settings": settings, "score": score})
            print(model, f"window={window}", settings, score)
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, help="a text; else the one that is encoded")
    parser.add_argument("--json", type=Path, help="where to write the scores and the choice")
    parser.add_argument("--dimensions", type=int, help="those of params.yaml if not given")
    asked = parser.parse_args(arguments)
    shipped = harness.params()
    corpus, vocabulary = training_text(asked.corpus, shipped.vocabulary.min_count)
    rows = search(corpus, vocabulary, shipped, asked.dimensions)
    for row in chosen(rows):
        print("chosen:", row["model"], f"window={row['window']}", row["settings"], row["score"])
    harness.write({"rows": rows, "chosen": chosen(rows)}, asked.json)


if __name__ == "__main__":
    main()
