"""Pages in docs/ from the committed tables of runs: what one found, and answers to a course."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from traceback import extract_tb
from typing import Any

import jinja2
import pandas as pd

from wordlab import names
from wordlab.artifacts import read_json, read_table
from wordlab.errors import UserError
from wordlab.params.whole import PARAMS, restored
from wordlab.report import tables
from wordlab.report.findings import answers
from wordlab.report.page import SECTIONS
from wordlab.report.results import UNMEASURED, Answer, Results
from wordlab.report.tables import Table, fraction, number, percent

FACTS = "run.json"
TEMPLATE = "answers.jinja"
"""The sentences of answers.md, with the places of their numbers."""
SWEEPS = ("word2vec", "glove", "ppmi", "recurrent")
ALIKE = ("window", "dimensions")
"""Settings that sweeps of word vectors have in common."""


@dataclass(frozen=True)
class Run:
    """The committed results of a scale."""

    name: str
    docs: Path

    @property
    def folder(self) -> Path:
        """Where its tables are."""
        return self.docs / "results" / self.name

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What run.json holds."""
        found: Mapping[str, Any] = read_json(self.folder / FACTS)
        return found

    @cached_property
    def results(self) -> Results:
        """Its tables as the report reads them, with the params of then.

        Raises UserError where run.json has none.
        """
        place = self.folder / FACTS
        if "params" not in self.facts:
            raise UserError(
                f"{place}: expected `params`, which `wordlab publish` keeps; found none"
            )
        return Results(self.folder, restored(self.facts["params"], PARAMS, place))

    def table(self, name: str) -> pd.DataFrame:
        """Return the table `name`, such as study_cells/cells or scores/embeddings."""
        place = self.folder / f"{name}.csv"
        return read_table(place if place.exists() else self.folder / "tables" / f"{name}.csv")

    def cell(self, name: str, column: str, **where: Any) -> Any:
        """Return the value in `column` of the one row of a table with these values.

        Raises UserError where no row has them, or several.
        """
        table = self.table(name)
        for key, value in where.items():
            table = table[table[key] == value]
        if len(table) != 1:
            raise UserError(
                f"{self.folder}/{name}: expected one row with {where}, got {len(table)}"
            )
        return table[column].iloc[0].item() if column in table else _missing(name, column)

    def ranged(
        self,
        name: str,
        write: Callable[[Any], str] = lambda value: _two(value),
        columns: tuple[str, str, str] = ("score", "low", "high"),
        **where: Any,
    ) -> str:
        """Return a value with its interval, .57 [.47, .65]."""
        value, low, high = (write(self.cell(name, column, **where)) for column in columns)
        return f"{value} [{low}, {high}]"


def _missing(name: str, column: str) -> Any:
    raise UserError(f"{name}: no column {column}")


def page(run: Run) -> str:
    """Return what a run found, section by section of the report, in Markdown."""
    facts, text = run.facts, run.facts["text"]
    found = answers(run.results)
    parts = [
        f"# The scale `{run.name}`",
        f"Made by `wordlab publish` from [the tables of this run]({run.name}); brackets and ranges "
        f"are {percent(run.results.params.evaluation.confidence)} intervals, unless a heading says "
        "otherwise.",
        tables.markdown(
            ["", ""],
            [
                ["text", f"{text['origin']}, {number(text['documents'])} documents"],
                ["sha256", f"`{text['sha256']}`"],
                ["machine", f"{facts['machine']}, {facts['cores']} cores"],
                ["minutes", number(facts["minutes"])],
                ["revision", f"`{facts['revision']}`"],
                ["made by", f"`{facts['command']}`, then `wordlab publish {run.name}`"],
            ],
        ),
    ]
    for section in SECTIONS:
        if found.get(section.name, UNMEASURED) is not UNMEASURED:
            parts += [f"## {section.question}", *_section(run, section.figure, found[section.name])]
        if section.name == "cells":
            parts += _pace(run)
    parts += [part for sweep in SWEEPS for part in _best(run, sweep)]
    parts += _side_by_side(run)
    longest = list(facts["seconds"].items())
    parts += [
        "## How long the stages took",
        "Stages can run side by side, each on some of the cores; the time of every attempt counts, "
        "where one was ended and begun again.",
        tables.markdown(["stage", "seconds"], [[name, number(took)] for name, took in longest]),
    ]
    return "\n\n".join(parts) + "\n"


def _section(run: Run, figure: str, answer: Answer) -> Iterator[str]:
    yield answer.text
    if answer.table:
        yield _table(answer.table)
    yield from answer.more
    if (run.folder / "figures" / f"{figure}.png").exists():
        yield f"![{figure.replace('_', ' ')}]({run.name}/figures/{figure}.png)"


def _pace(run: Run) -> Iterator[str]:
    """Yield what each kind of cell took to reach its perplexity; nothing where it is not known."""
    took: Mapping[str, float] = run.facts.get("cell_seconds", {})
    if not took:
        return
    cells = run.table("study_cells/cells").set_index("cell")
    yield (
        "Seconds to train and score one language model of words on one thread, while other "
        "work ran: those of the fastest seed."
    )
    yield tables.markdown(
        ["Perplexity against time", "seconds", "multiply-adds per word", "weights", "perplexity"],
        [
            [
                names.model(cell), f"{seconds:.1f}",
                *(number(int(cells[name][cell])) for name in ("multiply_adds", "parameters")),
                f"{cells['perplexity'][cell]:.1f}",
            ]
            for cell, seconds in sorted(took.items(), key=lambda one: one[1])
        ],
    )  # fmt: skip


def _best(run: Run, sweep: str) -> Iterator[str]:
    """Yield the best settings by each score of a sweep; nothing where it did not run."""
    place = f"analysis_{sweep}"
    if not run.results.has(place, "best"):
        return
    best = run.results.table(place, "best").drop(columns="noise")
    best = best.assign(model=best["model"].map(names.model), score=best["score"].map(names.plain))
    head = [names.plain(str(name)) for name in best]
    yield f"## The best settings of the sweep of {names.sweep(sweep)}"
    yield (
        "n is the number of trainings; low and high bound the interval of their mean; others "
        "counts the combinations that are not clearly worse."
    )
    yield tables.markdown(head, [[_shown(x) for x in row] for row in best.itertuples(index=False)])


def _side_by_side(run: Run) -> Iterator[str]:
    """Yield the scores of word vectors with the same window and dimensions, by model."""
    parts = []
    for sweep in SWEEPS[:-1]:
        if not run.results.has(f"sweep_{sweep}", "trials"):
            continue
        params = getattr(run.results.params, f"sweep_{sweep}")
        trials = run.results.table(f"sweep_{sweep}", "trials").assign(
            **{name: params.fixed[name] for name in ALIKE if name in params.fixed}
        )
        settings = ["model", *dict.fromkeys([*ALIKE, *params.grid])]
        scores = [str(name) for name in trials if name not in [*settings, "seed"]]
        means = trials.groupby(settings, sort=False)[scores].mean().reset_index()
        first = next(name for name in scores if not name.startswith("analogy"))
        groups = means.dropna(subset=[first]).groupby(["model", *ALIKE], sort=False)
        chosen, tried = groups[first].idxmax(), groups.size().to_numpy()
        parts.append(means.loc[chosen, ["model", *ALIKE, *scores]].assign(tried=tried))
    if len(parts) < 2:
        return
    found = pd.concat(parts)
    several = found.groupby(list(ALIKE))["model"].transform("nunique") > 1
    found = found[several].sort_values([*ALIKE, "model"])
    scores = [str(name) for name in found if name not in ("model", *ALIKE, "tried")]
    yield "## Word vectors of the same window and dimensions"
    yield (
        f"Each row shows the best of the other settings by {names.plain(first)}, averaged over "
        f"seeds; the last column counts the combinations tried. Epochs of word2vec: {_epochs(run)}."
    )
    columns = [*ALIKE, "model", *scores, "tried"]
    rows = found.assign(model=found["model"].map(names.model))[columns].itertuples(index=False)
    yield tables.markdown(
        [names.plain(str(name)) for name in columns], [[_shown(x) for x in r] for r in rows]
    )


def _epochs(run: Run) -> Any:
    """Return how often the sweep of word2vec reads the text."""
    params = run.results.params
    return params.sweep_word2vec.fixed.get("epochs", params.word2vec.skipgram.epochs)


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _table(table: Table) -> str:
    return tables.markdown([table.title, *table.head], table.rows)


def answered(known: Mapping[str, Run], docs: Path) -> str:
    """Return the answers to the questions of a course, their numbers those of the tables.

    Raises UserError where a table lacks what a sentence takes, or a sentence no longer holds.
    """
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(docs),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    writers = {"n": number, "points": _points, "share": percent, "signed": _signed, "two": _two}
    made.filters |= writers
    made.globals |= {**writers, "holds": _holds, "runs": known}
    try:
        template = made.get_template(TEMPLATE)
        return template.render()
    except jinja2.TemplateSyntaxError as error:
        raise UserError(f"{docs / TEMPLATE}, line {error.lineno}: {error.message}") from None
    except UserError as error:
        places = [place.lineno for place in extract_tb(error.__traceback__)
                  if place.filename == template.filename]  # fmt: skip
        raise UserError(f"{template.filename}, line {places[-1]}: {error}") from None


def _points(share: float) -> str:
    """Return a difference of shares in percentage points."""
    return tables.points(share).replace("-", "\N{MINUS SIGN}")


def _two(value: float) -> str:
    return fraction(value).replace("-", "\N{MINUS SIGN}")


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{_two(value)}"


def _holds(*claims: bool) -> str:
    """Write nothing where what a sentence claims is so."""
    if not all(claims):
        raise UserError(f"a sentence no longer holds: its claims are {', '.join(map(str, claims))}")
    return ""
