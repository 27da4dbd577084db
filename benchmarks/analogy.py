"""Analogy questions per second, beside gensim's `evaluate_word_analogies`, on the same vectors.

    python benchmarks/analogy.py [--words 70000] [--dimensions 100] [--threads 2] [--json OUT]

Both answer word2vec's 19,544 questions by 3CosAdd from the same float32 vectors, file reading
included, in turn, several times; the best time of each counts. The vectors are drawn at random so
that a part of the questions is answered rightly: b lies near a plus an offset of the section.
Every verdict must be the same, or the benchmark fails, but for questions whose two best words are
nearer to one another than float32 can tell (1e-6 of a cosine, in float64): `ties` counts them.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import harness


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=70_000)
    parser.add_argument("--dimensions", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args(arguments)
    figures = harness.run(asked, measure)
    if not figures["same_verdicts"]:
        sys.exit("the two differ in their verdicts")


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the seconds of both, their ratio, and whether all verdicts are the same."""
    from gensim.models import KeyedVectors

    from wordlab.evaluation.vectors import analogy
    from wordlab.evaluation.vectors.similarity import DenseSpace
    from wordlab.published import packaged

    words, dimensions = asked.words, asked.dimensions
    file = packaged("google")
    vectors = draw(words, dimensions)
    keyed = KeyedVectors(dimensions)
    keyed.add_vectors(list(vectors.vocabulary.words), vectors.matrix)

    ours, theirs = [], []
    for _ in range(asked.repeats):
        started = time.perf_counter()
        questions = analogy.read_questions(file)
        result = analogy.score(DenseSpace(vectors), questions, "3cosadd", ignore_case=True)
        ours.append(time.perf_counter() - started)

        started = time.perf_counter()
        _, sections = keyed.evaluate_word_analogies(str(file), restrict_vocab=words)
        theirs.append(time.perf_counter() - started)

    mine = {
        (questions.sections[questions.section[i]], *(word.upper() for word in question))
        for i, question in enumerate(questions.words)
        if result.correct[i]
    }
    its = {
        (section["section"], *question)
        for section in sections[:-1]
        for question in section["correct"]
    }
    differing = mine ^ its
    ties = sum(margin(vectors, question) < 1e-6 for _, *question in differing)
    return {
        "threads": asked.threads,
        "words": words,
        "dimensions": dimensions,
        "questions": int(result.known.sum()),
        "right": len(mine),
        "wordlab_seconds": round(min(ours), 3),
        "gensim_seconds": round(min(theirs), 3),
        "ratio": round(min(theirs) / min(ours), 2),
        "ties": ties,
        "same_verdicts": ties == len(differing),
    }


def margin(vectors, question: list[str]) -> float:
    """Return by how much the best score of a question exceeds the next, in float64."""
    import numpy as np

    unit = vectors.matrix.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    a, b, c = [vectors.vocabulary.index[word.lower()] for word in question[:3]]
    scores = unit @ (unit[b] - unit[a] + unit[c])
    scores[[a, b, c]] = -np.inf
    second, first = np.partition(scores, -2)[-2:]
    return float(first - second)


def draw(size: int, dimensions: int):
    """Return vectors of `size` words, those of the questions among them, at random places."""
    import numpy as np

    from wordlab.corpus.vocabulary import Vocabulary
    from wordlab.embeddings.vectors import Vectors
    from wordlab.evaluation.vectors import analogy
    from wordlab.published import packaged

    random = np.random.default_rng(1)
    questions = analogy.read_questions(packaged("google"))
    offsets = random.standard_normal((len(questions.sections), dimensions))
    place: dict[str, np.ndarray] = {}
    for (a, b, _, _), section in zip(questions.words, questions.section, strict=True):
        place.setdefault(a.lower(), random.standard_normal(dimensions))
        place.setdefault(b.lower(), place[a.lower()] + offsets[section])
    words = [*place, *(f"word{i}" for i in range(size - len(place)))]
    matrix = random.standard_normal((len(words), dimensions))
    matrix[: len(place)] = np.stack(list(place.values()))
    matrix[: len(place)] += 0.9 * random.standard_normal((len(place), dimensions))
    order = random.permutation(len(words))
    counts = np.arange(len(words), 0, -1, dtype=np.int64)
    return Vectors(
        Vocabulary(tuple(words[i] for i in order), counts), matrix[order].astype(np.float32)
    )


if __name__ == "__main__":
    main()
