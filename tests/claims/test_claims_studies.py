"""Claims of params/studies.py that tests of the studies themselves do not hold."""

import numpy as np
import pytest
import torch

from wordlab.corpus.vocabulary import Vocabulary
from wordlab.params.language import LanguageModelParams
from wordlab.params.studies import AutoencoderParams, RegularisationStudyParams
from wordlab.params.whole import load, read
from wordlab.recurrent import optimizers
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies.autoencoder.network import Autoencoder, Batch, train
from wordlab.studies.autoencoder.scores import Reconstruction
from wordlab.studies.autoencoder.study import sequence_splits, symbols_of
from wordlab.studies.gradients import jobs, tasks
from wordlab.studies.regularisation.training import network_of

LETTERS = Vocabulary(tuple("abcdef"), np.arange(60, 0, -10))


@pytest.fixture
def params(repository):
    return load(repository / "params.yaml")


@pytest.fixture
def autoencoder(params):
    """Return a maker of the settings of a small autoencoder, `changes` on top."""
    own = params.autoencoder.model_dump(include=set(AutoencoderParams.model_fields))
    small = {"cell": "gru", "latent_size": 4, "embedding_size": 8, "hidden_size": 8, "rate": 0.01}
    return lambda **changes: AutoencoderParams.model_validate({**own, **small, **changes})


@pytest.fixture
def rates(monkeypatch):
    """The rates of all steps of AdamW."""
    seen = []
    step = optimizers.AdamW.step

    def watched(self, rate, number):
        seen.append(rate)
        step(self, rate, number)

    monkeypatch.setattr(optimizers.AdamW, "step", watched)
    return seen


SEQUENCES = [np.array(ids) for ids in ([0, 1], [2, 3, 4], [5, 4, 3, 2], [1], [0, 2], [3, 1])]


def test_a_rare_symbol_is_unknown_to_an_autoencoder(autoencoder):
    """autoencoder.min_count."""
    lines = {"train": ["aab", "abb", "abz"], "valid": ["ba"], "test": ["za"]}
    found = sequence_splits(lines, autoencoder(min_count=2), seed=1)
    assert found.vocabulary.words == ("a", "b")
    assert found.train[2].tolist() == [0, 1, found.vocabulary.unknown]


def test_long_sentences_are_left_out_or_cut(autoencoder):
    """autoencoder.long_sentences, unit."""
    lines = ["ab cd ef", "ab", "ab cd"]
    kept = {
        (unit, long): [len(symbols) for symbols in symbols_of(lines, autoencoder(
            unit=unit, long_sentences=long, max_length=most
        ))]
        for unit, long, most in (
            ("characters", "skip", 5), ("characters", "cut", 6), ("words", "skip", 2),
            ("words", "cut", 2),
        )
    }  # fmt: skip
    assert kept == {
        ("characters", "skip"): [2, 5],
        ("characters", "cut"): [5, 2],  # the last is the first cut to whole words
        ("words", "skip"): [1, 2],
        ("words", "cut"): [2, 1],
    }


def test_no_more_sequences_than_asked_for_are_drawn_at_random(autoencoder):
    """autoencoder.train_sequences, test_sequences."""
    lines = [f"{a}{b}" for a in "abcdef" for b in "abcdef"]
    splits = {"train": lines, "valid": [f"{x}x" for x in "abc"], "test": [f"{x}y" for x in "abcd"]}
    own = autoencoder(train_sequences=10, test_sequences=2, min_count=1)
    one, other = (sequence_splits(splits, own, seed=seed) for seed in (1, 2))
    assert (len(one.train), len(one.valid), len(one.test)) == (10, 2, 2)
    assert one.texts["train"] != other.texts["train"]


def test_an_encoder_reads_backwards_or_both_ways(autoencoder):
    """autoencoder.reversed_input, bidirectional."""
    mirrored = [sequence[::-1].copy() for sequence in SEQUENCES]
    forwards, backwards = (
        Autoencoder(autoencoder(reversed_input=turned), LETTERS, seed=1) for turned in (False, True)
    )
    torch.testing.assert_close(forwards.vectors(mirrored), backwards.vectors(SEQUENCES))
    both = Autoencoder(autoencoder(bidirectional=True), LETTERS, seed=1)
    assert both.encoder.output_size == 2 * forwards.encoder.output_size


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_decoder_sees_true_symbols_with_the_probability_of_teacher_forcing(autoencoder, share):
    """autoencoder.teacher_forcing."""
    model = Autoencoder(autoencoder(teacher_forcing=share), LETTERS, seed=1)
    batch = Batch.of(SEQUENCES, model.end)
    with torch.no_grad():
        latent = model.encode(batch)
        free = float(model.loss(batch, torch.Generator().manual_seed(1)))
        forced = float(model.losses(batch, latent).sum() / batch.present.sum())
    assert (free == pytest.approx(forced, rel=1e-5)) == (share == 1)


def test_the_rate_of_an_autoencoder_falls_linearly_to_zero(autoencoder, rates):
    """autoencoder.rates."""
    own = autoencoder(epochs=2, batch_size=2, rate=0.06)
    model = Autoencoder(own, LETTERS, seed=1)
    train(model, SEQUENCES, SEQUENCES, own, seed=1)
    np.testing.assert_allclose(rates, [0.06, 0.05, 0.04, 0.03, 0.02, 0.01])


def test_groups_of_lengths_are_equally_wide():
    """autoencoder.length_bins."""
    true = [np.zeros(length, np.int64) for length in range(1, 10)]
    lengths = np.arange(1, 10)
    found = Reconstruction(true, true, lengths, lengths, lengths, 0 * lengths, 0.0)
    table = found.by_length(3, 9)
    assert table["length"].tolist() == [3, 6, 9]
    assert table["n"].tolist() == [3, 3, 3]


def test_the_rate_of_a_task_falls_linearly_to_zero(params, rates):
    """gradient_study.tasks.rate."""
    own = params.gradient_study.tasks.model_copy(
        update={"steps": 4, "rate": 0.04, "batch_size": 2, "hidden_size": 4, "test_sequences": 2}
    )
    cell = params.language_model.gru
    tasks.learn("adding", cell, 4, own, seed=1)
    np.testing.assert_allclose(rates, [0.04, 0.03, 0.02, 0.01])


def test_windows_of_every_length_are_learnt_from_at_the_rate_of_their_cell(
    params, network, monkeypatch
):
    """gradient_study.truncation, gradient_study.training."""
    trained = []

    def train(model, *texts, **options):
        trained.append(model.params)
        return texts

    monkeypatch.setattr(jobs, "train", train)
    model = LanguageModel(network(cell="gru"), LETTERS, "word", seed=1)
    ids = np.zeros(20_000, np.int64)
    shared = jobs.Shared({"gru": model}, jobs.Texts(ids, ids), params.gradient_study, seed=1)
    own, descent = params.gradient_study.truncation, params.gradient_study.training.gru
    for length in own.lengths:
        jobs.Truncation("gru", length)._train(shared, 1)
    assert {(made.rate, made.clip_norm, made.schedule) for made in trained} == {
        (descent.rate, descent.clip_norm, "linear")
    }
    assert {made.bptt_length * made.batch_size for made in trained} == {own.window_tokens}
    assert {(made.embedding_size, made.hidden_size) for made in trained} == {
        (own.hidden_size, own.hidden_size)
    }


def test_each_method_has_the_settings_of_none_that_it_does_not_change(repository):
    """regularisation_study.methods."""
    raw = read(repository / "params.yaml")["regularisation_study"]
    none = {**raw["methods"]["none"], "weight_decay": 0.5}
    methods = {"none": none, "half_dropout": {"dropout": 0.5}}
    found = RegularisationStudyParams.model_validate({**raw, "methods": methods}).methods
    assert found["half dropout"].model_dump() == {**none, "dropout": 0.5}


def test_a_network_held_back_has_the_study_s_size_and_one_rate_throughout(params):
    """regularisation_study.hidden_size, rate, adaptive_cutoffs; methods.dropout."""
    own = params.regularisation_study
    method = own.methods["dropout"]
    made = network_of(params.language_model.gru, method, own)
    assert made.embedding_size == made.hidden_size == own.hidden_size
    assert (made.schedule, made.warmup, made.rate) == ("constant", 0, own.rate)
    dropped = {made.dropout_input, made.dropout_between, made.dropout_output}
    assert dropped == {method.dropout}
    kept = {"cell", "activation", "forget_bias", "initialisation", "clip_norm", "carry_state"}
    before = params.language_model.gru
    assert made.model_dump(include=kept) == before.model_dump(include=kept)
    assert isinstance(made, LanguageModelParams)
