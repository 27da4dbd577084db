"""What the trials of a sweep show of each score, in tables.

Over a full grid each setting is compared by itself, as `variance` has it; of any other combinations
only the best with all others.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from wordlab.analysis.variance import Floats, Grid, decomposition, differences, marginals

Goal = Literal["higher", "lower"]
Tables = dict[str, pd.DataFrame]
"""The tables of an analysis, by the name they are written under."""
NO_SHARES = pd.DataFrame(columns=["model", "score", "term", "order", "share"])


def summarise(
    trials: pd.DataFrame,
    settings: Sequence[str],
    goals: Mapping[str, Goal],
    confidence: float,
    *,
    full_grid: bool = True,
    draws: Mapping[str, Floats] | None = None,
) -> Tables:
    """Return the tables of the scores named in `goals`, model by model, without empty ones.

    `marginals`, `importances` and `differences`: as `variance` returns them, with the columns model
    and score in front. `best`: one row per model and score: the settings, mean, low, high, n,
    noise (the standard deviation of repetitions), others (combinations that the noise does not set
    apart from it) and combinations.

    trials: one row per training: model, settings, fold (if several), seed, scores; of each model a
    full grid, or (full_grid false) any combinations with equally many repetitions, of which only
    the best is determined. A score that a trial lacks is left out. draws: of each score, for each
    trial the mean of its combination in bootstrap resamples of items and seeds together, float64
    (trials, 3, B), as `statistics.combined` takes them: what intervals and verdicts are by; without
    it by the noise between repetitions alone.
    """
    tables: dict[str, list[pd.DataFrame]] = {"marginals": [], "importances": [], "differences": []}
    best: list[dict[str, Any]] = []
    for model, part in trials.groupby("model", sort=False):
        for score, goal in goals.items():
            if part[score].isna().any():
                continue
            subject = {"model": str(model), "score": score}
            if not full_grid:
                best.append({**subject, **_best_drawn(part, settings, score, goal, confidence)})
                continue
            own = None if draws is None else draws[score][part.index]
            grid = Grid.of(part, settings, score, own)
            found = {
                "marginals": marginals(grid, confidence),
                "importances": decomposition(grid, confidence),
                "differences": differences(grid, confidence),
            }
            for name, table in found.items():
                tables[name].append(about(table, **subject))
            best.append({**subject, **_best(grid, goal, confidence)})
    joined = {name: pd.concat(parts) for name, parts in tables.items() if parts}
    return {**joined, **({"best": pd.DataFrame(best)} if best else {})}


def about(table: pd.DataFrame, **subject: str) -> pd.DataFrame:
    """Put constant columns in front of `table`, which say what it is about, and return it."""
    for place, (name, value) in enumerate(subject.items()):
        table.insert(place, name, value)
    return table


def metrics(tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return model -> score -> best mean, its interval, the noise, and the settings' shares."""
    result: dict[str, Any] = {}
    if "best" not in tables:
        return result
    shares = tables.get("importances", NO_SHARES).query("order == 1")
    for row in tables["best"].to_dict("records"):
        own = shares[(shares["model"] == row["model"]) & (shares["score"] == row["score"])]
        result.setdefault(str(row["model"]), {})[str(row["score"])] = {
            "best": row["mean"],
            "low": row["low"],
            "high": row["high"],
            "noise": row["noise"],
            "share": dict(zip(own["term"], own["share"], strict=True)),
        }
    return result


def _best(grid: Grid, goal: Goal, confidence: float) -> dict[str, Any]:
    """Return the best combination, and how many others are not worse beyond the noise.

    It was picked for its mean, and each of the others is compared with it: so the interval is one
    that holds for all combinations together, and so are those of the differences.
    """
    sign = 1 if goal == "higher" else -1
    means = grid.means
    place = np.unravel_index(int((sign * means).argmax()), means.shape)
    mean, best = float(means[place]), int((sign * means).argmax())
    each = np.eye(means.size)
    margin = float(grid.margins(each, confidence)[best])
    behind = np.delete(each[best] - each, best, axis=0)  # the best less each other one
    apart = grid.margins(behind, confidence) if len(behind) else np.zeros(0)
    ahead = sign * (behind @ means.ravel())
    return {
        **{n: v[int(i)] for n, v, i in zip(grid.names, grid.values, place, strict=True)},
        "mean": mean,
        "low": mean - margin,
        "high": mean + margin,
        "n": grid.scores.shape[-1],
        "noise": grid.noise if grid.noise_known or grid.draws is not None else float("nan"),
        "others": means.size - 1 - int((ahead > apart).sum()),
        "combinations": means.size,
    }


def numbered(trials: pd.DataFrame, settings: Sequence[str]) -> pd.DataFrame:
    """Return `trials` with the number of each combination of settings, in order of appearance."""
    groups = trials.groupby(list(settings), sort=False, dropna=False)
    return trials.assign(combination=groups.ngroup())


def _best_drawn(
    part: pd.DataFrame, settings: Sequence[str], score: str, goal: Goal, confidence: float
) -> dict[str, Any]:
    """Return the best of combinations that make up no grid, as `_best` does."""
    table = numbered(part, settings)
    best = _best(Grid.of(table, ["combination"], score), goal, confidence)
    chosen = table[table["combination"] == best.pop("combination")].iloc[0]
    return {**{name: chosen[name] for name in settings}, **best}
