"""The winners of a sweep, as arguments for `dvc exp run`."""

import json
import shlex
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from wordlab.errors import UserError
from wordlab.params.base import SweepProfile
from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.params.whole import Params

SECTIONS = {"recurrent": "language_model", "word2vec": "word2vec"}
"""The section of the params that a sweep's settings are of."""


def arguments(
    table: Path,
    sweep: Literal["recurrent", "word2vec"],
    params: Params,
    score: str,
    profile: SweepProfile,
) -> list[str]:
    """Return a line of `-S` arguments a model: the best settings, and those that the sweep fixed.

    table: the sweep's best.csv; score: whose winners, "" being the first; profile: of the sweep of
    recurrent models. Raises UserError if there
    is no such table or score.
    """
    if not table.exists():
        raise UserError(f"{table}: no such table; `dvc repro sweep_{sweep}` makes it")
    winners = pd.read_csv(table)
    chosen = score or str(winners["score"].iloc[0])
    winners = winners[winners["score"] == chosen]
    if winners.empty:
        raise UserError(f"{score}: no such score in {table}")
    if sweep == "recurrent":
        own: RecurrentSweepParams = getattr(params.sweep_recurrent, profile)
        settings, fixed = list(own.space), own.fixed
    else:
        settings, fixed = list(params.sweep_word2vec.grid), params.sweep_word2vec.fixed
    missing = [name for name in settings if name not in winners]
    if missing:
        raise UserError(
            f"{table}: made with other settings than params.yaml has; run the sweep again"
        )
    lines = []
    for row in json.loads(winners.to_json(orient="records", double_precision=15)):
        values: dict[str, Any] = {**fixed, **{name: row[name] for name in settings}}
        place = f"{SECTIONS[sweep]}.{row['model']}"
        lines.append(" ".join(_argument(f"{place}.{name}", x) for name, x in values.items()))
    return lines


def _argument(name: str, value: Any) -> str:
    """Return one `-S`, in the way that DVC reads values; ++ changes a param or adds it."""
    text = str(value) if isinstance(value, str) else json.dumps(value)
    return f"-S {shlex.quote(f'++{name}={text}')}"
