"""An example of each figure of the report, drawn from made-up tables."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from figure_examples_networks import (
    autoencoder_by_length,
    cells,
    gradient_by_lag,
    gradient_heat,
    gradient_tasks,
    gradient_truncation,
    gradient_untrained,
    rate_distortion,
    regularisation_curves,
    regularisation_gaps,
)
from figure_tables import CELLS, EMBEDDINGS, draw, rng


def word2vec_loss() -> Figure:
    rows = [
        (model, epoch, 2.5 - 0.1 * epoch - 0.3 * place)
        for place, model in enumerate(["cbow", "skipgram"])
        for epoch in range(1, 6)
    ]
    return draw("word2vec_loss", curve=pd.DataFrame(rows, columns=["model", "epoch", "loss"]))


def glove_cost() -> Figure:
    steps = np.arange(1, 16)
    curve = pd.DataFrame({"iteration": steps, "cost": 0.08 / np.sqrt(steps)})
    return draw("glove_cost", curve=curve)


def perplexity() -> Figure:
    rows = [
        (cell, epoch, 900 / (epoch + place), 1000 / (epoch + place))
        for place, cell in enumerate(CELLS)
        for epoch in range(1, 7)
    ]
    columns = ["model", "epoch", "train_perplexity", "valid_perplexity"]
    return draw("perplexity", curve=pd.DataFrame(rows, columns=columns))


def scores() -> Figure:
    rows = [
        (model, task, 0.3 + 0.05 * place, 0.2 + 0.05 * place, 0.4 + 0.05 * place, 250, 353)
        for task in ("WordSim-353", "SimLex-999", "Analogies: semantic", "Analogies: syntactic")
        for place, model in enumerate(EMBEDDINGS)
    ]
    columns = ["model", "task", "score", "low", "high", "n", "total"]
    return draw("scores", scores=pd.DataFrame(rows, columns=columns))


def analogy_sections() -> Figure:
    random = rng()
    rows = [
        (model, f"section {place}", float(random.uniform(0, 0.2)), 100 + place)
        for model in EMBEDDINGS
        for place in range(10)
    ]
    columns = ["model", "section", "accuracy", "n"]
    return draw("analogy_sections", sections=pd.DataFrame(rows, columns=columns))


def neighbour_overlap() -> Figure:
    values = rng().uniform(0.05, 0.5, (4, 4))
    np.fill_diagonal(values, 1)
    table = pd.DataFrame(values, index=EMBEDDINGS, columns=EMBEDDINGS)
    return draw("neighbour_overlap", overlap=table)


def ppmi_windows() -> Figure:
    random = rng()
    words = [f"word{place}" for place in range(12)]
    blocks = {
        window: pd.DataFrame(random.exponential(1, (12, 12)), index=words, columns=words)
        for window in (2, 5, 10)
    }
    table = pd.concat(
        [block.reset_index(names="word").assign(window=window) for window, block in blocks.items()]
    )
    return draw("ppmi_windows", blocks=table)


def associations(rows: Sequence[tuple[str, int, int, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["word", "window", "rank", "context"]).assign(ppmi=1.0)


def ppmi_associations() -> Figure:
    rows = [
        (word, window, rank, f"context{(rank + place) % 6}")
        for word in ("music", "war", "king")
        for place, window in enumerate((1, 3, 5))
        for rank in range(1, 6)
    ]
    return draw("ppmi_associations", associations=associations(rows))


def ppmi_distributions() -> Figure:
    rows = [
        (window, left, left + 0.5, int(10_000 * np.exp(-left / (1 + 10 / window))))
        for window in (2, 5, 10)
        for left in np.arange(0, 10, 0.5)
    ]
    columns = ["window", "left", "right", "count"]
    return draw("ppmi_distributions", histograms=pd.DataFrame(rows, columns=columns))


BEST = pd.DataFrame({"score": ["valid_loss"], "noise": [0.1], "n": [2]})
SETTINGS = ["hidden_size", "rate", "optimizer", "bptt_length", "clip_norm"]


def sweep_trials(count: int = 20) -> pd.DataFrame:
    """Trials of a search over all kinds of settings, one of which diverged."""
    random = rng()
    trials = pd.DataFrame(
        {
            "model": np.repeat(["lstm", "gru"], count),
            "hidden_size": random.choice([32, 64, 128], 2 * count),
            "rate": 10 ** random.uniform(-3, -1, 2 * count),
            "optimizer": random.choice(["adamw", "sgd"], 2 * count),
            "bptt_length": random.integers(5, 50, 2 * count),
            "clip_norm": random.choice([1.0, np.nan], 2 * count),
            "seed": 1,
            "valid_loss": random.uniform(4, 5, 2 * count),
            "context_loss": random.uniform(4, 5, 2 * count),
            "context_2_loss": random.uniform(5, 6, 2 * count),
            "context_8_loss": random.uniform(5, 6, 2 * count),
            "clip_rate": random.uniform(0, 1, 2 * count),
            "loss_variance": 10 ** random.uniform(-4, -1, 2 * count),
            "parameters": random.integers(10_000, 90_000, 2 * count),
            "diverged": 0.0,
        }
    )
    trials.loc[3, ["valid_loss", "diverged"]] = 6.9, 1.0
    trials.loc[3, ["clip_rate", "loss_variance", "context_loss"]] = np.nan
    return trials


def sweep_recurrent(reach: float = 0.1) -> Figure:
    trials = sweep_trials()
    rows = [
        (model, name, value, 4.5, 4.5 - reach, 4.5 + reach)
        for model in ("lstm", "gru")
        for name in SETTINGS
        for value in trials[name].drop_duplicates().sort_values()
    ]
    curves = pd.DataFrame(rows, columns=["model", "setting", "value", "mean", "low", "high"])
    curves = curves.assign(score="valid_loss")
    return draw("sweep_recurrent", trials=trials, marginals=curves, best=BEST)


def interactions_recurrent(
    rates: Sequence[float] = tuple(np.geomspace(1e-3, 0.1, 25)), mean: float = 4
) -> Figure:
    values = {"rate": rates, "optimizer": ["adamw", "sgd"]}
    rows = [
        (model, "rate", "optimizer", x, y, mean * (1 + x / 4))
        for model in ("lstm", "gru")
        for x in values["rate"]
        for y in values["optimizer"]
    ]
    columns = ["model", "one", "other", "value_one", "value_other", "mean"]
    return draw("interactions_recurrent", surfaces=pd.DataFrame(rows, columns=columns), best=BEST)


def context_recurrent() -> Figure:
    return draw("context_recurrent", trials=sweep_trials())


def stability_recurrent() -> Figure:
    return draw("stability_recurrent", trials=sweep_trials())


def importance_recurrent() -> Figure:
    terms = [("rate", 1), ("bptt_length", 1), ("rate x bptt_length", 2)]
    rows = [
        (model, region, term, order, 0.5 / place, 0.3 / place, 0.7 / place, 0.1, 0.6)
        for model in ("lstm", "gru")
        for region in ("all", "best quarter")
        for place, (term, order) in enumerate(terms, 1)
    ]
    columns = ["model", "region", "term", "order", "share", "low", "high", "by_chance", "r2"]
    table = pd.DataFrame(rows, columns=columns)
    table.loc[len(table)] = ["gru", "all", "seed", 0, 0.02, np.nan, np.nan, np.nan, np.nan]
    return draw("importance_recurrent", sensitivity=table.assign(score="valid_loss"), best=BEST)


def relations(*names: str) -> pd.DataFrame:
    random = rng()
    rows = [
        {"model": model, **dict(zip(names, pair, strict=True)), "n": 60, "auc": 0.6, "low": 0.5,
         "high": 0.7, **dict(zip(QUANTILES, np.sort(random.random(5)), strict=True))}
        for model in EMBEDDINGS
        for pair in (("synonyms", "antonyms"), ("hypernyms", "unrelated"))
    ]  # fmt: skip
    return pd.DataFrame(rows)


QUANTILES = ["p10", "p25", "median", "p75", "p90"]


def relation_cosines() -> Figure:
    return draw("relation_cosines", relations=relations("relation", "other").assign(mean=0.5))


def relation_contrasts() -> Figure:
    return draw("relation_contrasts", contrasts=relations("first", "second"))


def steady_neighbours() -> Figure:
    rows = [
        (model, word, f"neighbour{rank}", 1 - rank / 20, rank, 10 - rank, 10, 1 - rank / 10, 1,
         rank * rank)
        for model in ("skipgram", "ppmi_svd")
        for word in ("city", "music")
        for rank in range(1, 12)
    ]  # fmt: skip
    columns = ["model", "word", "neighbour", "cosine", "rank", "times", "draws", "share", "low",
               "high"]  # fmt: skip
    return draw("steady_neighbours", neighbours=pd.DataFrame(rows, columns=columns))


def sizes() -> Figure:
    rows = [
        (model, task, share, 0.1 * place + 0.3 * share, 0.3 * share, np.nan, 40)
        for task in ("wordsim353", "analogy 3cosadd")
        for place, model in enumerate(EMBEDDINGS)
        for share in (0.1, 0.3, 1.0)
    ]
    columns = ["model", "task", "held", "score", "low", "high", "n"]
    return draw("sizes", scores=pd.DataFrame(rows, columns=columns))


def neighbours() -> Figure:
    rows = [
        (word, model, rank, f"near{(rank + place) % 5}")
        for word in ("war", "music")
        for place, model in enumerate(EMBEDDINGS)
        for rank in (1, 2, 3)
    ]
    table = pd.DataFrame(rows, columns=["word", "model", "rank", "neighbour"])
    direct = pd.DataFrame([("war", 1, "civil")], columns=["word", "rank", "association"])
    return draw("neighbours", neighbours=table.assign(cosine=0.5), associations=direct)


EXAMPLES = [
    relation_cosines,
    relation_contrasts,
    steady_neighbours,
    sizes,
    neighbours,
    word2vec_loss,
    glove_cost,
    perplexity,
    scores,
    analogy_sections,
    neighbour_overlap,
    ppmi_windows,
    ppmi_distributions,
    ppmi_associations,
    sweep_recurrent,
    interactions_recurrent,
    context_recurrent,
    stability_recurrent,
    importance_recurrent,
    gradient_by_lag,
    gradient_untrained,
    gradient_tasks,
    gradient_truncation,
    gradient_heat,
    rate_distortion,
    regularisation_curves,
    regularisation_gaps,
    cells,
    autoencoder_by_length,
]
ALIKE = {"frequency", "windows_scores", "windows_overlap"}
"""Figures that are drawn as another one is."""
