"""Language models on real text, trained for an epoch with the shipped settings."""

import re
from itertools import islice

import numpy as np
import pytest

from wordlab.params.whole import load
from wordlab.recurrent.characters import alphabet, character_ids
from wordlab.recurrent.language_model import build
from wordlab.recurrent.training import train
from wordlab.text import readers
from wordlab.text.packaged import gensim_data
from wordlab.text.vocabulary import Vocabulary

SAMPLE = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    """Three articles of the packaged sample, some 30,000 words."""
    articles = islice(readers.read_wikipedia(gensim_data(SAMPLE)), 3)
    lines = [line for article in articles for line in re.split("[.!?]", article.text.lower())]
    return [" ".join(words) for line in lines if (words := re.findall("[a-z]+", line))]


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("level", ["word", "character"])
def test_one_stream_and_sixteen_agree(repository, sentences, level, cell):
    shipped = load(repository / "params.yaml")
    if level == "word":
        words = [[*line.split(), "\n"] for line in sentences]
        kinds, counts = np.unique(np.concatenate(words), return_counts=True)
        order = np.argsort(-counts, kind="stable")
        order = order[(counts[order] > 1) & (kinds[order] != "\n")]
        known = Vocabulary(tuple(kinds[order].tolist()), counts[order])
        index = {**known.index, "\n": known.end}
        ids = np.array([index.get(word, known.unknown) for line in words for word in line])
        params = getattr(shipped.language_model, cell)
    else:
        known = alphabet(sentences, min_count=5)
        ids = character_ids(sentences, known)
        params = shipped.character_model.model_copy(update={"cell": cell})
    params = params.model_copy(update={"epochs": 1})
    split = 4 * len(ids) // 5
    model = build(params, known, level=level, seed=1)
    train(model, ids[:split], ids[split:][:2000], params, seed=1, torch_threads=1)
    one, sixteen = (model.token_losses(ids[split:], streams=n).mean() for n in (1, 16))
    assert sixteen == pytest.approx(one, rel=0.01)
    assert one < 0.9 * np.log(known.classes)
