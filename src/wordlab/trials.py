"""Trials that are run once each: resumed where they were cut off, shared where several run them.

Trials that have ended are kept in the checkpoint of their stage. Where WORDLAB_STORE has the URL of
a database they are kept there, by Optuna, and stay: all processes that are given the same URL share
the work. A process enqueues the trial it wants, unless another has, and claims it by taking it from
WAITING to RUNNING, which only one process can. While the trial runs, a heartbeat shows that its
process lives; after some silence the trial fails, and is free again. Where two processes enqueue
the same trial at once, the first of that name that has not failed is the one that counts.
"""

import base64
import hashlib
import json
import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray
from safetensors.numpy import load, save

from wordlab import progress
from wordlab.checkpoints import Checkpoint
from wordlab.errors import UserError
from wordlab.parallel import side_by_side

if TYPE_CHECKING:
    import optuna
    import sqlalchemy

VARIABLE = "WORDLAB_STORE"
HEARTBEAT = 10
"""Seconds between two signs of life."""
GRACE = 60
"""Seconds of silence after which a process is taken for dead."""
POLL = 1.0
"""Seconds between two looks at what other processes do, when there is nothing else to do."""


TrialLogger = Callable[[str, Mapping[str, Any], Mapping[str, Any]], None]
"""Receives the name of a trial, its settings and what was measured of it."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one trial measured.

    numbers: what JSON can hold; arrays: by name; tracked: durations, which are for the tracker
    alone, since outputs hold none.
    """

    numbers: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    tracked: Mapping[str, float] = field(default_factory=dict)


class Trial(Protocol):
    """One trial: a name that is all of it, and what a database shows of it."""

    @property
    def name(self) -> str:
        """The trial in one line."""

    @property
    def model(self) -> str:
        """What is trained."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The values of what differs between trials."""


Runner = Callable[[Iterator[Sequence[int]]], Iterable[tuple[int, Outcome]]]
"""Runs trials, giving the outcome of each, by number, as it ends.

It is given the numbers of trials to run together as it asks for them; none where there are none at
present, since other processes run what is left."""


class Store(Protocol):
    """Where trials are claimed and their outcomes kept."""

    own: dict[str, Any]
    """The trials claimed and not yet ended, by name."""

    def look(self) -> Mapping[str, Outcome]:
        """Return the outcomes of all trials that have ended, by name, whoever ran them."""

    def free_stale(self) -> None:
        """Free the trials of processes that seem to be dead."""

    def claim(self, trial: Trial) -> bool:
        """Return whether this process is to run `trial`; else another does, or has."""

    def end(self, trial: Trial, outcome: Outcome) -> None:
        """Keep the outcome of a trial that this process has claimed."""


def run(
    store: Store,
    planned: Sequence[Trial],
    runner: Runner,
    on_end: Callable[[int, Outcome], object],
    groups: Sequence[Sequence[int]] | None = None,
) -> list[Outcome]:
    """Return the outcome of each of `planned` once all have ended, whoever ran them.

    on_end: called with each as it ends, first with those that the store has; groups: the numbers of
    trials that are best run together; each alone if not given.
    """
    done: dict[int, Outcome] = {}

    def follow() -> None:
        ended = store.look()
        for number, trial in enumerate(planned):
            if number not in done and trial.name in ended:
                done[number] = ended[trial.name]
                on_end(number, done[number])

    def claimed() -> Iterator[list[int]]:
        """Yield what this process has claimed, a group at a time, until others need no help."""
        while True:
            mine: list[int] = []
            for group in groups or [[number] for number in range(len(planned))]:
                mine = [n for n in group if n not in done and store.claim(planned[n])]
                if mine:
                    break
            left = [trial.name for number, trial in enumerate(planned) if number not in done]
            if mine:
                yield mine
            elif all(name in store.own for name in left):
                return
            else:
                time.sleep(POLL)
                store.free_stale()
                follow()
                yield []

    follow()
    while len(done) < len(planned):
        for number, outcome in runner(claimed()):
            store.end(planned[number], outcome)
            follow()
    return [done[number] for number in range(len(planned))]


def in_processes(function: Callable[..., Outcome], jobs: Sequence[Any], *shared: Any) -> Runner:
    """Return the Runner of `function(job, *shared)`, in as many processes as threads to use."""

    def runner(groups: Iterator[Sequence[int]]) -> Iterator[tuple[int, Outcome]]:
        numbers: list[int] = []

        def claimed() -> Iterator[Any]:
            for group in groups:
                numbers.extend(group)
                yield jobs[group[0]] if group else None

        for place, outcome in side_by_side(function, claimed(), *shared):
            yield numbers[place], outcome

    return runner


def fingerprint(*parts: Any) -> str:
    """Return a digest of `parts`, which JSON can hold: equal for equal work."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@contextmanager
def opened(
    name: str,
    recipe: str,
    checkpoint: Checkpoint,
    *,
    models: Sequence[str] = ("",),
    distributions: "Callable[[], Mapping[str, optuna.distributions.BaseDistribution]]" = dict,
    value: Callable[[Outcome], float] = lambda outcome: 0.0,
    maximize: bool = False,
    on_beat: Callable[[], object] = lambda: None,
) -> Iterator[Store]:
    """Open the store of the trials of `models` made by a recipe, for the block.

    name: of the sweep or study; recipe: all trials with the same are interchangeable, none without
    one; in a database, distributions: what each setting is drawn from, value: what a trial is
    judged by, on_beat: called now and then while trials run. Trials claimed and not ended are free
    again at the end. Raises UserError where the database cannot be opened, or fails.
    """
    url = os.environ.get(VARIABLE)
    if not url or not recipe:
        yield Kept(checkpoint, recipe)
        return
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        storage, engine = connected(url)
    except UserError as error:
        raise UserError(f"{VARIABLE}: {error}") from None
    shared = Shared(storage, distributions(), value, maximize=maximize)
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT):
            with suppress(StorageInternalError, SQLAlchemyError):
                shared.sign_of_life()
            on_beat()

    thread = threading.Thread(target=beat, daemon=True)
    try:
        shared.open(f"{name} {recipe[:16]}", models)
        thread.start()
        yield shared
    except (StorageInternalError, SQLAlchemyError) as error:
        problem = reason(error.__cause__ or error)
        raise UserError(
            f"{name}: the database of the trials failed ({problem}); what has ended is kept: run "
            f"it again to resume"
        ) from None
    finally:
        stop.set()
        if thread.is_alive():
            thread.join()
        with suppress(StorageInternalError, SQLAlchemyError):
            shared.give_back()
        engine.dispose()


@dataclass(frozen=True)
class _Named:
    name: str
    model: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


class Measurements:
    """What `function(job, shared)` measures of each job asked for, none of them twice.

    Jobs run in processes of their own. A job is known again by its repr, which must be all of it.
    """

    def __init__(
        self,
        function: Callable[..., Outcome],
        shared: Any,
        *,
        title: str,
        checkpoint: Checkpoint,
    ) -> None:
        """title: of the progress bar; checkpoint: of what has ended, by the same stage only."""
        self.function, self.shared = function, shared
        self.title, self.checkpoint = title, checkpoint
        self._ended: dict[str, Outcome] = {}

    def of(self, jobs: Sequence[Any]) -> list[Outcome]:
        """Return the outcome of each of `jobs`, in their order."""
        wanted = {repr(job): job for job in jobs if repr(job) not in self._ended}
        recipe = self.checkpoint.path.stem if self.checkpoint.path else ""
        runner = in_processes(self.function, list(wanted.values()), self.shared)
        with (
            progress.bar(len(wanted), self.title, "setting") as bar,
            opened(self.title, recipe, self.checkpoint, on_beat=bar.refresh) as store,
        ):
            planned = [_Named(name) for name in wanted]
            ended = run(store, planned, runner, lambda number, outcome: bar.update(1))
        self._ended |= dict(zip(wanted, ended, strict=True))
        return [self._ended[repr(job)] for job in jobs]


class Kept:
    """The trials of one process, in its checkpoint."""

    def __init__(self, checkpoint: Checkpoint, recipe: str) -> None:
        self.checkpoint = checkpoint
        self.own: dict[str, Any] = {}
        self._ended: dict[str, Outcome] = {}
        arrays, state = checkpoint.resume(lambda: recipe) or ({}, {"ended": []})
        for place, (name, numbers, tracked) in enumerate(state["ended"]):
            self._ended[name] = Outcome(numbers, arrays.get(str(place), {}), tracked)

    def look(self) -> Mapping[str, Outcome]:
        """Return the outcomes of all trials that have ended, by name."""
        return self._ended

    def free_stale(self) -> None:
        """Do nothing: no other process has any."""

    def claim(self, trial: Trial) -> bool:
        """Return whether `trial` is still to be run."""
        free = trial.name not in self._ended and trial.name not in self.own
        if free:
            self.own[trial.name] = trial
        return free

    def end(self, trial: Trial, outcome: Outcome) -> None:
        """Keep the outcome of `trial`."""
        del self.own[trial.name]
        self._ended[trial.name] = outcome
        arrays = {str(place): one.arrays for place, one in enumerate(self._ended.values())}
        ended = [[name, one.numbers, one.tracked] for name, one in self._ended.items()]
        self.checkpoint.save(arrays, {"ended": ended})


class Shared:
    """What the processes that share a database have done and are doing, as one of them sees it.

    A study for each model; a trial's attributes are `training` (its name), `numbers`, `tracked` and
    `arrays` (as text).
    """

    def __init__(
        self,
        storage: "optuna.storages.BaseStorage",
        distributions: "Mapping[str, optuna.distributions.BaseDistribution]",
        value: Callable[[Outcome], float],
        *,
        maximize: bool,
    ) -> None:
        self.storage, self.distributions = storage, dict(distributions)
        self.value, self.direction = value, "maximize" if maximize else "minimize"
        self.own: dict[str, tuple[str, int]] = {}
        self._studies: dict[str, optuna.Study] = {}
        self._trials: dict[str, optuna.trial.FrozenTrial] = {}
        self._ended: dict[str, Outcome] = {}

    def open(self, prefix: str, models: Sequence[str]) -> None:
        """Open a study for each model, and take over what studies of other spaces have."""
        import optuna

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
        from optuna.storages import fail_stale_trials

        for study in self._studies.values():
            with no_warning():
                fail_stale_trials(study)

    def claim(self, trial: Trial) -> bool:
        """Return whether this process is to run `trial`; else another does, or has."""
        import optuna

        if trial.name in self.own or trial.name in self._ended:
            return False
        if trial.name not in self._trials:
            self._enqueue(trial)
        found = self._trials[trial.name]
        if found.state != optuna.trial.TrialState.WAITING:
            return False
        place = trial.model, found.number
        self._record_heartbeat(*place)  # first, so that a claim is never without one
        try:
            claimed = self.storage.set_trial_state_values(
                self._id(*place), optuna.trial.TrialState.RUNNING
            )
        except optuna.exceptions.UpdateFinishedTrialError:  # by another process, since we looked
            return False
        if claimed:
            self.own[trial.name] = place
        return claimed

    def end(self, trial: Trial, outcome: Outcome) -> None:
        """Keep the outcome of a trial that this process has claimed."""
        import optuna

        model, number = self.own.pop(trial.name)
        text = base64.b64encode(save(dict(outcome.arrays))).decode() if outcome.arrays else ""
        kept = {"numbers": dict(outcome.numbers), "tracked": dict(outcome.tracked), "arrays": text}
        with suppress(optuna.exceptions.UpdateFinishedTrialError):  # it was taken for dead
            for name, part in kept.items():
                self.storage.set_trial_user_attr(self._id(model, number), name, part)
            self._studies[model].tell(number, self.value(outcome), skip_if_finished=True)

    def sign_of_life(self) -> None:
        """Record that this process lives and its trials run."""
        for place in list(self.own.values()):
            self._record_heartbeat(*place)

    def give_back(self) -> None:
        """Free the trials that this process has claimed and not ended."""
        import optuna

        failed = optuna.trial.TrialState.FAIL
        while self.own:
            model, number = self.own.popitem()[1]
            self._studies[model].tell(number, state=failed, skip_if_finished=True)

    def _enqueue(self, trial: Trial) -> None:
        import optuna

        self._studies[trial.model].add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.WAITING,
                params=dict(trial.settings),
                distributions=self.distributions,
                user_attrs={"training": trial.name},
            )
        )
        self.look()

    def _take(self, found: "Sequence[optuna.trial.FrozenTrial]") -> None:
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

    def _record_heartbeat(self, model: str, number: int) -> None:
        self.storage.record_heartbeat(self._id(model, number))


def connected(url: str) -> "tuple[optuna.storages.BaseStorage, sqlalchemy.Engine]":
    """Return the Optuna storage at `url`. Raises UserError with the reason if there is none."""
    import optuna
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import IntegrityError, NoSuchModuleError, SQLAlchemyError

    optuna.logging.set_verbosity(logging.WARNING)
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
    """Return the first line of what an error says."""
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(":")


@contextmanager
def no_warning() -> Iterator[None]:
    """Hide that Optuna may still change how it finds dead processes."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
