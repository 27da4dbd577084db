"""MLflow's own store, as a file of SQLite: what is asked of it without loading MLflow."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from wordlab import paths

EXPERIMENT = "wordlab"
"""The MLflow experiment that holds every run."""
PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
)
"""The columns in which MLflow keeps absolute places of artifacts."""


def experiment(database: Path) -> int | None:
    """Return the number of the experiment that holds every run, None before there is one."""
    found = _found(database, "experiment_id")
    return None if found is None else int(found)


def settle(database: Path, artifacts: Path) -> None:
    """Have the runs of a checkout that was moved or copied find their artifacts in this one.

    MLflow keeps absolute places: without this a copy would write into the folder it came from.
    database: the store, if it is there; artifacts: the folder beside it. Where anything changes a
    line on standard error says so.
    """
    before, now = _found(database, "artifact_location"), artifacts.as_uri()
    if before is None or before == now or Path(before).name != artifacts.name:
        return
    with closing(sqlite3.connect(database, timeout=60)) as store, store:
        for table, column in PLACES:
            store.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                (now, len(before) + 1, before, len(before) + 1, f"{before}/"),
            )
    came = unquote(urlsplit(before).path).removesuffix(f"/{artifacts.name}")
    print(
        f"{paths.tracking_database().name} is from {came}; artifacts of "
        f"its runs are now sought and kept in {artifacts}",
        file=sys.stderr,
        flush=True,
    )


def _found(database: Path, column: str) -> str | None:
    """Return a column of the experiment, None before there is one."""
    if not database.exists():
        return None
    with closing(sqlite3.connect(database, timeout=60)) as store:
        try:
            query = f"SELECT {column} FROM experiments WHERE name = ?"
            row = store.execute(query, (EXPERIMENT,)).fetchone()
        except sqlite3.Error:  # not made yet, or broken, which MLflow reports
            return None
    return None if row is None else str(row[0])
