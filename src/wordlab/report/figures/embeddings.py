"""Figures of the word vectors: trainings, scores, comparisons, PPMI."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure

from wordlab import names
from wordlab.report.figures.style import (
    GRID,
    INK,
    MUTED,
    canvas,
    hide_unused,
    label,
    line,
    styled,
    whole_steps,
)


@styled
def word2vec_loss(curves: pd.DataFrame) -> Figure:
    """Draw the mean loss of a prediction by epoch, a line a model.

    curves: columns model, epoch (from 1), loss (nats).
    """
    figure = canvas()
    axes = figure.axes[0]
    for model, curve in curves.groupby("model", sort=False):
        axes.plot(curve["epoch"], curve["loss"], **line(str(model), curves["model"].unique()))
    axes.set(xlabel="epoch", ylabel="loss per prediction (nats)")
    axes.set_title("word2vec: training loss by epoch")
    whole_steps(axes)
    axes.legend()
    return figure


@styled
def glove_cost(curve: pd.DataFrame) -> Figure:
    """Draw GloVe's cost by iteration.

    curve: columns iteration (from 1), cost (weighted squared error, mean over cells).
    """
    figure = canvas()
    axes = figure.axes[0]
    axes.plot(curve["iteration"], curve["cost"], **line("glove"))
    axes.set(xlabel="iteration", ylabel="weighted squared error per cell")
    axes.set_title("GloVe: cost by iteration")
    whole_steps(axes)
    return figure


@styled
def scores(table: pd.DataFrame) -> Figure:
    """Draw the scores of all models with their intervals, a panel a task, a dot a model.

    table: columns model, task, score, low, high; optional n and total (items scored, of how
    many), shown under the task's name. Rows keep their order.
    """
    tasks = list(table["task"].unique())
    models = list(table["model"].unique())
    columns = min(2, len(tasks))
    rows = -(-len(tasks) // columns)
    figure = canvas(columns, rows, 8.6, rows * (0.42 * len(models) + 1.3))
    for axes, task in zip(figure.axes, tasks, strict=False):
        part = table[table["task"] == task]
        for record in part.to_dict("records"):
            style = line(str(record["model"]), models)
            y = models.index(record["model"])
            arms = [[record["score"] - record["low"]], [record["high"] - record["score"]]]
            axes.errorbar(
                record["score"],
                y,
                xerr=np.clip(np.nan_to_num(arms), 0, None),
                fmt=style["marker"],
                color=style["color"],
                markersize=7,
                capsize=3,
            )
        axes.set_yticks(range(len(models)), [label(str(model)) for model in models])
        axes.set_ylim(len(models) - 0.4, -0.6)
        least = part[["low", "score"]].min().min()  # NaN where nothing could be scored
        axes.set_xlim(left=least if least < 0 else 0)
        axes.set_title(names.task(str(task)))
        axes.set_xlabel(_unit(str(task)) + _counted(part))
        axes.grid(axis="y", visible=False)
    hide_unused(figure, len(tasks))
    return figure


def _unit(task: str) -> str:
    return "share right" if "analog" in task.lower() else "Spearman's rho"


def _counted(part: pd.DataFrame) -> str:
    if "n" not in part:
        return ""
    n = sorted({int(count) for count in part["n"]})
    text = f"{n[0]:,}" if len(n) == 1 else f"{n[0]:,}-{n[-1]:,}"
    total = f" of {int(part['total'].max()):,}" if "total" in part else ""
    return f"   (n = {text}{total})"


@styled
def analogy_sections(table: pd.DataFrame) -> Figure:
    """Draw analogy accuracy by section of the question set, a dot a model.

    table: columns model, section, accuracy (0..1), n (questions scored).
    """
    sections = list(table["section"].unique())
    models = list(table["model"].unique())
    counts = table.groupby("section", sort=False)["n"].max()
    figure = canvas(width=8.6, height=0.34 * len(sections) + 1.7)
    axes = figure.axes[0]
    for place, model in enumerate(models):
        part = table[table["model"] == model].set_index("section")["accuracy"]
        offset = (place - (len(models) - 1) / 2) * 0.6 / max(1, len(models))
        heights = np.arange(len(sections)) + offset
        axes.plot(
            part.reindex(sections), heights, linestyle="none", **line(str(model), models), alpha=0.9
        )
    axes.set_yticks(
        range(len(sections)), [f"{name}  (n = {int(counts[name]):,})" for name in sections]
    )
    axes.set_ylim(len(sections) - 0.4, -0.6)
    axes.set_xlim(left=-0.01)
    axes.set_xlabel("share of questions answered right")
    axes.set_title("Analogies by section")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=len(models))
    return figure


@styled
def neighbour_overlap(overlap: pd.DataFrame, neighbours: int) -> Figure:
    """Draw the share of the `neighbours` nearest words that each two models have in common.

    overlap: a square table, models by models, values 0..1.
    """
    names = [label(str(name)) for name in overlap.columns]
    figure = canvas(width=1.6 + 0.9 * len(names), height=1.3 + 0.8 * len(names))
    axes = figure.axes[0]
    values = overlap.to_numpy(dtype=float)
    other = values[~np.eye(len(values), dtype=bool)]
    top = float(np.nanmax(other)) if other.size else 1.0
    shown = np.where(np.eye(len(values), dtype=bool), np.nan, values)
    image = axes.imshow(shown, vmin=0, vmax=top or 1.0, cmap="cividis")
    for (row, column), value in np.ndenumerate(values):
        ink = "white" if row != column and value < 0.55 * top else INK
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink)
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, shrink=0.85, label="share in common")
    axes.set_title(f"Agreement on the {neighbours} nearest words")
    return figure


@styled
def ppmi_windows(blocks: Mapping[int, pd.DataFrame]) -> Figure:
    """Draw the same corner of the PPMI matrix at several windows, on one colour scale.

    blocks: window -> table of PPMI values (nats), words by context words.
    """
    first = next(iter(blocks.values()))
    columns = min(3, len(blocks))
    rows = -(-len(blocks) // columns)
    side = 0.2 * len(first) + 1.0
    figure = canvas(columns, rows, columns * side + 0.8, rows * side + 0.5)
    top = max(float(block.to_numpy().max()) for block in blocks.values()) or 1.0
    for place, (axes, (window, block)) in enumerate(zip(figure.axes, blocks.items(), strict=False)):
        image = axes.imshow(block.to_numpy(dtype=float), vmin=0, vmax=top)
        axes.set_title(f"window {window}")
        axes.set_xticks(range(block.shape[1]), [str(w) for w in block.columns], rotation=90)
        axes.set_yticks(
            range(block.shape[0]), [str(w) for w in block.index] if place % columns == 0 else []
        )
        axes.tick_params(labelsize=8, length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    hide_unused(figure, len(blocks))
    figure.colorbar(image, ax=figure.axes, shrink=0.8, label="PPMI (nats)")
    return figure


@styled
def associations_by_window(table: pd.DataFrame) -> Figure:
    """Draw each word's strongest associations as columns of words, a panel a word.

    table: columns word, window, rank (from 1), context. What stands in two columns side by side is
    joined by a line; what stands in one column only is in a lighter ink.
    """
    words, windows = table["word"].unique(), sorted(table["window"].unique())
    columns, most = min(2, len(words)), int(table["rank"].max())
    rows = -(-len(words) // columns)
    figure = canvas(columns, rows, 4.6 * columns, rows * (0.24 * most + 0.9))
    for axes, word in zip(figure.axes, words, strict=False):
        own = table[table["word"] == word]
        ranks = own.pivot(index="context", columns="window", values="rank").reindex(columns=windows)
        for context, places in zip(ranks.index, ranks.to_numpy(dtype=float), strict=True):
            ink = INK if np.isfinite(places).sum() > 1 or len(windows) == 1 else MUTED
            for x in np.flatnonzero(np.isfinite(places)).tolist():
                axes.text(x, places[x], str(context), ha="center", va="center", color=ink, size=9)
                if x + 1 < len(windows) and np.isfinite(places[x + 1]):
                    axes.plot([x + 0.32, x + 0.68], places[x : x + 2], color=GRID)
        axes.set_xlim(-0.5, len(windows) - 0.5)
        axes.set_ylim(most + 0.6, 0.4)
        axes.xaxis.tick_top()
        axes.set_xticks(range(len(windows)), [f"window {window}" for window in windows])
        axes.set_yticks([])
        axes.set_ylabel("highest PPMI first")
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.set_title(str(word))
    hide_unused(figure, len(words))
    return figure


@styled
def ppmi_distributions(histograms: pd.DataFrame) -> Figure:
    """Draw how the positive PPMI values are distributed at each window.

    histograms: columns window, left, right (edges of a bin, nats), count (cells).
    """
    figure = canvas()
    axes = figure.axes[0]
    windows = sorted(histograms["window"].unique())
    shades = _shades(len(windows))
    for window, shade in zip(windows, shades, strict=True):
        part = histograms[histograms["window"] == window].sort_values("left")
        share = part["count"] / ((part["right"] - part["left"]) * max(1, part["count"].sum()))
        edges = [*part["left"], part["right"].iloc[-1]]
        cells = int(part["count"].sum())
        axes.stairs(share, edges, color=shade, linewidth=1.8, label=f"{window}  ({cells:,} cells)")
    axes.set(xlabel="PPMI (nats)", ylabel="density of the non-zero cells", xlim=(0, None))
    axes.set_title("PPMI values by window")
    axes.legend(title="window", alignment="left")
    return figure


def _shades(count: int) -> list[tuple[float, ...]]:
    """Return `count` colours from dark to light, for a quantity that grows."""
    return [tuple(colormaps["cividis"](x)) for x in np.linspace(0.0, 0.85, count)]
