"""Artifacts appear whole or not at all, and have DVC's md5."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from wordlab import artifacts, checkpoints
from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError


def test_what_was_there_stays_when_the_writer_fails(tmp_path):
    path = tmp_path / "result.json"
    artifacts.write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), artifacts.replacing(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert artifacts.read_json(path) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_a_new_folder_takes_the_place_of_the_old_with_nothing_left_over(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    (path / "old.npy").write_text("old")
    with artifacts.replacing(path) as partial:
        partial.mkdir()
        (partial / "new.npy").write_text("new")
    assert [file.name for file in path.iterdir()] == ["new.npy"]


def test_an_output_that_was_never_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone"), artifacts.replacing(tmp_path / "gone"):
        pass


def test_the_md5_of_a_folder_is_the_one_of_dvcs_listing(tmp_path):
    folder = tmp_path / "folder"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "x").write_bytes(b"1")
    (folder / "a.txt").write_bytes(b"2")
    listing = [
        {"md5": hashlib.md5(b"1").hexdigest(), "relpath": "a/x"},
        {"md5": hashlib.md5(b"2").hexdigest(), "relpath": "a.txt"},
    ]
    expected = hashlib.md5(json.dumps(listing).encode()).hexdigest() + ".dir"
    assert artifacts.md5(folder) == expected


def test_a_missing_input_is_told_with_what_makes_it(tmp_path):
    with pytest.raises(UserError, match="dvc repro"):
        artifacts.md5(tmp_path / "gone")


def test_rounding_reaches_every_depth_and_turns_nan_into_none():
    metrics = {"a": {"b": 0.1234567, "n": np.int64(3)}, "c": [float("nan"), 1.00001]}
    assert artifacts.rounded(metrics) == {"a": {"b": 0.12346, "n": 3}, "c": [None, 1.0]}


def test_nan_is_refused_in_json_and_objects_in_arrays(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        artifacts.write_json(tmp_path / "x.json", {"a": float("nan")})
    with pytest.raises(ValueError, match="[Oo]bject"):
        artifacts.write_array(tmp_path / "x.npy", np.array([{}], dtype=object))


def test_a_word_is_read_as_it_was_written_and_an_empty_cell_as_nan(tmp_path):
    words, numbers = ["null", "nan", "NA", "None", np.nan], [np.nan, np.inf, -np.inf, 1.5, 2]
    table = pd.DataFrame({"word": words, "number": numbers})
    artifacts.write_table(tmp_path / "x.csv", table)
    pd.testing.assert_frame_equal(artifacts.read_table(tmp_path / "x.csv"), table)


def test_a_checkpoint_gives_back_what_was_saved_last_of_its_recipe(tmp_path):
    checkpoint = Checkpoint(tmp_path / "deep" / "training.safetensors")
    assert checkpoint.resume(lambda: {"sizes": (1, 2)}) is None
    checkpoint.save({"weights": {"w": np.zeros(2, np.float32)}}, {"epoch": 1})
    last = {"weights": {"w": np.arange(3, dtype=np.float32)}, "none": {}}
    checkpoint.save(last, {"epoch": 2, "rng": {"state": 2**70}})
    again = Checkpoint(checkpoint.path)
    assert again.resume(lambda: {"sizes": (1, 3)}) is None
    arrays, state = again.resume(lambda: {"sizes": (1, 2)})
    assert arrays["weights"]["w"].tolist() == [0, 1, 2]
    assert arrays["none"] == {}
    assert state == {"epoch": 2, "rng": {"state": 2**70}}
    checkpoint.clear()
    assert again.resume(lambda: {"sizes": (1, 2)}) is None


def test_a_checkpoint_is_due_again_some_time_after_it_was_saved(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "training.safetensors")
    checkpoint.resume(str)
    assert not checkpoint.due()
    monkeypatch.setattr(checkpoints, "SECONDS", -1.0)
    assert checkpoint.due()


def test_a_damaged_checkpoint_is_no_checkpoint(tmp_path):
    path = tmp_path / "training.safetensors"
    path.write_bytes(b"not a checkpoint")
    assert Checkpoint(path).resume(str) is None
    assert not path.exists()


def test_a_checkpoint_with_any_other_byte_is_no_checkpoint(tmp_path):
    path = tmp_path / "training.safetensors"
    checkpoint = Checkpoint(path)
    checkpoint.resume(str)
    arrays = {"w": np.arange(4, dtype=np.float32), "none": np.empty((0, 3))}
    checkpoint.save({"weights": arrays}, {"epoch": 31})
    whole = path.read_bytes()
    for place in range(8, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        found = Checkpoint(path).resume(str)
        if found is not None:  # a blank of the header's end, say
            assert found[0]["weights"]["w"].tolist() == [0, 1, 2, 3]
            assert found[1] == {"epoch": 31}
    path.write_bytes(whole)
    assert Checkpoint(path).resume(str) is not None


def test_a_checkpoint_without_a_path_keeps_nothing():
    checkpoint = Checkpoint()
    checkpoint.save({"weights": {"w": np.zeros(1)}}, {})
    assert checkpoint.resume(str) is None
    assert not checkpoint.due()
