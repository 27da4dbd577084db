"""Word vectors trained on lists of words, by the functions that the stages call."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import UNKNOWN, Vocabulary
from wordlab.embeddings import glove, ppmi
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.word2vec import subword
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.errors import UserError
from wordlab.library import places
from wordlab.library.settings import argument, changed
from wordlab.library.words import PpmiRows, WordVectors
from wordlab.params import Count, Section, Seed
from wordlab.params.text import VocabularyParams
from wordlab.params.whole import PARAMS, Params, load

Architecture = Literal["skipgram", "cbow", "subword"]
Sentence = Sequence[str]
Text = Iterable[Sentence | Sequence[Sentence]]
HALVES = re.compile("[\ud800-\udfff]")
"""Halves of surrogate pairs, which UTF-8 may not hold."""
WHAT = "expected lists of words, or documents of several such lists"


class _Encoded(NamedTuple):
    corpus: EncodedCorpus
    vocabulary: Vocabulary


def train_word2vec(
    sentences: Text,
    *,
    architecture: Architecture = "skipgram",
    seed: int | None = None,
    threads: int | None = None,
    repository: str | Path | None = None,
    **settings: Any,
) -> WordVectors:
    """Return word vectors by skip-gram or CBOW (Mikolov et al. 2013a, b), or skip-gram by n-grams
    (Bojanowski et al. 2017), which has vectors for words that it has never seen.

    sentences: lists of words, each a document of its own, which no window leaves; a list of such
    lists is one document of several sentences. settings: those of `word2vec`, such as dimensions,
    window, epochs and rate, and min_count and max_size of `vocabulary`; what is not given is as in
    params.yaml, `seed` too, that of `repository`, else of the checkout around the current folder,
    else of wordlab's own. The same arguments give the same bytes, whatever `threads` is.
    Raises UserError for a setting that is unknown or out of range, and where there is nothing to
    learn from.
    """
    params = _params(repository)
    architecture = argument("architecture", architecture, Architecture)
    own, kept = _settings(settings, getattr(params.word2vec, architecture), params.vocabulary)
    seed, threads = _seed(seed, params), _threads(threads)
    text = _encoded(sentences, kept)
    if architecture == "subword":
        vectors, subwords = subword.train(*text, own, seed=seed, threads=threads)
        return WordVectors(architecture, vectors, subwords=subwords)
    vectors = word2vec.train(*text, own, architecture=architecture, seed=seed, threads=threads)
    return WordVectors(architecture, vectors)


def train_glove(
    sentences: Text,
    *,
    seed: int | None = None,
    threads: int | None = None,
    repository: str | Path | None = None,
    **settings: Any,
) -> WordVectors:
    """Return word vectors by GloVe (Pennington et al. 2014).

    As `train_word2vec`; settings: those of `glove`, of `cooccurrence` and of `vocabulary`.
    """
    params = _params(repository)
    own, pairs, kept = _settings(settings, params.glove, params.cooccurrence, params.vocabulary)
    seed, threads = _seed(seed, params), _threads(threads)
    text = _encoded(sentences, kept)
    counts = cooccurrence.count(*text, pairs, seed=seed, threads=threads)
    return WordVectors("glove", glove.train(counts, own, seed=seed, threads=threads))


def train_ppmi(
    sentences: Text,
    *,
    seed: int | None = None,
    threads: int | None = None,
    repository: str | Path | None = None,
    **settings: Any,
) -> PpmiRows:
    """Return the positive pointwise mutual information of words and contexts, as sparse rows.

    As `train_word2vec`; settings: those of `ppmi`, of `cooccurrence` and of `vocabulary`. Nothing
    is drawn unless words are subsampled or windows dynamic.
    """
    return _ppmi(sentences, seed, threads, repository, settings)[0]


def train_ppmi_svd(
    sentences: Text,
    *,
    seed: int | None = None,
    threads: int | None = None,
    repository: str | Path | None = None,
    **settings: Any,
) -> WordVectors:
    """Return word vectors by the truncated SVD of PPMI (Levy, Goldberg & Dagan 2015).

    As `train_ppmi`. Raises UserError, too, if there are fewer words than dimensions.
    """
    rows, own, seed = _ppmi(sentences, seed, threads, repository, settings)
    model = rows.model
    vectors = ppmi.factorise(model.matrix, model.vocabulary, own, seed=seed, threads=threads)
    return WordVectors("ppmi_svd", vectors)


def _ppmi(
    sentences: Text,
    seed: int | None,
    threads: int | None,
    repository: str | Path | None,
    settings: dict[str, Any],
) -> tuple[PpmiRows, Any, int]:
    """Return the rows of PPMI, the settings that its SVD takes, and the seed."""
    params = _params(repository)
    own, pairs, kept = _settings(settings, params.ppmi, params.cooccurrence, params.vocabulary)
    seed, threads = _seed(seed, params), _threads(threads)
    text = _encoded(sentences, kept)
    counts = cooccurrence.count(*text, pairs, seed=seed, threads=threads)
    return PpmiRows("ppmi", ppmi.ppmi(counts, own, threads=threads)), own, seed


def _params(repository: str | Path | None) -> Params:
    return load(places.repository(repository) / PARAMS)


def _seed(seed: int | None, params: Params) -> int:
    return params.seed if seed is None else argument("seed", seed, Seed)


def _settings(settings: dict[str, Any], *sections: Section) -> tuple[Any, ...]:
    return changed(settings, *sections)


def _threads(threads: int | None) -> int | None:
    return argument("threads", threads, Count | None)


def _encoded(sentences: Text, params: VocabularyParams) -> _Encoded:
    """Return a text as ids, and the vocabulary of what it has often enough.

    Raises UserError where it is no lists of words.
    """
    given = (_document(number, one) for number, one in enumerate(sentences, start=1))
    documents = [document for document in given if document]
    counts = Counter(word for document in documents for line in document for word in line)
    vocabulary = Vocabulary.build(counts, min_count=params.min_count, max_size=params.max_size)
    index = vocabulary.index
    lines = [line for document in documents for line in document]
    tokens = np.fromiter(
        (index.get(word, UNKNOWN) for line in lines for word in line), np.int32, counts.total()
    )
    ends = np.fromiter(accumulate(map(len, lines)), np.int64, len(lines))
    last = np.fromiter(accumulate(map(len, documents)), np.int64, len(documents)) - 1
    return _Encoded(EncodedCorpus(tokens, ends, ends[last]), vocabulary)


def _document(number: int, given: Any) -> list[Sentence]:
    """Return a document as sentences without those that are empty."""
    items = _items(number, given)
    lines = [items] if all(isinstance(word, str) for word in items) else items
    found = [_items(number, line) for line in lines]
    for line in found:
        if not all(isinstance(word, str) for word in line):
            raise UserError(f"sentences, item {number}: {line!r:.60}; {WHAT}")
        for word in line:
            if "\n" in word:
                raise UserError(f"sentences, item {number}: {word!r:.60} has an end of line")
            if not word.isascii() and HALVES.search(word):
                raise UserError(f"sentences, item {number}: {word!r:.60} has half of a character")
    return [line for line in found if line]


def _items(number: int, given: Any) -> list[Any]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise UserError(f"sentences, item {number}: {given!r:.60}; {WHAT}")
    return list(given)
