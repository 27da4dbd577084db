"""What the study of regularisation found."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from wordlab import names
from wordlab.params.studies import COMBINATION, RegularisationStudyParams
from wordlab.report.findings.embeddings import OPEN, most
from wordlab.report.results import Answer, Results, Unmeasured, answer, of_stage
from wordlab.report.tables import Table, between, fraction, ranged


@of_stage("study_regularisation")
def _regularisation(results: Results) -> list[str]:
    methods, pairs = (results.table("study_regularisation", name) for name in ("methods", "pairs"))
    params = results.params.regularisation_study
    return [*regularised(methods, params), *against_one_another(pairs), *combined(methods)]


def regularised(rows: pd.DataFrame, params: RegularisationStudyParams) -> list[str]:
    """Return for each cell what each method changes, and what is within the noise.

    rows: the table `methods` of the study of regularisation.
    """
    first = rows.iloc[0]
    sentences = [
        f"Every test loss is that of the same {first['test_tokens']} symbols of the test split; "
        "validation only chooses the epoch of early stopping and what is combined.",
        f"A difference is a mean over {params.seeds} seeds, and counts where its interval, over "
        "other seeds and other texts, leaves out 0. Changes of the test loss hold together for a "
        f"cell with {100 * params.confidence:.3g}% confidence; so do those of the gap, differences "
        "from the unigram model, and those between two methods.",
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
            f"{cell}: no change of {name} beyond the noise with {_listed(groups['unclear'], 'or')}."
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


def against_one_another(pairs: pd.DataFrame) -> list[str]:
    """Return which methods of a cell are shown to predict better than which others.

    pairs: that table of the study of regularisation.
    """
    sentences = []
    for cell, part in pairs.groupby("cell", sort=False):
        named = [method for method in part["method"].unique() if method != "none"]
        for method in named:
            worse = [other for other in beaten(part, method) if other != "none"]
            if worse:
                sentences.append(
                    f"{names.model(str(cell))}: {_method(method)} predicts better than "
                    f"{_listed(worse)}."
                )
    return sentences or ["No method is shown to predict better than another."]


def beaten(pairs: pd.DataFrame, method: str, change: str = "change") -> list[str]:
    """Return the methods that `method` is shown to predict better than.

    pairs: of one cell; change: or `stopped`, as in that table.
    """
    low, high = ("low", "high") if change == "change" else (f"{change}_low", f"{change}_high")
    below = pairs[(pairs["method"] == method) & (pairs[high] < 0)]["other"]
    above = pairs[(pairs["other"] == method) & (pairs[low] > 0)]["method"]
    return [*below, *above]


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
            f"{names.model(row['cell'])}: the combination is "
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
    return held_back(
        *(results.table("study_regularisation", name) for name in ("methods", "pairs"))
    )


def held_back(methods: pd.DataFrame, pairs: pd.DataFrame) -> Answer:
    """Decided if any method's change of the test loss lies below 0 with its whole interval.

    methods, pairs: those tables of the study of regularisation.
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
        same = pairs[pairs["cell"] == best["cell"]]
        text = (
            f"The largest change is that by {name}, which lowers the "
            f"{names.model(best['cell'])}'s loss on unseen text by "
            f"{fraction(-best['test_change'])} nats, "
            f"{between(-best['test_change_high'], -best['test_change_low'], fraction)} over other "
            f"seeds and texts{_against(same, best['method'], ways)}. "
        )
        text += (
            f"Shown to help{whom}: {_listed(everywhere)}."
            if everywhere
            else f"No method helps every network; the rest is {OPEN}."
        )
    text += _stopped(methods, pairs)
    own: dict[Any, Any] = tried.set_index(["cell", "method"]).to_dict("index")
    rows = [[names.plain(way), *(_change(own.get((cell, way))) for cell in cells)] for way in ways]
    table = Table("Change of the test loss, nats per word", list(map(names.model, cells)), rows)
    return Answer(text, not helps.empty, table)


def _against(pairs: pd.DataFrame, method: str, ways: Iterable[str], change: str = "change") -> str:
    """Return which of the other `ways` a method of a cell is shown to predict better than.

    Those that were the same trainings are left out.
    """
    both = pairs[((pairs["method"] == method) | (pairs["other"] == method)) & (pairs[change] != 0)]
    shown, different = beaten(both, method, change), {*both["method"], *both["other"]}
    others = [way for way in ways if way != method and way in different]
    worse, rest = ([way for way in others if (way in shown) is wanted] for wanted in (True, False))
    parts = []
    if worse:
        parts.append(f"it is lower than with {_listed(worse)}")
    if rest:
        also = " also" if worse else " it is lower"
        parts.append(f"whether{also} than with {_listed(rest, 'or')} is {OPEN}")
    return f"; {', and '.join(parts)}" if parts else ""


def _stopped(methods: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Return what predicts best if early stopping chooses the epoch of every method."""
    stopped = methods.assign(test=methods["test"] - methods["would_gain"])
    sentences = ["Methods without early stopping are judged at the last epoch."]
    for cell, part in stopped.groupby("cell", sort=False):
        of_cell = pairs[pairs["cell"] == cell]
        again = of_cell[of_cell["stopped"] == 0]["method"]  # the same as a method before
        part = part[~part["method"].isin(again)]
        row = min(part.to_dict("records"), key=lambda one: float(one["test"]))
        chosen = "nothing else" if row["method"] == "none" else _method(row["method"])
        sentences.append(
            f"With early stopping beside each, the {names.model(str(cell))}'s loss is lowest with "
            f"{chosen}, {fraction(row['test'])} nats"
            f"{_against(of_cell, row['method'], part['method'], 'stopped')}."
        )
    return " " + " ".join(sentences)


def _change(row: Mapping[str, Any] | None) -> str:
    if row is None or pd.isna(row["test_change"]):
        return "–"
    sure = row["test_change_high"] < 0 or row["test_change_low"] > 0
    change = ranged(row["test_change"], row["test_change_low"], row["test_change_high"])
    return change + ("" if sure else ", not decided")
