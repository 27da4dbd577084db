"""Which figures the report has: each drawn from the curves and tables of a run."""

from collections.abc import Callable, Iterator
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


def draw(results: Results) -> Iterator[tuple[str, Figure]]:
    """Yield each figure with its name."""
    for name, drawer in DRAWERS.items():
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


def _ppmi_windows(results: Results) -> Figure:
    blocks = results.table("study_windows", "blocks")
    return figures.ppmi_windows(
        {
            int(window): blocks[blocks["window"] == window].drop(columns="window").set_index("word")
            for window in blocks["window"].unique()
        }
    )


def _gradient_by_lag(results: Results) -> Figure:
    lags = results.table("study_gradients", "lags")
    return figures.gradient_by_lag(lags.query("part == 'state' and weights == 'trained'"))


def _sweep_word2vec(results: Results) -> Figure:
    return _sweep(results, "sweep_word2vec", list(results.params.sweep_word2vec.grid), "wordsim353")


def _sweep_recurrent(results: Results) -> Figure:
    grid = list(results.params.sweep_recurrent.grid)
    return _sweep(results, "sweep_recurrent", grid, "valid_loss")


def _sweep(results: Results, study: str, grid: list[str], score: str) -> Figure:
    noise = results.table(study, "best").query("score == @score")["noise"]
    deviation = float(noise.mean()) if noise.notna().any() else None
    return figures.sweep_marginals(results.table(study, "trials"), grid, score, deviation)


DRAWERS: dict[str, Callable[[Results], Figure]] = {
    "scores": lambda results: figures.scores(results.table("embeddings", "scores")),
    "analogy_sections": lambda results: figures.analogy_sections(
        results.table("embeddings", "sections")
    ),
    "word2vec_loss": lambda results: figures.word2vec_loss(results.curve("word2vec")),
    "glove_cost": lambda results: figures.glove_cost(pd.read_csv(results.curves / "glove.csv")),
    "neighbour_overlap": _neighbour_overlap,
    "perplexity": _perplexity,
    "ppmi_windows": _ppmi_windows,
    "ppmi_distributions": lambda results: figures.ppmi_distributions(
        results.table("study_windows", "histograms")
    ),
    "windows_scores": lambda results: figures.scores(results.table("study_windows", "scores")),
    "autoencoder": _autoencoder,
    "gradient_by_lag": _gradient_by_lag,
    "task_by_delay": lambda results: figures.task_by_delay(
        results.table("study_gradients", "adding"), ADDING_BASELINE
    ),
    "regularisation_curves": lambda results: figures.regularisation_curves(
        results.table("study_regularisation", "curves")
    ),
    "regularisation_gaps": lambda results: figures.regularisation_gaps(
        results.table("study_regularisation", "methods")
    ),
    "sweep_word2vec": _sweep_word2vec,
    "sweep_recurrent": _sweep_recurrent,
}
"""The figures of the report, by name."""
