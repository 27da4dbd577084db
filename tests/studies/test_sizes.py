"""Word vectors on less text: what a share holds, and that scores are over the same items."""

import numpy as np
import pytest

from wordlab.embeddings import cooccurrence, glove, ppmi, word2vec
from wordlab.params.studies import SizeStudyParams
from wordlab.params.whole import load
from wordlab.studies import sizes
from wordlab.text.corpus import EncodedCorpus
from wordlab.text.vocabulary import Vocabulary

WORDS = 60
SENTENCE = 12


@pytest.fixture(scope="module")
def corpus():
    """800 sentences of words near one another on a line, so that there is something to learn."""
    random = np.random.default_rng(1)
    centres = random.integers(0, WORDS, 800)[:, None]
    tokens = (centres + random.integers(-3, 4, (800, SENTENCE))) % WORDS
    ends = np.arange(SENTENCE, 800 * SENTENCE + 1, SENTENCE)
    return EncodedCorpus(tokens.astype(np.int32).ravel(), ends, ends[9::10])


@pytest.fixture(scope="module")
def vocabulary(corpus):
    counts = np.bincount(corpus.tokens, minlength=WORDS)
    return Vocabulary(tuple(f"w{i}" for i in range(WORDS)), counts)


def test_a_smaller_share_is_part_of_a_larger_one(corpus, vocabulary):
    order = np.random.default_rng(2).permutation(800)
    params = load_params().vocabulary
    parts = [sizes._part(corpus, vocabulary, order, share, params) for share in (0.1, 0.5)]
    kept = []
    for share, (part, own) in zip((0.1, 0.5), parts, strict=True):
        rows = part.tokens.reshape(800, SENTENCE)
        kept.append({i for i in range(800) if (rows[i] >= 0).any()})
        assert len(kept[-1]) <= round(share * 800)
        known = np.flatnonzero(part.tokens >= 0)
        names = [own.words[i] for i in part.tokens[known]]
        assert names == [vocabulary.words[i] for i in corpus.tokens[known]]
        assert np.bincount(part.tokens[known], minlength=len(own)).tolist() == own.counts.tolist()
        assert own.counts.min() >= params.min_count
    assert kept[0] < kept[1]


def load_params(path="params.yaml"):
    from pathlib import Path

    return load(Path(__file__).resolve().parents[2] / path)


@pytest.fixture(scope="module")
def study(corpus, vocabulary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    random = np.random.default_rng(3)
    left, right = random.integers(0, WORDS, (2, 80))
    apart = np.minimum((left - right) % WORDS, (right - left) % WORDS)
    lines = [f"w{i} w{j} {-d}" for i, j, d in zip(left, right, apart, strict=True)]
    (folder / "pairs.txt").write_text("\n".join([*lines, "w1 absent 1"]))
    (folder / "questions.txt").write_text(": near\nw1 w2 w5 w6\nw3 w4 w8 w9\n")
    params = load_params()
    evaluation = type(params.evaluation).model_validate(
        {
            **params.evaluation.model_dump(),
            "similarity": [{"name": "line", "path": str(folder / "pairs.txt")}],
            "analogies": {
                "path": str(folder / "questions.txt"),
                "methods": ["3cosadd", "3cosmul"],
                "restrict_vocabulary": None,
            },
            "resamples": 200,
        }
    )
    recipes = sizes.Recipes(
        params.vocabulary,
        params.word2vec.skipgram.model_copy(update={"dimensions": 8, "epochs": 3}),
        params.cooccurrence,
        params.ppmi.model_copy(update={"dimensions": 8}),
        params.glove.model_copy(update={"dimensions": 8, "iterations": 3}),
    )
    counts = cooccurrence.count(corpus, vocabulary, recipes.cooccurrence, seed=1)
    weighed = ppmi.ppmi(counts, recipes.ppmi)
    whole = {
        "skipgram": word2vec.train(
            corpus, vocabulary, recipes.skipgram, architecture="skipgram", seed=1
        ),
        "ppmi_svd": ppmi.factorise(weighed.matrix, vocabulary, recipes.ppmi, seed=1),
        "glove": glove.train(counts, recipes.glove, seed=1),
    }
    asked = SizeStudyParams(shares=(0.001, 0.3))
    return sizes.study_sizes(corpus, whole, recipes, asked, evaluation, seed=1)


def test_every_model_has_scores_at_every_share_over_the_same_items(study):
    table = study.scores
    assert set(table["share"]) == {0.3, 1.0}
    assert set(table["model"]) == {"skipgram", "ppmi_svd", "glove"}
    assert len(table) == 2 * 3 * 2
    line = table[table["task"] == "line"]
    assert set(line["n"]) == {80} and set(line["total"]) == {81}
    assert line.groupby("share")["tokens"].first().tolist() == pytest.approx([2880, 9600], rel=0.01)
    assert line.query("model == 'ppmi_svd' and share == 1")["score"].item() > 0.3
    assert (line["low"] <= line["score"]).all() and (line["score"] <= line["high"]).all()
    coverage = study.coverage.set_index(["share", "task"])
    assert coverage.loc[(0.3, "line")].tolist() == [80, 81]
    assert study.metrics()["line"]["glove"]["30 %"]["n"] == 80


def test_a_share_too_small_to_train_on_is_left_out_and_told(study):
    assert "line at 30, 100 % of the text, over the 80 items" in study.sentences[0]
    assert study.sentences[-1].endswith("too small: 0.1 % of the text.")
