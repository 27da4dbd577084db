"""The register of figures: each is one function that names its stage, title and caption."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import matplotlib.style
import pandas as pd
from matplotlib.figure import Figure

from wordlab.artifacts import replacing
from wordlab.report.figures.style import STYLE, png
from wordlab.report.results import Results, Study, Unmeasured

Drawer = TypeVar("Drawer", bound=Callable[[Study], Figure | None])


@dataclass(frozen=True)
class Entry:
    """A figure of the report and of the MLflow run of its stage.

    name: of its file; title, caption: what it shows, in a few words and in a sentence or two;
    section: of the report, if not the one that its stage belongs to.
    """

    name: str
    stage: str
    title: str
    caption: str
    section: str
    drawer: Callable[[Study], Figure | None]

    @property
    def item(self) -> str:
        """Which of several stages it is of: the part of the name behind `@`."""
        return self.stage.partition("@")[2]

    def draw(self, results: Results) -> Figure | None:
        """Return the figure; None where nothing of what it shows could be measured."""
        nothing = suppress(pd.errors.EmptyDataError, Unmeasured)
        with nothing, matplotlib.style.context(["default", STYLE]):
            return self.drawer(Study(results, self.stage))
        return None


FIGURES: dict[str, Entry] = {}
"""All figures by name, in reading order within each section of the report."""


def figure(
    stage: str | Sequence[str], title: str, caption: str, *, section: str = ""
) -> Callable[[Drawer], Drawer]:
    """Register the decorated function, whose name the figure takes, as an `Entry`.

    stage: its name in dvc.yaml; of several `stage@item` each has the figure NAME_ITEM.
    """

    def register(drawer: Drawer) -> Drawer:
        name = drawer.__name__
        for one in [stage] if isinstance(stage, str) else stage:
            own = name if isinstance(stage, str) else f"{name}_{one.partition('@')[2]}"
            FIGURES[own] = Entry(own, one, title, caption, section, drawer)
        return drawer

    return register


def of_stage(stage: str) -> list[Entry]:
    """Return the figures of the results of a stage; those of `stage` are of every `stage@item`."""
    return [one for one in FIGURES.values() if one.stage in (stage, stage.partition("@")[0])]


def write(name: str, results: Results, folder: Path) -> Path | None:
    """Draw the figure `name` into `folder`; return its file, None where there is no figure."""
    drawn = FIGURES[name].draw(results)
    if drawn is None:
        return None
    path = folder / f"{name}.png"
    with replacing(path) as partial:
        partial.write_bytes(png(drawn))
    return path
