"""Whether anything is lost: random kills of random stages, and damaged inputs in between.

    python benchmarks/soak.py [--minutes 60] [--seed 1] [--stages report explore] [--json OUT]

Runs the pipeline on a small text in a copy of this checkout, undisturbed, and keeps what it made.
Then, until the time is up, one of these at a time, of a random stage:

- kill: a signal at a random moment to the stage, its workers, its dvc or all of them, the process
  of MLflow too, once or several times, at times with a damaged checkpoint; then the stage is run
  again to its end;
- damage: a file that the stage reads is emptied, cut, overwritten or deleted, and the stage run,
  which has to refuse it; then what its message says is done.

After each, every output has to have the bytes of the undisturbed run. At the end there may be no
other file, process or lock than after that run, and no MLflow run that seems to go on. The copy
saves checkpoints ten times per second, not every ten seconds: its trainings take seconds.

Prints what happened, and a line for each thing that should not have. Its status is 1 if any did.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import harness
import psutil

import wordlab  # noqa: F401  which has the copy find the kernels that are compiled here

CHANGES = {
    "word2vec": {"shared": {"epochs": 60}},
    "glove": {"iterations": 60},
    "language_model": {"shared": {"epochs": 6}},
    "character_model": {"epochs": 3},
    "autoencoder": {"epochs": 8},
}
"""What makes trainings long enough to be cut off."""
SAVING = ("SECONDS = 10.0\n", "SECONDS = 0.1\n")
"""How often the copy saves checkpoints, before and after."""
AFTER = 1.0
"""Seconds after the end of a stage in which its dvc is killed, too."""
PATIENCE = 60
"""Seconds in which all processes of a pass that was killed have to end."""
UNTIDY = ("Traceback", "leaked", "core dumped")
"""What no output may hold."""
KEPT = (".git", ".dvc/cache", "mlartifacts", "__pycache__")
"""Folders that keep what they were given."""
KEPT_FILES = ("mlflow.db", "mlflow.db-shm", "mlflow.db-wal", "mlflow.db.lock")
DAMAGES: Mapping[str, Callable[[bytes], bytes] | None] = {
    "deleted": None,
    "emptied": lambda content: b"",
    "halved": lambda content: content[: len(content) // 2],
    "overwritten": lambda content: bytes(range(256)),
    "one byte changed": lambda content: (
        content[: (at := len(content) // 2)] + bytes([content[at] ^ 0x55]) + content[at + 1 :]
    ),
}


class Checkout:
    """A copy of this checkout, its pass, and what should not have happened."""

    def __init__(self, scratch: Path, seed: int) -> None:
        self.folder = scratch / "wordlab"
        self.random = random.Random(seed)
        self.temporary = scratch / "tmp"
        self.temporary.mkdir()
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.seconds: dict[str, float] = {}
        """How long the process of each stage lived at most when it was left alone."""
        self.log = scratch / "log"
        harness.checkout(self.folder, CHANGES)
        checkpoints = self.folder / "src" / "wordlab" / "checkpoints.py"
        text = checkpoints.read_text()
        assert SAVING[0] in text
        checkpoints.write_text(text.replace(*SAVING))

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        threads = str(self.random.choice((1, 2)))
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TMPDIR": str(self.temporary),
            "WORDLAB_THREADS": threads,
            "OMP_NUM_THREADS": threads,
        }
        with self.log.open("wb") as log:
            return subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def run(self, *command: str) -> tuple[int, str]:
        """Run a command to its end; return its status and what it printed."""
        status = self.start(*command).wait()
        return status, self.printed(command)

    def alone(self, *command: str) -> tuple[int, str]:
        """Run a `dvc` to its end, and take the time of its stages; return as `run` does."""
        started = self.start(*command)
        while started.poll() is None:
            process = self.stage_of(psutil.Process(started.pid))
            if process is None:
                time.sleep(0.1)
                continue
            begun, name = time.monotonic(), stage_named(arguments(process))
            process.wait()
            lived = time.monotonic() - begun
            self.seconds[name] = max(lived, self.seconds.get(name, 0.0))
        return started.returncode, self.printed(command)

    def printed(self, command: Sequence[str]) -> str:
        """Return what the last command printed, and note what it should not have."""
        text = self.log.read_text(errors="replace")
        for word in UNTIDY:
            if word in text:
                self.note(f"{' '.join(command)}: {word}\n{text}")
        return text

    def note(self, wrong: str) -> None:
        print(wrong, file=sys.stderr, flush=True)
        self.wrong.append(wrong)

    def stage_of(self, dvc: psutil.Process) -> psutil.Process | None:
        """Return the process of the stage that a `dvc` runs, if it does at present."""
        for process in descendants(dvc):
            if any(part.startswith("stages/") for part in arguments(process)[1:2]):
                return process
        return None

    def followed(self, stage: str) -> tuple["subprocess.Popen[bytes]", psutil.Process]:
        """Start the dvc of a stage, and return it once the stage has a process, or it ended."""
        started = self.start("dvc", "repro", "--force", "--single-item", stage)
        dvc = psutil.Process(started.pid)
        while started.poll() is None and self.stage_of(dvc) is None:
            time.sleep(0.1)
        return started, dvc

    def undisturbed(self, targets: Sequence[str]) -> None:
        """Run `targets` and what they need, and keep what they made."""
        status, text = self.alone("dvc", "repro", *targets)
        assert status == 0, text
        for command in ("add --all", "-c user.name=b -c user.email=b commit -qm made"):
            subprocess.run(["git", *command.split()], cwd=self.folder, check=True)
        self.settle()
        self.lock = self.locked()
        self.files = self.state()

    def locked(self) -> bytes:
        return (self.folder / "dvc.lock").read_bytes()

    def paths(self) -> Iterator[Path]:
        """Yield every file but those of the folders that keep what they were given."""
        for path in self.folder.rglob("*"):
            within = f"{path.relative_to(self.folder)}/"
            kept = any(f"/{name}/" in f"/{within}" for name in KEPT) or path.name in KEPT_FILES
            if not kept and not path.is_dir():
                yield path

    def state(self) -> dict[str, str]:
        """Return the md5 of each output and, of the other files, their names."""
        from wordlab.artifacts import md5

        made = {str(path.relative_to(self.folder)): path for path in self.paths()}
        return {
            name: md5(path) if name.startswith(("data/", "reports/")) else ""
            for name, path in made.items()
        }

    def differences(self) -> list[str]:
        """Return how the files differ from those of the undisturbed pass."""
        now, found = self.state(), []
        for name in sorted(self.files.keys() | now.keys()):
            if name not in self.files:
                found.append(f"{name}: left over")
            elif self.files[name] != now.get(name):
                found.append(f"{name}: {'changed' if name in now else 'gone'}")
        return found

    def alive(self) -> list[psutil.Process]:
        """Return the processes that work in this folder."""
        found = []
        for process in psutil.process_iter():
            try:
                if Path(process.cwd()).is_relative_to(self.folder):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return [one for one in found if one.status() != psutil.STATUS_ZOMBIE]

    def settle(self) -> None:
        """Wait until no process works in this folder."""
        deadline = time.monotonic() + PATIENCE
        while left := self.alive():
            if time.monotonic() > deadline:
                self.note(f"still there: {[arguments(process) for process in left]}")
                for process in left:
                    process.kill()
            time.sleep(0.05)

    # what is done to a stage

    def kill(self, stage: str) -> None:
        """Kill the pass of a stage, once or several times, then run it to its end."""
        while True:
            self.kill_once(stage)
            self.settle()
            if self.random.random() < 0.3:
                self.damage_checkpoint()
            if self.random.random() < 0.7:
                break
        self.restore(stage, "killed")

    def kill_once(self, stage: str) -> None:
        started, dvc = self.followed(stage)
        time.sleep(self.random.uniform(0, self.seconds[stage] + AFTER))
        if started.poll() is not None:
            self.counts["came too late"] += 1
            return
        process = self.stage_of(dvc)
        kinds: dict[str, Callable[[], list[psutil.Process]]] = {
            "SIGKILL of dvc": lambda: [dvc],
            "SIGKILL of all": lambda: [dvc, *descendants(dvc)],
            "Ctrl-C": lambda: group(started.pid),
        }
        if process is not None:
            kinds["SIGKILL of the stage"] = kinds["SIGTERM of the stage"] = lambda: [process]
            workers = [one for one in descendants(process) if is_worker(one)]
            if workers:
                kinds["SIGKILL of a worker"] = lambda: [self.random.choice(workers)]
        kind = self.random.choice(sorted(kinds))
        number = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM}.get(
            kind.split()[0], signal.SIGKILL
        )
        for one in kinds[kind]():
            try:
                one.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        started.wait()
        self.counts[f"kills: {kind}"] += 1
        self.counts["kills"] += 1
        self.settle()
        self.printed([kind, stage])

    def damage_checkpoint(self) -> None:
        kept = sorted((self.folder / ".checkpoints").glob("*.safetensors"))
        if kept:
            damage(self.random.choice(kept), self.random.choice(list(DAMAGES.values())))
            self.counts["checkpoints damaged"] += 1

    def restore(self, stage: str, after: str) -> None:
        """Run a stage to its end, and note where that does not bring all back."""
        before = len(self.wrong)
        command = ("dvc", "repro", "--force", "--single-item", stage)
        status, text = self.alone(*command)
        if status and "dvc.lock: " in text:  # cut off as DVC wrote it
            self.run("git", "checkout", "dvc.lock")
            self.counts["dvc.lock brought back"] += 1
            status, text = self.alone(*command)
        self.settle()
        if status:
            self.note(f"{stage} does not run again after it was {after}:\n{text}")
        if self.locked() != self.lock:
            self.note(f"{stage} ended with other bytes after it was {after}")
            self.run("git", "checkout", "dvc.lock")
        for wrong in self.differences():
            self.note(f"{wrong} after {stage} was {after}")
            self.run("dvc", "checkout", "--force", *self.seconds)
        if len(self.wrong) == before:
            self.counts["restarts that ended with the same bytes"] += 1

    def damage(self, stage: str) -> None:
        """Damage a file that a stage reads and another made, have it refused, and do what the
        message says."""
        from wordlab.pipeline.declared import declaration

        pipeline, params = self.folder / "dvc.yaml", self.folder / "params.yaml"
        inputs, made = set(declaration(stage, pipeline, params).inputs), set[Path]()
        for other in self.seconds:
            made.update(declaration(other, pipeline, params).outputs)
        places = [self.folder / path for path in inputs & made]
        files = [f for one in places for f in ([one] if one.is_file() else one.rglob("*"))]
        files = sorted(path for path in files if path.is_file())
        if not files:
            return
        path, kind = self.random.choice(files), self.random.choice(sorted(DAMAGES))
        if not damage(path, DAMAGES[kind]):
            return
        name = path.relative_to(self.folder)
        status, text = self.run("dvc", "repro", "--single-item", stage)
        self.counts["inputs damaged"] += 1
        advice = re.search(r"`(dvc checkout --force \S+)` brings that back", text)
        if status == 0 or (kind != "deleted" and advice is None):
            self.note(f"{name}, {kind}, was not refused by {stage}:\n{text}")
        else:
            self.counts["inputs refused"] += 1
        if advice is None or self.run(*advice[1].split())[0]:
            self.run("dvc", "checkout", "--force", *self.seconds)
        self.run("git", "checkout", "--", "reports")  # of which DVC's cache has nothing
        self.restore(stage, f"given {name}, {kind}")

    # what is left at the end

    def check(self) -> None:
        """Note every output, file, process, lock and MLflow run that is not as it should be."""
        self.settle()
        for wrong in self.differences():
            self.note(wrong)
        left = list(self.temporary.iterdir())
        sockets = [path for path in left if path.name.startswith("pymp-")]
        if len(sockets) <= self.counts["kills: SIGKILL of all"]:  # after which nobody is left
            left = [path for path in left if path not in sockets]
        for path in left:
            self.note(f"{path}: left over")
        printed = self.run("dvc", "status", "--json", *self.seconds)[1]
        if json.loads(printed.splitlines()[-1]):
            self.note(f"dvc status: {printed}")
        locks = self.folder / ".dvc" / "tmp" / "rwlock"
        if locks.exists() and any(json.loads(locks.read_text()).values()):
            self.note(f"locks of DVC: {locks.read_text()}")
        runs = statuses(self.folder)
        self.counts["MLflow runs"] = len(runs)
        for name, state in runs:
            if state not in ("FINISHED", "FAILED", "KILLED"):
                self.note(f"MLflow run {name}: {state}")


def arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def stage_named(arguments: Sequence[str]) -> str:
    """Return the name of the stage that a process with these arguments is."""
    script, *rest = arguments[1:]
    return "@".join([Path(script).stem, *rest[1:]])


def descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def group(number: int) -> list[psutil.Process]:
    """Return the processes of a group, which a terminal's Ctrl-C reaches."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == number:
                found.append(process)
        except ProcessLookupError:
            continue
    return found


def is_worker(process: psutil.Process) -> bool:
    """Return whether a process is a fork that computes, which alone has no child of its own."""
    return any("forkserver" in part for part in arguments(process)) and not descendants(process)


def damage(path: Path, change: Callable[[bytes], bytes] | None) -> bool:
    """Damage a file; return whether that changed it."""
    content = path.read_bytes()
    path.unlink()
    if change is None:
        return True
    path.write_bytes(change(content))
    return path.read_bytes() != content


def statuses(folder: Path) -> list[tuple[str, str]]:
    """Return the name and the status of each MLflow run of a checkout."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("wordlab")
    found: list[tuple[str, str]] = []
    token = None
    while True:
        page = client.search_runs([experiment.experiment_id], max_results=5000, page_token=token)
        found.extend((str(run.info.run_name), str(run.info.status)) for run in page)
        token = page.token
        if not token:
            return found


def soak(scratch: Path, targets: Sequence[str], minutes: float, seed: int) -> dict[str, Any]:
    """Return the figures of a soak, as the first lines of this file explain."""
    checkout = Checkout(scratch, seed)
    checkout.undisturbed(targets)
    deadline = time.monotonic() + 60 * minutes
    stages = list(checkout.seconds)
    while time.monotonic() < deadline:
        stage = checkout.random.choice(stages)
        checkout.random.choice((checkout.kill, checkout.kill, checkout.damage))(stage)
        print(
            f"\r{checkout.counts['kills']} kills, {checkout.counts['inputs refused']} refused, "
            f"{len(checkout.wrong)} wrong", end="", file=sys.stderr, flush=True,
        )  # fmt: skip
    print(file=sys.stderr)
    checkout.check()
    return {
        "minutes": minutes,
        "stages": len(stages),
        **dict(sorted(checkout.counts.items())),
        "wrong": len(checkout.wrong),
        "what": checkout.wrong,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1, help="of what is killed and damaged when")
    parser.add_argument("--stages", nargs="*", default=[], help="these and what they need")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        figures = soak(Path(scratch), asked.stages, asked.minutes, asked.seed)
    harness.write(figures, asked.json)
    for name, value in figures.items():
        if name != "what":
            print(f"{name}: {value}")
    if figures["wrong"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
