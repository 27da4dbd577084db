"""Figures of made-up tables."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wordlab.params.whole import PARAMS, load
from wordlab.report.figures import FIGURES
from wordlab.report.results import Results

EMBEDDINGS = ["cbow", "skipgram", "ppmi_svd", "glove"]
CELLS = ["rnn", "lstm", "gru"]
MEASURES = ["token_accuracy", "exact_match", "edit_distance", "bleu"]


class Tables(Results):
    """Results that hold tables in memory, whatever study they are of."""

    made: Mapping[str, pd.DataFrame]

    def has(self, study: str, name: str) -> bool:
        return name in self.made

    def table(self, study: str, name: str) -> pd.DataFrame:
        return self.made[name]

    def curve(self, prefix: str) -> pd.DataFrame:
        return self.made["curve"]


def drawn(name: str, **tables: pd.DataFrame) -> Figure | None:
    """Return the figure `name` of tables, by their names; `curve` is that of a training."""
    results = Tables(Path(), load(PARAMS))
    object.__setattr__(results, "made", tables)
    return FIGURES[name].draw(results)


def draw(name: str, **tables: pd.DataFrame) -> Figure:
    """Return `drawn` of tables that have something to show."""
    figure = drawn(name, **tables)
    assert figure is not None
    return figure


def rng() -> np.random.Generator:
    return np.random.default_rng(7)
