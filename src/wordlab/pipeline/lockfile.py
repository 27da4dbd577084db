"""What dvc.lock says that the pipeline made, and how that differs from the committed one."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError

from wordlab.artifacts import md5_of_listing
from wordlab.errors import UserError

LOCK = "dvc.lock"


def made(path: Path) -> dict[str, tuple[str, str]]:
    """Return the stage and the md5 of each output that the dvc.lock at `path` names.

    Empty if there is none. Without what only a remote knows by a version of its own. Raises
    UserError if it is damaged, or another process is writing it.
    """
    with _reading(path):
        return {
            out["path"]: (name, _md5(out))
            for name, stage in _stages(path).items()
            for out in stage.get("outs", [])
            if all("md5" in one for one in out.get("files", [out]))
        }


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what a damaged dvc.lock raises inside the block into a UserError."""
    try:
        yield
    except (YAMLError, ValueError, TypeError, KeyError, AttributeError):
        raise UserError(
            f"{path}: empty or damaged; `git checkout {path}` brings the committed one back"
        ) from None


def _stages(path: Path) -> Mapping[str, Any]:
    """Return the stages that the dvc.lock at `path` names, none if it does not exist."""
    try:
        found: Mapping[str, Any] = YAML(typ="safe").load(path).get("stages", {})
    except FileNotFoundError:
        return {}
    return found


def stage(repository: Path, name: str) -> Mapping[str, Any]:
    """Return what the dvc.lock of a repository has of a stage, empty if nothing.

    Raises UserError as `made`.
    """
    path = repository / LOCK
    with _reading(path):
        found: Mapping[str, Any] = _stages(path).get(name, {})
        return found


def outputs(lock: Mapping[str, Any]) -> dict[str, str]:
    """Return the md5 of each output that the content of a dvc.lock names.

    Where a remote keeps versions of files, the lock has the files of a folder instead of its md5.
    """
    return {
        out["path"]: _md5(out)
        for stage in lock.get("stages", {}).values()
        for out in stage.get("outs", [])
    }


def _md5(out: Mapping[str, Any]) -> str:
    """Return the md5 of an output or of a file in it, or what a remote knows its version by."""
    if "files" in out:
        entries = [{"md5": _md5(file), "relpath": file["relpath"]} for file in out["files"]]
        return md5_of_listing(entries)
    return str(out.get("md5") or out.get("cloud"))


def current(repository: Path) -> dict[str, str]:
    """Return the md5 of each output in the dvc.lock of the working tree."""
    path = repository / LOCK
    if not path.exists():
        raise UserError(f"{path}: no such file; `dvc repro` makes it")
    with _reading(path):
        return outputs({"stages": _stages(path)})


def committed(repository: Path) -> dict[str, str] | None:
    """Return the md5 of each output in the dvc.lock of HEAD, or None if there is none."""
    command = ["git", "-C", str(repository), "show", f"HEAD:./{LOCK}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return outputs(YAML(typ="safe").load(done.stdout) or {}) if done.returncode == 0 else None


def differences(repository: Path) -> list[str]:
    """Return lines for a person: whether the outputs are the committed ones, and which are not."""
    now, before = current(repository), committed(repository)
    if before is None:
        return [f"{len(now)} outputs; no dvc.lock is committed to compare them with"]
    other = sorted(path for path in now if now[path] != before.get(path))
    if not other:
        return [f"All {len(now)} outputs are those of the committed dvc.lock, byte for byte"]
    return [
        f"{len(other)} of {len(now)} outputs differ from those of the committed dvc.lock:",
        *(f"  {path}" for path in other),
        "A change of params, text or code does this; so does a processor of another type, in the "
        "last digits",
    ]


def changed(repository: Path, section: str, now: Mapping[str, Any]) -> bool:
    """Say whether a section of params, as the last run of its stage had it, is not `now`.

    A key that only one of them has is no change: it came or went with the code.
    """
    with _reading(repository / LOCK):
        last = stage(repository, section)
        before = last.get("params", {}).get("params.yaml", {}).get(section, {})
        return any(before[key] != now[key] for key in before.keys() & now.keys())
