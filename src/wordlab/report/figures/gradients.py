"""Figures of the study of gradients."""

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from wordlab.report.figures.style import (
    MUTED,
    canvas,
    hide_unused,
    label,
    line,
    plain_log,
    styled,
    whole_steps,
)


@styled
def gradient_by_lag(table: pd.DataFrame, panels: str = "length") -> Figure:
    """Draw the norm of the loss's gradient by lag, 1 at lag 0: a panel a value of `panels`.

    table: columns cell, length, lag (steps back from the end), norm (median), optionally low and
    high (an interval over sequences), and `panels`.
    """
    values = sorted(table[panels].unique())
    cells = list(table["cell"].unique())
    columns = min(2 if len(values) == 4 else 3, len(values))
    rows = -(-len(values) // columns)
    figure = canvas(columns, rows, 3.3 * columns + 0.6, 3.1 * rows + 0.5)
    for place, (axes, value) in enumerate(zip(figure.axes, values, strict=False)):
        for cell in cells:
            part = table[(table["cell"] == cell) & (table[panels] == value)].sort_values("lag")
            part = part[part["norm"] > 0]
            style = line(str(cell), cells)
            axes.plot(part["lag"], part["norm"], label=style["label"], color=style["color"])
            if {"low", "high"} <= set(part):
                axes.fill_between(
                    part["lag"], part["low"], part["high"], color=style["color"], alpha=0.15, lw=0
                )
        axes.set(yscale="log", xlabel="lag (steps back from the loss)")
        axes.set_title(f"{panels} {value}")
        if place % columns == 0:
            axes.set_ylabel("gradient norm, lag 0 = 1")
        whole_steps(axes)
    hide_unused(figure, len(values))
    figure.axes[0].legend()
    return figure


@styled
def gradient_heat(steps: pd.DataFrame) -> Figure:
    """Draw the norm of every parameter's gradient by step, one row per cell, one column per way.

    steps: columns cell, clipping, epoch, step, parameter, norm before clipping. A white line marks
    the beginning of an epoch. Colours span the norms of the clipped trainings: one that diverges
    would leave no room for the others.
    """
    cells, ways = list(steps["cell"].unique()), list(steps["clipping"].unique())
    rows = [steps.loc[steps["cell"] == cell, "parameter"].unique() for cell in cells]
    figure = canvas(len(ways), len(cells), 2.6 * len(ways) + 2.4, 0.22 * sum(map(len, rows)) + 1.6)
    positive = steps[steps["norm"] > 0]
    clipped = positive[positive["clipping"] != "none"]
    shown = (clipped if len(clipped) else positive)["norm"]
    scale = LogNorm(shown.min(), shown.max())
    grid = np.array(figure.axes).reshape(len(cells), len(ways))
    for place, (cell, names) in enumerate(zip(cells, rows, strict=True)):
        for axes, way in zip(grid[place], ways, strict=True):
            part = steps[(steps["cell"] == cell) & (steps["clipping"] == way)]
            table = part.pivot(index="parameter", columns="step", values="norm").reindex(names)
            if table.shape[1]:
                mesh = axes.pcolormesh(table.columns, range(len(names)), table, norm=scale)
            begun = part.groupby("epoch")["step"].min()
            for step in begun[1:]:
                axes.axvline(step - 0.5, color="white", linewidth=1)
            axes.set_yticks(range(len(names)), [_short(str(name)) for name in names], fontsize=7)
            axes.set_ylim(len(names) - 0.5, -0.5)
            axes.grid(visible=False)
            axes.tick_params(labelleft=axes is grid[place][0])
            whole_steps(axes)
            axes.set_title(f"{label(str(cell))}, {_way(way)}", fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("training step")
    figure.colorbar(mesh, ax=figure.axes, label="norm before clipping", shrink=0.8, extend="both")
    return figure


def _short(name: str) -> str:
    return name.replace("layers.cells.", "layer ").replace("_", " ").replace(".", " ")


def _way(clipping: object) -> str:
    return "not clipped" if clipping == "none" else f"clipped {clipping}"


@styled
def gradient_distribution(steps: pd.DataFrame, trainings: pd.DataFrame) -> Figure:
    """Draw how the norms of all gradients together are distributed over steps, a panel a cell.

    steps: columns cell, initialisation, clipping, parameter (`all` is wanted), norm; trainings:
    cell, initialisation, clipping, clip_rate. Boxes are quartiles, whiskers the whole range.
    """
    cells = list(trainings["cell"].unique())
    settings = list(trainings[["initialisation", "clipping"]].itertuples(index=False, name=None))
    settings = list(dict.fromkeys(settings))
    figure = canvas(len(cells), 1, 3.0 * len(cells) + 1.6, 0.36 * len(settings) + 1.2)
    whole = steps[steps["parameter"] == "all"]
    for axes, cell in zip(figure.axes, cells, strict=True):
        colour = line(str(cell), cells)["color"]
        for place, (start, way) in enumerate(settings):
            mine = (whole["cell"] == cell) & (whole["initialisation"] == start)
            norms = whole.loc[mine & (whole["clipping"] == way), "norm"]
            axes.boxplot(
                norms,
                positions=[place],
                orientation="horizontal",
                whis=(0, 100),
                widths=0.55,
                medianprops={"color": colour},
                manage_ticks=False,
            )
            row = trainings[(trainings["cell"] == cell) & (trainings["initialisation"] == start)]
            share = float(row.loc[row["clipping"] == way, "clip_rate"].iloc[0])
            axes.annotate(
                f"{share:.0%}", (1, place), xycoords=("axes fraction", "data"), ha="right",
                va="center", fontsize=8, color=MUTED,
            )  # fmt: skip
        names = [f"{start}, {_way(way)}" for start, way in settings]
        axes.set_yticks(range(len(settings)), names)
        axes.tick_params(labelleft=axes is figure.axes[0])
        axes.set_ylim(len(settings) - 0.5, -0.5)
        axes.set(xlabel="norm before clipping", xscale="log")
        low, high = axes.get_xlim()
        axes.set_xlim(low, high * (high / low) ** 0.2)  # room for the shares
        if high < 1000 * low:
            plain_log(axes.xaxis)
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(axis="y", visible=False)
        axes.set_title(f"{label(str(cell))}, right: steps clipped", fontsize=9)
    return figure


@styled
def truncation(table: pd.DataFrame) -> Figure:
    """Draw loss, agreement of the gradient and memory by the length of the window.

    table: columns cell, length, valid_loss (nats per token, a mean over seeds), agreement (cosine
    with the gradient of the longest window), kept_mib.
    """
    measures = {
        "valid_loss": "validation loss, nats",
        "agreement": "cosine with the whole gradient",
        "kept_mib": "kept for the backward pass, MiB",
    }
    cells = list(table["cell"].unique())
    figure = canvas(3, 1, 10.4, 3.4)
    for axes, (measure, title) in zip(figure.axes, measures.items(), strict=True):
        for cell in cells:
            part = table[table["cell"] == cell].sort_values("length")
            axes.plot(part["length"], part[measure], **line(str(cell), cells))
        axes.set(xlabel="window (steps)", xscale="log")
        axes.set_xticks(sorted(table["length"].unique()))
        axes.minorticks_off()
        plain_log(axes.xaxis, ticks=False)
        axes.set_title(title, fontsize=10)
    figure.axes[2].set_ylim(bottom=0)
    figure.axes[0].legend()
    return figure


@styled
def tasks_by_delay(table: pd.DataFrame) -> Figure:
    """Draw the share of right answers by delay: one row per task, one column per initialisation.

    table: columns task, cell, initialisation, delay (steps), success (0..1), baseline.
    """
    cells, tasks = list(table["cell"].unique()), list(table["task"].unique())
    starts = list(table["initialisation"].unique())
    figure = canvas(len(starts), len(tasks), 3.8 * len(starts) + 0.4, 2.6 * len(tasks) + 0.3)
    grid = np.array(figure.axes).reshape(len(tasks), len(starts))
    for row, task in zip(grid, tasks, strict=True):
        for axes, start in zip(row, starts, strict=True):
            mine = table[(table["task"] == task) & (table["initialisation"] == start)]
            for cell in cells:
                part = mine[mine["cell"] == cell].sort_values("delay")
                axes.plot(part["delay"], part["success"], **line(str(cell), cells))
            chance = float(mine["baseline"].iloc[0])
            axes.axhline(chance, color=MUTED, linestyle="--", linewidth=1.2, label="by chance")
            axes.set(ylim=(-0.03, 1.05), xscale="log")
            axes.set_xticks(sorted(table["delay"].unique()))
            axes.minorticks_off()
            plain_log(axes.xaxis, ticks=False)
            axes.set_title(f"{str(task).capitalize()}, {start} weights")
        row[0].set_ylabel("share of answers right")
    for axes in grid[-1]:
        axes.set_xlabel("delay (steps)")
    grid[0][0].legend()
    return figure
