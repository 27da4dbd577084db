"""Scores of one model as a table for a terminal."""

import math
from collections.abc import Mapping
from typing import Any

from wordlab.evaluation.scores import GROUPS

HEAD = ("", "score", "interval", "n", "of", "coverage", "with unknown")


def table(metrics: Mapping[str, Any]) -> str:
    """Return what `Scores.metrics` holds, a line a set of word pairs or kind of analogies.

    `with unknown` is the score over all items, unknown words at cosine 0, or counted as wrong.
    """
    rows = [HEAD]
    for name, scores in metrics.items():
        if name == "analogy":
            continue
        size = (_count(scores["n"]), _count(scores["pairs"]), _percent(scores["coverage"]))
        rows += [
            (f"{name}, Spearman", _plain(scores["spearman"]), _interval(scores, _plain), *size,
             _plain(scores["spearman_all"])),
            (f"{name}, Pearson", _plain(scores["pearson"]), "", *size, ""),
        ]  # fmt: skip
    analogy = metrics["analogy"]
    whole = (_count(analogy["n"]), _count(analogy["questions"]), _percent(analogy["coverage"]))
    for method, scores in analogy.items():
        if not isinstance(scores, Mapping):
            continue
        for group in GROUPS:
            total = group == "total"
            rows.append(
                (f"analogies, {method}" + ("" if total else f", {group}"),
                 _percent(scores[group]), _interval(scores, _percent) if total else "",
                 *(whole if total else ("", "", "")), _percent(scores[f"{group}_all"]))
            )  # fmt: skip
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _plain(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{100 * value:.1f} %"


def _count(value: int) -> str:
    return f"{value:,}"


def _interval(scores: Mapping[str, Any], write: Any) -> str:
    return f"[{write(scores['low'])}, {write(scores['high'])}]"
