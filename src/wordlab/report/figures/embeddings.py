"""Figures of the word vectors: trainings, scores, neighbours, relations, geometry."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wordlab import names
from wordlab.report.figures.registry import figure
from wordlab.report.figures.style import (
    INK,
    MUTED,
    apart,
    arms,
    canvas,
    legend_below,
    line,
    panels,
    ranked,
    whole_steps,
)
from wordlab.report.results import Study


@figure(
    "compare_embeddings",
    "Scores",
    "Each dot is a model's score, each bar its bootstrap interval.",
    section="word-vectors",
)
def scores(study: Study) -> Figure:
    """Draw the scores of all models with their intervals."""
    return draw_scores(study.measured("scores", "score"))


def draw_scores(table: pd.DataFrame) -> Figure:
    """Draw one panel per task and one dot per model.

    table: columns model, task, score, low, high, n and total (items scored, of how many).
    """
    tasks, models = list(table["task"].unique()), list(table["model"].unique())
    drawn = panels(len(tasks), 1, 5.4, 0.21 * len(models) + 0.95)
    for axes, task in zip(drawn.axes, tasks, strict=True):
        part = table[table["task"] == task]
        for y, model in enumerate(models):
            own, style = part[part["model"] == model], line(str(model), models)
            axes.errorbar(
                own["score"], [y], xerr=arms(own), fmt=style["marker"], color=style["color"],
                markersize=7, capsize=3,
            )  # fmt: skip
        axes.set_yticks(range(len(models)), [line(str(model))["label"] for model in models])
        axes.set_ylim(len(models) - 0.4, -0.6)
        axes.set_xlim(left=min(0, part[["low", "score"]].min().min()))
        axes.set_title(names.task(str(task)))
        n, total = _spread(part["n"]), int(part["total"].max())
        axes.set_xlabel(f"{_unit(str(task))}   (n = {n} of {total:,})")
        axes.grid(axis="y", visible=False)
    return drawn


def draw_scores_by(table: pd.DataFrame, column: str, xlabel: str) -> Figure:
    """Draw scores with their intervals along the values of `column`, one panel per task.

    table: columns model, task, score, low, high, n and `column`, whose values keep their order.
    """
    tasks, models = list(table["task"].unique()), list(table["model"].unique())
    values = list(dict.fromkeys(table[column]))
    drawn = panels(len(tasks), 1, 5.4, 2.3, 0.4)
    for axes, task in zip(drawn.axes, tasks, strict=True):
        own = table[table["task"] == task]
        for place, model in enumerate(models):
            part = own[own["model"] == model].set_index(column).reindex(values)
            x = np.arange(len(values)) + 0.6 * apart(place, len(models))
            axes.errorbar(
                x, part["score"], yerr=arms(part), capsize=2, linewidth=1.2, elinewidth=0.9,
                **line(str(model), models),
            )  # fmt: skip
        texts = [f"{100 * x:.3g} %" if isinstance(x, float) else str(x) for x in values]
        axes.set_xticks(range(len(values)), texts)
        axes.set_title(names.task(str(task)))
        axes.set_xlabel(f"{xlabel}   (n = {_spread(own['n'])})")
        axes.set_ylabel(_unit(str(task)))
        axes.grid(axis="x", visible=False)
    legend_below(drawn)
    return drawn


def _unit(task: str) -> str:
    return "share right" if task.startswith("analogy") else "Spearman's rho"


def _spread(counts: Sequence[int]) -> str:
    least, most = int(min(counts)), int(max(counts))
    return f"{least:,}" if least == most else f"{least:,}-{most:,}"


@figure(
    "compare_embeddings",
    "Analogies by section",
    "Share of analogy questions answered right, by section.",
    section="word-vectors",
)
def analogy_sections(study: Study) -> Figure:
    """Draw analogy accuracy by section of the question set, one dot per model."""
    table = study.measured("sections", "accuracy")
    sections, models = list(table["section"].unique()), list(table["model"].unique())
    counts = table.groupby("section", sort=False)["n"].max()
    drawn = canvas(width=8.6, height=0.34 * len(sections) + 1.7)
    axes = drawn.axes[0]
    for place, model in enumerate(models):
        part = table[table["model"] == model].set_index("section")["accuracy"]
        heights = np.arange(len(sections)) + apart(place, len(models), 0.6)
        look = line(str(model), models)
        axes.plot(part.reindex(sections), heights, linestyle="none", **look, alpha=0.9)
    texts = [f"{name}  (n = {int(counts[name]):,})" for name in sections]
    axes.set_yticks(range(len(sections)), texts)
    axes.set_ylim(len(sections) - 0.4, -0.6)
    axes.set_xlim(left=-0.01)
    axes.set_xlabel("share of questions answered right")
    axes.set_title("Analogies by section")
    legend_below(drawn)
    return drawn


@figure(
    "train_word2vec",
    "Training loss of word2vec",
    "Mean loss of a prediction, epoch by epoch. CBOW and skip-gram predict different things: "
    "compare shapes, not heights. A loss is measured before its update, by weights that have just "
    "learnt from the same document. The higher the rate, the more that helps, so a line may rise "
    "as the rate falls to 0.",
)
def word2vec_loss(study: Study) -> Figure:
    """Draw the mean loss of a prediction by epoch, one line per model."""
    curves = study.curve("word2vec")
    drawn = canvas()
    axes = drawn.axes[0]
    for model, curve in curves.groupby("model", sort=False):
        axes.plot(curve["epoch"], curve["loss"], **line(str(model)))
    axes.set(xlabel="epoch", ylabel="loss per prediction (nats)")
    axes.set_title("word2vec: training loss by epoch")
    whole_steps(axes)
    axes.legend()
    return drawn


@figure(
    "train_glove", "Cost of GloVe", "GloVe's objective, averaged over the cells that were counted."
)
def glove_cost(study: Study) -> Figure:
    """Draw GloVe's cost, the mean weighted squared error of a cell, by iteration."""
    curve = study.curve("glove")
    drawn = canvas()
    axes = drawn.axes[0]
    axes.plot(curve["iteration"], curve["cost"], **line("glove"))
    axes.set(xlabel="iteration", ylabel="weighted squared error per cell")
    axes.set_title("GloVe: cost by iteration")
    whole_steps(axes)
    return drawn


@figure(
    "compare_embeddings",
    "Neighbours",
    "The nearest words in each model, and PPMI's strongest direct associations. Darker: named by "
    "more than one.",
)
def neighbours(study: Study) -> Figure:
    """Draw the neighbours of each word as columns of words, one panel per word."""
    table = study.measured("neighbours", "cosine")
    last = study.table("associations")[["word", "rank", "association"]].dropna()
    last = last.rename(columns={"association": "neighbour"})
    together = pd.concat([table, last.assign(model="associations")], ignore_index=True)
    words, models = list(together["word"].unique()), list(together["model"].unique())
    most = int(together["rank"].max())
    drawn = canvas(1, len(words), 1.45 * len(models) + 0.3, len(words) * (0.21 * most + 0.75))
    heads = ["PPMI, direct" if model == "associations" else names.model(model) for model in models]
    for axes, word in zip(drawn.axes, words, strict=True):
        own = together[together["word"] == word]
        times = own["neighbour"].value_counts()
        for x, model in enumerate(models):
            for row in own[own["model"] == model].to_dict("records"):
                ink = INK if times[row["neighbour"]] > 1 else MUTED
                axes.text(x, row["rank"], str(row["neighbour"]), ha="center", va="center",
                          color=ink, size=9)  # fmt: skip
        ranked(axes, str(word), heads, most, "nearest first")
    return drawn


@figure(
    "compare_embeddings",
    "Agreement on neighbours",
    "Share of nearest words that two models have in common, mean over the commonest words.",
)
def neighbour_overlap(study: Study) -> Figure:
    """Draw the share of the nearest words that each two models have in common."""
    return draw_overlap(study)


def draw_overlap(study: Study) -> Figure:
    """Draw the square table `overlap`, models by models, values 0..1."""
    overlap = study.table("overlap")
    models = [names.model(str(name)) for name in overlap.columns]
    drawn = canvas(width=1.6 + 0.9 * len(models), height=1.3 + 0.8 * len(models))
    axes = drawn.axes[0]
    values = overlap.to_numpy(dtype=float)
    itself = np.eye(len(values), dtype=bool)
    top = float(np.nanmax(values[~itself])) if len(values) > 1 else 1.0
    shown = np.where(itself, np.nan, values)
    image = axes.imshow(shown, vmin=0, vmax=top or 1.0, cmap="cividis")
    for (row, column), value in np.ndenumerate(values):
        ink = "white" if row != column and value < 0.55 * top else INK
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink)
    axes.set_xticks(range(len(models)), models, rotation=30, ha="right")
    axes.set_yticks(range(len(models)), models)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    drawn.colorbar(image, ax=axes, shrink=0.85, label="share in common")
    axes.set_title(f"Agreement on the {study.params.comparison.neighbours} nearest words")
    return drawn


@figure(
    "compare_embeddings",
    "Cosines by relation",
    "Cosines of pairs in each relation (how many): median, middle half, and from the 10th to the "
    "90th percentile. Unrelated pairs are drawn at random.",
)
def relation_cosines(study: Study) -> Figure:
    """Draw the distribution of cosines in each relation, one panel per model."""
    table = study.measured("relations", "mean")
    models, relations = list(table["model"].unique()), list(table["relation"].unique())
    counts = table.groupby("relation", sort=False)["n"].max()
    texts = [f"{relation}  ({int(counts[relation])})" for relation in relations]
    columns = min(3, len(models))
    rows = -(-len(models) // columns)
    drawn = panels(len(models), 3, 2.7, 0.3 * len(relations) + 0.9)
    drawn.set_size_inches(1.4 + 2.7 * columns, rows * (0.3 * len(relations) + 0.9))
    for place, (axes, model) in enumerate(zip(drawn.axes, models, strict=True)):
        own = table[table["model"] == model].set_index("relation").reindex(relations)
        heights, style = np.arange(len(relations)), line(str(model), models)
        axes.hlines(heights, own["p10"], own["p90"], color=style["color"], linewidth=1.4)
        axes.hlines(heights, own["p25"], own["p75"], color=style["color"], linewidth=5.5, alpha=0.6)
        axes.plot(own["median"], heights, "o", color=INK, markersize=4)
        axes.axvline(0, color=MUTED, linewidth=0.8)
        axes.set_yticks(heights, texts if place % columns == 0 else [])
        axes.set_ylim(len(relations) - 0.5, -0.5)
        axes.set_title(style["label"])
        axes.set_xlabel("cosine")
        axes.grid(axis="y", visible=False)
    return drawn


@figure(
    "compare_embeddings",
    "Relations that the cosine distinguishes",
    "A half means that the cosine does not distinguish the two relations; bars are intervals that "
    "hold together for all contrasts of all models.",
)
def relation_contrasts(study: Study) -> Figure:
    """Draw how well each model distinguishes each two relations, one dot per model."""
    table = study.measured("contrasts", "auc")
    models = list(table["model"].unique())
    pairs = list(dict.fromkeys(zip(table["first"], table["second"], strict=True)))
    drawn = canvas(width=5.6, height=0.36 * len(pairs) + 1.5)
    axes = drawn.axes[0]
    for place, model in enumerate(models):
        own = table[table["model"] == model].set_index(["first", "second"]).reindex(pairs)
        heights, style = np.arange(len(pairs)) + apart(place, len(models)), line(str(model), models)
        axes.errorbar(
            own["auc"], heights, xerr=arms(own, "auc"), fmt=style["marker"], color=style["color"],
            label=style["label"], markersize=4.5, elinewidth=0.9, capsize=0,
        )  # fmt: skip
    axes.axvline(0.5, color=INK, linewidth=0.9)
    axes.set_yticks(range(len(pairs)), [f"{first} over {second}" for first, second in pairs])
    axes.set_ylim(len(pairs) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xlabel("how often the first has the higher cosine")
    legend_below(drawn)
    return drawn


@figure(
    "compare_embeddings",
    "Scores by frequency",
    "Each task's items in three equal parts, by the count of their rarest word.",
)
def frequency(study: Study) -> Figure:
    """Draw scores by the rarest word of the items."""
    return draw_scores_by(
        study.measured("frequency", "score"), "band", "by each item's rarest word"
    )
