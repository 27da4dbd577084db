"""Trials of a sweep in an Optuna database, shared by all processes that open the same one.

The database is a file of SQLite beside the stage's checkpoint, deleted when the stage has
succeeded, or the one whose URL is in WORDLAB_STORE, where trials stay.

Each training is a trial of a study. A process enqueues the one it wants, unless another has, and
claims it by taking it from WAITING to RUNNING, which one process only can. While the training runs,
a heartbeat says that its process lives; once that has been silent for a while the trial fails, and
the training is free again. Where two processes enqueue the same training at once, the first trial
of that name that has not failed is the one that counts.
"""

import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.params.sweeps import Range, Tried
from wordlab.sweeps.space import Trial, fingerprint
from wordlab.sweeps.trials import Metrics, Objective

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


VARIABLE = "WORDLAB_STORE"


def opened(name: str, space: Mapping[str, Tried], checkpoint: Checkpoint) -> "Store":
    """Return the store of the sweep called `name`: the database of WORDLAB_STORE, or a file.

    Without either, trials are kept in memory. Raises UserError if the database cannot be opened.
    """
    import optuna

    optuna.logging.set_verbosity(logging.WARNING)
    url = os.environ.get(VARIABLE)
    if not url and checkpoint.path is None:
        return Store(optuna.storages.InMemoryStorage(), None, name, space, shared=False)
    try:
        storage, engine = connected(url or _file(checkpoint.path))
    except UserError as error:
        raise UserError(f"{VARIABLE if url else name}: {error}") from None
    return Store(storage, engine, name, space, shared=bool(url))


def _file(path: Path | None) -> str:
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{path.with_suffix('.sqlite')}"


class Store:
    """The studies of a sweep: one for each recipe, model and space."""

    def __init__(
        self,
        storage: "optuna.storages.BaseStorage",
        engine: "sqlalchemy.Engine | None",
        name: str,
        space: Mapping[str, Tried],
        *,
        shared: bool,
    ) -> None:
        """engine: the storage's own, None for one in memory; shared: whether other processes may be
        at work on the same trials."""
        self.storage, self.engine, self.name, self.shared = storage, engine, name, shared
        self.distributions = {key: _distribution(tried) for key, tried in space.items()}

    @contextmanager
    def claims(
        self,
        recipe: str,
        models: Sequence[str],
        objective: Objective,
        on_beat: Callable[[], object],
    ) -> Iterator["Claims"]:
        """Open the studies of `models` and keep the claims on their trials alive.

        recipe: all trials with the same are interchangeable. on_beat: called now and then while
        trainings run. Claims on trainings that have not ended are given back at the end.
        Raises UserError where the database fails.
        """
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        stop = threading.Event()
        claims = Claims(self, objective)

        def beat() -> None:
            while not stop.wait(HEARTBEAT):
                with suppress(StorageInternalError, SQLAlchemyError):
                    claims.sign_of_life()
                on_beat()

        thread = threading.Thread(target=beat, daemon=True)
        try:
            claims.open(f"{self.name} {recipe[:16]}", models)
            thread.start()
            yield claims
        except (StorageInternalError, SQLAlchemyError) as error:
            told = reason(error.__cause__ or error)
            raise UserError(
                f"{self.name}: the database of the trials failed ({told}); what has ended is kept: "
                f"run it again to go on"
            ) from None
        finally:
            stop.set()
            if thread.is_alive():
                thread.join()
            with suppress(StorageInternalError, SQLAlchemyError):
                claims.give_back()
            if self.engine is not None:
                self.engine.dispose()


class Claims:
    """What the processes of a sweep have done and are doing, as one of them sees it.

    A trial's value is its objective; its attributes are `training` (the name) and `metrics`.
    """

    def __init__(self, store: Store, objective: Objective) -> None:
        self.store, self.objective = store, objective
        self.storage = store.storage
        self.studies: dict[str, optuna.Study] = {}
        self.own: dict[str, optuna.trial.FrozenTrial] = {}
        self._trials: dict[str, optuna.trial.FrozenTrial] = {}
        self._ended: dict[str, Metrics] = {}

    def open(self, prefix: str, models: Sequence[str]) -> None:
        """Open a study for each model, and take over what studies of other spaces have."""
        import optuna

        space = fingerprint([str(d) for d in self.store.distributions.items()])[:8]
        for model in models:
            self.studies[model] = optuna.create_study(
                storage=self.storage,
                study_name=f"{prefix} {model} {space}",
                direction="minimize" if self.objective.goal == "lower" else "maximize",
                load_if_exists=True,
            )
        for study in self.storage.get_all_studies():
            if study.study_name.startswith(f"{prefix} "):
                self._take(self.storage.get_all_trials(study._study_id, deepcopy=False))
        if not self.store.shared:  # what seems to run there was killed
            for trial in list(self._trials.values()):
                if trial.state == optuna.trial.TrialState.RUNNING:
                    self._fail(trial._trial_id)

    def look(self) -> Mapping[str, Metrics]:
        """Return the metrics of all trainings that have ended, by name, whoever ran them."""
        self._trials.clear()
        for study in self.studies.values():
            self._take(study.get_trials(deepcopy=False))
        return self._ended

    def free_stale(self) -> None:
        """Free the trainings of processes that seem to be dead."""
        from optuna.storages import fail_stale_trials

        for study in self.studies.values():
            with no_warning():
                fail_stale_trials(study)

    def claim(self, trial: Trial) -> bool:
        """Return whether this process is to run `trial`; else another does, or has."""
        import optuna

        if trial.name in self.own:
            return False
        if trial.name not in self._trials:
            self._enqueue(trial)
        found = self._trials[trial.name]
        if found.state != optuna.trial.TrialState.WAITING:
            return False
        self._record_heartbeat(found)  # first, so that a claim is never without one
        try:
            claimed = self.storage.set_trial_state_values(
                found._trial_id, optuna.trial.TrialState.RUNNING
            )
        except optuna.exceptions.UpdateFinishedTrialError:  # by another process, since we looked
            return False
        if claimed:
            self.own[trial.name] = found
        return claimed

    def end(self, trial: Trial, metrics: Metrics) -> None:
        """Keep the metrics of a training that this process has claimed."""
        import optuna

        found, value = self.own.pop(trial.name), self.objective.value(metrics)
        with suppress(optuna.exceptions.UpdateFinishedTrialError):  # it was taken for dead
            self.storage.set_trial_user_attr(found._trial_id, "metrics", dict(metrics))
            complete = optuna.trial.TrialState.COMPLETE
            self.storage.set_trial_state_values(found._trial_id, complete, [value])

    def sign_of_life(self) -> None:
        """Say that this process lives and its trainings run."""
        for trial in list(self.own.values()):
            self._record_heartbeat(trial)

    def give_back(self) -> None:
        """Free the trainings that this process has claimed and not ended."""
        while self.own:
            self._fail(self.own.popitem()[1]._trial_id)

    def _enqueue(self, trial: Trial) -> None:
        import optuna

        enqueued = optuna.trial.create_trial(
            state=optuna.trial.TrialState.WAITING,
            params=dict(trial.settings),
            distributions=self.store.distributions,
            user_attrs={"training": trial.name},
        )
        study = self.studies[trial.model]._study_id
        number = self.storage.create_new_trial(study, template_trial=enqueued)
        self.look()
        if self._trials[trial.name]._trial_id != number:  # another process was first
            self._fail(number)

    def _take(self, found: "Sequence[optuna.trial.FrozenTrial]") -> None:
        for trial in found:
            name, state = trial.user_attrs["training"], trial.state.name
            if state == "COMPLETE":
                self._ended[name] = trial.user_attrs["metrics"]
            if state != "FAIL":
                self._trials.setdefault(name, trial)

    def _fail(self, number: int) -> None:
        import optuna

        with suppress(optuna.exceptions.UpdateFinishedTrialError):
            self.storage.set_trial_state_values(number, optuna.trial.TrialState.FAIL)

    def _record_heartbeat(self, trial: "optuna.trial.FrozenTrial") -> None:
        if self.store.engine is not None:
            self.storage.record_heartbeat(trial._trial_id)


def _distribution(tried: Tried) -> Any:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if not isinstance(tried, Range):
        return CategoricalDistribution(tried)
    if tried.whole:
        return IntDistribution(int(tried.low), int(tried.high), log=tried.log)
    return FloatDistribution(tried.low, tried.high, log=tried.log)
