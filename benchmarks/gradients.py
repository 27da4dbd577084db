"""What the statistics of gradients add to a training: the same one with and without them, in turn.

    python benchmarks/gradients.py [--tokens 60000] [--rounds 5]

Language models of each cell with the settings of params.yaml, on random words of Zipf's law; every
parameter's gradient norm is taken at every step. The best time of the rounds counts.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from wordlab.params.recurrent import NetworkParams
from wordlab.params.whole import load
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import train
from wordlab.text.vocabulary import Vocabulary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    params = load(Path("params.yaml"))
    size = params.language_model.vocabulary_size or 10_000
    vocabulary = Vocabulary(tuple(f"w{n}" for n in range(size)), np.ones(size, np.int64))
    weights = 1 / np.arange(1, size + 1)
    ids = np.random.default_rng(1).choice(size, given.tokens, p=weights / weights.sum())
    print("cell   without    with   ratio")
    for cell in ("rnn", "lstm", "gru"):
        network = getattr(params.language_model, cell).model_copy(update={"epochs": 1})
        best = {False: np.inf, True: np.inf}
        for _ in range(given.rounds):
            for followed in best:
                seconds = timed(network, vocabulary, ids, followed, params.torch_threads)
                best[followed] = min(best[followed], seconds)
        ratio = best[True] / best[False]
        print(f"{cell:5} {best[False]:7.2f} s {best[True]:6.2f} s {ratio:7.3f}")


def timed(
    network: NetworkParams, vocabulary: Vocabulary, ids: np.ndarray, followed: bool, threads: int
) -> float:
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
        torch_threads=threads,
        on_gradients=(lambda *told: kept.append(told)) if followed else None,
    )
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
