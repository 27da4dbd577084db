"""An example of each figure about the studies of networks."""

import pandas as pd
from matplotlib.figure import Figure

from figure_tables import CELLS, MEASURES, draw


def gradient_by_lag() -> Figure:
    rows = [
        (cell, length, lag, decay**lag, 0.5 * decay**lag, 2 * decay**lag)
        for length in (10, 50, 200)
        for cell, decay in zip(CELLS, (0.7, 0.98, 0.95), strict=True)
        for lag in range(length)
    ]
    columns = ["cell", "length", "lag", "norm", "low", "high"]
    lags = pd.DataFrame(rows, columns=columns)
    return draw("gradient_by_lag", lags=lags.assign(part="state", weights="trained"))


def gradient_untrained() -> Figure:
    rows = [
        (cell, weights, 50, lag, 0.9**lag, 0.5 * 0.9**lag, 2 * 0.9**lag)
        for weights in ("orthogonal", "uniform")
        for cell in CELLS
        for lag in range(50)
    ]
    columns = ["cell", "weights", "length", "lag", "norm", "low", "high"]
    return draw("gradient_untrained", lags=pd.DataFrame(rows, columns=columns).assign(part="state"))


def gradient_tasks() -> Figure:
    rows = [
        (task, cell, start, delay, 0.9 - 0.2 * place, 0.1)
        for task in ("adding", "copying")
        for start in ("uniform", "orthogonal")
        for delay in (10, 40)
        for place, cell in enumerate(CELLS)
    ]
    columns = ["task", "cell", "initialisation", "delay", "success", "baseline"]
    return draw("gradient_tasks", tasks=pd.DataFrame(rows, columns=columns))


def gradient_truncation() -> Figure:
    rows = [(cell, length, 5.5, 1 - 1 / length, length / 9) for cell in CELLS for length in (9, 90)]
    columns = ["cell", "length", "valid_loss", "agreement", "kept_mib"]
    return draw("gradient_truncation", truncations=pd.DataFrame(rows, columns=columns))


def gradient_steps() -> pd.DataFrame:
    rows = [
        (cell, start, clipping, 1 + step // 5, step, parameter, (step + 1) * (place + 1) * scale)
        for start, scale in (("uniform", 1), ("orthogonal", 1e6))
        for cell in CELLS
        for clipping in ("none", "by norm")
        for step in range(1, 10)
        for place, parameter in enumerate(["all", "embedding", "layers.cells.0.bias"])
    ]
    columns = ["cell", "initialisation", "clipping", "epoch", "step", "parameter", "norm"]
    return pd.DataFrame(rows, columns=columns)


def gradient_heat() -> Figure:
    return draw("gradient_heat", steps=gradient_steps())


def rate_distortion() -> Figure:
    rows = [
        (cell, size, f"{bits} bits", bits, bits * size / 10, 2 + bits * size / 10, 1 - 1 / size)
        for cell in CELLS
        for size in (4, 16)
        for bits in (32, 4)
    ]
    columns = ["cell", "latent_size", "precision", "bits", "rate", "total", "token_accuracy"]
    others = pd.DataFrame({"code": ["UTF-8", "xz"], "total": [8.0, 3.5]})
    return draw("rate_distortion", rates=pd.DataFrame(rows, columns=columns), baselines=others)


def regularisation_curves() -> Figure:
    rows = [
        (cell, method, seed, epoch, 600 / epoch, 700 / epoch + seed + 20 * place)
        for cell in CELLS
        for place, method in enumerate(["none", "dropout", "weight_decay"])
        for seed in (1, 2, 3)
        for epoch in range(1, 8)
    ]
    columns = ["cell", "method", "seed", "epoch", "train_perplexity", "valid_perplexity"]
    return draw("regularisation_curves", curves=pd.DataFrame(rows, columns=columns))


def regularisation_gaps() -> Figure:
    rows = [
        (cell, method, 6 + 0.1 * place, 0.1, 0.0, 0.4, 1 - 0.2 * place, -0.2, -0.4, 0.1, 6.3, 6.2)
        for cell in CELLS
        for place, method in enumerate(["none", "dropout", "weight_decay"])
    ]
    changes = [f"{name}{end}" for name in ("test", "gap")
               for end in ("", "_change", "_change_low", "_change_high")]  # fmt: skip
    columns = ["cell", "method", *changes, "unigram", "kneser_ney"]
    return draw("regularisation_gaps", methods=pd.DataFrame(rows, columns=columns))


def cells() -> Figure:
    kinds = [*CELLS, "lstm no_forget", "mingru", "mogrifier"]
    rows = [
        (cell, "lstm" if " " in cell else "gru", 10_000 * (place + 1), 150, 0.8, 1 + place / 50,
         0.9 + place / 50, 1.1 + place / 50)
        for place, cell in enumerate(kinds)
    ]  # fmt: skip
    columns = ["cell", "compared", "multiply_adds", "perplexity", "ratio", "times", "times_low",
               "times_high"]  # fmt: skip
    seeds = [(cell, seed) for cell in kinds for seed in (1, 2, 3)]
    gains = [(*each, context, 0.3 / context) for context in (2, 8) for each in seeds]
    learnt = [(*each, task, 20, 0.3 * each[1], 0.25) for task in ("adding", "copying")
              for each in seeds]  # fmt: skip
    return draw(
        "cells",
        cells=pd.DataFrame(rows, columns=columns),
        contexts=pd.DataFrame(gains, columns=["cell", "seed", "context", "gain"]),
        tasks=pd.DataFrame(
            learnt, columns=["cell", "seed", "task", "delay", "success", "baseline"]
        ),
    )


def autoencoder_by_length() -> Figure:
    rows = [
        (cell, size, length, 100, 1 - length / 90, max(0, 1 - length / 30), length / 80, 0.5)
        for cell in CELLS
        for size in (8, 32)
        for length in (10, 20, 40)
    ]
    columns = ["cell", "latent_size", "length", "n", *MEASURES]
    return draw("autoencoder_by_length", lengths=pd.DataFrame(rows, columns=columns))
