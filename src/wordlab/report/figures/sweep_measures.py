"""Figures of what a sweep of language models costs, and what truncation does to its trainings."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wordlab.report.figures.settings import Scale, plain
from wordlab.report.figures.style import INK, MUTED, SPARE, canvas, label, line, plain_log, styled

REGIONS = ("all", "best quarter")
LABELS = {"all": "of all", "best quarter": "within the best quarter"}


TERMS = 12
"""Settings and pairs shown, the largest of any model."""


@styled
def importance(shares: pd.DataFrame, score: str) -> Figure:
    """Draw the share of the variance of `score` that settings and pairs of settings make up.

    shares: columns model, term, order, share, low, high, by_chance, optionally region and r2. A
    panel a model; of each term a dot and its interval for each region, and what chance would give
    it as a stroke.
    """
    models = list(shares["model"].unique())
    own = shares[shares["order"].between(1, 2)]
    largest = own.groupby("term", sort=False)["share"].max().nlargest(TERMS).index
    own = own[own["term"].isin(largest)]
    terms = list(dict.fromkeys(own.sort_values("order", kind="stable")["term"]))
    regions = [name for name in REGIONS if "region" in own and name in set(own["region"])]
    figure = canvas(len(models), 1, 3.6 * len(models) + 1.8, 0.36 * len(terms) + 2.0)
    for axes, model in zip(figure.axes, models, strict=True):
        part = own[own["model"] == model]
        for number, region in enumerate(regions or [""]):
            mine = part[part["region"] == region] if region else part
            places = mine["term"].map(terms.index) + (number - (len(regions) > 1) / 2) * 0.3
            reach = [mine["share"] - mine["low"], mine["high"] - mine["share"]]
            axes.errorbar(
                mine["share"], places, xerr=[side.clip(lower=0) for side in reach], fmt="o", ms=5,
                color=SPARE[number], label=LABELS.get(region, "share, with its interval"),
            )  # fmt: skip
            axes.plot(
                mine["by_chance"], places, "|", ms=10, mew=1.6, color=INK,
                label=None if number else "what chance gives it",
            )  # fmt: skip
        seed = shares.loc[(shares["model"] == model) & (shares["term"] == "seed"), "share"]
        if seed.notna().any():
            axes.axvline(float(seed.iloc[0]), color=MUTED, lw=1, ls=":", label="the seed's share")
        names = [term.replace("_", " ").replace(" x ", " × ") for term in terms]
        axes.set_yticks(range(len(terms)), names)
        axes.set(xlim=(-0.02, 1.02), ylim=(len(terms) - 0.5, -0.5), xlabel="share of the variance")
        axes.tick_params(labelleft=axes is figure.axes[0])
        r2 = part["r2"].dropna() if "r2" in part else part["share"].iloc[:0]
        held_out = f", held-out R2 {r2.iloc[0]:.2f}" if len(r2) else ""
        axes.set_title(f"{label(str(model))}{held_out}")
    figure.suptitle(f"What moves the {plain(score).split(',')[0]}", x=0.01, ha="left")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


STABILITY = {
    "clip_rate": "share of updates clipped",
    "loss_variance": "variance of the training loss",
    "loss_spread": "spread of the training loss",
    "gradient_norm": "gradient norm before clipping",
    "diverged": "share of trainings diverged",
}
"""What tells how stable a training is, where it was measured."""


@styled
def budget_quality(progress: pd.DataFrame, trials: pd.DataFrame) -> Figure:
    """Draw the loss that trainings reach by what they cost: tokens read, and weights.

    progress: columns model, tokens, valid_loss, and what tells trainings apart. trials: a row a
    training: model, parameters, valid_loss. The line is the best within each budget.
    """
    models = list(trials["model"].unique())
    figure = canvas(2, 1, 9.4, 4.0)
    left, right = figure.axes
    same = [name for name in progress if name not in ("tokens", "valid_loss")]
    for model in models:
        style = line(str(model), models)
        part = progress[progress["model"] == model]
        for _, one in part.groupby(same, sort=False, dropna=False):
            left.plot(one["tokens"], one["valid_loss"], color=style["color"], lw=0.7, alpha=0.3)
            if len(one) == 1:
                left.plot(
                    one["tokens"], one["valid_loss"], style["marker"], color=style["color"], ms=3,
                    alpha=0.4,
                )  # fmt: skip
        least = part.groupby("tokens")["valid_loss"].min().cummin()
        left.plot(least.index, least, **style, zorder=3)
        own = trials[trials["model"] == model]
        right.plot(
            own["parameters"], own["valid_loss"], style["marker"], color=style["color"], ms=4,
            alpha=0.35, mew=0,
        )  # fmt: skip
        front = own.groupby("parameters")["valid_loss"].min().cummin()
        right.step(front.index, front, where="post", **style, zorder=3)
    left.set(xlabel="tokens read", ylabel="loss, nats per symbol")
    right.set(xlabel="weights of the network")
    left.set_title("By tokens read, on the text that chooses the epoch")
    right.set_title("By weights, on the text that is scored")
    for axes in figure.axes:
        low, high = axes.get_xlim()
        if low > 0 and high > 4 * low:
            axes.set_xscale("log")
            plain_log(axes.xaxis)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.tick_params(axis="x", labelrotation=20)
    worst = float(progress["valid_loss"].quantile(0.98))
    for axes in figure.axes:
        axes.set_ylim(top=worst)
    handles = [Line2D([], [], **line(str(model), models)) for model in models]
    handles.append(Line2D([], [], color=MUTED, lw=0.8, alpha=0.6, label="a training"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


@styled
def context_use(trials: pd.DataFrame, contexts: Sequence[int]) -> Figure:
    """Draw how much worse symbols are predicted after other text, by bptt_length.

    Only the last few symbols before it are true, as in `sweeps.contexts`. trials: one row per
    training: model, bptt_length, context_loss and context_N_loss for each N of
    `contexts`. Dots are trainings, lines means over all other settings.
    """
    models = list(trials["model"].unique())
    lengths = sorted(trials["bptt_length"].unique())
    scale = Scale.of(trials["bptt_length"])
    figure = canvas(len(models), 1, 3.8 * len(models) + 0.6, 3.9)
    for axes, model in zip(figure.axes, models, strict=True):
        part = trials[trials["model"] == model]
        for number, count in enumerate(sorted(contexts)):
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
        axes.set(xlabel="bptt length, tokens", title=label(str(model)))
    figure.axes[0].set_ylabel("loss added, nats per symbol")
    figure.suptitle(
        "What a network loses when other text replaces all but the last symbols", x=0.01, ha="left"
    )
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return figure


@styled
def stability(trials: pd.DataFrame) -> Figure:
    """Draw what tells how stable trainings are against bptt_length: each, and means.

    trials: a row a training: model, bptt_length, and of the measures in `STABILITY` those that
    there are.
    """
    models = list(trials["model"].unique())
    scale = Scale.of(trials["bptt_length"])
    known = [name for name in STABILITY if name in trials and trials[name].notna().any()]
    figure = canvas(len(known), 1, 3.1 * len(known) + 0.4, 3.8)
    for axes, name in zip(figure.axes, known, strict=True):
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
        axes.set(xlabel="bptt length, tokens")
        axes.set_title(STABILITY[name], fontsize=9.5)
    figure.suptitle("How stable the trainings are, by the length of truncation", x=0.01, ha="left")
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return figure
