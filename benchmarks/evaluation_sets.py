"""Seconds of scoring a file of vectors on every English set of the catalogue, as `evaluate` does.

    python benchmarks/evaluation_sets.py [--words 200000] [--dimensions 300] [--json OUT]

Nothing is fetched. The file, in word2vec's binary format, is drawn at random, and so are the sets
but for those that are packaged: as many items as were published, of words that the file has.
`--share` takes a part of them. All is counted: reading the file, scores with their intervals, the
table.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import harness

SIZES = {"anomia": 400, "evalution": 7500, "semeval2012": 3200, "wikisem500": 2800}
"""Items of sets of which the catalogue has no plain number, about."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=200_000)
    parser.add_argument("--dimensions", type=int, default=300)
    parser.add_argument("--share", type=float, default=1, help="of the items of each set")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    harness.run(parser.parse_args(arguments), measure)


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the seconds of reading, of scoring, and of both."""
    from wordlab.evaluation.vectors import battery, by_name
    from wordlab.evaluation.vectors.sets import read_sets
    from wordlab.library import opening
    from wordlab.params.sets import catalogue
    from wordlab.report import tables

    params = harness.params()
    words = vocabulary(asked.words)
    read = by_name.read
    made = {
        item.name: draw(item, words, asked.share) if item.url.startswith("http") else read(item)
        for item in catalogue().values()
        if item.language == "en"
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vectors.bin"
        write(file, words, asked.dimensions)
        begun = time.perf_counter()
        space = opening.words(str(file), Path(), Path()).space
        there = time.perf_counter()
        with mock.patch.object(by_name, "read", lambda item, fetch=True: made[item.name]):
            sets = read_sets(params.evaluation)
            rows, _ = battery.rows(space, params.evaluation, sets, "en", seed=params.seed)
        print(tables.evaluated(rows))
        ended = time.perf_counter()
    return {
        "threads": asked.threads,
        "words": asked.words,
        "dimensions": asked.dimensions,
        "sets": len(rows),
        "items": sum(row.n for row in rows),
        "read_seconds": round(there - begun, 2),
        "score_seconds": round(ended - there, 2),
        "seconds": round(ended - begun, 2),
    }


def vocabulary(size: int) -> list[str]:
    """Return that many words, those of the packaged sets among them."""
    from wordlab.evaluation.vectors import by_name
    from wordlab.params.sets import catalogue

    known = [by_name.read(catalogue()[name]) for name in ("wordsim353", "simlex999", "google")]
    packaged = (word.lower() for items in known for item in items.words for word in item)
    made = (f"word{i}" for i in range(size))
    return list(dict.fromkeys([*packaged, *made]))[:size]


def draw(item, words: list[str], share: float):
    """Return a set of the kind of a public one, of random words, commoner ones more often."""
    import numpy as np

    from wordlab.evaluation.vectors import analogy, further, similarity

    size = int(item.size) if item.size.isdigit() else SIZES[item.name]
    n, random = max(2, int(size * share)), np.random.default_rng(size)

    def drawn(*shape: int):
        ids = (random.random(shape) ** 3 * len(words)).astype(np.int64)
        return [tuple(words[i] for i in row) for row in ids.tolist()]

    groups = random.integers(0, 1 + n // 50, n)
    names = tuple(f"group {i}" for i in range(1 + n // 50))
    if item.task == "analogies":
        lines = min(50, 1 + int(n**0.5))
        sections = max(1, n // (lines * (lines - 1)))
        pairs = [drawn(lines, 2) for _ in range(sections)]
        asked = [
            (section, (*one, *other))
            for section in range(sections)
            for one in pairs[section]
            for other in pairs[section]
            if one is not other
        ]
        numbers = np.array([section for section, _ in asked])
        return analogy.Questions(tuple(q for _, q in asked), names[:sections], numbers)
    if item.task == "degrees":
        examples = tuple(tuple(drawn(4, 2)) for _ in names)
        gold = random.normal(size=n)
        return further.Degrees(item.name, tuple(drawn(n, 2)), names, groups, gold, examples)
    if item.task == "categories":
        return further.Categories(item.name, tuple(w for (w,) in drawn(n, 1)), names, groups)
    if item.task == "odd one out":
        return further.Puzzles(item.name, tuple(drawn(n, 9)), np.arange(n) // 6)
    if item.task == "relations":  # as in BLESS, a hundred pairs for each first word
        firsts, seconds = drawn(1 + n // 100, 1), drawn(1 + n // 3, 1)
        chosen = random.integers(0, len(seconds), n).tolist()
        pairs = tuple((*firsts[i // 100], *seconds[j]) for i, j in enumerate(chosen))
        return further.Related(item.name, pairs, names, groups)
    return similarity.WordPairs(item.name, tuple(drawn(n, 2)), random.normal(size=n))


def write(file: Path, words: list[str], dimensions: int) -> None:
    """Write random vectors in word2vec's binary format."""
    import numpy as np

    random = np.random.default_rng(1)
    with file.open("wb") as out:
        out.write(f"{len(words)} {dimensions}\n".encode())
        for word in words:
            row = random.standard_normal(dimensions, dtype=np.float32)
            out.write(word.encode() + b" " + row.tobytes() + b"\n")


if __name__ == "__main__":
    main()
