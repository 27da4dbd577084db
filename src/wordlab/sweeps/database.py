"""Opening the database of the trials: whatever SQLAlchemy can reach, made safe to share."""

import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wordlab.errors import UserError

if TYPE_CHECKING:
    import optuna
    import sqlalchemy

HEARTBEAT = 10
"""Seconds between two signs of life."""
GRACE = 60
"""Seconds of silence after which a process is taken for dead."""


def connected(url: str) -> "tuple[optuna.storages.BaseStorage, sqlalchemy.Engine]":
    """Return the Optuna storage at `url`. Raises UserError with the reason if there is none."""
    import optuna
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import IntegrityError, NoSuchModuleError, SQLAlchemyError

    os.environ.setdefault("PGCONNECT_TIMEOUT", "10")  # else a host that is away takes minutes
    try:
        place = make_url(url)
        sqlite = place.get_backend_name() == "sqlite"
        for attempt in range(10):
            try:
                with no_warning():
                    storage = optuna.storages.RDBStorage(
                        url,
                        engine_kwargs={"connect_args": {"timeout": 60}}
                        if sqlite
                        else {"pool_pre_ping": True},
                        heartbeat_interval=HEARTBEAT,
                        grace_period=GRACE,
                    )
                break
            except SQLAlchemyError as error:  # two that begin a database get into each other's way
                rival = isinstance(error, IntegrityError) or "already exists" in str(error)
                if not rival or attempt == 9:
                    raise
                time.sleep(0.2)
    except NoSuchModuleError:
        raise UserError(f"{place.drivername}: no such kind of database") from None
    except ImportError as error:
        driver = getattr(error.__cause__, "name", None) or place.drivername
        raise UserError(
            f"the driver {driver} is not installed; for PostgreSQL `pip install "
            f"'psycopg[binary]'` and write postgresql+psycopg://"
        ) from None
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, ValueError, RuntimeError) as e:
        raise UserError(f"the database cannot be opened: {reason(e)}") from None
    if sqlite:
        _lock_first(storage.engine)
    return optuna.storages.get_storage(storage), storage.engine


def _lock_first(engine: "sqlalchemy.Engine") -> None:
    """Have each transaction of SQLite take the write lock at its beginning.

    Python's driver begins one at the first write, after Optuna has read the state that it changes:
    two processes could then claim the same trial.
    """
    from sqlalchemy import event

    def opened(connection: Any, record: Any) -> None:
        connection.isolation_level = None

    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", opened)
    event.listen(engine, "begin", begun)
    engine.dispose()


def reason(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(":")


@contextmanager
def no_warning() -> Iterator[None]:
    """Hide that Optuna may still change how it finds dead processes."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
