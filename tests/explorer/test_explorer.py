"""The explorer's page: it holds all, stays below its limit, and no word of it is markup."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_models import HOSTILE, WORDS, build, spaces

from wordlab import explorer
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.errors import UserError
from wordlab.evaluation.vectors.analogy import Questions
from wordlab.evaluation.vectors.similarity import DenseSpace
from wordlab.explorer import network as packed_network
from wordlab.explorer import packing, words
from wordlab.recurrent.language_model import LanguageModel


def held(page):
    """Return the data of a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def unpacked(packed):
    """Return packed numbers, by the definition of the code."""
    digits = [packing.DIGITS.index(character) for character in packed["text"]]
    size, numbers = packed["characters"], []
    for start in range(0, len(digits), size):
        group = sum(digit * 91**i for i, digit in enumerate(digits[start : start + size]))
        levels = packed["levels"]
        numbers += [group // levels**i % levels for i in range(packed["numbers"])]
    return numbers[: packed["length"]]


CODES = (packing.VECTORS, packing.WEIGHTS, packing.IDS, packing.LISTS, packing.FINE)


@given(st.sampled_from(CODES), st.lists(st.floats(0, 1), max_size=30))
def test_numbers_come_back_from_their_text(code, shares):
    numbers = np.array([round(share * (code.levels - 1)) for share in shares], dtype=np.int64)
    packed = packing.pack(numbers, code)
    assert unpacked(packed) == numbers.tolist()
    assert len(packed["text"]) == -(-len(numbers) // code.numbers) * code.characters
    with pytest.raises(ValueError, match="expected 0 to"):
        packing.pack(np.array([code.levels]), code)


def test_a_code_that_floats_cannot_hold_is_refused():
    for code in ((91, 2, 1), (2, 1, 9)):
        with pytest.raises(ValueError, match="a group does not hold"):
            packing.Code(*code)


def test_rows_are_off_by_half_a_unit_at_most():
    matrix = np.random.default_rng(1).normal(size=(30, 7))
    matrix[3] = 0
    whole, units = packing.rounded_rows(matrix, 35)
    assert np.abs(whole).max(axis=1).tolist() == [0 if row == 3 else 17 for row in range(30)]
    assert (np.abs(whole * units[:, None] - matrix) <= units[:, None] / 2 + 1e-12).all()


def test_the_same_models_give_the_same_page_which_refers_to_nothing_else(network):
    model = LanguageModel(network(cell="gru"), WORDS, "word", seed=1)
    page = build(spaces(), model=model)
    assert page == build(spaces(), model=model)
    assert re.findall(r'(?:href|src)="([^#"][^"]*)"', page) == ["report.html"]
    assert not re.search(r"@import|url\(|https?:", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_words_of_a_hostile_text_stay_in_the_data():
    page = build(spaces())
    data = held(page)
    assert tuple(data["words"]) == WORDS.words
    assert page.count("<script") == 2 and page.count("</script>") == 2 and "<img" not in page
    assert not any(word in page for word in HOSTILE if "<" in word)


@pytest.mark.parametrize("width", [100, 3000])
def test_a_page_has_as_many_words_as_fit(width):
    words = Vocabulary(tuple(f"word{i}" for i in range(300)), np.arange(300, 0, -1))
    page = build(spaces(width=width, words=words), limit=0.3)
    data = held(page)
    size = len(page.encode())
    assert size <= 300_000
    assert (len(data["words"]) == 300) == (width == 100)
    if width == 3000:  # another word would not have fitted
        assert size + 8192 + 2 * width * 0.8 > 300_000
    assert all(j < len(data["words"]) for each in data["maps"] for j in each["ids"])
    with pytest.raises(UserError, match=r"explorer\.megabytes: 0\.05 MB have no room"):
        build(spaces(words=words), limit=0.05)


def test_a_language_model_gets_half_of_the_page_at_most(network):
    size = 128
    model = LanguageModel(
        network(cell="gru", hidden_size=size, embedding_size=size), WORDS, "word", seed=1
    )
    need = packing.WEIGHTS.per(sum(weight.numel() for weight in model.parameters())) / 1e6
    assert held(build(spaces(), model=model, limit=2.02 * need))["without"] is None
    without = held(build(spaces(), model=model, limit=1.98 * need))
    assert without["network"] is None and "of which the page could hold" in without["without"]


def test_only_words_that_all_models_know_are_shown():
    made = spaces()
    rare = Vocabulary(WORDS.words[::-2], WORDS.counts[::-2].copy())
    made["glove"] = spaces(words=rare)["glove"]
    data = held(build(made, words=7))
    assert data["words"] == [word for word in WORDS.words if word in rare][:7]
    made["glove"] = spaces(words=Vocabulary(("other",), np.array([1])))["glove"]
    with pytest.raises(UserError, match="skipgram, glove, ppmi: no word in common"):
        build(made)


def test_lists_are_the_nearest_words_and_the_highest_cells():
    made = spaces()
    (entry,) = (each for each in held(build(made))["models"] if each["name"] == "PPMI")
    dense = made["ppmi"].matrix.toarray()
    unit = dense / np.linalg.norm(dense, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -1)
    for found, expected in (("near", cosines), ("associations", dense)):
        ids, values = (np.array(unpacked(entry[found][part])) for part in ("ids", "values"))
        order = np.argsort(-expected, axis=1, kind="stable")[:, :5]
        np.testing.assert_array_equal(ids.reshape(-1, 5), order)
        unit_of = entry[found]["values"]["unit"]
        highest = np.take_along_axis(expected, order, axis=1)
        np.testing.assert_allclose(values.reshape(-1, 5) * unit_of, highest, atol=unit_of)


def test_examples_are_of_known_words():
    asked = ("the", "cow", "king", "queen"), ("Man", "King", "Woman", "Queen")
    questions = Questions(asked, ("one",), np.zeros(2, int))
    known = held(build(spaces(), named=["king", "cow"], questions=questions, texts=["a"] * 9))
    assert known["examples"]["words"] == ["king"]
    assert known["examples"]["analogies"] == [["man", "king", "woman", "queen"]]
    assert len(known["examples"]["texts"]) == 6
    lines = ["the king", "the " * 15, "cow " * 15, "water " * 15, "king " * 15]
    found = explorer.beginnings(lines, WORDS)
    assert found == [" ".join(["the"] * 14), " ".join(["water"] * 14)]


def test_analogies_that_a_model_answers_are_offered_first():
    words = Vocabulary(("king", "queen", "man", "woman", "cow"), np.arange(9, 4, -1))
    plane = np.array([[1, 0, 1], [1, 1, 0], [0, 0, 1], [0, 1, 0], [-1, 0.2, 0.1]], np.float32)
    made = {"glove": DenseSpace(Vectors(words, plane)), "cbow": DenseSpace(Vectors(words, -plane))}
    wrong, right = ("man", "woman", "king", "cow"), ("Man", "King", "Woman", "Queen")
    questions = Questions(
        (wrong, ("man", "woman", "cow", "king"), wrong, right), ("a", "b"), np.array([0, 0, 1, 1])
    )
    offered = held(build(made, questions=questions))["examples"]["analogies"]
    assert offered == [["man", "king", "woman", "queen"], list(wrong)]


def test_a_language_model_that_the_page_cannot_have_is_left_out_with_a_line(network):
    for changes, reason in (
        ({"cell": "lstm"}, "GRUs only, and the cell of this model is LSTM."),
        ({"cell": "gru", "embedding": "one_hot", "tied": False}, "models with an embedding only"),
        ({"cell": "gru", "hidden_size": 300, "tied": False}, "of which the page could hold"),
    ):
        model = LanguageModel(network(**changes), WORDS, "word", seed=1)
        data = held(build(spaces(), model=model, limit=0.6))
        assert reason in data["without"] and data["network"] is None
    assert held(build(spaces()))["without"] == "This page has no language model."


def test_every_weight_is_on_the_page(network):
    params = network(cell="gru", layers=2, adaptive_cutoffs=[9])
    model = LanguageModel(params, WORDS, "word", seed=1)
    weights = packed_network.packed(model)["weights"]
    assert weights.keys() == model.weights().keys()
    for name, weight in model.weights().items():
        expected = np.atleast_2d(weight.numpy())
        middle = weights[name]["levels"] // 2
        numbers = np.array(unpacked(weights[name])).reshape(expected.shape) - middle
        highest = np.abs(expected).max(axis=1, keepdims=True)
        np.testing.assert_allclose(numbers / middle * highest, expected, atol=4e-4 * highest.max())


def _luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = np.array([int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


LEAST = {"ink": 4.5, "muted": 4.5, "accent": 4.5, "near": 4.5, "dot": 3, "edge": 3}


def test_colours_contrast_with_their_ground_in_light_and_dark():
    """3 to 1 for what is drawn, 4.5 to 1 for text (WCAG 2.1, 1.4.3 and 1.4.11)."""
    roots = re.findall(r":root \{(.*?)\}", build(spaces()))
    assert len(roots) == 2
    for root in roots:
        light = {name: _luminance(colour) for name, colour in re.findall(r"--(\w+): (#\w+);", root)}
        for name, least in LEAST.items():
            for ground in ("page", "card"):
                low, high = sorted((light[name], light[ground]))
                assert (high + 0.05) / (low + 0.05) >= least, (name, ground)


def test_words_of_the_map_have_their_stability_where_it_is_measured():
    known = Vocabulary(("a", "b"), np.array([2, 1]))
    drawn = {
        "words": ["a", "gone", "b"], "explained": 0.5,
        "tsne": [[0, 0], [1, 1], [2, 2]], "pca": [[0, 0], [1, 1], [2, 2]],
    }  # fmt: skip
    steady, plain = words.mapped(
        {"skipgram": drawn, "cbow": drawn}, known, {"skipgram": {"a": 0.614, "gone": 1.0}}
    )
    assert steady["stability"] == [0.61, None]
    assert "stability" not in plain
