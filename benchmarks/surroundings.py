"""What the pipeline does in surroundings that few tests have: the same bytes, or one line.

    python benchmarks/surroundings.py [--target train_ppmi] [--cases no_home full_disk] [--json OUT]

Runs a stage and what it needs on a small text, in a copy of this checkout per case:

- plain: as it is, whose bytes the others have to have;
- no_home, home_gone: without HOME, and with one that is not there;
- umask: with umask 077; ascii: with LC_ALL=C and Python's own UTF-8 mode off;
- odd_path: in a folder with blanks and accents in its name;
- two_at_once: two `dvc repro` at the same time, of which DVC lets one run;
- four_experiments: four at once, before there is a store of MLflow;
- read_only, full_disk: the first stage by itself, on a file system that cannot be written, and on
  one without room. Both are mounted, which needs root; they are left out otherwise.

Prints a line per case: `same bytes`, or the line that the stage ends with. Its status is 1 if a
case is neither.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import harness

import wordlab  # noqa: F401  which has the copies find the kernels that are compiled here
from wordlab.pipeline import lockfile

ROOM = 24
"""MiB of the small file system beside the copy itself."""


class Copies:
    """Copies of a small checkout, and how one of its stages is run in them."""

    def __init__(self, scratch: Path, target: str) -> None:
        self.scratch, self.target = scratch, target
        self.first = scratch / "first"
        harness.checkout(self.first)
        self.bytes: dict[str, str] = {}
        """The md5 of each output of the plain case."""

    def copy(self, name: str) -> Path:
        return Path(shutil.copytree(self.first, self.scratch / name, symlinks=True))

    def environment(self, changes: Mapping[str, str | None]) -> dict[str, str]:
        found = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        found |= {f"GIT_{role}_{part}": "b" for role in ("AUTHOR", "COMMITTER")
                  for part in ("NAME", "EMAIL")}  # fmt: skip
        merged = {**found, **changes}
        return {name: value for name, value in merged.items() if value is not None}

    def start(
        self,
        folder: Path,
        *command: str,
        umask: int = -1,
        **changes: str | None,
    ) -> "subprocess.Popen[str]":
        """Start a command, with changes to the environment: None takes a variable away."""
        return subprocess.Popen(
            command, cwd=folder, env=self.environment(changes), umask=umask, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
        )  # fmt: skip

    def same(self, folder: Path) -> bool:
        return lockfile.current(folder) == self.bytes

    def repro(self, folder: Path, *, umask: int = -1, **changes: str | None) -> str:
        """Run the stage and what it needs; return `same bytes`, or what was printed."""
        process = self.start(folder, "dvc", "repro", self.target, umask=umask, **changes)
        printed = process.communicate()[0]
        return "same bytes" if not process.returncode and self.same(folder) else printed


def plain(copies: Copies) -> str:
    process = copies.start(copies.first, "dvc", "repro", copies.target)
    printed = process.communicate()[0]
    if process.returncode:
        return printed
    copies.bytes = lockfile.current(copies.first)
    for left in ("data", "dvc.lock", "mlflow.db", "mlartifacts", ".dvc/cache"):
        path = copies.first / left
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    subprocess.run(["git", "checkout", "-q", "--", "."], cwd=copies.first, check=True)
    return "same bytes"


def odd_path(copies: Copies) -> str:
    return copies.repro(copies.copy("a földer of Zoë's, (日本) & more"))


def two_at_once(copies: Copies) -> str:
    folder = copies.copy("two_at_once")
    both = [copies.start(folder, "dvc", "repro", copies.target) for _ in range(2)]
    printed = [process.communicate()[0] for process in both]
    ended = [process.returncode == 0 for process in both]
    refused = [text for text, fine in zip(printed, ended, strict=True) if not fine]
    if any("Traceback" in text or "lock" not in text for text in refused) or not any(ended):
        return "\n".join(printed)
    return "same bytes" if copies.same(folder) else "other bytes"


def four_experiments(copies: Copies) -> str:
    folder = copies.copy("four_experiments")
    queued = ["exp", "run", "--queue", "-S", "vocabulary.min_count=2,3,4,5", copies.target]
    printed = ""
    for command in (queued, ["exp", "run", "--run-all", "--jobs", "4"]):
        process = copies.start(folder, "dvc", *command)
        printed += process.communicate()[0]
    listed = copies.start(folder, "dvc", "exp", "list", "--name-only").communicate()[0].split()
    ended = statuses(folder)
    fine = len(listed) == 4 and set(ended) == {"FINISHED"} and "Traceback" not in printed
    return "same bytes" if fine else f"{listed} {ended}\n{printed}"


def statuses(folder: Path) -> list[str]:
    """Return the status of each MLflow run of a checkout."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("wordlab")
    return [run.info.status for run in client.search_runs([experiment.experiment_id])]


@contextmanager
def mounted(copies: Copies, name: str) -> Iterator[Path]:
    """Mount a copy on a file system of its own, of which ROOM is free, for the block."""
    folder = copies.scratch / name
    folder.mkdir()
    size = sum(path.stat().st_size for path in copies.first.rglob("*") if path.is_file())
    room = f"size={(size >> 20) + ROOM}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", room, "tmpfs", folder], check=True)
    try:
        shutil.copytree(copies.first, folder, symlinks=True, dirs_exist_ok=True)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False)


def read_only(copies: Copies) -> str:
    """Run the first stage where nothing can be written."""
    with mounted(copies, "read_only") as folder:
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        return by_itself(copies, folder)


def full_disk(copies: Copies) -> str:
    """Run the first stage where its results have no room."""
    with mounted(copies, "full_disk") as folder:
        with suppress(OSError), (folder / "rest").open("wb", buffering=0) as file:
            while file.write(bytes(1 << 12)):
                pass
        return by_itself(copies, folder)


def by_itself(copies: Copies, folder: Path) -> str:
    """Run the first stage without DVC; return the line that it ends with."""
    process = copies.start(
        folder, sys.executable, "stages/download.py", PYTHONPATH="src", DVC_ROOT=str(folder),
        MLFLOW_TRACKING_URI=f"sqlite:///{copies.scratch}/runs.db",
    )  # fmt: skip
    printed = process.communicate()[0].strip()
    return printed if process.returncode else f"it ran\n{printed}"


CASES: Mapping[str, Callable[[Copies], str]] = {
    "no_home": lambda copies: copies.repro(copies.copy("no_home"), HOME=None),
    "home_gone": lambda copies: copies.repro(copies.copy("home_gone"), HOME="/nowhere/home"),
    "umask": lambda copies: copies.repro(copies.copy("umask"), umask=0o077),
    "ascii": lambda copies: copies.repro(
        copies.copy("ascii"), LC_ALL="C", LANG="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"
    ),
    "odd_path": odd_path,
    "two_at_once": two_at_once,
    "four_experiments": four_experiments,
    "read_only": read_only,
    "full_disk": full_disk,
}
ROOT = ("read_only", "full_disk")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="train_ppmi", help="the stage to run")
    parser.add_argument("--cases", nargs="*", default=[*CASES], choices=CASES)
    parser.add_argument("--json", type=Path, help="where to write what each case printed")
    asked = parser.parse_args(arguments)
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        copies = Copies(Path(scratch), asked.target)
        for name, case in {"plain": plain, **{name: CASES[name] for name in asked.cases}}.items():
            if name in ROOT and os.geteuid():
                continue
            found[name] = case(copies)
            print(f"{name}: {found[name]}", flush=True)
    harness.write(found, asked.json)
    if any("\n" in printed for printed in found.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
