"""Figures of draws of the documents."""

from matplotlib.figure import Figure

from wordlab import names
from wordlab.report.figures.registry import figure
from wordlab.report.figures.style import INK, MUTED, panels, ranked
from wordlab.report.results import Study
from wordlab.report.tables import ranks


@figure(
    "study_neighbours",
    "Neighbours over draws",
    "The nearest words, the fainter the fewer draws of the documents keep them; beside each, the "
    "ranks that it has in most other texts of the kind, with no end where these may lack the word.",
)
def steady_neighbours(study: Study) -> Figure:
    """Draw the neighbours of each word as columns of words, one panel per word."""
    n = study.params.draws.neighbours
    table = study.measured("neighbours", "cosine")
    table = table[table["rank"] <= n]
    words, models = list(table["word"].unique()), list(table["model"].unique())
    drawn = panels(len(words), 2, 2.3 * len(models) + 0.4, 0.21 * n + 0.75)
    heads = [names.model(str(model)) for model in models]
    for axes, word in zip(drawn.axes, words, strict=True):
        own = table[table["word"] == word]
        for x, model in enumerate(models):
            for row in own[own["model"] == model].to_dict("records"):
                share = 0.25 + 0.75 * row["share"]
                axes.text(x - 0.03, row["rank"], str(row["neighbour"]), ha="right", va="center",
                          color=INK, alpha=share, size=9)  # fmt: skip
                axes.text(x + 0.03, row["rank"], ranks(row["low"], row["high"]), ha="left",
                          va="center", color=MUTED, size=8)  # fmt: skip
        ranked(axes, str(word), heads, n, "nearest first")
    return drawn
