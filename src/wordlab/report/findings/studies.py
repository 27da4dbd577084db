"""Findings of the studies of autoencoders, text sizes and regularisation, in sentences."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from wordlab import names
from wordlab.evaluation import statistics
from wordlab.params.studies import COMBINATION, RegularisationMethod, RegularisationStudyParams


def write(rates: pd.DataFrame, codes: Mapping[str, float], unit: str) -> list[str]:
    """Say what comes back by size and by precision, and what a whole sentence costs.

    rates: as `AutoencoderStudy` has them; codes: bits a character by other codes; unit: characters
    or words.
    """
    said = [
        sentence
        for cell, part in rates.groupby("cell", sort=False)
        for sentence in _of_cell(str(cell).upper(), part, unit)
    ]
    return [*said, *_costs(rates, codes)]


def _of_cell(cell: str, rows: pd.DataFrame, unit: str) -> list[str]:
    trained = rows[rows["precision"] == "float32"]
    sizes = "; ".join(
        f"{_percent(row['token_accuracy'])} of the {unit} and {_percent(row['exact_match'])} of "
        f"the sentences through {row['latent_size']} numbers (BLEU {row['bleu']:.2f})"
        for row in trained.to_dict("records")
    )
    largest = rows[rows["latent_size"] == rows["latent_size"].max()].set_index("precision")
    kept = ", ".join(
        f"{name} {_percent(accuracy)}" for name, accuracy in largest["token_accuracy"].items()
    )
    return [
        f"{cell}: of held-out sentences there come back right {sizes}.",
        f"{cell}: with {largest['latent_size'].iloc[0]} numbers, the {unit} right by precision: "
        f"{kept}.",
    ]


def _costs(rates: pd.DataFrame, codes: Mapping[str, float]) -> list[str]:
    best = rates.nsmallest(1, "total").to_dict("records")[0]
    others = ", ".join(f"{name} {bits:.2f}" for name, bits in codes.items())
    cheaper = [name for name, bits in codes.items() if bits < best["total"]]
    dearer = [name for name, bits in codes.items() if bits >= best["total"]]
    verdict = []
    if dearer:
        verdict.append(f"less than {_listed(dearer)}")
    if cheaper:
        verdict.append(f"more than {_listed(cheaper)}")
    lower = rates.nsmallest(1, "correction").to_dict("records")[0]
    return [
        f"A sentence sent whole costs least with {str(best['cell']).upper()} and "
        f"{best['latent_size']} numbers at {best['precision']}: {best['rate']:.2f} bits a "
        f"character for the vector and {best['correction']:.2f} to correct its errors, "
        f"{best['total']:.2f} together. Other codes: {others}.",
        f"That is {', and '.join(verdict)}.",
        f"The vector that leaves least to correct ({str(lower['cell']).upper()}, "
        f"{lower['latent_size']} numbers at {lower['precision']}) leaves "
        f"{lower['correction']:.2f} bits a character and costs {lower['rate']:.2f} itself.",
    ]


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _percent(share: float) -> str:
    return f"{share:.0%}" if 0.01 <= share <= 0.99 else f"{share:.1%}"


def findings(
    common: pd.DataFrame, own: pd.DataFrame, growth: pd.DataFrame, sets: Sequence[str]
) -> list[str]:
    """Return which scores change from the least text to all of it, and what the numbers leave out.

    common, own, growth: the tables of `sizes.SizeStudy`, common being `scores`; sets: the tasks
    that are sets of word pairs.
    """
    if own["score"].isna().all():
        return ["No set can be scored at every size of the text."]
    if growth.empty:
        return []
    least = common["held"].min()
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
    part = f"From {percent(least)} of the text to all of it"
    for row in growth[growth["distinct"]].to_dict("records"):
        yield (
            f"{part}, {names.model(row['model'])} changes by {row['difference']:+.3f} "
            f"[{row['low']:+.3f}, {row['high']:+.3f}]."
        )
    level = growth[~growth["distinct"]]
    if len(level):
        models = names.listed([names.model(model) for model in level["model"]])
        margin = float((level["high"] - level["difference"]).max())
        yield f"{part}, no change is shown for {models}; one of {margin:.2f} or more would show."


def percent(share: float) -> str:
    """Return a share in percent, .3 as 30 %."""
    return f"{100 * share:.3g} %"


def left_out(reason: str, shares: Sequence[float]) -> list[str]:
    """Return the sentence that names the shares of the text that are left out, if any."""
    if not shares:
        return []
    parts = names.listed([percent(share) for share in shares])
    return [f"Left out, because {reason}: {parts} of the text."]


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
            said.append(f"{cell}: {_listing(groups[key])} {verb}{_s(groups[key])} {name}, {by}.")
    if groups["unclear"]:
        said.append(
            f"{cell}: no change of {name} beyond the noise between seeds with "
            f"{_listing(groups['unclear'], 'or')}."
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
            f"{lowest}; with {_listing(groups['below'])} it predicts better than the unigram model."
        ]
    else:
        said = [f"{lowest}; with no method does it clearly predict better than the unigram model."]
    if groups["above"]:
        said.append(
            f"{cell}: with {_listing(groups['above'])} it predicts worse than the unigram model."
        )
    if groups["unclear"]:
        unclear = _listing(groups["unclear"], "or")
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


def _listing(methods: Iterable[Any], word: str = "and") -> str:
    *others, last = [*map(_name, methods)] or [""]
    return f"{', '.join(others)} {word} {last}" if others else last


def _s(methods: list[Any]) -> str:
    return "s" if len(methods) == 1 else ""


def _name(method: object) -> str:
    if method == COMBINATION:
        return f"the {COMBINATION}"
    return "nothing" if method == "none" else str(method).replace("_", " ")
