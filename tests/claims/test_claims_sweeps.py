"""Claims of params/sweeps.py that tests of the sweeps themselves do not hold."""

import re
import shutil

import numpy as np
import pytest
from dvc.utils.hydra import apply_overrides

from wordlab.errors import UserError
from wordlab.params.derived import value
from wordlab.params.embeddings import (
    CooccurrenceParams,
    GloveParams,
    PpmiParams,
    Word2vecParams,
)
from wordlab.params.sweeps import Range
from wordlab.params.whole import Params, load
from wordlab.pipeline.declared import declaration


@pytest.fixture
def changed(tmp_path, repository):
    """Return a function: the shipped params after changes as `-S` of DVC takes them."""

    def change(*changes):
        path = tmp_path / "params.yaml"
        shutil.copy(repository / "params.yaml", path)
        apply_overrides(str(path), list(changes))
        return load(path)

    return change


def trials(params):
    """Return the settings of every sweep's first trial, section by section."""
    word2vec, glove, ppmi = params.sweep_word2vec, params.sweep_glove, params.sweep_ppmi
    first = {name: tried[0] for name, tried in word2vec.tried("skipgram").items()}
    counted = {name: tried[0] for name, tried in glove.tried("glove").items()}
    weighed = {name: tried[0] for name, tried in ppmi.tried("ppmi_svd").items()}
    return [
        word2vec.settings(Word2vecParams, first),
        glove.settings(CooccurrenceParams, counted),
        glove.settings(GloveParams, counted),
        ppmi.settings(PpmiParams, weighed),
    ]


def test_what_a_sweep_does_not_set_is_the_pipeline_s(changed):
    """sweep_word2vec and sweep_glove: fixed."""
    changes = (
        "word2vec.shared.negatives=9",
        "cooccurrence.side=left",
        "glove.exponent=0.5",
        "ppmi.add_contexts=true",
    )
    before, after = trials(changed()), trials(changed(*changes))
    for was, now, (name, new) in zip(
        before,
        after,
        [("negatives", 9), ("side", "left"), ("exponent", 0.5), ("add_contexts", True)],
        strict=True,
    ):
        assert now == was.model_copy(update={name: new})


@pytest.mark.parametrize(
    "change",
    [
        "word2vec.shared.window=4",
        "word2vec.shared.dimensions=30",
        "word2vec.skipgram.rate=0.01",
        "word2vec.shared.score_epochs=true",
        "cooccurrence.window=4",
        "cooccurrence.memory_mb=64",
        "glove.iterations=3",
        "glove.x_max=50.0",
        "ppmi.shift=3",
        "ppmi.context_exponent=0.5",
    ],
)
def test_no_sweep_runs_again_for_a_setting_that_it_chooses_itself(
    changed, tmp_path, repository, change
):
    """What dvc.yaml has the stages depend on stays, and so do the settings of all trials."""
    before, after = changed(), changed(change)
    paths = repository / "dvc.yaml", tmp_path / "params.yaml"
    for stage in ("sweep_word2vec", "sweep_glove", "sweep_ppmi"):
        declared = declaration(stage, *paths).params
        assert declared == declaration(stage, paths[0], repository / "params.yaml").params
    same = {"memory_mb": 1, "score_epochs": False}
    for was, now in zip(trials(before), trials(after), strict=True):
        assert was.model_copy(update=same) == now.model_copy(update=same)


def test_null_leaves_a_setting_to_the_grid(changed):
    """sweep_word2vec, sweep_glove and sweep_ppmi: fixed."""
    for sweep in ("sweep_word2vec", "sweep_glove", "sweep_ppmi"):
        tried = (f"+{sweep}.grid.dimensions=[2,3]", f"{sweep}.fixed.dimensions=null")
        found = getattr(changed(*tried), sweep)
        assert found.grid["dimensions"] == (2, 3)
        assert "dimensions" not in found.fixed


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("~sweep_word2vec.grid.window", r"sweep_word2vec\.window: missing; expected in `grid`"),
        ("~sweep_ppmi.grid.shift", r"sweep_ppmi\.shift: missing; expected in `grid`"),
        ("~sweep_glove.grid.x_max", r"sweep_glove\.x_max: missing; expected in `grid` or in"),
    ],
)
def test_what_a_sweep_chooses_itself_has_to_be_there(changed, change, problem):
    """sweep_word2vec and sweep_glove: grid."""
    with pytest.raises(UserError) as caught:
        changed(change)
    assert re.search(problem, str(caught.value))
    assert len(str(caught.value).splitlines()) == 1


def test_the_pipeline_s_own_settings_are_among_those_tried_at_its_own_epochs(changed):
    """The shipped grids lie around the pipeline's settings."""
    params = changed()
    for model in ("skipgram", "cbow"):
        own, tried = getattr(params.word2vec, model), params.sweep_word2vec.tried(model)
        assert all(getattr(own, name) in values for name, values in tried.items())
        for name in ("window", "rate"):
            assert min(tried[name]) < getattr(own, name) < max(tried[name])
        assert params.sweep_word2vec.fixed["epochs"] == own.epochs
    glove = params.sweep_glove.grid
    assert params.cooccurrence.window in glove["window"]
    assert params.glove.x_max in glove["x_max"]
    assert params.sweep_glove.fixed["iterations"] == params.glove.iterations
    ppmi = params.sweep_ppmi.grid
    assert params.cooccurrence.window in ppmi["window"]
    assert params.ppmi.context_exponent in ppmi["context_exponent"]
    assert params.ppmi.shift in ppmi["shift"]


def test_the_values_of_a_range_are_even_or_even_in_the_logarithm():
    """sweep_recurrent.space."""
    places = np.linspace(0, 1, 5)
    even = Range(low=10, high=50, log=False)
    assert [value(even, place) for place in places] == [10, 20, 30, 40, 50]
    log = Range(low=0.001, high=0.1, log=True)
    found = np.array([value(log, place) for place in places])
    np.testing.assert_allclose(found[1:] / found[:-1], 10**0.5, rtol=1e-4)


def test_every_sweep_s_params_survive_being_written_and_read(changed):
    params = changed()
    assert Params.model_validate(params.model_dump()) == params
