"""Pages in docs/ from the committed tables of a run: what it found, and the mission's answers.

A run is a folder docs/results/NAME: tables and figures as a pass wrote them to reports/, and
run.json with what no output of the pipeline holds: the machine, the minutes, the revision.
"""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from wordlab import paths
from wordlab.artifacts import read_json, read_table, write_json
from wordlab.errors import UserError
from wordlab.params.scales import SCALES
from wordlab.params.whole import PARAMS, load
from wordlab.pipeline import plan
from wordlab.report import tables
from wordlab.report.findings import answers
from wordlab.report.page import SECTIONS
from wordlab.report.results import Answer, Results
from wordlab.report.tables import Table, fraction, number, percent

DOCS = Path("docs")
DEFAULT = "default"
"""The run without a scale; it has no page, since reports/report.html is one."""
FACTS = "run.json"
KEPT = (
    "curves/word2vec_{cbow,skipgram}.csv",
    "metrics/{embeddings,language_models,ppmi,preprocess,study_gradients,vocabulary}.json",
    "scores/{embeddings,language_models}.csv",
    "tables/embeddings/{contrasts,differences,frequency,scores,sections}.csv",
    "tables/study_autoencoder/{baselines,examples,lengths,rates}.csv",
    "tables/study_cells/{cells,contexts,tasks}.csv",
    "tables/study_gradients/{tasks,trainings,truncations}.csv",
    "tables/study_regularisation/methods.csv",
    "tables/study_sizes/{growth,scores}.csv",
    "tables/study_windows/"
    "{associations,differences,neighbours,overlap,scores,sections,summary}.csv",
    "tables/sweep_{word2vec,glove,ppmi,recurrent}/{trials,winners,yardsticks}.csv",
    "tables/analysis_{word2vec,glove,ppmi,recurrent}/"
    "{beaten,best,differences,drawn_texts,importances,truncation}.csv",
)
"""What is taken of reports/, where the pass wrote it."""


@dataclass(frozen=True)
class Run:
    """The committed results of a pass."""

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
        """Its tables as the report reads them."""
        over = [] if self.name == DEFAULT else [SCALES / f"{self.name}.yaml"]
        return Results(self.folder, load(PARAMS, *over))

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


def runs(docs: Path = DOCS) -> dict[str, Run]:
    """Return the runs that are committed, by name."""
    found = sorted(path.parent.name for path in (docs / "results").glob(f"*/{FACTS}"))
    return {name: Run(name, docs) for name in found}


def take(name: str, docs: Path = DOCS, reports: Path = Path("reports")) -> None:
    """Take over the results in `reports` as those of the scale `name`, or of the default.

    Raises UserError if there is no such scale, params.yaml has other settings, or the pass has not
    ended.
    """
    if name != DEFAULT:
        scale = SCALES / f"{name}.yaml"
        if not scale.is_file():
            raise UserError(f"{name}: no such scale; expected {DEFAULT} or a file in {SCALES}/")
        if load(PARAMS) != load(PARAMS, scale):
            raise UserError(
                f"{PARAMS}: not the settings of {scale}; expected those of "
                f"`dvc exp run -n {name} $(wordlab scale {name})`, which leaves them there"
            )
    run = Run(name, docs)
    shutil.rmtree(run.folder, ignore_errors=True)
    for pattern in KEPT:
        for path in sorted(spread(pattern)):
            if (reports / path).exists():
                (run.folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(reports / path, run.folder / path)
    (run.folder / "figures").mkdir(parents=True)
    for figure in sorted(_figures(name, docs)):
        drawn = reports / "figures" / f"{figure}.png"
        if drawn.exists():
            shutil.copyfile(drawn, run.folder / "figures" / drawn.name)
    if not (run.folder / "metrics").exists():
        raise UserError(f"{reports}: no results; `dvc repro` makes them")
    write_json(run.folder / FACTS, _facts(name))


def spread(pattern: str) -> Iterator[str]:
    """Yield the paths that a pattern with {one,other} stands for."""
    before, brace, rest = pattern.partition("{")
    if not brace:
        yield pattern
        return
    inner, _, after = rest.partition("}")
    for one in inner.split(","):
        yield from spread(before + one + after)


def _figures(name: str, docs: Path) -> set[str]:
    """Return the figures that pages show of a run: of its own, or of the answers."""
    if name != DEFAULT:
        return {section.figure for section in SECTIONS if section.figure}
    template = (docs / TEMPLATE).read_text(encoding="utf-8")
    return set(re.findall(r'figure\("(\w+)"', template))


def _facts(name: str) -> dict[str, Any]:
    """Return what is known of the pass in this checkout beside its outputs."""
    text = read_json(Path("data/raw/provenance.json"))
    command = "make repro"
    if name != DEFAULT:
        own = "" if text["source"] == "sample" else " -S corpus.source=file -S corpus.path=FILE"
        command = f"dvc exp run -n {name} $(wordlab scale {name}){own}"
    took = plan.measured(paths.tracking_database())
    stages = {stage: round(rate.seconds) for stage, rate in took.items()}
    return {
        "command": command,
        "revision": _revision(),
        "machine": _processor(),
        "cores": os.cpu_count(),
        "minutes": round(sum(rate.seconds + plan.FIXED for rate in took.values()) / 60),
        "text": {key: text[key] for key in ("origin", "licence", "sha256", "documents")},
        "seconds": dict(sorted(stages.items(), key=lambda one: -one[1])),
    }


def _revision() -> str:
    command = ["git", "rev-parse", "--short=12", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    """Return the name of the processor, as Linux has it, or else its kind."""
    described = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", described.read_text()) if described.exists() else None
    return named[1] if named else platform.machine()


def written(docs: Path = DOCS) -> dict[Path, str]:
    """Return every page that is made from committed tables, by its place."""
    known = runs(docs)
    pages = {docs / "results" / f"{n}.md": page(run) for n, run in known.items() if n != DEFAULT}
    return {**pages, docs / "answers.md": answered(known, docs)}


def write(docs: Path = DOCS) -> list[Path]:
    """Write these pages, and return where."""
    pages = written(docs)
    for place, text in pages.items():
        place.write_text(text, encoding="utf-8", newline="\n")
    return list(pages)


def page(run: Run) -> str:
    """Return what a run found, section by section of the report, in Markdown."""
    facts, text = run.facts, run.facts["text"]
    found = answers(run.results)
    parts = [
        f"# The scale `{run.name}`",
        "Made by `wordlab publish` from the tables beside it; intervals hold at 95 %.",
        _markdown(
            ["", ""],
            [
                ["text", f"{text['origin']}, {number(text['documents'])} documents"],
                ["sha256", f"`{text['sha256']}`"],
                ["machine", f"{facts['machine']}, {facts['cores']} cores"],
                ["minutes of all stages", number(facts["minutes"])],
                ["revision", f"`{facts['revision']}`"],
                ["again", f"`{facts['command']}`, then `wordlab publish {run.name}`"],
            ],
        ),
        tables.results(run.folder / "metrics"),
    ]
    for section in SECTIONS:
        if section.name in found:
            parts += [f"## {section.question}", *_section(run, section.figure, found[section.name])]
    longest = list(facts["seconds"].items())
    parts += [
        "## How long the stages took",
        _markdown(["stage", "seconds"], [[name, number(took)] for name, took in longest]),
    ]
    return "\n\n".join(parts) + "\n"


def _section(run: Run, figure: str, answer: Answer) -> Iterator[str]:
    yield answer.text
    if answer.table:
        yield _table(answer.table)
    yield from answer.more
    if (run.folder / "figures" / f"{figure}.png").exists():
        yield f"![{figure.replace('_', ' ')}]({run.name}/figures/{figure}.png)"


def _table(table: Table) -> str:
    return _markdown([table.title, *table.head], table.rows)


def _markdown(head: Any, rows: Any) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


TEMPLATE = "answers.jinja"
"""The sentences of answers.md, with the places of their numbers."""


def answered(known: Mapping[str, Run], docs: Path = DOCS) -> str:
    """Return the answers to the mission's questions, their numbers those of the tables.

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
    made.globals |= {**writers, "holds": _holds, "needed": _needed, "runs": known}
    return made.get_template(TEMPLATE).render()


def _points(share: float) -> str:
    """Return a difference of shares in percentage points."""
    return f"{100 * share:.1f}".replace("-", "\N{MINUS SIGN}")


def _two(value: float) -> str:
    return fraction(value).replace("-", "\N{MINUS SIGN}")


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{_two(value)}"


def _needed(n: int, difference: float, low: float, high: float) -> int:
    """Return about how many items leave the interval of a difference no room for none."""
    return int(round(n * ((high - low) / 2 / difference) ** 2, -2))


def _holds(*claims: bool) -> str:
    """Write nothing where what a sentence claims is so."""
    if not all(claims):
        raise UserError(f"{TEMPLATE}: a sentence no longer holds: its claims are {list(claims)}")
    return ""
