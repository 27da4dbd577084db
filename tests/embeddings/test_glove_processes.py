"""GloVe in several processes: the bytes of one, whatever their number, and after a kill."""

import os
import queue
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest
import test_glove

from small_pipeline import REPOSITORY, shrink
from wordlab import checkpoints, processes, rng
from wordlab.checkpoints import Checkpoint
from wordlab.embeddings import glove
from wordlab.embeddings.counts.cooccurrence import Counts
from wordlab.embeddings.glove_parts import Parts
from wordlab.embeddings.vectors import load_trainings
from wordlab.errors import UserError
from wordlab.params.whole import load
from wordlab.processes import Group

counts = test_glove.counts
GROUPS = glove.FEWEST_GROUPS
SECONDS = 600


class Ended:
    def __init__(self, end=lambda: None):
        self.wait = end


class Thread(Group):
    """A thread in the place of a process: it sends copies, and waits where gloo would."""

    def __init__(self, rank, count, post, barrier, board):
        super().__init__(rank, count)
        self.post, self.barrier, self.board = post, barrier, board

    def mail(self, *key):
        return self.post.setdefault(key, queue.Queue())

    def send(self, array, to, tag):
        self.mail(self.rank, to, tag).put(array.copy())
        return Ended()

    def receive(self, array, source, tag):
        mail = self.mail(source, self.rank, tag)
        return Ended(lambda: np.copyto(array, mail.get(timeout=SECONDS)))

    def all(self, array):
        self.board[self.rank] = array.copy()
        self.barrier.wait(SECONDS)
        found = [self.board[rank] for rank in range(self.count)]
        self.barrier.wait(SECONDS)
        return found

    def take_over(self, array):
        array[:] = self.all(array)[0]

    def add_up(self, array):
        array[:] = np.sum(self.all(array), axis=0)


def together(count, work):
    """Return what `work` returns in each of `count` threads, given the group of its thread."""
    shared = {}, threading.Barrier(count), {}
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda rank: work(Thread(rank, count, *shared)), range(count)))


@pytest.fixture
def trained(counts, monkeypatch):
    """Return a function that trains in threads, and returns vectors and costs of each."""
    own = threading.local()
    monkeypatch.setattr(glove, "joined", lambda: nullcontext(own.group))

    def train(count, folder=None, stop=None, **changes):
        def work(group):
            own.group, costs = group, []

            def note(iteration, metrics):
                if iteration == stop:
                    raise KeyboardInterrupt
                costs.append(metrics["cost"])

            checkpoint = Checkpoint(folder / "kept") if folder and group.rank == 0 else Checkpoint()
            given = {"seed": 3, "threads": 1, "on_iteration": note, "checkpoint": checkpoint}
            try:
                vectors = glove.train(counts, test_glove.settings(**changes), **given)
            except KeyboardInterrupt:
                return None
            return vectors.matrix.tobytes(), costs

        return together(count, work)

    return train


@pytest.mark.parametrize("vectors", ["word", "context", "sum"])
@pytest.mark.parametrize("count", [2, 3, GROUPS + 3])
def test_any_number_of_processes_gives_the_vectors_and_costs_of_one(trained, count, vectors):
    (alone,) = trained(1, vectors=vectors)
    assert trained(count, vectors=vectors) == [alone] * count


def test_a_process_has_its_share_and_sends_no_more_than_that(counts):
    params, size = test_glove.settings(), len(counts.vocabulary)

    def work(group):
        parts, most = Parts(size, GROUPS, params, 1, group), 0
        for shift in (5, 5, 2, 0):
            parts.move(shift)
            assert sorted(parts.contexts) == sorted((r + shift) % GROUPS for r in parts.own)
            most = max(most, len(parts.words), len(parts.contexts))
        return most, parts.sent_bytes

    part = 2 * -(-size // GROUPS) * (params.dimensions + 1) * 4
    assert together(4, work) == [(GROUPS // 4, (4 + 0 + 3 + 2) * part)] * 4
    assert together(1, work) == [(GROUPS, 0)]


def test_the_first_weights_are_those_that_one_draw_of_all_has(counts):
    params = test_glove.settings()
    shape = (GROUPS, -(-50 // GROUPS), params.dimensions + 1)
    for count in (1, 3):
        for parts in together(count, lambda group: Parts(50, GROUPS, params, 7, group)):
            for name, own in (("words", parts.words), ("contexts", parts.contexts)):
                whole = glove.stream(7, "glove", name).random(shape, np.float32)
                whole = (whole - np.float32(0.5)) / np.float32(params.dimensions)
                for group, part in own.items():
                    np.testing.assert_array_equal(part, [whole[group], np.ones(shape[1:])])


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (2, 4)])
def test_another_number_of_processes_resumes_a_training(
    trained, before, after, tmp_path, monkeypatch
):
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    monkeypatch.setattr("wordlab.embeddings.glove_parts.FILE_BYTES", 1000)
    (whole,) = trained(1)
    assert trained(before, tmp_path, stop=3) == [None] * before
    files = {path.name for path in tmp_path.iterdir()}
    assert "kept" in files and {name for name in files if ".2." in name} == files - {"kept"}
    assert len(files) > 3
    monkeypatch.setattr(Parts, "_initial", lambda self, *given: {})  # all is in the checkpoint
    assert trained(after, tmp_path) == [whole] * after


def test_a_file_of_a_checkpoint_that_is_damaged_starts_the_training_again(
    trained, tmp_path, monkeypatch
):
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    (whole,) = trained(1)
    trained(2, tmp_path, stop=3)
    (file,) = tmp_path.glob("*.2.0*")
    file.write_bytes(file.read_bytes()[:-1])
    assert trained(2, tmp_path) == [whole] * 2


def test_other_counts_in_one_process_stop_all():
    def work(group):
        with pytest.raises(UserError, match="1 of 3 processes have other counts than the first"):
            group.require_same(b"12" if group.rank == 1 else b"34", "counts")

    together(3, work)


def test_only_what_says_that_a_process_is_gone_is_told_so():
    gone = "[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [::1]:9"
    assert processes._lost(RuntimeError(gone)) == "Connection closed by peer [::1]:9"
    assert processes._lost(RuntimeError("shape mismatch [gloo]")) is None


SCRIPT = f"""
import os, runpy, signal
from wordlab import checkpoints
from wordlab.embeddings import glove
from wordlab.pipeline import recorder, stage

iterate = glove._iterate

class Unrecorded(recorder.Silent):  # MLflow takes seconds to load
    def __init__(self, *given):
        super().__init__()

    def __exit__(self, *raised):
        pass

    def finish(self):
        pass

def iterate_and_die(cells, parts, params, seed, iteration, pool, done):
    if iteration == 3 and os.environ["RANK"] == os.environ.get("KILLED"):
        os.kill(os.getpid(), signal.SIGKILL)
    return iterate(cells, parts, params, seed, iteration, pool, done)

checkpoints.SECONDS = 0
glove._iterate = iterate_and_die
stage.Recorder = Unrecorded
runpy.run_path({str(REPOSITORY / "stages" / "train_glove.py")!r}, run_name="__main__")
"""


class Checkout:
    """A folder with the stage in it, its counts, and two trainings to do."""

    def __init__(self, folder, counts):
        self.folder = folder
        shutil.copy(REPOSITORY / "params.yaml", folder)
        changes = test_glove.settings().model_dump()
        shrink(folder / "params.yaml", {"glove": changes, "vector_seeds": 2})
        (folder / "train_glove.py").write_text(SCRIPT)
        (folder / "dvc.yaml").write_text(
            "stages:\n  train_glove:\n    cmd: ''\n    deps: [data/processed/counts]\n"
            "    params: [seed, vector_seeds, glove]\n"
            "    outs: [data/models/glove, reports/metrics/glove.json, reports/curves/glove.csv]\n"
        )
        counts.save(folder / "data" / "processed" / "counts")

    def start(self, *command, **environment):
        kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        own = {
            "PYTHONPATH": str(REPOSITORY / "src"),
            "DVC_ROOT": str(self.folder),
            "WORDLAB_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.Popen(
            [*map(str, command), "train_glove.py"],
            cwd=self.folder,
            env=kept | own | environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def torchrun(self, count, **environment):
        """Run the stage in `count` processes; return the status and what was said."""
        command = (
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
        )
        started = self.start(*command, count, **environment)
        try:
            return started.communicate(timeout=SECONDS)[1], started.returncode
        finally:
            started.kill()

    def made(self):
        vectors = load_trainings(self.folder / "data" / "models" / "glove")
        curve = (self.folder / "reports" / "curves" / "glove.csv").read_text()
        return [one.matrix.tobytes() for one in vectors], curve


@pytest.fixture
def checkout(counts, tmp_path):
    return Checkout(tmp_path, counts)


@pytest.fixture
def expected(checkout):
    """What one process makes."""
    params = load(checkout.folder / "params.yaml")
    counts = Counts.load(checkout.folder / "data" / "processed" / "counts")
    return [
        glove.train(counts, params.glove, seed=seed, threads=1).matrix.tobytes()
        for seed in rng.seeds(params.seed, params.vector_seeds)
    ]


def test_torchrun_makes_the_bytes_of_one_process(checkout, expected):
    said, status = checkout.torchrun(4)
    assert status == 0, said
    assert checkout.made()[0] == expected


def test_a_killed_process_ends_the_run_in_one_line_and_it_resumes(checkout, expected):
    said, status = checkout.torchrun(2, KILLED="1")
    assert status != 0
    (line,) = [line for line in said.splitlines() if line.startswith("train_glove: ")]
    assert "start all of them again to resume" in line
    assert not (checkout.folder / "data" / "models" / "glove").exists()
    (kept,) = (checkout.folder / ".checkpoints").glob("*.1.2.0.safetensors")
    assert kept.exists()
    said, status = checkout.torchrun(2)
    assert status == 0, said
    assert checkout.made()[0] == expected
    assert not list((checkout.folder / ".checkpoints").iterdir())


@pytest.fixture
def namespaces():
    """Two network namespaces of this machine that reach one another by 10.77.0.1 and 10.77.0.2."""
    ip = shutil.which("ip")
    if ip is None:
        pytest.skip("no program `ip` here, which makes network namespaces")
    names = [f"wordlab{os.getpid()}{side}" for side in "ab"]

    def do(*arguments):
        return subprocess.run([ip, *arguments], capture_output=True, text=True, check=False)

    made = [do("netns", "add", name) for name in names]
    try:
        if any(one.returncode for one in made):
            pytest.skip(f"no network namespaces here: {made[0].stderr.strip()}")
        ends = [f"w{os.getpid()}{side}" for side in "ab"]
        pair = ("link", "add", ends[0], "netns", names[0], "type", "veth")
        done = do(*pair, "peer", "name", ends[1], "netns", names[1])
        if done.returncode:
            pytest.skip(f"no pair of virtual network devices here: {done.stderr.strip()}")
        for number, (name, end) in enumerate(zip(names, ends, strict=True), start=1):
            do("-n", name, "address", "add", f"10.77.0.{number}/24", "dev", end)
            do("-n", name, "link", "set", end, "up")
            do("-n", name, "link", "set", "lo", "up")
        yield [([ip, "netns", "exec", name], end) for name, end in zip(names, ends, strict=True)]
    finally:
        for name in names:
            do("netns", "del", name)


def test_two_machines_make_the_bytes_of_one_process(counts, namespaces, expected, tmp_path):
    address = {"MASTER_ADDR": "10.77.0.1", "MASTER_PORT": "29517", "WORLD_SIZE": "2"}
    checkouts, started = [], []
    for rank, (enter, device) in enumerate(namespaces):
        (tmp_path / f"machine {rank}").mkdir()
        checkouts.append(Checkout(tmp_path / f"machine {rank}", counts))
        own = {"RANK": str(rank), "LOCAL_RANK": "0", "GLOO_SOCKET_IFNAME": device}
        started.append(checkouts[-1].start(*enter, sys.executable, **address, **own))
    try:
        said = [process.communicate(timeout=SECONDS)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], said
    assert checkouts[0].made()[0] == expected
    assert not (checkouts[1].folder / "data" / "models").exists()
