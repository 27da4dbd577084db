"""word2vec on real text: what it finds near frequent words makes sense."""

import re
from collections import Counter

import numpy as np
import pytest
from test_word2vec import params

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.downloads import gensim_data
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.text.documents import Notes
from wordlab.text.readers import read_dump

SAMPLE = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
RELATED = {
    "north": {"south", "east", "west", "northern", "southern"},
    "two": {"three", "four", "five", "six"},
    "century": {"centuries", "nineteenth", "eighteenth", "twentieth", "th", "early"},
    "music": {"dance", "songs", "musical", "poetry", "folk", "pop", "jazz", "art", "song"},
    "government": {"constitution", "parliament", "president", "federal", "elected", "congress"},
}


@pytest.fixture(scope="module")
def wikipedia():
    """The packaged sample, 0.5 M words, each article a document."""
    articles = read_dump(gensim_data(SAMPLE), Notes(), as_gensim=True)
    texts = [re.findall("[a-z]+", article.text.lower()) for article in articles]
    words = [word for text in texts for word in text]
    vocabulary = Vocabulary.build(Counter(words), min_count=5)
    tokens = np.array([vocabulary.index.get(word, -1) for word in words], dtype=np.int32)
    ends = np.cumsum([len(text) for text in texts if text])
    return EncodedCorpus(tokens, ends, ends), vocabulary


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_neighbours_of_frequent_words_make_sense(wikipedia, architecture):
    settings = params(
        dimensions=64, window=5, subsample=1e-3, epochs=8,
        rate=0.05 if architecture == "cbow" else 0.025,
    )  # fmt: skip
    vectors = word2vec.train(*wikipedia, settings, architecture=architecture, seed=1)
    found = {word: {near for near, _ in vectors.neighbours(word, 10)} for word in RELATED}
    assert {word: bool(near & RELATED[word]) for word, near in found.items()} == dict.fromkeys(
        RELATED, True
    ), found
