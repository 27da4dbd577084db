"""How often another text gives what the draws of one text lead one to expect.

    python benchmarks/neighbour_coverage.py --corpus FILE --json OUT

Articles, in an order drawn at random, are cut into texts of as many words. Skip-gram and PPMI-SVD
are trained on the first, on draws of its articles, and on each of the others. Of every other text
it is counted whether the rank of a neighbour, the difference of two cosines and the score on a set
lie in the interval that the draws of the first give: that should be so in about `draws.confidence`
of cases. Of pairs of words it is counted for how many it is decided which is nearer, and how often
the other texts agree.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import harness
import numpy as np
from numpy.typing import NDArray
from reading import WORD

from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import UNKNOWN, Vocabulary
from wordlab.embeddings import ppmi
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.draws import Draws, unit_rows
from wordlab.embeddings.vectors import Vectors
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.errors import UserError
from wordlab.evaluation import stability
from wordlab.evaluation.vectors import scores
from wordlab.evaluation.vectors.sets import read_sets
from wordlab.evaluation.vectors.similarity import DenseSpace
from wordlab.params.whole import Params
from wordlab.rng import derive, stream
from wordlab.studies import draws
from wordlab.studies.neighbours import scored
from wordlab.text.documents import Notes
from wordlab.text.readers import read

COMMONEST = 30
"""Words that are not asked for, since they are grammatical."""
PAIRS = 20
"""Pairs of words per word of which it is asked which is nearer."""
NEAR = 60
"""One of each pair is among so many nearest; the other is any word."""


def texts(path: Path, tokens: int, count: int, seed: int) -> list[list[str]]:
    """Return so many texts of about `tokens` words, each as its articles."""
    articles = [document.text.lower() for document in read(path, "text", "blank_lines", Notes())]
    found: list[list[str]] = []
    text, held = [], 0
    for place in stream(seed, "articles").permutation(len(articles)).tolist():
        text.append(articles[place])
        held += len(WORD.findall(articles[place]))
        if held >= tokens:
            found.append(text)
            text, held = [], 0
        if len(found) == count:
            return found
    raise UserError(f"{path}: {len(found)} texts of {tokens:,} words; expected {count}")


def encoded(articles: Sequence[str], vocabulary: Vocabulary) -> EncodedCorpus:
    """Return a text as ids."""
    index = vocabulary.index
    ids = [[index.get(word, UNKNOWN) for word in WORD.findall(text)] for text in articles]
    ends = np.cumsum([len(one) for one in ids])
    return EncodedCorpus(np.concatenate([np.array(one, dtype=np.int32) for one in ids]), ends, ends)


def learners(params: Params, changes: Mapping[str, int]) -> dict[str, draws.Learn]:
    """Return how each model is trained; changes: epochs and dimensions, where given."""
    skipgram = harness.changed(params.word2vec.skipgram, **changes)
    sizes = {name: value for name, value in changes.items() if name == "dimensions"}
    factors = harness.changed(params.ppmi, **sizes)

    def by_word2vec(text: EncodedCorpus, words: Vocabulary, seed: int, kept: Checkpoint) -> Vectors:
        return word2vec.train(
            text, words, skipgram, architecture="skipgram", seed=seed, checkpoint=kept
        )

    def by_svd(text: EncodedCorpus, words: Vocabulary, seed: int, kept: Checkpoint) -> Vectors:
        counts = cooccurrence.count(text, words, params.cooccurrence, seed=seed)
        return ppmi.factorise(ppmi.ppmi(counts, factors).matrix, words, factors, seed=seed)

    return {"skipgram": by_word2vec, "ppmi_svd": by_svd}


def covered(low: Any, high: Any, values: Any) -> NDArray[np.bool_]:
    """Return whether each value lies in its interval, of those that there are."""
    known = np.isfinite(values) & ~np.isnan(low)
    return ((low <= values) & (values <= high))[known]


def of_ranks(
    space: DenseSpace, drawn: Draws, others: Draws, words: Sequence[str], params: Params
) -> dict[str, float]:
    """Return how often ranks lie in their intervals: of all neighbours, and of the nearest."""
    asked = params.draws
    table = stability.neighbours(space, drawn, words, asked.neighbours, asked.confidence)
    ids = np.array([space.vocabulary.index[word] for word in words], dtype=np.int64)
    found: dict[tuple[str, str], list[int]] = {}
    for number in range(len(others)):
        for word, cosines in zip(
            words, stability.cosines_of(others.unit(number), ids), strict=True
        ):
            if np.isfinite(cosines).any():
                ranks = stability.ranks(cosines)
                for other in table.loc[table["word"] == word, "neighbour"]:
                    rank = int(ranks[space.vocabulary.index[other]])
                    found.setdefault((word, other), []).append(rank)
    every, nearest, kept = [], [], []
    for row in table.to_dict("records"):
        ranks = np.array(found.get((row["word"], row["neighbour"]), []))
        inside = covered(row["low"], row["high"], ranks)
        every.append(inside)
        if row["rank"] <= asked.neighbours:
            nearest.append(inside)
            kept.append(ranks <= asked.neighbours)
    near = table["rank"] <= asked.neighbours
    return {
        "ranks": _share(every),
        "ranks_of_nearest": _share(nearest),
        "kept_by_draws": float(table.loc[near, "share"].mean()),
        "kept_by_others": _share(kept),
    }


def of_verdicts(
    space: DenseSpace, drawn: Draws, others: Draws, words: Sequence[str], params: Params
) -> dict[str, float]:
    """Return how often differences of cosines lie in their intervals, and verdicts hold."""
    inside, decided, held = [], [], []
    random = stream(params.seed, "pairs")
    for word in words:
        row = space.vocabulary.index[word]
        cosines = stability.cosines_of(space.vectors.normalized, np.array([row]))[0]
        order = np.argsort(-cosines, kind="stable")[:-1]  # the last is the word itself
        ranks = random.integers(0, [[NEAR, len(order)]], (PAIRS, 2)) % len(order)
        for first, second in order[ranks[ranks[:, 0] != ranks[:, 1]]].tolist():
            found = stability.nearer(space, drawn, (row, first, second), params.draws.confidence)
            values = np.array([*_differences(others, (row, first, second))])
            inside.append(covered(found.low, found.high, values))
            decided.append(found.verdict is not None)
            if found.verdict is not None:
                held.append((values > 0) == (found.verdict == 0))
    return {
        "differences": _share(inside),
        "verdicts": float(np.mean(decided)),
        "verdicts_held": _share(held),
    }


def _share(parts: Sequence[NDArray[np.bool_]]) -> float:
    """Return the share that is true, 0 of none."""
    every = np.concatenate([np.zeros(0, dtype=bool), *parts])
    return float(every.mean()) if len(every) else 0.0


def _differences(others: Draws, ids: tuple[int, int, int]) -> Iterator[float]:
    """Yield by how much the first of two words is nearer, in texts that have all three."""
    for rows in np.asarray(others.rows[:, list(ids)], dtype=np.float64):
        if rows.any(axis=1).all():
            yield float(rows[0] @ (rows[1] - rows[2]))


def of_scores(
    trained: Vectors, drawn: Draws, others: Draws, params: Params
) -> list[tuple[float, float, list[float]]]:
    """Return the interval of each score over documents, with the scores of the other texts."""
    evaluation = scores.by_first_method(params.evaluation)
    sets = read_sets(evaluation)
    tasks = scores.tasks({"": scores.evaluate(trained, evaluation, seed=params.seed, sets=sets)})
    of_draws, of_others = (
        np.array([scored(some.vectors(i), tasks, sets, evaluation) for i in range(len(some))])
        for some in (drawn, others)
    )
    found = []
    for place, task in enumerate(tasks):
        low, high = stability.believed(
            of_draws[:, place], drawn, params.draws.confidence, float(task.scores[0])
        )
        found.append((float(low), float(high), of_others[:, place].tolist()))
    return found


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    params = harness.params()
    first, *fresh = texts(asked.corpus, asked.tokens, asked.fresh + 1, params.seed)
    vocabulary = Vocabulary.build(
        Counter(word for article in first for word in WORD.findall(article)),
        min_count=params.vocabulary.min_count,
    )
    corpus = encoded(first, vocabulary)
    ids = np.linspace(min(COMMONEST, len(vocabulary) // 2), len(vocabulary) - 1, 2 * asked.words)
    words = [vocabulary.words[i] for i in np.unique(ids.astype(int))[: asked.words]]
    changes = {"epochs": asked.epochs, "dimensions": asked.dimensions}
    changes = {name: value for name, value in changes.items() if value}
    figures: dict[str, Any] = {
        "tokens": len(corpus), "documents": len(first), "vocabulary": len(vocabulary),
        "draws": asked.draws, "texts": len(fresh),
    }  # fmt: skip
    described = {"documents": len(first)}
    counts = corpus.document_counts(len(vocabulary))
    for model, learn in learners(params, changes).items():
        whole = learn(corpus, vocabulary, params.seed, NOTHING_KEPT)
        started = time.process_time()
        rows = []
        for number in range(1, asked.draws + 1):
            text = draws.draw(corpus, vocabulary, number, seed=params.seed)
            seed = derive(params.seed, "draw", model, number)
            rows.append(unit_rows(learn(*text, seed, NOTHING_KEPT)))
        seconds = time.process_time() - started
        drawn = Draws(vocabulary, np.stack(rows), counts, described)
        rows = []
        for number, articles in enumerate(fresh):
            other = encoded(articles, vocabulary)
            own = Vocabulary(vocabulary.words, other.counts(len(vocabulary)))
            rows.append(unit_rows(learn(other, own, derive(params.seed, number), NOTHING_KEPT)))
        others = Draws(vocabulary, np.stack(rows), counts, described)
        space = DenseSpace(whole)
        judged = of_scores(whole, drawn, others, params)
        inside = [covered(low, high, np.array(values)) for low, high, values in judged]
        figures[model] = {
            "draws_cpu_seconds": round(seconds, 1),
            **of_ranks(space, drawn, others, words, params),
            **of_verdicts(space, drawn, others, words, params),
            "scores": _share(inside),
        }
        print(model, *(f"{name}={value:.3f}" for name, value in figures[model].items()))
    return figures


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=1_000_000, help="of each text")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--fresh", type=int, default=10, help="other texts")
    parser.add_argument("--words", type=int, default=100, help="whose neighbours are asked for")
    parser.add_argument("--epochs", type=int, help="of skip-gram, if not those of params.yaml")
    parser.add_argument("--dimensions", type=int, help="likewise, of both models")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    harness.run(parser.parse_args(arguments), measure)


if __name__ == "__main__":
    main()
