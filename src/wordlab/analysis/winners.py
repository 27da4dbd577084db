"""The winners of a sweep, as arguments for `dvc exp run`."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic.fields import FieldInfo

from wordlab.errors import UserError
from wordlab.params.derived import combined
from wordlab.params.embeddings import CooccurrenceParams, GloveParams, Word2vecParams
from wordlab.params.language import LanguageModelParams
from wordlab.params.scales import override
from wordlab.params.sweeps import GridSweepParams, refusal
from wordlab.params.whole import Params

SweepName = Literal["recurrent", "word2vec", "glove"]
FIELDS: Mapping[SweepName, Mapping[str, FieldInfo]] = {
    "recurrent": LanguageModelParams.model_fields,
    "word2vec": Word2vecParams.model_fields,
    "glove": {**CooccurrenceParams.model_fields, **GloveParams.model_fields},
}
"""The settings that each sweep can try."""


@dataclass(frozen=True)
class Winner:
    """The best combination of a model: what it reached, and its `-S` arguments.

    reached: its row of best.csv: score, mean, low, high (None without an interval), n,
    combinations.
    """

    model: str
    reached: Mapping[str, Any]
    arguments: str


def winners(
    tables: Path,
    sweep: SweepName,
    params: Params,
    *,
    score: str = "",
    model: str = "",
) -> list[Winner]:
    """Return the winner of each model, with the best settings and those that the sweep fixed.

    tables: the folder of all tables; score: whose winners, "" being the first; model: only its
    winner, "" being each. Raises UserError if there is no such table, score or model.
    """
    path = tables / f"analysis_{sweep}" / "best.csv"
    if not path.exists():
        raise UserError(f"{path}: no such table; `dvc repro analyse_sweep@{sweep}` makes it")
    best = pd.read_csv(path)
    best = _chosen(best, "score", score or str(best["score"].iloc[0]), path)
    if model:
        best = _chosen(best, "model", model, path)
    settings, fixed, place = _described(sweep, params)
    if not set(settings) <= set(best):
        raise UserError(
            f"{path}: made with other settings than params.yaml has; run the sweep again"
        )
    found = []
    for row in json.loads(best.to_json(orient="records", double_precision=15)):
        values = {**fixed, **{name: _typed(FIELDS[sweep][name], row[name]) for name in settings}}
        if sweep == "recurrent":
            section = params.sweep_recurrent
            values = combined(section, getattr(params.language_model, row["model"]), values)
            if section.parameters:
                trials = pd.read_csv(tables / f"sweep_{sweep}" / "trials.csv")
                alike = trials.merge(best, on=["model", *settings])
                own = alike.loc[alike["model"] == row["model"], "embedding_size"]
                values["embedding_size"] = int(own.iloc[0])
        arguments = [f"-S {override(place(row['model'], name), x)}" for name, x in values.items()]
        found.append(Winner(row["model"], row, " ".join(arguments)))
    return found


def _typed(field: FieldInfo, value: Any) -> Any:
    """Return a setting as its params take it: a column with an empty cell has floats, not ints."""
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if whole and refusal(field, value) else value


def _described(
    sweep: SweepName, params: Params
) -> tuple[list[str], Mapping[str, Any], Callable[[str, str], str]]:
    """Return which settings a sweep tried and which it fixed, and where a model has each."""
    if sweep == "recurrent":
        own = params.sweep_recurrent
        return list(own.space), own.fixed, lambda model, name: f"language_model.{model}.{name}"
    grid: GridSweepParams = params.sweep_word2vec if sweep == "word2vec" else params.sweep_glove

    def place(model: str, name: str) -> str:
        if sweep == "word2vec":
            return f"word2vec.{model}.{name}"
        return f"{'cooccurrence' if name in CooccurrenceParams.model_fields else model}.{name}"

    return list(grid.grid), grid.fixed, place


def _chosen(table: pd.DataFrame, column: str, value: str, path: Path) -> pd.DataFrame:
    chosen = table[table[column] == value]
    if chosen.empty:
        known = ", ".join(dict.fromkeys(table[column]))
        raise UserError(f"{value}: no such {column} in {path}; expected one of {known}")
    return chosen
