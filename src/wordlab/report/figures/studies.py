"""Figures of language models, and of all studies but that of gradients."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import ScalarFormatter

from wordlab import names
from wordlab.params.derived import reference
from wordlab.report.figures.embeddings import draw_overlap, draw_scores, draw_scores_by
from wordlab.report.figures.registry import figure
from wordlab.report.figures.style import (
    GRID,
    INK,
    MUTED,
    arms,
    bare,
    canvas,
    legend_below,
    line,
    panels,
    plain_log,
    ranked,
    whole_steps,
)
from wordlab.report.results import Study

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@figure(
    "study_sizes",
    "Scores by size of the text",
    "Scores by share of the text, over the items known at every share; bars are bootstrap "
    "intervals that draw words and word pairs.",
)
def sizes(study: Study) -> Figure:
    """Draw scores by share of the text over the items known at every share."""
    return draw_scores_by(study.measured("scores", "score"), "held", "share of the text")


@figure(
    "study_autoencoder",
    "Rate and distortion",
    "What is wrong in a held-out sequence, and what the whole sequence costs, by the bits of its "
    "vector. Lines join the vector's sizes.",
)
def rate_distortion(study: Study) -> Figure:
    """Draw what is wrong, and what the whole sequence costs, by the bits of the vector."""
    rates, baselines = study.table("rates"), study.table("baselines")
    cells, precisions = list(rates["cell"].unique()), list(rates["precision"].unique())
    drawn = canvas(2, 1, 11.2, 4.9)
    wrong, whole = drawn.axes
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
    for axes in drawn.axes:
        axes.set(xlabel="bits of the vector per character", xscale="log")
        plain_log(axes.xaxis)
    wrong.set(ylabel=f"share of {study.params.autoencoder.unit} wrong", ylim=(0, 1))
    wrong.set_title("Rate and distortion")
    whole.set(ylabel="bits per character, errors corrected", yscale="log")
    plain_log(whole.yaxis)
    whole.set_title("The sequence sent whole")
    handles = [Line2D([], [], color=line(str(c), cells)["color"],
                      label=line(str(c), cells)["label"]) for c in cells]  # fmt: skip
    handles += [
        Line2D([], [], color=INK, marker=marker, linestyle="none", label=str(precision))
        for marker, precision in zip(_MARKERS, precisions, strict=False)
    ]
    legend_below(drawn, handles)
    return drawn


@figure(
    "study_autoencoder",
    "Accuracy by length",
    "What comes back of a held-out sequence, by its length and the size of its vector.",
)
def autoencoder_by_length(study: Study) -> Figure:
    """Draw how well held-out sequences come back: one panel per measure, larger vectors darker."""
    table, unit = study.table("lengths"), study.params.autoencoder.unit
    measures = {
        "token_accuracy": f"share of {unit} right",
        "exact_match": "share of sequences exact",
        "edit_distance": f"edits per {unit.removesuffix('s')}",
        "bleu": f"BLEU of {unit}",
    }
    cells = list(table["cell"].unique())
    sizes = sorted(table["latent_size"].unique())
    drawn = canvas(2, 2, 5.6, 5.2)
    for axes, (measure, title) in zip(drawn.axes, measures.items(), strict=True):
        for (cell, size), part in table.groupby(["cell", "latent_size"], sort=False):
            style = line(str(cell), cells)
            strength = (sizes.index(size) + 1) / len(sizes)
            axes.plot(part["length"], part[measure], **style, alpha=strength)
        axes.set_title(title)
        axes.set_xlabel(f"{unit}, at most")
        axes.set_ylim(0, max(1.02, float(np.nanmax(table[measure])) * 1.05))
        whole_steps(axes)
    handles = [Line2D([], [], **line(str(cell), cells)) for cell in cells]
    handles += [
        Line2D([], [], color=INK, alpha=(place + 1) / len(sizes), label=f"{size} numbers")
        for place, size in enumerate(sizes)
    ]
    legend_below(drawn, handles)
    return drawn


@figure(
    "study_regularisation",
    "Perplexity by epoch",
    "Perplexity by epoch up to where the method stops: means over seeds, bands from the least to "
    "the greatest.",
)
def regularisation_curves(study: Study) -> Figure:
    """Draw validation and training perplexity, one row per cell, one column per method."""
    curves = study.table("curves").replace(np.inf, np.nan)
    cells = list(curves["cell"].unique())
    methods = list(curves["method"].unique())
    width, height = 1.5 * len(methods) + 0.9, 1.7 * len(cells) + 0.6
    drawn = canvas(len(methods), len(cells), width, height)
    grid = np.array(drawn.axes).reshape(len(cells), len(methods))
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
            axes.set_title(names.plain(str(method)), fontsize=8)
        row[0].set_ylabel(f"{names.model(str(cell))}\nperplexity")
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    handles = [
        Line2D([], [], color=INK, label="validation"),
        Line2D([], [], color=INK, linestyle="--", linewidth=1.4, label="training"),
    ]
    legend_below(drawn, handles)
    return drawn


@figure(
    "study_regularisation",
    "Test loss and gap",
    "The gap between test and training loss, and the test loss itself, with intervals over seeds "
    "and texts; lines are the losses of models that only count the same training text.",
)
def regularisation_gaps(study: Study) -> Figure:
    """Draw the test loss and the gap to the training loss of each method, with intervals."""
    table = study.table("methods")
    cells = list(table["cell"].unique())
    methods = list(table["method"].unique())
    drawn = canvas(2, 1, 5.6, 0.42 * len(methods) + 1.5)
    titles = {"gap": "Gap: test - training", "test": "Test loss"}
    for axes, (measure, title) in zip(drawn.axes, titles.items(), strict=True):
        for place, cell in enumerate(cells):
            part = table[table["cell"] == cell].set_index("method").reindex(methods)
            style = line(str(cell), cells)
            axes.errorbar(
                part[measure],
                np.arange(len(methods)) + (place - (len(cells) - 1) / 2) * 0.22,
                xerr=arms(part, measure, f"{measure}_"),
                fmt=style["marker"],
                color=style["color"],
                label=style["label"],
                capsize=3,
            )
        axes.set_yticks(range(len(methods)), [names.plain(str(m)) for m in methods])
        axes.set_ylim(len(methods) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("nats per token")
        axes.set_title(title)
    for name, dashes in (("unigram", "--"), ("kneser_ney", ":")):
        loss = float(table[name].iloc[0])
        drawn.axes[1].axvline(loss, color=MUTED, linestyle=dashes, label=names.model(name))
    drawn.axes[1].tick_params(labelleft=False)
    handles, _ = drawn.axes[1].get_legend_handles_labels()
    legend_below(drawn, handles)
    return drawn


@figure("train_lm", "Perplexity by epoch", "Perplexity on training and validation text by epoch.")
def perplexity(study: Study) -> Figure:
    """Draw perplexity by epoch, one colour per model: training dashed, validation solid."""
    curves = study.curve("lm").query("model != 'char'")
    models = list(curves["model"].unique())
    drawn = canvas(width=5.4, height=3.8)
    axes = drawn.axes[0]
    for split in ("train", "valid"):
        for model, curve in curves.groupby("model", sort=False):
            style, training = line(str(model), models), split == "train"
            axes.plot(
                curve["epoch"],
                curve[f"{split}_perplexity"],
                color=style["color"],
                marker="" if training else style["marker"],
                linestyle="--" if training else "-",
                linewidth=1.3 if training else 1.8,
            )
    axes.set(xlabel="epoch", ylabel="perplexity (log scale)", yscale="log")
    plain_log(axes.yaxis)
    whole_steps(axes)
    handles = [Line2D([], [], **line(str(model), models)) for model in models]
    handles += [
        Line2D([], [], color=INK, linestyle="-", label="validation"),
        Line2D([], [], color=INK, linestyle="--", linewidth=1.3, label="training"),
    ]
    axes.legend(handles=handles, ncols=2)
    return drawn


@figure(
    "study_windows",
    "A corner of the PPMI matrix",
    "The same words and contexts in the PPMI matrix at several windows.",
)
def ppmi_windows(study: Study) -> Figure:
    """Draw the same corner of the PPMI matrix at each window, on one colour scale."""
    blocks = {
        str(window): block.drop(columns="window").set_index("word")
        for window, block in study.table("blocks").groupby("window", sort=False)
    }
    side = 0.2 * len(next(iter(blocks.values()))) + 1.0
    columns = min(3, len(blocks))
    drawn = panels(len(blocks), 3, side, side, 0.5)
    drawn.set_size_inches(columns * side + 0.8, drawn.get_figheight())
    top = max(float(block.to_numpy().max()) for block in blocks.values()) or 1.0
    shown = list(drawn.axes)
    for place, (axes, (window, block)) in enumerate(zip(shown, blocks.items(), strict=True)):
        image = axes.imshow(block.to_numpy(dtype=float), vmin=0, vmax=top)
        axes.set_title(f"window {window}")
        axes.set_xticks(range(block.shape[1]), list(map(str, block.index)), rotation=90)
        rows = list(map(str, block.index)) if place % columns == 0 else []
        axes.set_yticks(range(block.shape[0]), rows)
        axes.tick_params(labelsize=8)
        bare(axes)
    drawn.colorbar(image, ax=shown, shrink=0.8, label="PPMI (nats)")
    return drawn


@figure(
    "study_windows",
    "PPMI values",
    "How the positive PPMI values are distributed at each window.",
)
def ppmi_distributions(study: Study) -> Figure:
    """Draw a histogram of the PPMI values at each window."""
    histograms = study.measured("histograms", "count")
    drawn = canvas()
    axes = drawn.axes[0]
    windows = sorted(histograms["window"].unique())
    for window, shade in zip(windows, np.linspace(0.0, 0.85, len(windows)), strict=True):
        part = histograms[histograms["window"] == window].sort_values("left")
        cells = int(part["count"].sum())
        share = part["count"] / ((part["right"] - part["left"]) * max(1, cells))
        axes.stairs(
            share, [*part["left"], part["right"].iloc[-1]], color=colormaps["cividis"](shade),
            linewidth=1.8, label=f"{window}  ({cells:,} cells)",
        )  # fmt: skip
    axes.set(xlabel="PPMI (nats)", ylabel="density of the non-zero cells", xlim=(0, None))
    axes.set_title("PPMI values by window")
    axes.legend(title="window", alignment="left")
    return drawn


@figure(
    "study_cells",
    "Kinds of cells with equally many weights",
    "Perplexity on unseen text as a multiple of one kind's, or without a gate as a multiple of the "
    "same cell's with all, with intervals over documents and seeds; the multiply-adds of reading a "
    "word; how much lower the loss is with the whole context than with the last words alone; and "
    "the share of answers right in tasks that need a memory, dashed where a guess is: a dot per "
    "seed, a line at their mean.",
)
def cells(study: Study) -> Figure:
    """Draw perplexity and operations of each kind of cell, and what it remembers, side by side."""
    table = study.measured("cells", "perplexity")
    kinds = list(table["cell"])
    compared = reference(kinds)
    contexts = study.table("contexts").dropna(subset="gain")
    parts: list[tuple[str, str, pd.DataFrame, str, float | None]] = [
        (f"Beyond {context} words", "nats per word", part, "gain", None)
        for context, part in contexts.groupby("context", sort=False)
    ]
    parts += [
        (f"{str(task).capitalize()}, {delay} steps", "share right", part, "success",
         float(part["baseline"].iloc[0]))
        for (task, delay), part in study.table("tasks").groupby(["task", "delay"], sort=False)
    ]  # fmt: skip
    columns = 3
    drawn = panels(2 + len(parts), columns, 3.2, 0.24 * len(kinds) + 1.1)
    whole, cost, *others = drawn.axes
    for place, row in enumerate(table.to_dict("records")):
        reach = [[row["times"] - row["times_low"]], [row["times_high"] - row["times"]]]
        whole.errorbar(row["times"], place, xerr=reach, fmt="o", color=_colour(row["cell"]))
        ngrams = 1 / float(table.loc[table["cell"] == row["compared"], "ratio"].iloc[0])
        whole.vlines(
            ngrams, place - 0.5, place + 0.5, color=MUTED, linestyle="--", linewidth=1,
            label="" if place else "Kneser-Ney",
        )  # fmt: skip
        cost.plot(row["multiply_adds"], place, "o", color=_colour(row["cell"]))
    gated = any(" " in kind for kind in kinds)
    whole.axvline(1, color=MUTED, linewidth=1)
    whole.legend(loc="lower center", bbox_to_anchor=(0.5, 1.1), borderpad=0)
    whole.set(
        title="Perplexity",
        xlabel=f"times the {names.model(compared)}'s" + (", or the whole cell's" if gated else ""),
    )
    cost.set(title="Multiply-adds", xlabel="per word, all layers", xlim=(0, None))
    for axes, (title, unit, part, measure, chance) in zip(others, parts, strict=True):
        for place, cell in enumerate(kinds):
            found = part[part["cell"] == cell][measure]
            axes.plot(found, [place] * len(found), "o", color=_colour(cell), alpha=0.7)
            axes.vlines(found.mean(), place - 0.3, place + 0.3, color=_colour(cell))
        if chance is not None:
            axes.axvline(chance, color=MUTED, linestyle="--", linewidth=1)
            axes.set_xlim(-0.03, 1.05)
        axes.set(title=title, xlabel=unit)
    for number, axes in enumerate(drawn.axes):
        shown = [names.model(one) if number % columns == 0 else "" for one in kinds]
        axes.set_yticks(range(len(kinds)), shown)
        axes.set_ylim(len(kinds) - 0.5, -0.5)
    return drawn


def _colour(cell: str) -> str:
    """Return the colour of a kind of cell, with gates or without."""
    return str(line(cell.partition(" ")[0])["color"])


@figure(
    "study_windows",
    "Strongest associations",
    "The contexts of highest PPMI, strongest first; lines join those that stay.",
)
def ppmi_associations(study: Study) -> Figure:
    """Draw each word's strongest associations as columns of words, one panel per word.

    A word in two neighbouring columns is joined by a line; one in a single column is lighter.
    """
    table = study.measured("associations", "ppmi")
    words, windows = table["word"].unique(), sorted(table["window"].unique())
    most = int(table["rank"].max())
    drawn = panels(len(words), 2, 4.6, 0.24 * most + 0.9)
    for axes, word in zip(drawn.axes, words, strict=True):
        own = table[table["word"] == word]
        ranks = own.pivot(index="context", columns="window", values="rank").reindex(columns=windows)
        for context, places in zip(ranks.index, ranks.to_numpy(dtype=float), strict=True):
            ink = INK if np.isfinite(places).sum() > 1 or len(windows) == 1 else MUTED
            for x in np.flatnonzero(np.isfinite(places)).tolist():
                axes.text(x, places[x], str(context), ha="center", va="center", color=ink, size=9)
                if x + 1 < len(windows) and np.isfinite(places[x + 1]):
                    axes.plot([x + 0.32, x + 0.68], places[x : x + 2], color=GRID)
        heads = [f"window {window}" for window in windows]
        ranked(axes, str(word), heads, most, "highest PPMI first")
    return drawn


@figure(
    "study_windows",
    "Agreement on neighbours",
    "Share of nearest words that the vectors of two windows have in common, mean over the "
    "commonest words.",
)
def windows_overlap(study: Study) -> Figure:
    """Draw the share of the nearest words that the vectors of each two windows have in common."""
    return draw_overlap(study)


@figure(
    "study_windows",
    "Scores by window",
    "Each dot is a window's score, each bar its bootstrap interval.",
)
def windows_scores(study: Study) -> Figure:
    """Draw the scores of the vectors of each window."""
    return draw_scores(study.measured("scores", "score"))
