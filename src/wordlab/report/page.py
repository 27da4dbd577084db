"""The page: what each section shows, put through the template.

Nothing in it depends on when or where it was made: the same inputs give the same bytes.
"""

import base64
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from wordlab import names
from wordlab.report.figures import FIGURES
from wordlab.report.figures.style import MODELS
from wordlab.report.sections import SECTIONS, Section, of_metrics, of_stage
from wordlab.report.tables import (
    Cell,
    Table,
    autoencoder_scores,
    embedding_scores,
    language_scores,
    number,
    percent,
    tables,
)

Metrics = Mapping[str, Any]

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)

_COLUMN = 1100
"""The widest figure, in pixels, that is still readable at half the page's width."""


_FINDINGS = 12
"""Sentences of a section that are in sight; the rest is folded."""


@dataclass(frozen=True)
class Picture:
    """A figure as the page holds it: a data URI, its size in pixels, and what it shows."""

    uri: str
    title: str
    caption: str
    width: int
    height: int

    @property
    def wide(self) -> bool:
        """Whether it needs the page's whole width to be read."""
        return self.width > _COLUMN


@dataclass
class Chapter:
    """A section of the page with what this run has for it."""

    section: Section
    scores: list[Table] = field(default_factory=list)
    """Results side by side, in sight."""
    findings: list[str] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    """The titles of figures for which this text has nothing to show."""
    numbers: list[Table] = field(default_factory=list)
    """Everything measured, folded away."""
    settings: list[tuple[str, str]] = field(default_factory=list)
    samples: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """Generated texts by prompt, as (model, what follows the prompt)."""

    @property
    def filled(self) -> bool:
        """Whether this run has anything for it."""
        return bool(self.numbers or self.pictures or self.empty or self.findings or self.samples)


def build(
    metrics: Metrics,
    figures: Mapping[str, Path | None],
    params: Mapping[str, Any],
    samples: Sequence[Mapping[str, str]] = (),
    findings: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """Return the report as one HTML page that needs no other file.

    metrics: what each stage measured, nested numbers by the stem of its file in reports/metrics.
    figures: PNG files by name, None where there is nothing to show. params: the whole of
    params.yaml. samples: generated texts, each with model, prompt and text. findings: sentences by
    stage. Metrics that no section knows are shown at the end.
    """
    chapters = {section.name: Chapter(section) for section in SECTIONS}
    for name, path in figures.items():
        entry = FIGURES[name]
        chapter = chapters[entry.section or of_stage(entry.stage).name]
        title = f"{entry.title}, {names.plain(entry.item)}" if entry.item else entry.title
        if path is None:
            chapter.empty.append(title[0].lower() + title[1:])
        else:
            chapter.pictures.append(_picture(title, entry.caption, path))
    for stage, texts in (findings or {}).items():
        chapters[of_stage(stage).name].findings += texts
    for name, found in metrics.items():
        if name in ("preprocess", "vocabulary"):
            continue  # they are the page's beginning
        chapter = chapters[of_metrics(name).name]
        chapter.numbers += tables(name, found)
        if name == "embeddings":
            chapter.scores += embedding_scores(found)
        if name == "language_models":
            chapter.scores += language_scores(found, metrics)
        if name == "study_autoencoder":
            chapter.scores.append(autoencoder_scores(found))
    for chapter in chapters.values():
        named = [name for name in chapter.section.params if name in params]
        chapter.settings += [pair for name in named for pair in flat(params[name], name)]
    chapters["language-models"].samples = _by_prompt(samples)
    return TEMPLATES.get_template("report.html").render(
        facts=_facts(metrics, params),
        splits=_splits(metrics),
        chapters=[chapter for chapter in chapters.values() if chapter.filled],
        settings=list(flat(params)),
        colours={name: colour for name, (colour, _) in MODELS.items()},
        label=names.plain,
        most=_FINDINGS,
    )


def flat(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each param as its dotted name and its value as params.yaml writes it."""
    for name, value in params.items():
        full = f"{prefix}.{name}" if prefix else name
        if isinstance(value, Mapping):
            yield from flat(value, full)
        elif value is None or isinstance(value, bool):
            yield full, {None: "null", True: "true", False: "false"}[value]
        else:
            yield full, str(value)


def _picture(title: str, caption: str, path: Path) -> Picture:
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])  # of the PNG's first chunk, IHDR
    uri = "data:image/png;base64," + base64.b64encode(data).decode("ascii")
    return Picture(uri, title, caption, width, height)


def _facts(metrics: Metrics, params: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what was run as (what, value, what more is to say), in reading order."""
    corpus, vocabulary = params.get("corpus", {}), params.get("vocabulary", {})
    facts = []
    if corpus.get("source") == "sample":
        facts.append(("corpus", "Wikipedia sample", "articles packaged with gensim"))
    elif corpus.get("path"):
        facts.append(("corpus", Path(corpus["path"]).name, "a text of your own"))
    train = metrics.get("preprocess", {}).get("train")
    if train:
        documents = f"{number(train['documents'])} documents"
        facts.append(("training tokens", number(train["tokens"]), documents))
    if "vocabulary" in metrics:
        count = f"words seen {number(vocabulary.get('min_count'))} times or more"
        facts.append(("vocabulary", number(metrics["vocabulary"].get("words")), count))
    facts.append(("seed", number(params.get("seed")), "every random stream derives from it"))
    return facts


def _splits(metrics: Metrics) -> Table | None:
    """Return the splits of the text as a table, None before the text is split."""
    sizes, encoded = metrics.get("preprocess", {}), metrics.get("vocabulary", {})
    splits = [name for name in ("train", "valid", "test") if name in sizes]
    if not splits:
        return None
    rows = []
    for name in splits:
        counts = [sizes[name].get(what) for what in ("documents", "sentences", "tokens")]
        unknown = encoded.get(name, {}).get("unknown_share")
        share = "–" if unknown is None else percent(unknown)
        rows.append((name, [Cell(number(count)) for count in counts] + [Cell(share)]))
    head = [Cell(title) for title in ("documents", "sentences", "tokens", "unknown words")]
    return Table("Splits", head, rows)


def _by_prompt(samples: Sequence[Mapping[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """Return generated texts by prompt, as (model, what follows the prompt)."""
    grouped: dict[str, list[tuple[str, str]]] = {}
    for sample in samples:
        prompt, text = sample["prompt"], sample["text"]
        grouped.setdefault(prompt, []).append((sample["model"], text.removeprefix(prompt)))
    return grouped


def word_map(projections: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page of words in the plane, to point at.

    projections: by model, as `Projection.drawn` has them.
    """
    models = [{"name": names.model(name), **drawn} for name, drawn in projections.items()]
    return TEMPLATES.get_template("map.html").render(models=models)
