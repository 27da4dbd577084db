"""What a sweep found: tables, and sentences that claim no more than the noise allows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from wordlab import names
from wordlab.analysis.variance import Floats, Grid, decomposition, differences, marginals

Goal = Literal["higher", "lower"]

ITEMS = (
    "Intervals and verdicts of this sweep draw the seeds and the items that vectors are scored on "
    "together. The shares of the variance compare the settings with the noise of the seed alone; "
    "they hold for these items."
)
"""What the noise is where trials are scored on items."""
NO_SHARES = pd.DataFrame(columns=["model", "score", "term", "share"])


@dataclass(frozen=True, eq=False)
class SweepResult:
    """The results of a sweep.

    trials: a row a trial: model, settings, fold (if several), seed, measurements. marginals,
    importances and differences: as in `importance`, with the columns model and score in front.
    best: a row for each model and score: the settings, mean, low, high, n, noise (the standard
    deviation of repetitions), others (combinations that the noise does not set apart from it)
    and combinations. sentences: the same in words. further: other tables, by name; numbers: other
    numbers, nested, by model.
    """

    trials: pd.DataFrame = field(repr=False)
    marginals: pd.DataFrame = field(repr=False)
    importances: pd.DataFrame = field(repr=False)
    differences: pd.DataFrame = field(repr=False)
    best: pd.DataFrame = field(repr=False)
    sentences: tuple[str, ...]
    further: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    numbers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        names = ("trials", "marginals", "importances", "differences", "best")
        own = {name: getattr(self, name) for name in names}
        return {**{name: table for name, table in own.items() if len(table)}, **self.further}

    def metrics(self) -> dict[str, Any]:
        """Return model -> score -> best mean, its interval, the noise, and the settings' shares.

        And `numbers`.
        """
        result: dict[str, Any] = {}
        if self.best.empty:
            return result
        shares = self.importances.query("order == 1") if len(self.importances) else NO_SHARES
        for row in self.best.to_dict("records"):
            own = shares[(shares["model"] == row["model"]) & (shares["score"] == row["score"])]
            result.setdefault(str(row["model"]), {})[str(row["score"])] = {
                "best": row["mean"],
                "low": row["low"],
                "high": row["high"],
                "noise": row["noise"],
                "share": dict(zip(own["term"], own["share"], strict=True)),
            }
        for model, numbers in self.numbers.items():
            result.setdefault(model, {}).update(numbers)
        return result


def summarise(
    trials: pd.DataFrame,
    settings: Sequence[str],
    goals: Mapping[str, Goal],
    confidence: float,
    *,
    full_grid: bool = True,
    draws: Mapping[str, Floats] | None = None,
    notes: Mapping[str, str] | None = None,
    untold: Collection[tuple[str, str]] = (),
) -> SweepResult:
    """Return the tables and sentences for the scores named in `goals`, model by model.

    trials: of each model a full grid, or (full_grid false) any combinations with equally many
    repetitions, of which only the best is told. A score that a trial lacks is left out, and a
    sentence says so. draws: of each score, for each trial the mean of its combination in bootstrap
    resamples of items and seeds together, float64 (trials, 3, B), as `statistics.combined` takes
    them: what intervals and verdicts are by; without it by the noise between repetitions alone.
    notes: what else differs between the values of a setting, which goes with their comparison.
    untold: models and settings (model, setting) whose values no sentence compares.
    """
    tables: dict[str, list[pd.DataFrame]] = {"marginals": [], "importances": [], "differences": []}
    best: list[dict[str, Any]] = []
    sentences: list[str] = []
    for model, part in trials.groupby("model", sort=False):
        if part[list(goals)].isna().all(axis=None):
            wanted = ", ".join(map(names.plain, goals))
            sentences.append(
                f"{names.model(str(model))}: no trial has a score, so nothing is "
                f"analysed: {wanted}."
            )
            continue
        for score, goal in goals.items():
            missing = int(part[score].isna().sum())
            if missing:
                sentences.append(
                    f"{_subject(model, score)}: {missing} of {len(part)} trials have no score; no "
                    f"analysis."
                )
                continue
            if not full_grid:
                best.append(_best_drawn(part, settings, score, goal, confidence))
                sentences += _told_best(settings, best[-1], goal, repetition(part))
                continue
            own = None if draws is None else draws[score][part.index]
            grid = Grid.of(part, settings, score, own)
            found = {
                "marginals": marginals(grid, confidence),
                "importances": decomposition(grid, confidence),
                "differences": differences(grid, confidence),
            }
            for name, table in found.items():
                table.insert(0, "model", str(model))
                table.insert(1, "score", score)
                tables[name].append(table)
            best.append({"model": str(model), "score": score, **_best(grid, goal, confidence)})
            effects = found["differences"]
            silent = [name for own, name in untold if own == model]
            effects = effects[~effects["setting"].isin(silent)]
            sentences += _sentences(grid, best[-1], effects, goal, repetition(part), notes or {})
            sentences += _told_shares(
                _subject(model, score), found["importances"], repetition(part)
            )
    if draws is not None and best:
        sentences.insert(0, ITEMS)
    joined = {name: pd.concat(parts) if parts else pd.DataFrame() for name, parts in tables.items()}
    return SweepResult(
        trials=trials,
        marginals=joined["marginals"],
        importances=joined["importances"],
        differences=joined["differences"],
        best=pd.DataFrame(best),
        sentences=tuple(sentences),
    )


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


def repetition(trials: pd.DataFrame) -> str:
    """Return in what trainings of the same settings differ: seed, fold, or fold and seed."""
    folds = "fold" in trials and trials["fold"].nunique() > 1
    return ("fold and seed" if trials["seed"].nunique() > 1 else "fold") if folds else "seed"


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
    return {
        "model": chosen["model"],
        "score": score,
        **{name: chosen[name] for name in settings},
        **best,
    }


def _subject(model: object, score: str) -> str:
    return f"{names.model(str(model))}, {names.plain(score)}"


def _told_best(
    settings: Sequence[str], best: Mapping[str, Any], goal: Goal, repeated: str
) -> list[str]:
    """Return which combination did best, and how many are not worse beyond the noise."""
    subject = _subject(best["model"], best["score"])
    chosen = names.chosen({name: best[name] for name in settings})
    if not np.isfinite(best["noise"]):
        why = (
            "there is one training per combination"
            if best["n"] == 1
            else "trainings of the same settings do not differ"
        )
        return [
            f"{subject}: {goal} is better, and {chosen} did best ({best['mean']:.4g}); but {why}, "
            f"so the noise is unknown and no difference is established."
        ]
    reached = f"{chosen}, at {best['mean']:.4g} [{best['low']:.4g}, {best['high']:.4g}]"
    if best["combinations"] == 1:
        return [f"{subject}: the only combination trained in full is {reached}."]
    count = best["others"]
    others = {
        0: "all others are worse beyond the noise",
        1: "one other is not worse beyond the noise",
    }
    return [
        f"{subject}: the best of {best['combinations']} combinations is {reached}; "
        f"{others.get(count, f'{count} others are not worse beyond the noise')}.",
        f"{subject}: trainings that differ in the {repeated} alone have a standard deviation of "
        f"{best['noise']:.2g}.",
    ]


def _told_shares(subject: str, shares: pd.DataFrame, repeated: str) -> list[str]:
    """Return which settings and pairs have a part in the variance that is no noise."""
    told = shares[(shares["order"] > 0) & (shares["low"] > 0)]
    if not len(told):
        return []
    named = ", ".join(
        f"{terms(row['term'])} {row['share']:.0%} [{row['low']:.0%}, {row['high']:.0%}]"
        for row in told.sort_values("share", ascending=False).to_dict("records")
    )
    seed = float(shares.loc[shares["term"] == "seed", "share"].iloc[0])
    return [f"{subject}: shares of the variance over the grid: {named}; the {repeated} {seed:.0%}."]


def terms(term: str) -> str:
    """Return a setting or a pair of settings, `one x other`, as people read it."""
    return " x ".join(map(names.plain, term.split(" x ")))


def _sentences(
    grid: Grid,
    best: Mapping[str, Any],
    effects: pd.DataFrame,
    goal: Goal,
    repeated: str,
    notes: Mapping[str, str],
) -> list[str]:
    """Return what can be said of one model and score."""
    subject = _subject(best["model"], best["score"])
    said = _told_best(grid.names, best, goal, repeated)
    if not np.isfinite(best["noise"]):
        return said
    for row in effects.to_dict("records"):
        better, worse = row["highest"], row["lowest"]
        if goal == "lower":
            better, worse = worse, better
        size = f"{row['difference']:.2g} [{row['low']:.2g}, {row['high']:.2g}]"
        name, note = names.plain(row["setting"]), notes.get(row["setting"])
        verdict = (
            f"on average over the other settings, {name} {better} does better than {worse} by "
            f"{size}"
            if row["beyond_noise"]
            else f"no two values of {name} differ by more than the noise; the largest "
            f"difference is {size}"
        )
        said.append(f"{subject}: {verdict}{f' ({note})' if note else ''}.")
    return said
