"""Text and counts on a Dask scheduler and workers of their own: the same bytes, come what may."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from distributed import Client

from wordlab import parallel
from wordlab.corpus.corpus import SPLITS, EncodedCorpus
from wordlab.corpus.vocabulary import Vocabulary
from wordlab.embeddings.counts import cooccurrence
from wordlab.errors import UserError
from wordlab.params.embeddings import CooccurrenceParams
from wordlab.params.text import PhraseParams, PreprocessParams, SplitShares
from wordlab.text import counting, preprocess

TESTS = Path(__file__).parent


def start(folder, *command):
    """Start a process of Dask's that finds wordlab and this file."""
    paths = os.pathsep.join([str(TESTS.parent / "src"), str(TESTS)])
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            env={**os.environ, "PYTHONPATH": paths},
            cwd=folder,
            stdout=log,
            stderr=log,
        )


class Dask:
    """A scheduler on loopback, and workers that can be killed."""

    def __init__(self, folder):
        self.folder = folder
        where = folder / "scheduler.json"
        self.processes = [
            start(
                folder, "distributed.cli.dask_scheduler", "--host=127.0.0.1", "--port=0",
                "--no-dashboard", f"--scheduler-file={where}",
            )
        ]  # fmt: skip
        self.add_workers(2)
        self.client = Client(scheduler_file=str(where), timeout=30, set_as_default=False)
        self.client.wait_for_workers(2, timeout=60)
        self.address = self.client.scheduler.address

    def add_workers(self, count):
        for _ in range(count):
            self.processes.append(
                start(
                    self.folder, "distributed.cli.dask_worker", "--host=127.0.0.1", "--nthreads=1",
                    "--no-nanny", "--no-dashboard", "--memory-limit=0",
                    f"--scheduler-file={self.folder / 'scheduler.json'}",
                )
            )  # fmt: skip

    def kill_a_worker_at_work(self):
        """Stop a worker, make sure that it stopped in the middle of something, and kill it."""
        for _ in range(200):
            for address, number in self.client.run(os.getpid).items():
                os.kill(number, signal.SIGSTOP)
                if self.client.processing()[address]:
                    os.kill(number, signal.SIGKILL)
                    return
                os.kill(number, signal.SIGCONT)
            time.sleep(0.01)
        raise AssertionError("no worker was ever at work")

    @contextmanager
    def a_worker_killed(self):
        """Kill a worker in the middle of what is done meanwhile, and start another afterwards."""
        before = len(self.client.nthreads())
        with ThreadPoolExecutor(1) as other:
            killed = other.submit(self.kill_a_worker_at_work)
            yield
            killed.result()
        assert len(self.client.nthreads()) == before - 1
        self.add_workers(1)
        self.client.wait_for_workers(before, timeout=60)

    def close(self):
        self.client.close()
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    running = Dask(tmp_path_factory.mktemp("dask"))
    yield running
    running.close()


@pytest.fixture
def on_cluster(dask, monkeypatch):
    monkeypatch.setenv("WORDLAB_SCHEDULER", dask.address)
    dask.client.wait_for_workers(1, timeout=60)
    return dask


def squared(number):
    return number**2


def refused(number):
    raise UserError(f"no place for {number}")


def pairs_of_words(seed=3):
    rng = np.random.default_rng(seed)
    tokens = rng.zipf(1.3, 400_000).clip(max=3000).astype(np.int32) - 2
    ends = np.append(np.sort(rng.choice(len(tokens), 500, replace=False)), len(tokens))
    counts = np.bincount(tokens[tokens >= 0], minlength=2999)
    vocabulary = Vocabulary(tuple(f"w{i}" for i in range(2999)), counts + 1)
    return EncodedCorpus(tokens, ends, ends), vocabulary


def counted(monkeypatch, **changes):
    settings = {
        "window": 8,
        "dynamic_window": True,
        "weighting": "inverse_distance",
        "side": "both",
        "subsample": 0.01,
        "subsample_formula": "reference",
        "memory_mb": 64,
    }
    monkeypatch.setattr(cooccurrence, "CLUSTER_TOKENS", 10_000)
    matrix = cooccurrence.count(
        *pairs_of_words(), CooccurrenceParams(**{**settings, **changes}), seed=1, threads=1
    ).matrix
    return [getattr(matrix, name).tobytes() for name in ("data", "indices", "indptr")]


def written(monkeypatch, folder):
    """Tokenise, count and encode a text in many shards; return every file that comes of it."""
    monkeypatch.setattr(counting, "SHARD", 20_000)
    rng = np.random.default_rng(5)
    words = np.array([f"{'Éa' * (i % 3)}word{chr(97 + i % 26) * (i % 7)}" for i in range(3000)])
    texts = [" ".join(words[rng.zipf(1.4, 200).clip(max=2999)]) + "." for _ in range(600)]
    params = PreprocessParams(
        language="other",
        lowercase=True,
        tokens="letters",
        numbers="keep",
        units="sentences",
        phrases=PhraseParams(passes=0, discount=5, threshold=100),
        splits=SplitShares(train=0.8, valid=0.1, test=0.1),
    )
    batches = (pa.array(texts[start : start + 10]) for start in range(0, len(texts), 10))
    splits = [*SPLITS, "train"] * (len(texts) // 4)
    summary = preprocess.write_splits(batches, splits, folder, params)
    tally = counting.count_words(folder / "train.txt", min_count=2)
    vocabulary = Vocabulary.build(tally.table, min_count=2)
    vocabulary.save(folder / "vocabulary.tsv")
    sizes = [counting.encode(folder / f"{name}.txt", vocabulary, folder / name) for name in SPLITS]
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    return summary, tally.different, sizes, files


def test_results_come_in_the_order_of_the_jobs(on_cluster):
    assert list(parallel.in_order(squared, range(100), batch=3)) == [n**2 for n in range(100)]


def test_counts_of_pairs_are_those_of_one_process_though_a_worker_is_killed(
    on_cluster, monkeypatch
):
    with monkeypatch.context() as alone:
        alone.delenv("WORDLAB_SCHEDULER")
        expected = counted(alone)
    with on_cluster.a_worker_killed():
        found = counted(monkeypatch)
    assert found == expected


def test_text_comes_out_as_from_one_process_though_a_worker_is_killed(
    on_cluster, monkeypatch, tmp_path
):
    with monkeypatch.context() as alone:
        alone.delenv("WORDLAB_SCHEDULER")
        expected = written(alone, tmp_path / "alone")
    with on_cluster.a_worker_killed():
        found = written(monkeypatch, tmp_path / "together")
    assert found == expected


def test_a_mistake_on_a_worker_is_told_as_here(on_cluster):
    with pytest.raises(UserError, match="^no place for 1$"):
        list(parallel.in_order(refused, [1], batch=1))


def test_a_worker_with_other_code_is_refused(on_cluster, monkeypatch):
    monkeypatch.setattr(parallel, "environment", lambda: "wordlab of another day")
    with pytest.raises(UserError, match="expected what started the work: wordlab of another day"):
        list(parallel.in_order(squared, [1], batch=1))


def test_no_scheduler_no_worker_or_no_dask_is_told_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(parallel, "SECONDS", 1)
    monkeypatch.setenv("WORDLAB_SCHEDULER", "tcp://127.0.0.1:9")
    with pytest.raises(UserError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        list(parallel.in_order(squared, [1], batch=1))
    monkeypatch.setenv("WORDLAB_SCHEDULER", "nowhere://")
    with pytest.raises(UserError, match="no Dask scheduler answers at nowhere://"):
        list(parallel.in_order(squared, [1], batch=1))
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.setenv("WORDLAB_SCHEDULER", "tcp://127.0.0.1:10")
    with pytest.raises(UserError, match="Dask is not installed"):
        list(parallel.in_order(squared, [1], batch=1))


def test_a_scheduler_that_says_nothing_is_told_in_one_line_within_seconds(monkeypatch):
    monkeypatch.setattr(parallel, "SECONDS", 1)
    done = []
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        where = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("WORDLAB_SCHEDULER", where)
        started = time.monotonic()
        with pytest.raises(UserError, match=f"no Dask scheduler answers at {where}; ") as refused:
            list(parallel.in_order(done.append, [1], batch=1))
    assert time.monotonic() - started < 10
    assert "\n" not in str(refused.value)
    assert not done


def test_a_cluster_of_this_machine_needs_no_scheduler(monkeypatch):
    monkeypatch.setenv("WORDLAB_SCHEDULER", "local")
    monkeypatch.setenv("WORDLAB_THREADS", "2")
    assert list(parallel.in_order(abs, range(-3, 3), batch=2)) == [3, 2, 1, 0, 1, 2]
