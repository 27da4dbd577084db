"""What a pass will take: the stages that run, and estimates in proportion to what they go over."""

import math
from pathlib import Path

import mlflow
import pytest

from wordlab.cli import pipeline as commands
from wordlab.errors import Notice, UserError
from wordlab.params import merged, scales
from wordlab.params.whole import PARAMS, Params, load, read
from wordlab.pipeline import plan, publish, store
from wordlab.pipeline.declared import declaration, stages
from wordlab.pipeline.work import product, size, work

TOKENS = 10_000.0


@pytest.fixture(autouse=True)
def in_the_repository(repository, monkeypatch):
    """Run in this repository, with no stage changed and no runs of its own."""
    monkeypatch.chdir(repository)
    monkeypatch.setattr(plan, "_changed", set)
    monkeypatch.setattr(plan, "measured", lambda database: {})
    monkeypatch.setattr(plan, "thread_count", lambda: 1)


def took(stage, *overrides):
    """Return the seconds of a stage's work by the plan, with params overridden."""
    (found,) = [one for one in plan.planned([stage], overrides) if one.stage == stage]
    return found.seconds - plan.FIXED - plan.START


@pytest.mark.parametrize(
    ("stage", "override", "times"),
    [
        ("train_word2vec@skipgram", "word2vec.shared.epochs=200", 10),
        ("train_glove", "glove.iterations=45", 3),
        ("train_glove", "vector_seeds=6", 2),
        ("draw_word2vec", "draws.count=24", 3),
        ("draw_ppmi", "draws.count=4", 1 / 2),
        ("train_lm@gru", "language_model.shared.epochs=40", 10),
        ("train_char_lm", "character_model.epochs=1000", 1000),
        ("study_autoencoder", "autoencoder.latent_sizes.gru=[8]", 3 / 5),
        ("sweep_word2vec", "sweep_word2vec.grid.window=[10]", 1 / 3),
        ("sweep_glove", "sweep_glove.seeds=4", 2),
        ("study_cells", "cell_study.seeds=6", 2),
    ],
)
def test_time_is_in_proportion_to_what_a_stage_goes_over(stage, override, times, monkeypatch):
    monkeypatch.setattr(plan, "_changed", lambda: set(stages()))
    assert took(stage, override) == pytest.approx(times * took(stage), rel=0.01)


def ahead(stage, **changes):
    """Return the work of a stage with sections of the params changed."""
    return work(stage, Params.model_validate(merged(read(PARAMS), changes)), TOKENS)


@pytest.mark.parametrize(
    ("stage", "changes"),
    [
        ("sweep_recurrent", lambda n: {"sweep_recurrent": {"seeds": n}}),
        ("sweep_recurrent", lambda n: {"sweep_recurrent": {"winner_seeds": n}}),
        ("study_cells", lambda n: {"cell_study": {"tasks": {"steps": 100 * n}}}),
        ("study_cells", lambda n: {"cell_study": {"train_tokens": 10_000 * n}}),
        ("study_gradients", lambda n: {"gradient_study": {"truncation": {"seeds": n}}}),
        ("study_gradients", lambda n: {"gradient_study": {"training": {"epochs": n}}}),
        ("study_gradients", lambda n: {"gradient_study": {"tasks": {"steps": 100 * n}}}),
    ],
)
def test_where_a_stage_does_several_things_each_adds_its_part(stage, changes):
    three, six, nine = (product(ahead(stage, **changes(number))) for number in (3, 6, 9))
    assert 0 < six - three < three
    assert nine - six == pytest.approx(six - three)


def test_a_wider_network_takes_longer_but_not_in_proportion():
    """Trials of the default sweep read 54,000 and 38,000 tokens per second at 32 and 64 units."""
    narrow, wide = (
        product(ahead("sweep_recurrent", sweep_recurrent={"space": {"hidden_size": [size]}}))
        for size in (32, 64)
    )
    assert wide / narrow == pytest.approx(54 / 38, rel=0.1)


def test_threads_share_what_they_can():
    params, rate = load(PARAMS), plan.Rate(42.0, 700.0, 1.0, 1.0, threads=2)
    for stage, seconds in (("study_cells", 80), ("train_lm@gru", 60), ("report", 40)):
        own = work(stage, params, TOKENS)
        found = plan.estimate(stage, own, {stage: rate._replace(work=product(own))})
        assert found.seconds - plan.FIXED - plan.START == pytest.approx(seconds)


def test_a_larger_text_takes_longer_and_more_memory():
    params, rate = load(PARAMS), plan.Rate(20.0, 700.0, 1e9, 1e6)
    fewer_new_pairs = 7**0.85
    for stage, times in {
        "train_word2vec@cbow": 7, "train_lm@lstm": 7, "cooccurrence": fewer_new_pairs,
    }.items():  # fmt: skip
        small, large = (
            plan.estimate(stage, work(stage, params, tokens), {stage: rate})
            for tokens in (TOKENS, 7 * TOKENS)
        )
        small_work, large_work = (one.seconds - plan.FIXED - plan.START for one in (small, large))
        assert large_work == pytest.approx(times * small_work)
        small_memory, large_memory = (one.mib - plan.NETWORKS for one in (small, large))
        assert large_memory == pytest.approx(times * small_memory)


@pytest.mark.parametrize("scale", ["", *scales.summaries()])
def test_every_stage_of_every_scale_has_an_estimate(scale, repository):
    over = [repository / "scales" / f"{scale}.yaml"] if scale else []
    params = load(PARAMS, *over)
    for stage in stages():
        found = plan.estimate(stage, work(stage, params, TOKENS), {})
        assert 0 < found.seconds < math.inf
        assert plan.BASE <= found.mib < math.inf
        assert stage in plan.shipped()


@pytest.mark.parametrize(
    ("scale", "tokens", "least", "most"), [("hour", 470e3, 50, 75), ("wikipedia", 17e6, 120, 180)]
)
def test_scales_take_the_time_that_they_promise(
    scale, tokens, least, most, repository, monkeypatch
):
    monkeypatch.setattr(plan, "thread_count", lambda: 2)
    params = load(PARAMS, repository / "scales" / f"{scale}.yaml")
    found = [plan.estimate(stage, work(stage, params, tokens), {}) for stage in stages()]
    assert 60 * least < sum(one.seconds for one in found) < 60 * most


def test_a_file_that_becomes_the_text_is_counted_by_its_size(tmp_path):
    text = tmp_path / "text.txt"
    text.write_bytes(b"six   " * 300)
    first = plan.planned((), ["corpus.source=file", f"corpus.path={text}"])[0]
    assert (first.stage, dict(first.work)) == ("download", {"tokens": 300})
    packed = text.rename(tmp_path / "text.txt.xz")
    first = plan.planned((), ["corpus.source=file", f"corpus.path={packed}"])[0]
    assert dict(first.work) == {"tokens": 1200}
    (tmp_path / "more.txt.xz").write_bytes(packed.read_bytes())
    first = plan.planned((), ["corpus.source=file", f'corpus.path="{tmp_path}/*.xz"'])[0]
    assert dict(first.work) == {"tokens": 2400}


def test_a_text_of_unknown_size_is_said_to_be_one():
    with pytest.warns(Notice, match="the size of gensim:text8 is not known before it is read"):
        first = plan.planned((), ["corpus.source=gensim:text8"])[0]
    assert first.stage == "download"


def test_stages_after_one_that_changed_run_too():
    assert plan.planned((), ()) == []
    assert [one.stage for one in plan.planned((), ["explorer.words=100"])] == ["explore"]
    found = [one.stage for one in plan.planned((), ["glove.rate=0.2"])]
    assert found[:2] == ["train_glove", "evaluate_embeddings"]
    assert found[-2:] == ["report", "explore"]
    assert "train_ppmi" not in found
    of_target = plan.planned(["train_word2vec"], ["vocabulary.min_count=7", "glove.rate=0.2"])
    assert [one.stage for one in of_target] == [
        "build_vocab", "train_word2vec@cbow", "train_word2vec@skipgram", "train_word2vec@subword"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("targets", "overrides", "message"),
    [
        (["train_elmo"], [], "train_elmo: no such stage; expected one of download, preprocess"),
        ([], ["glove.rats=0.2"], "glove.rats"),
        ([], ["glove.rate=high"], "params.yaml: glove.rate: expected a valid number, got 'high'"),
        ([], ["glove"], "glove"),
    ],
)
def test_a_mistake_is_one_line(targets, overrides, message):
    with pytest.raises(UserError) as refused:
        plan.planned(targets, overrides)
    assert message in str(refused.value) and "/params.yaml" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_last_run_here_is_the_rate(tmp_path, monkeypatch, capsys):
    monkeypatch.undo()
    monkeypatch.setattr(plan, "_changed", lambda: {"report"})
    database = tmp_path / "mlflow.db"
    client = mlflow.MlflowClient(f"sqlite:///{database}")
    experiment = client.create_experiment(store.EXPERIMENT)
    ahead = work("train_glove", load(PARAMS), TOKENS)
    for seconds, status in ((500.0, "FINISHED"), (50.0, "FINISHED"), (5.0, "FAILED")):
        run = client.create_run(experiment, tags={"wordlab.stage": "train_glove"}).info.run_id
        numbers = {"wall_seconds": seconds, "peak_memory_mib": 300.0,
                   "plan.work": product(ahead), "plan.size": size(ahead),
                   "plan.threads": 2}  # fmt: skip
        for name, value in numbers.items():
            client.log_metric(run, name, value)
        client.set_terminated(run, status)
    here = plan.measured(database)
    assert here == {"train_glove": plan.Rate(50.0, 300.0, product(ahead), size(ahead), 2)}
    monkeypatch.setattr(plan, "thread_count", lambda: 2)
    found = plan.estimate("train_glove", ahead, here)
    assert (found.seconds, found.mib, found.here) == (50.0 + plan.FIXED, 300.0, True)
    commands.plan(["report"], [])
    printed = capsys.readouterr().out
    assert "\n1 stage: about" in printed
    assert plan.measured(tmp_path / "none.db") == {}


def test_a_result_took_all_goes_since_the_result_before(tmp_path):
    database = tmp_path / "mlflow.db"
    client = mlflow.MlflowClient(f"sqlite:///{database}")
    experiment = client.create_experiment(store.EXPERIMENT)
    ended = [
        ("train_glove", 10, 100, "FINISHED"), ("train_glove", 200, 230, "KILLED"),
        ("train_ppmi", 210, 250, "FINISHED"), ("train_glove", 240, 300, "FINISHED"),
        ("train_ppmi", 400, 410, "FAILED"),
    ]  # fmt: skip
    for stage, start, end, status in ended:
        run = client.create_run(experiment, 1000 * start, {"wordlab.stage": stage}).info.run_id
        client.set_terminated(run, status, 1000 * end)
    goes = plan.goes(database)
    assert goes == {"train_glove": [(200, 230), (240, 300)], "train_ppmi": [(210, 250)]}
    assert publish.covered([go for of in goes.values() for go in of]) == 100
    assert plan.goes(tmp_path / "none.db") == {}


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.2, "1 seconds"), (90, "90 seconds"), (600, "10 minutes"), (3 * 86400, "3 days")],
)
def test_a_duration_is_in_the_unit_that_suits_it(seconds, shown):
    assert plan.duration(seconds) == shown


def test_the_items_of_a_stage_may_be_those_of_a_mapping_of_params(tmp_path):
    pipeline, params = tmp_path / "dvc.yaml", tmp_path / "params.yaml"
    pipeline.write_text("stages: {watch: {foreach: '${a.b}', do: {deps: ['${item}']}}, other: {}}")
    params.write_text("a: {b: {first: /one, second: /two}}")
    assert stages(pipeline, params) == ["watch@first", "watch@second", "other"]
    assert declaration("watch@second", pipeline, params).inputs == (Path("/two"),)
    params.write_text("a: {b: {}}")
    assert stages(pipeline, params) == ["other"]
