"""Whether the files that a stage reads are those that the stages before it made."""

import time
from collections.abc import Sequence
from pathlib import Path

from wordlab import artifacts
from wordlab.errors import UserError
from wordlab.params.whole import read
from wordlab.pipeline import lockfile
from wordlab.pipeline.declared import PIPELINE

NOTES = Path(".dvc/tmp/wordlab/made")
"""What each stage made last in this checkout, by DVC or by hand: DVC notes the first alone."""
PATIENCE = 2.0
"""Seconds in which another `dvc`, which writes dvc.lock in place, is done with it."""


def digests(inputs: Sequence[Path]) -> dict[str, str]:
    """Return the md5 of each input. Raises UserError where one is not what its stage made.

    That is known from dvc.lock, an experiment's own in its folder, which DVC writes after each
    stage, or from the note of a stage that a person ran. An input that no stage has made is taken
    as it is.
    """
    found = {str(path): artifacts.md5(path) for path in inputs}
    deadline = time.monotonic() + PATIENCE
    while problem := _problem(found, inputs):
        if time.monotonic() > deadline:
            raise UserError(problem)
        time.sleep(PATIENCE / 20)
    return {str(path): found[str(path)] for path in inputs}


def note(stage: str, made: dict[str, str]) -> None:
    """Keep the md5 of what `stage` made, by path."""
    NOTES.mkdir(parents=True, exist_ok=True)
    with artifacts.replacing(NOTES / f"{stage}.json") as partial:
        artifacts.write_json(partial, made)


def _problem(found: dict[str, str], inputs: Sequence[Path]) -> str | None:
    """Say which is the first input, or output within an input, that is not as its stage made it,
    or that dvc.lock is damaged.

    found: the md5 of each input; those of outputs within them are added.
    """
    known = read(PIPELINE)["stages"]
    try:
        made = lockfile.made(Path(lockfile.LOCK))
    except UserError as error:
        return str(error)
    for path, (stage, digest) in made.items():
        within = any(Path(path).is_relative_to(one) for one in inputs)
        if not within or stage.partition("@")[0] not in known:
            continue
        if path not in found:
            found[path] = artifacts.md5(Path(path)) if Path(path).exists() else ""
        if found[path] != digest and found[path] != _noted(stage).get(path):
            return (
                f"{path}: not what {stage} made; `dvc checkout --force {path}` brings that back, "
                f"`dvc repro {stage}` makes it again"
            )
    return None


def _noted(stage: str) -> dict[str, str]:
    path = NOTES / f"{stage}.json"
    return dict(artifacts.read_json(path)) if path.exists() else {}
