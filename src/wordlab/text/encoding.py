"""Counting the words of the training split, and encoding every split by the vocabulary."""

from array import array
from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np

from wordlab.text import splits
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import UNKNOWN, Vocabulary


def count_words(path: Path) -> Counter[str]:
    """Return how often each word of the split at `path` occurs."""
    counts: Counter[str] = Counter()
    for document in splits.read(path):
        counts.update(chain.from_iterable(document))
    return counts


def encode(path: Path, vocabulary: Vocabulary) -> EncodedCorpus:
    """Return the split at `path` as ids of `vocabulary`."""
    index = vocabulary.index
    tokens, sentence_ends, document_ends = array("i"), array("q"), array("q")
    for document in splits.read(path):
        for sentence in document:
            tokens.extend([index.get(word, UNKNOWN) for word in sentence])
            sentence_ends.append(len(tokens))
        document_ends.append(len(tokens))
    return EncodedCorpus(
        tokens=np.array(tokens, dtype=np.int32),
        sentence_ends=np.array(sentence_ends, dtype=np.int64),
        document_ends=np.array(document_ends, dtype=np.int64),
    )


def summary(corpus: EncodedCorpus) -> dict[str, float]:
    """Return how many tokens a split has and the share of them that is unknown."""
    unknown = float(np.mean(corpus.tokens == UNKNOWN)) if len(corpus) else 0.0
    return {
        "documents": len(corpus.document_ends),
        "sentences": len(corpus.sentence_ends),
        "tokens": len(corpus),
        "unknown_share": unknown,
    }
