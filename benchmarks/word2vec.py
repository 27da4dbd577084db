"""word2vec beside gensim's, on the same tokens with the same settings.

    python benchmarks/word2vec.py --corpus FILE [--threads 2] [--epochs 5] [--seeds 1] [--json OUT]
        [--also-threads 1 4 8] [--output hierarchical_softmax]
    python benchmarks/word2vec.py --from OUT

Prints a table; --from prints that of figures kept before. Each line of FILE (plain, .gz, .bz2 or
.xz) with a word in it is one document, lower-cased and cut to runs of a-z, for both: windows end
where lines do. gensim reads it as its `corpus_file`. Every training is a process of its own, one
after the other, gensim and wordlab in turn:

- seconds: of the training alone, after import and compilation; scan_seconds: of counting the
  words and, in wordlab, encoding the text; whole_seconds: of all but the scoring, from the first
  line of a process on, import and loading or compiling the kernels included;
- words_per_second: tokens times epochs over `seconds`; ratio: wordlab's over gensim's; peak_mib:
  the largest resident memory of the process, of scan and training alike; beyond_mib: that of the
  training without the weights and, in wordlab, the text, which it maps;
- wordsim353, simlex999 (Spearman) and analogies (accuracy, top 300,000 words) as gensim's
  KeyedVectors scores them, for both.

With several seeds scores are means over them, all else medians. With --also-threads wordlab is
trained again with each of these numbers of threads, and has to give the same bytes.
"""

import argparse
import bz2
import gzip
import hashlib
import json
import lzma
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

import harness
import published

BEGUN = time.perf_counter()
ARCHITECTURES = tuple(published.WORD2VEC_RATES)
TITLES = {"skipgram": "skip-gram", "cbow": "CBOW"}
SYSTEMS = ("gensim", "wordlab")
OUTPUTS = ("negative_sampling", "hierarchical_softmax")
SCORES = ("wordsim353", "simlex999", "analogies")
FIGURES = (
    "seconds", "words_per_second", "whole_seconds", "scan_seconds", "peak_mib", "beyond_mib",
    *SCORES,
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--corpus", type=Path)
    source.add_argument("--from", dest="kept", type=Path, help="print the table of such figures")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--also-threads", type=int, nargs="+", default=[])
    parser.add_argument("--output", default="negative_sampling", choices=OUTPUTS)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds to take the mean of")
    parser.add_argument("--architectures", nargs="+", default=ARCHITECTURES, choices=ARCHITECTURES)
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.child:
        child(asked)
        return
    if asked.kept:
        print(table(json.loads(asked.kept.read_text(encoding="utf-8"))))
        return

    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "train.txt"
        tokens = normalise(asked.corpus, text)
        figures: dict[str, Any] = {
            "processor": harness.processor(), "tokens": tokens, "threads": asked.threads,
            "epochs": asked.epochs, "seeds": asked.seeds, "min_count": published.MIN_COUNT,
            "output": asked.output,
            "settings": {
                name: settings(name, output=asked.output).model_dump()
                for name in asked.architectures
            },
        }  # fmt: skip
        for architecture in asked.architectures:
            figures[architecture] = compare(asked, architecture, text)
    harness.write(figures, asked.json)
    print(table(figures))


def settings(architecture: str, **changes: Any) -> Any:
    """Return the settings of an architecture that both train with, `changes` on top."""
    shipped = getattr(harness.params().word2vec, architecture)
    rate = published.WORD2VEC_RATES[architecture]
    return harness.changed(shipped, **published.WORD2VEC | {"rate": rate} | changes)


def normalise(source: Path, target: Path) -> int:
    """Write the words of `source`, one document per line with an empty line after; count them."""
    opener = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}.get(source.suffix, open)
    tokens = 0
    with opener(source, "rt", encoding="utf-8") as lines, target.open("w") as out:
        for line in lines:
            words = re.findall("[a-z]+", line.lower())
            if words:
                tokens += len(words)
                out.write(" ".join(words) + "\n\n")
    return tokens


def compare(asked: argparse.Namespace, architecture: str, text: Path) -> dict[str, Any]:
    """Return the figures of each system, and the ratio of speeds, over the seeds."""
    rows = [(system, system, asked.threads) for system in asked.systems]
    if "wordlab" in asked.systems:
        rows += [(f"wordlab_{count}", "wordlab", count) for count in asked.also_threads]
        # the compiler would count as memory of the first training
        process(asked, "compile", architecture, "1", text, asked.threads)
    runs: dict[str, list[dict[str, Any]]] = {row: [] for row, _, _ in rows}
    for seed in range(1, asked.seeds + 1):
        for row, system, threads in rows:
            runs[row].append(process(asked, system, architecture, str(seed), text, threads))
        made = {runs[row][-1]["md5"] for row, system, _ in rows if system == "wordlab"}
        if len(made) > 1:
            raise SystemExit(f"{architecture}, seed {seed}: other bytes at other threads")
    return together(runs)


def together(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return what the runs of each row come to, and the ratio of speeds."""
    result: dict[str, Any] = {
        row: {
            name: fmean([run[name] for run in of])
            if name in SCORES
            else median([run[name] for run in of])
            for name in FIGURES
        }
        for row, of in runs.items()
    }
    if set(SYSTEMS) <= set(result):
        ours, theirs = (result[system]["words_per_second"] for system in ("wordlab", "gensim"))
        result["ratio"] = ours / theirs
    return result


def process(
    asked: argparse.Namespace, system: str, architecture: str, seed: str, text: Path, threads: int
) -> dict[str, Any]:
    """Run one training in a process of its own, wordlab's scan in another as its stages do."""
    steps = ["gensim"] if system == "gensim" else ["scan", system]
    figures: dict[str, Any] = {}
    for step in steps:
        done = subprocess.run(
            [
                sys.executable, __file__, "--corpus", str(text), "--threads", str(threads),
                "--epochs", str(asked.epochs), "--output", asked.output,
                "--child", step, architecture, seed,
            ],
            check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        found = json.loads(done.stdout.splitlines()[-1])
        for name in ("whole_seconds", "scan_seconds"):
            found[name] = found.get(name, 0.0) + figures.get(name, 0.0)
        found["peak_mib"] = max(found["peak_mib"], figures.get("peak_mib", 0.0))
        figures = found
    print(system, architecture, seed, json.dumps(figures), file=sys.stderr, flush=True)
    return figures


def child(asked: argparse.Namespace) -> None:
    """Be the process of one step; print its figures as JSON."""
    harness.use_threads(asked.threads)
    step, architecture, seed = asked.child[0], asked.child[1], int(asked.child[2])
    if step == "scan":
        figures = scan(asked.corpus)
    elif step == "compile":
        prepared(asked, architecture, seed)
        figures = {"peak_mib": peak_mib()}
    elif step == "gensim":
        figures = train_gensim(asked, architecture, seed)
    else:
        figures = train_wordlab(asked, architecture, seed)
    whole = time.perf_counter() - BEGUN - figures.pop("scoring_seconds", 0.0)
    print(json.dumps(figures | {"whole_seconds": whole}))


def peak_mib() -> float:
    """Return the largest resident memory of this process so far, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def scan(text: Path) -> dict[str, float]:
    """Build wordlab's vocabulary and encode the text, beside the text."""
    from wordlab.corpus.vocabulary import Vocabulary
    from wordlab.text import counting

    started = time.perf_counter()
    tally = counting.count_words(text, published.MIN_COUNT)
    vocabulary = Vocabulary.build(tally.table, min_count=published.MIN_COUNT)
    counting.encode(text, vocabulary, text.parent / "encoded")
    vocabulary.save(text.parent / "vocabulary.tsv")
    return {"scan_seconds": time.perf_counter() - started, "peak_mib": peak_mib()}


def prepared(asked: argparse.Namespace, architecture: str, seed: int) -> tuple[Any, ...]:
    """Return what wordlab trains on and with, from what `scan` left beside the text; compile."""
    from wordlab.corpus.corpus import EncodedCorpus
    from wordlab.corpus.vocabulary import Vocabulary
    from wordlab.embeddings.word2vec import training as word2vec

    vocabulary = Vocabulary.load(asked.corpus.parent / "vocabulary.tsv")
    corpus = EncodedCorpus.load(asked.corpus.parent / "encoded")
    params = settings(architecture, epochs=asked.epochs, output=asked.output)
    options: Any = {"architecture": architecture, "seed": seed, "threads": asked.threads}
    word2vec.train(beginning(corpus), vocabulary, params, **options)
    return corpus, vocabulary, params, options


def train_wordlab(asked: argparse.Namespace, architecture: str, seed: int) -> dict[str, Any]:
    """Train wordlab's vectors."""
    from wordlab.embeddings.word2vec import training as word2vec

    corpus, vocabulary, params, options = prepared(asked, architecture, seed)
    started = time.perf_counter()
    vectors = word2vec.train(corpus, vocabulary, params, **options)
    seconds = time.perf_counter() - started
    peak, scored = peak_mib(), time.perf_counter()
    weights = 8 * len(vocabulary) * params.dimensions
    return {
        "seconds": seconds,
        "words_per_second": len(corpus) * asked.epochs / seconds,
        "peak_mib": peak,
        "beyond_mib": peak - (weights + corpus.tokens.nbytes) / 2**20,
        "md5": hashlib.md5(vectors.matrix.tobytes()).hexdigest(),
        **scores(keyed(vectors)),
        "scoring_seconds": time.perf_counter() - scored,
    }


def keyed(vectors: Any) -> Any:
    """Return word vectors as gensim's KeyedVectors, with the words' counts."""
    from gensim.models import KeyedVectors

    made = KeyedVectors(vectors.matrix.shape[1])
    made.add_vectors(list(vectors.vocabulary.words), vectors.matrix)
    known = vectors.vocabulary
    for word, count in zip(known.words, known.counts.tolist(), strict=True):
        made.set_vecattr(word, "count", count)
    return made


def beginning(corpus: Any) -> Any:
    """Return the first documents of a corpus, about 1,000 tokens."""
    import numpy as np

    from wordlab.corpus.corpus import EncodedCorpus

    ends = corpus.document_ends[: np.searchsorted(corpus.document_ends, 1000) + 1]
    return EncodedCorpus(corpus.tokens[: ends[-1]], ends, ends)


def train_gensim(asked: argparse.Namespace, architecture: str, seed: int) -> dict[str, float]:
    """Train gensim's vectors on the text."""
    from gensim.models import Word2Vec

    params = settings(architecture, output=asked.output)
    model = Word2Vec(
        **gensim_settings(params, architecture),
        workers=asked.threads, epochs=asked.epochs, seed=seed,
    )  # fmt: skip
    started = time.perf_counter()
    model.build_vocab(corpus_file=str(asked.corpus))
    scanned = time.perf_counter()
    model.train(
        corpus_file=str(asked.corpus), total_words=model.corpus_total_words, epochs=asked.epochs
    )
    seconds = time.perf_counter() - scanned
    peak, scored = peak_mib(), time.perf_counter()
    return {
        "seconds": seconds,
        "words_per_second": model.corpus_total_words * asked.epochs / seconds,
        "scan_seconds": scanned - started,
        "peak_mib": peak,
        "beyond_mib": peak - 8 * model.wv.vectors.size / 2**20,
        **scores(model.wv),
        "scoring_seconds": time.perf_counter() - scored,
    }


def gensim_settings(params: Any, architecture: str) -> dict[str, Any]:
    """Return wordlab's settings in the words of gensim."""
    tree = params.output == "hierarchical_softmax"
    return {
        "vector_size": params.dimensions, "window": params.window,
        "min_count": published.MIN_COUNT, "hs": int(tree),
        "negative": 0 if tree else params.negatives, "ns_exponent": params.noise_exponent,
        "sample": params.subsample, "alpha": params.rate,
        "min_alpha": params.rate * params.rate_floor, "sg": int(architecture == "skipgram"),
    }  # fmt: skip


def scores(keyed: Any) -> dict[str, float]:
    """Return gensim's scores of KeyedVectors on the sets that it ships."""
    from gensim.test.utils import datapath

    accuracy, _ = keyed.evaluate_word_analogies(datapath("questions-words.txt"))
    return {
        "wordsim353": float(keyed.evaluate_word_pairs(datapath("wordsim353.tsv"))[1].statistic),
        "simlex999": float(keyed.evaluate_word_pairs(datapath("simlex999.txt"))[1].statistic),
        "analogies": float(accuracy),
    }


def counted(number: int, thing: str) -> str:
    """Return a number of things as text."""
    return f"{number} {thing}{'s' * (number != 1)}"


def table(figures: dict[str, Any]) -> str:
    """Return the figures as a Markdown table, the processor above it."""
    seeds = figures["seeds"]
    lines = [
        f"{figures['processor']}, {counted(figures['threads'], 'thread')}; "
        f"{figures['tokens']:,} tokens, {counted(figures['epochs'], 'epoch')}, "
        f"{figures['output'].replace('_', ' ')}; "
        + ("one seed" if seeds == 1 else f"{seeds} seeds: scores are means, all else medians"),
        "",
        "| | words per second | times gensim's | WordSim-353 | SimLex-999 | analogies | "
        "memory, MiB | of it beyond weights and text |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for architecture in (name for name in ARCHITECTURES if name in figures):
        rows = {name: row for name, row in figures[architecture].items() if name != "ratio"}
        base = rows.get("gensim", {}).get("words_per_second")
        for place, (system, row) in enumerate(rows.items()):
            name, _, threads = system.partition("_")
            name += f", {counted(int(threads), 'thread')}" if threads else ""
            speed = row["words_per_second"]
            cells = [
                name if place else f"{TITLES[architecture]}: {name}",
                f"{speed / 1e6:.2f} M",
                f"{speed / base:.2f}" if base else "",
                *(f"{row[score]:.3f}".lstrip("0") for score in ("wordsim353", "simlex999")),
                f"{100 * row['analogies']:.1f} %",
                *(f"{row[size]:.0f}" for size in ("peak_mib", "beyond_mib")),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
