"""MLflow's store, a file of SQLite or a server: what is asked of it without loading MLflow."""

import socket
import sqlite3
import sys
import urllib.error
import urllib.request
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from wordlab import paths
from wordlab.errors import UserError

EXPERIMENT = "wordlab"
"""The MLflow experiment that holds every run."""
PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
)
"""The columns in which MLflow keeps absolute places of artifacts."""

SECONDS = 5
"""The wait for a server."""
PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
"""Where servers of databases listen, by the beginning of an address."""


def check_server(uri: str) -> None:
    """Raise UserError, within some SECONDS, unless what `uri` names answers.

    MLflow itself tries again for a minute or more. Of a file nothing is asked.
    """
    problem = ""
    try:
        scheme = urlsplit(uri).scheme
        if scheme in ("http", "https"):
            problem = _web_problem(uri)
        elif scheme.partition("+")[0] in PORTS:
            problem = _database_problem(uri)
    except ValueError as error:
        problem = str(error)
    if problem:
        raise UserError(
            f"MLflow cannot use {uri} ({problem}); expected a server that answers; without "
            "MLFLOW_TRACKING_URI runs go to mlflow.db"
        )


def _web_problem(uri: str) -> str:
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    health = urlunsplit((parts.scheme, host, f"{parts.path.rstrip('/')}/health", "", ""))
    try:
        urllib.request.urlopen(health, timeout=SECONDS).close()
    except urllib.error.HTTPError as error:
        error.close()  # an answer all the same
    except (OSError, HTTPException) as error:
        return str(getattr(error, "reason", error) or type(error).__name__)
    return ""


def _database_problem(uri: str) -> str:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

    try:
        place = create_engine(uri).url  # which loads its driver
        port = place.port or PORTS[place.get_backend_name()]
        socket.create_connection((place.host or "localhost", port), SECONDS).close()
    except NoSuchModuleError:
        return "no such kind of database"
    except ImportError as error:
        return f"the driver {error.name} is not installed"
    except (OSError, SQLAlchemyError, KeyError) as error:
        return str(error).splitlines()[0]
    return ""


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


def trials(database: Path, stage: str) -> list[dict[str, str | float]]:
    """Return the params and last metrics of each trial of the last run of `stage` that ended well.

    In the order in which they were logged; none before there is such a run.
    """
    if not database.exists():
        return []
    found: dict[str, dict[str, str | float]] = {}
    of_run = (
        "FROM runs AS r JOIN tags AS t USING (run_uuid) WHERE t.key = 'wordlab.stage' "
        "AND t.value = ? AND r.status = 'FINISHED' AND r.lifecycle_stage = 'active' "
        "ORDER BY r.start_time DESC LIMIT 1"
    )
    of_trials = (
        "JOIN tags AS t USING (run_uuid) JOIN runs AS r USING (run_uuid) "
        f"WHERE t.key = 'mlflow.parentRunId' AND t.value = (SELECT r.run_uuid {of_run}) "
        "ORDER BY r.start_time, r.rowid"
    )
    with closing(sqlite3.connect(database, timeout=60)) as store:
        for table in ("params", "latest_metrics"):
            query = f"SELECT v.run_uuid, v.key, v.value FROM {table} AS v {of_trials}"
            for run, key, value in store.execute(query, (stage,)):
                found.setdefault(run, {})[key] = value
    return list(found.values())


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
