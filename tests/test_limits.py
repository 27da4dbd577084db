"""Values that cannot work are refused in one line, before memory is taken."""

import numpy as np
import pytest

from small_pipeline import shrink
from wordlab import progress
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.glove_parts import Parts
from wordlab.embeddings.word2vec import engines
from wordlab.errors import UserError
from wordlab.params.language import DecodingParams
from wordlab.params.whole import load
from wordlab.processes import Group
from wordlab.recurrent.batches import Text
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies.autoencoder import study

WORDS = Vocabulary(("a", "b", "c"), np.array([3, 2, 1]))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("seed", 2**31),
        ("word2vec.shared.window", 2**31),
        ("word2vec.shared.negatives", 2**31 - 1),
        ("word2vec.shared.epochs", 2**40),
        ("cooccurrence.window", 10**9),
        ("cooccurrence.memory_mb", 2**40),
        ("language_model.shared.hidden_size", 2**40),
        ("language_model.shared.bptt_length", 2**31),
        ("generation.temperature", 1e308),
        ("generation.beam_width", 10**6),
        ("generation.length", 2**31),
        ("evaluation.resamples", 2**33),
        ("sweep_recurrent.trees", 2**33),
    ],
)
def test_a_number_that_nothing_can_hold_is_one_line(place, value, repository, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text((repository / "params.yaml").read_text())
    changes = value
    for key in reversed(place.split(".")):
        changes = {key: changes}
    shrink(path, changes)
    with pytest.raises(UserError) as refused:
        load(path)
    lines = str(refused.value).splitlines()
    assert all(f"{place}: expected less than or equal to " in line for line in lines)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"hidden_size": 100_000}, "hidden_size"),
        ({"embedding_size": 100_000_000}, "embedding_size"),
        ({"layers": 100_000_000}, "layers"),
    ],
)
def test_a_network_without_room_is_refused_before_it_is_made(changes, param, network, monkeypatch):
    monkeypatch.setattr(progress, "free_memory", lambda: 2.0**30)
    with pytest.raises(UserError, match=rf"^{param}: needs [\d.,]+ GiB of memory or more, 1\.0 "):
        LanguageModel(network(**{"tied": False, **changes}), WORDS, "word", seed=1)


def test_a_batch_of_windows_without_room_is_refused(network, monkeypatch):
    monkeypatch.setattr(progress, "free_memory", lambda: 2.0**20)
    text = Text(np.zeros(100, np.int64), np.zeros(1, np.int64))
    with pytest.raises(UserError, match="^batch_size: needs "):
        text.examples(network(examples="windows", batch_size=1_000_000), 1, 1)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"embedding_size": 100_000_000}, "embedding_size"),
        ({"hidden_size": 100_000}, "hidden_size"),
        ({"latent_size": 10_000_000}, "latent_sizes"),
        ({"hidden_size": 8000, "batch_size": 10_000_000}, "batch_size"),
    ],
)
def test_an_autoencoder_without_room_is_refused(changes, param, repository, monkeypatch):
    monkeypatch.setattr(progress, "free_memory", lambda: 2.0**30)
    params = study.network(load(repository / "params.yaml").autoencoder, "gru", 8)
    sequences = [np.zeros(10, np.int64)] * 20_000
    splits = study.SequenceSplits(WORDS, sequences, sequences, sequences, {})
    study.require_room(params, splits)
    with pytest.raises(UserError, match=rf"^autoencoder\.{param}: needs [\d.,]+ GiB "):
        study.require_room(params.model_copy(update=changes), splits)


def test_vectors_without_room_are_refused(repository, monkeypatch):
    monkeypatch.setattr(progress, "free_memory", lambda: 2.0**20)
    with pytest.raises(UserError, match=r"^word2vec\.dimensions: needs "):
        engines.initial_weights(10_000, 10_000, 1)
    params = load(repository / "params.yaml").glove.model_copy(update={"dimensions": 10_000_000})
    with pytest.raises(UserError, match=r"^glove\.dimensions: needs "):
        Parts(3, 1, params, 1, Group())


def test_what_is_free_is_less_in_a_group_with_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "GROUP", tmp_path)
    whole = progress.free_memory()
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("400\n")
    assert progress.free_memory() == 600 < whole
    (tmp_path / "memory.stat").write_text("anon 100\ninactive_file 150\n")
    assert progress.free_memory() == 750
    (tmp_path / "memory.max").write_text("max\n")
    assert progress.free_memory() > 600


@pytest.mark.parametrize(("temperature", "strategy"), [(1e-300, "greedy"), (0.5, "sample")])
def test_a_sample_near_a_temperature_of_0_is_greedy(temperature, strategy):
    given = {"strategy": "sample", "temperature": temperature}
    decoding = DecodingParams(**given, top_k=None, top_p=1.0, beam_width=1)
    assert decoding.strategy == strategy
