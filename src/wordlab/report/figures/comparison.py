"""Figures of the comparison of word vectors: relations, neighbours, frequency, size, geometry."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wordlab import names
from wordlab.report.figures.style import INK, MUTED, canvas, hide_unused, label, line, styled

MEASURES = {
    "skewness": "hubs: skewness of the\ntimes a word is a neighbour",
    "orphans": "words that are nobody's\nneighbour, share",
    "mean_cosine": "mean cosine of\ntwo words",
    "isotropy": "isotropy, 1 where vectors\npoint everywhere",
    "first_share": "variance along the\nfirst direction, share",
    "dimensions": "effective dimensions",
}
"""The columns of the geometry of spaces, and what they are called."""


@styled
def relation_cosines(table: pd.DataFrame) -> Figure:
    """Draw the distribution of cosines in each relation, a panel a model.

    table: columns model, relation, n and the quantiles p10, p25, median, p75, p90. The thin bar
    spans p10 to p90, the thick one p25 to p75, the dot is the median.
    """
    models, relations = list(table["model"].unique()), list(table["relation"].unique())
    counts = table.groupby("relation", sort=False)["n"].max()
    columns = min(3, len(models))
    rows = -(-len(models) // columns)
    figure = canvas(columns, rows, 1.4 + 2.7 * columns, rows * (0.3 * len(relations) + 0.9))
    for place, (axes, model) in enumerate(zip(figure.axes, models, strict=False)):
        own = table[table["model"] == model].set_index("relation").reindex(relations)
        heights, style = np.arange(len(relations)), line(str(model), models)
        axes.hlines(heights, own["p10"], own["p90"], color=style["color"], linewidth=1.4)
        axes.hlines(heights, own["p25"], own["p75"], color=style["color"], linewidth=5.5, alpha=0.6)
        axes.plot(own["median"], heights, "o", color=INK, markersize=4)
        axes.axvline(0, color=MUTED, linewidth=0.8)
        names = [f"{relation}  ({int(counts[relation])})" for relation in relations]
        axes.set_yticks(heights, names if place % columns == 0 else [])
        axes.set_ylim(len(relations) - 0.5, -0.5)
        axes.set_title(style["label"])
        axes.set_xlabel("cosine")
        axes.grid(axis="y", visible=False)
    hide_unused(figure, len(models))
    return figure


@styled
def relation_contrasts(table: pd.DataFrame) -> Figure:
    """Draw how well each model tells one relation from another, one dot per model.

    table: columns model, first, second, auc, low, high.
    """
    models = list(table["model"].unique())
    pairs = list(dict.fromkeys(zip(table["first"], table["second"], strict=True)))
    figure = canvas(width=8.6, height=0.42 * len(pairs) + 1.8)
    axes = figure.axes[0]
    for place, model in enumerate(models):
        own = table[table["model"] == model].set_index(["first", "second"]).reindex(pairs)
        heights = np.arange(len(pairs)) + _offset(place, len(models))
        _dots(axes, own["auc"], heights, own, line(str(model), models))
    axes.axvline(0.5, color=INK, linewidth=0.9)
    axes.set_yticks(range(len(pairs)), [f"{first} over {second}" for first, second in pairs])
    axes.set_ylim(len(pairs) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xlabel("how often a pair of the first has the higher cosine (area under the curve)")
    axes.set_title("Relations that the cosine distinguishes")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=len(models))
    return figure


@styled
def scores_by(table: pd.DataFrame, column: str, xlabel: str) -> Figure:
    """Draw scores with their intervals along the values of `column`, a panel a task.

    table: columns model, task, score, low, high, n and `column`, whose values keep their order.
    """
    tasks, models = list(table["task"].unique()), list(table["model"].unique())
    values = list(dict.fromkeys(table[column]))
    columns = min(2, len(tasks))
    rows = -(-len(tasks) // columns)
    figure = canvas(columns, rows, 4.3 * columns, rows * 2.9 + 0.4)
    for axes, task in zip(figure.axes, tasks, strict=False):
        own = table[table["task"] == task]
        for place, model in enumerate(models):
            part = own[own["model"] == model].set_index(column).reindex(values)
            style = line(str(model), models)
            x = np.arange(len(values)) + 0.6 * _offset(place, len(models))
            arms = _arms(part["score"], part)
            axes.errorbar(
                x, part["score"], yerr=arms, capsize=2, linewidth=1.2, elinewidth=0.9, **style
            )
        axes.set_xticks(range(len(values)), [_value(value) for value in values])
        axes.set_title(names.task(str(task)))
        axes.set_xlabel(f"{xlabel}   (n = {_spread(own['n'])})")
        axes.set_ylabel("share right" if "analog" in str(task) else "Spearman's rho")
        axes.grid(axis="x", visible=False)
    hide_unused(figure, len(tasks))
    handles = figure.axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(models))
    return figure


@styled
def geometry(table: pd.DataFrame) -> Figure:
    """Draw hubness and isotropy, a panel a measure, a bar a model.

    table: columns model and those of `MEASURES`.
    """
    models = list(table["model"])
    figure = canvas(3, 2, 8.6, 2 * (0.3 * len(models) + 1.0))
    styles = [line(str(model), models) for model in models]
    for place, (axes, (measure, title)) in enumerate(
        zip(figure.axes, MEASURES.items(), strict=True)
    ):
        values = table[measure].to_numpy(dtype=float)
        axes.barh(range(len(models)), values, color=[style["color"] for style in styles])
        for height, value in enumerate(values):
            if np.isfinite(value):
                axes.text(max(value, 0), height, f" {value:.3g}", va="center", fontsize=9)
        names = [style["label"] for style in styles]
        axes.set_yticks(range(len(models)), names if place % 3 == 0 else [])
        axes.set_ylim(len(models) - 0.4, -0.6)
        axes.margins(x=0.22)
        axes.set_xlabel(title)
        axes.grid(axis="y", visible=False)
    return figure


@styled
def neighbours_side_by_side(table: pd.DataFrame, associations: pd.DataFrame) -> Figure:
    """Draw the neighbours of each word as columns of words, a panel a word, a column a model.

    table: columns word, model, rank (from 1), neighbour; associations: columns word, rank,
    association, shown as the last column. A word that two columns share is in a darker ink.
    """
    last = associations[["word", "rank", "association"]].dropna()
    last = last.rename(columns={"association": "neighbour"})
    together = pd.concat([table, last.assign(model="associations")], ignore_index=True)
    words, models = list(together["word"].unique()), list(together["model"].unique())
    most = int(together["rank"].max())
    figure = canvas(1, len(words), 1.45 * len(models) + 0.3, len(words) * (0.21 * most + 0.75))
    for axes, word in zip(figure.axes, words, strict=True):
        own = together[together["word"] == word]
        times = own["neighbour"].value_counts()
        for x, model in enumerate(models):
            for row in own[own["model"] == model].to_dict("records"):
                ink = INK if times[row["neighbour"]] > 1 else MUTED
                axes.text(x, row["rank"], str(row["neighbour"]), ha="center", va="center",
                          color=ink, size=9)  # fmt: skip
        names = ["PPMI, direct" if model == "associations" else label(model) for model in models]
        axes.set_xticks(range(len(models)), names)
        axes.xaxis.tick_top()
        axes.set_xlim(-0.5, len(models) - 0.5)
        axes.set_ylim(most + 0.6, 0.4)
        axes.set_yticks([])
        axes.set_ylabel("nearest first")
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.set_title(str(word))
    return figure


@styled
def word_map(table: pd.DataFrame, model: str) -> Figure:
    """Draw words in the plane, by t-SNE and by PCA, those with room around them named.

    table: columns word, tsne_x, tsne_y, pca_x, pca_y, commonest first.
    """
    figure = canvas(2, 1, 11.5, 5.6)
    colour = line(model)["color"]
    for axes, (way, title) in zip(
        figure.axes, (("tsne", "t-SNE"), ("pca", "principal components")), strict=True
    ):
        places = table[[f"{way}_x", f"{way}_y"]].to_numpy(dtype=float)
        axes.plot(*places.T, "o", color=colour, markersize=2.5, alpha=0.5)
        reach = np.ptp(places, axis=0) * (0.055, 0.022)  # half a label of some seven letters
        named: list[int] = []
        for i, place in enumerate(places):
            apart = np.abs(places[named] - place) > reach * (1.6, 1.5)
            if apart.any(axis=1).all():
                named.append(i)
                x, y = place.tolist()
                axes.annotate(
                    str(table["word"].iloc[i]), (x, y), (0, 3), textcoords="offset points",
                    ha="center", size=7.5, color=INK,
                )  # fmt: skip
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.set_xlabel(title)
        axes.set_title(f"{label(model)}: {len(table):,} words")
    return figure


def _dots(
    axes: Axes,
    values: pd.Series,
    heights: np.ndarray,
    table: pd.DataFrame,
    style: dict[str, object],
) -> None:
    axes.errorbar(
        values, heights, xerr=_arms(values, table), fmt=str(style["marker"]), color=style["color"],
        label=str(style["label"]), markersize=4.5, elinewidth=0.9, capsize=0,
    )  # fmt: skip


def _arms(values: pd.Series, table: pd.DataFrame) -> np.ndarray:
    """Return how far the intervals reach below and above, (2, n), 0 where there is none."""
    arms = np.array([values - table["low"], table["high"] - values], dtype=float)
    return np.clip(np.nan_to_num(arms), 0, None)


def _offset(place: int, count: int) -> float:
    """Return how far aside the `place`-th of `count` marks stands, so that none hides another."""
    return (place - (count - 1) / 2) * 0.7 / max(1, count)


def _spread(counts: Sequence[int]) -> str:
    least, most = min(counts), max(counts)
    return f"{least:,}" if least == most else f"{least:,}-{most:,}"


def _value(value: object) -> str:
    return f"{100 * value:.3g} %" if isinstance(value, float) else str(value)
