"""Minimal pairs: how files of them are read, judged, counted, and models compared on them."""

import bz2
import json
import re
from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats

from wordlab.asking import tables
from wordlab.asking.pairs import BUILT_IN, Judged, compare, judge, read, scores, wilson
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.downloads import gensim_data
from wordlab.errors import UserError
from wordlab.params.whole import load
from wordlab.recurrent.language_model import LanguageModel

WORDS = Vocabulary(("the", "cat", "cats", "is", "are", "here"), np.arange(6, 0, -1))
TABLE = """\
# ours
good\tbad\tphenomenon

The cat is here.\tThe cat are here.\tagreement
the cats are here\tthe cats is here\tagreement
the cat of zzz is here\tthe cat of zzz are here\tattractor
the zzz is here\tthe yyy is here
here is the cat\there is the cat\torder
"""


@pytest.fixture
def preprocess(repository):
    return load(repository / "params.yaml").preprocess


@pytest.fixture
def model(network):
    found = LanguageModel(network(), WORDS, level="word", seed=1)
    with torch.no_grad():
        found.embedding.mul_(20)  # opinions strong enough to tell sentences apart
    return found


def written(folder, text):
    path = folder / "pairs.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_tables_and_json_lines_are_read_alike(tmp_path):
    pairs = read(written(tmp_path, TABLE))
    assert [pair.phenomenon for pair in pairs] == ["agreement"] * 2 + ["attractor", "", "order"]
    assert pairs[0].place.endswith("pairs.tsv, line 4")
    rows = [
        {"sentence_good": pair.good, "sentence_bad": pair.bad, "UID": pair.phenomenon, "field": "x"}
        for pair in pairs
    ]
    again = read(written(tmp_path, "\n".join(map(json.dumps, rows))))
    assert [(p.good, p.bad, p.phenomenon) for p in again] == [
        (p.good, p.bad, p.phenomenon) for p in pairs
    ]
    assert len(read(written(tmp_path, "\ufeffthe cat is\tthe cat are\r\n"))) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tb\nonly one\n", "pairs.tsv, line 2: 1 column; expected a right and a wrong"),
        ("a\tb\tc\td\n", "line 1: 4 columns; expected"),
        ("a\t \n", "line 1: a sentence is empty; expected"),
        ("# nothing\n\n", "pairs.tsv: no pair in it; expected"),
        ("", "pairs.tsv: no pair in it; expected"),
        ('{"sentence_good": "a"}\n', "line 1: no sentence_bad; expected"),
        ('{"sentence_good": "a"', "line 1: not JSON"),
        ("a\tb\0\n", "line 1: found a byte 0; expected a UTF-8 text"),
    ],
)
def test_a_line_that_is_no_pair_is_named(tmp_path, content, message):
    with pytest.raises(UserError) as caught:
        read(written(tmp_path, content))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="none.tsv: no such file; expected a right"):
        read(tmp_path / "none.tsv")
    with pytest.raises(UserError, match="a folder; expected a right"):
        read(tmp_path)


def test_the_likelier_sentence_is_chosen_whatever_is_read_beside_it(model, preprocess, tmp_path):
    pairs = read(written(tmp_path, TABLE))
    judged = judge(model, pairs, preprocess)

    def loss(text):
        words = text.lower().rstrip(".").split()
        ids = [WORDS.index.get(word, WORDS.unknown) for word in words]
        return model.token_losses(np.array([*ids, WORDS.end])).sum()

    gaps = np.array([loss(pair.bad) - loss(pair.good) for pair in pairs])
    assert judged.right[:3].tolist() == (gaps[:3] > 0).tolist()
    assert judged.right[3:].tolist() == [0.5, 0.5]  # the same classes
    assert judged.known.tolist() == [True, True, True, False, True]
    assert judged.known_whole.tolist() == [True, True, False, False, True]
    swapped = read(written(tmp_path, "\n".join(f"{p.bad}\t{p.good}" for p in pairs)))
    np.testing.assert_array_equal(judge(model, swapped, preprocess).right, 1 - judged.right)


@pytest.mark.parametrize("examples", ["windows", "sentences", "streams"])
def test_pairs_are_judged_by_models_of_any_examples_and_characters(network, preprocess, examples):
    known = tuple("abcdefghijklmnopqrstuvwxyz ")
    letters = Vocabulary(known, np.ones(len(known), np.int64))
    model = LanguageModel(network(examples=examples), letters, level="character", seed=1)
    judged = judge(model, read(BUILT_IN), preprocess)
    assert judged.known_whole.all()
    assert 0 < judged.right.mean() < 1


def test_a_sentence_without_a_token_is_named(model, preprocess, tmp_path):
    with pytest.raises(UserError, match="line 1: a sentence has no token of the kind 'letters'"):
        judge(model, read(written(tmp_path, "1 2 3\tthe cat\n")), preprocess)


def test_shares_are_counted_by_phenomenon_and_for_known_words(tmp_path):
    pairs = read(written(tmp_path, TABLE))
    right = np.array([1, 0, 1, 0.5, 0.5])
    known = np.array([True, True, True, False, True])
    found = scores(Judged(right, known, known & (np.arange(5) != 2)), pairs, 0.95)
    assert list(found["phenomena"]) == ["agreement", "attractor", "order"]
    whole = found["all"]
    assert (whole["pairs"], whole["right"], whole["ties"], whole["unknown"]) == (5, 0.6, 2, 2)
    assert whole["known"]["pairs"] == 4 and whole["known"]["right"] == 0.625
    assert whole["low"] < 0.6 < whole["high"]
    assert found["phenomena"]["agreement"]["right"] == 0.5
    none = scores(Judged(right, known & False, known), pairs, 0.95)["all"]["known"]
    assert none["pairs"] == 0 and np.isnan(none["right"])


@pytest.mark.parametrize(
    "text",
    [
        "bad\tgood\nthe cat are\tthe cat is\n",
        "UID\tSentence_good\tsentence_bad\nx\tthe cat is\tthe cat are\n",
        "right\twrong\nthe cat is\tthe cat are\n",
        "bad\tgood\tUID\nthe cat are\tthe cat is\n",
        "good\tbad\tcategory\nthe cat is\tthe cat are\tx\n",
    ],
)
def test_a_header_says_which_column_is_which(tmp_path, text):
    (pair,) = read(written(tmp_path, text))
    assert (pair.good, pair.bad) == ("the cat is", "the cat are")
    assert pair.phenomenon == ("x" if "\tx" in text or "\nx" in text else "")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("UID\tgood\tbad\nagr\tthe cat is", "line 2: fewer columns than the header"),
        ("good\tUID", "line 1: a header without a column of wrong sentences"),
        ('{"sentence_good": ' + "1" * 5000 + "}", "line 1: not JSON (Exceeds the limit"),
        ("[" * 9 + '\n{"a": ' + "[" * 100_000, "line 1: 1 column"),
        ('{"a": ' + "[" * 100_000, "line 1: not JSON (maximum recursion depth"),
    ],
)
def test_what_is_no_pair_is_one_line(tmp_path, line, problem):
    with pytest.raises(UserError) as raised:
        read(written(tmp_path, f"{line}\n"))
    assert problem in str(raised.value) and "\n" not in str(raised.value)


def test_a_pair_without_a_name_has_none(tmp_path):
    row = {"sentence_good": "a b", "sentence_bad": "b a", "UID": None}
    (pair,) = read(written(tmp_path, json.dumps(row)))
    assert pair.phenomenon == ""


def test_few_pairs_decide_nothing():
    judged = {
        name: Judged(np.full(9, right), *np.zeros((2, 9), np.bool_))
        for name, right in (("a", 1.0), ("b", 0.0))
    }
    (found,) = compare(judged, seed=1, resamples=200, confidence=0.95)
    assert found["difference"] == 1 and np.isnan([found["low"], found["high"], found["p"]]).all()
    assert "+1.00  too few pairs" in tables.scored({}, [found], 0.95)


def test_a_phenomenon_may_be_called_all(tmp_path):
    pairs = read(written(tmp_path, TABLE.replace("order", "all")))
    every = np.ones(5, np.bool_)
    found = scores(Judged(np.array([1, 1, 1, 1, 0.0]), every, every), pairs, 0.95)
    assert found["phenomena"]["all"]["pairs"] == 1 and found["all"]["pairs"] == 5
    shown = tables.scored({"GRU": found}, [], 0.95).splitlines()
    assert [line.split()[1] for line in shown if line.startswith("all ")] == ["1", "5"]


@pytest.mark.parametrize(("right", "n"), [(0, 20), (7, 20), (20, 20), (1, 1), (500, 1000)])
def test_the_interval_is_that_of_wilson(right, n):
    reference = stats.binomtest(right, n).proportion_ci(0.9, method="wilson")
    np.testing.assert_allclose(wilson(right, n, 0.9), (reference.low, reference.high), atol=1e-12)


def test_models_are_compared_on_the_same_pairs():
    random = np.random.default_rng(1)
    none = np.zeros(200, np.bool_)
    strong = (random.random(200) < 0.9).astype(float)
    judged = {
        "strong": Judged(strong, none, none),
        "weak": Judged((random.random(200) < 0.6).astype(float), none, none),
        "same": Judged(strong.copy(), none, none),
    }
    first, same, other = compare(judged, seed=1, resamples=500, confidence=0.95)
    assert (first["first"], first["second"]) == ("strong", "weak")
    assert first["low"] > 0 and first["p"] < 0.05
    assert first["difference"] == pytest.approx((first["only_first"] - first["only_second"]) / 200)
    assert same["difference"] == same["low"] == same["high"] == 0 and same["p"] == 1
    assert other["difference"] == -first["difference"]
    assert compare({"strong": judged["strong"]}, seed=1, resamples=500, confidence=0.95) == []


def test_the_shipped_pairs_differ_in_a_word_and_word_counts_cannot_choose():
    pairs = read(BUILT_IN)
    assert len(pairs) >= 60 and len({pair.good for pair in pairs}) == len(pairs)
    differing = Counter()
    for pair in pairs:
        both = zip(pair.good.split(), pair.bad.split(), strict=True)
        ((right, wrong),) = [words for words in both if words[0] != words[1]]
        differing[pair.phenomenon, right, wrong] += 1
    for (phenomenon, right, wrong), count in differing.items():
        assert differing[phenomenon, wrong, right] == count, (phenomenon, right, wrong)


def test_the_words_of_the_shipped_pairs_are_in_the_built_in_text():
    sample = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
    with bz2.open(gensim_data(sample), "rt", encoding="utf-8") as file:
        counts = Counter(re.findall("[a-z]+", file.read().lower()))
    words = {word for pair in read(BUILT_IN) for word in f"{pair.good} {pair.bad}".split()}
    assert not [word for word in words if counts[word] < 5]
