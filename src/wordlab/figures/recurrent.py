"""Figures of the recurrent networks: perplexity, gradient norms, the autoencoder."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from wordlab.figures.style import INK, MUTED, canvas, line, styled, whole_steps


@styled
def perplexity(curves: pd.DataFrame) -> Figure:
    """Draw perplexity by epoch, a colour a model: training dashed, validation solid.

    curves: columns model, epoch (from 1), split (train or valid), perplexity.
    """
    figure = canvas()
    axes = figure.axes[0]
    models = list(curves["model"].unique())
    for (model, split), curve in curves.groupby(["model", "split"], sort=False):
        style = line(str(model), models)
        training = split == "train"
        axes.plot(
            curve["epoch"],
            curve["perplexity"],
            color=style["color"],
            marker="" if training else style["marker"],
            linestyle="--" if training else "-",
            linewidth=1.3 if training else 1.8,
        )
    axes.set(xlabel="epoch", ylabel="perplexity (log scale)", yscale="log")
    axes.set_title("Perplexity by epoch")
    _plain_log_ticks(axes)
    whole_steps(axes)
    handles = [Line2D([], [], **line(str(model), models)) for model in models]
    handles += [
        Line2D([], [], color=INK, linestyle="-", label="validation"),
        Line2D([], [], color=INK, linestyle="--", linewidth=1.3, label="training"),
    ]
    axes.legend(handles=handles, ncols=2)
    return figure


def _plain_log_ticks(axes: Axes) -> None:
    """Write the ticks of a logarithmic y axis as plain numbers: 100, 200, 500."""
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())


@styled
def gradient_norms(curve: pd.DataFrame, clip: float | None) -> Figure:
    """Draw the norm of the gradient before clipping by step, a panel a model, with the threshold.

    curve: columns model, step, norm. clip: the threshold, None where nothing is clipped.
    """
    models = list(curve["model"].unique())
    figure = canvas(1, len(models), height=0.6 + 2.0 * len(models))
    for axes, model in zip(figure.axes, models, strict=True):
        part = curve[curve["model"] == model]
        style = line(str(model), models)
        axes.plot(part["step"], part["norm"], color=style["color"], linewidth=0.8, alpha=0.45)
        smooth = part["norm"].rolling(max(1, len(part) // 40), min_periods=1, center=True).median()
        axes.plot(part["step"], smooth, color=style["color"], linewidth=2)
        title = str(style["label"])
        if clip is not None:
            axes.axhline(clip, color=MUTED, linestyle="--", linewidth=1.2)
            axes.annotate(
                f"clip at {clip:g}",
                (1, clip),
                xycoords=("axes fraction", "data"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="right",
                color=MUTED,
                fontsize=9,
            )
            title += f": {(part['norm'] > clip).mean():.0%} of steps clipped"
        axes.set(ylabel="gradient norm", yscale="log")
        _plain_log_ticks(axes)
        axes.set_title(title)
    figure.axes[-1].set_xlabel("training step   (thick line: running median)")
    return figure


@styled
def autoencoder_by_length(table: pd.DataFrame, unit: str) -> Figure:
    """Draw how well held-out sequences come back, by their length: a panel a measure.

    table: columns cell, length (upper edge of a bin), n (sequences), token_accuracy,
    exact_match (0..1), edit_distance (edits per unit of the sequence). unit: characters or words.
    """
    measures = {
        "token_accuracy": f"share of {unit} right",
        "exact_match": "share of sequences exact",
        "edit_distance": f"edits per {unit.removesuffix('s')}",
    }
    cells = list(table["cell"].unique())
    figure = canvas(3, 1, 9.6, 3.5)
    for axes, (measure, title) in zip(figure.axes, measures.items(), strict=True):
        for cell in cells:
            part = table[table["cell"] == cell]
            axes.plot(part["length"], part[measure], **line(str(cell), cells))
        axes.set_title(title)
        axes.set_xlabel(f"length (at most, {unit})")
        axes.set_ylim(0, max(1.02, float(np.nanmax(table[measure])) * 1.05))
        whole_steps(axes)
    figure.axes[0].legend()
    return figure
