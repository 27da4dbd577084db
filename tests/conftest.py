"""What several tests share."""

import os
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.downloads import gensim_data
from wordlab.params.language import NetworkParams
from wordlab.params.whole import load
from wordlab.text.documents import Notes
from wordlab.text.readers import read_dump

settings.register_profile("wordlab", deadline=None)  # speed is for benchmarks/
settings.load_profile("wordlab")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def away_from_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests out of the store and the checkpoints of the repository they are run from."""
    for name in [name for name in os.environ if name.startswith(("DVC_", "MLFLOW_", "WORDLAB_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def repository() -> Path:
    """The root of this repository."""
    return REPOSITORY


SAMPLE = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"


@pytest.fixture(scope="session")
def article_sentences() -> list[str]:
    """Three articles of the packaged sample, some 30,000 words."""
    articles = islice(read_dump(gensim_data(SAMPLE), Notes(), as_gensim=True), 3)
    lines = [line for article in articles for line in re.split("[.!?]", article.text.lower())]
    return [" ".join(words) for line in lines if (words := re.findall("[a-z]+", line))]


@pytest.fixture(scope="session")
def article_words(article_sentences: list[str]) -> tuple[NDArray[np.int64], Vocabulary]:
    """These articles as classes of a word model, (N,), and its vocabulary."""
    words = [[*line.split(), "\n"] for line in article_sentences]
    kinds, counts = np.unique(np.concatenate(words), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    order = order[(counts[order] > 1) & (kinds[order] != "\n")]
    known = Vocabulary(tuple(kinds[order].tolist()), counts[order])
    index = {**known.index, "\n": known.end}
    return np.array([index.get(word, known.unknown) for line in words for word in line]), known


SMALL: dict[str, Any] = {
    **load(REPOSITORY / "params.yaml").language_model.lstm.model_dump(),
    "embedding_size": 16,
    "hidden_size": 16,
    "layers": 1,
    "tied": True,
    "adaptive_cutoffs": [],
    "dropout_input": 0.0,
    "dropout_between": 0.0,
    "dropout_output": 0.0,
    "dropout_recurrent": 0.0,
    "variational": False,
    "activation_penalty": 0.0,
    "temporal_penalty": 0.0,
    "weight_decay": 0.0,
    "optimizer": "adamw",
    "rate": 0.02,
    "schedule": "constant",
    "warmup": 0.0,
    "clip_norm": 1.0,
    "epochs": 2,
    "patience": None,
    "batch_size": 4,
    "bptt_length": 8,
    "examples": "streams",
    "carry_state": "always",
    "fresh_starts": 0.0,
    "random_offset": False,
}
"""The settings of a small network: those of `language_model.lstm` in params.yaml, made small."""


@pytest.fixture
def network() -> Callable[..., NetworkParams]:
    """Return a maker of small networks' settings, `changes` on top."""
    return lambda **changes: NetworkParams(**{**SMALL, **changes})
