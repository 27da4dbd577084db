"""Several trainings of one model: their seeds, their files, and what an interrupted stage keeps."""

import numpy as np
import pytest
import test_glove
import test_word2vec

from wordlab import rng
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings import glove
from wordlab.embeddings.vectors import Vectors, load_trainings, save_trainings
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.errors import UserError

counts = test_glove.counts


def test_more_seeds_begin_with_the_same_ones_and_the_first_is_the_seed_itself():
    assert rng.seeds(7, 1) == [7]
    assert rng.seeds(7, 5)[:3] == rng.seeds(7, 3)
    assert len({*rng.seeds(7, 5), *rng.seeds(8, 5)}) == 10


def test_trainings_come_back_in_order_and_the_folder_is_that_of_the_first(tmp_path):
    vocabulary = Vocabulary(("a", "b"), np.array([2, 1]))
    made = [
        Vectors(vocabulary, np.full((2, 3), n, dtype=np.float32), {"seed": n}) for n in range(12)
    ]
    save_trainings(tmp_path / "many", made)
    found = load_trainings(tmp_path / "many")
    assert [vectors.matrix[0, 0] for vectors in found] == list(range(12))
    assert [vectors.description["seed"] for vectors in found] == list(range(12))
    assert Vectors.load(tmp_path / "many").matrix.tobytes() == made[0].matrix.tobytes()
    made[3].save(tmp_path / "one")
    (alone,) = load_trainings(tmp_path / "one")
    assert alone.matrix[0, 0] == 3


def test_each_training_of_a_stage_has_a_checkpoint_that_goes_with_the_stage_s(tmp_path):
    whole = Checkpoint(tmp_path / "train_glove-1a2b.safetensors")
    parts = [whole.part(number) for number in (1, 2)]
    for number, part in enumerate(parts):
        assert part.resume(str) is None
        part.save({"weights": {"w": np.array([number])}}, {"number": number})
    assert [part.resume(str)[1]["number"] for part in parts] == [0, 1]
    whole.clear()
    assert [part.resume(str) for part in parts] == [None, None]
    assert Checkpoint().part(1).path is None


def test_word2vec_that_has_ended_is_not_trained_again(tmp_path, monkeypatch):
    checkpoint, first, second = Checkpoint(tmp_path / "c"), [], []
    made = test_word2vec.train(checkpoint=checkpoint, on_epoch=lambda *step: first.append(step))
    monkeypatch.setattr(word2vec.Training, "stretch", untouched)
    again = test_word2vec.train(checkpoint=checkpoint, on_epoch=lambda *step: second.append(step))
    assert test_word2vec.digest(again) == test_word2vec.digest(made)
    assert second == first


def test_glove_that_has_ended_is_not_trained_again(counts, tmp_path, monkeypatch):
    checkpoint, first, second = Checkpoint(tmp_path / "c"), [], []
    given = {"seed": 0, "checkpoint": checkpoint}
    params = test_glove.settings()
    made = glove.train(counts, params, on_iteration=lambda *step: first.append(step), **given)
    monkeypatch.setattr(glove, "_iterate", untouched)
    again = glove.train(counts, params, on_iteration=lambda *step: second.append(step), **given)
    assert again.matrix.tobytes() == made.matrix.tobytes()
    assert again.description == made.description
    assert second == first


def untouched(*arguments):
    pytest.fail("trained again")


def test_a_folder_that_is_missing_is_named(tmp_path):
    for load in (Vectors.load, load_trainings):
        with pytest.raises(UserError, match="absent: no word vectors here"):
            load(tmp_path / "absent")
