"""What the stages measured, and the register of functions that put it into words."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from wordlab import names
from wordlab.artifacts import read_json, read_table
from wordlab.params.whole import Params
from wordlab.report.tables import Table


class Unmeasured(Exception):
    """A text for which nothing of what a figure shows could be measured."""


@dataclass(frozen=True)
class Results:
    """What the stages measured: the files below a folder with `metrics`, `curves` and `tables`."""

    folder: Path
    params: Params

    @property
    def curves(self) -> Path:
        """The folder of curves: CSV files."""
        return self.folder / "curves"

    @property
    def tables(self) -> Path:
        """The folder that has one folder of CSV files per study, sweep or comparison."""
        return self.folder / "tables"

    @cached_property
    def metrics(self) -> Mapping[str, Mapping[str, Any]]:
        """What each stage measured in nested numbers, by the stem of its file, sorted."""
        return {
            path.stem: read_json(path) for path in sorted((self.folder / "metrics").glob("*.json"))
        }

    def curve(self, prefix: str) -> pd.DataFrame:
        """Return the curves `prefix`_MODEL.csv below one another, with the column model.

        The curve `prefix`.csv where there is but one.
        """
        order = {
            name: place
            for place, name in enumerate(("skipgram", "cbow", "subword", "rnn", "lstm", "gru"))
        }
        paths = sorted(
            self.curves.glob(f"{prefix}_*.csv"),
            key=lambda path: order.get(path.stem.removeprefix(f"{prefix}_"), len(order)),
        )
        if not paths:
            return read_table(self.curves / f"{prefix}.csv")
        parts = [
            read_table(path).assign(model=path.stem.removeprefix(f"{prefix}_")) for path in paths
        ]
        return pd.concat(parts, ignore_index=True)

    def has(self, study: str, name: str) -> bool:
        """Return whether a study has the table `name`; an empty one is not written."""
        return self._path(study, name).exists()

    def table(self, study: str, name: str) -> pd.DataFrame:
        """Return the table `name` of a study, of a sweep also of its analysis."""
        return read_table(self._path(study, name))

    def _path(self, study: str, name: str) -> Path:
        own = self.tables / study / f"{name}.csv"
        analysed = self.tables / study.replace("sweep_", "analysis_") / own.name
        return own if own.exists() else analysed


@dataclass(frozen=True)
class Study:
    """The results of one stage, as its figures see them."""

    results: Results
    stage: str

    @property
    def params(self) -> Params:
        """The whole params.yaml."""
        return self.results.params

    def has(self, name: str) -> bool:
        """Return whether there is a table `name`."""
        return self.results.has(self._folder, name)

    def table(self, name: str) -> pd.DataFrame:
        """Return the table `name`."""
        return self.results.table(self._folder, name)

    def measured(self, name: str, column: str) -> pd.DataFrame:
        """Return the table `name` whose measure is `column`.

        Raises Unmeasured if no row has a value of it.
        """
        table = self.table(name)
        if not table[column].notna().any():
            raise Unmeasured(f"{self.stage}, {name}: no row has a {column}")
        return table

    def curve(self, prefix: str) -> pd.DataFrame:
        """Return curves by epoch, as `Results.curve`."""
        return self.results.curve(prefix)

    @property
    def _folder(self) -> str:
        folders = {"compare_embeddings": "embeddings"}
        return folders.get(self.stage, self.stage.replace("analyse_sweep@", "sweep_"))


@dataclass(frozen=True)
class Answer:
    """The answer to the question of a section of the report.

    text: a sentence or two that carry the answer; decided: whether this text decides it; table: the
    few numbers that it rests on; more: what follows from it, a paragraph each; examples: tables of
    words and texts, folded away.
    """

    text: str
    decided: bool
    table: Table | None = None
    more: Sequence[str] = ()
    examples: Sequence[Table] = ()


UNMEASURED = Answer("This text is too small to measure it.", decided=False)

Finder = Callable[[Results], Sequence[str]]
"""Returns sentences, in reading order."""
Answerer = Callable[[Results], Answer]

_FINDERS: dict[str, list[Finder]] = {}
_ANSWERERS: dict[str, Answerer] = {}


def of_stage(stage: str) -> Callable[[Finder], Finder]:
    """Register the decorated function as one that puts the results of `stage` into words.

    stage: its name in dvc.yaml, with the item behind `@` if it has several. Functions of the same
    stage are called in the order they are registered in.
    """

    def register(finder: Finder) -> Finder:
        _FINDERS.setdefault(stage, []).append(finder)
        return finder

    return register


def answer(section: str) -> Callable[[Answerer], Answerer]:
    """Register the decorated function as the one that answers the question of a section."""

    def register(answerer: Answerer) -> Answerer:
        _ANSWERERS[section] = answerer
        return answerer

    return register


def findings(stage: str, results: Results) -> list[str]:
    """Return what the results of `stage` say, in sentences; none where it has no findings."""
    return [sentence for finder in _FINDERS.get(stage, []) for sentence in finder(results)]


def every(results: Results) -> dict[str, list[str]]:
    """Return the findings of all stages, by stage."""
    return {stage: findings(stage, results) for stage in _FINDERS}


def answers(results: Results) -> dict[str, Answer]:
    """Return the answers to the questions of all sections, by section."""
    found = dict.fromkeys(_ANSWERERS, UNMEASURED)
    for section, answerer in _ANSWERERS.items():
        with suppress(pd.errors.EmptyDataError, Unmeasured):
            found[section] = answerer(results)
    return found


BEYOND = ("perplexity", "ratio", "ratio_low", "ratio_high")
"""Scores of language models that may be infinite."""


def unbounded(scores: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the scores of a language model, infinite where its perplexity is beyond any float.

    Metrics have None for that.
    """
    if scores["perplexity"] is not None:
        return scores
    return {**scores, **{name: math.inf for name in BEYOND if scores.get(name, 0) is None}}


def by_method(model: str, scores: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name of a language model with its scores, then with those by each other method."""
    yield names.model(model), scores
    for method, found in scores.get("adapted", {}).items():
        yield f"{names.model(model)}, {names.ADAPTATIONS[method]}", unbounded(found)
