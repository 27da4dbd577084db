"""What a pass will take: the stages to come, what they go over, by measured rates minutes and MiB.

The rate is that of the stage's last run in this checkout, or else that of a pass with the default
params, in `rates.json`.
"""

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from wordlab import artifacts, paths
from wordlab.errors import UserError, notice
from wordlab.params.text import SplitFiles
from wordlab.params.whole import PARAMS, Params, load
from wordlab.pipeline.declared import Declaration, declaration, stages
from wordlab.pipeline.work import CHARACTERS, Work, counted, product, size, work
from wordlab.progress import thread_count
from wordlab.report.tables import aligned
from wordlab.text.sources import files_of

RATES = Path(__file__).with_name("rates.json")
"""Seconds, MiB, product and size of each stage of a pass with the default params, on one thread."""
PACKED = (".bz2", ".gz", ".xz", ".zip", ".zst")
"""Endings of files whose text is some four times as long."""
BUILT_IN = 469_496.0
"""Tokens of the built-in text."""
BASE, NETWORKS = 250.0, 450.0
"""MiB of a stage before it reads anything, and of one that trains or scores networks."""
FIXED, START = 3.0, 2.0
"""Seconds from one stage to the next, and of a stage before it computes anything."""
SHARED = {
    **dict.fromkeys(("study_autoencoder", "study_gradients", "study_regularisation"), 1.0),
    **dict.fromkeys(("study_cells", "sweep_recurrent"), 1.0),
    "train_word2vec@skipgram": 0.7,
    "train_word2vec@cbow": 0.4,
    "train_word2vec@subword": 0.0,
    "sweep_word2vec": 0.6,
    **dict.fromkeys(("train_glove", "sweep_glove", "train_ppmi", "sweep_ppmi"), 0.8),
    **dict.fromkeys(("cooccurrence", "preprocess", "build_vocab"), 0.7),
    **dict.fromkeys(("train_lm", "train_char_lm"), 0.5),
}
"""The share of a stage's time that all threads share (Amdahl's law); 0 of the others."""


class Rate(NamedTuple):
    """What a run of a stage took, the product and the size of what it went over, and on what."""

    seconds: float
    mib: float
    work: float
    size: float
    threads: float = 1


class Estimate(NamedTuple):
    """What a stage to come goes over and takes; `here` if by a run in this checkout."""

    stage: str
    work: Work
    seconds: float
    mib: float
    here: bool


def _tokens(params: Params, changed: bool) -> float:
    """Return the tokens of the text: where it has `changed`, by the size of its files.

    Where that is not known, those of the last text, and a Notice says so.
    """
    corpus, last = params.corpus, counted() or BUILT_IN
    if not changed:
        return last
    if corpus.source == "sample":
        return BUILT_IN
    given = {"path": str(corpus.path)} if corpus.path else {}
    if isinstance(corpus.splits, SplitFiles):
        given = {f"splits.{name}": path for name, path in corpus.splits}
    if corpus.source != "file" or not given:
        notice(
            f"corpus.source: the size of {corpus.source} is not known before it is read; times are "
            f"those of a text of {last:,.0f} tokens"
        )
        return last
    files = chain.from_iterable(
        files_of(f"corpus.{name}", path, paths.root(), Counter()) for name, path in given.items()
    )
    sizes = (path.stat().st_size * (4 if path.suffix in PACKED else 1) for path in files)
    return sum(sizes) / CHARACTERS


def measured(database: Path) -> dict[str, Rate]:
    """Return the rates of the last runs in the store of this checkout, by stage."""
    found: dict[str, Rate] = {}
    if not database.exists():
        return found
    names = ("wall_seconds", "peak_memory_mib", "plan.work", "plan.size", "plan.threads")
    values = ", ".join(f"MAX(CASE m.key WHEN '{name}' THEN m.value END)" for name in names)
    query = (
        f"SELECT t.value, {values} FROM runs AS r JOIN tags AS t USING (run_uuid) "
        "JOIN latest_metrics AS m USING (run_uuid) WHERE t.key = 'wordlab.stage' "
        "AND r.status = 'FINISHED' GROUP BY r.run_uuid, t.value ORDER BY r.start_time"
    )
    with closing(sqlite3.connect(database, timeout=60)) as store:
        try:
            for stage, *numbers in store.execute(query):
                if None not in numbers[:-1]:
                    found[stage] = Rate(*(number or 1 for number in numbers))
        except sqlite3.Error:  # not made yet, or broken, which MLflow reports
            return {}
    return found


def goes(database: Path) -> dict[str, list[tuple[float, float]]]:
    """Return from when to when, in seconds, the runs in the store made the last result of a stage.

    A stage that was ended and begun again, to go on from its checkpoint, has several.
    """
    if not database.exists():
        return {}
    with closing(sqlite3.connect(database, timeout=60)) as store:
        runs = store.execute(
            "SELECT t.value, r.status, r.start_time / 1000.0, r.end_time / 1000.0 FROM runs AS r "
            "JOIN tags AS t USING (run_uuid) WHERE t.key = 'wordlab.stage' "
            "AND t.value NOT LIKE '% trial' AND r.end_time IS NOT NULL ORDER BY r.start_time"
        ).fetchall()
    found: dict[str, list[tuple[float, float]]] = {}
    unfinished: dict[str, list[tuple[float, float]]] = {}
    for stage, status, start, end in runs:
        unfinished.setdefault(stage, []).append((start, end))
        if status == "FINISHED":
            found[stage] = unfinished.pop(stage)
    return found


def shipped() -> dict[str, Rate]:
    """Return the rates of `rates.json`."""
    return {stage: Rate(*numbers) for stage, numbers in artifacts.read_json(RATES).items()}


def estimate(stage: str, ahead: Work, here: Mapping[str, Rate]) -> Estimate:
    """Return what a stage that goes over `ahead` takes, by its rate."""
    rate = here.get(stage) or shipped().get(stage, Rate(FIXED, BASE, 1, 1))
    shared = SHARED.get(stage, SHARED.get(stage.partition("@")[0], 0.0))
    faster = 1 - shared + shared * rate.threads / thread_count()
    start = min(START, rate.seconds)
    seconds = start + (rate.seconds - start) * product(ahead) / rate.work * faster
    base = NETWORKS if rate.mib > NETWORKS else BASE
    mib = base + max(0.0, rate.mib - base) * size(ahead) / rate.size
    return Estimate(stage, ahead, FIXED + seconds, mib, stage in here)


def planned(targets: Sequence[str], overrides: Sequence[str]) -> list[Estimate]:
    """Return the stages that `dvc repro` of `targets` would run, each with what it takes.

    targets: every stage if none are given; overrides: of params, as `-S` of DVC takes them. Raises
    UserError where there is no such stage or param, or DVC cannot say what has changed.
    """
    with TemporaryDirectory() as scratch:
        changed_params = Path(scratch) / PARAMS.name
        changed_params.write_bytes(PARAMS.read_bytes())
        _override(changed_params, overrides)
        try:
            params = load(changed_params)
        except UserError as error:
            raise UserError(str(error).replace(str(changed_params), str(PARAMS))) from None
        before = {stage: declaration(stage) for stage in stages()}
        declared = {stage: declaration(stage, params=changed_params) for stage in before}
    unknown = set(targets) - declared.keys() - {stage.partition("@")[0] for stage in declared}
    if unknown:
        raise UserError(f"{min(unknown)}: no such stage; expected one of {', '.join(declared)}")
    changed = {stage for stage in declared if declared[stage] != before[stage]} | _changed()
    here = {} if os.environ.get("MLFLOW_TRACKING_URI") else measured(paths.tracking_database())
    tokens = _tokens(params, "download" in changed)
    return [
        estimate(stage, work(stage, params, tokens), here)
        for stage in to_come(changed, declared, targets)
    ]


def _override(params: Path, overrides: Sequence[str]) -> None:
    """Change a file of params as `-S` of DVC does. Raises UserError where DVC would refuse."""
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides

    for one in overrides:
        try:
            apply_overrides(str(params), [one])
        except DvcException as error:
            problem = str(error.__cause__ or error).splitlines()[0]
            raise UserError(f"-S {one}: {problem}") from None


def _changed() -> set[str]:
    """Return the stages whose params, code, inputs or outputs are not those of dvc.lock."""
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"dvc status: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    return set(json.loads(done.stdout))


def to_come(
    changed: Collection[str], declared: Mapping[str, Declaration], targets: Sequence[str]
) -> Iterator[str]:
    """Yield the stages that run, in order: those `changed`, and those that read what these make.

    declared: all stages of the pipeline, each after those whose outputs it reads; targets: the
    stages to run with all that they need, every one if none are given.
    """
    needed, wanted = set(targets or declared), set[Path]()
    for stage in reversed(list(declared)):
        asked = {stage, stage.partition("@")[0]} & needed
        if asked or _meet(declared[stage].outputs, wanted):
            needed.add(stage)
            wanted.update(declared[stage].inputs)
    renewed = set[Path]()
    for stage, own in declared.items():
        if stage in needed and (stage in changed or _meet(renewed, own.inputs)):
            renewed.update(own.outputs)
            yield stage


def _meet(made: Collection[Path], read: Collection[Path]) -> bool:
    """Return whether one of `made` is one of `read`, or in it, or around it."""
    return any(a.is_relative_to(b) or b.is_relative_to(a) for a in made for b in read)


def shown(estimates: Sequence[Estimate]) -> str:
    """Return a table of what each stage goes over and takes, and what all take."""
    if not estimates:
        return "Nothing to run: every stage is up to date."
    rows = [
        [
            *(one.stage, duration(one.seconds), f"{one.mib:,.0f} MiB", " " if one.here else "*"),
            " x ".join(f"{_number(value)} {name}" for name, value in one.work.items()),
        ]
        for one in estimates
    ]
    table = aligned([["stage", "time", "memory", " ", "goes over"], *rows], left=(0, 4))
    whole = duration(sum(one.seconds for one in estimates))
    most = max(one.mib for one in estimates)
    several = len(estimates) > 1
    count = f"{len(estimates)} stages, one after another" if several else "1 stage"
    lines = [
        table,
        f"{count}: about {whole}, at most {most:,.0f} MiB. A stage is skipped if those before it "
        "make what they made before.",
    ]
    if not all(one.here for one in estimates):
        lines.append("* by a pass on another machine, until the stage has run here")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Return seconds in the unit that suits them."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{max(1, seconds):.0f} seconds"
