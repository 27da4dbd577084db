"""What the sweeps found: which settings matter, beyond the noise of the seed."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from wordlab import names
from wordlab.artifacts import read_table
from wordlab.params.sweeps import GridSweepParams
from wordlab.report.findings.embeddings import OPEN
from wordlab.report.results import Answer, Results, Unmeasured, answer, of_stage
from wordlab.report.tables import Table, fraction, lower_is_better, number, ranged, rivals

Tables = Mapping[str, pd.DataFrame]
"""The tables of a sweep and of its analysis, by name."""

ITEMS = (
    "Intervals and verdicts of this sweep draw the seeds and the items that vectors are scored on "
    "together. The shares of the variance compare the settings with the noise of the seed alone; "
    "they hold for these items."
)
"""What the noise is where trials are scored on items."""
BUDGET = ("epochs", "iterations", "dimensions")
"""The settings of word vectors that decide how long a training takes, and how large they are."""


@of_stage("analyse_sweep@word2vec")
def of_word2vec(results: Results) -> list[str]:
    """Return what the sweep of word2vec found."""
    return of_vectors(read(results, "word2vec"), results.params.sweep_word2vec)


@of_stage("analyse_sweep@glove")
def of_glove(results: Results) -> list[str]:
    """Return what the sweep of GloVe found."""
    return of_vectors(read(results, "glove"), results.params.sweep_glove)


@of_stage("analyse_sweep@ppmi")
def of_ppmi(results: Results) -> list[str]:
    """Return what the sweep of PPMI found."""
    return of_vectors(read(results, "ppmi"), results.params.sweep_ppmi)


def read(results: Results, sweep: str) -> dict[str, pd.DataFrame]:
    """Return the tables of a sweep and of its analysis; values of settings as they were written."""
    as_text = dict.fromkeys(("highest", "lowest"), str)
    return {
        path.stem: read_table(path, converters=as_text)
        for study in (f"sweep_{sweep}", f"analysis_{sweep}")
        for path in sorted((results.tables / study).glob("*.csv"))
    }


def of_vectors(tables: Tables, params: GridSweepParams) -> list[str]:
    """Return what a sweep of word vectors found, of each of its scores."""
    columns = list(map(str, tables["trials"]))
    scores = columns[columns.index("seed") + 1 :]
    budget = {name: params.fixed[name] for name in BUDGET if name in params.fixed}
    trained = [f"Each trial trains on the whole training split, with {names.chosen(budget)}."]
    first = [*(trained if budget else []), *([ITEMS] if "best" in tables else [])]
    return [*first, *of_scores(tables["trials"], tables, list(params.grid), scores)]


def of_scores(
    trials: pd.DataFrame,
    tables: Tables,
    settings: Sequence[str],
    scores: Sequence[str],
    *,
    notes: Mapping[str, str] | None = None,
    silent: Collection[tuple[str, str]] = (),
) -> list[str]:
    """Return sentences about each model and score, from the tables of `variance.summarise`.

    notes: what else differs between the values of a setting, which goes with their comparison;
    silent: models and settings (model, setting) whose values no sentence compares.
    """
    sentences = []
    best = {(row["model"], row["score"]): row for row in rows(tables.get("best"))}
    for name, part in trials.groupby("model", sort=False):
        if part[list(scores)].isna().all(axis=None):
            wanted = ", ".join(map(names.plain, scores))
            sentences.append(
                f"{names.model(str(name))}: no trial has a score, so nothing is analysed: {wanted}."
            )
            continue
        for score in scores:
            subject = f"{names.model(str(name))}, {names.plain(score)}"
            missing = int(part[score].isna().sum())
            if missing:
                sentences.append(
                    f"{subject}: {missing} of {len(part)} trials have no score; no analysis."
                )
                continue
            row = best[name, score]
            sentences += [f"{subject}: {text}" for text in _of_best(settings, row, score, part)]
            if np.isfinite(row["noise"]):
                effects = [
                    row
                    for row in rows(_of(tables.get("differences"), name, score))
                    if (name, row["setting"]) not in silent
                ]
                sentences += [
                    f"{subject}: {text}" for text in _of_settings(effects, score, notes or {})
                ]
            shares = _of(tables.get("importances"), name, score)
            sentences += [f"{subject}: {text}" for text in _of_shares(shares, repetition(part))]
    return sentences


def _of_best(
    settings: Sequence[str], best: Mapping[str, Any], score: str, trials: pd.DataFrame
) -> Iterator[str]:
    """Say which combination did best, and how many are not worse beyond the noise."""
    chosen = names.chosen({name: value(best[name]) for name in settings})
    if not np.isfinite(best["noise"]):
        goal = "lower" if lower_is_better(score) else "higher"
        why = (
            "there is one training per combination"
            if best["n"] == 1
            else "trainings of the same settings do not differ"
        )
        yield (
            f"{goal} is better, and {chosen} did best ({best['mean']:.4g}); but {why}, so the "
            f"noise is unknown and no difference is established."
        )
        return
    reaching = f"{chosen}, at {best['mean']:.4g} [{best['low']:.4g}, {best['high']:.4g}]"
    if best["combinations"] == 1:
        yield f"the only combination trained in full is {reaching}."
        return
    yield f"the best of {best['combinations']} combinations is {reaching}; {rivals(best)}."
    differing = repetition(trials)
    folds = ", leaving out what a fold adds to all combinations alike"
    apart = folds if "fold" in differing else ""
    yield (
        f"trainings that differ in the {differing} alone have a standard deviation of "
        f"{best['noise']:.2g}{apart}, from {best['n']} trainings of each of "
        f"{best['combinations']} combinations."
    )


def _of_settings(
    effects: Sequence[Mapping[str, Any]], score: str, notes: Mapping[str, str]
) -> Iterator[str]:
    """Say for each setting which of its values does better, if the noise does not explain it."""
    for row in effects:
        better, worse = row["highest"], row["lowest"]
        if lower_is_better(score):
            better, worse = worse, better
        name, note = names.plain(row["setting"]), notes.get(row["setting"])
        verdict = (
            f"on average over the other settings, {name} {better} does better than {worse} by "
            f"{difference(row)}"
            if row["beyond_noise"]
            else f"no two values of {name} differ by more than the noise; the largest "
            f"difference is {difference(row)}"
        )
        yield f"{verdict}{f' ({note})' if note else ''}."


def _of_shares(shares: pd.DataFrame, repeated: str) -> Iterator[str]:
    """Say which settings and pairs have a part in the variance that is not noise."""
    if not len(shares):
        return
    seed = float(shares.loc[shares["term"] == "seed", "share"].iloc[0])
    beyond = shares[(shares["order"] > 0) & (shares["low"] > 0)]
    if len(beyond):
        named = ", ".join(f"{terms(row)} {share(row)}" for row in by_share(beyond))
        yield f"shares of the variance over the grid: {named}; the {repeated} {seed:.0%}."


def sensitivity(model: str, score: str, shares: pd.DataFrame) -> list[str]:
    """Return what the forest's shares say of one model, with intervals."""
    subject = f"{names.model(model)}, {names.plain(score)}"
    r2 = float(shares["r2"].iloc[0])
    sentences = [f"{subject}: {_trust(r2)}."]
    if not r2 > 0:
        return sentences
    for region, part in shares.groupby("region", sort=False):
        where = "over the whole space" if region == "all" else "within the best quarter"
        for order, things in ((1, "settings"), (2, "pairs of settings")):
            ranked = by_share(part[part["order"] == order])
            beyond = [row for row in ranked if row["share"] > row["by_chance"]]
            if beyond:
                named = ", ".join(f"{terms(row)} {share(row)}" for row in beyond)
                sentences.append(
                    f"{subject}: {where}, {things} that matter more than shuffled ones, by their "
                    f"share of the variance that the trees predict (fANOVA): {named}."
                )
            elif ranked:
                sentences.append(
                    f"{subject}: {where}, no {'setting' if order == 1 else 'pair of settings'} "
                    f"matters more than a shuffled one; the largest share is "
                    f"{terms(ranked[0])}'s, {share(ranked[0])}."
                )
    return sentences


def _trust(r2: float) -> str:
    if not np.isfinite(r2):
        return "too few combinations to test the forest on unseen ones"
    if r2 <= 0:
        return (
            f"the forest predicts unseen combinations no better than their mean (R2 {r2:.2f}): "
            f"it needs more combinations, and its shares say nothing"
        )
    return f"the forest explains {r2:.0%} of the variance of unseen combinations"


def repetition(trials: pd.DataFrame) -> str:
    """Return in what trainings of the same settings differ: seed, fold, or fold and seed."""
    folds = "fold" in trials and trials["fold"].nunique() > 1
    return ("fold and seed" if trials["seed"].nunique() > 1 else "fold") if folds else "seed"


def terms(row: Mapping[str, Any]) -> str:
    """Return a setting or a pair of settings, `one x other`, as people read it."""
    return " x ".join(map(names.plain, row["term"].split(" x ")))


def share(row: Mapping[str, Any]) -> str:
    """Return a share of the variance and its interval."""
    return f"{row['share']:.0%} [{row['low']:.0%}, {row['high']:.0%}]"


def difference(row: Mapping[str, Any]) -> str:
    """Return a difference and its interval."""
    return f"{row['difference']:.2g} [{row['low']:.2g}, {row['high']:.2g}]"


def value(found: Any) -> Any:
    """Return the value of a setting, None where a table has none."""
    return None if pd.isna(found) else found


def by_share(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of `table`, the largest share first."""
    return rows(table.sort_values("share", ascending=False))


def rows(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return the rows of a table, none where it was not written."""
    if table is None:
        return []
    return [{str(name): x for name, x in row.items()} for row in table.to_dict("records")]


def _of(table: pd.DataFrame | None, model: object, score: str) -> pd.DataFrame:
    """Return the rows of `table` about one model and score."""
    if table is None:
        return pd.DataFrame()
    return table[(table["model"] == model) & (table["score"] == score)]


@answer("vector-settings")
def _vector_settings(results: Results) -> Answer:
    """Return which settings of word2vec, GloVe and PPMI matter."""
    sweeps = ("word2vec", "glove", "ppmi")
    return matters(pd.concat(compared(results, sweep) for sweep in sweeps), "wordsim353")


def compared(results: Results, sweep: str) -> pd.DataFrame:
    """Return the differences between the values of settings, an empty table where none was made."""
    study = f"analysis_{sweep}"
    if not results.has(study, "differences"):
        return pd.DataFrame(columns=["model", "score", "setting", "difference"])
    as_text = dict.fromkeys(("highest", "lowest"), str)
    return read_table(results.tables / study / "differences.csv", converters=as_text)


def matters(
    differences: pd.DataFrame, score: str, silent: Collection[tuple[str, str]] = ()
) -> Answer:
    """Decided if the values of any setting differ by more than the noise.

    differences: that table of the analysis of sweeps; score: by which, the first of it if none;
    silent: as `of_scores` takes it.
    """
    if not len(differences):
        raise Unmeasured("no setting is compared")
    score = score if score in set(differences["score"]) else differences["score"].iloc[0]
    own = differences[differences["score"] == score]
    quiet = [pair in silent for pair in zip(own["model"], own["setting"], strict=True)]
    own = own.assign(beyond_noise=own["beyond_noise"].astype(bool) & ~np.array(quiet), quiet=quiet)
    write: Callable[[float], str] = (
        partial(number, digits=2) if lower_is_better(score) else fraction
    )
    sentences, rows = [], []
    for name, part in own.groupby("model", sort=False):
        part = part.sort_values("difference", ascending=False)
        model, beyond = names.model(str(name)), part[part["beyond_noise"]]
        for row in part.to_dict("records"):
            by = ranged(row["difference"], row["low"], row["high"], write)
            decided = "yes" if row["beyond_noise"] else "not compared" if row["quiet"] else "no"
            rows.append([f"{model}, {names.plain(row['setting'])}", *_better(row), by, decided])
        if beyond.empty:
            sentences.append(f"For {model} the effect of every setting is {OPEN}.")
            continue
        first = beyond.to_dict("records")[0]
        better, worse = _better(first)
        others = [names.plain(setting) for setting in beyond["setting"][1:]]
        rest = f"; the {names.listed(others)} count{'s' if len(others) == 1 else ''} too"
        sentences.append(
            f"For {model} the {names.plain(first['setting'])} matters most: {better} instead of "
            f"{worse} {'lowers' if lower_is_better(score) else 'raises'} the "
            f"{'' if lower_is_better(score) else 'score on '}{names.plain(score)} by "
            f"{write(first['difference'])}{rest if others else ''}."
        )
    head = ["better", "worse", "by", "decided"]
    shown = bool(own["beyond_noise"].any())
    return Answer(" ".join(sentences), shown, Table(f"By {names.plain(score)}", head, rows))


def _better(row: Mapping[Any, Any]) -> tuple[str, str]:
    ends = (row["highest"], row["lowest"])
    return ends[::-1] if lower_is_better(row["score"]) else ends
