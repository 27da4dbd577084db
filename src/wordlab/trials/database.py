"""Trials in a database, by Optuna, shared by all processes that are given its URL.

A process enqueues the trial it wants, unless another has, and claims it by taking it from WAITING
to RUNNING, which only one process can. While the trial runs, a heartbeat shows that its process
lives; after some silence the trial fails, and is free again. Where two processes enqueue the same
trial at once, the first of that name that has not failed is the one that counts.
"""

import base64
import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import (
    ExperimentalWarning,
    StorageInternalError,
    UpdateFinishedTrialError,
)
from optuna.storages import BaseStorage, RDBStorage, fail_stale_trials, get_storage
from optuna.trial import FrozenTrial, TrialState, create_trial
from safetensors.numpy import load, save
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, NoSuchModuleError, SQLAlchemyError

from wordlab.errors import UserError
from wordlab.trials.runner import VARIABLE, Named, Outcome, Store, fingerprint

HEARTBEAT = 10
"""Seconds between two signs of life."""
GRACE = 60
"""Seconds of silence after which a process is taken for dead."""


@contextmanager
def opened(
    url: str,
    name: str,
    models: Sequence[str],
    distributions: Mapping[str, BaseDistribution],
    value: Callable[[Outcome], float],
    *,
    maximize: bool,
    on_beat: Callable[[], object],
) -> Iterator[Store]:
    """Open the trials of `models` in the database at `url`, inside the block.

    name: all trials under the same are interchangeable; the rest as `runner.opened` has it.
    """
    try:
        storage, engine = connected(url)
    except UserError as error:
        raise UserError(f"{VARIABLE}: {error}") from None
    shared = Shared(storage, distributions, value, maximize=maximize)
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT):
            with suppress(StorageInternalError, SQLAlchemyError):
                shared.sign_of_life()
            on_beat()

    thread = threading.Thread(target=beat, daemon=True)
    try:
        shared.open(name, models)
        thread.start()
        yield shared
    except (StorageInternalError, SQLAlchemyError) as error:
        problem = reason(error.__cause__ or error)
        raise UserError(
            f"{VARIABLE}: the database failed ({problem}); what has ended is kept: run it again to "
            f"resume"
        ) from None
    finally:
        stop.set()
        if thread.is_alive():
            thread.join()
        with suppress(StorageInternalError, SQLAlchemyError):
            shared.give_back()
        engine.dispose()


class Shared(Store):
    """What the processes that share a database have done and are doing, as one of them sees it.

    A study for each model; a trial's attributes are `training` (its name), `numbers`, `tracked` and
    `arrays` (as text).
    """

    def __init__(
        self,
        storage: BaseStorage,
        distributions: Mapping[str, BaseDistribution],
        value: Callable[[Outcome], float],
        *,
        maximize: bool,
    ) -> None:
        self.storage, self.distributions = storage, dict(distributions)
        self.value, self.direction = value, "maximize" if maximize else "minimize"
        self.own: dict[str, tuple[str, int]] = {}
        """The trials claimed and not yet ended, by name: the model and the number in its study."""
        self._studies: dict[str, optuna.Study] = {}
        self._trials: dict[str, FrozenTrial] = {}
        self._ended: dict[str, Outcome] = {}

    def open(self, prefix: str, models: Sequence[str]) -> None:
        """Open a study for each model, and take over what studies of other spaces have."""
        space = fingerprint(*map(str, self.distributions.items()))[:8]
        for model in models:
            self._studies[model] = optuna.create_study(
                storage=self.storage,
                study_name=f"{prefix} {model} {space}",
                direction=self.direction,
                load_if_exists=True,
            )
        for name in optuna.get_all_study_names(self.storage):
            if name.startswith(f"{prefix} "):
                study = optuna.load_study(study_name=name, storage=self.storage)
                self._take(study.get_trials(deepcopy=False))
        self.look()

    def look(self) -> Mapping[str, Outcome]:
        """Return the outcomes of all trials that have ended, by name, whoever ran them."""
        self._trials.clear()
        for study in self._studies.values():
            self._take(study.get_trials(deepcopy=False))
        return self._ended

    def free_stale(self) -> None:
        """Free the trials of processes that seem to be dead."""
        for study in self._studies.values():
            with no_warning():
                fail_stale_trials(study)

    def claim(self, trial: Named) -> bool:
        """Return whether this process is to run `trial`; else another does, or has."""
        if trial.name in self.own or trial.name in self._ended:
            return False
        if trial.name not in self._trials:
            self._enqueue(trial)
        found = self._trials[trial.name]
        if found.state != TrialState.WAITING:
            return False
        place = trial.model, found.number
        number = self._id(*place)
        self.storage.record_heartbeat(number)  # first, so that a claim is never without one
        try:
            claimed = self.storage.set_trial_state_values(number, TrialState.RUNNING)
        except UpdateFinishedTrialError:  # by another process, since we looked
            return False
        if claimed:
            self.own[trial.name] = place
        return claimed

    def end(self, trial: Named, outcome: Outcome) -> None:
        """Keep the outcome of a trial that this process has claimed."""
        model, number = self.own.pop(trial.name)
        text = base64.b64encode(save(dict(outcome.arrays))).decode() if outcome.arrays else ""
        kept = {"numbers": dict(outcome.numbers), "tracked": dict(outcome.tracked), "arrays": text}
        with suppress(UpdateFinishedTrialError):  # it was taken for dead
            for name, part in kept.items():
                self.storage.set_trial_user_attr(self._id(model, number), name, part)
            self._studies[model].tell(number, self.value(outcome), skip_if_finished=True)

    def sign_of_life(self) -> None:
        """Record that this process lives and its trials run."""
        for place in list(self.own.values()):
            self.storage.record_heartbeat(self._id(*place))

    def give_back(self) -> None:
        """Free the trials that this process has claimed and not ended."""
        failed = TrialState.FAIL
        while self.own:
            model, number = self.own.popitem()[1]
            self._studies[model].tell(number, state=failed, skip_if_finished=True)

    def _enqueue(self, trial: Named) -> None:
        self._studies[trial.model].add_trial(
            create_trial(
                state=TrialState.WAITING,
                params=dict(trial.settings),
                distributions=self.distributions,
                user_attrs={"training": trial.name},
            )
        )
        self.look()

    def _take(self, found: Sequence[FrozenTrial]) -> None:
        for trial in found:
            attributes, state = trial.user_attrs, trial.state.name
            name = attributes["training"]
            if state == "COMPLETE" and name not in self._ended:
                packed = attributes["arrays"]
                arrays = load(base64.b64decode(packed)) if packed else {}
                self._ended[name] = Outcome(attributes["numbers"], arrays, attributes["tracked"])
            if state != "FAIL":
                self._trials.setdefault(name, trial)

    def _id(self, model: str, number: int) -> int:
        study = self.storage.get_study_id_from_name(self._studies[model].study_name)
        return self.storage.get_trial_id_from_study_id_trial_number(study, number)


def connected(url: str) -> tuple[BaseStorage, Engine]:
    """Return the Optuna storage at `url`. Raises UserError with the reason if there is none."""
    optuna.logging.set_verbosity(logging.WARNING)
    os.environ.setdefault("PGCONNECT_TIMEOUT", "10")  # else a host that is away takes minutes
    try:
        place = make_url(url)
        sqlite = place.get_backend_name() == "sqlite"
        for attempt in range(10):
            try:
                with no_warning():
                    storage = RDBStorage(
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
    except (SQLAlchemyError, StorageInternalError, ValueError, RuntimeError) as e:
        raise UserError(f"the database cannot be opened: {reason(e)}") from None
    if sqlite:
        _lock_first(storage.engine)
    return get_storage(storage), storage.engine


def _lock_first(engine: Engine) -> None:
    """Have each transaction of SQLite take the write lock at its beginning.

    Python's driver begins one at the first write, after Optuna has read the state that it changes:
    two processes could then claim the same trial.
    """

    def opened(connection: Any, record: Any) -> None:
        connection.isolation_level = None

    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", opened)
    event.listen(engine, "begin", begun)
    engine.dispose()


def reason(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(":")


@contextmanager
def no_warning() -> Iterator[None]:
    """Hide that Optuna may still change how it finds dead processes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
