"""What language models and the study of regularisation found."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from wordlab import names
from wordlab.params.language import CELLS
from wordlab.params.studies import COMBINATION, RegularisationStudyParams
from wordlab.report.findings.embeddings import OPEN, most
from wordlab.report.results import (
    Answer,
    Results,
    Unmeasured,
    answer,
    by_method,
    of_stage,
    unbounded,
)
from wordlab.report.tables import Table, between, fraction, number, percent, ranged


@answer("language-models")
def _language_models(results: Results) -> Answer:
    """Return whether recurrent networks predict better than n-grams."""
    return predicted(results.metrics.get("language_models", {}))


def predicted(metrics: Mapping[str, Mapping[str, Any]]) -> Answer:
    """Decided for words if the interval of the best network's ratio to n-grams leaves out 1.

    metrics: by model, as `evaluation.language` returns them.
    """
    cells = [cell for cell in CELLS if cell in metrics]
    if not cells or "kneser_ney" not in metrics:
        raise Unmeasured("no language model beside n-grams")
    metrics = {model: unbounded(row) for model, row in metrics.items()}
    best = min(cells, key=lambda cell: metrics[cell]["perplexity"])
    own, ngrams = metrics[best], metrics["kneser_ney"]["perplexity"]
    low, high = own.get("ratio_low"), own.get("ratio_high")
    decided = low is not None and high is not None and (high < 1 or low > 1)
    start = {True: "Yes" if own["ratio"] < 1 else "No", False: f"That is {OPEN}"}[decided]
    text = (
        f"{start}: the {names.model(best)}'s perplexity on unseen text is "
        f"{number(own['perplexity'])}, that of n-grams {number(ngrams)}."
    )
    letters, counted = (metrics.get(f"{name}") for name in ("char", "kneser_ney_character"))
    if letters and counted:
        low, high, who = letters["ratio_low"], letters["ratio_high"], f"which is better is {OPEN}"
        if low is not None and high is not None and (high < 1 or low > 1):
            who = "the network predicts better" if high < 1 else "n-grams predict better"
        text += (
            f" Of characters, {who}: {number(letters['bits'])} bits each from the network, "
            f"{number(counted['bits'])} from n-grams."
        )
    rows = [
        [
            title, number(row["perplexity"]), number(row["bits"]),
            ranged(*(row.get(f"ratio{end}", 1) for end in ("", "_low", "_high"))),
            *(ranged(row.get(top), row.get(f"{top}_low"), row.get(f"{top}_high"), percent)
              for top in ("top_1", "top_5")),
            percent(row["top_1_known"]) if row.get("top_1_known") is not None else "–",
        ]
        for model, own in metrics.items() if model in names.LANGUAGE_MODELS
        for title, row in by_method(model, own)
    ]  # fmt: skip
    head = ["perplexity", "bits per symbol", "ratio to Kneser-Ney", "top-1 accuracy",
            "top-5 accuracy", "top-1, in vocabulary"]  # fmt: skip
    return Answer(text, decided, Table("On the test split", head, rows))


@of_stage("evaluate_lm")
def _prompts(results: Results) -> list[str]:
    return prompts_left_out(results.metrics.get("language_models", {}))


def prompts_left_out(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return which models left prompts out because they do not know all their words.

    metrics: by model, as `evaluation.language` returns them.
    """
    left_out = {
        names.model(name): found["generated"]["prompts_left_out"]
        for name, found in metrics.items()
        if found.get("generated", {}).get("prompts_left_out")
    }
    return [
        f"{name}: {number(count)} of the prompts named in params.yaml have words unknown to it, "
        "and are left out."
        for name, count in left_out.items()
    ]


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
        f"{100 * params.confidence:.3g}% confidence (Bonferroni); they are about seeds, not "
        "about other texts.",
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


@answer("regularisation")
def _held_back(results: Results) -> Answer:
    """Return what keeps networks from learning a small text by heart."""
    return held_back(results.table("study_regularisation", "methods"))


def held_back(methods: pd.DataFrame) -> Answer:
    """Decided if any method's change of the test loss lies below 0 with its whole interval.

    methods: that table of the study of regularisation.
    """
    tried = methods[methods["method"] != "none"]
    if tried.empty:
        raise Unmeasured("no method was tried")
    helps = tried[tried["test_change_high"] < 0]
    cells, ways = list(tried["cell"].unique()), list(tried["method"].unique())
    if helps.empty:
        text = f"That is {OPEN}: no method lowers the loss on unseen text beyond the noise."
    else:
        best = most(helps, "test_change", sign=-1)
        everywhere = [way for way in ways if len(helps[helps["method"] == way]) == len(cells)]
        name, whom = _method(best["method"]), " every network" if len(cells) > 1 else ""
        text = (
            f"The largest change is that by {name}, which lowers the "
            f"{names.model(best['cell'])}'s loss on unseen text by "
            f"{fraction(-best['test_change'])} nats, "
            f"{between(-best['test_change_high'], -best['test_change_low'], fraction)} over other "
            f"seeds{'; methods are not compared with one another' if len(ways) > 1 else ''}. "
        )
        text += (
            f"Shown to help{whom}: {_listed(everywhere)}."
            if everywhere
            else f"No method helps every network; the rest is {OPEN}."
        )
    text += _stopped(methods)
    own: dict[Any, Any] = tried.set_index(["cell", "method"]).to_dict("index")
    rows = [[names.plain(way), *(_change(own.get((cell, way))) for cell in cells)] for way in ways]
    table = Table("Change of the test loss, nats per word", list(map(names.model, cells)), rows)
    return Answer(text, not helps.empty, table)


def _stopped(methods: pd.DataFrame) -> str:
    """Return what predicts best if early stopping chooses the epoch of every method."""
    stopped = methods.assign(test=methods["test"] - methods["would_gain"])
    lowest = stopped.loc[stopped.groupby("cell", sort=False)["test"].idxmin()]
    parts = [
        f"the {names.model(row['cell'])}{'' if place else ' would have its lowest loss'} with "
        + (
            "nothing else"
            if row["method"] in ("none", "early stopping")
            else _method(row["method"])
        )
        + f" ({fraction(row['test'])} nats)"
        for place, row in enumerate(lowest.to_dict("records"))
    ]
    return (
        " Methods without early stopping are judged at the last epoch. With early stopping beside "
        f"each of them, {names.listed(parts)}; these losses have no intervals."
    )


def _change(row: Mapping[str, Any] | None) -> str:
    if row is None or pd.isna(row["test_change"]):
        return "–"
    sure = row["test_change_high"] < 0 or row["test_change_low"] > 0
    change = ranged(row["test_change"], row["test_change_low"], row["test_change_high"])
    return change + ("" if sure else ", not decided")
