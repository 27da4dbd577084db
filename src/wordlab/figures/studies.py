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
def regularisation_curves(curves: pd.DataFrame) -> Figure:
    """Draw perplexity by epoch, a row a cell and a column a method: validation over training.

    curves: columns cell, method, seed, epoch, train_perplexity, valid_perplexity; the line is the
    mean over seeds, the band goes from the least to the greatest.
    """
    cells = list(curves["cell"].unique())
    methods = list(curves["method"].unique())
    width, height = 1.5 * len(methods) + 0.9, 1.7 * len(cells) + 0.6
    figure = canvas(len(methods), len(cells), width, height)
    grid = np.array(figure.axes).reshape(len(cells), len(methods))
    low, high = curves["train_perplexity"].min(), curves["valid_perplexity"].quantile(0.9)
    for row, cell in zip(grid, cells, strict=True):
        colour = line(str(cell), cells)["color"]
        for axes, method in zip(row, methods, strict=True):
            part = curves[(curves["cell"] == cell) & (curves["method"] == method)]
            for split, style in (("valid", "-"), ("train", "--")):
                by_epoch = part.groupby("epoch")[f"{split}_perplexity"]
                mean, least, most = by_epoch.mean(), by_epoch.min(), by_epoch.max()
                axes.fill_between(mean.index, least, most, color=colour, alpha=0.15, lw=0)
                axes.plot(mean.index, mean, color=colour, linestyle=style, linewidth=1.4)
            axes.set(yscale="log", ylim=(low / 1.1, high * 1.1), xlim=(1, curves["epoch"].max()))
            axes.yaxis.set_major_formatter(ScalarFormatter())
            axes.minorticks_off()
            axes.tick_params(labelleft=axes is row[0], labelbottom=row[0] is grid[-1][0])
            whole_steps(axes)
            axes.set_title(str(method).replace("_", " "), fontsize=8)
        row[0].set_ylabel(f"{label(str(cell))}\nperplexity")
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    figure.legend(
        handles=[
            Line2D([], [], color=INK, label="validation"),
            Line2D([], [], color=INK, linestyle="--", linewidth=1.4, label="training"),
        ],
        loc="outside lower center",
        ncols=2,
    )
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
