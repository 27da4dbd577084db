"""Claims of params/language.py that tests of the networks' own modules do not hold."""

import numpy as np
import pytest
import torch

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.evaluation.language.generation import generate
from wordlab.params.language import DecodingParams
from wordlab.recurrent.language_model import LanguageModel
from wordlab.recurrent.training import train

WORDS = Vocabulary(tuple("abcdefgh"), np.arange(80, 0, -10))
TEXT = np.random.default_rng(2).integers(0, 10, 300)


def learnt(params, text=TEXT):
    model = LanguageModel(params, WORDS, "word", seed=1)
    before = {name: weight.clone() for name, weight in model.weights().items()}
    train(model, text, text[:60], params, seed=1)
    return before, model.weights()


def test_cutoffs_beyond_the_vocabulary_have_no_effect(network):
    """language_model.adaptive_cutoffs."""
    ends = [learnt(network(epochs=1, adaptive_cutoffs=cutoffs))[1] for cutoffs in ([4], [4, 8, 99])]
    assert all(torch.equal(weight, ends[1][name]) for name, weight in ends[0].items())


def test_a_frozen_embedding_stays_as_it_is_at_the_start(network):
    """language_model.embedding."""
    before, after = learnt(network(epochs=1, embedding="frozen", tied=False))
    assert torch.equal(before["embedding"], after["embedding"])
    assert not torch.equal(before["output.weight"], after["output.weight"])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_only_the_plain_network_has_an_activation_to_choose(network, cell):
    """language_model.activation."""
    ends = [learnt(network(cell=cell, epochs=1, activation=one))[1] for one in ("tanh", "relu")]
    assert all(torch.equal(weight, ends[1][name]) for name, weight in ends[0].items())


@pytest.mark.parametrize("penalty", ["activation_penalty", "temporal_penalty"])
def test_penalties_make_outputs_smaller_or_steadier(network, penalty):
    """language_model.activation_penalty, temporal_penalty."""
    sizes = []
    for strength in (0.0, 5.0):
        params = network(cell="gru", epochs=3, **{penalty: strength})
        model = LanguageModel(params, WORDS, "word", seed=1)
        train(model, TEXT, TEXT[:60], params, seed=1)
        with torch.no_grad():
            hidden, _ = model(torch.from_numpy(TEXT[:100, None]), model.initial_state(1))
        steps = hidden if penalty == "activation_penalty" else hidden.diff(dim=0)
        sizes.append(float(steps.square().mean()))
    assert sizes[1] < 0.8 * sizes[0]


def same(network, *variants):
    """Say whether networks of these settings end with the same weights."""
    ends = [learnt(network(epochs=1, **changes))[1] for changes in variants]
    return all(torch.equal(weight, end[name]) for end in ends for name, weight in ends[0].items())


def test_a_symbol_with_a_single_one_has_no_use_for_the_size_of_an_embedding(network):
    """language_model.embedding."""
    sizes = [{"embedding": "one_hot", "tied": False, "embedding_size": size} for size in (4, 40)]
    assert same(network, *sizes)


@pytest.mark.parametrize(
    ("name", "values", "ignored_by"),
    [
        ("forget_bias", (0.0, 2.0), {"cell": "gru"}),
        ("gru_reset", ("before", "after"), {"cell": "lstm"}),
        ("averaging_patience", (1, 7), {"optimizer": "sgd"}),
        ("carry_state", ("always", "never"), {"examples": "sentences"}),
        ("fresh_starts", (0.0, 0.9), {"examples": "windows"}),
        ("random_offset", (False, True), {"examples": "sentences"}),
    ],
)
def test_settings_for_others_are_ignored(network, name, values, ignored_by):
    """language_model.forget_bias, gru_reset, averaging_patience, carry_state, fresh_starts,
    random_offset."""
    assert same(network, *({name: value, **ignored_by} for value in values))


def test_the_bias_of_the_forget_gate_is_that_at_the_start_alone(network):
    """language_model.forget_bias."""
    before, after = learnt(network(cell="lstm", epochs=1, forget_bias=1.5))
    bias = before["layers.cells.0.bias"]
    assert sorted(set(bias.tolist())) == [0.0, 1.5]
    assert int((bias == 1.5).sum()) == len(bias) // 4
    assert not torch.equal(after["layers.cells.0.bias"], bias)


@pytest.mark.parametrize("size", [16, 64])
def test_recurrent_weights_begin_within_one_over_the_root_of_the_size(network, size):
    """language_model.initialisation."""
    params = network(cell="gru", hidden_size=size, embedding_size=size)
    weight = LanguageModel(params, WORDS, "word", seed=1).weights()[
        "layers.cells.0.recurrent_weight"
    ]
    bound = size**-0.5
    assert 0.95 * bound < float(weight.abs().max()) <= bound
    assert float(weight.std()) == pytest.approx(bound / 3**0.5, rel=0.1)


def test_without_patience_all_epochs_are_run(network):
    """language_model.patience."""
    noise = np.random.default_rng(0).integers(0, 10, 300)

    def epochs(patience):
        params = network(epochs=12, rate=0.1, patience=patience)
        model = LanguageModel(params, WORDS, "word", seed=1)
        return len(train(model, noise, TEXT[:60], params, seed=1).epochs)

    assert epochs(1) < epochs(None) == 12


@pytest.mark.parametrize("name", ["clip_norm", "clip_value"])
def test_without_a_limit_nothing_is_clipped(network, name):
    """language_model.clip_norm, clip_value."""
    other = {"clip_norm": None, "clip_value": None}
    assert same(network, other, {**other, name: 1e9})
    assert not same(network, other, {**other, name: 1e-3, "optimizer": "sgd"})


@pytest.mark.parametrize(
    ("strategy", "ignored"),
    [
        ("greedy", {"temperature": 0.1, "top_k": 2, "top_p": 0.2, "beam_width": 9}),
        ("beam", {"temperature": 0.1, "top_k": 2, "top_p": 0.2}),
        ("sample", {"beam_width": 9}),
    ],
)
def test_settings_of_another_strategy_change_no_text(network, strategy, ignored):
    """generation.temperature, top_k, top_p, beam_width."""
    model = LanguageModel(network(), WORDS, "word", seed=1)
    plain = {"temperature": 1.0, "top_k": None, "top_p": 1.0, "beam_width": 3}
    texts = [
        generate(model, "a b", 20, DecodingParams(strategy=strategy, **own), seed=1)
        for own in (plain, {**plain, **ignored})
    ]
    assert texts[0] == texts[1]


def test_an_empty_prompt_starts_a_sentence(network):
    """generation.prompts."""
    model = LanguageModel(network(), WORDS, "word", seed=1)
    with torch.no_grad():
        model.embedding.mul_(20)  # opinions strong enough to tell choices apart
        hidden, _ = model(torch.full((1, 1), model.end), model.initial_state(1))
        after_an_end = model.output.log_probabilities(hidden[-1])[0]
    after_an_end[WORDS.unknown] = -torch.inf
    greedy = DecodingParams(strategy="greedy", temperature=1, top_k=None, top_p=1, beam_width=1)
    likeliest = [*WORDS.words, "", "\n"][int(after_an_end.argmax())]
    assert generate(model, "", 1, greedy, seed=1) == likeliest
