"""Tables: those of the report, and those that `wordlab results`, `best` and `evaluate` print."""

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from wordlab import names

if TYPE_CHECKING:
    from wordlab.evaluation.vectors.battery import Row
    from wordlab.params.sets import PublicSet


@dataclass(frozen=True)
class Table:
    """A table of the report: a head, and rows whose first cell names them."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def number(value: Any, digits: int = 3) -> str:
    """Return a number as people read it: 421,548; .0364; 1.2e-07; ∞; a dash for none."""
    if value == math.inf:
        return "∞"
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    if abs(value) >= 10 ** (digits - 1) or value == 0:
        return f"{value:,.0f}"
    written = f"{value:#.{digits}g}"
    return written if "e" in written else written.replace("0.", ".", int(abs(value) < 1))


def percent(value: float) -> str:
    """Return a share in percent, with a digit behind the point only where it is below ten."""
    if not math.isfinite(value):
        return "–"
    return f"{100 * value:.{int(0 < abs(value) < 0.0995)}f}\N{NO-BREAK SPACE}%"


def points(difference: float) -> str:
    """Return a difference of shares in percentage points, without their name: 27.5."""
    return f"{100 * difference:.1f}" if math.isfinite(difference) else "–"


def between(low: float, high: float, write: Any) -> str:
    """Return an interval in words."""
    return f"between {write(low)} and {write(high)}"


def fraction(value: float) -> str:
    """Return a score or a correlation with two digits: .47."""
    return f"{round(value, 2) + 0.0:.2f}".replace("0.", ".", int(abs(value) < 0.995))


def ranks(low: float, high: float) -> str:
    """Return from which rank to which, an open end if infinite, a dash where they are not known."""
    if math.isnan(low + high):
        return "–"
    if high == math.inf:
        return f"from {low:,.0f}"
    return f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"


def ranged(
    value: float | None, low: float | None, high: float | None, write: Any = fraction
) -> str:
    """Return a value with its interval for a table, .57 (.47 to .65); ∞; a dash for none."""
    if value == math.inf:
        return "∞"
    if value is None or not math.isfinite(value):
        return "–"
    if low is None or high is None or not math.isfinite(low):
        return str(write(value))
    return f"{write(value)} ({write(low)}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{write(high)})"


def lower_is_better(score: str) -> bool:
    """Return whether a score of a sweep is a loss."""
    return score == "valid_loss"


def tables(title: str, value: Any) -> list[Table]:
    """Return nested metrics of any shape as tables, one for each level that holds numbers.

    A mapping of mappings with numbers is one table with a row for each; a list of mappings
    likewise; deeper levels follow as tables of their own.
    """
    return list(_tables(names.plain(title), value))


def _tables(title: str, value: Any) -> Iterator[Table]:
    if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
        value = {str(place): row for place, row in enumerate(value, start=1)}
    if not isinstance(value, Mapping):
        return
    parts = {key: part if isinstance(part, Mapping) else {} for key, part in value.items()}
    single = {"value": {key: part for key, part in value.items() if not _nested(part)}}
    several = {
        key: {name: one for name, one in part.items() if not _nested(one)}
        for key, part in parts.items()
    }
    if single["value"]:
        rows = [[names.plain(key), _written(one)] for key, one in single["value"].items()]
        yield Table(title, ["value"], rows)
    head = list(dict.fromkeys(name for row in several.values() for name in row))
    if head:
        rows = [
            [names.plain(key), *(_written(row[name]) if name in row else "" for name in head)]
            for key, row in several.items()
            if row
        ]
        yield Table(title, [names.plain(name) for name in head], rows)
    for key, part in parts.items():
        for name, deeper in part.items():
            if _nested(deeper):
                yield from _tables(f"{title} · {names.plain(key)} · {names.plain(name)}", deeper)
    for key, part in value.items():
        if isinstance(part, list) and _nested(part):
            yield from _tables(f"{title} · {names.plain(key)}", part)


def _nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and any(isinstance(item, Mapping) for item in value)
    )


def _written(value: Any) -> str:
    return ", ".join(map(number, value)) if isinstance(value, list) else number(value)


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def interval(scores: Mapping[str, Any], text: Any) -> str:
    """Return an interval in brackets, nothing where there is none."""
    if scores["low"] is None or math.isnan(scores["low"]):
        return ""
    return f"[{text(scores['low'])}, {text(scores['high'])}]"


def rivals(best: Mapping[str, Any]) -> str:
    """Return how many combinations are not worse than the best beyond the noise, in words."""
    count = best["others"]
    if count > 1:
        return f"{count} others are not worse beyond the noise"
    return (
        "one other is not worse beyond the noise"
        if count
        else "all others are worse beyond the noise"
    )


def winner(
    model: str,
    reached: Mapping[str, Any],
    otherwise: Mapping[str, tuple[Any, Any]],
    untried: Mapping[str, Any],
) -> list[str]:
    """Return lines: what the winner of a sweep reached, and where the sweep was not the pipeline.

    reached, otherwise, untried: as `winners.Winner` has them.
    """
    within = interval(reached, "{:.4g}".format)
    within += ", " if within else ""
    lines = [
        f"{names.plain(model)}: {names.plain(reached['score'])} {reached['mean']:.4g} {within}"
        f"n = {reached['n']}, the best of {reached['combinations']}"
        f"{f'; {rivals(reached)}' if within and reached['combinations'] > 1 else ''}"
    ]
    if otherwise:
        differing = (
            f"{names.plain(name)} {_limit(own)} (the pipeline {_limit(now)})"
            for name, (own, now) in otherwise.items()
        )
        lines.append(
            f"found with {', '.join(differing)}, which stay the pipeline's; what won there may "
            "not win here"
        )
    if untried:
        lines.append(f"the pipeline's own were not tried: {names.chosen(untried)}")
    return lines


def _limit(value: Any) -> str:
    return "all" if value is None else number(value)


HEAD = ("", "score", "interval", "n", "of", "coverage", "with unknown")


def evaluated(rows: Sequence["Row"]) -> str:
    """Return the rows of `battery.rows` as a table with a heading per task.

    `with unknown` is the score over all items, unknown words at cosine 0, or counted as wrong.
    """
    lines: list[Sequence[str]] = [HEAD]
    for task, own in groupby(rows, key=lambda row: row.task):
        group = list(own)
        measures = ", ".join(dict.fromkeys(row.measure for row in group))
        lines.append((f"{task}: {measures}", *[""] * 6))
        for row in group:
            show = _share if row.measure in ("share right", "purity") else _plain
            within = interval({"low": row.low, "high": row.high}, show)
            size = (_count(row.n), _count(row.total), _share(row.coverage))
            whole = "" if row.all is None else show(row.all)
            lines.append((f"  {row.title}", show(row.score), within, *size, whole))
    return aligned(lines)


def public_sets(sets: Sequence["PublicSet"], here: Container[str]) -> str:
    """Return sets of the catalogue as a table; here: the names of those that need no network."""
    head = ("name", "task", "language", "items", "here", "licence", "from")
    rows = [
        (
            *(item.name, item.task, item.language, item.size or "–"),
            *("yes" if item.name in here else "no", item.licence, item.citation),
        )
        for item in sets
    ]
    return aligned([head, *rows], left=range(len(head)))


def aligned(rows: Sequence[Sequence[str]], left: Container[int] = (0,)) -> str:
    """Return rows as lines: columns with a number in `left` to the left, others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _plain(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{100 * value:.1f} %"


def _count(value: int) -> str:
    return f"{value:,}"
