"""Figures of the sequence autoencoders: what comes back, and at what rate."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wordlab.figures.style import INK, MUTED, canvas, line, plain_log, styled, whole_steps

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@styled
def rate_distortion(rates: pd.DataFrame, baselines: pd.DataFrame, unit: str) -> Figure:
    """Draw what is wrong, and what the whole sentence costs, by the bits of the vector.

    rates: columns cell, latent_size, precision, rate, total (bits a character), token_accuracy;
    baselines: code, total. unit: characters or words. A line joins the sizes of a precision.
    """
    cells, precisions = list(rates["cell"].unique()), list(rates["precision"].unique())
    figure = canvas(2, 1, 11.2, 4.9)
    wrong, whole = figure.axes
    for (cell, precision), part in rates.groupby(["cell", "precision"], sort=False):
        ordered = part.sort_values("rate")
        style = {"color": line(str(cell), cells)["color"], "linewidth": 1.2,
                 "marker": _MARKERS[precisions.index(precision) % len(_MARKERS)]}  # fmt: skip
        wrong.plot(ordered["rate"], 1 - ordered["token_accuracy"], **style)
        whole.plot(ordered["rate"], ordered["total"], **style)
    written = 0.0
    for code, total in baselines.sort_values("total").itertuples(index=False):
        whole.axhline(total, color=MUTED, linestyle="--", linewidth=1)
        written = max(total, 1.16 * written)  # labels beside the axes, none over another
        whole.annotate(
            f"{code} {total:.2f}", (1, written), xycoords=("axes fraction", "data"),
            xytext=(4, 0), textcoords="offset points", va="center", color=MUTED, fontsize=8,
            annotation_clip=False,
        )  # fmt: skip
    for axes in figure.axes:
        axes.set(xlabel="bits of the vector per character", xscale="log")
        plain_log(axes.xaxis)
    wrong.set(ylabel=f"share of {unit} wrong", ylim=(0, 1))
    wrong.set_title("Rate and distortion")
    whole.set(ylabel="bits per character, errors corrected", yscale="log")
    plain_log(whole.yaxis)
    whole.set_title("The sentence sent whole")
    handles = [Line2D([], [], color=line(str(c), cells)["color"],
                      label=line(str(c), cells)["label"]) for c in cells]  # fmt: skip
    handles += [
        Line2D([], [], color=INK, marker=marker, linestyle="none", label=str(precision))
        for marker, precision in zip(_MARKERS, precisions, strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


@styled
def autoencoder_by_length(table: pd.DataFrame, unit: str) -> Figure:
    """Draw how well held-out sequences come back, by their length: a panel a measure.

    table: columns cell, latent_size, length (upper edge of a bin), n (sequences), token_accuracy,
    exact_match, bleu (0..1), edit_distance (edits per unit of the sequence). unit: characters or
    words. A larger vector has the stronger line.
    """
    measures = {
        "token_accuracy": f"share of {unit} right",
        "exact_match": "share of sequences exact",
        "edit_distance": f"edits per {unit.removesuffix('s')}",
        "bleu": f"BLEU of {unit}",
    }
    cells = list(table["cell"].unique())
    sizes = sorted(table["latent_size"].unique())
    figure = canvas(2, 2, 9.6, 6.4)
    for axes, (measure, title) in zip(figure.axes, measures.items(), strict=True):
        for (cell, size), part in table.groupby(["cell", "latent_size"], sort=False):
            style = line(str(cell), cells)
            strength = (sizes.index(size) + 1) / len(sizes)
            axes.plot(part["length"], part[measure], **style, alpha=strength)
        axes.set_title(title)
        axes.set_xlabel(f"length (at most, {unit})")
        axes.set_ylim(0, max(1.02, float(np.nanmax(table[measure])) * 1.05))
        whole_steps(axes)
    handles = [Line2D([], [], **line(str(cell), cells)) for cell in cells]
    handles += [
        Line2D([], [], color=INK, alpha=(place + 1) / len(sizes), label=f"{size} numbers")
        for place, size in enumerate(sizes)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure
