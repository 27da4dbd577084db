"""Figures of the study of gradients."""

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from wordlab import names
from wordlab.report.figures.registry import figure
from wordlab.report.figures.style import (
    MUTED,
    canvas,
    legend_below,
    line,
    panels,
    plain_log,
    powers,
    whole_steps,
)
from wordlab.report.results import Study


@figure(
    "study_gradients",
    "Gradient by lag",
    "Norm of the loss's gradient with respect to the hidden state, as a share of that at the loss: "
    "medians over the sequences of each length; shaded, the middle half of the sequences.",
)
def gradient_by_lag(study: Study) -> Figure:
    """Draw the norms in trained networks, one panel per length of the sequence."""
    lags = study.table("lags")
    return draw_lags(lags.query("part == 'state' and weights == 'trained'"), "length")


@figure(
    "study_gradients",
    "Gradient by lag, untrained",
    "The same of untrained networks by how their recurrent weights were drawn, over the longest "
    "sequences.",
)
def gradient_untrained(study: Study) -> Figure:
    """Draw the norms in untrained networks, one panel per way of drawing the weights."""
    lags = study.table("lags").query("part == 'state' and weights != 'trained'")
    return draw_lags(lags[lags["length"] == lags["length"].max()], "weights")


def draw_lags(table: pd.DataFrame, column: str) -> Figure:
    """Draw the norm of the loss's gradient by lag, 1 at lag 0: one panel per value of `column`.

    table: columns cell, lag (steps back from the end), norm (median), low and high (quartiles over
    sequences), and `column`.
    """
    values = sorted(table[column].unique())
    cells = list(table["cell"].unique())
    columns = min(2, len(values))
    drawn = panels(len(values), columns, 5.4 / columns, 2.6, 0.3)
    for place, (axes, value) in enumerate(zip(drawn.axes, values, strict=False)):
        for cell in cells:
            part = table[(table["cell"] == cell) & (table[column] == value)].sort_values("lag")
            part = part[part["norm"] > 0]
            style = line(str(cell), cells)
            axes.plot(part["lag"], part["norm"], label=style["label"], color=style["color"])
            axes.fill_between(
                part["lag"], part["low"], part["high"], color=style["color"], alpha=0.15, lw=0
            )
        axes.set(yscale="log", xlabel="steps back from the loss")
        powers(axes.yaxis)
        axes.set_title(f"{column} {value}")
        if place % columns == 0:
            axes.set_ylabel("gradient norm")
        whole_steps(axes)
    legend_below(drawn)
    return drawn


@figure(
    "study_gradients",
    "Gradients step by step",
    "Norm of every parameter's gradient before clipping, step by step, in short trainings by plain "
    "gradient descent, from the initialisation that has the largest norms. Where a norm is 0 or "
    "not finite nothing is drawn.",
)
def gradient_heat(study: Study) -> Figure:
    """Draw the norms by step, one row per cell, one column per way of clipping.

    A white line marks the beginning of an epoch. Colours span the norms of the clipped trainings:
    one that diverges would leave no room for the others.
    """
    steps = study.table("steps")
    finite = steps[np.isfinite(steps["norm"]) & (steps["norm"] > 0)]
    start = finite.groupby("initialisation", sort=False)["norm"].max().idxmax()
    steps = steps[steps["initialisation"] == start]
    cells, ways = list(steps["cell"].unique()), list(steps["clipping"].unique())
    rows = [steps.loc[steps["cell"] == cell, "parameter"].unique() for cell in cells]
    drawn = canvas(len(ways), len(cells), 2.6 * len(ways) + 2.4, 0.22 * sum(map(len, rows)) + 1.6)
    positive = finite[finite["initialisation"] == start]
    clipped = positive[positive["clipping"] != "none"]
    shown = (clipped if len(clipped) else positive)["norm"]
    scale = LogNorm(shown.min(), shown.max())
    grid = np.array(drawn.axes).reshape(len(cells), len(ways))
    for place, (cell, parameters) in enumerate(zip(cells, rows, strict=True)):
        for axes, way in zip(grid[place], ways, strict=True):
            part = steps[(steps["cell"] == cell) & (steps["clipping"] == way)]
            table = part.pivot(index="parameter", columns="step", values="norm").reindex(parameters)
            if table.shape[1]:
                mesh = axes.pcolormesh(table.columns, range(len(parameters)), table, norm=scale)
            begun = part.groupby("epoch")["step"].min()
            for step in begun[1:]:
                axes.axvline(step - 0.5, color="white", linewidth=1)
            axes.set_yticks(
                range(len(parameters)), [_short(str(name)) for name in parameters], fontsize=7
            )
            axes.set_ylim(len(parameters) - 0.5, -0.5)
            axes.grid(visible=False)
            axes.tick_params(labelleft=axes is grid[place][0])
            whole_steps(axes)
            axes.set_title(f"{names.model(str(cell))}, {_way(way)}", fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("training step")
    bar = drawn.colorbar(
        mesh, ax=drawn.axes, label="norm before clipping", shrink=0.8, extend="both"
    )
    powers(bar.ax.yaxis)
    drawn.suptitle(f"Initialisation of the recurrent weights: {start}", x=0.01, ha="left")
    return drawn


def _short(name: str) -> str:
    return name.replace("layers.cells.", "layer ").replace("_", " ").replace(".", " ")


def _way(clipping: object) -> str:
    return "not clipped" if clipping == "none" else f"clipped {clipping}"


@figure(
    "study_gradients",
    "Truncation",
    "Windows of several lengths: the mean loss over seeds after as many updates of as many tokens, "
    "how far the gradient points where that of the longest window does, and the memory of a window "
    "of one batch.",
)
def gradient_truncation(study: Study) -> Figure:
    """Draw loss, agreement of the gradient and memory by the length of the window."""
    table = study.table("truncations")
    measures = {
        "valid_loss": "validation loss, nats",
        "agreement": "cosine with the whole gradient",
        "kept_mib": "kept for the backward pass, MiB",
    }
    cells = list(table["cell"].unique())
    drawn = canvas(3, 1, 10.4, 3.4)
    for axes, (measure, title) in zip(drawn.axes, measures.items(), strict=True):
        for cell in cells:
            part = table[table["cell"] == cell].sort_values("length")
            axes.plot(part["length"], part[measure], **line(str(cell), cells))
        axes.set(xlabel="window (steps)", xscale="log")
        axes.set_xticks(sorted(table["length"].unique()))
        axes.minorticks_off()
        plain_log(axes.xaxis, ticks=False)
        axes.set_title(title, fontsize=10)
    drawn.axes[2].set_ylim(bottom=0)
    drawn.axes[0].legend()
    return drawn


@figure(
    "study_gradients",
    "Tasks that need a memory",
    "Two tasks that need a memory, over growing delays; one training each.",
)
def gradient_tasks(study: Study) -> Figure:
    """Draw the share of right answers by delay: one row per task, one column per initialisation."""
    table = study.table("tasks")
    cells, tasks = list(table["cell"].unique()), list(table["task"].unique())
    starts = list(table["initialisation"].unique())
    drawn = canvas(len(starts), len(tasks), 3.8 * len(starts) + 0.4, 2.6 * len(tasks) + 0.3)
    grid = np.array(drawn.axes).reshape(len(tasks), len(starts))
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
    return drawn
