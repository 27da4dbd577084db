"""Small models for the explorer's page, whose words are those of a hostile text."""

import numpy as np
from scipy.sparse import csr_array

from wordlab import explorer
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.comparison.neighbours import project
from wordlab.evaluation.vectors.similarity import DenseSpace, SparseSpace
from wordlab.params.embeddings import ExplorerParams, MapParams
from wordlab.params.whole import PARAMS, load

PREPROCESS = load(PARAMS).preprocess
HOSTILE = (
    "</script><img src=x onerror=hit()>",
    "<script>hit()</script>",
    '"quoted"',
    "'\\u003c",
    "\N{RIGHT-TO-LEFT OVERRIDE}",
    "\0",
    "{{ script }}",
    "__proto__",
    "日本",
    "שלום",
)
PLAIN = ("the", "king", "queen", "man", "woman", "water", *(f"w{i}x" for i in range(60)))
WORDS = Vocabulary(PLAIN + HOSTILE, np.arange(len(PLAIN + HOSTILE), 0, -1))
MAP = MapParams(words=20, neighbours=3, perplexity=5, iterations=251)


def spaces(*, width=20, words=WORDS):
    """Return two dense spaces and a sparse one."""
    random = np.random.default_rng(1)
    made = {
        name: DenseSpace(Vectors(words, random.normal(size=(len(words), width)).astype("f4")))
        for name in ("skipgram", "glove")
    }
    cells = random.random((len(words), len(words))) * (random.random((len(words),) * 2) < 0.3)
    return {**made, "ppmi": SparseSpace(words, csr_array(cells.astype("f4")))}


def build(made, preprocess=PREPROCESS, *, limit=5.0, words=8000, **others):
    """Return the page of spaces, its words mapped."""
    maps = {name: project(space, MAP, seed=1).drawn() for name, space in made.items()}
    params = ExplorerParams(words=words, neighbours=5, megabytes=limit)
    return explorer.build(made, maps, params, preprocess, **others)
