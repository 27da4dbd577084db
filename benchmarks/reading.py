"""The text of a benchmark as ids: lower-cased runs of letters, each line a document."""

import re
from array import array
from collections import Counter
from pathlib import Path

import numpy as np

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.text.documents import Notes
from wordlab.text.readers import read

WORD = re.compile("[a-z]+")
TITLE = re.compile("= .* =")


def training_text(path: Path | None, min_count: int) -> tuple[EncodedCorpus, Vocabulary]:
    """Return the text at `path`, encoded, or the one that `dvc repro build_vocab` has encoded."""
    if path:
        return encoded(path, min_count)
    processed = Path("data/processed")
    return (
        EncodedCorpus.load(processed / "corpus" / "train"),
        Vocabulary.load(processed / "vocabulary.tsv"),
    )


def encoded(path: Path, min_count: int) -> tuple[EncodedCorpus, Vocabulary]:
    """Return the text at `path` with the words seen `min_count` times, without titles of articles.

    Lines are documents because the C program of GloVe ends its windows there.
    """
    numbers: dict[str, int] = {}
    tokens, ends = array("i"), array("q")
    for document in read(path, "text", "blank_lines", Notes()):
        for line in document.text.splitlines():
            if not TITLE.fullmatch(line):
                words = WORD.findall(line.lower())
                tokens.extend([numbers.setdefault(word, len(numbers)) for word in words])
                if words:
                    ends.append(len(tokens))
    order = np.array(tokens, dtype=np.int32)
    seen = Counter(dict(zip(numbers, np.bincount(order).tolist(), strict=True)))
    vocabulary = Vocabulary.build(seen, min_count=min_count)
    ids = np.array([vocabulary.index.get(word, -1) for word in numbers], dtype=np.int32)
    bounds = np.array(ends, dtype=np.int64)
    return EncodedCorpus(ids[order], bounds, bounds).known(), vocabulary
