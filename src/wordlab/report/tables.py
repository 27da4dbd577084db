"""The report's tables: special ones for scores, and one way to lay out any nested metrics."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wordlab import names


@dataclass(frozen=True)
class Cell:
    """A value with what qualifies it.

    text: the value; note: n and coverage; strip: low, value and high as percent of the column's
    scale, drawn as a bar with a dot; interval: the same as text.
    """

    text: str
    notes: Sequence[str] = ()
    interval: str = ""
    strip: tuple[float, float, float] | None = None
    best: bool = False


@dataclass(frozen=True)
class Table:
    """A table: a head, and for each row its name and its cells."""

    title: str
    head: Sequence[Cell]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    note: str = ""


@dataclass(frozen=True)
class Score:
    """A score as measured: a value, an interval (None where there is none), how many items."""

    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    parts: Sequence[str] = ()
    """What the value is made of, one line each."""


@dataclass(frozen=True)
class Column:
    """A column of scores: its title, how a value is written, and which end is best."""

    title: str
    write: Callable[[Any], str]
    best: Callable[[Sequence[float]], float] | None = None
    scores: dict[str, Score] = field(default_factory=dict)


BEST = (
    "Bold: the best value of its column. It is a finding only where its interval keeps clear of "
    "the others'."
)


def number(value: Any) -> str:
    """Return a number as people read it: 421,548; 0.0364; 1.2e-07; a dash for none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if abs(value) >= 1000:
            return f"{value:,.0f}"
        return f"{value:.3g}" if 0 < abs(value) < 1e-3 else f"{value:.4g}"
    return str(value)


def percent(value: float) -> str:
    """Return a share in percent, 0.0364 as 3.6 %."""
    return f"{100 * value:.1f} %"


def embedding_scores(metrics: Mapping[str, Any]) -> list[Table]:
    """Return similarity and analogies of all models side by side.

    metrics: for each model what `evaluation.scores` measured.
    """
    columns: dict[str, Column] = {}
    for model, scores in metrics.items():
        if not isinstance(scores, Mapping):
            continue
        for name, found in scores.items():
            if isinstance(found, Mapping) and "spearman" in found:
                title = names.similarity(str(name))
                column = columns.setdefault(name, Column(title, "{:.3f}".format, max))
                column.scores[model] = Score(
                    found["spearman"], found.get("low"), found.get("high"),
                    _counted(found, "pairs"), _seeds(found),
                )  # fmt: skip
        _analogy_columns(model, scores.get("analogy"), columns)
    return [_side_by_side("Scores", columns, BEST)] if columns else []


def _analogy_columns(model: str, found: Any, columns: dict[str, Column]) -> None:
    if not isinstance(found, Mapping):
        return
    for method, scores in found.items():
        if not isinstance(scores, Mapping) or "total" not in scores:
            continue
        column = columns.setdefault(
            f"analogy {method}", Column(names.analogies(str(method)), percent, max)
        )
        groups = [g for g in ("semantic", "syntactic") if scores.get(g) is not None]
        parts = [*(f"{group} {percent(scores[group])}" for group in groups), *_seeds(found)]
        column.scores[model] = Score(
            scores["total"], scores.get("low"), scores.get("high"), _counted(found, "questions"),
            parts,
        )  # fmt: skip


def _counted(found: Mapping[str, Any], total: str) -> str:
    """Return how many items a score is over, and how much of the set they are."""
    if "n" not in found:
        return ""
    share = f", {found['coverage']:.0%}" if found.get("coverage") is not None else ""
    of = f" of {number(found[total])}" if total in found else ""
    return f"n = {number(found['n'])}{of}{share}"


def _seeds(found: Mapping[str, Any]) -> list[str]:
    """Return over how many trainings a score is the mean, where there are several."""
    return [f"mean of {found['seeds']} seeds"] if found.get("seeds", 1) > 1 else []


def language_scores(metrics: Mapping[str, Any], trained: Mapping[str, Any]) -> list[Table]:
    """Return the language models and their baselines side by side, a table a kind of symbol.

    metrics: for each model what `evaluation.language` measured; trained: what the trainings
    measured, by lm_ and the model's name.
    """
    kinds: dict[str, dict[str, Any]] = {"words": {}, "characters": {}}
    for model, scores in metrics.items():
        if isinstance(scores, Mapping) and "perplexity" in scores:
            kinds["characters" if "char" in model else "words"][model] = scores
    result = []
    for symbols, models in kinds.items():
        columns = {
            "perplexity": Column("test perplexity", _short, min),
            "ratio": Column("ratio to Kneser-Ney", "{:.3f}".format, min),
            "known": Column("over known symbols", _short, min),
            "bits": Column("bits per symbol", "{:.3f}".format, min),
            "read": Column("read as", str),
            "valid": Column("best validation", _short),
            "epochs": Column("epochs, best", number),
            "parameters": Column("parameters", number),
        }
        for model, scores in models.items():
            training = trained.get(f"lm_{model}", {})
            note = f"n = {number(scores.get('symbols'))}"
            if "documents" in scores:
                note += f" in {number(scores['documents'])} documents"
            if "unknown_share" in scores:
                note += f", {percent(scores['unknown_share'])} unknown"
            columns["perplexity"].scores[model] = Score(
                scores["perplexity"], scores.get("low"), scores.get("high"), note
            )
            baseline = "ratio" in scores and scores["ratio"] is None
            columns["ratio"].scores[model] = Score(
                1.0 if baseline else scores.get("ratio"),
                scores.get("ratio_low"),
                scores.get("ratio_high"),
            )
            values = {
                "known": scores.get("perplexity_known"),
                "bits": scores.get("bits"),
                "read": scores.get("read_as"),
                "valid": training.get("valid_perplexity"),
                "epochs": training.get("best_epoch"),
                "parameters": training.get("parameters"),
            }
            for name, value in values.items():
                columns[name].scores[model] = Score(value)
        if models:
            result.append(_side_by_side(f"Models of {symbols}", columns, BEST))
    return result


def autoencoder_scores(models: Mapping[str, Any]) -> Table:
    """Return how much of held-out sequences each autoencoder brings back.

    models: the metrics of `study_autoencoder`.
    """
    columns = {
        "token_accuracy": Column("symbols right", percent, max),
        "exact_match": Column("sequences exact", percent, max),
        "edit_distance": Column("edits a symbol", "{:.3f}".format, min),
        "bleu": Column("BLEU", "{:.3f}".format, max),
        "correction": Column("to correct, bits a character", "{:.2f}".format, min),
    }
    for model, precisions in models.items():
        scores = precisions.get("float32") if isinstance(precisions, Mapping) else None
        for measure, column in columns.items():
            if scores is not None and measure in scores:
                low, high = (scores.get(f"{measure}_{end}") for end in ("low", "high"))
                note = f"n = {number(scores.get('n'))}"
                column.scores[model] = Score(scores[measure], low, high, note)
    return _side_by_side("Held-out sequences by cell and size of the vector", columns, BEST)


def _short(value: float) -> str:
    return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def _side_by_side(title: str, columns: Mapping[str, Column], note: str) -> Table:
    """Return a table with a row for each model that any of `columns` has a score of.

    What all scores of a column are over stands in the head, else in the cells.
    """
    filled = [c for c in columns.values() if any(s.value is not None for s in c.scores.values())]
    if not filled:
        asked = "; ".join(column.title for column in columns.values())
        return Table(title, [], [], f"Nothing could be scored: {asked}.")
    models = list(dict.fromkeys(model for column in filled for model in column.scores))
    head, shared = [], []
    for column in filled:
        counts = {score.note for score in column.scores.values()}
        shared.append(counts.pop() if len(counts) == 1 else "")
        head.append(Cell(column.title, [shared[-1]] if shared[-1] else []))
    rows = [
        (model, [_cell(c, model, common) for c, common in zip(filled, shared, strict=True)])
        for model in models
    ]
    return Table(title, head, rows, note)


def _cell(column: Column, model: str, common: str) -> Cell:
    score = column.scores.get(model)
    if score is None or score.value is None:
        return Cell("–")
    notes = [text for text in (*score.parts, score.note) if text and text != common]
    known = [other.value for other in column.scores.values() if other.value is not None]
    best = column.best is not None and len(known) > 1 and score.value == column.best(known)
    text = column.write(score.value)
    if score.low is None or score.high is None:
        return Cell(text, notes, best=best)
    lows = [o.low for o in column.scores.values() if o.low is not None]
    highs = [o.high for o in column.scores.values() if o.high is not None]
    left, right = min(0.0, *lows), max(highs)
    scale = 100 / (right - left) if right > left else 0.0
    low, middle, high = (round((x - left) * scale, 1) for x in (score.low, score.value, score.high))
    interval = f"{column.write(score.low)} – {column.write(score.high)}"
    return Cell(text, notes, interval, (low, middle, high), best)


def tables(title: str, value: Any) -> list[Table]:
    """Return nested metrics of any shape as tables, one for each level that holds numbers.

    A mapping of mappings with numbers is one table with a row for each; a list of mappings
    likewise; deeper levels follow as tables of their own.
    """
    title = names.plain(title)
    if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
        value = {str(place): row for place, row in enumerate(value, start=1)}
    if not isinstance(value, Mapping):
        return []
    plain = {name: part for name, part in value.items() if not _nested(part)}
    rows = {name: part for name, part in value.items() if isinstance(part, Mapping) and part}
    result = []
    if plain:
        cells = [(name, [Cell(_written(part))]) for name, part in plain.items()]
        result.append(Table(title, [Cell("value")], cells))
    flat_rows = {
        name: {k: v for k, v in row.items() if not _nested(v)} for name, row in rows.items()
    }
    flat_rows = {name: row for name, row in flat_rows.items() if row}
    if flat_rows:
        head = list(dict.fromkeys(column for row in flat_rows.values() for column in row))
        result.append(
            Table(
                title,
                [Cell(names.plain(str(column))) for column in head],
                [
                    (name, [Cell(_written(row[c]) if c in row else "") for c in head])
                    for name, row in flat_rows.items()
                ],
            )
        )
    for name, row in rows.items():
        deeper = {key: part for key, part in row.items() if _nested(part)}
        for key, part in deeper.items():
            result += tables(" · ".join([title, names.plain(name), names.plain(key)]), part)
    for name, part in value.items():
        if isinstance(part, list) and _nested(part):
            result += tables(f"{title} · {names.plain(name)}", part)
    return result


def _nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and any(isinstance(item, Mapping) for item in value)
    )


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(number(item) for item in value)
    return number(value)
