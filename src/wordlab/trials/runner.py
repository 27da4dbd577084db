"""Trials that are run once each: resumed where they were cut off, shared where several run them.

Trials that have ended are kept in the checkpoint of their stage, or in the database whose URL is in
WORDLAB_STORE, where they stay, and which several processes may share.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from numpy.typing import NDArray

from wordlab import progress
from wordlab.checkpoints import Checkpoint
from wordlab.parallel import side_by_side

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

VARIABLE = "WORDLAB_STORE"
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


class Named(Protocol):
    """A trial as a store knows it: the name that identifies it, and what a database shows of it."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def settings(self) -> Mapping[str, Any]: ...


class Setting(NamedTuple):
    """A setting of a study, of which a database shows the name alone."""

    name: str
    model: str = ""
    settings: Mapping[str, Any] = {}


Runner = Callable[[Iterator[Sequence[int]]], Iterable[tuple[int, Outcome]]]
"""Runs trials, giving the outcome of each, by number, as it ends.

It is given the numbers of trials to run together as it asks for them; none where there are none at
present, since other processes run what is left."""


class Store:
    """Where trials are claimed and their outcomes kept: by one process, in its checkpoint."""

    def __init__(self, checkpoint: Checkpoint, recipe: str) -> None:
        """recipe: all that decides the outcomes besides the names."""
        self.checkpoint = checkpoint
        self.own: dict[str, Any] = {}
        """The trials claimed and not yet ended, by name."""
        self._ended: dict[str, Outcome] = {}
        arrays, state = checkpoint.resume(lambda: recipe) or ({}, {"ended": []})
        for place, (name, numbers, tracked) in enumerate(state["ended"]):
            self._ended[name] = Outcome(numbers, arrays.get(str(place), {}), tracked)

    def look(self) -> Mapping[str, Outcome]:
        """Return the outcomes of all trials that have ended, by name, whoever ran them."""
        return self._ended

    def free_stale(self) -> None:
        """Free the trials of processes that seem to be dead."""

    def claim(self, trial: Named) -> bool:
        """Return whether this process is to run `trial`; else it has, or another does or has."""
        free = trial.name not in self._ended and trial.name not in self.own
        if free:
            self.own[trial.name] = trial
        return free

    def end(self, trial: Named, outcome: Outcome) -> None:
        """Keep the outcome of a trial that this process has claimed."""
        del self.own[trial.name]
        self._ended[trial.name] = outcome
        arrays = {str(place): one.arrays for place, one in enumerate(self._ended.values())}
        ended = [[name, one.numbers, one.tracked] for name, one in self._ended.items()]
        self.checkpoint.save(arrays, {"ended": ended})


def run(
    store: Store,
    planned: Sequence[Named],
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
    distributions: "Callable[[], Mapping[str, BaseDistribution]]" = dict,
    value: Callable[[Outcome], float] = lambda outcome: 0.0,
    maximize: bool = False,
    on_beat: Callable[[], object] = lambda: None,
) -> Iterator[Store]:
    """Open the store of the trials of `models` made by a recipe, inside the block.

    name: of the sweep or study; recipe: all trials with the same are interchangeable, none without
    one; in a database, distributions: what each setting is drawn from, value: what a trial is
    judged by, on_beat: called now and then while trials run. Trials claimed and not ended are free
    again at the end. Raises UserError where the database cannot be opened, or fails.
    """
    url = os.environ.get(VARIABLE)
    if not url or not recipe:
        yield Store(checkpoint, recipe)
        return
    from wordlab.trials import database  # a second that trials in a checkpoint need not spend

    label = f"{name} {recipe[:16]}"
    with database.opened(
        url, label, models, distributions(), value, maximize=maximize, on_beat=on_beat
    ) as store:
        yield store


class Measurements:
    """What `function(job, shared)` measures of each job asked for, none of them twice.

    Jobs run in processes of their own. A job is identified by its repr, which must be complete.
    """

    def __init__(
        self,
        function: Callable[..., Outcome],
        shared: Any,
        *,
        title: str,
        checkpoint: Checkpoint,
        resumed: bool = False,
    ) -> None:
        """title: of the progress bar; checkpoint: of what has ended, by the same stage only;
        resumed: each job is also given a checkpoint of its own, a part of that one."""
        self.function, self.shared, self.resumed = function, shared, resumed
        self.title, self.checkpoint = title, checkpoint
        self._ended: dict[str, Outcome] = {}

    def of(self, jobs: Sequence[Any]) -> list[Outcome]:
        """Return the outcome of each of `jobs`, in their order."""
        wanted = {repr(job): job for job in jobs if repr(job) not in self._ended}
        path = self.checkpoint.path  # named by the digest of all that a stage reads
        recipe = "" if path is None else fingerprint(path.stem)
        own = {
            name: [self.checkpoint.part(fingerprint(name)[:16])] if self.resumed else []
            for name in wanted
        }
        given = [(job, *own[name]) for name, job in wanted.items()]
        runner = in_processes(_measured, given, self.function, self.shared)
        with (
            progress.bar(len(wanted), self.title, "setting") as bar,
            opened(self.title, recipe, self.checkpoint, on_beat=bar.refresh) as store,
        ):
            planned = [Setting(name) for name in wanted]

            def end(number: int, outcome: Outcome) -> None:
                bar.update(1)
                for checkpoint in own[planned[number].name]:
                    checkpoint.clear()  # the outcome is kept

            ended = run(store, planned, runner, end)
        self._ended |= dict(zip(wanted, ended, strict=True))
        return [self._ended[repr(job)] for job in jobs]


def _measured(given: Sequence[Any], function: Callable[..., Outcome], shared: Any) -> Outcome:
    job, *checkpoint = given
    return function(job, shared, *checkpoint)
