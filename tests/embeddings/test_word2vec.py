import hashlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from wordlab import checkpoints, progress
from wordlab.checkpoints import Checkpoint
from wordlab.corpus.corpus import EncodedCorpus
from wordlab.corpus.vocabulary import UNKNOWN, Vocabulary
from wordlab.embeddings.word2vec import training as word2vec
from wordlab.errors import UserError
from wordlab.params.embeddings import Word2vecParams

OUTPUTS = ["negative_sampling", "hierarchical_softmax", "full_softmax"]
ARCHITECTURES = ["skipgram", "cbow"]


def params(**changes):
    values = {
        "dimensions": 16, "window": 3, "dynamic_window": True, "output": "negative_sampling",
        "negatives": 5, "noise_exponent": 0.75, "subsample": 1e-2, "subsample_formula": "reference",
        "rate": 0.05, "rate_floor": 1e-4, "epochs": 3, "cbow_gradient": "reference",
        "vectors": "input", "score_epochs": False,
    }  # fmt: skip
    return Word2vecParams(**(values | changes))


def corpus_of_topics(tokens=12_000, topics=6, words=60, seed=0):
    """Return documents that each speak of one topic, in words of that topic; 3 % are unknown."""
    generator = np.random.default_rng(seed)
    ends = np.arange(40, tokens + 1, 40)
    topic = np.repeat(generator.integers(0, topics, len(ends)), 40)
    ids = (generator.integers(0, words // topics, len(topic)) * topics + topic).astype(np.int32)
    ids[generator.random(len(ids)) < 0.03] = UNKNOWN
    corpus = EncodedCorpus(ids, ends, ends)
    counts = np.bincount(ids[ids >= 0], minlength=words)
    return corpus, Vocabulary(tuple(f"t{i % topics}_{i}" for i in range(words)), counts)


def train(changes=None, architecture="skipgram", seed=1, threads=1, data=None, **options):
    corpus, vocabulary = data or corpus_of_topics()
    return word2vec.train(
        corpus, vocabulary, params(**(changes or {})),
        architecture=architecture, seed=seed, threads=threads, **options,
    )  # fmt: skip


def digest(vectors):
    return hashlib.md5(vectors.matrix.tobytes()).hexdigest()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("output", OUTPUTS)
def test_any_number_of_threads_gives_the_same_bytes_and_another_seed_others(
    architecture, output, monkeypatch
):
    changes = {"output": output, "rate": 0.01, "epochs": 1}
    monkeypatch.setattr(progress, "core_count", lambda: 8)  # threads beyond the cores are real
    found = [digest(train(changes, architecture, threads=threads)) for threads in (1, 2, 3, 8)]
    assert len(set(found)) == 1
    assert digest(train(changes, architecture, seed=2)) != found[0]


@pytest.mark.parametrize(("asked", "cores", "used"), [(8, 2, 2), (2, 8, 2), (None, 3, 3)])
def test_there_are_no_more_threads_than_cores(asked, cores, used, monkeypatch):
    monkeypatch.delenv("WORDLAB_THREADS", raising=False)
    monkeypatch.setattr(progress, "core_count", lambda: cores)
    training = word2vec.Training(*corpus_of_topics(), params(), "skipgram", 1, asked)
    assert training.threads == used


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("output", OUTPUTS)
def test_the_loss_falls_and_words_of_a_topic_come_together(architecture, output):
    steps = []
    vectors = train(
        {"output": output, "epochs": 8}, architecture,
        on_epoch=lambda step, metrics: steps.append((step, metrics)),
    )  # fmt: skip
    assert [step for step, _ in steps] == list(range(1, 9))
    losses = [metrics["loss"] for _, metrics in steps]
    assert losses[-1] < losses[0] - 0.05
    nearest = [vectors.neighbours(f"t{i % 6}_{i}", 3) for i in range(60)]
    same = [word[:2] == f"t{i % 6}" for i, near in enumerate(nearest) for word, _ in near]
    assert np.mean(same) > 0.9


def test_the_first_loss_is_that_of_even_odds():
    """At rate ~0 all scores stay ~0, so that each of 1 + K words costs log 2."""
    losses = []
    train({"rate": 1e-9, "epochs": 1}, on_epoch=lambda _, metrics: losses.append(metrics["loss"]))
    assert losses[0] == pytest.approx(6 * np.log(2), rel=0.02)


def test_the_description_tells_the_settings():
    vectors = train({"epochs": 1}, "cbow", threads=2)
    assert vectors.description["model"] == "word2vec"
    assert vectors.description["architecture"] == "cbow"
    assert vectors.description["window"] == 3
    assert "threads" not in vectors.description


def test_the_sum_is_that_of_inputs_and_outputs():
    found = {kind: train({"vectors": kind}).matrix for kind in ("input", "output", "sum")}
    np.testing.assert_array_equal(found["sum"], found["input"] + found["output"])
    assert not np.array_equal(found["input"], found["output"])


def test_the_two_gradients_of_cbow_differ_and_skipgram_has_no_use_for_them():
    def both(architecture):
        kinds = ("reference", "corrected")
        return {digest(train({"cbow_gradient": kind}, architecture)) for kind in kinds}

    assert (len(both("cbow")), len(both("skipgram"))) == (2, 1)


def test_windows_do_not_cross_documents():
    """Two words that meet across document bounds only are never paired."""
    tokens = np.tile(np.array([0, 0, 1, 1], dtype=np.int32), 100)
    ends = np.arange(2, 401, 2)
    data = EncodedCorpus(tokens, ends, ends), Vocabulary(("a", "b"), np.array([200, 200]))
    settings = {"output": "full_softmax", "subsample": 0.0, "epochs": 30}
    losses = []
    train(settings, data=data, on_epoch=lambda _, metrics: losses.append(metrics["loss"]))
    assert losses[-1] < 0.05  # each word's only neighbour is itself


def test_long_documents_are_not_cut(monkeypatch):
    corpus, vocabulary = corpus_of_topics(4000)
    whole = EncodedCorpus(corpus.tokens, np.array([4000]), np.array([4000]))
    counts = []
    for stretch in (word2vec.STRETCH, 500):
        monkeypatch.setattr(word2vec, "STRETCH", stretch)
        training = word2vec.Training(
            whole, vocabulary, params(subsample=0.0, dynamic_window=False), "skipgram", 1, 1
        )
        counts.append(
            sum(
                training.stretch(0, start, min(4000, start + stretch))[1]
                for start in range(0, 4000, stretch)
            )
        )
    known = int((corpus.tokens != UNKNOWN).sum())
    assert counts == [6 * known - 12] * 2


@pytest.mark.parametrize("vectors", ["input", "sum"])
def test_a_training_that_ended_is_left_whole(monkeypatch, vectors):
    corpus, vocabulary = corpus_of_topics(400)
    ended, run = [], word2vec.Training.run
    monkeypatch.setattr(
        word2vec.Training, "run", lambda self, *given: (ended.append(self), run(self, *given))
    )
    settings = params(vectors=vectors)
    found = word2vec.train(corpus, vocabulary, settings, architecture="skipgram", seed=1)
    (training,) = ended
    np.testing.assert_array_equal(training.vectors().matrix, found.matrix)
    assert training.vectors().description == found.description
    assert [len(matrix) for matrix in training.engine.weights] == [len(vocabulary)] * 2


def test_the_rate_falls_in_a_straight_line_to_its_floor():
    corpus, vocabulary = corpus_of_topics(4000)
    settings = params(rate=0.1, rate_floor=0.01, epochs=2)
    training = word2vec.Training(corpus, vocabulary, settings, "skipgram", 1, 1)
    total = len(corpus)
    half = training.rates(0, total // 2, total, 60)  # four blocks of 16
    np.testing.assert_allclose(half, 0.1 * (0.75 - np.arange(4) / 16))
    end = training.rates(1, total - 1, total, 20)
    np.testing.assert_allclose(end, [0.001, 0.001])


class Cut(Exception):
    pass


@pytest.mark.parametrize("output", OUTPUTS)
def test_resumed_equals_uninterrupted(tmp_path, monkeypatch, output):
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    monkeypatch.setattr(word2vec, "STRETCH", 5000)
    changes = {"output": output}
    logged, logged_again = [], []
    whole = train(changes, on_epoch=lambda *step: logged.append(step))
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    saves = 0
    save = Checkpoint.save

    def save_and_die(self, arrays, state):
        nonlocal saves
        save(self, arrays, state)
        saves += 1
        if saves == 4:
            raise Cut

    monkeypatch.setattr(Checkpoint, "save", save_and_die)
    with pytest.raises(Cut):
        train(changes, checkpoint=checkpoint)
    again = train(
        changes, threads=2, checkpoint=checkpoint, on_epoch=lambda *step: logged_again.append(step)
    )
    assert digest(again) == digest(whole)
    assert logged_again == logged
    assert saves < 2 * 9  # it went on, rather than starting again


def test_a_checkpoint_of_another_training_is_not_gone_on_from(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    train(seed=1, checkpoint=checkpoint)
    assert checkpoint.path.exists()
    assert digest(train(seed=2, checkpoint=checkpoint)) == digest(train(seed=2))


def test_killed_and_started_again_it_ends_at_the_same_bytes(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import sys
            from pathlib import Path
            import test_word2vec as here
            from wordlab import checkpoints, progress
            from wordlab.checkpoints import Checkpoint
            from wordlab.embeddings.word2vec import training as word2vec
            checkpoints.SECONDS = 0.0
            word2vec.STRETCH = 2000
            data = here.corpus_of_topics(20_000)
            checkpoint = Checkpoint(Path(sys.argv[1]))
            vectors = here.train({"epochs": 12}, threads=2, data=data, checkpoint=checkpoint)
            print(here.digest(vectors))
            """
        )
    )

    def start(name):
        paths = [str(Path(__file__).parent), *sys.path]
        return subprocess.Popen(
            [sys.executable, str(program), str(tmp_path / name)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    whole = start("whole").communicate(timeout=120)[0]
    cut = start("cut")
    while not (tmp_path / "cut").exists():
        assert cut.poll() is None
    cut.send_signal(signal.SIGKILL)
    assert cut.communicate()[0] == ""
    assert cut.returncode == -signal.SIGKILL
    assert (tmp_path / "cut").exists()
    resumed = start("cut").communicate(timeout=120)[0]
    assert len(whole) == 33
    assert resumed == whole


@pytest.mark.parametrize("output", OUTPUTS)
def test_an_overflow_stops_with_epoch_and_setting(output):
    with (
        np.errstate(all="ignore"),
        pytest.raises(UserError, match=r"word2vec\.skipgram\.rate: .* in epoch \d"),
    ):
        train({"output": output, "rate": 1e30})


def test_a_full_softmax_of_hours_is_refused():
    corpus, _ = corpus_of_topics()
    counts = np.full(200_000, 1000, dtype=np.int64)
    large = Vocabulary(tuple(map(str, range(200_000))), counts)
    with pytest.raises(UserError, match=r"word2vec\.output: full_softmax over 200000 words"):
        train({"output": "full_softmax"}, data=(corpus, large))


def test_a_corpus_without_pairs_is_refused():
    alone = EncodedCorpus(np.array([0, 1], dtype=np.int32), np.array([1, 2]), np.array([1, 2]))
    two = Vocabulary(("a", "b"), np.array([1, 1]))
    with pytest.raises(UserError, match="no word has another in its window"):
        train(data=(alone, two))
    empty = EncodedCorpus(np.array([], dtype=np.int32), np.array([], int), np.array([], int))
    with pytest.raises(UserError, match="two known words"):
        train(data=(empty, two))


def test_the_probe_sees_the_vectors_of_each_epoch():
    seen, steps = [], []

    def probe(vectors):
        seen.append(digest(vectors))
        return {"norm": float(np.linalg.norm(vectors.matrix))}

    vectors = train(probe=probe, on_epoch=lambda _, metrics: steps.append(metrics))
    assert len(set(seen)) == 3
    assert seen[-1] == digest(vectors)
    assert all(set(metrics) == {"loss", "rate", "norm"} for metrics in steps)
