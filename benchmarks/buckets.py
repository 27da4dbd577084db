"""Skip-gram by a schedule that several machines could share, trained in one process and scored.

    python benchmarks/buckets.py [--corpus FILE] [--json OUT]

Without --corpus it takes the text that `dvc repro build_vocab` has encoded. The pairs of an epoch
are dealt to buckets: word i is in part i modulo the number of parts, as an input and as an output,
and a pair is in the bucket of its two. Rounds visit the buckets as GloVe visits its blocks, so
that those of a round share nothing. Noise words come from the output part at hand, by the noise
distribution within it. With 1 part this is plain word2vec, pair by pair; `today` is what
`train_word2vec` runs. All else is as in params.yaml for skip-gram. Each row is the mean of --seeds
trainings.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import harness
import numpy as np
from numba import njit
from numpy.typing import NDArray
from reading import training_text

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import (
    Vocabulary,
    alias_table,
    keep_probabilities,
    noise_probabilities,
)
from wordlab.embeddings.vectors import Vectors
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.params.embeddings import Word2vecParams
from wordlab.rng import seeds, stream

Ids = NDArray[np.int32]
Floats = NDArray[np.float32]


@njit
def window_pairs(tokens: Ids, documents: Ids, widths: Ids, found: Ids) -> int:
    """Write the pairs (context, centre) of all windows to `found`, int32 (n, 2); return how many.

    Windows end where documents do. An empty `found` has them counted only.
    """
    pairs = 0
    for centre in range(len(tokens)):
        low, high = max(0, centre - widths[centre]), min(len(tokens), centre + widths[centre] + 1)
        for context in range(low, high):
            if context != centre and documents[context] == documents[centre]:
                if len(found):
                    found[pairs, 0] = tokens[context]
                    found[pairs, 1] = tokens[centre]
                pairs += 1
    return pairs


@njit(fastmath=True)
def train_pairs(
    pairs: Ids, inputs: Floats, outputs: Floats, share: NDArray[np.float64], other: Ids,
    members: Ids, negatives: int, rate: float, slope: float, seed: int,
) -> None:  # fmt: skip
    """Take a step of skip-gram with negative sampling for one pair after another.

    share, other: the alias table of the noise words `members`; slope: what the rate loses per pair.
    Mutates inputs and outputs.
    """
    np.random.seed(seed)  # noqa: NPY002, the only generator that numba seeds by a number
    size = inputs.shape[1]
    step = np.zeros(size, np.float32)
    for pair in range(len(pairs)):
        vector, target = inputs[pairs[pair, 0]], pairs[pair, 1]
        rate -= slope
        step[:] = 0
        for draw in range(negatives + 1):
            word = target
            if draw:
                place = np.random.randint(len(members))  # noqa: NPY002
                place = place if np.random.random() < share[place] else other[place]  # noqa: NPY002
                word = members[place]
                if word == target:
                    continue
            output = outputs[word]
            score = np.float32(0)
            for k in range(size):
                score += vector[k] * output[k]
            error = np.float32(rate * ((draw == 0) - 1 / (1 + np.exp(-score))))
            for k in range(size):
                step[k] += error * output[k]
                output[k] += error * vector[k]
        for k in range(size):
            vector[k] += step[k]


def train(
    corpus: EncodedCorpus, vocabulary: Vocabulary, params: Word2vecParams, parts: int, seed: int
) -> Vectors:
    """Return the input vectors that the buckets of `parts` parts teach."""
    noise = noise_probabilities(vocabulary.counts, params.noise_exponent)
    words = np.arange(len(vocabulary), dtype=np.int32)
    members = [words[part::parts] for part in range(parts)]
    tables = [alias_table(noise[own] / noise[own].sum()) for own in members]
    random = stream(seed, "buckets")
    shape = len(vocabulary), params.dimensions
    inputs = (random.random(shape, np.float32) - np.float32(0.5)) / np.float32(params.dimensions)
    outputs = np.zeros(shape, np.float32)
    for epoch in range(params.epochs):
        pairs = epoch_pairs(corpus, vocabulary, params, random)
        kinds = pairs[:, 0] % parts * parts + pairs[:, 1] % parts
        order = np.argsort(kinds, kind="stable")
        pairs, bounds = pairs[order], np.searchsorted(kinds[order], np.arange(parts**2 + 1))
        slope = params.rate * (1 - params.rate_floor) / (params.epochs * len(pairs))
        rate = params.rate - epoch * slope * len(pairs)
        for kind in bucket_order(parts, random):
            own = pairs[bounds[kind] : bounds[kind + 1]]
            part = kind % parts
            key = int(random.integers(2**31))
            train_pairs(
                own, inputs, outputs, *tables[part], members[part], params.negatives, rate, slope,
                key,
            )  # fmt: skip
            rate -= slope * len(own)
    return Vectors(vocabulary, inputs)


def epoch_pairs(
    corpus: EncodedCorpus, vocabulary: Vocabulary, params: Word2vecParams, random: Any
) -> Ids:
    """Return the pairs of an epoch in the order of the text, int32 (n, 2)."""
    keep = keep_probabilities(vocabulary.counts, params.subsample, params.subsample_formula)
    tokens = np.asarray(corpus.tokens)
    kept = np.flatnonzero((tokens >= 0) & (random.random(len(tokens)) < keep[tokens]))
    documents = np.searchsorted(corpus.document_ends, kept, "right").astype(np.int32)
    widths = random.integers(1, params.window + 1, len(kept)).astype(np.int32)
    given = tokens[kept], documents, widths
    found = np.empty((window_pairs(*given, np.empty((0, 2), np.int32)), 2), np.int32)
    window_pairs(*given, found)
    return found


def bucket_order(parts: int, random: Any) -> Iterator[int]:
    """Yield the buckets, input part times `parts` plus output part, round by round."""
    for shift in random.permutation(parts).tolist():
        for part in range(parts):
            yield part * parts + (part + shift) % parts


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, help="a text; else the one that is encoded")
    parser.add_argument("--json", type=Path, help="where to write the scores")
    parser.add_argument("--parts", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="those of params.yaml if not given")
    parser.add_argument("--dimensions", type=int, help="likewise")
    asked = parser.parse_args(arguments)
    shipped = harness.params()
    corpus, vocabulary = training_text(asked.corpus, shipped.vocabulary.min_count)
    given = {"epochs": asked.epochs, "dimensions": asked.dimensions}
    changes = {name: value for name, value in given.items() if value}
    params = harness.changed(shipped.word2vec.skipgram, **changes)
    kinds: dict[str, Any] = {
        "today": lambda seed: word2vec.train(
            corpus, vocabulary, params, architecture="skipgram", seed=seed
        )
    }
    for parts in asked.parts:
        kinds[f"parts_{parts}"] = lambda seed, parts=parts: train(
            corpus, vocabulary, params, parts, seed
        )
    rows = {}
    for name, teach in kinds.items():
        found = [harness.scores(teach(seed)) for seed in seeds(shipped.seed, asked.seeds)]
        known = [key for key, value in found[0].items() if value is not None]
        rows[name] = {key: round(float(np.mean([f[key] for f in found])), 4) for key in known}
        print(name, *(f"{key}={value}" for key, value in rows[name].items()), flush=True)
    harness.write(rows, asked.json)


if __name__ == "__main__":
    main()
