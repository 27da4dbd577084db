"""Where figures get what the stages measured."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from wordlab.params.whole import Params


class Unmeasured(Exception):
    """A text for which nothing of what a figure shows could be measured."""


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

    def has(self, study: str, name: str) -> bool:
        """Return whether a study has the table `name`; an empty one is not written."""
        return (self.tables / study / f"{name}.csv").exists()

    def table(self, study: str, name: str) -> pd.DataFrame:
        """Return the table `name` of a study."""
        return pd.read_csv(self.tables / study / f"{name}.csv")

    def measured(self, study: str, name: str, column: str) -> pd.DataFrame:
        """Return the table `name` of a study whose measure is `column`.

        Raises Unmeasured if no row has a value of it.
        """
        table = self.table(study, name)
        if not table[column].notna().any():
            raise Unmeasured(f"{study}, {name}: no row has a {column}")
        return table
