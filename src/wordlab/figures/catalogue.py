"""Which figures the report has: each drawn from the curves and tables of a run."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from wordlab import figures
from wordlab.params.whole import Params

ADDING_BASELINE = 1 / 6
"""The error of always answering 1, the mean of a sum of two numbers uniform in 0..1."""


@dataclass(frozen=True)
class Results:
    """What the stages measured: CSV files in a folder of curves and in one of tables."""

    curves: Path
    tables: Path
    params: Params

    def curve(self, prefix: str) -> pd.DataFrame:
        """Return the curves `prefix`_MODEL.csv below one another, with the column model."""
        order = {
            name: place for place, name in enumerate(("skipgram", "cbow", "rnn", "lstm", "gru"))
        }
        paths = sorted(
            self.curves.glob(f"{prefix}_*.csv"),
            key=lambda path: order.get(path.stem.removeprefix(f"{prefix}_"), len(order)),
        )
        parts = [
            pd.read_csv(path).assign(model=path.stem.removeprefix(f"{prefix}_")) for path in paths
        ]
        return pd.concat(parts, ignore_index=True)

    def table(self, study: str, name: str) -> pd.DataFrame:
        """Return the table `name` of a study."""
        return pd.read_csv(self.tables / study / f"{name}.csv")


def draw(results: Results, stage: str | None = None) -> Iterator[tuple[str, Figure]]:
    """Yield each figure with its name: all, or those of the results of one stage.

    A figure of a table that is empty, for nothing could be scored, is left out.
    """
    for name, (source, drawer) in FIGURES.items():
        if stage in (None, source):
            with suppress(pd.errors.EmptyDataError):
                yield name, drawer(results)


def _perplexity(results: Results) -> Figure:
    curves = results.curve("lm")
    parts = [
        curves.loc[curves["model"] != "char", ["model", "epoch", f"{split}_perplexity"]]
        .rename(columns={f"{split}_perplexity": "perplexity"})
        .assign(split=split)
        for split in ("train", "valid")
    ]
    return figures.perplexity(pd.concat(parts, ignore_index=True))


def _autoencoder(results: Results) -> Figure:
    lengths = results.curve("lengths").rename(columns={"model": "cell"})
    return figures.autoencoder_by_length(lengths, results.params.autoencoder.gru.unit)


def _neighbour_overlap(results: Results) -> Figure:
    overlap = results.table("embeddings", "overlap")
    return figures.neighbour_overlap(overlap, results.params.comparison.neighbours)


def _neighbours(results: Results) -> Figure:
    return figures.neighbours_side_by_side(
        results.table("embeddings", "neighbours"), results.table("embeddings", "associations")
    )


def _scores_by_frequency(results: Results) -> Figure:
    table = results.table("embeddings", "frequency")
    return figures.scores_by(table, "band", "by each item's rarest word")


def _scores_by_size(results: Results) -> Figure:
    return figures.scores_by(results.table("study_sizes", "scores"), "share", "share of the text")


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


def _gradient_by_lag(results: Results) -> Figure:
    lags = results.table("study_gradients", "lags")
    return figures.gradient_by_lag(lags.query("part == 'state' and weights == 'trained'"))


def _task_by_delay(results: Results) -> Figure:
    return figures.task_by_delay(results.table("study_gradients", "adding"), ADDING_BASELINE)


def _sweep_word2vec(results: Results) -> Figure:
    return _sweep(results, "sweep_word2vec", list(results.params.sweep_word2vec.grid), "wordsim353")


def _sweep_glove(results: Results) -> Figure:
    return _sweep(results, "sweep_glove", list(results.params.sweep_glove.grid), "wordsim353")


def _sweep_recurrent(results: Results) -> Figure:
    grid = list(results.params.sweep_recurrent.grid)
    return _sweep(results, "sweep_recurrent", grid, "valid_loss")


def _sweep(results: Results, study: str, grid: list[str], score: str) -> Figure:
    noise = results.table(study, "best").query("score == @score")["noise"]
    deviation = float(noise.mean()) if noise.notna().any() else None
    return figures.sweep_marginals(results.table(study, "trials"), grid, score, deviation)


def _from_table(
    figure: Callable[[pd.DataFrame], Figure], study: str, table: str
) -> Callable[[Results], Figure]:
    return lambda results: figure(results.table(study, table))


FIGURES: dict[str, tuple[str, Callable[[Results], Figure]]] = {
    "scores": ("compare_embeddings", _from_table(figures.scores, "embeddings", "scores")),
    "analogy_sections": (
        "compare_embeddings",
        _from_table(figures.analogy_sections, "embeddings", "sections"),
    ),
    "neighbour_overlap": ("compare_embeddings", _neighbour_overlap),
    "neighbours": ("compare_embeddings", _neighbours),
    "relation_cosines": (
        "compare_embeddings",
        _from_table(figures.relation_cosines, "embeddings", "relations"),
    ),
    "relation_contrasts": (
        "compare_embeddings",
        _from_table(figures.relation_contrasts, "embeddings", "contrasts"),
    ),
    "frequency": ("compare_embeddings", _scores_by_frequency),
    "geometry": (
        "compare_embeddings",
        _from_table(figures.geometry, "embeddings", "geometry"),
    ),
    "word_map": ("map_embeddings", _word_map),
    "sizes": ("study_sizes", _scores_by_size),
    "word2vec_loss": (
        "train_word2vec",
        lambda results: figures.word2vec_loss(results.curve("word2vec")),
    ),
    "glove_cost": (
        "train_glove",
        lambda results: figures.glove_cost(pd.read_csv(results.curves / "glove.csv")),
    ),
    "perplexity": ("train_lm", _perplexity),
    "autoencoder": ("train_autoencoder", _autoencoder),
    "ppmi_windows": ("study_windows", _ppmi_windows),
    "ppmi_distributions": (
        "study_windows",
        _from_table(figures.ppmi_distributions, "study_windows", "histograms"),
    ),
    "ppmi_associations": (
        "study_windows",
        _from_table(figures.associations_by_window, "study_windows", "associations"),
    ),
    "windows_overlap": ("study_windows", _windows_overlap),
    "windows_scores": ("study_windows", _from_table(figures.scores, "study_windows", "scores")),
    "gradient_by_lag": ("study_gradients", _gradient_by_lag),
    "task_by_delay": ("study_gradients", _task_by_delay),
    "regularisation_curves": (
        "study_regularisation",
        _from_table(figures.regularisation_curves, "study_regularisation", "curves"),
    ),
    "regularisation_gaps": (
        "study_regularisation",
        _from_table(figures.regularisation_gaps, "study_regularisation", "methods"),
    ),
    "sweep_word2vec": ("sweep_word2vec", _sweep_word2vec),
    "sweep_glove": ("sweep_glove", _sweep_glove),
    "sweep_recurrent": ("sweep_recurrent", _sweep_recurrent),
}
"""The figures by name: the stage whose results they show, and how they are drawn."""
