"""DVC's experiments since the last commit: what each changed, and what it scored, best first."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wordlab.errors import UserError
from wordlab.params import flatten
from wordlab.report.tables import aligned

LOWER = ("perplexity",)
"""Scores that are better the lower they are."""


def shown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a table per model whose scores differ between experiments, and how to apply one.

    rows: as `dvc exp show --json` prints them. Raises UserError where no experiment has ended.
    """
    commit = next(row for row in rows if row["rev"] != "workspace")
    ended = {
        str(one["name"]): one["revs"][0]["data"]
        for one in commit["experiments"] or ()
        if one["revs"][0]["data"] and (one["executor"] or {}).get("state") in (None, "success")
    }
    if not ended:
        raise UserError("no experiment on this commit has ended; `make sweep` runs some")
    every = {"(committed)": commit["data"], **ended}
    params = {name: flatten(data["params"]["params.yaml"]["data"]) for name, data in every.items()}
    varied = [
        name
        for name in dict.fromkeys(name for own in params.values() for name in own)
        if len({json.dumps(own.get(name)) for own in params.values()}) > 1
    ]
    scores = {name: headline(data["metrics"]) for name, data in every.items()}
    blocks = []
    for model in dict.fromkeys(model for own in scores.values() for model in own):
        found = {name: own[model] for name, own in scores.items() if model in own}
        if len({json.dumps(own) for own in found.values()}) > 1:
            blocks.append(_block(model, found, params, varied))
    if not blocks:
        blocks = ["The experiments have the scores of the commit."]
    return "\n\n".join(
        [*blocks, "make apply NAME=… takes over the params of one, and its results and report"]
    )


def headline(metrics: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return the headline scores of one experiment, by model."""
    found: dict[str, dict[str, float | None]] = {}
    for read in metrics.values():
        found |= read.get("data") or {}
    return found


def _block(
    model: str,
    scores: Mapping[str, Mapping[str, float | None]],
    params: Mapping[str, Mapping[str, Any]],
    varied: Sequence[str],
) -> str:
    """Return the table of one model, the best by its first score on top."""
    measures = list(next(iter(scores.values())))
    first = measures[0]

    def rank(name: str) -> float:
        value = scores[name].get(first)
        if value is None:
            return float("inf")
        return value if first in LOWER else -value

    head = ["", *(_short(name, varied) for name in varied), *measures]
    rows = [
        [name, *(_value(params[name], one) for one in varied),
         *(_written(scores[name].get(one)) for one in measures)]
        for name in sorted(scores, key=rank)
    ]  # fmt: skip
    return f"{model}\n{aligned([head, *rows])}"


def _value(params: Mapping[str, Any], name: str) -> str:
    """Return a param as text, of a model without its own the one that it shares with others."""
    section, _, key = name.rpartition(".")
    shared = params.get(f"{section.partition('.')[0]}.shared.{key}", "–")
    return str(params.get(name, shared))


def _short(name: str, others: Sequence[str]) -> str:
    """Return the end of a param's name that no other of `others` shares."""
    parts = name.split(".")
    for count in range(1, len(parts)):
        end = ".".join(parts[-count:])
        if sum(other == end or other.endswith(f".{end}") for other in others) == 1:
            return end
    return name


def _written(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def read(repository: Path) -> list[dict[str, Any]]:
    """Return what DVC knows of the last commit and its experiments.

    Raises UserError with DVC's own last line where it cannot say.
    """
    command = [sys.executable, "-m", "dvc", "exp", "show", "--json"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"dvc exp show: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
