"""What `wordlab results` and `wordlab evaluate` print: Markdown tables, and one of plain text."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wordlab import names
from wordlab.artifacts import read_json
from wordlab.errors import UserError
from wordlab.evaluation.scores import GROUPS
from wordlab.names import EMBEDDINGS, LANGUAGE_MODELS, similarity


def results(metrics: Path) -> str:
    """Return the tables of word vectors and of language models from the folder of metrics.

    Raises UserError if the pipeline has not made them.
    """
    found = {}
    for name in ("embeddings", "language_models"):
        path = metrics / f"{name}.json"
        if not path.exists():
            raise UserError(f"{path}: not found; `make repro` makes it")
        found[name] = read_json(path)
    return f"{embeddings(found['embeddings'])}\n\n{language_models(found['language_models'])}"


def _method(scores: Mapping[str, Any]) -> str:
    """Return the first of the methods that analogies were answered by."""
    return next(key for key, value in scores["analogy"].items() if isinstance(value, Mapping))


def embeddings(metrics: Mapping[str, Any]) -> str:
    """Return the table of word vectors: correlations and analogies with intervals, n and seeds.

    A sentence, where no item of any set can be scored.
    """
    first = next(iter(metrics.values()))
    sets = [(name, similarity(name)) for name in first if name != "analogy"]
    if not any(first[name]["n"] for name in first):
        names = ", ".join([*(title for _, title in sets), "analogies"])
        return f"Word vectors: no item of these sets has all its words in the vocabulary: {names}."
    heads = ["word vectors"]
    for key, title in sets:
        heads.append(f"{title} ({first[key]['n']} of {first[key]['pairs']} pairs)")
    analogy = first["analogy"]
    heads.append(f"analogies ({analogy['n']:,} of {analogy['questions']:,})")
    method = _method(first)
    rows = []
    for key, title in EMBEDDINGS.items():
        scores = metrics[key]
        cells = [_scored(scores[name], "spearman", _fraction) for name, _ in sets]
        cells.append(_scored(scores["analogy"][method], "total", _percent, " %"))
        seeds = scores["analogy"].get("seeds", 1)
        rows.append([f"{title}, {seeds} seeds" if seeds > 1 else title, *cells])
    return _markdown(heads, rows)


def language_models(metrics: Mapping[str, Any]) -> str:
    """Return the table of language models: test perplexity, and its ratio to Kneser-Ney's."""
    rows = []
    for key, title in LANGUAGE_MODELS.items():
        if key not in metrics:
            continue
        scores = metrics[key]
        perplexity = f"{scores['perplexity']:.1f} {_interval(scores, '{:.1f}'.format)}"
        ratio = "1"
        if scores["ratio"] is not None:
            ends = f"[{scores['ratio_low']:.2f}, {scores['ratio_high']:.2f}]"
            ratio = f"{scores['ratio']:.2f} {ends}"
        known = f"{scores['perplexity_known']:.1f}"
        unknown = f"{_percent(scores['unknown_share'])} % of {scores['symbols']:,}"
        rows.append([title, perplexity, ratio, known, unknown, f"{scores['bits']:.2f}"])
    heads = ["test perplexity", "ratio to Kneser-Ney", "over known symbols", "unknown symbols"]
    return _markdown(["language model", *heads, "bits per symbol"], rows)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _scored(scores: Mapping[str, Any], key: str, text: Any, unit: str = "") -> str:
    """Return a score with its interval, a dash where it has no value."""
    if scores[key] is None:
        return "–"
    return f"{text(scores[key])} {_interval(scores, text)}{unit}"


def _fraction(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}".replace("0.", ".", 1)


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f}"


def _interval(scores: Mapping[str, Any], text: Any) -> str:
    return f"[{text(scores['low'])}, {text(scores['high'])}]"


def winner(model: str, reached: Mapping[str, Any]) -> str:
    """Return what the winner of a sweep reached, in one line.

    reached: as `winners.Winner` has it.
    """
    interval = _interval(reached, "{:.4g}".format) + ", " if reached["low"] is not None else ""
    return (
        f"{names.plain(model)}: {names.plain(reached['score'])} {reached['mean']:.4g} {interval}"
        f"n = {reached['n']}, the best of {reached['combinations']}"
    )


HEAD = ("", "score", "interval", "n", "of", "coverage", "with unknown")


def scores(metrics: Mapping[str, Any]) -> str:
    """Return what `Scores.metrics` holds, one line per set of word pairs or kind of analogies.

    `with unknown` is the score over all items, unknown words at cosine 0, or counted as wrong.
    """
    rows = [HEAD]
    for name, scores in metrics.items():
        if name == "analogy":
            continue
        title = similarity(name)
        size = (_count(scores["n"]), _count(scores["pairs"]), _share(scores["coverage"]))
        rows += [
            (f"{title}, Spearman", _plain(scores["spearman"]), _interval(scores, _plain), *size,
             _plain(scores["spearman_all"])),
            (f"{title}, Pearson", _plain(scores["pearson"]), "", *size, ""),
        ]  # fmt: skip
    analogy = metrics["analogy"]
    whole = (
        _count(analogy["n"]),
        _count(analogy["questions"]),
        _share(analogy["coverage"]),
    )
    for method, scores in analogy.items():
        if not isinstance(scores, Mapping):
            continue
        for group in GROUPS:
            total = group == "total"
            rows.append(
                (names.analogies(method) + ("" if total else f", {group}"),
                 _share(scores[group]), _interval(scores, _share) if total else "",
                 *(whole if total else ("", "", "")), _share(scores[f"{group}_all"]))
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


def _share(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{100 * value:.1f} %"


def _count(value: int) -> str:
    return f"{value:,}"
