"""The word vectors of a minute: what each program makes of a text in the same time, all counted.

    python benchmarks/minute.py --corpus FILE [--seconds 60] [--threads 2] [--seeds 3] [--json OUT]
        [--peers PYTHON] [--rows NAME ...]
    python benchmarks/minute.py --from OUT

FILE is as for word2vec.py, and every program reads the same words of it. PYTHON is the interpreter
of an environment that has fastText and hyperhyper (pip install fasttext-numpy2-wheel hyperhyper);
without it wordlab and gensim alone are measured. A row of ROWS is a program with settings:

- first one epoch is timed, in processes of their own from their start to the vectors on disk, then
  as many as fit by that one, which counts what is loaded once; then as many epochs are trained as
  fit into --seconds by these, on the beginning of the text where one does not;
- seconds: what that took, counting the words, reading the text and starting Python included;
- spearman: the mean of WordSim-353's and SimLex-999's; analogies: accuracy, as gensim's
  KeyedVectors scores all of them.

Figures of wordlab and gensim are means over the seeds; the other programs take none.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import harness
import published
import word2vec

FIGURES = ("epochs", "text_share", "seconds", "spearman", "wordsim353", "simlex999", "analogies")
SPARED = 0.98
"""The share of the time that is planned for: two runs take not quite the same."""
FASTTEXT = """
import json, sys, time
import fasttext
import numpy as np
text, folder, given = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
started = time.perf_counter()
model = fasttext.train_unsupervised(text, verbose=0, **given)
seconds = time.perf_counter() - started
words = model.get_words()
np.save(folder + "/vectors.npy", np.stack([model.get_word_vector(word) for word in words]))
open(folder + "/words.txt", "w").write("\\n".join(words))
print(seconds)
"""
HYPERHYPER = """
import json, sys
import hyperhyper
import numpy as np
text, folder, given = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
if __name__ == "__main__":
    corpus = hyperhyper.Corpus.from_file(text)
    bunch = hyperhyper.Bunch(folder + "/bunch", corpus, force_overwrite=True)
    made = bunch.svd(
        dim=given["dimensions"], pair_args={"window": given["window"]}, keyed_vectors=True,
        evaluate=False,
    )
    np.save(folder + "/vectors.npy", made.vectors)
    open(folder + "/words.txt", "w").write("\\n".join(made.index_to_key))
    print(0.0)
"""


class Row(NamedTuple):
    """A program with the settings of published.py; `own`: others, in its words."""

    title: str
    program: str
    architecture: str = "skipgram"
    own: tuple[tuple[str, Any], ...] = ()


ROWS = {
    "wordlab": Row("wordlab, skip-gram", "wordlab"),
    "gensim": Row("gensim, skip-gram", "gensim"),
    "gensim_cbow": Row("gensim, CBOW", "gensim", "cbow"),
    "fasttext": Row("fastText, skip-gram of words", "fasttext", own=(("maxn", 0),)),
    "fasttext_ngrams": Row("fastText, with n-grams", "fasttext"),
    "hyperhyper": Row("hyperhyper, PPMI-SVD", "hyperhyper"),
}
SEEDED = ("wordlab", "gensim")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--corpus", type=Path)
    source.add_argument("--from", dest="kept", type=Path, help="print the table of such figures")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds to take the mean of")
    parser.add_argument("--peers", type=Path, help="a Python that has fasttext and hyperhyper")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=ROWS)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.child:
        child(asked, *asked.child)
        return
    if asked.kept:
        print(table(json.loads(asked.kept.read_text(encoding="utf-8"))))
        return
    harness.use_threads(asked.threads)
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "train.txt"
        figures: dict[str, Any] = {
            "processor": harness.processor(),
            "tokens": word2vec.normalise(asked.corpus, text),
            "seconds": asked.seconds, "threads": asked.threads, "seeds": asked.seeds,
            "rows": {},
        }  # fmt: skip
        for name in asked.rows:
            if asked.peers or ROWS[name].program in SEEDED:
                figures["rows"][name] = best(asked, name, text)
                harness.write(figures, asked.json)
    print(table(figures))


def best(asked: argparse.Namespace, name: str, text: Path) -> dict[str, float]:
    """Return the figures of a row, at as many epochs, or as much of the text, as there is time."""
    epochs, share, seconds = 1, 1.0, SPARED * asked.seconds
    if ROWS[name].program == "wordlab":
        made(asked, name, text, epochs, 1)  # compiles the kernels, once per installation
    first = made(asked, name, text, epochs, 1)
    if first["seconds"] > seconds:
        share = seconds / first["seconds"]
        text = beginning(text, share)
    elif first["training"]:
        epochs = fitting(first, epochs, seconds)
        epochs = fitting(made(asked, name, text, epochs, 1), epochs, seconds)
    seeds = asked.seeds if ROWS[name].program in SEEDED else 1
    runs = [made(asked, name, text, epochs, seed, scored=True) for seed in range(1, seeds + 1)]
    for run in runs:
        run |= {"epochs": epochs, "text_share": share}
        run["spearman"] = (run["wordsim353"] + run["simlex999"]) / 2
        print(name, json.dumps(run), file=sys.stderr, flush=True)
    return {figure: sum(run[figure] for run in runs) / len(runs) for figure in FIGURES}


def fitting(run: dict[str, Any], epochs: int, seconds: float) -> int:
    """Return how many epochs fit into `seconds`, by a run of `epochs`."""
    beside = run["seconds"] - run["training"]
    return max(1, int((seconds - beside) * epochs / run["training"]))


def beginning(text: Path, share: float) -> Path:
    """Write the first `share` of the documents of a text beside it."""
    documents = text.read_text().split("\n\n")
    part = text.parent / "part" / text.name
    part.parent.mkdir(exist_ok=True)
    part.write_text("\n\n".join(documents[: int(share * len(documents))]) + "\n\n")
    return part


def made(
    asked: argparse.Namespace, name: str, text: Path, epochs: int, seed: int, scored: bool = False
) -> dict[str, Any]:
    """Make vectors; return the seconds from first to last, those of `training`, and the scores."""
    row = ROWS[name]
    own = [
        sys.executable, __file__, "--corpus", str(text), "--threads", str(asked.threads), "--child",
    ]  # fmt: skip
    commands = [[*own, name, str(epochs), str(seed)]]
    if row.program == "wordlab":  # as its stages: the text is counted and encoded by one before
        commands.insert(0, [*own, "scan", "0", "0"])
    if row.program not in SEEDED:
        code = {"fasttext": FASTTEXT, "hyperhyper": HYPERHYPER}[row.program]
        script = text.parent / "peer.py"
        script.write_text(code)
        lines = text.with_suffix(".lines")
        lines.write_text(text.read_text().replace("\n\n", "\n"))
        given = json.dumps(peer_settings(row, epochs, asked.threads))
        commands = [[str(asked.peers), str(script), str(lines), str(text.parent), given]]
    environment = os.environ | {"TQDM_DISABLE": "1"}
    started = time.perf_counter()
    for command in commands:
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=environment
        )
    figures = {
        "seconds": time.perf_counter() - started, "training": float(done.stdout.split()[-1]),
    }  # fmt: skip
    return figures | (scores(text.parent) if scored else {})


def peer_settings(row: Row, epochs: int, threads: int) -> dict[str, Any]:
    """Return the settings of published.py in the words of the program; others are its own."""
    common = published.WORD2VEC
    if row.program == "hyperhyper":
        return {name: common[name] for name in ("dimensions", "window")}
    return {
        "model": row.architecture, "dim": common["dimensions"], "ws": common["window"],
        "epoch": epochs, "minCount": published.MIN_COUNT, "neg": common["negatives"],
        "t": common["subsample"], "thread": threads,
    } | dict(row.own)  # fmt: skip


def child(asked: argparse.Namespace, name: str, epochs: str, seed: str) -> None:
    """Be the process of a row: write vectors beside the text, print the seconds of training."""
    import numpy as np

    if name == "scan":
        word2vec.scan(asked.corpus)
        print(0.0)
        return
    row, given = ROWS[name], (int(epochs), int(seed), asked.threads)
    make = wordlab if row.program == "wordlab" else gensim
    words, matrix, seconds = make(row, asked.corpus, *given)
    np.save(asked.corpus.parent / "vectors.npy", matrix)
    (asked.corpus.parent / "words.txt").write_text("\n".join(words))
    print(seconds)


def wordlab(row: Row, text: Path, epochs: int, seed: int, threads: int) -> tuple[Any, Any, float]:
    """Return words, vectors and the seconds of wordlab's training, on what the scan has left."""
    from wordlab.corpus.corpus import EncodedCorpus
    from wordlab.corpus.vocabulary import Vocabulary
    from wordlab.embeddings.word2vec import training

    vocabulary = Vocabulary.load(text.parent / "vocabulary.tsv")
    corpus = EncodedCorpus.load(text.parent / "encoded")
    params = word2vec.settings(row.architecture, epochs=epochs)
    seconds, vectors = harness.timed(
        lambda: training.train(
            corpus, vocabulary, params, architecture=row.architecture, seed=seed, threads=threads
        )
    )
    return vocabulary.words, vectors.matrix, seconds


def gensim(row: Row, text: Path, epochs: int, seed: int, threads: int) -> tuple[Any, Any, float]:
    """Return words, vectors and the seconds of gensim's training."""
    from gensim.models import Word2Vec

    model = Word2Vec(
        **word2vec.gensim_settings(word2vec.settings(row.architecture), row.architecture),
        workers=threads, epochs=epochs, seed=seed,
    )  # fmt: skip
    model.build_vocab(corpus_file=str(text))
    words = model.corpus_total_words
    seconds, _ = harness.timed(
        lambda: model.train(corpus_file=str(text), total_words=words, epochs=epochs)
    )
    return model.wv.index_to_key, model.wv.vectors, seconds


def scores(folder: Path) -> dict[str, float]:
    """Return gensim's scores of the vectors in `folder`."""
    import numpy as np
    from gensim.models import KeyedVectors

    matrix = np.load(folder / "vectors.npy", allow_pickle=False)
    keyed = KeyedVectors(matrix.shape[1])
    keyed.add_vectors((folder / "words.txt").read_text().split("\n"), matrix)
    return word2vec.scores(keyed)


def table(figures: dict[str, Any]) -> str:
    """Return the figures as a Markdown table, the processor above it."""
    lines = [
        f"{figures['processor']}, {word2vec.counted(figures['threads'], 'thread')}; "
        f"{figures['tokens']:,} tokens, {figures['seconds']:.0f} seconds",
        "",
        "| | seconds | epochs | mean Spearman | WordSim-353 | SimLex-999 | analogies |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in figures["rows"].items():
        read = f"{row['epochs']:.0f}" if row["text_share"] == 1 else f"{row['text_share']:.2f}"
        spearman = (row[score] for score in ("spearman", "wordsim353", "simlex999"))
        cells = [
            ROWS[name].title, f"{row['seconds']:.1f}", read,
            *(f"{score:.3f}".lstrip("0") for score in spearman), f"{100 * row['analogies']:.1f} %",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
