"""What a sweep found: tables, and sentences that claim no more than the noise allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from wordlab.sweeps.importance import Grid, decomposition, differences, marginals

Goal = Literal["higher", "lower"]


@dataclass(frozen=True, eq=False)
class SweepResult:
    """The results of a sweep.

    trials: a row a trial: model, settings, fold (if several), seed, measurements. marginals,
    importances and differences: as in `importance`, with the columns model and score in front.
    best: a row for each model and score: the settings, mean, low, high, n, noise (the standard
    deviation of repetitions), others (combinations that the noise does not set apart from it)
    and combinations. sentences: the same in words.
    """

    trials: pd.DataFrame = field(repr=False)
    marginals: pd.DataFrame = field(repr=False)
    importances: pd.DataFrame = field(repr=False)
    differences: pd.DataFrame = field(repr=False)
    best: pd.DataFrame = field(repr=False)
    sentences: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        names = ("trials", "marginals", "importances", "differences", "best")
        return {name: getattr(self, name) for name in names}

    def metrics(self) -> dict[str, Any]:
        """Return model -> score -> best mean, its interval, the noise, and the settings' shares."""
        result: dict[str, Any] = {}
        if self.best.empty:
            return result
        shares = self.importances[self.importances["order"] == 1]
        for row in self.best.to_dict("records"):
            own = shares[(shares["model"] == row["model"]) & (shares["score"] == row["score"])]
            result.setdefault(str(row["model"]), {})[str(row["score"])] = {
                "best": row["mean"],
                "low": row["low"],
                "high": row["high"],
                "noise": row["noise"],
                "share": dict(zip(own["term"], own["share"], strict=True)),
            }
        return result


def summarise(
    trials: pd.DataFrame, settings: Sequence[str], goals: Mapping[str, Goal], confidence: float
) -> SweepResult:
    """Return the tables and sentences for the scores named in `goals`, model by model.

    trials: a full grid a model. A score that a trial lacks is left out, and a sentence says so.
    """
    tables: dict[str, list[pd.DataFrame]] = {"marginals": [], "importances": [], "differences": []}
    best: list[dict[str, Any]] = []
    sentences: list[str] = []
    for model, part in trials.groupby("model", sort=False):
        for score, goal in goals.items():
            missing = int(part[score].isna().sum())
            if missing:
                sentences.append(
                    f"{model}, {score}: {missing} of {len(part)} trials have no score; no analysis."
                )
                continue
            grid = Grid.of(part, settings, score)
            found = {
                "marginals": marginals(grid, confidence),
                "importances": decomposition(grid),
                "differences": differences(grid, confidence),
            }
            for name, table in found.items():
                table.insert(0, "model", str(model))
                table.insert(1, "score", score)
                tables[name].append(table)
            best.append({"model": str(model), "score": score, **_best(grid, goal, confidence)})
            sentences += _sentences(grid, best[-1], found["differences"], goal)
    return SweepResult(
        trials=trials,
        best=pd.DataFrame(best),
        sentences=tuple(sentences),
        **{name: pd.concat(parts) if parts else pd.DataFrame() for name, parts in tables.items()},
    )


def _best(grid: Grid, goal: Goal, confidence: float) -> dict[str, Any]:
    """Return the best combination, and how many others are not worse beyond the noise.

    It was picked for its mean, and each of the others is compared with it: so the interval is one
    that holds for all combinations together, and so are those of the differences.
    """
    sign = 1 if goal == "higher" else -1
    means = grid.means
    place = np.unravel_index(int((sign * means).argmax()), means.shape)
    mean, repetitions = float(means[place]), grid.scores.shape[-1]
    margin = grid.margin(repetitions, confidence, means.size)
    apart = grid.margin(repetitions, confidence, max(means.size - 1, 1)) * np.sqrt(2)
    return {
        **{n: v[int(i)] for n, v, i in zip(grid.names, grid.values, place, strict=True)},
        "mean": mean,
        "low": mean - margin,
        "high": mean + margin,
        "n": repetitions,
        "noise": grid.noise,
        "others": means.size - 1 - int((sign * (mean - means) > apart).sum()),
        "combinations": means.size,
    }


def _sentences(grid: Grid, best: Mapping[str, Any], effects: pd.DataFrame, goal: Goal) -> list[str]:
    """Return what can be said of one model and score."""
    subject = f"{best['model']}, {best['score']}"
    chosen = ", ".join(f"{name} {best[name]}" for name in grid.names)
    if not np.isfinite(grid.noise):
        return [
            f"{subject}: {goal} is better, and {chosen} did best ({best['mean']:.4g}), but with "
            f"one training a combination the noise is unknown: no difference is established."
        ]
    said = [
        f"{subject}: the best of {best['combinations']} combinations is {chosen}, at "
        f"{best['mean']:.4g} [{best['low']:.4g}, {best['high']:.4g}]; {best['others']} others "
        f"cannot be told from it, trainings that differ in the seed having a standard deviation "
        f"of {grid.noise:.2g}."
    ]
    for row in effects.to_dict("records"):
        better, worse = row["highest"], row["lowest"]
        if goal == "lower":
            better, worse = worse, better
        size = f"{row['difference']:.2g} [{row['low']:.2g}, {row['high']:.2g}]"
        said.append(
            f"{subject}: on average over the other settings, {row['setting']} {better} does better "
            f"than {worse} by {size}."
            if row["beyond_noise"]
            else f"{subject}: no two values of {row['setting']} differ by more than the noise; the "
            f"largest difference is {size}."
        )
    return said
