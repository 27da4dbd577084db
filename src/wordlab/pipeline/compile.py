"""Compiling the kernels ahead of time, by running them on a word."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import numpy as np
import pyarrow as pa
import torch

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import glove, ppmi
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.counts.cooccurrence import Counts
from wordlab.embeddings.word2vec import subword
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.params.language import Kind
from wordlab.params.text import PhraseParams, PreprocessParams, SplitShares
from wordlab.params.whole import Params
from wordlab.recurrent.layers import RecurrentLayers
from wordlab.text.counting import Encoder, tally
from wordlab.text.preprocess import tokenise

WORDS = 200


def compile_vectors(params: Params) -> None:
    """Compile what the settings of `params` need, and keep it in NUMBA_CACHE_DIR."""
    tokens = (np.arange(20 * WORDS) * 7 % WORDS).astype(np.int32)
    ends = np.array([len(tokens)])
    corpus = EncodedCorpus(tokens, ends, ends)
    words = tuple(f"word{number}" for number in range(WORDS))
    vocabulary = Vocabulary(words, np.bincount(tokens, minlength=WORDS).astype(np.int64))
    with TemporaryDirectory() as scratch:
        _train(_loaded(corpus, Path(scratch)), vocabulary, params, Path(scratch))


def _loaded(corpus: EncodedCorpus, folder: Path) -> EncodedCorpus:
    """Return the corpus memory-mapped, as stages have it; writable arrays have other kernels."""
    corpus.save(folder / "corpus")
    return EncodedCorpus.load(folder / "corpus")


def _train(corpus: EncodedCorpus, vocabulary: Vocabulary, params: Params, folder: Path) -> None:
    small = {"dimensions": 16, "epochs": 1, "subsample": 0.0}
    for architecture in ("cbow", "skipgram"):
        settings = getattr(params.word2vec, architecture).model_copy(update=small)
        word2vec.train(corpus, vocabulary, settings, architecture=architecture, seed=1)
    by_ngrams = params.word2vec.subword.model_copy(update=small)
    subword.train(corpus, vocabulary, by_ngrams, seed=1)
    cooccurrence.count(corpus, vocabulary, params.cooccurrence, seed=1).save(folder / "counts")
    counts = Counts.load(folder / "counts")
    weights = params.ppmi.model_copy(update={"dimensions": 16})
    model = ppmi.ppmi(counts, weights)
    ppmi.factorise(model.matrix, vocabulary, weights, seed=1)
    few = params.glove.model_copy(update={"dimensions": 16, "iterations": 1})
    glove.train(counts, few, seed=1)


def compile_networks(params: Params) -> None:
    """Compile the cells of `language_model` likewise."""
    for kind in get_args(Kind):
        settings = getattr(params.language_model, kind)
        layers = RecurrentLayers(settings, 16, 4 * settings.heads, 1, torch.Generator())
        resets = torch.zeros(2, 1, dtype=torch.bool)
        layers(torch.zeros(2, 1, 16), resets=resets)[0].sum().backward()


def compile_text() -> None:
    """Compile what texts need, and keep it likewise; no setting asks for other kernels."""
    settings = PreprocessParams(
        language="other",
        lowercase=True,
        tokens="letters",
        numbers="keep",
        units="sentences",
        phrases=PhraseParams(passes=0, discount=0, threshold=1),
        splits=SplitShares(train=0.8, valid=0.1, test=0.1),
    )
    piece = bytes(tokenise(pa.array(["Word."]), settings).data)
    Encoder(Vocabulary.build(tally(piece).table)).encode(piece)
