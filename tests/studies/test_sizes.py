"""Word vectors on less text: what a share holds, and that scores are over the same items."""

import numpy as np
import pytest

from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import glove, ppmi
from wordlab.embeddings.counts import cooccurrence
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.evaluation.vectors.scores import Task
from wordlab.params.studies import SizeStudyParams
from wordlab.params.whole import load
from wordlab.rng import stream
from wordlab.studies import sizes

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
        count = sizes._documents(corpus, order, [share])[share]
        part, own = sizes._part(corpus, vocabulary, order[:count], params)
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
    order = np.array([1, 0, 2, 3, 4])
    assert sizes._documents(text, order, [0.5]) == {0.5: 2}
    part, _ = sizes._part(text, vocabulary, order[:2], load_params().vocabulary)
    assert part.document_ends.tolist() == [500, 520]


@pytest.mark.parametrize(
    ("lengths", "shares", "expected"),
    [
        ([1000], [0.3], {0.3: None}),  # one document holds all
        ([500, 500], [0.3, 0.5], {0.3: None, 0.5: 1}),  # .3 would be .5
        ([300, 700], [0.3, 0.31], {0.3: 1, 0.31: None}),  # twice the same document
        ([300, 100, 600], [0.35, 0.3], {0.3: 1, 0.35: None}),
        ([350, 650], [0.3], {0.3: 1}),
        ([370, 630], [0.3], {0.3: None}),
        ([100, 870, 30], [0.95], {0.95: 2}),
        ([100, 10, 890], [0.95], {0.95: None}),  # all there are
    ],
)
def test_a_share_that_no_whole_documents_hold_is_left_out(lengths, shares, expected):
    ends = np.cumsum(lengths)
    text = EncodedCorpus(np.zeros(1000, dtype=np.int32), ends, ends)
    assert sizes._documents(text, np.arange(len(lengths)), shares) == expected


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
    asked = SizeStudyParams(shares=(0.0125, 0.3, 0.302))
    return sizes.study_sizes(corpus, whole, recipes, asked, evaluation, seed=1)


def test_every_model_has_scores_at_every_share_over_the_same_items_and_its_own(study):
    scores, every = study.tables["scores"], study.tables["own"]
    for table in (scores, every):
        assert set(table["share"]) == {0.3, 1.0}
        assert set(table["model"]) == {"skipgram", "ppmi_svd", "glove"}
        assert len(table) == 2 * 3 * 2
        scored = table[table["low"].notna()]  # of few items there is no interval
        assert len(scored) and scored["low"].le(scored["score"]).all()
        assert scored["score"].le(scored["high"]).all()
    line = scores[scores["task"] == "line"]
    assert set(line["n"]) == {80} and set(line["total"]) == {83}
    assert line.groupby("share")["tokens"].first().tolist() == pytest.approx([2900, 9630], rel=0.02)
    assert line.query("model == 'ppmi_svd' and share == 1")["score"].item() > 0.3
    own = every[every["task"] == "line"].groupby("share")["n"].first()
    assert own.tolist() == [80, 82]
    glove = study.metrics["line"]["glove"]
    assert glove["30 %"]["own_n"] == glove["100 %"]["n"] == 80
    assert glove["100 %"]["own_n"] == 82


def test_growth_is_a_paired_difference_that_claims_no_more_than_its_interval(study):
    growth = study.tables["growth"]
    assert len(growth) == 2 * 3
    scores = study.tables["scores"].set_index(["task", "model", "share"])["score"]
    for row in growth.itertuples():
        rise = scores[row.task, row.model, 1.0] - scores[row.task, row.model, 0.3]
        assert row.difference == pytest.approx(rise) and row.low <= rise <= row.high
        assert row.distinct == ((row.low > 0 or row.high < 0) and row.n >= 10)
    assert not growth[growth["task"] != "line"]["distinct"].any()  # two questions show nothing


def grown(random, rises, *, n, shares=(0.3, 0.6, 1.0), noise=0.05, task="pairs"):
    """A task and its cases: by each model its score rises by so much from the first share."""
    cases = [(share, model) for share in shares for model in rises]
    scores = np.array([0.2 + rises[model] * (share == 1) for share, model in cases])
    draws = scores[:, None] + noise * random.standard_normal((len(cases), 400))
    nothing = np.zeros_like(draws)
    return cases, Task(task, n, 20, tuple(scores[:, None]), np.stack([draws, nothing, nothing], 1))


def test_only_the_changes_that_are_told_are_corrected_for():
    random = np.random.default_rng(5)
    cases, task = grown(random, {"skipgram": 0.4, "glove": 0.0}, n=12)
    growth = sizes._growth([task], cases, 0.95)
    assert growth[["share", "larger"]].drop_duplicates().to_numpy().tolist() == [[0.3, 1.0]]
    assert len(growth) == 2
    alone = sizes._growth(
        [Task(task.name, 12, 20, task.by_seed[::4] + task.by_seed[4:5], task.draws[[0, 4]])],
        [cases[0], cases[4]],
        0.95,
    )
    widths = [(table["high"] - table["low"]).iloc[0] for table in (alone, growth)]
    assert widths[0] < widths[1] < 1.3 * widths[0]


def test_a_change_is_claimed_where_its_interval_leaves_out_zero_and_items_are_enough():
    random = np.random.default_rng(5)
    rises = {"skipgram": 0.4, "glove": 0.02, "ppmi_svd": 0.0}
    found = [
        grown(random, rises, n=9, task="few"),
        grown(random, rises, n=12, task="simlex999"),
    ]
    cases, tasks = found[0][0], [task for _, task in found]
    tasks[1].draws[2::3, 0] += 0.1 * random.standard_normal((3, 400))  # ppmi_svd is less certain
    growth = sizes._growth(tasks, cases, 0.95)
    assert growth.set_index(["task", "model"])["distinct"].to_dict() == {
        ("few", "skipgram"): False, ("few", "glove"): False, ("few", "ppmi_svd"): False,
        ("simlex999", "skipgram"): True, ("simlex999", "glove"): False,
        ("simlex999", "ppmi_svd"): False,
    }  # fmt: skip


def test_shares_that_are_left_out_are_named(study):
    missing = study.tables["left_out"]
    assert missing.to_numpy().tolist() == [[0.0125, "vocabulary"], [0.302, "documents"]]
    assert study.tables["scores"].groupby("share")["held"].first().tolist() == [0.3, 1.0]
