"""From a text to encoded splits, part by part, beside gensim's scan of the vocabulary alone.

    python benchmarks/text.py --corpus FILE --threads 2 [--copies 10 --alone] [--json OUT]

- read_seconds: from the file to documents on disk, as the stage download does; tokenise_seconds,
  count_seconds, encode_seconds: from there to splits, vocabulary and ids, as preprocess and
  build_vocab do; the kernels are compiled before;
- tokens_per_second: over tokenising, counting and encoding;
- ratio: gensim's seconds over those of tokenising, counting and encoding; ratio_with_read: over
  all. gensim reads the file as words between spaces, one sentence per line, and counts them;
- peak_mib: the largest resident memory of wordlab's process, which has no other beside it.

With `--copies` the text is read several times over, each time in another alphabet, so that the
vocabulary grows with it. The first run on a text lets the disk's cache warm up.
"""

import argparse
import string
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import harness
import published

WORK = ("tokenise", "count", "encode")


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the figures that this file's first lines explain."""
    with tempfile.TemporaryDirectory() as scratch:
        text = asked.corpus
        if asked.copies > 1:
            text = copied(asked.corpus, asked.copies, Path(scratch) / "text.txt")
        figures = ours(text, Path(scratch))
        working = sum(figures[f"{part}_seconds"] for part in WORK)
        figures["tokens_per_second"] = round(figures["tokens"] / working)
        if not asked.alone:
            seconds, words = harness.timed(lambda: gensim_scan(text))
            figures |= {
                "gensim_seconds": round(seconds, 2),
                "gensim_tokens": words,
                "ratio": round(seconds / working, 2),
                "ratio_with_read": round(seconds / (working + figures["read_seconds"]), 2),
            }
    return figures


def copied(path: Path, copies: int, target: Path) -> Path:
    """Write a text several times over, in each copy other letters for those of the first."""
    letters = string.ascii_lowercase
    with target.open("wb") as file:
        for copy in range(copies):
            turned = letters[copy:] + letters[:copy]
            alphabet = bytes.maketrans(
                (letters + letters.upper()).encode(), (turned + turned.upper()).encode()
            )
            with path.open("rb") as source:
                while piece := source.read(1 << 22):
                    file.write(piece.translate(alphabet))
            file.write(b"\n\n")
    return target


def ours(path: Path, folder: Path) -> dict[str, Any]:
    """Read, tokenise, count and encode the text into `folder`; return how long each took."""
    from wordlab import progress
    from wordlab.corpus.corpus import SPLITS
    from wordlab.corpus.vocabulary import Vocabulary
    from wordlab.pipeline import compile
    from wordlab.text import counting, documents, preprocess, readers

    params = harness.changed(harness.params().preprocess, **published.PREPROCESS)
    least = published.MIN_COUNT
    raw = folder / "documents.parquet"
    compile.compile_text()
    seconds: dict[str, float] = {}

    def tokenise() -> None:
        splits = preprocess.assign(documents.lengths(raw), params.splits, seed=1)
        preprocess.write_splits(documents.batches(raw), splits, folder, params)

    def count() -> tuple[Vocabulary, int]:
        tally = counting.count_words(folder / "train.txt", least)
        vocabulary = Vocabulary.build(tally.table, min_count=least)
        vocabulary.save(folder / "vocabulary.tsv")
        return vocabulary, tally.different

    found = readers.read(path, "text", "blank_lines", documents.Notes())
    seconds["read"], _ = harness.timed(lambda: documents.write(raw, found))
    seconds["tokenise"], _ = harness.timed(tokenise)
    seconds["count"], (vocabulary, different) = harness.timed(count)
    seconds["encode"], sizes = harness.timed(
        lambda: [
            counting.encode(folder / f"{name}.txt", vocabulary, folder / name) for name in SPLITS
        ]
    )
    figures: dict[str, Any] = {
        f"{part}_seconds": float(f"{taken:.3g}") for part, taken in seconds.items()
    }
    return figures | {
        "tokens": sum(int(size["tokens"]) for size in sizes),
        "different_words": different,
        "words": len(vocabulary),
        "text_bytes": path.stat().st_size,
        "documents_bytes": raw.stat().st_size,
        "splits_bytes": sum((folder / f"{name}.txt").stat().st_size for name in SPLITS),
        "peak_mib": round(progress.peak_mib()),
    }


def gensim_scan(path: Path) -> int:
    """Return the words that gensim counts in the file."""
    from gensim.models import Word2Vec
    from gensim.models.word2vec import LineSentence

    model = Word2Vec(min_count=published.MIN_COUNT)
    model.build_vocab(LineSentence(str(path)))
    return model.corpus_total_words


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--corpus", type=Path, required=True)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--copies", type=int, default=1, help="how often the text is repeated")
    options.add_argument("--alone", action="store_true", help="leave gensim out")
    options.add_argument("--json", type=Path, help="where to write the figures")
    harness.run(options.parse_args(arguments), measure)


if __name__ == "__main__":
    main()
