"""The study of autoencoders: whole, the same again, and its bits add up."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wordlab.checkpoints import NOTHING_KEPT, Checkpoint
from wordlab.params.language import NetworkParams
from wordlab.params.studies import AutoencoderStudyParams
from wordlab.recurrent.batches import alphabet, character_ids
from wordlab.recurrent.language_model import LanguageModel
from wordlab.studies.autoencoder import network as autoencoders
from wordlab.studies.autoencoder.scores import baselines, language_model_bits, unknown_bits
from wordlab.studies.autoencoder.study import AutoencoderStudy, sequence_splits, study

Network = Callable[..., NetworkParams]
TEXT = "a cat sat on the mat by the sea and saw an egg in a hat as it ran to me"
WORDS = TEXT.split()


def lines(seed: int, count: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, size=random.integers(1, 4))) for _ in range(count)]


def params(**changes: Any) -> AutoencoderStudyParams:
    values = {
        "unit": "characters",
        "min_count": 1,
        "max_length": 12,
        "long_sentences": "skip",
        "train_sequences": 40,
        "test_sequences": 15,
        "activation": "tanh",
        "gru_reset": "after",
        "forget_bias": 1.0,
        "initialisation": "uniform",
        "mogrifier_rounds": 2,
        "mogrifier_rank": None,
        "heads": 2,
        "embedding_size": 8,
        "hidden_size": 8,
        "bidirectional": False,
        "reversed_input": False,
        "teacher_forcing": 1.0,
        "weight_decay": 0.0,
        "clip_norm": 1.0,
        "epochs": 1,
        "batch_size": 20,
        "rates": {"rnn": 0.01, "gru": 0.02},
        "latent_sizes": {"rnn": [2, 6], "gru": [2, 6]},
        "latent_bits": [8, 2],
        "length_bins": 3,
    }
    return AutoencoderStudyParams.model_validate({**values, **changes})


def model(network: Network) -> LanguageModel:
    characters = alphabet(["abcdefghimnorstwy "], min_count=1)
    return LanguageModel(network(), characters, "character", 1)


def measure(
    network: Network,
    own: AutoencoderStudyParams,
    trials: list[str],
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> AutoencoderStudy:
    splits = {"train": lines(1, 80), "valid": lines(2, 40), "test": lines(3, 60)}
    return study(
        sequence_splits(splits, own, seed=1),
        model(network),
        own,
        seed=1,
        on_trial=lambda name, settings, metrics: trials.append(name),
        checkpoint=checkpoint,
    )


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_the_study_is_whole_and_its_bits_add_up(
    unit: str, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "1")
    trials: list[str] = []
    own = params(unit=unit)
    found, again = measure(network, own, trials), measure(network, own, [])
    assert trials == ["rnn 2", "rnn 6", "gru 2", "gru 6"] == list(found.models)
    for name, table in found.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[name], check_exact=True)
        assert not any("seconds" in column for column in table)
    rates = found.tables["rates"].set_index(["cell", "latent_size", "precision"])
    assert len(rates) == 4 * 4
    np.testing.assert_allclose(rates["total"], rates["rate"] + rates["correction"])
    precisions = ("float32", "float16", "8 bits", "2 bits")
    whole, half, eight, two = (rates.loc[("gru", 6, name)] for name in precisions)
    assert whole["rate"] == 2 * half["rate"] == 4 * eight["rate"] == 16 * two["rate"]
    assert whole["rate"] == pytest.approx(3 * rates.loc[("gru", 2, "float32")]["rate"])
    assert whole["correction"] == pytest.approx(half["correction"], rel=1e-3)
    assert found.tables["baselines"]["code"].tolist()[-1] == "language model"
    assert found.metrics["gru 6"]["8 bits"]["total"] == eight["total"]
    examples = found.tables["examples"]
    assert examples.groupby(["cell", "latent_size"]).ngroups == len(found.models)
    assert examples.groupby("original").size().nunique() == 1  # each is shown of every network
    splits = {"train": lines(1, 80), "valid": lines(2, 40), "test": lines(3, 60)}
    test = sequence_splits(splits, own, seed=1).texts["test"]
    whole = {one for one in examples["original"] if "\N{LOZENGE}" not in one}  # no unknown symbol
    assert whole
    assert whole <= set(test)


KILLED = """
import sys
from pathlib import Path
sys.path[:0] = {tests!r}
from conftest import SMALL
from test_autoencoder_study import LONG, measure, params
from wordlab import checkpoints
from wordlab.params.language import NetworkParams
checkpoints.SECONDS = -1.0
kept = checkpoints.Checkpoint(Path(sys.argv[1]))
measure(lambda: NetworkParams(**SMALL), params(**LONG), [], kept)
"""
LONG: dict[str, Any] = {"rates": {"gru": 0.02}, "latent_sizes": {"gru": [2]}, "epochs": 60}


def test_killed_within_a_training_and_started_again_it_ends_the_same(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "1")
    kept, script = tmp_path / "kept" / "study-1.safetensors", tmp_path / "script.py"
    folders = Path(__file__).parents[1::-1]  # the conftest of all tests first
    script.write_text(KILLED.format(tests=[str(folder) for folder in folders]))
    killed = subprocess.Popen([sys.executable, str(script), str(kept)])
    while not list(kept.parent.glob("study-1.*.safetensors")) and killed.poll() is None:
        time.sleep(0.005)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    assert not kept.exists()
    begun: list[int] = []
    run_epoch = autoencoders._Training.run_epoch

    def counted(self: Any, *given: Any) -> None:
        begun.append(len(self.epochs))
        run_epoch(self, *given)

    monkeypatch.setattr(autoencoders._Training, "run_epoch", counted)
    resumed = measure(network, params(**LONG), [], Checkpoint(kept))
    assert begun[0] > 0
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]  # what a training had goes
    whole = measure(network, params(**LONG), [])
    for name, table in whole.tables.items():
        pd.testing.assert_frame_equal(resumed.tables[name], table, check_exact=True)


def test_codes_cost_what_they_write(network: Network) -> None:
    codes = baselines(["a cat", "on me"], ["a cat sat on me"] * 5, model(network))
    assert codes["UTF-8"] == 8 * 12 / 10  # two ends of line
    assert codes["primed zlib"] < codes["zlib"]


def test_the_language_models_bits_are_those_of_its_token_losses(network: Network) -> None:
    own = model(network)
    text = "a cat sat"
    ids = character_ids([text], own.vocabulary)[:-1]
    nats = float(own.token_losses(ids).sum(dtype=np.float64))
    assert language_model_bits([text], own) == pytest.approx(nats / np.log(2) + np.log2(10))
    # of two texts each is read from the start, whatever stands beside it
    both = language_model_bits([text, "me"], own)
    alone = language_model_bits(["me"], own) - np.log2(3) + np.log2(10)
    assert both == pytest.approx(language_model_bits([text], own) + alone, rel=1e-5)
    assert unknown_bits(["a\u00e9", "bb"], {"a", "b"}) == 16
