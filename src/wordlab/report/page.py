"""The page: what each section shows, put through the template.

Nothing in it depends on when or where it was made: the same inputs give the same bytes.
"""

import base64
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from wordlab import names
from wordlab.report.figures.style import MODELS, key, label
from wordlab.report.sections import SECTIONS, Section
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
    """A figure as the page holds it: a data URI, its size, and the sentence that says what is seen.

    width, height: pixels.
    """

    uri: str
    caption: str
    width: int
    height: int

    @property
    def wide(self) -> bool:
        """Whether it needs the page's whole width to be read."""
        return self.width > _COLUMN


@dataclass(frozen=True)
class Chapter:
    """A section of the page with what this run has for it."""

    section: Section
    scores: Sequence[Table]
    """Results side by side, in sight."""
    findings: Sequence[str]
    pictures: Sequence[Picture]
    empty: Sequence[str]
    """The names of figures for which this text has nothing to show."""
    numbers: Sequence[Table]
    """Everything measured, folded away."""
    settings: Sequence[tuple[str, str]]


def build(
    metrics: Mapping[str, Any],
    figures: Mapping[str, Path | None],
    params: Mapping[str, Any],
    samples: Sequence[Mapping[str, str]] = (),
) -> str:
    """Return the report as one HTML page that needs no other file.

    metrics: what each stage measured, by the stem of its file in reports/metrics: nested numbers,
    with optional lists of `sentences` that say what was found. figures: PNG files by the stem of
    their names, None where there is nothing to show. params: the whole of params.yaml. samples:
    generated texts, each with model, prompt and text. What no section knows is shown all the same,
    at the end.
    """
    chapters: list[Chapter] = []
    used = {"preprocess", "vocabulary"}  # they are the page's beginning
    for section in SECTIONS:
        mine = {k: v for k, v in metrics.items() if section.takes(k) and k not in used}
        used |= mine.keys()
        names = [name for name in figures if section.shows(name)]
        chapter = _chapter(section, mine, {name: figures[name] for name in names}, params)
        has_samples = section.name == "language-models" and samples
        if mine or names or has_samples:
            chapters.append(chapter)
    return TEMPLATES.get_template("report.html").render(
        facts=_facts(metrics, params),
        splits=_splits(metrics),
        chapters=chapters,
        samples=_by_prompt(samples),
        settings=list(flat(params)),
        colours={name: colour for name, (_, colour, _) in MODELS.items()},
        key=key,
        label=label,
        most=_FINDINGS,
    )


def _chapter(
    section: Section,
    metrics: Metrics,
    figures: Mapping[str, Path | None],
    params: Mapping[str, Any],
) -> Chapter:
    scores: list[Table] = []
    if "embeddings" in metrics:
        scores += embedding_scores(metrics["embeddings"])
    if "language_models" in metrics:
        scores += language_scores(metrics["language_models"], metrics)
    if "study_autoencoder" in metrics:
        scores.append(autoencoder_scores(metrics["study_autoencoder"]))
    return Chapter(
        section=section,
        scores=scores,
        findings=list(sentences(metrics)),
        pictures=[
            _picture(section.caption(name), path)
            for name in section.order(figures)
            if (path := figures[name])
        ],
        empty=[name.replace("_", " ") for name in section.order(figures) if not figures[name]],
        numbers=[table for name, value in metrics.items() for table in tables(name, value)],
        settings=[
            pair for name in section.params if name in params for pair in flat(params[name], name)
        ],
    )


def sentences(metrics: Any) -> Iterator[str]:
    """Yield every text in a list called `sentences`, at any depth, in order."""
    if not isinstance(metrics, Mapping):
        return
    for name, value in metrics.items():
        if name == "sentences":
            yield from value
        else:
            yield from sentences(value)


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


def _picture(caption: str, path: Path) -> Picture:
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])  # of the PNG's first chunk, IHDR
    uri = "data:image/png;base64," + base64.b64encode(data).decode("ascii")
    return Picture(uri, caption, width, height)


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
    names = [name for name in ("train", "valid", "test") if name in sizes]
    if not names:
        return None
    rows = []
    for name in names:
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
