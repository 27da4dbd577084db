"""What a text cost a language model: the numbers of the pipeline, token by token, and the page."""

import math
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from browser import evaluated
from wordlab.asking import page
from wordlab.asking.surprisal import HEAD, measure
from wordlab.asking.text import documents, sentences
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.evaluation.language.held_out import held_out
from wordlab.evaluation.language.perplexity import evaluate
from wordlab.params.text import SplitFiles
from wordlab.params.whole import load
from wordlab.recurrent.batches import alphabet, read_documents
from wordlab.recurrent.language_model import LanguageModel
from wordlab.text import readers

FEW = Vocabulary(("the", "cat", "sat", "new_york"), np.array([4, 3, 2, 1]))


@pytest.fixture
def params(repository):
    return load(repository / "params.yaml")


@pytest.fixture
def split(tmp_path, article_sentences):
    """A split as the pipeline writes it, of four documents."""
    path = tmp_path / "test.txt"
    parts = [article_sentences[i : i + 15] for i in range(0, 60, 15)]
    path.write_text("".join("\n".join(part) + "\n\n" for part in parts), encoding="utf-8")
    return path


def sharpened(params, vocabulary, level="word"):
    model = LanguageModel(params, vocabulary, level, seed=1)
    with torch.no_grad():
        model.embedding.mul_(10)
    return model


KINDS = [
    {},
    {"carry_state": "within_documents"},
    {"examples": "windows"},
    {"examples": "sentences", "adaptive_cutoffs": [50, 200]},
]


@pytest.mark.parametrize("changes", KINDS, ids=str)
def test_a_split_has_the_perplexity_that_the_pipeline_gives_it(
    split, article_words, network, params, changes
):
    model = sharpened(network(**changes), article_words[1])
    found = documents(split, params.corpus, params.preprocess, model)
    test = read_documents(split)
    assert found == test and len(found) == 4
    train = [line for document in test for line in document]
    scored = params.language_evaluation
    orders = scored.ngram_orders.model_copy(update={"word": (2,), "character": (2,)})
    none = {
        name: getattr(scored, name).model_copy(update={"models": ()})
        for name in ("cache", "dynamic")
    }
    settings = scored.model_copy(update={"ngram_orders": orders, "interpolated": (), **none})
    generation = params.generation.model_copy(update={"length": 5, "prompts": ("the",)})
    metrics, _ = evaluate({"own": model}, train, test, test, settings, generation, seed=1)
    by_pipeline = metrics["own"]["perplexity"]
    assert measure(model, found, streams=16).perplexity == pytest.approx(by_pipeline, rel=1e-5)
    one = measure(model, found)
    assert one.perplexity == pytest.approx(by_pipeline, rel=1e-2)
    text = held_out(model, test)
    losses = model.token_losses(text.ids, document_starts=text.document_starts, streams=1)
    assert one.perplexity == pytest.approx(math.exp(losses.mean(dtype=np.float64)), rel=1e-5)


def test_the_table_has_every_token_once_and_its_mean_is_the_perplexity(
    split, article_words, network, params
):
    model = sharpened(network(), article_words[1])
    measured = measure(model, documents(split, params.corpus, params.preprocess, model))
    rows = [
        token.row.split("\t")
        for document in measured.tokens()
        for sentence in document
        for token in sentence
    ]
    assert {len(row) for row in rows} == {len(HEAD)}
    lines = split.read_text(encoding="utf-8").split("\n")
    expected = [[*line.split(), "</s>"] for line in lines if line]
    assert [row[2] for row in rows] == [token for line in expected for token in line]
    assert [row[:2] for row in rows] == [
        [str(number), str(place)]
        for number, line in enumerate(expected, 1)
        for place in range(1, len(line) + 1)
    ]
    bits = np.array([float(row[4]) for row in rows])
    assert 2 ** bits.mean() == pytest.approx(measured.perplexity, rel=1e-5)
    np.testing.assert_allclose([float(row[5]) for row in rows], 2**-bits, rtol=1e-5)
    unknown = [row for row in rows if row[3] == "no"]
    assert {row[2] in model.vocabulary for row in unknown} == {False}
    assert len(unknown) == measured.unknown > 0
    assert f"{len(rows):,} tokens, 60 of them" in measured.summary()


def test_ranks_count_the_likelier_symbols(network):
    model = sharpened(network(), FEW)
    measured = measure(model, [["the cat sat", "the dog"]])
    ids = measured.text.ids
    with torch.no_grad():
        inputs = torch.tensor([[model.end], *([i] for i in ids[:-1])])
        hidden, _ = model(inputs, model.initial_state(1))
        p = model.output.log_probabilities(hidden[:, 0]).exp().numpy()
    own = p[np.arange(len(ids)), ids]
    assert measured.ranks.tolist() == (p > own[:, None]).sum(axis=1).tolist()
    np.testing.assert_allclose(np.exp(-measured.losses), own, rtol=1e-5)


def test_a_model_of_characters_has_a_row_per_character(network, params):
    letters = alphabet(["the cat sat on the mat"], min_count=1)
    model = sharpened(network(cell="gru"), letters, "character")
    measured = measure(model, [["the zoo", "at"]])
    tokens = [token for sentence in next(measured.tokens()) for token in sentence]
    assert [token.text for token in tokens] == [*"the zoo", None, *"at", None]
    assert [token.text for token in tokens if not token.known] == ["z"]
    assert "bits per character" in measured.summary()
    assert "1 unknown character, one symbol to the model" in measured.summary()


def test_a_text_is_cut_as_the_pipeline_cuts_it(tmp_path, network, params):
    model = LanguageModel(network(), FEW, "word", seed=1)
    text = tmp_path / "own.txt"
    text.write_text("The CAT sat. Ünder 9 cafe\u0301s!\n\nNew York\n", encoding="utf-8")
    found = documents(text, params.corpus, params.preprocess, model)
    assert found == [["the cat sat", "ünder cafés"], ["new york"]]
    phrases = params.preprocess.phrases.model_copy(update={"passes": 1})
    joined = params.preprocess.model_copy(update={"phrases": phrases})
    assert sentences("The New York cat", joined, model) == ["the new_york cat"]
    longer = Vocabulary(("new_york_city", "new", "york", "city"), np.ones(4, np.int64))
    model = LanguageModel(network(), longer, "word", seed=1)
    assert sentences("New York, New York City", joined, model) == ["new york new_york_city"]
    letters = LanguageModel(network(), FEW, "character", seed=1)
    assert sentences("The New York cat", joined, letters) == ["the new york cat"]


def test_a_long_text_is_one_document_where_a_file_is_a_split(
    tmp_path, network, params, monkeypatch
):
    monkeypatch.setattr(readers, "LONGEST_TEXT", 10)
    model = LanguageModel(network(), FEW, "word", seed=1)
    text = tmp_path / "own.txt"
    text.write_text("the cat sat\nthe cat\nthe cat sat\n")
    files = SplitFiles(train="own.txt", valid="own.txt", test="own.txt")
    given = params.corpus.model_copy(update={"splits": files})
    found = [documents(text, corpus, params.preprocess, model) for corpus in (given, params.corpus)]
    assert [len(one) for one in found] == [1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "own.txt: the file is empty; expected a text"),
        (b"12 ... !\n", "own.txt: no token of the kind 'letters'; expected a text"),
        (b"caf\xe9\n", "own.txt, line 1, byte 4: not UTF-8"),
        (b"ab\0", "own.txt, line 1: found a byte 0"),
    ],
)
def test_a_text_that_cannot_be_read_gets_one_line(tmp_path, network, params, content, message):
    model = LanguageModel(network(), FEW, "word", seed=1)
    path = tmp_path / "own.txt"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        documents(path, params.corpus, params.preprocess, model)
    assert message in str(caught.value) and "\n" not in str(caught.value)


class Parsed(HTMLParser):
    """The tags, the words of tokens and their values on a page."""

    def __init__(self, content):
        super().__init__()
        self.tags, self.said, self.words, self._token = [], [], [], False
        self.feed(content)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._token = "data-said" in dict(attributes)
        if self._token:
            self.said.append(dict(attributes)["data-said"])

    def handle_endtag(self, tag):
        self._token = False

    def handle_data(self, data):
        if self._token:
            self.words.append(data)


HOSTILE = ["the cat <script>alert(1)</script> & \"x' </p>", "sat " + "w" * 80]


def test_the_page_holds_all_of_itself_and_only_data(network):
    model = sharpened(network(), FEW)
    measured = measure(model, [HOSTILE])
    content = page.build(measured, model="<b>", source="a<i>.txt")
    found = Parsed(content)
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "b", "i", "img", "link", "iframe"})
    links = [value for _, own in found.tags for key, value in own.items() if key in ("src", "href")]
    assert links == ["#table"] and "url(" not in content
    assert found.words == [*HOSTILE[0].split(), "↵", *HOSTILE[1].split(), "↵"]
    assert found.said[0].startswith("the: ") and "bits, probability" in found.said[0]
    assert "unknown: the cost is that of any unknown one" in found.said[2]
    assert content == page.build(measured, model="<b>", source="a<i>.txt")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_shows_a_value_on_focus(network, tmp_path, width):
    content = page.build(
        measure(sharpened(network(), FEW), [HOSTILE]), model="GRU", source="own.txt"
    )
    seen = """() => {
      const spans = [...document.querySelectorAll("section span")];
      const colours = spans.map(span => getComputedStyle(span).backgroundColor);
      spans[2].focus();
      const said = getComputedStyle(spans[2], "::after");
      return {focused: document.hasFocus(),
              beyond: document.documentElement.scrollWidth - innerWidth, colours,
              said: said.content, at: said.position,
              none: getComputedStyle(spans[3], "::after").content};
    }"""
    for _ in range(5):  # a busy machine may give a page the focus after it has loaded
        found = evaluated(content, seen, None, tmp_path, width=width)
        if found["focused"]:
            break
    assert found["beyond"] <= 0
    assert len(set(found["colours"])) > 1
    assert "bits, probability" in found["said"] and found["at"] == "fixed"
    assert found["none"] == "none"
