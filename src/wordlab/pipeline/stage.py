"""What every script in stages/ shares: its paths, its params, its outputs, its MLflow run.

A script calls `run`; which files it reads and makes, and which params are its own, is in
`dvc.yaml` alone. Outputs are written aside and take their places together when the stage has
succeeded.
"""

import argparse
import errno
import hashlib
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING, Any

import psutil
from safetensors import SafetensorError

from wordlab import artifacts, paths, progress
from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.params import flatten
from wordlab.params.whole import PARAMS, Params, load
from wordlab.pipeline import inputs, lockfile, recorder, trained, work
from wordlab.pipeline.declared import Declaration, declaration, named
from wordlab.pipeline.recorder import Recorder, Silent, is_running

if TYPE_CHECKING:
    import pandas as pd


# threads of torch sleep while they wait for one another: spinning, they starve on a busy machine
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


KEPT = "`dvc checkout` brings back what was there before"
POLLING = 1.0
"""Seconds between two looks at whether the `dvc` that runs the stage is there."""
LACKING = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO
)  # fmt: skip
"""What the system answers where a file cannot be read or written: no room, no permission, or a
medium that fails."""
SETS = Path("data/sets.json")
"""The evaluation sets that the stage fetch_sets has found, with their digests."""
SHOWN = ("curves", "tables")
"""The folders of results that figures are drawn from."""


class Stage:
    """A stage that runs: what it was given, and where its results go."""

    def __init__(
        self,
        name: str,
        item: str,
        params: Params,
        recorder: Recorder,
        inputs: Sequence[Path],
        outputs: Mapping[Path, Path],
        checkpoint: Checkpoint,
    ) -> None:
        """outputs: where to write each, by its path in dvc.yaml."""
        self.name = name
        self.item = item
        """The part of the name behind `@`: which model this stage trains; else empty."""
        self.params = params
        self.recorder = recorder
        self.checkpoint = checkpoint
        self.inputs = inputs
        self._outputs = outputs
        self.measured: dict[str, Any] = {}
        self.settings_of: dict[str, Mapping[str, Any]] = {}
        """Of each model trained here, by its name; of all under an empty one."""
        self._steps: dict[int, dict[str, float]] = {}

    def input(self, name: str) -> Path:
        """Return the path of an input, by a name as `declared.named` takes it."""
        return named(name, self.inputs)

    def output(self, name: str) -> Path:
        """Return where to write an output; it takes its place when the stage has succeeded."""
        return self._outputs[named(name, self._outputs)]

    def on_step(self, step: int, metrics: Mapping[str, float]) -> None:
        """Log metrics measured at a step, and keep them for the curve (a StepLogger)."""
        self._steps.setdefault(step, {}).update(metrics)
        self.recorder.metrics(metrics, step)

    def curve(self, step: str) -> None:
        """Write what was measured by step as the CSV output in curves/, the last of it as metrics.

        step: the name of the column of steps, such as epoch.
        """
        import pandas as pd

        rows = [{step: number, **metrics} for number, metrics in sorted(self._steps.items())]
        self.table("curves", pd.DataFrame(rows))
        self.metrics(rows[-1])

    def settings(self, model: str, params: Mapping[str, Any]) -> None:
        """Log what this stage trains, and how, under the names that trials of sweeps have."""
        self.settings_of[""] = params
        self.recorder.params({"model": model, **params})

    def on_trial(self, name: str, params: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
        """Log one setting of a study or sweep as a run below this one."""
        self.settings_of[name] = params
        self.recorder.child(name, params, metrics)

    def metrics(self, values: Mapping[str, Any], output: str = "metrics") -> None:
        """Write nested metrics, rounded, as the JSON output, and log them."""
        values = artifacts.rounded(values)
        artifacts.write_json(self.output(output), values)
        self.measured |= values
        self.recorder.metrics(values)

    def table(self, output: str, table: "pd.DataFrame") -> None:
        """Write a table as the CSV output."""
        artifacts.write_table(self.output(output), table)

    def result(self, result: artifacts.Result) -> None:
        """Write the metrics and, in the output `tables`, the tables of a result."""
        artifacts.write_tables(self.output("tables"), result.tables)
        self.metrics(result.metrics)


def run(body: Callable[[Stage], None], arguments: Sequence[str] | None = None) -> None:
    """Run the body of a stage script as the stage of dvc.yaml that has the script's name.

    It may be started from any folder of the checkout. A person's mistake ends the process with one
    line and status 1.
    """
    parser = argparse.ArgumentParser(prog=Path(sys.argv[0]).name)
    parser.add_argument("--item", default="", help="the item of a `foreach` that this stage is for")
    item = parser.parse_args(arguments).item
    name = Path(sys.argv[0]).stem + (f"@{item}" if item else "")

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _exit)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` would have it ignored
    paths.enter_checkout()
    owner = recorder.owner()
    if owner is not None:
        threading.Thread(target=_end_with, args=(name, owner), daemon=True).start()
    try:
        helps = int(os.environ.get("WORLD_SIZE", "1")) > 1 and os.environ["RANK"] != "0"
        (_help if helps else _run)(body, name, item)
    except UserError as error:
        print(f"{name}: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except (OSError, MemoryError) as error:
        problem = _problem(error, name)
        if problem is None:
            raise
        print(f"{name}: {problem}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print(f"{name}: interrupted; run it again to resume", file=sys.stderr)
        raise SystemExit(130) from None


def _exit(number: int, frame: FrameType | None) -> None:
    """Leave in an orderly way on a signal to stop, so that the MLflow run is ended."""
    raise SystemExit(128 + number)


def _end_with(name: str, owner: psutil.Process) -> None:
    """End this process, as SIGTERM does, when `owner`, the `dvc` that runs it, is gone.

    Else that `dvc`, killed and started again, would run the stage twice at once.
    """
    while is_running(owner):
        time.sleep(POLLING)
    print(f"{name}: the dvc that ran it is gone; run it again to resume", file=sys.stderr)
    os.kill(os.getpid(), signal.SIGTERM)


def _problem(error: OSError | MemoryError, stage: str) -> str | None:
    """Return in one line what the machine lacks, None where a fault of the program is likelier."""
    if isinstance(error, MemoryError):
        return f"{str(error) or 'not enough memory'}; {KEPT}"
    if error.errno not in LACKING:
        return None
    place = error.filename or " or ".join(map(str, declaration(stage).outputs))
    free = shutil.disk_usage(".").free
    return f"{place}: {error.strerror}, {free / 2**20:,.0f} MiB are free; {KEPT}"


@contextmanager
def _room(stage: str, outputs: Mapping[Path, Path]) -> Iterator[None]:
    """Turn what a disk that is full raises inside the block into a UserError: which file has no
    room, and how much its stage needs.

    outputs: where each is written, by the path whose place it takes.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        problem = _full(error)
        if problem is None:
            raise
        written = {path: _size(partial) for path, partial in outputs.items()}
        made = lockfile.stage(Path(), stage).get("outs", [])
        before, now = sum(out.get("size", 0) for out in made), sum(written.values())
        place = getattr(error, "filename", None) or max(written, key=lambda path: written[path])
        needs = f"{before / 2**20:,.1f} MiB, as before," if before > now else "more"
        raise UserError(
            f"{place}: {problem}; its stage has written {now / 2**20:,.1f} MiB and needs {needs} "
            f"but {shutil.disk_usage('.').free / 2**20:,.1f} MiB are free beside that; {KEPT}"
        ) from None


def _full(error: Exception) -> str | None:
    """Return what the system says where there is no room to write, None of any other error."""
    text = str(error)
    found = re.search(r"os error (\d+)", text) if isinstance(error, SafetensorError) else None
    number = int(found[1]) if found else getattr(error, "errno", None)
    if re.fullmatch(r"\d+ requested and \d+ written", text):  # by NumPy, which drops the number
        number = errno.ENOSPC
    return os.strerror(number) if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else None


def _size(path: Path) -> int:
    """Return the bytes of the file or folder at `path`, 0 if there is none."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _run(body: Callable[[Stage], None], name: str, item: str) -> None:
    params, declared = load(PARAMS), declaration(name)
    digests = inputs.digests(declared.inputs)
    checkpoint = checkpoint_of(name, declared, digests)
    shown = [path.parents[1] for path in declared.outputs if path.parent.name in SHOWN]
    with Recorder(name, params.model_dump()) as record:
        record.params(declared.params)
        record.inputs(digests)
        record.tags({f"dvc.dependency.{path}": digest for path, digest in digests.items()})
        with ExitStack() as places:
            partial = {
                path: places.enter_context(artifacts.replacing(path)) for path in declared.outputs
            }
            started = time.monotonic()
            stage = Stage(name, item, params, record, declared.inputs, partial, checkpoint)
            with _room(name, partial), _sets(declared.inputs):
                body(stage)
            seconds = time.monotonic() - started
            record.stored()
        made = {str(path): artifacts.md5(path) for path in declared.outputs}
        inputs.note(name, made)
        record.tags({f"dvc.output.{path}": digest for path, digest in made.items()})
        _log_models(stage, made)
        record.tags({"threads": os.environ.get("WORDLAB_THREADS", "all")})
        record.metrics(
            {
                "wall_seconds": seconds,
                "peak_memory_mib": progress.peak_mib(),
            }
        )
        tokens = work.counted()
        if tokens and name != "download":  # what that has made is not counted yet
            took = work.work(name, params, tokens)
            basis = {"work": work.product(took), "size": work.size(took)}
            record.metrics({"plan": {**basis, "threads": progress.thread_count()}})
        if shown:
            record.show(shown[0])
        record.finish()
    checkpoint.clear()


def _log_models(stage: Stage, made: Mapping[str, str]) -> None:
    """Log the models among what a stage made; made: the md5 of each output, by path."""
    if os.environ.get(trained.SWITCH, "").lower() in ("false", "0", "no"):
        return
    learned_from = next((p for p in stage.inputs if p.name in trained.LEARNED_FROM), Path())
    for path, md5 in made.items():
        for model in trained.models(Path(path)):
            of_all = stage.settings_of.get("", {})
            own = stage.settings_of.get(model.within.replace("_", " "), of_all)
            described = {
                **asdict(model),
                "example": model.example,
                "md5": md5,
                "params": flatten(own),
                "preprocess": stage.params.preprocess.model_dump(mode="json"),
                "checkout": str(paths.root()),
            }
            measured = trained.own(stage.measured, model)
            stage.recorder.model(described, measured, str(learned_from))


def _help(body: Callable[[Stage], None], name: str, item: str) -> None:
    """Run the body as one of the processes that torchrun started beside the first, which records
    and keeps the results of all."""
    declared = declaration(name)
    with TemporaryDirectory() as scratch:
        aside = {path: Path(scratch) / path for path in declared.outputs}
        for path in aside.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        with _sets(declared.inputs):
            body(Stage(name, item, load(PARAMS), Silent(), declared.inputs, aside, Checkpoint()))


def _sets(inputs: Sequence[Path]) -> AbstractContextManager[None]:
    """Hold a stage that depends on the list of evaluation sets to what this lists."""
    if SETS not in inputs:
        return nullcontext()
    from wordlab.evaluation.vectors import listed  # stages that score nothing need not load it

    return listed.held_to(SETS)


def checkpoint_of(name: str, declared: Declaration, digests: Mapping[str, str]) -> Checkpoint:
    """Return the checkpoint of a stage: another one for other params, inputs or code."""
    code = _digest([(str(path), artifacts.md5(path)) for path in declared.code])
    key = _digest([name, sorted(digests.items()), declared.params, code])
    return Checkpoint(paths.root() / ".checkpoints" / f"{name}-{key[:16]}.safetensors", code)


def _digest(parts: Sequence[Any]) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
