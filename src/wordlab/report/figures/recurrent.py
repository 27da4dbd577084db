"""Figures of the recurrent language models: perplexity, gradient norms."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wordlab.report.figures.style import INK, MUTED, canvas, line, plain_log, styled, whole_steps


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
    plain_log(axes.yaxis)
    whole_steps(axes)
    handles = [Line2D([], [], **line(str(model), models)) for model in models]
    handles += [
        Line2D([], [], color=INK, linestyle="-", label="validation"),
        Line2D([], [], color=INK, linestyle="--", linewidth=1.3, label="training"),
    ]
    axes.legend(handles=handles, ncols=2)
    return figure


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
        plain_log(axes.yaxis)
        axes.set_title(title)
    figure.axes[-1].set_xlabel("training step   (thick line: running median)")
    return figure
