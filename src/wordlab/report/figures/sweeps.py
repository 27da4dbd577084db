"""Figures of sweeps: how the settings move a score, one by one, in pairs, and all together."""

import math
import re

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from wordlab import names
from wordlab.report.figures.registry import figure
from wordlab.report.figures.style import (
    INK,
    MUTED,
    SPARE,
    Scale,
    canvas,
    legend_below,
    line,
    panels,
    powers,
    text,
    varied,
)
from wordlab.report.results import Study
from wordlab.report.tables import lower_is_better

SWEEPS = tuple(f"analyse_sweep@{sweep}" for sweep in ("recurrent", "word2vec", "glove", "ppmi"))
SHOWN = ("valid_loss", "wordsim353")
"""The score that a sweep's figures show, where there is one of these; else its first."""
MAPS = 3
"""Maps of pairs of settings per model."""
REGIONS = {"all": "of all", "best quarter": "within the best quarter"}
"""Where the forest's shares are measured, and how a legend calls it."""
TERMS = 12
"""Settings and pairs shown, the largest of any model."""


@figure(
    SWEEPS,
    "Which settings matter",
    "The share of the variance of the score that each setting makes up, and each pair beyond its "
    "parts. Over a full grid the shares are exact sums, the seed's among them; otherwise those of "
    "fANOVA, worth no more than the held-out R2 of its forest.",
)
def importance(study: Study) -> Figure | None:
    """Draw the shares of settings and pairs: the exact ones of a full grid, or the forest's.

    One panel per model; per term a dot with its interval for each region, and a stroke where
    chance would put it.
    """
    score = _score(study)
    if score is None:
        return None
    shares = study.table("importances" if study.has("importances") else "sensitivity")
    shares = shares[shares["score"] == score]
    models = list(shares["model"].unique())
    own = shares[shares["order"].between(1, 2)]
    largest = own.groupby("term", sort=False)["share"].max().nlargest(TERMS).index
    own = own[own["term"].isin(largest)]
    terms = list(dict.fromkeys(own.sort_values("order", kind="stable")["term"]))
    regions = [name for name in REGIONS if "region" in own and name in set(own["region"])]
    drawn = canvas(len(models), 1, 3.6 * len(models) + 1.8, 0.36 * len(terms) + 2.0)
    for axes, model in zip(drawn.axes, models, strict=True):
        part = own[own["model"] == model]
        for number, region in enumerate(regions or [""]):
            mine = part[part["region"] == region] if region else part
            places = mine["term"].map(terms.index) + (number - (len(regions) > 1) / 2) * 0.3
            reach = [mine["share"] - mine["low"], mine["high"] - mine["share"]]
            axes.errorbar(
                mine["share"], places, xerr=[side.clip(lower=0) for side in reach], fmt="o", ms=5,
                color=SPARE[number], label=REGIONS.get(region, "share, with its interval"),
            )  # fmt: skip
            axes.plot(
                mine["by_chance"], places, "|", ms=10, mew=1.6, color=INK,
                label=None if number else "what chance gives it",
            )  # fmt: skip
        seed = shares.loc[(shares["model"] == model) & (shares["term"] == "seed"), "share"]
        if seed.notna().any():
            axes.axvline(float(seed.iloc[0]), color=MUTED, lw=1, ls=":", label="the seed's share")
        texts = [" × ".join(map(names.plain, term.split(" x "))) for term in terms]
        axes.set_yticks(range(len(terms)), texts)
        axes.set(xlim=(-0.02, 1.02), ylim=(len(terms) - 0.5, -0.5), xlabel="share of the variance")
        axes.tick_params(labelleft=axes is drawn.axes[0])
        r2 = part["r2"].dropna() if "r2" in part else part["share"].iloc[:0]
        held_out = f", held-out R2 {r2.iloc[0]:.2f}" if len(r2) else ""
        axes.set_title(f"{names.model(str(model))}{held_out}")
    drawn.suptitle(f"What moves the {names.plain(score)}", x=0.01, ha="left")
    legend_below(drawn)
    return drawn


@figure(
    SWEEPS,
    "Setting by setting",
    "Every dot is a training, the line the mean over all other settings, the band its interval.",
)
def sweep(study: Study) -> Figure | None:
    """Draw the score against each setting: every training, and the mean over the other settings.

    The standard deviation of repetitions is a bar beside them; trainings that diverged are crosses.
    """
    score = _score(study)
    if score is None:
        return None
    trials, settings = compared(study), _settings(study)
    curves = study.table("marginals" if study.has("marginals") else "curves")
    curves = curves[curves["score"] == score]
    best = study.table("best").query("score == @score")
    noise, repeated = float(best["noise"].mean()), int(best["n"].iloc[0])
    models = list(trials["model"].unique())
    tried = varied(trials, settings)
    if not tried:
        return None
    drawn = panels(len(tried), 2, 5.4 / min(2, len(tried)), 2.6, 0.8)
    gone = trials["diverged"] > 0 if "diverged" in trials else trials["model"].isna()
    shown = trials.loc[~gone & trials[score].notna(), score]
    span = shown.max() - shown.min()
    bands = curves.loc[curves["setting"].isin(tried), ["low", "high"]].dropna()
    lowest = max(min(shown.min(), bands["low"].min()), shown.min() - span)
    highest = min(max(shown.max(), bands["high"].max()), shown.max() + span)
    room = 0.06 * span + 1e-9
    bottom, top = lowest - room, highest + room * (3 if gone.any() else 1)
    for axes, name in zip(drawn.axes, tried, strict=True):
        scale = Scale.of(trials[name])
        for number, model in enumerate(models):
            style = line(str(model), models)
            part = trials[(trials["model"] == model) & trials[score].notna()]
            apart = (number - (len(models) - 1) / 2) * 0.02
            places = scale.place(part[name].tolist()) + apart
            lost = gone[part.index].to_numpy()
            heights = np.where(lost, top - room, part[score])
            look = {"color": style["color"], "alpha": 0.3, "ls": "", "mew": 0, "zorder": 2}
            axes.plot(places[~lost], heights[~lost], style["marker"], ms=4, **look)
            axes.plot(places[lost], heights[lost], "x", ms=5, color=style["color"])
            curve = curves[(curves["model"] == model) & (curves["setting"] == name)]
            x = scale.place(curve["value"].tolist()) + apart
            axes.fill_between(
                x, curve["low"], curve["high"], color=style["color"], alpha=0.18, lw=0
            )
            marks = {**style, "marker": style["marker"] if len(curve) < 10 else ""}
            axes.plot(x, curve["mean"], zorder=3, **marks)
        scale.on_x(axes)
        axes.set(xlabel=names.plain(name), ylim=(bottom, top))
        if noise > 0:
            middle = top - 2 * room - noise
            axes.set_xlim(right=1.08)
            axes.errorbar([1.04], [middle], yerr=[noise], color=INK, lw=2.5, capsize=4)
    for axes in drawn.axes[::2]:
        axes.set_ylabel(names.measure(score))
    better = "lower is better" if lower_is_better(score) else "higher is better"
    drawn.suptitle(f"The mean over all other settings ({better})", x=0.01, ha="left")
    handles: list[Artist] = [Line2D([], [], **line(str(model), models)) for model in models]
    handles.append(Line2D([], [], marker="o", ls="", alpha=0.4, color=MUTED, label="a training"))
    handles.append(Patch(color=MUTED, alpha=0.3, lw=0, label="interval of the mean"))
    if gone.any():
        handles.append(Line2D([], [], marker="x", ls="", color=MUTED, label="diverged"))
    if noise > 0:
        spread = f"± 1 standard deviation (n = {repeated})"
        handles.append(Line2D([], [], color=INK, marker="|", ls="", ms=12, mew=2.5, label=spread))
    legend_below(drawn, handles)
    return drawn


@figure(SWEEPS, "Pairs of settings", "The pairs of settings that depend on one another most.")
def interactions(study: Study) -> Figure | None:
    """Draw the mean score over the pairs of settings that interact most, one row per model.

    Over a full grid the means of trainings, otherwise those of the forest.
    """
    score = _score(study)
    if score is None:
        return None
    if study.has("importances"):
        shares = study.table("importances").query("score == @score and order == 2")
        maps = _grid_maps(compared(study), shares, score)
    else:
        maps = study.table("surfaces")
    if maps.empty:
        return None
    models = list(maps["model"].unique())
    most = max(len(_pairs(maps[maps["model"] == model])) for model in models)
    drawn = canvas(most, len(models), max(3.2 * most + 1.0, 5.0), 2.9 * len(models) + 0.5)
    grid = np.array(drawn.axes).reshape(len(models), most)
    lower = lower_is_better(score)
    colours = matplotlib.colormaps["cividis" if lower else "cividis_r"]
    for row, model in zip(grid, models, strict=True):
        own = maps[maps["model"] == model]
        norm = Normalize(*own["mean"].quantile([0, 0.9] if lower else [0.1, 1]))
        pairs = _pairs(own)
        for axes, (one, other) in zip(row, pairs, strict=False):
            part = own[(own["one"] == one) & (own["other"] == other)]
            _map(axes, part, colours, norm, lower=lower)
            axes.set(xlabel=names.plain(one), ylabel=names.plain(other))
        for axes in row[len(pairs) :]:
            axes.set_axis_off()
        row[0].set_title(names.model(str(model)))
        ends = "max" if lower else "min"
        bar = drawn.colorbar(ScalarMappable(norm, colours), ax=list(row), extend=ends, pad=0.01)
        bar.set_label(names.measure(score), fontsize=9)
    drawn.suptitle("The mean over all other settings: darker is better", x=0.01, ha="left")
    return drawn


def _pairs(maps: pd.DataFrame) -> list[tuple[str, str]]:
    pairs = maps[["one", "other"]].drop_duplicates()
    return list(pairs.itertuples(index=False, name=None))


def _map(
    axes: Axes, part: pd.DataFrame, colours: matplotlib.colors.Colormap, norm: Normalize, *,
    lower: bool,
) -> None:  # fmt: skip
    """Draw one map, the best of it marked, with numbers where there is room for them."""
    rows, columns = part["value_other"].map(text), part["value_one"].map(text)
    heights = part.assign(row=rows, column=columns).pivot(
        index="row", columns="column", values="mean"
    )
    heights = heights.loc[list(dict.fromkeys(rows)), list(dict.fromkeys(columns))]
    values = heights.to_numpy()
    axes.imshow(values, origin="lower", aspect="auto", cmap=colours, norm=norm)
    axes.grid(visible=False)
    for count, texts, mark in (
        (values.shape[1], heights.columns, axes.set_xticks),
        (values.shape[0], heights.index, axes.set_yticks),
    ):
        steps = np.unique(np.linspace(0, count - 1, min(count, 5)).round().astype(int))
        mark(steps, [_short(texts[step]) for step in steps])
    best = np.unravel_index(values.argmin() if lower else values.argmax(), values.shape)
    few = max(values.shape) <= 5
    largest = np.abs(values[np.isfinite(values)]).max(initial=0)
    decimals = min(4, max(0, 3 - math.ceil(math.log10(largest)))) if largest else 0
    for (row, column), value in np.ndenumerate(values):
        chosen = (row, column) == best
        if few or chosen:
            dark = sum(colours(norm(value))[:3]) < 1.4
            word = f"{value:.{decimals}f}" if few else "★"
            axes.text(
                column, row, word, ha="center", va="center", fontsize=9,
                weight="bold" if chosen else "normal", color="white" if dark else INK,
            )  # fmt: skip


def _short(name: str) -> str:
    try:
        return f"{float(name):.3g}" if float(name) < 100 else f"{float(name):.0f}"
    except ValueError:
        return name


def _grid_maps(trials: pd.DataFrame, pairs: pd.DataFrame, score: str) -> pd.DataFrame:
    """Return the means over the pairs of settings that make up most, for maps.

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


def _score(study: Study) -> str | None:
    """Return the score to show; None where nothing could be scored."""
    if not study.has("best"):
        return None
    known = study.table("best")["score"].unique()
    return next((score for score in SHOWN if score in known), str(known[0]))


def compared(study: Study) -> pd.DataFrame:
    """Return the trainings that can be compared: on the least budget where a sweep prunes."""
    trials = study.table("trials")
    if "budget" not in trials:
        return trials
    return trials[trials["budget"] == trials["budget"].min()].drop(columns="budget")


def _settings(study: Study) -> list[str]:
    """Return the settings that a sweep tries: the columns between model and repetition."""
    columns = [str(name) for name in compared(study)]
    end = columns.index("fold") if "fold" in columns else columns.index("seed")
    return columns[columns.index("model") + 1 : end]


def _truncated(trials: pd.DataFrame) -> bool:
    """Return whether a sweep of networks tries several lengths of truncation."""
    return "bptt_length" in trials and trials["bptt_length"].nunique() > 1


STABILITY = {
    **{name: names.plain(name) for name in ("clip_rate", "loss_variance", "loss_spread")},
    "gradient_norm": "gradient norm before clipping",
    "diverged": "share of trainings diverged",
}
"""The measures of how stable a training is, as panels name them."""


@figure(
    "sweep_recurrent",
    "Use of the context",
    "How much worse the same symbols are predicted when the text before the last few is replaced "
    "by other text: what the network gains from the true one. Lines are means over all other "
    "settings.",
)
def context_recurrent(study: Study) -> Figure | None:
    """Draw how much worse symbols are predicted after other text, by the length of truncation.

    Only the last few symbols before them are true, as in `sweeps.contexts`.
    """
    trials = compared(study)
    found = (re.fullmatch(r"context_(\d+)_loss", name) for name in map(str, trials))
    contexts = sorted(int(match[1]) for match in found if match)
    if not contexts or not _truncated(trials) or trials["context_loss"].isna().all():
        return None
    models = list(trials["model"].unique())
    lengths = sorted(trials["bptt_length"].unique())
    scale = Scale.of(trials["bptt_length"])
    drawn = canvas(len(models), 1, 3.8 * len(models) + 0.6, 3.9)
    for axes, model in zip(drawn.axes, models, strict=True):
        part = trials[trials["model"] == model]
        for number, count in enumerate(contexts):
            gain = part[f"context_{count}_loss"] - part["context_loss"]
            colour = SPARE[number % len(SPARE)]
            places = scale.place(part["bptt_length"].tolist()) + (number - 0.5) * 0.015
            axes.plot(places, gain, "o", color=colour, ms=4, alpha=0.3, mew=0)
            if scale.texts:
                means = gain.groupby(part["bptt_length"]).mean().reindex(lengths)
                axes.plot(
                    scale.place(lengths), means, "o-", color=colour, label=f"the last {count}"
                )
            else:
                fifths = pd.qcut(part["bptt_length"], 5, duplicates="drop")
                both = pd.DataFrame({"x": part["bptt_length"], "y": gain})
                means = both.groupby(fifths, observed=True).mean()
                places = scale.place(means["x"].tolist())
                axes.plot(places, means["y"], "o-", color=colour, label=f"the last {count}")
        axes.axhline(0, color=MUTED, lw=0.8)
        scale.on_x(axes)
        axes.set(xlabel="BPTT length, tokens", title=names.model(str(model)))
    drawn.axes[0].set_ylabel("loss added, nats per symbol")
    drawn.suptitle(
        "What a network loses when other text replaces all but the last symbols", x=0.01, ha="left"
    )
    legend_below(drawn)
    return drawn


@figure(
    "sweep_recurrent",
    "Stability",
    "The variance is that of the training loss about its trend in the last half of a training. "
    "Where all updates read as many tokens, a longer truncation has a smaller batch.",
)
def stability_recurrent(study: Study) -> Figure | None:
    """Draw the measures of how stable trainings are by the length of truncation."""
    trials = compared(study)
    known = [name for name in STABILITY if name in trials and trials[name].notna().any()]
    if not known or not _truncated(trials):
        return None
    models = list(trials["model"].unique())
    scale = Scale.of(trials["bptt_length"])
    drawn = canvas(len(known), 1, 3.1 * len(known) + 0.4, 3.8)
    for axes, name in zip(drawn.axes, known, strict=True):
        for number, model in enumerate(models):
            part = trials[(trials["model"] == model) & trials[name].notna()]
            style = line(str(model), models)
            apart = (number - (len(models) - 1) / 2) * 0.03
            places = scale.place(part["bptt_length"].tolist())
            if name != "diverged":
                axes.plot(
                    places + apart, part[name], style["marker"], color=style["color"], ms=4,
                    alpha=0.3, mew=0,
                )  # fmt: skip
            ends = part["bptt_length"]
            groups = ends if scale.texts else pd.qcut(ends, 5, duplicates="drop")
            means = pd.DataFrame({"x": places, "y": part[name]}).groupby(groups, observed=True)
            axes.plot(means["x"].mean() + apart, means["y"].mean(), **style)
        scale.on_x(axes)
        least, most = np.nanmin(trials[name]), np.nanmax(trials[name])
        if name in ("diverged", "clip_rate"):
            axes.set_ylim(-0.03, 1.03)
        elif least > 0 and most > 30 * least:
            axes.set_yscale("log")
            powers(axes.yaxis)
        axes.set(xlabel="BPTT length, tokens")
        axes.set_title(STABILITY[name], fontsize=9.5)
    drawn.suptitle("How stable the trainings are, by the length of truncation", x=0.01, ha="left")
    legend_below(drawn)
    return drawn
