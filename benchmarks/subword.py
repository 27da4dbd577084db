"""Skip-gram by character n-grams beside fastText's, on the same text with the same settings.

    python benchmarks/subword.py --corpus FILE --json OUT [--epochs 8] [--seeds 3]
        [--fasttext PYTHON]

FILE is as for word2vec.py. PYTHON is the interpreter of an environment that has fastText (pip
install fasttext-wheel); without it wordlab alone is measured. Every training is on one thread, in
a process of its own for fastText:

- cpu_seconds: of the training, after compilation; fastText's include its count of the words,
  a few tenths of a second per million tokens;
- ratio: fastText's cpu_seconds over wordlab's. CPU time, so that other work on the machine shows
  in neither;
- wordsim353, simlex999, analogy: over what the vocabulary, the same for both, knows;
- wordsim353_all, simlex999_all: over all pairs, words never seen by their n-grams.

wordlab's figures are means over the seeds. fastText's module takes no seed; it is trained once.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import harness
import published
import word2vec

SHOWN = ("wordsim353", "simlex999", "analogy", "wordsim353_all", "simlex999_all")
PEER = """
import json, sys, time
import fasttext
text, place, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
started = time.process_time()
model = fasttext.train_unsupervised(text, model="skipgram", thread=1, verbose=0, **settings)
print(time.process_time() - started)
model.save_model(place)
"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds to take the mean of")
    parser.add_argument("--fasttext", type=Path, help="a Python that can import fasttext")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args(arguments)
    harness.use_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "train.txt"
        tokens = word2vec.normalise(asked.corpus, text)
        word2vec.scan(text)
        params = settings(asked.epochs)
        runs = [train_wordlab(text, params, seed) for seed in range(1, asked.seeds + 1)]
        figures: dict[str, Any] = {
            "processor": harness.processor(), "tokens": tokens, "epochs": asked.epochs,
            "seeds": asked.seeds, "settings": params.model_dump(), "wordlab": mean(runs),
        }  # fmt: skip
        if asked.fasttext:
            figures["fasttext"] = mean([train_fasttext(asked.fasttext, text, params)])
            theirs, ours = (figures[name]["cpu_seconds"] for name in ("fasttext", "wordlab"))
            figures["ratio"] = theirs / ours
    harness.write(figures, asked.json)
    print(table(figures))


def settings(epochs: int) -> Any:
    """Return the settings that both train with."""
    return harness.changed(harness.params().word2vec.subword, **published.SUBWORD, epochs=epochs)


def mean(runs: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the mean of each figure; a score that has no known items is left out."""
    names = [name for name, value in runs[0].items() if value is not None]
    return {name: sum(run[name] for run in runs) / len(runs) for name in names}


def train_wordlab(text: Path, params: Any, seed: int) -> dict[str, Any]:
    """Return the figures of a training on what `word2vec.scan` left beside the text."""
    from wordlab.corpus.corpus import EncodedCorpus
    from wordlab.corpus.vocabulary import Vocabulary
    from wordlab.embeddings.word2vec import subword

    vocabulary = Vocabulary.load(text.parent / "vocabulary.tsv")
    corpus = EncodedCorpus.load(text.parent / "encoded")
    beginning = word2vec.beginning(corpus)
    subword.train(beginning, vocabulary, params, seed=seed, threads=1)  # compiles
    started = time.process_time()
    vectors, subwords = subword.train(corpus, vocabulary, params, seed=seed, threads=1)
    seconds = time.process_time() - started
    return {"cpu_seconds": seconds, **scores(vectors, subwords)}


def train_fasttext(python: Path, text: Path, params: Any) -> dict[str, Any]:
    """Return the figures of fastText's training, its model read by wordlab."""
    from wordlab.corpus.vocabulary import Vocabulary
    from wordlab.embeddings import fasttext
    from wordlab.embeddings.vectors import Vectors

    lines, place = text.parent / "lines.txt", text.parent / "model.bin"
    lines.write_text("".join(f"{line}\n" for line in text.read_text().split("\n") if line))
    given = {
        "dim": params.dimensions, "ws": params.window, "epoch": params.epochs, "lr": params.rate,
        "minCount": published.MIN_COUNT, "neg": params.negatives, "t": params.subsample,
        "minn": params.min_ngram, "maxn": params.max_ngram, "bucket": params.buckets,
    }  # fmt: skip
    done = subprocess.run(
        [str(python), "-c", PEER, str(lines), str(place), json.dumps(given)],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    vectors, subwords, _ = fasttext.read(place)
    known = Vocabulary.load(text.parent / "vocabulary.tsv")
    rows = [vectors.vocabulary.known_id(word) for word in known.words]
    own = Vectors(known, vectors.matrix[rows])
    return {"cpu_seconds": float(done.stdout.split()[-1]), **scores(own, subwords)}


def scores(vectors: Any, subwords: Any) -> dict[str, Any]:
    """Return the scores over known words, and those of word pairs over all words."""
    from wordlab.evaluation.vectors import similarity
    from wordlab.evaluation.vectors.sets import read_sets

    params = harness.params().evaluation
    found = harness.scores(vectors)
    for pairs in read_sets(params).pairs:
        words = sorted({word for pair in pairs.words for word in pair})
        whole = similarity.DenseSpace(subwords.extended(vectors, words))
        result = similarity.score(whole, pairs, ignore_case=params.ignore_case)
        found[f"{pairs.name}_all"] = result.spearman(unknown=True)
    return found


def table(figures: dict[str, Any]) -> str:
    """Return the figures as a Markdown table, the processor above it."""
    lines = [
        f"{figures['processor']}: {figures['tokens']} tokens, {figures['epochs']} epochs, one "
        f"thread, seeds: {figures['seeds']}",
        "",
        f"| | cpu_seconds | {' | '.join(SHOWN)} |",
        "|---" * (len(SHOWN) + 2) + "|",
    ]
    for system in ("wordlab", "fasttext"):
        if system in figures:
            row = figures[system]
            cells = [
                f"{row['cpu_seconds']:.1f}",
                *(f"{row[name]:.3f}" if name in row else "" for name in SHOWN),
            ]
            lines.append(f"| {system} | {' | '.join(cells)} |")
    if "ratio" in figures:
        lines.append(f"\nratio {figures['ratio']:.1f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
