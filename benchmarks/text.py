"""Tokenising, counting and encoding a text, beside gensim's scan of the vocabulary alone."""

import argparse
import resource
import tempfile
from pathlib import Path
from typing import Any

import harness

MIN_COUNT = 5


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return seconds, the ratio of gensim's to ours, and the largest memory of a process in MiB.

    gensim reads the file as words between spaces, a line a sentence; wordlab finds sentences and
    letters in the same file, splits it by documents, counts the words and encodes all of it.
    """
    from wordlab.params.text import PhraseParams, PreprocessParams, SplitShares

    params = PreprocessParams(
        lowercase=True,
        tokens="letters",
        numbers="keep",
        units="sentences",
        phrases=PhraseParams(passes=0, discount=5, threshold=100),
        splits=SplitShares(train=0.9, valid=0.05, test=0.05),
    )
    with tempfile.TemporaryDirectory() as scratch:
        seconds, tokens = harness.timed(lambda: ours(asked.corpus, Path(scratch), params))
    own, children = (
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    theirs, words = harness.timed(lambda: gensim_scan(asked.corpus))
    return {
        "wordlab_seconds": round(seconds, 2),
        "wordlab_tokens": tokens,
        "wordlab_peak_mib": round(own),
        "worker_peak_mib": round(children),
        "gensim_seconds": round(theirs, 2),
        "gensim_tokens": words,
        "ratio": round(theirs / seconds, 2),
    }


def ours(path: Path, folder: Path, params: Any) -> int:
    """Return the tokens of all splits, tokenised, counted and encoded into `folder`."""
    import numpy as np

    from wordlab.text import encoding, preprocess, readers
    from wordlab.text.splits import SPLITS
    from wordlab.text.vocabulary import Vocabulary

    lengths = np.fromiter((len(one.text) for one in readers.read(path, "text")), np.int64)
    splits = preprocess.assign(lengths, params.splits, seed=1)
    texts = (one.text for one in readers.read(path, "text"))
    preprocess.write_splits(texts, splits, folder, params)
    counts, _ = encoding.count_words(folder / "train.txt", MIN_COUNT)
    vocabulary = Vocabulary.build(counts, min_count=MIN_COUNT)
    return sum(
        len(encoding.encode(folder / f"{name}.txt", vocabulary, folder / name)) for name in SPLITS
    )


def gensim_scan(path: Path) -> int:
    """Return the words that gensim counts in the file."""
    from gensim.models import Word2Vec
    from gensim.models.word2vec import LineSentence

    model = Word2Vec(min_count=MIN_COUNT)
    model.build_vocab(LineSentence(str(path)))
    return model.corpus_total_words


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--corpus", type=Path, required=True)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--json", type=Path, help="where to write the figures")
    harness.run(options.parse_args(), measure)
