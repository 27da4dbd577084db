"""The main repository: where it is, which revision it is at, and where MLflow's store is in it."""

import os
import subprocess
from pathlib import Path

QUOTING = """dvc wants accents, spaces and brackets quoted twice, -S 'corpus.path="…"'"""
"""What may be wrong with a path that is not there."""


def enter_checkout() -> Path:
    """Go to the top of the checkout around the current folder, if any; return the way back."""
    start = Path.cwd()
    folder = checkout(start)
    if folder is None or folder == start:
        return Path()
    os.chdir(folder)
    return start


def checkout(start: Path) -> Path | None:
    """Return the folder with the pipeline that `start` is, or is in."""
    for folder in (start, *start.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "params.yaml").is_file():
            return folder
    return None


def root() -> Path:
    """Return the main repository, also from inside a temporary experiment of DVC."""
    return Path(os.environ.get("DVC_ROOT") or ".").resolve()


def given(path: str) -> Path:
    """Return a path of params.yaml: `~` is the home, and a relative one starts at the root, also
    from inside a temporary experiment. The home of nobody is a folder that is not there."""
    return root() / os.path.expanduser(path)


def revision(repository: Path | None = None) -> str:
    """Return the commit that a repository is at, the main one if none is given, or a word that
    says there is none."""
    command = ["git", "-C", str(repository or root()), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "no revision"


def tracking_database() -> Path:
    """Return the SQLite file that holds the MLflow runs by default."""
    return root() / "mlflow.db"


def tracking_artifacts() -> Path:
    """Return the folder that holds the artifacts of MLflow runs by default."""
    return root() / "mlartifacts"
