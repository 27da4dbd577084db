"""Relations between words: the list itself, and models of which the answer is known."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.evaluation.comparison import relations
from wordlab.evaluation.vectors import further
from wordlab.evaluation.vectors.further import UNRELATED
from wordlab.evaluation.vectors.similarity import DenseSpace
from wordlab.published import packaged


def space(place: dict[str, np.ndarray]) -> DenseSpace:
    counts = np.arange(len(place), 0, -1, dtype=np.int64)
    matrix = np.stack(list(place.values())).astype(np.float32)
    return DenseSpace(Vectors(Vocabulary(tuple(place), counts), matrix))


def study(*models: DenseSpace, pairs: relations.Pairs) -> tuple[pd.DataFrame, pd.DataFrame]:
    named = {f"model {i}": [model] for i, model in enumerate(models)}
    return relations.study(named, pairs, ignore_case=True, resamples=300, confidence=0.95, seed=1)


def test_the_curated_list_is_large_and_free_of_doubles() -> None:
    pairs = further.read_relations(packaged("wordlab_en"))
    assert list(pairs) == ["synonyms", "antonyms", "hypernyms", "co-hyponyms", "related"]
    assert min(map(len, pairs.values())) >= 60
    both = Counter(frozenset(pair) for listed in pairs.values() for pair in listed)
    assert set(both.values()) == {1}
    assert all(len(pair) == 2 for pair in both)


@pytest.fixture(scope="module")
def pairs() -> dict[str, list[tuple[str, str]]]:
    return {
        "synonyms": [(f"s{i}", f"t{i}") for i in range(40)] + [("s0", "absent")],
        "antonyms": [(f"a{i}", f"b{i}") for i in range(40)],
    }


def model(pairs: relations.Pairs, nearness: dict[str, float], seed: int) -> DenseSpace:
    """The two words of a pair share `nearness` of their vectors, by relation."""
    random = np.random.default_rng(seed)
    place: dict[str, np.ndarray] = {}
    for relation, listed in pairs.items():
        for first, second in listed:
            if second == "absent":
                continue
            place[first] = random.standard_normal(30)
            place[second] = nearness[relation] * place[first] + random.standard_normal(30)
    return space(place)


def test_relations_that_differ_are_told_apart_and_others_are_not(pairs: relations.Pairs) -> None:
    differing = model(pairs, {"synonyms": 2.0, "antonyms": 0.7}, 1)
    alike = model(pairs, {"synonyms": 1.0, "antonyms": 1.0}, 2)
    cosines, contrasts = study(differing, alike, pairs=pairs)
    rows = {(row["model"], row["first"], row["second"]): row
            for row in contrasts.to_dict("records")}  # fmt: skip
    assert len(rows) == 2 * 3
    found = rows["model 0", "synonyms", "antonyms"]
    assert found["distinct"] and found["low"] < found["auc"] <= found["high"] and found["auc"] > 0.9
    assert found["precision"] > found["precision_low"] > found["chance"] == 0.5
    assert not rows["model 1", "synonyms", "antonyms"]["distinct"]
    assert rows["model 1", "antonyms", UNRELATED]["distinct"]
    near = cosines.set_index(["model", "relation"])
    assert near.loc[("model 0", "synonyms"), "n"] == 40
    assert near.loc[("model 0", "synonyms"), "total"] == 41
    assert near.loc[("model 0", UNRELATED), "low"] < 0 < near.loc[("model 0", UNRELATED), "high"]
    order = ["p10", "p25", "median", "p75", "p90"]
    assert (np.diff(near[order].to_numpy(dtype=float), axis=1) >= 0).all()


def test_of_many_contrasts_without_a_difference_few_studies_show_one() -> None:
    shown = 0
    for seed in range(40):
        none = {f"r{i}": [(f"{i}a{j}", f"{i}b{j}") for j in range(30)] for i in range(6)}
        alike = [model(none, dict.fromkeys(none, 0.0), 100 * seed + k) for k in range(2)]
        _, contrasts = relations.study(
            {str(k): [one] for k, one in enumerate(alike)},
            none, ignore_case=True, resamples=150, confidence=0.9, seed=seed,
        )  # fmt: skip
        assert len(contrasts) == 2 * 21
        shown += bool(contrasts["distinct"].any())
    assert shown <= 8


def test_trainings_that_disagree_widen_the_interval(pairs: relations.Pairs) -> None:
    known = {name: listed[:40] for name, listed in pairs.items()}
    trainings = [model(known, {"synonyms": near, "antonyms": 1.0}, 5) for near in (0.2, 1.0, 5.0)]
    given = {"ignore_case": True, "resamples": 300, "confidence": 0.95, "seed": 1}
    several = relations.study({"m": trainings}, known, **given)[1].iloc[0]
    each = [relations.study({"m": [one]}, known, **given)[1].iloc[0] for one in trainings]
    assert several["auc"] == pytest.approx(np.mean([one["auc"] for one in each]))
    assert several["high"] - several["low"] > max(one["high"] - one["low"] for one in each)


def test_a_few_pairs_tell_nothing_apart(pairs: relations.Pairs) -> None:
    few = {name: listed[:25] for name, listed in pairs.items()}
    _, contrasts = study(model(few, {"synonyms": 9.0, "antonyms": 0.1}, 3), pairs=few)
    assert contrasts["auc"].iloc[0] == 1 and not contrasts["distinct"].any()


def test_unrelated_pairs_are_of_known_words_and_in_no_list(pairs: relations.Pairs) -> None:
    known = {name: listed[:40] for name, listed in pairs.items()}
    drawn = relations._unrelated(known, np.random.default_rng(1))
    listed = {frozenset(pair) for both in known.values() for pair in both}
    words = {word for pair in listed for word in pair}
    assert len(drawn) == len({frozenset(pair) for pair in drawn}) == 40
    assert all(set(pair) <= words and frozenset(pair) not in listed for pair in drawn)


def test_relations_whose_words_are_unknown_have_no_numbers(pairs: relations.Pairs) -> None:
    cosines, contrasts = study(space({"x": np.ones(2), "y": np.ones(2)}), pairs=pairs)
    assert (cosines["n"] == 0).all()
    assert contrasts["auc"].isna().all() and not contrasts["distinct"].any()


@pytest.mark.parametrize("line", ["synonyms big large", "synonyms\tbig", "unrelated\tbig\tcow"])
def test_a_malformed_line_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "relations.tsv"
    file.write_text(f"# a comment\n\n{line}\n")
    with pytest.raises(UserError, match=r"relations\.tsv, line 3: "):
        further.read_relations(file)


class Sense:
    """A sense as nltk gives it, as far as it is asked."""

    def __init__(self, *names: str, wider: "tuple[Sense, ...]" = ()) -> None:
        self.names, self.wider, self.narrower = names, wider, []
        self.opposites: dict[str, list[Lemma]] = {}
        for sense in wider:
            sense.narrower.append(self)

    def lemma_names(self) -> list[str]:
        return list(self.names)

    def lemmas(self) -> "list[Lemma]":
        return [Lemma(name, self) for name in self.names]

    def hypernyms(self) -> "list[Sense]":
        return list(self.wider)

    def hyponyms(self) -> "list[Sense]":
        return self.narrower


class Lemma:
    def __init__(self, name: str, sense: Sense) -> None:
        self._name, self._sense = name, sense

    def name(self) -> str:
        return self._name

    def synset(self) -> Sense:
        return self._sense

    def antonyms(self) -> "list[Lemma]":
        return self._sense.opposites.get(self._name, [])


class Reader:
    def __init__(self, *senses: Sense) -> None:
        self.senses = senses

    def synsets(self, word: str) -> list[Sense]:
        return [sense for sense in self.senses if word in sense.names]


def test_wordnet_adds_pairs_of_first_senses_commonest_first() -> None:
    animal = Sense("animal", "beast")
    dog, cat = Sense("dog", "hound", wider=(animal,)), Sense("cat", wider=(animal,))
    big, small = Sense("big", "large"), Sense("small")
    big.opposites["big"] = [Lemma("small", small)]
    second = Sense("large", "dog")  # of both words the second sense
    reader = Reader(animal, dog, cat, big, small, second)
    words = ["big", "animal", "dog", "cat", "large", "small", "hound", "unlisted"]
    curated = {"synonyms": [("big", "large")], "related": [("dog", "bone")]}
    found = relations.extend(curated, words, 2, reader)
    assert found == {
        "synonyms": [("big", "large"), ("dog", "hound")],
        "related": [("dog", "bone")],
        "antonyms": [("big", "small")],
        "hypernyms": [("dog", "animal"), ("cat", "animal")],
        "co-hyponyms": [("dog", "cat"), ("cat", "hound")],
    }
    assert len(relations.extend(curated, words, 1, reader)["hypernyms"]) == 1


def test_a_missing_wordnet_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nltk.corpus", None)
    with pytest.raises(UserError, match="WordNet is not installed; .*nltk.downloader wordnet"):
        relations.reader()
