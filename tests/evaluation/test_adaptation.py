"""Networks that use what their text has shown: dynamic evaluation, caches, mixtures."""

import math
from copy import deepcopy

import numpy as np
import pytest
import torch

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import Notice, UserError
from wordlab.evaluation.language.adaptation import (
    Adapted,
    adapted,
    cached_ngrams,
    mixed_losses,
    mixture_weights,
    plain_trace,
)
from wordlab.evaluation.language.dynamic import Learning, dynamic_trace, gradient_sizes
from wordlab.evaluation.language.held_out import HeldOut, ratios
from wordlab.evaluation.language.ngrams import KneserNey
from wordlab.evaluation.language.perplexity import evaluate, headline, intervals
from wordlab.params.language import DynamicEvaluationParams, LanguageEvaluationParams, NgramOrders
from wordlab.params.whole import load
from wordlab.recurrent.language_model import LanguageModel

KNOWN = Vocabulary(tuple("abcdef"), np.arange(6, 0, -1))
METHODS = ["cache", "kneser_ney", "dynamic", "all"]
STATIC = Learning(rate=0, decay=0)


def some_text(seed: int, length: int = 144, starts: tuple[int, ...] = (0, 60)) -> HeldOut:
    """Return sentences of 12 symbols or so."""
    ids = np.random.default_rng(seed).integers(0, 6, size=length)
    ids[11::12] = KNOWN.end
    return HeldOut(ids, np.array(starts), KNOWN.unknown, KNOWN.end)


def changed(text: HeldOut, place: int, symbols: list[int]) -> HeldOut:
    ids = text.ids.copy()
    ids[place : place + len(symbols)] = symbols
    return HeldOut(ids, text.document_starts, text.unknown, text.end)


@pytest.fixture
def params(repository) -> LanguageEvaluationParams:
    shipped = load(repository / "params.yaml").language_evaluation
    dynamic = {"models": ("gru",), "steps": 4, "rates": (0.3,), "decays": (0.01,), "gradients": 9}
    cache = {"models": ("gru",), "size": 30, "flatness": (0.0, 2.0)}
    return shipped.model_copy(
        update={
            "interpolated": ("gru",),
            "cache": shipped.cache.model_copy(update=cache),
            "dynamic": shipped.dynamic.model_copy(update=dynamic | {"valid_symbols": 48}),
        }
    )


@pytest.fixture
def model(network) -> LanguageModel:
    return LanguageModel(network(cell="gru"), KNOWN, "word", seed=1)


TRAIN, VALID, TEST = some_text(1), some_text(2), some_text(3)
NGRAMS = KneserNey.fit(TRAIN.ids, order=2, classes=KNOWN.classes, end=KNOWN.end)


def scored(
    model: LanguageModel, valid: HeldOut, test: HeldOut, params: LanguageEvaluationParams
) -> dict[str, Adapted]:
    plain = plain_trace(model, test, states=True)
    ngrams = NGRAMS.losses(valid.ids), NGRAMS.losses(test.ids)
    return adapted("gru", model, TRAIN.ids, valid, test, plain, ngrams, params)


def losses(
    model: LanguageModel, text: HeldOut, params: LanguageEvaluationParams
) -> dict[str, np.ndarray]:
    return {method: one.losses for method, one in scored(model, VALID, text, params).items()}


@pytest.mark.parametrize("examples", ["streams", "windows", "sentences"])
def test_what_comes_later_changes_no_score(network, params, examples):
    model = LanguageModel(network(examples=examples), KNOWN, "word", seed=1)
    other = changed(TEST, 98, [5, 5, 5, 5, 5])
    before, after = (losses(model, text, params) for text in (TEST, other))
    assert list(before) == METHODS
    for method in METHODS:
        np.testing.assert_allclose(after[method][:98], before[method][:98], 1e-6, 0, method)
        assert (after[method][98:] != before[method][98:]).any()


def test_dynamic_evaluation_reads_one_stream_whatever_the_sentences(model, params):
    """Ends of sentences later in the text move no beginning of a stream before them."""
    sizes = gradient_sizes(model, TRAIN.ids, params.dynamic)
    ended = changed(TEST, 98, [KNOWN.end] * 40)
    before, after = (
        dynamic_trace(model, text, Learning(0.3, 0.01), sizes, params.dynamic).losses
        for text in (TEST, ended)
    )
    np.testing.assert_array_equal(after[:98], before[:98])


@pytest.mark.parametrize("place", [1, 7])
def test_probabilities_sum_to_one(model, params, place):
    every = [
        losses(model, changed(TEST.beginning(24), place, [symbol]), params)
        for symbol in range(KNOWN.classes)
    ]
    for method in METHODS:
        total = sum(math.exp(-found[method][place]) for found in every)
        assert total == pytest.approx(1, abs=1e-5), method


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("carry_state", ["always", "within_documents"])
def test_a_model_that_does_not_learn_is_the_static_one(network, params, cell, carry_state):
    model = LanguageModel(network(cell=cell, carry_state=carry_state), KNOWN, "word", seed=1)
    sizes = gradient_sizes(model, TRAIN.ids, params.dynamic)
    trace = dynamic_trace(model, TEST, STATIC, sizes, params.dynamic)
    static = model.token_losses(TEST.ids, document_starts=TEST.document_starts, streams=1, steps=4)
    np.testing.assert_array_equal(trace.losses, static)


@pytest.mark.parametrize("examples", ["windows", "sentences"])
def test_windows_and_pieces_of_sentences_are_read_as_for_the_plain_score(network, params, examples):
    """Sentences of 12 symbols are longer than bptt_length, 8."""
    model = LanguageModel(network(examples=examples), KNOWN, "word", seed=1)
    sizes = gradient_sizes(model, TRAIN.ids, params.dynamic)
    trace = dynamic_trace(model, TEST, STATIC, sizes, params.dynamic)
    plain = plain_trace(model, TEST, states=False)
    np.testing.assert_allclose(trace.losses, plain.losses, rtol=1e-5)


@pytest.mark.parametrize("damping", [None, 0.5])
def test_updates_are_those_of_the_equation(model, params, damping):
    asked = params.dynamic.model_copy(update={"damping": damping})
    sizes = gradient_sizes(model, TRAIN.ids, asked)
    assert sum(float(size.sum()) for size in sizes) == pytest.approx(
        sum(size.numel() for size in sizes), rel=1e-4
    )
    rate, decay = 0.4, 0.2
    trace = dynamic_trace(model, TEST, Learning(rate, decay), sizes, asked)
    learner, state = deepcopy(model), model.initial_state(1)
    inputs = torch.from_numpy(np.concatenate([[KNOWN.end], TEST.ids]))
    for start in range(0, 12, 4):
        hidden, state = learner(inputs[start : start + 4, None], state)
        state = [tuple(part.detach() for part in layer) for layer in state]
        log_p = learner.output.log_probabilities(hidden[:, 0])
        own = -log_p.gather(1, inputs[start + 1 : start + 5, None])[:, 0]
        np.testing.assert_allclose(trace.losses[start : start + 4], own.detach(), rtol=1e-5)
        gradients = torch.autograd.grad(own.mean(), list(learner.parameters()))
        with torch.no_grad():
            for weight, trained, gradient, size in zip(
                learner.parameters(), model.parameters(), gradients, sizes, strict=True
            ):
                speed = rate if damping is None else rate * (1 + damping) / (size + damping)
                back = (decay * size).clamp(max=1) * (trained - weight)
                weight += back - speed * gradient


def test_a_text_that_repeats_itself_gains(model, params):
    def repeated(symbols: list[int]) -> HeldOut:
        return HeldOut(np.tile([*symbols, KNOWN.end], 60), np.array([0]), KNOWN.unknown, KNOWN.end)

    valid, test = repeated([0, 1, 0, 2]), repeated([3, 5, 3, 4])
    plain = model.token_losses(test.ids).mean()
    cache = params.cache.model_copy(update={"size": 60, "flatness": (0.0, 300.0)})
    learning = {"rates": (1.0,), "decays": (0.0,), "valid_symbols": None}
    dynamic = params.dynamic.model_copy(update=learning)
    params = params.model_copy(update={"cache": cache, "dynamic": dynamic})
    found = scored(model, valid, test, params)
    for method in ("cache", "dynamic"):
        assert found[method].losses.mean() < plain - 0.1, method
    together = found["all"].losses.mean()
    assert together < found["cache"].losses.mean()
    assert together < found["dynamic"].losses.mean() + 0.01


@pytest.mark.parametrize("carry_state", ["always", "within_documents"])
def test_a_cache_stays_within_documents_where_the_state_does(network, params, carry_state):
    model = LanguageModel(network(carry_state=carry_state), KNOWN, "word", seed=1)
    other = changed(TEST, 50, [5] * 5)
    before, after = (losses(model, text, params)["cache"] for text in (TEST, other))
    same = carry_state == "within_documents"
    assert (after[61] == before[61]) == same
    np.testing.assert_array_equal(after[90:], before[90:])  # beyond the cache


def test_only_what_is_asked_for_is_scored_and_the_model_is_left_alone(model, params):
    weights = {name: weight.clone() for name, weight in model.weights().items()}
    none = {"models": ()}
    without = params.model_copy(update={"dynamic": params.dynamic.model_copy(update=none)})
    assert list(losses(model, TEST, without)) == ["cache", "kneser_ney", "all"]
    only = without.model_copy(update={"cache": params.cache.model_copy(update=none)})
    assert list(losses(model, TEST, only)) == ["kneser_ney"]
    assert not losses(model, TEST, only.model_copy(update={"interpolated": ("lstm",)}))
    assert list(losses(model, TEST, params)) == METHODS
    for name, weight in model.weights().items():
        assert torch.equal(weight, weights[name]), name


def test_the_best_rate_on_validation_is_taken(model, params):
    every = params.dynamic.model_copy(update={"rates": (0.1, 0.3), "decays": (0.0, 0.9)})
    sizes, start = gradient_sizes(model, TRAIN.ids, every), VALID.beginning(48)
    tried = {
        (rate, decay): dynamic_trace(model, start, Learning(rate, decay), sizes, every).losses
        for rate in every.rates
        for decay in every.decays
    }
    found = scored(model, VALID, TEST, params.model_copy(update={"dynamic": every}))
    best = min(tried, key=lambda one: tried[one].mean())
    assert tuple(found["dynamic"].settings.values()) == best
    assert len({float(one.mean()) for one in tried.values()}) == 4


def test_rates_that_diverge_are_refused(model, params):
    wild = params.dynamic.model_copy(update={"rates": (1e37, 1e38)})
    asked = params.model_copy(update={"dynamic": wild})
    with pytest.raises(UserError, match=r"dynamic\.rates: gru diverges .* lower .* 1e\+37, 1e\+38"):
        losses(model, TEST, asked)


@pytest.mark.parametrize("carry_state", ["always", "within_documents"])
def test_a_cache_of_n_grams_counts_the_last_symbols(network, params, carry_state):
    model = LanguageModel(network(carry_state=carry_state), KNOWN, "word", seed=1)
    valid, test = some_text(1), some_text(2, starts=(0, 50))
    ngrams = KneserNey.fit(some_text(3).ids, order=2, classes=KNOWN.classes, end=KNOWN.end)
    losses = ngrams.losses(valid.ids), ngrams.losses(test.ids)
    found = cached_ngrams(model, valid, test, losses, params.cache)
    counted, cached = found.settings["weights"].values()
    assert found.settings["size"] == 30 and counted + cached == pytest.approx(1)
    for place in (0, 1, 7, 49, 50, 53, 143):
        first = max(0, place - 30)
        if carry_state == "within_documents" and place >= 50:
            first = max(50, first)
        seen = test.ids[first:place]
        own = p = math.exp(-losses[1][place])
        if len(seen):
            own = float((seen == test.ids[place]).mean())
        expected = -math.log(counted * p + cached * own)
        assert found.losses[place] == pytest.approx(expected, rel=1e-6), place


def test_networks_are_compared_with_the_gru_on_the_same_symbols(network, params, repository):
    lines = ["abc", "fed", "abcabc", "fedf", "ab", "cde"]
    given = [" ".join(line) for line in lines * 4]
    asked = params.model_copy(
        update={"ngram_orders": NgramOrders(word=(2,), character=(2,)), "interpolated": ()}
    )
    generation = load(repository / "params.yaml").generation
    models = {
        cell: LanguageModel(network(cell=cell), KNOWN, "word", seed=1)
        for cell in ("rnn", "gru", "lstm")
    }
    documents = [given[:8], given[8:15], given[15:]]
    losses = {}
    metrics, _ = evaluate(
        models, given, [given], documents, asked, generation, seed=1,
        on_losses=lambda name, own, text: losses.update({name: own.astype(float), "text": text}),
    )  # fmt: skip
    assert "times" not in metrics["gru"] and "times" not in metrics["kneser_ney"]
    differences = [(losses[cell] - losses["gru"])[None] for cell in ("rnn", "lstm")]
    together = ratios(differences, losses["text"], seed=1)
    for cell, expected in zip(("rnn", "lstm"), together, strict=True):
        own = metrics[cell]
        assert own["compared"] == "gru"
        assert own["times"] == pytest.approx(own["perplexity"] / metrics["gru"]["perplexity"])
        assert [own[name] for name in ("times", "times_low", "times_high")] == expected.tolist()
    assert expected[1] < expected[0] < expected[2]
    assert expected[2] > ratios(differences[1:], losses["text"], seed=1)[0, 2]  # wider than alone
    table = intervals(metrics).set_index(["model", "measure"])
    assert table.loc[("lstm", "ratio to GRU"), "score"] == pytest.approx(
        metrics["lstm"]["times"], rel=1e-4
    )
    alone, _ = evaluate(
        {"rnn": models["rnn"]}, given, [given], documents, asked, generation, seed=1
    )
    assert "times" not in alone["rnn"]
    assert "adapted" not in alone["kneser_ney"]  # no network of these words has a cache


def test_a_network_without_a_perplexity_is_compared_with_none(
    network, params, repository, monkeypatch
):
    given = ["a b c", "f e d", "a b c a b c", "f e d f"] * 4
    asked = params.model_copy(
        update={"ngram_orders": NgramOrders(word=(2,), character=(2,)), "interpolated": ()}
    )
    asked = asked.model_copy(
        update={
            "cache": asked.cache.model_copy(update={"models": ("lstm",)}),
            "dynamic": asked.dynamic.model_copy(update={"models": ()}),
        }
    )
    generation = load(repository / "params.yaml").generation
    models = {
        cell: LanguageModel(network(cell=cell), KNOWN, "word", seed=1)
        for cell in ("rnn", "gru", "lstm")
    }
    with torch.no_grad():
        for weight in models["rnn"].output.parameters():
            weight.mul_(1e6)
    with pytest.warns(Notice, match="rnn: its loss"):
        metrics, _ = evaluate(models, given, [given], [given], asked, generation, seed=1)
    assert math.isinf(metrics["rnn"]["perplexity"])
    assert "times" not in metrics["rnn"] and "times" in metrics["lstm"]
    assert metrics["kneser_ney"]["adapted"]["cache"]["size"] == asked.cache.size


def test_weights_of_mixtures_are_the_likeliest():
    p = np.random.default_rng(1).random((2, 500)) ** [[1], [3]]
    grid = np.linspace(0, 1, 1001)
    best = min(grid, key=lambda w: mixed_losses(p, np.array([w, 1 - w])).mean())
    assert mixture_weights(p)[0] == pytest.approx(best, abs=2e-3)
    three = mixture_weights(np.stack([*p, np.zeros(500)]))
    assert three.sum() == pytest.approx(1)
    assert three[2] == 0
    # what no model thinks possible tells nothing about weights, and is not infinite
    impossible = np.concatenate([p, np.zeros((2, 3))], axis=1)
    np.testing.assert_allclose(mixture_weights(impossible), mixture_weights(p))
    assert np.isfinite(mixed_losses(impossible, np.array([0.5, 0.5]))).all()


def test_settings_without_a_grid_or_an_unknown_model_are_refused(params):
    asked = params.dynamic.model_dump()
    for wrong in ({"rates": []}, {"decays": [1.5]}, {"models": ["transformer"]}, {"steps": 0}):
        with pytest.raises(ValueError):
            DynamicEvaluationParams(**{**asked, **wrong})


def test_scores_of_every_method_are_beside_the_plain_ones(model, params, repository):
    lines = ["abc", "fed", "abcabc", "fedf", "ab", "cde"]
    given = [" ".join(line) for line in lines * 4]
    orders = NgramOrders(word=(2,), character=(2,))
    asked = params.model_copy(update={"ngram_orders": orders})
    generation = load(repository / "params.yaml").generation
    metrics, _ = evaluate({"gru": model}, given, [given], [given], asked, generation, seed=1)
    own = metrics["gru"]["adapted"]
    assert list(own) == METHODS
    for method, found in own.items():
        assert found["low"] <= found["perplexity"] <= found["high"]
        assert found["ratio"] == pytest.approx(
            found["perplexity"] / metrics["kneser_ney"]["perplexity"]
        )
        assert ("flatness" in found) == (method in ("cache", "all"))
        assert ("rate" in found) == (method in ("dynamic", "all"))
    assert own["all"]["weights"].keys() == {"network", "kneser_ney", "cache"}
    assert sum(own["all"]["weights"].values()) == pytest.approx(1)
    counted = metrics["kneser_ney"]["adapted"]["cache"]
    assert counted["weights"].keys() == {"kneser_ney", "cache"}
    assert counted["ratio"] == pytest.approx(
        counted["perplexity"] / metrics["kneser_ney"]["perplexity"]
    )
    assert headline(metrics)["gru"].keys() == {"perplexity", "top-1 accuracy"}
    table = intervals(metrics).set_index(["model", "measure"])
    assert table.loc[("gru", "perplexity"), "low"] == pytest.approx(metrics["gru"]["low"], rel=1e-4)
