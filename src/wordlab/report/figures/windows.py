"""Figures of the study of the window: PPMI, its associations, and the vectors' scores."""

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from wordlab.report.figures.embeddings import draw_overlap, draw_scores
from wordlab.report.figures.registry import figure
from wordlab.report.figures.style import GRID, INK, MUTED, bare, canvas, panels
from wordlab.report.results import Study


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
        axes.set_xticks(range(block.shape[1]), list(map(str, block.columns)), rotation=90)
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
        axes.xaxis.tick_top()
        axes.set_xticks(range(len(windows)), [f"window {window}" for window in windows])
        axes.set(xlim=(-0.5, len(windows) - 0.5), ylim=(most + 0.6, 0.4), yticks=[])
        axes.set_ylabel("highest PPMI first")
        bare(axes)
        axes.set_title(str(word))
    return drawn


@figure(
    "study_windows",
    "Agreement on neighbours",
    "Share of nearest words that the vectors of two windows have in common, mean over the words "
    "looked up.",
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
