"""What the studies of text sizes and windows found."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from wordlab import names
from wordlab.evaluation import statistics
from wordlab.report.findings.embeddings import (
    OPEN,
    comparison,
    ranked,
    scored_as,
    tasks_scored,
    verdict_on,
    words_shown,
    written,
)
from wordlab.report.results import Answer, Results, Unmeasured, answer, of_stage
from wordlab.report.tables import Table, fraction, number, percent, points, ranged


@of_stage("study_sizes")
def _sizes(results: Results) -> list[str]:
    alike, own, growth, missing = (
        results.table("study_sizes", name) for name in ("scores", "own", "growth", "left_out")
    )
    sets = [pairs.name for pairs in results.params.evaluation.similarity]
    return [*grown(alike, own, growth, sets), *left_out(missing)]


def grown(
    alike: pd.DataFrame, own: pd.DataFrame, growth: pd.DataFrame, sets: Sequence[str]
) -> list[str]:
    """Return which scores change from the least text to all of it, and what the numbers leave out.

    alike, own, growth: the tables of `study_sizes`, alike being `scores`; sets: the tasks that are
    sets of word pairs.
    """
    if own["score"].isna().all():
        return ["No set can be scored at every size of the text."]
    if growth.empty:
        return []
    least = alike["held"].min()
    sentences = [
        " ".join(_task_sentences(names.task(str(task)), part, own[own["task"] == task], least))
        for task, part in growth.groupby("task", sort=False)
    ]
    if not growth[growth["task"].isin(sets)]["distinct"].any():
        sentences.append("No set of word pairs shows that more text changes any model's score.")
    return [
        *sentences,
        "The intervals of changes hold together for all models and tasks; those of single scores "
        "each hold alone.",
        "Intervals draw words and word pairs, but neither documents nor seeds: each size is one "
        "draw of documents and one training.",
        "Over the items known at each size, scores of different sizes are of different items: a "
        "larger text brings in rarer words.",
        "All sizes are trained for equally many epochs, so word2vec and GloVe also make more "
        "updates on a larger text, and may gain by that; PPMI makes none.",
    ]


def _task_sentences(
    name: str, growth: pd.DataFrame, own: pd.DataFrame, least: float
) -> Iterator[str]:
    """Yield how many items one task has, which models change at it, and what would show.

    least: the share of the text that the smallest part holds.
    """
    n, whole = int(growth["n"].iloc[0]), int(own.loc[own["share"] == 1, "n"].iloc[0])
    yield f"{name}: {n:,} items are known at every size, {whole:,} in the whole text."
    if n < statistics.FEWEST:
        yield "These are too few to show a change."
        return
    part = f"From {_percent(least)} of the text to all of it"
    for row in growth[growth["distinct"]].to_dict("records"):
        yield (
            f"{part}, {names.model(row['model'])} changes by {row['difference']:+.3f} "
            f"[{row['low']:+.3f}, {row['high']:+.3f}]."
        )
    level = growth[~growth["distinct"]]
    if len(level):
        models = names.listed(names.model(model) for model in level["model"])
        margin = float((level["high"] - level["difference"]).max())
        yield f"{part}, no change is shown for {models}; one below {margin:.2f} would not show."


def left_out(missing: pd.DataFrame) -> list[str]:
    """Return the sentences that name the shares of the text that are left out, if any.

    missing: the table `left_out` of `study_sizes`.
    """
    reasons = {
        "vocabulary": "their vocabulary is too small",
        "documents": "no whole documents hold about as much, or the same as another share",
    }
    parts = {name: [*map(_percent, missing.query("reason == @name")["share"])] for name in reasons}
    return [
        f"Left out, because {reason}: {names.listed(parts[name])} of the text."
        for name, reason in reasons.items()
        if parts[name]
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


@of_stage("study_windows")
def _windows(results: Results) -> list[str]:
    summary, associations, blocks, overlap, scores, differences, neighbours = (
        results.table("study_windows", name)
        for name in (
            "summary", "associations", "blocks", "overlap", "scores", "differences", "neighbours",
        )
    )  # fmt: skip
    params, compared = results.params.window_study, results.params.comparison
    shown = (
        ("Words looked up", compared.words, neighbours),
        ("Words whose associations are shown", params.words, associations),
        ("Words of the PPMI matrices", params.matrix_words, blocks),
    )
    return [
        *on_cells(summary),
        *on_associations(associations),
        *on_overlap(overlap, compared.neighbours, compared.overlap_words),
        *comparison(scores, differences),
        *(
            sentence
            for title, named, table in shown
            for sentence in words_shown(title, named, table["word"].unique().tolist())
        ),
    ]


def on_cells(summary: pd.DataFrame) -> list[str]:
    """Return how many pairs each window observes, and how PPMI changes with its width."""
    sentences = [
        f"Window {row['window']} observes {row['cells']:,} pairs of words, {row['density']:.2%} of "
        f"all; {row['ppmi_cells'] / row['cells']:.0%} of these have a PPMI above 0."
        for row in summary.to_dict("records")
    ]
    for column, measure in (("median", "median"), ("p95", "95th percentile")):
        values = summary[column].to_numpy()
        steps = np.diff(values)
        falls = "falls" if (steps < 0).all() else "neither rises nor falls throughout"
        sentences.append(
            f"As the window widens, the {measure} of the PPMI above 0 "
            f"{'rises' if (steps > 0).all() else falls}, from {values[0]:.2f} to {values[-1]:.2f} "
            "nats."
        )
    return sentences


def on_associations(associations: pd.DataFrame) -> list[str]:
    """Return how many of each word's contexts the narrowest and the widest window share."""
    narrow, wide = associations["window"].min(), associations["window"].max()
    sentences = []
    for word, own in associations.groupby("word", sort=False):
        first, last = (
            own.loc[own["window"] == window, "context"].tolist() for window in (narrow, wide)
        )
        shared = [context for context in first if context in last]
        listed = f" ({', '.join(shared)})" if shared else ""
        sentences.append(
            f"Of the {len(first)} strongest associations of “{word}” at window {narrow}, "
            f"{len(shared)} are among the {len(last)} at window {wide}{listed}."
        )
    return sentences


def on_overlap(overlap: pd.DataFrame, neighbours: int, words: int) -> list[str]:
    """Return which windows agree most and least about the nearest neighbours of words.

    neighbours: how many of each word; words: how many of the commonest, at most.
    """
    values = overlap.to_numpy(dtype=np.float64)
    shares = {
        (first, second): values[i, j]
        for (i, first), (j, second) in combinations(enumerate(overlap.columns), 2)
        if np.isfinite(values[i, j])
    }
    if not shares:
        return []
    most, least = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    start = (
        f"Of a word's {neighbours} nearest neighbours (mean over the commonest words, at most "
        f"{words:,}) {' and '.join(most)} share {shares[most]:.0%}"
    )
    if len(shares) == 1:
        return [f"{start}."]
    return [f"{start}, the most; {' and '.join(least)} {shares[least]:.0%}, the least."]


@answer("windows")
def _window(results: Results) -> Answer:
    """Return what the width of the window changes, and who is near a word at each."""
    *tables, neighbours = (
        results.table("study_windows", name)
        for name in ("summary", "associations", "overlap", "scores", "differences", "neighbours")
    )
    return replace(widened(*tables), examples=[nearest_by_window(neighbours)])


SHOWN = 5
"""Neighbours of a word in a table."""


def nearest_by_window(neighbours: pd.DataFrame) -> Table:
    """Return the nearest words of some words, one column per window.

    neighbours: that table of the study of windows.
    """
    nearest = neighbours[neighbours["rank"] <= SHOWN].astype({"neighbour": str, "word": str})
    listed = nearest.groupby(["word", "model"], sort=False)["neighbour"].agg(", ".join).unstack()
    windows = list(neighbours["model"].unique())
    order = nearest["word"].unique()
    rows = [[word, *others] for word, *others in listed.loc[order, windows].itertuples()]
    return Table("Nearest words, by window", windows, rows)


def widened(
    summary: pd.DataFrame, associations: pd.DataFrame, overlap: pd.DataFrame, scores: pd.DataFrame,
    differences: pd.DataFrame,
) -> Answer:  # fmt: skip
    """Yes if at most half of associations and of neighbours stay, little if more of both do.

    Decided if the interval of any window's score is. The tables are those of the study of windows.
    """
    sizes = sorted(associations["window"].unique())
    if len(sizes) < 2:
        raise Unmeasured("one window alone")
    by_size = associations.groupby(["window", "word"])["context"].agg(set)
    kept = {size: _kept(by_size[sizes[0]], by_size[size]) for size in sizes}
    near = dict(zip(sizes, overlap.iloc[0].astype(float), strict=False))
    few = [share <= 0.5 for share in (kept[sizes[-1]], near[sizes[-1]])]
    start = "Yes" if all(few) else "In part" if any(few) else "Little"
    text = (
        f"{start}: from window {sizes[0]} to {sizes[-1]}, {percent(kept[sizes[-1]])} of a word's "
        f"strongest associations stay the same, and {percent(near[sizes[-1]])} of its nearest "
        "neighbours."
    )
    above: list[str] = []
    task = next(iter(tasks_scored(scores)), None)
    if task:
        best, above, unclear = ranked(scores, differences, task)
        text += f" {_highest(task, best['model'], above, unclear)}"
    others = ((one, *ranked(scores, differences, one)) for one in tasks_scored(scores)[1:])
    more = [_highest(one, best["model"], *rest) for one, best, *rest in others if rest[0]]
    scored: dict[Any, Any] = scores[scores["task"] == task].set_index("model").to_dict("index")
    rows = []
    for row in summary.to_dict("records"):
        size, name = row["window"], f"window {row['window']}"
        score = scored_as(scored[name], str(task)) if name in scored else "–"
        shares = (percent(found[size]) if size in found else "–" for found in (kept, near))
        rows.append([name, number(row["cells"]), fraction(row["median"]), *shares, score])
    first = f"of window {sizes[0]} kept"
    head = ["pairs seen", "median PPMI", f"associations {first}", f"neighbours {first}",
            names.task(task) if task else "score"]  # fmt: skip
    return Answer(text, bool(above), Table("By window", head, rows), more)


def _highest(task: str, best: str, above: Sequence[str], unclear: Sequence[str]) -> str:
    verdict = verdict_on(above, unclear).replace("model", "window")
    return f"On {names.task(task)} {best} scores highest, {verdict}."


def _kept(first: pd.Series, other: pd.Series) -> float:
    """Return the share of each word's contexts in `first` that `other` has, mean over words."""
    common = first.index.intersection(other.index)
    return float(np.mean([len(first[word] & other[word]) / len(first[word]) for word in common]))


@answer("sizes")
def _size(results: Results) -> Answer:
    """Return whether more text makes better vectors."""
    if not results.has("study_sizes", "growth"):
        raise Unmeasured("study_sizes: no share of the text was tried")
    return larger(results.table("study_sizes", "growth"))


def _counted(some: int, of: int) -> str:
    """Return how many of them, with a blank behind; empty if the only one counts."""
    return f"{'all' if some == of else some or 'none'} " if of > 1 or some < of else ""


def larger(growth: pd.DataFrame) -> Answer:
    """Decided if any change from the least text to all of it leaves out 0."""
    growth = growth[growth["difference"].notna()]
    if growth.empty:
        raise Unmeasured("no score at every size")
    rows, least = growth.to_dict("records"), percent(growth["share"].min())
    shown = [row for row in rows if row["distinct"]]
    better = [row for row in shown if row["difference"] > 0]
    if shown:
        first = max(shown, key=lambda row: abs(row["difference"]))
        write, unit = _differing(first["task"])
        lead = "In part" if len(shown) < len(rows) else "Yes"
        lead = lead if len(better) == len(shown) else "Not everywhere"
        text = (
            f"{lead}: from {least} of the text "
            f"to all of it, {names.model(first['model'])} "
            f"{'gains' if first['difference'] > 0 else 'loses'} "
            f"{write(abs(first['difference']))}{unit and f' {unit}'} on "
            f"{names.task(first['task'])}, of which {first['n']:,} items are known at every size. "
            f"{len(shown)} of {len(rows)} changes {'is' if len(shown) == 1 else 'are'} decided, "
            f"{_counted(len(better), len(shown))}for the better."
        )
    else:
        up = sum(row["difference"] > 0 for row in rows)
        text = (
            f"That is {OPEN}: from {least} of it to all of it, {up} of {len(rows)} scores rise, "
            "but every interval has room for no change."
        )
    tasks = list(dict.fromkeys(growth["task"]))
    cells = {
        (row["model"], row["task"]): ranged(
            row["difference"], row["low"], row["high"], _differing(row["task"])[0]
        )
        for row in rows
    }
    known = {row["task"]: f"n = {row['n']:,}" for row in rows}
    head = [
        f"{names.task(task)} ({', '.join(filter(None, [known[task], _differing(task)[1]]))})"
        for task in tasks
    ]
    table = [
        [names.model(model), *(cells.get((model, task), "–") for task in tasks)]
        for model in dict.fromkeys(growth["model"])
    ]
    title = f"Change from {least} of the text to all of it"
    return Answer(text, bool(shown), Table(title, head, table))


def _differing(task: str) -> tuple[Callable[[float], str], str]:
    """Return what writes a difference of scores at a task, and its unit, which may be none."""
    return (points, "points") if written(task) is percent else (fraction, "")
