"""What the study of regularisation says, written from its table."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from wordlab.params.regularisation import (
    COMBINATION,
    RegularisationMethod,
    RegularisationStudyParams,
)


def sentences(rows: pd.DataFrame, params: RegularisationStudyParams, test_tokens: int) -> list[str]:
    """Say for each cell what each method changes, and what is within the noise between seeds.

    rows: as `regularisation_results.table` makes them, of `test_tokens` symbols of the test split.
    """
    first = rows.iloc[0]
    said = [
        f"Every test loss is that of the same {test_tokens} symbols of the test split; validation "
        "only chooses the epoch of early stopping and what is combined.",
        f"A difference is a mean over {params.seeds} seeds, and counts where its t interval leaves "
        "out 0; the noise between seeds is pooled over the methods of a cell.",
        f"The {first['comparisons']} intervals of differences hold all at once with "
        f"{params.confidence:.0%} confidence (Bonferroni); they are about seeds, not about other "
        "texts.",
        f"A unigram model of the same training text has a loss of {first['unigram']:.2f} nats per "
        f"token, Kneser-Ney {first['kneser_ney']:.2f}.",
    ]
    for cell, part in rows.groupby("cell", sort=False):
        name = str(cell).upper()
        by_method: dict[Any, Any] = part.set_index("method").to_dict("index")
        plain = by_method.pop("none")
        said.append(
            f"{name} with nothing ends at a test loss of {plain['test']:.2f} nats per token, "
            f"{plain['gap']:.2f} above the loss of its training text."
        )
        said += _changes(name, by_method, "test_change", ("lower", "raise"), "the test loss")
        said += _changes(
            name, by_method, "gap_change", ("narrow", "widen"), "the gap between test and training"
        )
        said += _against_unigram(name, {"none": plain, **by_method})
        said.append(
            f"{name} with nothing: early stopping with a patience of {params.patience} ends after "
            f"{plain['would_stop']:.1f} epochs on average."
        )
    return said


def _changes(
    cell: str, rows: Mapping[Any, Any], measure: str, verbs: tuple[str, str], name: str
) -> list[str]:
    """Say which methods lower or raise a measure, which does so most, and which do neither."""
    groups = _groups(rows, measure)
    said = []
    for verb, key in zip(verbs, ("below", "above"), strict=True):
        if groups[key]:
            most = max(groups[key], key=lambda method: abs(rows[method][measure]))
            by = f"by {abs(rows[most][measure]):.2f} nats per token"
            if len(groups[key]) > 1:
                by = f"{_name(most)} the most, {by}"
            said.append(f"{cell}: {_listed(groups[key])} {verb}{_s(groups[key])} {name}, {by}.")
    if groups["unclear"]:
        said.append(
            f"{cell}: no change of {name} beyond the noise between seeds with "
            f"{_listed(groups['unclear'], 'or')}."
        )
    return said


def _against_unigram(cell: str, rows: Mapping[Any, Any]) -> list[str]:
    """Say which networks predict the test text better than word frequencies alone."""
    groups = _groups(rows, "unigram_change")
    best = min(rows, key=lambda method: rows[method]["test"])
    lowest = (
        f"{cell}: with {_name(best)} the test loss is lowest, {rows[best]['test']:.2f} nats per "
        "token"
    )
    if groups["below"]:
        said = [
            f"{lowest}; with {_listed(groups['below'])} it predicts better than the unigram model."
        ]
    else:
        said = [f"{lowest}; with no method does it clearly predict better than the unigram model."]
    if groups["above"]:
        said.append(
            f"{cell}: with {_listed(groups['above'])} it predicts worse than the unigram model."
        )
    if groups["unclear"]:
        unclear = _listed(groups["unclear"], "or")
        said.append(f"{cell}: no clear difference from the unigram model with {unclear}.")
    return said


def _groups(rows: Mapping[Any, Any], measure: str) -> dict[str, list[Any]]:
    """Return the methods whose interval of `measure` is below 0, above 0, or neither."""
    groups: dict[str, list[Any]] = {"below": [], "above": [], "unclear": []}
    for method, row in rows.items():
        below, above = row[f"{measure}_high"] < 0, row[f"{measure}_low"] > 0
        groups["below" if below else "above" if above else "unclear"].append(method)
    return groups


def combinations(combined: Mapping[str, RegularisationMethod]) -> list[str]:
    """Say what the combination of each cell is made of."""
    said = []
    for cell, method in combined.items():
        parts = []
        if method.dropout:
            kind = "variational dropout" if method.variational else "dropout"
            parts.append(f"{kind} {method.dropout:g}")
        if method.dropout_recurrent:
            parts.append(f"recurrent dropout {method.dropout_recurrent:g}")
        if method.weight_decay:
            parts.append(f"weight decay {method.weight_decay:g}")
        if method.early_stopping:
            parts.append("early stopping")
        said.append(
            f"{cell.upper()}: the best combination is {', '.join(parts) or 'nothing at all'}, each "
            "chosen by its own validation loss."
        )
    return said


def _listed(methods: Iterable[Any], word: str = "and") -> str:
    *others, last = [*map(_name, methods)] or [""]
    return f"{', '.join(others)} {word} {last}" if others else last


def _s(methods: list[Any]) -> str:
    return "s" if len(methods) == 1 else ""


def _name(method: object) -> str:
    if method == COMBINATION:
        return f"the {COMBINATION}"
    return "nothing" if method == "none" else str(method).replace("_", " ")
