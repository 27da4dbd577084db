"""Sequence autoencoders: exact on what is short, reproducible, resumable, honestly scored."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nltk.metrics.distance import edit_distance

from wordlab import checkpoints
from wordlab.artifacts import md5
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.errors import UserError
from wordlab.params.studies import AutoencoderParams
from wordlab.studies.autoencoder import network
from wordlab.studies.autoencoder.network import Autoencoder, Batch, total_loss, train, vectors
from wordlab.studies.autoencoder.scores import bleu, edit_distances, quantised, reconstruct
from wordlab.studies.autoencoder.study import sequence_splits, symbols_of

TEXT = """
we saw the old cat run by a red barn and all of us sat in the sun to eat an egg or two
as it was hot out and no one had a hat on so they got wet when it rained at six
"""
WORDS = TEXT.split()


def params(**changes: Any) -> AutoencoderParams:
    values = {
        "unit": "characters",
        "min_count": 1,
        "max_length": 12,
        "long_sentences": "skip",
        "train_sequences": 1000,
        "test_sequences": 100,
        "cell": "gru",
        "activation": "tanh",
        "gru_reset": "after",
        "forget_bias": 1.0,
        "initialisation": "uniform",
        "mogrifier_rounds": 2,
        "mogrifier_rank": None,
        "heads": 2,
        "embedding_size": 16,
        "hidden_size": 24,
        "latent_size": 12,
        "bidirectional": False,
        "reversed_input": False,
        "teacher_forcing": 1.0,
        "rate": 0.01,
        "weight_decay": 0.0,
        "clip_norm": 1.0,
        "epochs": 3,
        "batch_size": 20,
    }
    return AutoencoderParams.model_validate({**values, **changes})


def sentences(count: int, seed: int = 3) -> list[str]:
    """Return different sentences of two to four words, at most 12 characters."""
    random = np.random.default_rng(seed)
    made: dict[str, None] = {}
    while len(made) < count:
        line = " ".join(random.choice(WORDS, size=random.integers(2, 5)))
        if len(line) <= 12:
            made[line] = None
    return list(made)


def data(lines: list[str], own: AutoencoderParams) -> tuple[Vocabulary, list[np.ndarray]]:
    third = len(lines) // 3
    splits = {"train": lines, "valid": sentences(third, 4), "test": sentences(third, 5)}
    found = sequence_splits(splits, own, seed=1)
    return found.vocabulary, found.train


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_hundred_short_sentences_come_back_exactly(cell: str) -> None:
    own = params(cell=cell, hidden_size=96, latent_size=64, rate=0.01, epochs=120, batch_size=25)
    vocabulary, sequences = data(sentences(100), own)
    model = Autoencoder(own, vocabulary, seed=1)
    train(model, sequences, sequences[:1], own, seed=1)
    scores = reconstruct(model, sequences, vectors(model, sequences)).scores()
    assert (scores["exact_match"], scores["bleu"], scores["edit_distance"]) == (1, 1, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"cell": "rnn"},
        {"cell": "lstm", "bidirectional": True},
        {"reversed_input": True},
        {"teacher_forcing": 0.5},
        {"unit": "words", "max_length": 4},
    ],
    ids=lambda changes: "-".join(f"{key}={value}" for key, value in changes.items()),
)
def test_every_kind_learns_and_the_same_seed_gives_the_same_bytes(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    own = params(**changes)
    vocabulary, sequences = data(sentences(60), own)
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        model = Autoencoder(own, vocabulary, seed)
        epochs = train(model, sequences, sequences[:20], own, seed=seed)
        assert epochs[-1].train_loss < epochs[0].train_loss
        model.save(tmp_path / name)
    assert md5(tmp_path / "first") == md5(tmp_path / "again") != md5(tmp_path / "other")


def test_a_saved_model_reads_back_and_says_the_same(tmp_path: Path) -> None:
    own = params()
    vocabulary, sequences = data(sentences(30), own)
    model = Autoencoder(own, vocabulary, seed=1)
    model.save(tmp_path / "model")
    again = Autoencoder.load(tmp_path / "model")
    found, expected = (one.decode(one.vectors(sequences)) for one in (again, model))
    pairs = zip(found, expected, strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)
    (tmp_path / "model" / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(UserError, match="not a whole autoencoder"):
        Autoencoder.load(tmp_path / "model")
    with torch.no_grad():
        model.embedding[0, 0] = torch.nan
    model.save(tmp_path / "model")
    with pytest.raises(UserError, match=r"not a whole autoencoder \(embedding has NaN or infinity"):
        Autoencoder.load(tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"model\.safetensors: not found"):
        Autoencoder.load(tmp_path / "model")


class CutOff(Exception):
    """Stands for a kill."""


def test_a_training_cut_off_resumes_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    own = params(teacher_forcing=0.7, epochs=4)
    vocabulary, sequences = data(sentences(60), own)
    whole = Autoencoder(own, vocabulary, seed=1)
    epochs = train(whole, sequences, sequences[:20], own, seed=1)

    def cut_off(self: Any, save: Any = network._Training.save) -> None:
        save(self)
        if len(self.epochs) == 3:
            raise CutOff

    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors")
    common: dict[str, Any] = {"seed": 1, "checkpoint": checkpoint}
    with monkeypatch.context() as patch, pytest.raises(CutOff):
        patch.setattr(network._Training, "save", cut_off)
        train(Autoencoder(own, vocabulary, seed=1), sequences, sequences[:20], own, **common)
    resumed = Autoencoder(own, vocabulary, seed=1)
    again = train(resumed, sequences, sequences[:20], own, **common)
    assert again == epochs
    for name, weight in whole.weights().items():
        assert torch.equal(weight, resumed.weights()[name])


def test_divergence_stops_with_the_setting_to_change() -> None:
    own = params(cell="rnn", activation="relu", rate=1e30, clip_norm=None)
    vocabulary, sequences = data(sentences(60), own)
    with pytest.raises(UserError, match=r"autoencoder\.rates\.rnn: .*batch \d+"):
        train(Autoencoder(own, vocabulary, 1), sequences, sequences[:5], own, seed=1)


def test_neither_padding_nor_company_changes_a_reconstruction() -> None:
    for changes in ({"cell": "lstm", "bidirectional": True}, {"reversed_input": True}):
        own = params(**changes)
        vocabulary, sequences = data(sentences(30), own)
        model = Autoencoder(own, vocabulary, seed=1)
        alone = torch.cat([model.encode(Batch.of([s], model.end)) for s in sequences])
        together = model.encode(Batch.of(sequences, model.end))
        torch.testing.assert_close(alone, together, atol=1e-6, rtol=1e-5)


def test_the_decoders_own_symbols_give_the_loss_of_decoding_freely() -> None:
    own = params(teacher_forcing=0.0)
    vocabulary, sequences = data(sentences(30), own)
    model = Autoencoder(own, vocabulary, seed=1)
    train(model, sequences, sequences[:5], own, seed=1)
    batch = Batch.of(sequences, model.end)
    with torch.no_grad():
        latent = model.encode(batch)
        before = model._own_symbols(latent, model._before(batch.symbols), torch.Generator())
    free = model.decode(latent)
    for column, written in enumerate(free):
        steps = min(len(written), int(batch.lengths[column]) - 1)
        assert before[1 : steps + 1, column].tolist() == written[:steps].tolist()


def test_edit_distances_are_levenshteins() -> None:
    random = np.random.default_rng(1)
    pairs = [
        (random.integers(0, 3, random.integers(0, 9)), random.integers(0, 3, random.integers(0, 9)))
        for _ in range(200)
    ]
    a, b = np.full((200, 9), -1), np.full((200, 10), -2)
    for row, (one, other) in enumerate(pairs):
        a[row, : len(one)], b[row, : len(other)] = one, other
    lengths = np.array([[len(one), len(other)] for one, other in pairs])
    found = edit_distances(a, lengths[:, 0], b, lengths[:, 1])
    assert found.tolist() == [edit_distance(list(one), list(other)) for one, other in pairs]


def test_scores_count_what_is_lost_added_and_wrong() -> None:
    own = params()
    vocabulary, sequences = data(sentences(40), own)
    model = Autoencoder(own, vocabulary, seed=1)
    found = reconstruct(model, sequences, vectors(model, sequences))
    scores, intervals = found.scores(), found.intervals(seed=1)
    pairs = list(zip(found.own, sequences, strict=True))
    assert scores["exact_match"] == np.mean([np.array_equal(a, b) for a, b in pairs])
    assert found.by_length(3, own.max_length)["n"].sum() == len(sequences)
    for name in ("token_accuracy", "edit_distance"):
        assert intervals[f"{name}_low"] <= scores[name] <= intervals[f"{name}_high"]
    loss, symbols = total_loss(model, sequences, vectors(model, sequences))
    assert loss == found.loss and symbols == sum(len(s) + 1 for s in sequences)
    assert loss / symbols == pytest.approx(np.log(model.classes), rel=0.1)  # untrained


def test_bleu_is_one_for_the_same_and_known_for_a_sentence_by_hand() -> None:
    true = [np.array([1, 2, 3, 4, 5, 6])]
    assert bleu(true, true) == 1
    # right runs: 5 of 6, 4 of 5, 3 of 4, 2 of 3
    own = [np.array([1, 2, 3, 4, 5, 0])]
    assert bleu(true, own) == pytest.approx((5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25)
    assert bleu([np.array([1, 2])], [np.array([1, 2])]) == 1  # shorter than four


def test_rounded_vectors_are_near_and_the_nearer_the_more_bits() -> None:
    latent = torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
    latent[:, 3] = 2.0  # a number that is always the same
    low, high = latent.amin(dim=0), latent.amax(dim=0)
    for bits in (1, 4, 8):
        rounded = quantised(latent, bits, latent)
        width = (high - low) / (2**bits - 1)
        assert ((rounded - latent).abs() <= width / 2 + 1e-6).all()
        assert all(len(column.unique()) <= 2**bits for column in rounded.T)
    beyond = quantised(latent * 100, 4, latent)
    assert (beyond >= low).all() and (beyond <= high + 1e-6).all()


def test_no_sequence_is_in_two_splits_and_long_sentences_are_cut_between_words() -> None:
    lines = {
        "train": ["the cat sat", "the cat sat", "the cat sat on a mat for a while"],
        "valid": ["the cat sat", "a dog"],
        "test": ["a dog", "the cat sat", "a bird"],
    }
    own = params(long_sentences="cut", max_length=15)
    assert ["".join(symbols) for symbols in symbols_of(lines["train"], own)] == [
        "the cat sat",
        "the cat sat on",
    ]
    found = sequence_splits(lines, own, seed=1)
    assert (len(found.train), len(found.valid), len(found.test)) == (2, 1, 1)
    with pytest.raises(UserError, match=r"autoencoder\.max_length: .*test split"):
        sequence_splits({**lines, "test": ["a dog"]}, own, seed=1)
