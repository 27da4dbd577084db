"""The explorer in a browser: it computes what Python does, and a hostile text runs nothing."""

from itertools import product

import numpy as np
import pytest
import torch
from made_models import HOSTILE, PREPROCESS, WORDS, build, spaces

from browser import evaluated
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.vectors import Vectors
from wordlab.evaluation.comparison.neighbours import nearest
from wordlab.evaluation.vectors.analogy import best_rows
from wordlab.evaluation.vectors.similarity import DenseSpace, Lookup
from wordlab.explorer import network as packed_network
from wordlab.explorer import text as rules
from wordlab.explorer.packing import VECTORS, rounded_rows
from wordlab.recurrent.language_model import LanguageModel
from wordlab.text.preprocess import TOKEN_PATTERNS, lines


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the page says and does with a hostile vocabulary, without a language model."""
    check = """({hostile}) => {
      const texts = selector => [...document.querySelectorAll(selector)].map(x => x.textContent);
      const type = (id, text) => {
        element(id).value = text;
        element(id).dispatchEvent(new Event("input"));
      };
      const submit = id => element(id).requestSubmit();
      const result = {ran: [], shown: []};
      globalThis.hit = () => result.ran.push("a word");
      const script = document.createElement("script");
      script.textContent = "hit()";
      document.head.append(script);
      script.remove();
      result.near = models.map(model => words.map((_, i) => model.near(i)));
      result.answers = dense.map(model => model.analogy(1, 2, 3, 4));
      for (const word of hostile) {
        type("word", word);
        result.shown.push([element("said").textContent, texts("#near li bdi").length]);
      }
      type("word", " King ");
      result.king = chosen.word;
      result.around = plot.points.map(point => point.i);
      element("map-way").value = "tsne";
      layOut();
      result.onMap = plot.points.map(point => point.i);
      result.label = element("plane").getAttribute("aria-label");
      result.places = plot.points.flatMap(({x, y}) => [x, y]);
      type("word", "kinng");
      submit("ask-word");
      result.unknown = element("said").textContent;
      document.querySelector("#said button").click();
      result.meant = chosen.word;
      result.focused = [document.activeElement.id];
      document.querySelector("#near button").focus();
      document.activeElement.click();
      result.focused.push(document.activeElement === document.querySelector("#near button"));
      result.numbers = [decimals(-0.004, 2), decimals(-0.5, 2), decimals(0.25, 2)];
      result.shares = [0, 0.0002, 0.05, 0.123, 1].map(percent);
      [["a", "man"], ["b", "king"], ["c", "cow"]].map(([k, word]) => type(`analogy-${k}`, word));
      submit("ask-analogy");
      result.notAsked = element("analogy-said").textContent;
      type("analogy-c", "woman");
      submit("ask-analogy");
      result.asked = element("analogy-said").textContent;
      result.cards = texts("#answers h3");
      result.controls = texts("bdi").filter(text => /[\\u0000-\\u001f\\u202e]/.test(text));
      result.images = document.images.length;
      result.fetched = performance.getEntriesByType("resource").length;
      result.without = texts("#without");
      result.wide = document.documentElement.scrollWidth - innerWidth;
      return result;
    }"""
    folder = tmp_path_factory.mktemp("page")
    return evaluated(build(spaces()), check, {"hostile": HOSTILE}, folder, width=500)


def test_a_hostile_text_runs_nothing_and_is_shown_as_it_is(found):
    assert found["ran"] == [] and found["images"] == 0 and found["fetched"] == 0
    assert found["controls"] == []
    for word, (said, neighbours) in zip(HOSTILE, found["shown"], strict=True):
        number = WORDS.index[word] + 1
        visible = {"\0": "⟨U+0000⟩", "\N{RIGHT-TO-LEFT OVERRIDE}": "⟨U+202E⟩"}.get(word, word)
        visible = visible.replace(" ", "⟨U+0020⟩")
        assert said.startswith(f"{visible} is word number {number} by frequency"), said
        assert neighbours > 0


def test_neighbours_and_answers_are_those_of_the_rounded_vectors(found):
    made = spaces()
    for place, name in enumerate(("skipgram", "glove")):
        rows = rounded_rows(made[name].vectors.matrix, VECTORS.levels)[0].astype("f4")
        space = DenseSpace(Vectors(WORDS, rows))
        ids, cosines = nearest(space, np.arange(len(WORDS)), 5)
        got = np.array(found["near"][place])  # (V, 5, 2)
        np.testing.assert_allclose(got[..., 1], cosines, atol=1e-5)
        assert (got[..., 0] == ids).mean() > 0.99  # but for ties
        lookup = Lookup(WORDS, ignore_case=False)
        (answer,) = best_rows(space, np.array([[1, 2, 3]]), lookup, "3cosadd")
        assert found["answers"][place][0][0] == answer
        assert len(found["answers"][place]) == 4


def test_a_word_is_found_as_the_text_has_it_and_its_neighbours_are_on_every_map(found):
    king = WORDS.index["king"]
    near = {int(i) for i, _ in found["near"][0][king]}
    assert found["king"] == king
    assert near | {king} <= set(found["around"])
    assert near | {king} <= set(found["onMap"]) and len(found["onMap"]) > 20
    assert np.isfinite(np.array(found["places"], dtype=float)).all()
    assert "Chosen: king" in found["label"]


def test_an_unknown_word_is_said_to_be_one(found):
    assert found["unknown"].startswith("kinng is not among the 76 commonest words of this text.")
    assert "Did you mean king" in found["unknown"] and found["meant"] == WORDS.index["king"]
    assert found["focused"] == ["word", True]
    assert found["notAsked"].startswith("cow is not among")
    assert found["asked"] == "man is to king as woman is to …"
    assert found["cards"] == ["skip-gram", "GloVe"]
    assert found["without"] == ["This page has no language model."]


def test_decimals_are_those_of_the_report_and_shares_have_two_or_three_digits(found):
    assert found["numbers"] == [".00", "\N{MINUS SIGN}.50", ".25"]
    assert found["shares"] == [
        f"{x}\N{NO-BREAK SPACE}%" for x in ("0", "0.020", "5", "12.3", "100")
    ]


def test_the_page_fits_a_phone(found):
    assert found["wide"] <= 0


TEXTS = (
    "The king's men, e.g. H. N. Brown, met at 10.30. They said: “No.” (Why?) He'd left…  Then?",
    "Ὀδυσσεύς ΣΟΦΟΣ. İstanbul'da 3 gün; naïve cafe\u0301 ½ ٣٤ 1.º señor ªb O’Neil o'clock-ish",
    "日本語の文。二つ目! Ok. नमस्ते दुनिया\u2028new line\r\nlast\x0bone\x85 end. 9 lives. a.b",
    "a\ufeffb \x1c<unk> @-@ N\xa0 cafe\u0301\u3000x。Y",
    "<script>hit()</script> \"x\" \N{RIGHT-TO-LEFT OVERRIDE}abc\0 😀.\nA. B. C. d! 'Quoted.' So",
)


def test_what_is_typed_is_cut_as_the_text_was(tmp_path):
    settings = [
        PREPROCESS.model_copy(
            update={"tokens": tokens, "lowercase": lower, "numbers": numbers, "units": units}
        )
        for tokens, lower, numbers, units in product(
            TOKEN_PATTERNS,
            (True, False),
            ("keep", "zeros", "drop"),
            ("sentences", "lines", "documents"),
        )
    ]
    check = """({rules, texts}) => rules.map(one => texts.map(
      text => new Tokens(one).sentences(text, new Map()).map(tokens => tokens.join(" "))))"""
    given = {"rules": [rules.rules(each) for each in settings], "texts": TEXTS}
    got = evaluated(build(spaces()), check, given, tmp_path)
    for params, texts in zip(settings, got, strict=True):
        assert texts == [lines(text, params) for text in TEXTS], params
    assert len(got) == 108


def test_phrases_are_joined_where_the_vocabulary_has_them(tmp_path):
    phrases = PREPROCESS.phrases.model_copy(update={"passes": 2})
    given = rules.rules(PREPROCESS.model_copy(update={"phrases": phrases}))
    check = """rules => new Tokens(rules).sentences("a new york times b",
      new Map([["new_york", 0], ["new_york_times", 1]]))"""
    assert evaluated(build(spaces()), check, given, tmp_path) == [["a", "new_york_times", "b"]]


MODELS = (
    {},
    {"adaptive_cutoffs": [10, 30]},
    {"adaptive_cutoffs": [5, 20], "tied": False, "embedding_size": 8, "layers": 2},
    {"gru_reset": "before", "tied": False},
    {"gates": "no_reset", "layers": 2},
    {"gates": "no_update", "adaptive_cutoffs": [20]},
)


def sharpened(params, words, seed):
    """Return a model whose weights are large, so that its probabilities are far from even."""
    model = LanguageModel(params, words, "word", seed=seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.mul_(12 if name == "embedding" and params.tied else 4)
            if name.endswith("bias"):
                weight.normal_(generator=torch.Generator().manual_seed(seed))
    return model


def probabilities(model, ids):
    """Return p of every class after the end of a sentence and each of `ids`: (T + 1, C)."""
    with torch.no_grad():
        hidden, _ = model(torch.tensor([[model.end], *([i] for i in ids)]), model.initial_state(1))
        return model.output.log_probabilities(hidden[:, 0]).exp().numpy()


def test_probabilities_are_those_of_python(network, tmp_path):
    ids = [0, 1, 5, 9, 40, WORDS.unknown, WORDS.end, 33, 2, 60]
    models = [
        sharpened(network(cell="gru", **changes), WORDS, seed=seed)
        for seed, changes in enumerate(MODELS)
    ]
    check = """({models, ids}) => models.map(weights => {
      const network = new Network(weights);
      let {state} = network.step(network.end, network.start());
      return [null, ...ids].map(id => {
        if (id !== null) ({state} = network.step(id, state));
        return [...network.logProbabilities(state)].map(Math.exp);
      });
    })"""
    given = {"models": [packed_network.packed(model) for model in models], "ids": ids}
    for model, got in zip(models, evaluated(build(spaces()), check, given, tmp_path), strict=True):
        expected = probabilities(model, ids)
        assert expected.max() > 0.2
        np.testing.assert_allclose(np.array(got), expected, atol=1e-3)


def test_a_text_is_followed_word_by_word(network, tmp_path):
    model = sharpened(network(cell="gru", adaptive_cutoffs=[10, 30]), WORDS, seed=1)
    check = """() => {
      const texts = selector => [...document.querySelectorAll(selector)].map(x => x.textContent);
      const type = text => { draft.value = text; draft.dispatchEvent(new Event("input")); };
      const result = {begun: draft.value};
      type("The king\\u2019s COW wa");
      result.begins = texts("#next bdi");
      result.said = element("next-said").textContent;
      type("The king wat.");
      result.closed = [element("next-said").textContent, texts("#surprise .unknown")];
      document.querySelector("#next button:enabled").focus();
      document.activeElement.click();
      result.after = [draft.value.startsWith("The king wat."), document.activeElement.className];
      type("The king WATE");
      document.querySelector("#next button").click();
      result.taken = draft.value;
      type("The king cow. Water ");
      result.tokens = texts("#surprise .token");
      result.unknown = texts("#surprise .unknown");
      result.bits = texts("#token-rows td:nth-child(2)").map(Number);
      result.next = texts("#next .value");
      result.gates = [element("gates").width > 0, element("gates").getAttribute("aria-label")];
      element("gate").value = "state";
      element("gate").onchange();
      result.about = element("gates-about").textContent;
      element("add-likeliest").click();
      result.one = draft.value;
      element("write-more").click();
      result.many = draft.value;
      document.querySelector("#next button:enabled").click();
      result.chosen = draft.value.length > result.many.length;
      element("clear").click();
      result.empty = [draft.value, texts("#next li").length, texts(".token").length];
      return result;
    }"""
    page = build(spaces(), model=model, texts=["the king"])
    got = evaluated(page, check, {}, tmp_path)
    assert got["begun"] == "the king "
    assert got["begins"] == ["water"] and got["said"] == "Words that begin with wa:"
    assert got["closed"] == ["", ["wat"]] and got["after"] == [True, "link"]
    assert got["taken"] == "The king water "
    assert got["tokens"] == ["the", "king", "cow", "↵", "water"] and got["unknown"] == ["cow"]
    ids = [0, 1, WORDS.unknown, WORDS.end, WORDS.index["water"]]
    p = probabilities(model, ids)
    bits = -np.log2([p[step, i] for step, i in enumerate(ids)])
    np.testing.assert_allclose(got["bits"], bits, atol=0.06)
    shares = np.array([float(text.removesuffix("\xa0%")) for text in got["next"]])
    np.testing.assert_allclose(shares, np.sort(100 * p[-1])[::-1][:10], atol=0.2)
    assert got["gates"][0] and "Map" not in got["gates"][1] and "5 symbols" in got["gates"][1]
    assert "towards 1" in got["about"]
    known = np.delete(p[-1], WORDS.unknown).argmax()
    word = (*WORDS.words, "\n")[known] if known < len(WORDS) else "\n"
    assert got["one"].startswith("The king cow. Water") and got["one"].rstrip(" ").endswith(word)
    assert len(got["many"].split()) >= len(got["one"].split()) + 10 and got["chosen"]
    assert got["empty"] == ["", 10, 0]


def test_what_the_text_has_in_capitals_is_asked_for_in_capitals(tmp_path):
    words = Vocabulary(("King", "king", "Paris", "water"), np.array([4, 3, 2, 1]))
    page = build(spaces(words=words), PREPROCESS.model_copy(update={"lowercase": False}))
    check = "() => [find('King'), find('king'), find('paris') ?? null, similar('paris')]"
    assert evaluated(page, check, {}, tmp_path) == [0, 1, None, [2]]
