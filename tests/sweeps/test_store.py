"""Several processes that share a database: each trial is run by one, and all end the same."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sharing
from optuna.distributions import CategoricalDistribution

from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.trials import runner as trials
from wordlab.trials.runner import Outcome, Store

NAMES = [trial.name for trial in sharing.PLANNED]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def postgresql() -> Path | None:
    """Return the folder of PostgreSQL's programs, where Debian or the PATH has them."""
    found = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    program = shutil.which("initdb") or (found[-1] if found else None)
    return Path(program).parent if program else None


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own, which answers on this machine only."""
    programs = postgresql()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    if find_spec("psycopg") is None:
        pytest.skip("the driver is not installed (pip install 'psycopg[binary]')")
    port = free_port()
    # not below pytest's folder, which the server's user may not enter
    with tempfile.TemporaryDirectory(prefix="wordlab-") as folder:
        user = None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            known = {entry.pw_name for entry in pwd.getpwall()}
            user = "postgres" if "postgres" in known else "nobody"
            shutil.chown(folder, user)
        data = f"{folder}/data"
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "wordlab", "-A", "trust", "--no-sync"],
            user=user,
            cwd=folder,
            check=True,
            capture_output=True,
        )
        with subprocess.Popen(
            [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder]
            + ["-F"],  # survives no power cut, and need not
            user=user,
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stderr is not None
                for line in process.stderr:
                    if "ready to accept connections" in line:
                        break
                yield f"postgresql+psycopg://wordlab@127.0.0.1:{port}/postgres"
            finally:
                process.terminate()
                process.communicate()


def run(folder: Path, url: str, *, kill: int = 0) -> tuple[list[str], list[str]]:
    """Run the sweep by two processes at once, and return the trials that each began."""
    subprocess.run(
        [sys.executable, sharing.__file__, folder, str(kill), "one", "two"],
        env={**os.environ, "WORDLAB_STORE": url},
        check=True,
    )
    one, two = ((folder / f"{name}.ran").read_text().splitlines() for name in ("one", "two"))
    return one, two


def check_shared(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = run(folder, url)
    assert sorted(one + two) == sorted(NAMES)
    assert one and two
    again: list[str] = []
    monkeypatch.setenv("WORDLAB_STORE", url)
    sharing.sweep(again.append).to_csv(folder / "again.csv", index=False)
    assert again == []
    monkeypatch.delenv("WORDLAB_STORE")
    sharing.sweep(again.append).to_csv(folder / "alone.csv", index=False)
    assert again == NAMES
    tables = [(folder / f"{name}.csv").read_bytes() for name in ("one", "two", "again", "alone")]
    assert len(set(tables)) == 1


def test_two_processes_share_a_sweep_on_sqlite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_shared(tmp_path, f"sqlite:///{tmp_path}/trials.db", monkeypatch)


def test_two_processes_share_a_sweep_on_postgresql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    check_shared(tmp_path, server, monkeypatch)


def test_the_trial_of_a_process_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    killed, heir = run(tmp_path, f"sqlite:///{tmp_path}/trials.db", kill=3)
    assert len(killed) == 3
    assert sorted(killed[:2] + heir) == sorted(NAMES)
    losses = pd.read_csv(tmp_path / "two.csv")["loss"]
    assert losses.tolist() == [sharing.loss(trial) for trial in sharing.PLANNED]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of our own."""
    monkeypatch.setenv("WORDLAB_STORE", f"sqlite:///{tmp_path}/trials.db")


def claims(space: dict[str, tuple[Any, ...]] = sharing.SPACE) -> AbstractContextManager[Store]:
    distributions = {name: CategoricalDistribution(tried) for name, tried in space.items()}
    return trials.opened(
        "s", "r", Checkpoint(), models=["lstm"], distributions=lambda: distributions
    )


@pytest.mark.usefixtures("database")
def test_a_process_that_is_interrupted_leaves_its_trial_to_others_at_once() -> None:
    first, second = sharing.PLANNED[:2]
    with pytest.raises(KeyboardInterrupt), claims() as mine:
        assert mine.claim(first)
        with claims() as others:
            others.look()
            assert not others.claim(first)
            assert others.claim(second)
            others.end(second, Outcome({"loss": 1.0}, {"losses": np.arange(3)}, {"seconds": 2.0}))
        raise KeyboardInterrupt
    with claims() as later:
        assert list(later.look()) == [second.name]
        ended = later.look()[second.name]
        assert (ended.numbers, ended.tracked) == ({"loss": 1.0}, {"seconds": 2.0})
        assert ended.arrays["losses"].tolist() == [0, 1, 2]
        assert later.claim(first)


@pytest.mark.usefixtures("database")
def test_a_wider_space_takes_over_what_a_narrower_one_has() -> None:
    trial = sharing.PLANNED[0]
    with claims() as one:
        assert one.claim(trial)
        one.end(trial, Outcome({"loss": float("nan")}))
    with claims({**sharing.SPACE, "rate": (0.1, 0.2, 0.4, 0.8)}) as two:
        assert list(two.look()) == [trial.name]
        assert not two.claim(trial)


def twice(job: int, shared: int) -> Outcome:
    return Outcome({"product": job * shared}, {"row": np.full(job, shared)})


@pytest.mark.parametrize("shared", [False, True])
def test_a_job_is_measured_once_and_known_again_with_its_arrays(
    shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "1")
    if shared:
        monkeypatch.setenv("WORDLAB_STORE", f"sqlite:///{tmp_path}/trials.db")
    checkpoint, ran = Checkpoint(tmp_path / "study-1.safetensors"), []

    def measured(job: int, by: int) -> Outcome:
        ran.append(job)
        return twice(job, by)

    def of(jobs: list[int]) -> list[tuple[Any, ...]]:
        study = trials.Measurements(measured, 7, title="t", checkpoint=checkpoint)
        return [(one.numbers["product"], one.arrays["row"].tolist()) for one in study.of(jobs)]

    assert of([3, 1, 3]) == [(21, [7, 7, 7]), (7, [7]), (21, [7, 7, 7])]
    assert of([2, 3]) == [(14, [7, 7]), (21, [7, 7, 7])]
    assert ran == [3, 1, 2]


@pytest.mark.usefixtures("database")
def test_a_shared_store_does_not_take_what_was_measured_of_other_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "1")

    def of(stem: str, by: int) -> int:
        kept = Checkpoint(tmp_path / f"{stem}.safetensors")
        study = trials.Measurements(twice, by, title="t", checkpoint=kept)
        return int(study.of([3])[0].numbers["product"])

    assert of("study_regularisation-0123456789abcdef", 7) == 21
    assert of("study_regularisation-fedcba9876543210", 8) == 24


def test_a_job_that_is_cut_off_resumes_from_a_checkpoint_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_THREADS", "1")
    checkpoint, begun = Checkpoint(tmp_path / "study-1.safetensors"), []

    def measured(job: int, by: int, own: Checkpoint) -> Outcome:
        saved = own.resume(lambda: "alike")
        begun.append((job, saved[1]["step"] if saved else 0))
        own.save({}, {"step": job})
        if begun == [(1, 0), (2, 0)]:
            raise KeyboardInterrupt
        return twice(job, by)

    def run() -> list[int]:
        study = trials.Measurements(measured, 7, title="t", checkpoint=checkpoint, resumed=True)
        return [one.numbers["product"] for one in study.of([1, 2, 3])]

    with pytest.raises(KeyboardInterrupt):
        run()
    assert run() == [7, 14, 21]
    assert begun == [(1, 0), (2, 0), (2, 2), (3, 0)]
    assert [path.name for path in tmp_path.iterdir()] == ["study-1.safetensors"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", r"WORDLAB_STORE: the database cannot be opened: Could not parse"),
        ("foo://x/y", r"WORDLAB_STORE: foo: no such kind of database"),
        ("sqlite:////nowhere/to/be/found.db", r"WORDLAB_STORE: .*unable to open database file"),
        ("mysql+pymysql://127.0.0.1/x", r"WORDLAB_STORE: the driver pymysql is not installed"),
    ],
)
def test_a_store_that_cannot_be_used_is_told_in_one_line(
    url: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDLAB_STORE", url)
    with pytest.raises(UserError, match=message) as caught, claims():
        pass
    assert "\n" not in str(caught.value)


def test_a_server_that_does_not_answer_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("WORDLAB_STORE", f"postgresql+psycopg://127.0.0.1:{free_port()}/x")
    message = "WORDLAB_STORE: .*cannot be opened: .*refused"
    with pytest.raises(UserError, match=message) as caught, claims():
        pass
    assert "\n" not in str(caught.value)
