"""What a large text needs in hours, memory and disk, worked out from runs on a smaller one.

    python benchmarks/scale.py --corpus FILE [--tokens 1e9] [--threads 2] [--json OUT]

Every step runs on five slices of FILE, 1/16 to all of it, each step a process of its own, with the
settings below. The numbers of different words, of words seen often enough and of pairs that occur
are fitted by power laws of the number of tokens (Heaps' law for the first), each over three slices.
Seconds and bytes of a step grow with what it works through, its driver: tokens or pairs. Memory is
that of the process without mapped files, which the system may take back.

The first table sets what the slices up to 1/4 predict for the whole FILE against what that took;
the second predicts `--tokens` from the three largest. `--words` keeps the commonest words only.
`--from` takes the runs of an earlier `--json` instead of running anything.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import harness
import published

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
FITTED = 3
"""Slices that a law is fitted to; the first so many predict the last, as a check."""
DIMENSIONS = 100
MEMORY_MB = 256
"""Of counting, so that the longer slices are counted in pieces, as a large text is."""
SIZES = {"different words": "different_words", "vocabulary": "words", "pairs": "cells"}
STEPS = {  # its name in tables, and its driver
    "text": ("text: tokenise, count, encode", "tokens"),
    "cooccurrence": ("co-occurrence, window 10", "tokens"),
    "ppmi": ("PPMI", "cells"),
    "svd": (f"SVD of PPMI, {DIMENSIONS} d", "cells"),
    "glove": (f"GloVe, {DIMENSIONS} d, an iteration", "cells"),
    "skipgram": (f"skip-gram, {DIMENSIONS} d, an epoch", "tokens"),
}
WRITTEN = {
    "text": "tokens", "cooccurrence": "cells", "ppmi": "cells",
    "svd": "words", "glove": "words", "skipgram": "words",
}  # fmt: skip
"""What the bytes on disk grow with."""
BOUNDED = ("text", "cooccurrence")
"""Steps whose memory a setting bounds, whatever the text."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--tokens", type=float, default=1e9)
    parser.add_argument("--words", type=int, help="the commonest words kept; all, if not given")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="where to write what was measured")
    parser.add_argument("--from", dest="earlier", type=Path, help="what was measured before")
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.step:
        step, folder = asked.step
        MEMORY.start()
        harness.run(asked, lambda _: STEP_BY_NAME[step](Path(folder), asked.words))
        return
    runs = json.loads(asked.earlier.read_text()) if asked.earlier else measured(asked)
    harness.write(runs, asked.json)
    print(check(runs), prediction(runs, asked.tokens), sep="\n")


def measured(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Return for each slice what its steps found, and their seconds and MiB, as one mapping."""
    runs = []
    for share in SHARES:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            cut(asked.corpus, share, folder / "text.txt")
            run: dict[str, Any] = {}
            for step in STEPS:
                run |= in_a_process(step, folder, asked)
        print(run, file=sys.stderr)
        runs.append(run)
    return runs


def in_a_process(step: str, folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Return what a step finds in a process of its own, so that it measures its own memory."""
    figures = folder / f"{step}.json"
    command = [sys.executable, __file__, "--step", step, str(folder)]
    options = ["--threads", str(asked.threads), "--json", str(figures)]
    if asked.words:
        options += ["--words", str(asked.words)]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
    return json.loads(figures.read_text())


def cut(path: Path, share: float, target: Path) -> None:
    """Write the first documents of a text, `share` of its characters."""
    from wordlab.text.documents import Notes
    from wordlab.text.readers import read

    texts = [document.text for document in read(path, "text", "blank_lines", Notes())]
    wanted, written = share * sum(map(len, texts)), 0
    with target.open("w", encoding="utf-8") as file:
        for text in texts:
            if written >= wanted:
                return
            file.write(f"{text}\n\n")
            written += len(text)


class Memory(threading.Thread):
    """Watches the memory of this process but for mapped files, which the system may take back."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0

    def run(self) -> None:
        import psutil

        process = psutil.Process()
        while True:
            now = process.memory_info()
            self.peak = max(self.peak, now.rss - now.shared)
            time.sleep(0.01)


MEMORY = Memory()


def finished(step: str, seconds: float, **found: float) -> dict[str, float]:
    """Return what a step found, with its seconds and the most memory that it held."""
    return {**found, f"{step}_seconds": seconds, f"{step}_mib": MEMORY.peak / 2**20}


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def text_step(folder: Path, words: int | None) -> dict[str, float]:
    import text

    figures = text.ours(folder / "text.txt", folder)
    seconds = sum(figures[f"{part}_seconds"] for part in ("read", *text.WORK))
    ids = sum(bytes_in(folder / name) for name in ("train", "valid", "test"))
    disk = figures["documents_bytes"] + figures["splits_bytes"] + ids
    found = {name: figures[name] for name in ("tokens", "different_words")}
    return finished("text", seconds, **found, text_bytes=disk)


def encoded(folder: Path, words: int | None) -> tuple[Any, Any]:
    """Return the training split and its vocabulary, only the commonest words of it if asked."""
    import numpy as np

    from wordlab.corpus.corpus import EncodedCorpus
    from wordlab.corpus.vocabulary import UNKNOWN, Vocabulary

    corpus = EncodedCorpus.load(folder / "train")
    vocabulary = Vocabulary.load(folder / "vocabulary.tsv")
    if words is None or words >= len(vocabulary):
        return corpus, vocabulary
    kept = np.where(corpus.tokens < words, corpus.tokens, UNKNOWN).astype(np.int32)
    ends = corpus.sentence_ends, corpus.document_ends
    return EncodedCorpus(kept, *ends), vocabulary.truncated(words)


def cooccurrence_step(folder: Path, words: int | None) -> dict[str, float]:
    from wordlab.embeddings.counts import cooccurrence

    params = harness.changed(
        harness.params().cooccurrence, **published.COOCCURRENCE, memory_mb=MEMORY_MB
    )
    corpus, vocabulary = encoded(folder, words)
    seconds, counts = harness.timed(
        lambda: cooccurrence.count(corpus, vocabulary, params, seed=1, scratch=folder)
    )
    counts.save(folder / "counts")
    disk = bytes_in(folder / "counts")
    return finished(
        "cooccurrence",
        seconds,
        words=len(vocabulary),
        cells=counts.matrix.nnz,
        cooccurrence_bytes=disk,
    )


def ppmi_settings() -> Any:
    return harness.changed(harness.params().ppmi, **published.PPMI, dimensions=DIMENSIONS)


def ppmi_step(folder: Path, words: int | None) -> dict[str, float]:
    from wordlab.embeddings import ppmi
    from wordlab.embeddings.counts.cooccurrence import Counts

    counts = Counts.load(folder / "counts")
    seconds, model = harness.timed(lambda: ppmi.ppmi(counts, ppmi_settings()))
    model.save(folder / "ppmi")
    return finished("ppmi", seconds, ppmi_bytes=bytes_in(folder / "ppmi"))


def svd_step(folder: Path, words: int | None) -> dict[str, float]:
    from wordlab.embeddings.ppmi import PpmiModel, factorise

    model = PpmiModel.load(folder / "ppmi")
    seconds, vectors = harness.timed(
        lambda: factorise(model.matrix, model.vocabulary, ppmi_settings(), seed=1)
    )
    vectors.save(folder / "svd")
    return finished("svd", seconds, svd_bytes=bytes_in(folder / "svd"))


def glove_step(folder: Path, words: int | None) -> dict[str, float]:
    from wordlab.embeddings import glove
    from wordlab.embeddings.counts.cooccurrence import Counts

    ends: list[float] = []
    vectors = glove.train(
        Counts.load(folder / "counts"),
        harness.changed(
            harness.params().glove, **published.GLOVE, dimensions=DIMENSIONS, iterations=2
        ),
        seed=1,
        on_iteration=lambda iteration, metrics: ends.append(time.perf_counter()),
    )
    vectors.save(folder / "glove")
    return finished("glove", ends[1] - ends[0], glove_bytes=bytes_in(folder / "glove"))


def skipgram_step(folder: Path, words: int | None) -> dict[str, float]:
    from word2vec import settings

    from wordlab.embeddings.word2vec import training as word2vec

    params = settings("skipgram", epochs=1)
    corpus, vocabulary = encoded(folder, words)
    seconds, vectors = harness.timed(
        lambda: word2vec.train(corpus, vocabulary, params, architecture="skipgram", seed=1)
    )
    vectors.save(folder / "skipgram")
    return finished("skipgram", seconds, skipgram_bytes=bytes_in(folder / "skipgram"))


STEP_BY_NAME = {
    "text": text_step,
    "cooccurrence": cooccurrence_step,
    "ppmi": ppmi_step,
    "svd": svd_step,
    "glove": glove_step,
    "skipgram": skipgram_step,
}


def column(runs: list[dict[str, Any]], name: str) -> Any:
    import numpy as np

    return np.array([run[name] for run in runs], dtype=float)


def sizes(runs: list[dict[str, Any]], tokens: float) -> tuple[dict[str, float], dict[str, float]]:
    """Return the sizes at so many tokens by the power laws that fit the runs, and the exponents."""
    import numpy as np

    found, exponents = {"tokens": tokens}, {}
    runs = runs[-FITTED:]
    for name in SIZES.values():
        slope, level = np.polyfit(np.log(column(runs, "tokens")), np.log(column(runs, name)), 1)
        found[name] = float(np.exp(level + slope * np.log(tokens)))
        exponents[name] = float(slope)
    return found, exponents


def needs(runs: list[dict[str, Any]], tokens: float) -> dict[str, tuple[float, float, float]]:
    """Return seconds, MiB and bytes of each step at so many tokens.

    Seconds and bytes are those of the largest run in proportion to the driver; MiB is a straight
    line of the driver through the runs, or what was reached where a setting bounds it.
    """
    import numpy as np

    grown, _ = sizes(runs, tokens)
    found = {}
    for step, (_, driver) in STEPS.items():
        times = grown[driver] / runs[-1][driver]
        memory = runs[-1][f"{step}_mib"]
        if step not in BOUNDED:
            fitted = runs[-FITTED:]
            line = np.polyfit(column(fitted, driver), column(fitted, f"{step}_mib"), 1)
            memory = max(memory, float(np.polyval(line, grown[driver])))
        written = WRITTEN[step]
        disk = grown[written] / runs[-1][written] * runs[-1][f"{step}_bytes"]
        if step == "cooccurrence":
            disk += scratch_bytes(runs, tokens)
        found[step] = times * runs[-1][f"{step}_seconds"], memory, disk
    return found


def scratch_bytes(runs: list[dict[str, Any]], tokens: float) -> float:
    """Return what counting writes between its two passes: 12 bytes a cell of each shard."""
    from wordlab.embeddings.counts.cooccurrence import Budget

    shard = Budget.within(MEMORY_MB, threads=1).shard_tokens
    return tokens / shard * sizes(runs, shard)[0]["cells"] * 12


def check(runs: list[dict[str, Any]]) -> str:
    """Return a table of what the smaller slices predict for the largest, and what it was."""
    smaller, whole = runs[:FITTED], runs[-1]
    grown, _ = sizes(smaller, whole["tokens"])
    expected = needs(smaller, whole["tokens"])
    lines = [
        f"| {smaller[-1]['tokens']:,} to {whole['tokens']:,} tokens | predicted | measured | |",
        "|---|---|---|---|",
    ]
    for title, name in SIZES.items():
        lines.append(row(title, grown[name], whole[name], ",.0f", ""))
    for step, (title, _) in STEPS.items():
        seconds, memory, _ = expected[step]
        lines.append(row(title, seconds, whole[f"{step}_seconds"], ".1f", " s"))
        lines.append(row(f"{title}: memory", memory, whole[f"{step}_mib"], ",.0f", " MiB"))
    return "\n".join(lines) + "\n"


def row(title: str, predicted: float, was: float, form: str, unit: str) -> str:
    off = f"{100 * (predicted / was - 1):+.0f} %"
    return f"| {title} | {predicted:{form}}{unit} | {was:{form}}{unit} | {off} |"


def prediction(runs: list[dict[str, Any]], tokens: float) -> str:
    """Return a table of what so many tokens need."""
    grown, exponents = sizes(runs, tokens)
    lines = [f"| {tokens:,.0f} tokens | | exponent |", "|---|---|---|"]
    for title, name in SIZES.items():
        lines.append(f"| {title} | {grown[name] / 1e6:,.1f} M | {exponents[name]:.2f} |")
    lines += ["", "| step | hours | memory, GiB | disk, GiB |", "|---|---|---|---|"]
    for step, (seconds, memory, disk) in needs(runs, tokens).items():
        hours, space = seconds / 3600, disk / 2**30
        lines.append(f"| {STEPS[step][0]} | {hours:.2f} | {memory / 1024:.1f} | {space:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
