"""Which figures a sweep has: each of one score, drawn from the tables of the sweep."""

import re

import pandas as pd
from matplotlib.figure import Figure

from wordlab.report.figures.settings import varied
from wordlab.report.figures.sweep_measures import (
    STABILITY,
    budget_quality,
    context_use,
    importance,
    stability,
)
from wordlab.report.figures.sweeps import interactions, parallel_coordinates, sweep_marginals
from wordlab.report.results import Results

SHOWN = ("valid_loss", "wordsim353")
"""The score that a sweep's figures show, where there is one of these; else its first."""

MAPS = 3
"""Maps of pairs of settings a model."""


def curves(results: Results, study: str) -> Figure | None:
    """Draw the score against each setting."""
    score, settings = _score(results, study), _settings(results, study)
    if score is None:
        return None
    grid = results.has(study, "marginals")
    table = results.table(study, "marginals" if grid else "curves")
    noise = results.table(study, "best").query("score == @score")["noise"]
    return sweep_marginals(
        _trials(results, study),
        table[table["score"] == score],
        settings,
        score,
        float(noise.mean()) if noise.notna().any() else None,
    )


def shares(results: Results, study: str) -> Figure | None:
    """Draw which settings matter: the exact shares of a full grid, or the forest's."""
    score = _score(results, study)
    if score is None:
        return None
    grid = results.has(study, "importances")
    table = results.table(study, "importances" if grid else "sensitivity")
    return importance(table[table["score"] == score], score)


def maps(results: Results, study: str) -> Figure | None:
    """Draw the score over the pairs of settings that interact most.

    Over a full grid the means of trainings, otherwise those of the forest.
    """
    score = _score(results, study)
    if score is None:
        return None
    if results.has(study, "importances"):
        shares = results.table(study, "importances").query("score == @score and order == 2")
        table = grid_maps(_trials(results, study), shares, score)
    else:
        table = results.table(study, "surfaces")
    return interactions(table, score) if len(table) else None


def combinations(results: Results, study: str) -> Figure | None:
    """Draw all combinations of settings as lines across them."""
    score = _score(results, study)
    trials = _trials(results, study)
    settings = _settings(results, study)
    if score is None or not varied(trials, settings):
        return None
    return parallel_coordinates(trials, settings, score)


def budget(results: Results, study: str) -> Figure | None:
    """Draw what loss is reached at what cost."""
    if not results.has(study, "progress"):
        return None
    return budget_quality(results.table(study, "progress"), results.table(study, "trials"))


def context(results: Results, study: str) -> Figure | None:
    """Draw the use of distant context by the length of truncation."""
    trials = _trials(results, study)
    found = (re.fullmatch(r"context_(\d+)_loss", name) for name in map(str, trials))
    lengths = [int(match[1]) for match in found if match]
    if not lengths or "bptt_length" not in _settings(results, study):
        return None
    return context_use(trials, lengths) if trials["context_loss"].notna().any() else None


def steadiness(results: Results, study: str) -> Figure | None:
    """Draw how stable trainings are by the length of truncation."""
    trials = _trials(results, study)
    known = any(name in trials and trials[name].notna().any() for name in STABILITY)
    return stability(trials) if known and "bptt_length" in _settings(results, study) else None


def grid_maps(trials: pd.DataFrame, pairs: pd.DataFrame, score: str) -> pd.DataFrame:
    """Return the means over the pairs of settings that make up most, as `interactions` takes them.

    pairs: columns model, term, share.
    """
    parts: list[pd.DataFrame] = []
    for model, own in pairs.groupby("model", sort=False):
        part = trials[trials["model"] == model]
        for term in own.sort_values("share", ascending=False)["term"].head(MAPS):
            one, other = str(term).split(" x ")
            means = part.groupby([one, other], dropna=False)[score].mean().reset_index()
            means = means.set_axis(["value_one", "value_other", "mean"], axis=1)
            parts.append(means.assign(model=model, one=one, other=other))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _score(results: Results, study: str) -> str | None:
    """Return the score to show; None where nothing could be scored."""
    if not results.has(study, "best"):
        return None
    known = results.table(study, "best")["score"].unique()
    return next((score for score in SHOWN if score in known), str(known[0]))


def _trials(results: Results, study: str) -> pd.DataFrame:
    """Return the trainings that can be compared: on the least budget where a sweep prunes."""
    trials = results.table(study, "trials")
    if "budget" not in trials:
        return trials
    return trials[trials["budget"] == trials["budget"].min()].drop(columns="budget")


def _settings(results: Results, study: str) -> list[str]:
    """Return the settings that a sweep tries: the columns between model and repetition."""
    columns = [str(name) for name in _trials(results, study)]
    end = columns.index("fold") if "fold" in columns else columns.index("seed")
    return columns[columns.index("model") + 1 : end]
