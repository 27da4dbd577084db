"""Figures of the sweeps and the studies."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, ScalarFormatter

from wordlab.figures.style import (
    INK,
    MUTED,
    SPARE,
    canvas,
    hide_unused,
    label,
    line,
    styled,
    whole_steps,
)


@styled
def sweep_marginals(
    trials: pd.DataFrame,
    hyperparameters: Sequence[str],
    score: str,
    seed_deviation: float | None = None,
) -> Figure:
    """Draw the score of every trial against each hyperparameter, a panel each.

    trials: a row a trial with the columns `hyperparameters`, `score` and optionally model; trials
    without a score (diverged) are left out. seed_deviation: the standard deviation of the score
    when the seed alone changes, drawn as a bar of +- that height.
    """
    models = list(trials["model"].unique()) if "model" in trials else [score]
    columns = min(3, len(hyperparameters))
    rows = -(-len(hyperparameters) // columns)
    figure = canvas(columns, rows, 3.3 * columns + 0.4, 3.0 * rows + 0.5)
    for place, (axes, name) in enumerate(zip(figure.axes, hyperparameters, strict=False)):
        for model in models:
            part = trials[trials["model"] == model] if "model" in trials else trials
            _marginal(
                axes, part.dropna(subset=[score, name]), name, score, line(str(model), models)
            )
        axes.set_xlabel(name.replace("_", " "))
        if place % columns == 0:
            axes.set_ylabel(score.replace("_", " "))
        if seed_deviation:
            _seed_bar(axes, float(trials[score].median()), seed_deviation)
    hide_unused(figure, len(hyperparameters))
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if len(labels) > 1:
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _marginal(axes: Axes, part: pd.DataFrame, name: str, score: str, style: dict[str, Any]) -> None:
    """Draw each trial as a dot and the median of its value (or of its fifth) as a line."""
    values = part[name]
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if not numeric:
        choices = sorted(values.astype(str).unique())
        values = values.astype(str).map(choices.index)
        axes.set_xticks(range(len(choices)), choices)
        axes.set_xlim(-0.5, len(choices) - 0.5)
    elif (values > 0).all() and values.max() >= 10 * values.min():
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.plot(
        values, part[score], linestyle="none", marker=style["marker"], ms=4, color=style["color"],
        alpha=0.35,
    )  # fmt: skip
    few = values.nunique() <= 6
    groups = values if few else pd.qcut(values.rank(method="first"), 5, labels=False)
    medians = pd.DataFrame({"x": values, "y": part[score]}).groupby(groups).median()
    axes.plot(medians["x"], medians["y"], **style)


def _seed_bar(axes: Axes, middle: float, deviation: float) -> None:
    axes.errorbar(
        [1.0],
        [middle],
        yerr=[deviation],
        transform=axes.get_yaxis_transform(),
        color=INK,
        linewidth=3,
        capsize=5,
        clip_on=False,
        label="±1 standard deviation over seeds",
    )


@styled
def gradient_by_lag(table: pd.DataFrame) -> Figure:
    """Draw the norm of the loss's gradient at each lag relative to lag 0, a panel a length.

    table: columns cell, length, lag (steps back from the end), norm (median), optionally low and
    high (an interval over sequences).
    """
    lengths = sorted(table["length"].unique())
    cells = list(table["cell"].unique())
    columns = min(3, len(lengths))
    rows = -(-len(lengths) // columns)
    figure = canvas(columns, rows, 3.3 * columns + 0.6, 3.1 * rows + 0.5)
    for place, (axes, length) in enumerate(zip(figure.axes, lengths, strict=False)):
        for cell in cells:
            part = table[(table["cell"] == cell) & (table["length"] == length)].sort_values("lag")
            part = part[part["norm"] > 0]
            style = line(str(cell), cells)
            axes.plot(part["lag"], part["norm"], label=style["label"], color=style["color"])
            if {"low", "high"} <= set(part):
                axes.fill_between(
                    part["lag"], part["low"], part["high"], color=style["color"], alpha=0.15, lw=0
                )
        axes.set(yscale="log", xlabel="lag (steps back from the loss)")
        axes.set_title(f"length {length}")
        if place % columns == 0:
            axes.set_ylabel("gradient norm, lag 0 = 1")
        whole_steps(axes)
    hide_unused(figure, len(lengths))
    figure.axes[0].legend()
    return figure


@styled
def task_by_delay(table: pd.DataFrame, baseline: float) -> Figure:
    """Draw the error of the adding task against its delay, a line a cell.

    table: columns cell, delay (steps), error (mean squared). baseline: the error of always
    answering the mean, above which nothing was learnt.
    """
    cells = list(table["cell"].unique())
    figure = canvas()
    axes = figure.axes[0]
    for cell in cells:
        part = table[table["cell"] == cell].sort_values("delay")
        axes.plot(part["delay"], part["error"], **line(str(cell), cells))
    axes.axhline(baseline, color=MUTED, linestyle="--", linewidth=1.2, label="always the mean")
    axes.set(xlabel="delay (steps)", ylabel="mean squared error", yscale="log")
    axes.set_title("The adding task: error by delay")
    axes.set_xticks(sorted(table["delay"].unique()))
    axes.legend()
    return figure


@styled
def regularisation_curves(curves: pd.DataFrame) -> Figure:
    """Draw perplexity by epoch for each method, a panel a cell: validation solid, training dashed.

    curves: columns cell, method, seed, epoch, train_perplexity, valid_perplexity; the line is the
    mean over seeds, the band goes from the least to the greatest.
    """
    cells = list(curves["cell"].unique())
    methods = list(curves["method"].unique())
    figure = canvas(len(cells), 1, 3.3 * len(cells) + 0.4, 4.0)
    for axes, cell in zip(figure.axes, cells, strict=True):
        for colour, method in zip(SPARE, methods, strict=False):
            part = curves[(curves["cell"] == cell) & (curves["method"] == method)]
            by_epoch = part.groupby("epoch")
            mean = by_epoch[["train_perplexity", "valid_perplexity"]].mean()
            valid = by_epoch["valid_perplexity"]
            axes.fill_between(mean.index, valid.min(), valid.max(), color=colour, alpha=0.15, lw=0)
            axes.plot(mean.index, mean["valid_perplexity"], color=colour)
            axes.plot(mean.index, mean["train_perplexity"], color=colour, ls="--", lw=1.2)
        axes.set(xlabel="epoch", yscale="log")
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.yaxis.set_minor_formatter(ScalarFormatter())
        axes.set_title(label(str(cell)))
        whole_steps(axes)
    figure.axes[0].set_ylabel("perplexity (log scale)")
    handles = [
        Line2D([], [], color=colour, label=str(method).replace("_", " "))
        for colour, method in zip(SPARE, methods, strict=False)
    ]
    handles += [
        Line2D([], [], color=INK, label="validation"),
        Line2D([], [], color=INK, linestyle="--", linewidth=1.2, label="training"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4))
    return figure


@styled
def regularisation_gaps(table: pd.DataFrame) -> Figure:
    """Draw the validation loss and the gap to the training loss of each method, with intervals.

    table: columns cell, method, valid, valid_low, valid_high, gap, gap_low, gap_high (nats per
    token).
    """
    cells = list(table["cell"].unique())
    methods = list(table["method"].unique())
    figure = canvas(2, 1, 9.2, 0.5 * len(methods) + 1.7)
    titles = {"gap": "Gap: validation - training", "valid": "Validation loss"}
    for axes, (measure, title) in zip(figure.axes, titles.items(), strict=True):
        for place, cell in enumerate(cells):
            part = table[table["cell"] == cell].set_index("method").reindex(methods)
            middle = part[measure]
            arms = [middle - part[f"{measure}_low"], part[f"{measure}_high"] - middle]
            style = line(str(cell), cells)
            axes.errorbar(
                middle,
                np.arange(len(methods)) + (place - (len(cells) - 1) / 2) * 0.22,
                xerr=np.clip(np.nan_to_num(np.array(arms, dtype=float)), 0, None),
                fmt=style["marker"],
                color=style["color"],
                label=style["label"],
                capsize=3,
            )
        axes.set_yticks(range(len(methods)), [str(m).replace("_", " ") for m in methods])
        axes.set_ylim(len(methods) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("nats per token")
        axes.set_title(title)
    figure.axes[1].tick_params(labelleft=False)
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(cells)
    )
    return figure
