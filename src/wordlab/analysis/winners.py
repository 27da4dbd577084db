"""The winners of a sweep, as arguments for `dvc exp run`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from wordlab.artifacts import read_table
from wordlab.errors import UserError
from wordlab.params.derived import predicted, tied
from wordlab.params.embeddings import CooccurrenceParams
from wordlab.params.language import CellParams
from wordlab.params.scales import override
from wordlab.params.sweeps import Range, Tried
from wordlab.params.whole import Params

SweepName = Literal["recurrent", "word2vec", "glove", "ppmi"]
NETWORK = {*CellParams.model_fields, "cell_backend", "embedding", "embedding_size", "hidden_size",
           "layers", "tied"}  # fmt: skip
"""The settings of a language model that decide what it is; the others are of its training."""


@dataclass(frozen=True)
class Winner:
    """The best combination of a model: what it reached, and its `-S` arguments.

    reached: its row of best.csv: score, mean, low, high (None without an interval), n,
    combinations. otherwise: what the sweep trained with instead of the pipeline's own, by setting
    as (the sweep's, the pipeline's); None is no limit. The arguments leave these as they are, but
    have what makes a language model the one that won. untried: the pipeline's own values of
    settings that were searched among others.
    """

    model: str
    reached: Mapping[str, Any]
    arguments: str
    otherwise: Mapping[str, tuple[Any, Any]]
    untried: Mapping[str, Any]


def winners(
    tables: Path,
    sweep: SweepName,
    params: Params,
    *,
    score: str = "",
    model: str = "",
) -> list[Winner]:
    """Return the winner of each model, with the settings that were searched.

    tables: the folder of all tables; score: whose winners, "" being the first set of word pairs
    that has any, or the loss; model: only its winner, "" being each. Raises UserError if there is
    no such table, score or model.
    """
    path = tables / f"analysis_{sweep}" / "best.csv"
    if not path.exists():
        raise UserError(f"{path}: no such table; `dvc repro analyse_sweep@{sweep}` makes it")
    best = read_table(path)
    scored = set(best.loc[best["mean"].notna(), "score"])
    usual = [pairs.name for pairs in params.evaluation.similarity if pairs.name in scored]
    best = _chosen(best, "score", score or [*usual, str(best["score"].iloc[0])][0], path)
    if model:
        best = _chosen(best, "model", model, path)
    section = getattr(params, f"sweep_{sweep}")
    settings = list(section.space if sweep == "recurrent" else section.grid)
    if not set(settings) <= set(best):
        raise UserError(
            f"{path}: made with other settings than params.yaml has; run the sweep again"
        )
    found = []
    for row in json.loads(best.to_json(orient="records", double_precision=15)):
        searched = section.space if sweep == "recurrent" else section.tried(row["model"])
        values = {name: _listed(searched[name], row[name]) for name in settings}
        otherwise = {
            name: (value, _base(params, sweep, row["model"], name)[1])
            for name, value in section.fixed.items()
        }
        if sweep == "recurrent":
            own = getattr(params.language_model, row["model"])
            changed = {n: x for n, (x, before) in otherwise.items() if n in NETWORK and x != before}
            otherwise = {n: both for n, both in otherwise.items() if n not in NETWORK}
            values = tied({**values, **changed}, own)
            if section.parameters:
                trials = read_table(tables / f"sweep_{sweep}" / "trials.csv")
                alike = trials.merge(best, on=["model", *settings])
                sizes = alike.loc[alike["model"] == row["model"], "embedding_size"]
                values["embedding_size"] = int(sizes.iloc[0])
            if "tokens" in otherwise:
                otherwise["text_tokens"] = section.tokens, None
            else:
                otherwise["tokens"] = section.tokens, own.tokens
            if section.update_tokens:
                tokens = own.batch_size * predicted(values, own)
                otherwise["update_tokens"] = section.update_tokens, tokens
        bases = {name: _base(params, sweep, row["model"], name) for name in values}
        arguments = [f"-S {override(f'{bases[name][0]}.{name}', x)}" for name, x in values.items()]
        untried = {n: bases[n][1] for n in settings if not _among(searched[n], bases[n][1])}
        differing = {name: both for name, both in otherwise.items() if both[0] != both[1]}
        found.append(Winner(row["model"], row, " ".join(arguments), differing, untried))
    return found


def _base(params: Params, sweep: SweepName, model: str, name: str) -> tuple[str, Any]:
    """Return the section of params.yaml that has the setting `name` of `model`, and its value."""
    place = f"language_model.{model}" if sweep == "recurrent" else f"word2vec.{model}"
    if sweep in ("glove", "ppmi"):
        place = "cooccurrence" if name in CooccurrenceParams.model_fields else sweep
    return place, getattr(attrgetter(place)(params), name)


def _listed(tried: Tried, value: Any) -> Any:
    """Return a value of a table, which has six digits, as the list that was tried has it."""
    if isinstance(tried, Range) or not isinstance(value, int | float):
        return value
    alike = [x for x in tried if isinstance(x, int | float) and f"{x:.6g}" == f"{value:.6g}"]
    return min(alike, key=lambda x: abs(x - value), default=value)


def _among(tried: Tried, value: Any) -> bool:
    """Return whether a search could have tried a value."""
    if isinstance(tried, Range):
        return isinstance(value, int | float) and tried.low <= value <= tried.high
    return value in tried


def _chosen(table: pd.DataFrame, column: str, value: str, path: Path) -> pd.DataFrame:
    chosen = table[table[column] == value]
    if chosen.empty:
        known = ", ".join(dict.fromkeys(table[column]))
        raise UserError(f"{value}: no such {column} in {path}; expected one of {known}")
    return chosen
