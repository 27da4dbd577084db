"""What the statistics of gradients add to a training: the same one with and without them, in turn.

    python benchmarks/gradients.py [--tokens 60000] [--rounds 5] [--vocabulary 8000]
        [--json OUT]

Language models of each cell on random words of Zipf's law; every parameter's gradient norm is
taken at every step. The best time of the rounds counts.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import harness
import numpy as np
import published

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.params.language import NetworkParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import train


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--vocabulary", type=int, default=8000)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    given = parser.parse_args(arguments)
    params, size = harness.params(), given.vocabulary
    vocabulary = Vocabulary(tuple(f"w{n}" for n in range(size)), np.ones(size, np.int64))
    weights = 1 / np.arange(1, size + 1)
    ids = np.random.default_rng(1).choice(size, given.tokens, p=weights / weights.sum())
    figures = {}
    for cell in ("rnn", "lstm", "gru"):
        network = harness.changed(getattr(params.language_model, cell), **published.GRADIENTS)
        timed(network, vocabulary, ids[:1000], False)  # compiles
        best = {False: np.inf, True: np.inf}
        for _ in range(given.rounds):
            for followed in best:
                seconds = timed(network, vocabulary, ids, followed)
                best[followed] = min(best[followed], seconds)
        figures[cell] = {
            "without_seconds": round(best[False], 4),
            "with_seconds": round(best[True], 4),
            "ratio": round(best[True] / best[False], 3),
        }
        print(cell, *(f"{name}={value}" for name, value in figures[cell].items()))
    harness.write(figures, given.json)


def timed(network: NetworkParams, vocabulary: Vocabulary, ids: np.ndarray, followed: bool) -> float:
    """Return the seconds of a training, with the norms of all gradients kept or without."""
    model = LanguageModel(network, vocabulary, "word", seed=1)
    kept = []
    started = time.perf_counter()
    train(
        model,
        ids,
        ids[:500],
        network,
        seed=1,
        on_gradients=(lambda *measured: kept.append(measured)) if followed else None,
    )
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
