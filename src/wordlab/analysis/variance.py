"""Which settings matter: the analysis of variance of a full grid.

A full grid with equally many repetitions of each combination is balanced, so the variance of the
score is an exact sum: of each setting's main effect, of each interaction, and of what differs
between repetitions of the same combination. Claims are held against that last part or, with several
folds, against how much folds differ in what is claimed (`Grid.terms`). Of combinations that make up
no grid, only the best is compared with all others.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from wordlab.analysis.grid import Grid, Term

Floats = NDArray[np.floating]


def decomposition(grid: Grid, confidence: float) -> pd.DataFrame:
    """Return the share of each setting, each pair, the higher interactions and the seed.

    Columns: term (names joined by ` x `), order (1 for a main effect), share of the sum of
    squares, low and high (of what of the share is no noise, by the noncentralities of a chi-squared
    statistic, the noise taken for known), by_chance (the share expected of the term if only noise
    were at work), p (of the F test against the noise). Noise is that of `Grid.terms`. The last four
    are NaN where it is unknown; all NaN if all scores are equal.
    """
    total = ((grid.scores - grid.means.mean()) ** 2).sum()
    rows: list[dict[str, Any]] = []

    def row(name: str, order: int, term: Term) -> dict[str, Any]:
        known = grid.noise_known and term.noise_freedom
        variance = term.noise_squares / term.noise_freedom if known else float("nan")
        ratio = _ratio(term.squares / term.freedom, variance) if term.freedom else np.nan
        tails = ((1 + confidence) / 2, (1 - confidence) / 2)
        ends = [
            _noncentrality(ratio * term.freedom, term.freedom, tail) * variance for tail in tails
        ]
        low, high = (min(_ratio(end, total), 1.0) for end in ends)
        p = special.fdtrc(term.freedom, term.noise_freedom, ratio) if np.isfinite(ratio) else np.nan
        by_chance = _ratio(term.freedom * variance, total)
        return {"term": name, "order": order, "share": _ratio(term.squares, total),
                "low": low, "high": high, "by_chance": by_chance, "p": float(p)}  # fmt: skip

    higher = []
    for chosen, term in grid.terms.items():
        if len(chosen) <= 2:
            rows.append(row(" x ".join(grid.names[axis] for axis in chosen), len(chosen), term))
        else:
            higher.append(term)
    if any(term.freedom for term in higher):
        noise = higher if len(grid.folds) > 1 else higher[:1]  # with one fold the same of all
        together = Term(
            sum(term.squares for term in higher),
            sum(term.freedom for term in higher),
            sum(term.noise_squares for term in noise),
            sum(term.noise_freedom for term in noise),
        )
        rows.append(row("higher interactions", 3, together))
    squares = grid.noise**2 * grid.noise_freedom
    rows.append({"term": "seed", "order": 0, "share": _ratio(squares, total)})
    return pd.DataFrame(rows, columns=["term", "order", "share", "low", "high", "by_chance", "p"])


def _noncentrality(statistic: float, freedom: int, p: float) -> float:
    """Return the noncentrality with which a chi-squared statistic is at most this by probability p.

    0 where even none makes it less probable; NaN for a statistic that is no number.
    """
    if not np.isfinite(statistic):
        return float("nan")
    if special.chdtr(freedom, statistic) <= p:
        return 0.0
    return float(special.chndtrinc(statistic, freedom, p))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


def marginals(grid: Grid, confidence: float) -> pd.DataFrame:
    """Return the mean score at each value of each setting, over all values of the others.

    Columns: setting, value (as text), mean, low, high, n (trials).
    """
    rows = []
    for axis, (name, tried) in enumerate(zip(grid.names, grid.values, strict=True)):
        for value, contrast in zip(tried, grid.levels(axis), strict=True):
            mean = float(contrast @ grid.means.ravel())
            margin = float(grid.margins(contrast[None], confidence)[0])
            n = grid.scores.size // len(tried)
            rows.append((name, str(value), mean, mean - margin, mean + margin, n))
    return pd.DataFrame(rows, columns=["setting", "value", "mean", "low", "high", "n"])


def differences(grid: Grid, confidence: float) -> pd.DataFrame:
    """Return, for each setting, by how much its highest mean exceeds its lowest.

    Columns: setting, highest and lowest (values, as text), difference, low, high (of intervals
    that hold together for all pairs of values of all settings), beyond_noise (whether the
    interval is above 0; False where the noise is unknown). Settings with one value are left out; of
    equal means, the first two values are named.
    """
    contrasts: list[Floats] = []
    chosen: list[tuple[int, str, str, str, float]] = []
    for axis, (name, tried) in enumerate(zip(grid.names, grid.values, strict=True)):
        if len(tried) < 2:
            continue
        levels = grid.levels(axis)
        means = levels @ grid.means.ravel()
        highest, lowest = int(means.argmax()), int(means.argmin())
        lowest += highest == lowest  # all are equal
        for first, second in itertools.combinations(range(len(tried)), 2):
            if {first, second} == {highest, lowest}:
                size = float(means[highest] - means[lowest])
                chosen.append((len(contrasts), name, str(tried[highest]), str(tried[lowest]), size))
            contrasts.append(levels[first] - levels[second])
    margins = grid.margins(np.array(contrasts), confidence) if contrasts else np.zeros(0)
    columns = ["place", "setting", "highest", "lowest", "difference"]
    table = pd.DataFrame(chosen, columns=columns)
    margin = margins[table.pop("place").to_numpy(dtype=np.int64)]
    table = table.assign(low=table["difference"] - margin, high=table["difference"] + margin)
    return table.assign(beyond_noise=table["low"] > 0)


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
    """Insert constant columns, its subject, in front of `table`, and return it."""
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
            **{key: row[key] for key in ("low", "high", "noise")},
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
    best = int((sign * means).argmax())
    place = np.unravel_index(best, means.shape)
    mean = float(means[place])
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
