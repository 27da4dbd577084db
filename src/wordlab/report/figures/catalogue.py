"""Which figures the report has: each drawn from the curves and tables of a run."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from wordlab.report import figures
from wordlab.report.figures import sweep_catalogue
from wordlab.report.results import Results, Unmeasured


def names(stage: str | None = None) -> list[str]:
    """Return the names of the figures: all, or those of the results of one stage.

    stage: as DVC names it, with the item behind `@`.
    """
    return [
        name
        for name, (source, _) in FIGURES.items()
        if stage is None or source in (stage, stage.partition("@")[0])
    ]


def draw(name: str, results: Results) -> Figure | None:
    """Return the figure `name`; None where nothing of what it shows could be measured."""
    with suppress(pd.errors.EmptyDataError, Unmeasured):
        return FIGURES[name][1](results)
    return None


def write(name: str, results: Results, folder: Path) -> Path | None:
    """Draw the figure `name` into `folder`; return its file, None where there is no figure."""
    figure = draw(name, results)
    if figure is None:
        return None
    path = folder / f"{name}.png"
    figures.save(figure, path)
    return path


def _perplexity(results: Results) -> Figure:
    curves = results.curve("lm")
    parts = [
        curves.loc[curves["model"] != "char", ["model", "epoch", f"{split}_perplexity"]]
        .rename(columns={f"{split}_perplexity": "perplexity"})
        .assign(split=split)
        for split in ("train", "valid")
    ]
    return figures.perplexity(pd.concat(parts, ignore_index=True))


def _neighbour_overlap(results: Results) -> Figure:
    overlap = results.table("embeddings", "overlap")
    return figures.neighbour_overlap(overlap, results.params.comparison.neighbours)


def _neighbours(results: Results) -> Figure:
    return figures.neighbours_side_by_side(
        results.measured("embeddings", "neighbours", "cosine"),
        results.table("embeddings", "associations"),
    )


def _scores_by_frequency(results: Results) -> Figure:
    table = results.measured("embeddings", "frequency", "score")
    return figures.scores_by(table, "band", "by each item's rarest word")


def _scores_by_size(table: pd.DataFrame) -> Figure:
    return figures.scores_by(table, "held", "share of the text")


def _word_map(results: Results) -> Figure:
    return figures.word_map(results.table("map_embeddings", "skipgram"), "skipgram")


def _ppmi_windows(results: Results) -> Figure:
    blocks = results.table("study_windows", "blocks")
    return figures.ppmi_windows(
        {
            int(window): blocks[blocks["window"] == window].drop(columns="window").set_index("word")
            for window in blocks["window"].unique()
        }
    )


def _windows_overlap(results: Results) -> Figure:
    overlap = results.table("study_windows", "overlap")
    return figures.neighbour_overlap(overlap, results.params.comparison.neighbours)


def _rate_distortion(results: Results) -> Figure:
    rates, others = (results.table("study_autoencoder", name) for name in ("rates", "baselines"))
    return figures.rate_distortion(rates, others, results.params.autoencoder.unit)


def _autoencoder_by_length(results: Results) -> Figure:
    lengths = results.table("study_autoencoder", "lengths")
    return figures.autoencoder_by_length(lengths, results.params.autoencoder.unit)


def _gradient_by_lag(results: Results) -> Figure:
    lags = results.table("study_gradients", "lags")
    return figures.gradient_by_lag(lags.query("part == 'state' and weights == 'trained'"))


def _untrained_by_lag(results: Results) -> Figure:
    lags = results.table("study_gradients", "lags").query(
        "part == 'state' and weights != 'trained'"
    )
    longest = lags[lags["length"] == lags["length"].max()]
    return figures.gradient_by_lag(longest, panels="weights")


def _gradient_heat(results: Results) -> Figure:
    steps = results.table("study_gradients", "steps")
    return figures.gradient_heat(steps[steps["initialisation"] == steps["initialisation"].iloc[0]])


def _gradient_distribution(results: Results) -> Figure:
    steps, trainings = (results.table("study_gradients", name) for name in ("steps", "trainings"))
    return figures.gradient_distribution(steps, trainings)


def _of_sweep(
    drawer: Callable[[Results, str], Figure | None], study: str
) -> Callable[[Results], Figure | None]:
    return lambda results: drawer(results, study)


def _from_table(
    figure: Callable[[pd.DataFrame], Figure], study: str, table: str, column: str
) -> Callable[[Results], Figure]:
    """Return the drawer of a table whose measure is `column`."""
    return lambda results: figure(results.measured(study, table, column))


def _of_study(
    figure: Callable[[pd.DataFrame], Figure], study: str, table: str
) -> tuple[str, Callable[[Results], Figure]]:
    return study, lambda results: figure(results.table(study, table))


SWEEPS = {
    "sweep": sweep_catalogue.curves,
    "importance": sweep_catalogue.shares,
    "interactions": sweep_catalogue.maps,
    "combinations": sweep_catalogue.combinations,
}
"""Figures of every sweep, by the beginning of their name."""

RECURRENT_SWEEPS = {
    "budget": sweep_catalogue.budget,
    "context": sweep_catalogue.context,
    "stability": sweep_catalogue.steadiness,
}

FIGURES: dict[str, tuple[str, Callable[[Results], Figure | None]]] = {
    "scores": ("compare_embeddings", _from_table(figures.scores, "embeddings", "scores", "score")),
    "analogy_sections": (
        "compare_embeddings",
        _from_table(figures.analogy_sections, "embeddings", "sections", "accuracy"),
    ),
    "neighbour_overlap": ("compare_embeddings", _neighbour_overlap),
    "neighbours": ("compare_embeddings", _neighbours),
    "relation_cosines": (
        "compare_embeddings",
        _from_table(figures.relation_cosines, "embeddings", "relations", "mean"),
    ),
    "relation_contrasts": (
        "compare_embeddings",
        _from_table(figures.relation_contrasts, "embeddings", "contrasts", "auc"),
    ),
    "frequency": ("compare_embeddings", _scores_by_frequency),
    "geometry": (
        "compare_embeddings",
        _from_table(figures.geometry, "embeddings", "geometry", "mean_cosine"),
    ),
    "word_map": ("map_embeddings", _word_map),
    "sizes": ("study_sizes", _from_table(_scores_by_size, "study_sizes", "scores", "score")),
    "sizes_own": ("study_sizes", _from_table(_scores_by_size, "study_sizes", "own", "score")),
    "word2vec_loss": (
        "train_word2vec",
        lambda results: figures.word2vec_loss(results.curve("word2vec")),
    ),
    "glove_cost": (
        "train_glove",
        lambda results: figures.glove_cost(pd.read_csv(results.curves / "glove.csv")),
    ),
    "perplexity": ("train_lm", _perplexity),
    "ppmi_windows": ("study_windows", _ppmi_windows),
    "ppmi_distributions": (
        "study_windows",
        _from_table(figures.ppmi_distributions, "study_windows", "histograms", "count"),
    ),
    "ppmi_associations": (
        "study_windows",
        _from_table(figures.associations_by_window, "study_windows", "associations", "ppmi"),
    ),
    "windows_overlap": ("study_windows", _windows_overlap),
    "windows_scores": (
        "study_windows",
        _from_table(figures.scores, "study_windows", "scores", "score"),
    ),
    "rate_distortion": ("study_autoencoder", _rate_distortion),
    "autoencoder_by_length": ("study_autoencoder", _autoencoder_by_length),
    "gradient_by_lag": ("study_gradients", _gradient_by_lag),
    "gradient_untrained": ("study_gradients", _untrained_by_lag),
    "gradient_heat": ("study_gradients", _gradient_heat),
    "gradient_distribution": ("study_gradients", _gradient_distribution),
    "gradient_truncation": _of_study(figures.truncation, "study_gradients", "truncations"),
    "gradient_tasks": _of_study(figures.tasks_by_delay, "study_gradients", "tasks"),
    "regularisation_curves": _of_study(
        figures.regularisation_curves, "study_regularisation", "curves"
    ),
    "regularisation_gaps": _of_study(
        figures.regularisation_gaps, "study_regularisation", "methods"
    ),
    **{
        f"{name}_{model}": (f"analyse_sweep@{model}", _of_sweep(drawer, f"sweep_{model}"))
        for model, drawers in (
            ("word2vec", SWEEPS),
            ("glove", SWEEPS),
            ("recurrent", {**SWEEPS, **RECURRENT_SWEEPS}),
        )
        for name, drawer in drawers.items()
    },
}
"""The figures by name: the stage whose results they show, and how they are drawn."""
