"""Word vectors on less text: what a share holds, and that scores are over the same items."""

import numpy as np
import pandas as pd
import pytest

from wordlab.embeddings import cooccurrence, glove, ppmi, word2vec
from wordlab.evaluation.scores import Task
from wordlab.params.studies import SizeStudyParams
from wordlab.params.whole import load
from wordlab.rng import stream
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
    last = int(stream(1, "sizes").permutation(80)[-1])
    tokens[10 * last : 10 * last + 10, :3] = WORDS  # a word of the document drawn last alone
    ends = np.arange(SENTENCE, 800 * SENTENCE + 1, SENTENCE)
    return EncodedCorpus(tokens.astype(np.int32).ravel(), ends, ends[9::10])


@pytest.fixture(scope="module")
def vocabulary(corpus):
    counts = np.bincount(corpus.tokens, minlength=WORDS + 1)
    return Vocabulary((*(f"w{i}" for i in range(WORDS)), "late"), counts)


def test_a_share_is_whole_documents_and_part_of_a_larger_one(corpus, vocabulary):
    order = np.random.default_rng(2).permutation(80)
    params = load_params().vocabulary
    documents = corpus.tokens.reshape(80, 10 * SENTENCE)
    kept = []
    for share in (0.1, 0.5):
        part, own = sizes._part(corpus, vocabulary, order, share, params)
        assert len(part) == share * len(corpus)
        assert np.diff(part.document_ends, prepend=0).tolist() == [10 * SENTENCE] * int(80 * share)
        assert np.diff(part.sentence_ends, prepend=0).tolist() == [SENTENCE] * int(800 * share)
        names = np.array([*own.words, ""])[part.tokens].reshape(-1, 10 * SENTENCE)
        chosen = np.sort(order[: int(80 * share)])
        for row, tokens in zip(names, documents[chosen], strict=True):
            known = row != ""
            assert row[known].tolist() == [vocabulary.words[i] for i in tokens[known]]
        counted = np.bincount(part.tokens[part.tokens >= 0], minlength=len(own))
        assert counted.tolist() == own.counts.tolist()
        assert own.counts.min() >= params.min_count
        kept.append(set(chosen))
    assert kept[0] < kept[1]


def test_a_share_is_of_the_tokens_not_of_the_number_of_documents(vocabulary):
    lengths = [500, 20, 20, 20, 440]
    tokens = np.random.default_rng(4).integers(0, 10, 1000).astype(np.int32)
    ends = np.cumsum(lengths)
    text = EncodedCorpus(tokens, ends, ends)
    part, _ = sizes._part(
        text, vocabulary, np.array([1, 0, 2, 3, 4]), 0.5, load_params().vocabulary
    )
    assert part.document_ends.tolist() == [500, 520]


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
    (folder / "pairs.txt").write_text("\n".join([*lines, "w1 absent 1", "w2 late 2", "w3 late 3"]))
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


def test_every_model_has_scores_at_every_share_over_the_same_items_and_its_own(study):
    for table in (study.scores, study.own):
        assert set(table["share"]) == {0.3, 1.0}
        assert set(table["model"]) == {"skipgram", "ppmi_svd", "glove"}
        assert len(table) == 2 * 3 * 2
        assert (table["low"] <= table["score"]).all() and (table["score"] <= table["high"]).all()
    line = study.scores[study.scores["task"] == "line"]
    assert set(line["n"]) == {80} and set(line["total"]) == {83}
    assert line.groupby("share")["tokens"].first().tolist() == pytest.approx([2900, 9630], rel=0.02)
    assert line.query("model == 'ppmi_svd' and share == 1")["score"].item() > 0.3
    own = study.own[study.own["task"] == "line"].groupby("share")["n"].first()
    assert own.tolist() == [80, 82]
    assert study.metrics()["line"]["glove"]["30 %"]["own_n"] == 80
    assert (
        study.metrics()["line"]["glove"]["100 %"] | {"n": 80, "own_n": 82}
        == (study.metrics()["line"]["glove"]["100 %"])
    )


def test_growth_is_a_paired_difference_that_claims_no_more_than_its_interval(study):
    growth = study.growth
    assert len(growth) == 2 * 3
    scores = study.scores.set_index(["task", "model", "share"])["score"]
    for row in growth.itertuples():
        rise = scores[row.task, row.model, 1.0] - scores[row.task, row.model, 0.3]
        assert row.difference == pytest.approx(rise) and row.low <= rise <= row.high
        assert row.distinct == ((row.low > 0 or row.high < 0) and row.n >= 10)
    assert not growth[growth["task"] != "line"]["distinct"].any()  # two questions show nothing
    line = growth[growth["task"] == "line"].set_index("model")["distinct"]
    said = study.sentences[0]
    assert said.startswith(
        "line, from 30 % of the text to all of it, over the 80 of 83 items known"
    )
    shown, _, unshown = said.partition("no change is shown of")
    for model, distinct in line.items():
        assert (f"{model} changes by" in shown) == distinct
        assert (model in unshown) == (not distinct)


def test_a_change_is_claimed_where_its_interval_leaves_out_zero_and_items_are_enough():
    names = [(share, model) for share in (0.3, 1.0) for model in ("up", "level")]
    random = np.random.default_rng(5)
    scores = np.array([0.2, 0.3, 0.6, 0.32])
    draws = scores[:, None] + 0.05 * random.standard_normal((4, 400))
    by_seed = tuple(scores[:, None])
    tasks = [Task(f"of {n}", n, 20, by_seed, draws) for n in (9, 12)]
    growth = sizes._growth(tasks, names, 0.95)
    assert growth.set_index(["task", "model"])["distinct"].to_dict() == {
        ("of 9", "up"): False, ("of 9", "level"): False,
        ("of 12", "up"): True, ("of 12", "level"): False,
    }  # fmt: skip
    table = pd.concat([sizes._table(task, names, 0.95) for task in tasks])
    few, enough = sizes._sentences(table, growth)
    assert "9 of 20 items known at every size: no change is shown of up, level" in few
    assert "12 of 20 items known at every size: up changes by +0.400 [+0." in enough
    assert "no change is shown of level; one would show from 0.1" in enough


def test_a_share_too_small_to_train_on_is_left_out_and_named(study):
    assert study.sentences[-1].endswith("too small: 0.1 % of the text.")
    assert any("known at each size (80, 82 of line; " in s for s in study.sentences)
