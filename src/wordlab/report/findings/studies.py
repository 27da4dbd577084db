"""Findings of the studies of text sizes, windows, autoencoders and regularisation, in sentences."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from wordlab import names
from wordlab.evaluation import statistics
from wordlab.params.studies import COMBINATION, RegularisationStudyParams
from wordlab.report.findings.embeddings import comparison, words_shown
from wordlab.report.findings.registry import of_stage
from wordlab.report.results import Results


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
        "Over the items known at each size, compare models, not sizes: a larger text brings in "
        "rarer words.",
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
        yield f"{part}, no change is shown for {models}; one of {margin:.2f} or more would show."


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

    neighbours: how many of each word; words: how many of the commonest.
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
        f"Of a word's {neighbours} nearest neighbours (mean over the {words:,} commonest words) "
        f"{' and '.join(most)} share {shares[most]:.0%}"
    )
    if len(shares) == 1:
        return [f"{start}."]
    return [f"{start}, the most; {' and '.join(least)} {shares[least]:.0%}, the least."]


@of_stage("study_autoencoder")
def _autoencoder(results: Results) -> list[str]:
    rates, codes = (results.table("study_autoencoder", name) for name in ("rates", "baselines"))
    unit = results.params.autoencoder.unit
    return [
        *(
            sentence
            for cell, part in rates.groupby("cell", sort=False)
            for sentence in brought_back(names.model(str(cell)), part, unit)
        ),
        *costs(rates, dict(zip(codes["code"], codes["total"], strict=True))),
    ]


def brought_back(name: str, rates: pd.DataFrame, unit: str) -> list[str]:
    """Return what comes back of held-out sentences by the size and the precision of the vector.

    rates: that table of the study of autoencoders, of one cell; unit: characters or words.
    """
    trained = rates[rates["precision"] == "float32"]
    largest = rates[rates["latent_size"] == rates["latent_size"].max()]
    kept = ", ".join(
        f"{_rough(row['token_accuracy'])} at {row['precision']}"
        for row in largest.to_dict("records")
    )
    return [
        *(
            f"{name}: through {row['latent_size']} numbers {_rough(row['token_accuracy'])} of the "
            f"{unit} and {_rough(row['exact_match'])} of the held-out sentences come back right."
            for row in trained.to_dict("records")
        ),
        f"{name}, {largest['latent_size'].iloc[0]} numbers: the share of {unit} right is {kept}.",
    ]


def costs(rates: pd.DataFrame, codes: Mapping[str, float]) -> list[str]:
    """Return what a whole sentence costs; codes: bits per character by other codes."""
    best, lowest = (
        rates.nsmallest(1, [column, "rate"]).to_dict("records")[0]
        for column in ("total", "correction")
    )
    dearer, cheaper = (
        [f"{code} ({bits:.2f})" for code, bits in codes.items() if (bits >= best["total"]) == more]
        for more in (True, False)
    )
    verdicts = [
        f"{word} {names.listed(others)}"
        for word, others in (("less than", dearer), ("more than", cheaper))
        if others
    ]
    return [
        f"A sentence sent whole costs least with {_vector(best)}: {best['rate']:.2f} bits per "
        f"character for the vector and {best['correction']:.2f} to correct its errors.",
        f"That is {best['total']:.2f} together, {', and '.join(verdicts)}.",
        f"The vector that leaves least to correct, {_vector(lowest)}, leaves "
        f"{lowest['correction']:.2f} bits per character and costs {lowest['rate']:.2f} itself.",
    ]


def _vector(row: Mapping[Any, Any]) -> str:
    return f"{names.model(row['cell'])} and {row['latent_size']} numbers at {row['precision']}"


def _rough(share: float) -> str:
    return f"{share:.0%}" if 0.01 <= share <= 0.99 else f"{share:.1%}"


@of_stage("study_regularisation")
def _regularisation(results: Results) -> list[str]:
    methods = results.table("study_regularisation", "methods")
    params = results.params.regularisation_study
    return [*regularised(methods, params), *combined(methods)]


def regularised(rows: pd.DataFrame, params: RegularisationStudyParams) -> list[str]:
    """Return for each cell what each method changes, and what is within the noise between seeds.

    rows: the table `methods` of the study of regularisation.
    """
    first = rows.iloc[0]
    sentences = [
        f"Every test loss is that of the same {first['test_tokens']} symbols of the test split; "
        "validation only chooses the epoch of early stopping and what is combined.",
        f"A difference is a mean over {params.seeds} seeds, and counts where its t interval leaves "
        "out 0; the noise between seeds is pooled over the methods of a cell.",
        f"The {first['comparisons']} intervals of differences hold all at once with "
        f"{params.confidence:.0%} confidence (Bonferroni); they are about seeds, not about other "
        "texts.",
        f"A unigram model of the same training text has a loss of {first['unigram']:.2f} nats per "
        f"token, Kneser-Ney {first['kneser_ney']:.2f}.",
    ]
    for cell, part in rows.groupby("cell", sort=False):
        name = names.model(str(cell))
        by_method: dict[Any, Any] = part.set_index("method").to_dict("index")
        plain = by_method.pop("none")
        sentences += [
            f"{name} with nothing ends at a test loss of {plain['test']:.2f} nats per token, "
            f"{plain['gap']:.2f} above the loss of its training text.",
            *_changes(name, by_method, "test_change", ("lower", "raise"), "the test loss"),
            *_changes(
                name,
                by_method,
                "gap_change",
                ("narrow", "widen"),
                "the gap between test and training",
            ),
            *_against_unigram(name, {"none": plain, **by_method}),
            f"{name} with nothing: early stopping with a patience of {params.patience} ends after "
            f"{plain['would_stop']:.1f} epochs on average.",
        ]
    return sentences


def _changes(
    cell: str, rows: Mapping[Any, Any], measure: str, verbs: tuple[str, str], name: str
) -> Iterator[str]:
    """Yield which methods lower or raise a measure, which does so most, and which do neither."""
    groups = _groups(rows, measure)
    for verb, key in zip(verbs, ("below", "above"), strict=True):
        if groups[key]:
            most = max(groups[key], key=lambda method: abs(rows[method][measure]))
            by = f"by {abs(rows[most][measure]):.2f} nats per token"
            one = len(groups[key]) == 1
            by = by if one else f"{_method(most)} the most, {by}"
            yield f"{cell}: {_listed(groups[key])} {verb}{'s' if one else ''} {name}, {by}."
    if groups["unclear"]:
        yield (
            f"{cell}: no change of {name} beyond the noise between seeds with "
            f"{_listed(groups['unclear'], 'or')}."
        )


def _against_unigram(cell: str, rows: Mapping[Any, Any]) -> Iterator[str]:
    """Yield which networks predict the test text better than word frequencies alone."""
    groups = _groups(rows, "unigram_change")
    best = min(rows, key=lambda method: rows[method]["test"])
    verdict = (
        f"with {_listed(groups['below'])} it predicts better than the unigram model"
        if groups["below"]
        else "with no method does it clearly predict better than the unigram model"
    )
    yield (
        f"{cell}: with {_method(best)} the test loss is lowest, {rows[best]['test']:.2f} nats per "
        f"token; {verdict}."
    )
    if groups["above"]:
        yield f"{cell}: with {_listed(groups['above'])} it predicts worse than the unigram model."
    if groups["unclear"]:
        unclear = _listed(groups["unclear"], "or")
        yield f"{cell}: no clear difference from the unigram model with {unclear}."


def _groups(rows: Mapping[Any, Any], measure: str) -> dict[str, list[Any]]:
    """Return the methods whose interval of `measure` is below 0, above 0, or neither."""
    groups: dict[str, list[Any]] = {"below": [], "above": [], "unclear": []}
    for method, row in rows.items():
        below, above = row[f"{measure}_high"] < 0, row[f"{measure}_low"] > 0
        groups["below" if below else "above" if above else "unclear"].append(method)
    return groups


def combined(rows: pd.DataFrame) -> list[str]:
    """Return what the combination of each cell is made of; rows: as `regularised` takes them."""
    sentences = []
    for row in rows[rows["method"] == COMBINATION].to_dict("records"):
        kind = "variational dropout" if row["variational"] else "dropout"
        settings = {
            kind: row["dropout"],
            "recurrent dropout": row["dropout_recurrent"],
            "weight decay": row["weight_decay"],
        }
        parts = [f"{name} {value:g}" for name, value in settings.items() if value]
        parts += ["early stopping"] * row["early_stopping"]
        sentences.append(
            f"{names.model(row['cell'])}: the best combination is "
            f"{', '.join(parts) or 'nothing at all'}, each chosen by its own validation loss."
        )
    return sentences


def _listed(methods: Iterable[Any], word: str = "and") -> str:
    return names.listed(map(_method, methods), word)


def _method(method: object) -> str:
    if method == COMBINATION:
        return f"the {COMBINATION}"
    return "nothing" if method == "none" else str(method).replace("_", " ")
