"""Figures of what the trainings of a sweep cost, and of what truncation does to them."""

import re

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wordlab import names
from wordlab.report.figures.registry import figure
from wordlab.report.figures.settings import Scale
from wordlab.report.figures.style import MUTED, SPARE, canvas, legend_below, line, plain_log
from wordlab.report.figures.sweeps import compared
from wordlab.report.results import Study

STABILITY = {
    "clip_rate": "share of updates clipped",
    "loss_variance": "variance of the training loss",
    "loss_spread": "spread of the training loss",
    "gradient_norm": "gradient norm before clipping",
    "diverged": "share of trainings diverged",
}
"""What tells how stable a training is, where it was measured."""


@figure(
    "sweep_recurrent",
    "Loss by budget",
    "The loss by tokens read, on the text that chooses the epoch, and by the size of the network, "
    "on the text that is scored: lines join the best (Pareto).",
)
def budget_recurrent(study: Study) -> Figure | None:
    """Draw the loss that trainings reach by what they cost: tokens read, and weights."""
    if not study.has("progress"):
        return None
    progress, trials = study.table("progress"), study.table("trials")
    models = list(trials["model"].unique())
    drawn = canvas(2, 1, 9.4, 4.0)
    left, right = drawn.axes
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
    for axes in drawn.axes:
        low, high = axes.get_xlim()
        if low > 0 and high > 4 * low:
            axes.set_xscale("log")
            plain_log(axes.xaxis)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.tick_params(axis="x", labelrotation=20)
    worst = float(progress["valid_loss"].quantile(0.98))
    for axes in drawn.axes:
        axes.set_ylim(top=worst)
    handles = [Line2D([], [], **line(str(model), models)) for model in models]
    handles.append(Line2D([], [], color=MUTED, lw=0.8, alpha=0.6, label="a training"))
    legend_below(drawn, handles)
    return drawn


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
    if not contexts or trials["bptt_length"].nunique() < 2 or trials["context_loss"].isna().all():
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
    if not known or trials["bptt_length"].nunique() < 2:
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
        axes.set(xlabel="BPTT length, tokens")
        axes.set_title(STABILITY[name], fontsize=9.5)
    drawn.suptitle("How stable the trainings are, by the length of truncation", x=0.01, ha="left")
    legend_below(drawn)
    return drawn
