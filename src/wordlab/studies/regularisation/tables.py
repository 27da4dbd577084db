"""The tables of the study of regularisation: what each method changes, and what is decided."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wordlab.evaluation.language.held_out import HeldOut, mean_differences
from wordlab.recurrent.training import perplexity
from wordlab.studies.regularisation.training import Run, Runs, stop


def curves(runs: Runs) -> pd.DataFrame:
    """Return every epoch of every run as a row."""
    return pd.DataFrame(
        {
            "cell": cell,
            "method": method,
            "seed": seed,
            "epoch": row.epoch,
            "train_perplexity": perplexity(row.train_loss),
            "valid_perplexity": perplexity(row.valid_loss),
        }
        for (cell, method), group in runs.items()
        for seed, run in enumerate(group, start=1)
        for row in run.rows
    )


def compared(
    runs: Runs, patience: int, text: HeldOut, *, confidence: float, seed: int
) -> pd.DataFrame:
    """Return how the methods of a cell differ on `text`, a row for every two of them.

    cell, method, other; change, low, high: by how much the loss is higher with `method` than with
    `other`, nats per token, a mean over seeds, runs of the same seed paired; stopped, stopped_low,
    stopped_high: likewise if early stopping chose the epoch of both. All 0 where both are the same
    trainings. Intervals are over seeds and texts (`held_out.mean_differences`) and hold together
    with `confidence`: those of either kind of a cell for the rows whose `other` is `none`, and for
    the rest of the rows.
    """
    parts = []
    for cell in dict.fromkeys(cell for cell, _ in runs):
        groups = {method: group for (own, method), group in runs.items() if own == cell}
        ordered = sorted(groups, key=lambda method: method != "none")
        pairs = [(second, first) for first, second in itertools.combinations(ordered, 2)]
        part = pd.DataFrame(pairs, columns=["method", "other"])
        part.insert(0, "cell", cell)
        stopped = {name: [stop(run.rows, patience) for run in own] for name, own in groups.items()}
        with_none = part["other"] == "none"
        for name, chosen in (("", groups), ("stopped_", stopped)):
            losses = {method: _losses(group) for method, group in chosen.items()}
            columns = [name.rstrip("_") or "change", f"{name}low", f"{name}high"]
            for family in filter(len, (part[with_none], part[~with_none])):
                both = zip(family["method"], family["other"], strict=True)
                part.loc[family.index, columns] = mean_differences(
                    [losses[method] - losses[other] for method, other in both],
                    text, seed=seed, confidence=confidence,
                )  # fmt: skip
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _losses(group: Sequence[Run]) -> NDArray[np.float64]:
    """Return what runs lose on the test text, (S, N)."""
    return np.stack([run.test_losses for run in group])


def table(
    runs: Runs,
    pairs: pd.DataFrame,
    unigram: NDArray[np.float64],
    patience: int,
    text: HeldOut,
    *,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Return one row per cell and method, losses on `text` in nats per token.

    test, gap: means over seeds, with _low and _high, each an interval by itself. Differences,
    likewise: test_change and gap_change from the runs of the same seeds with nothing, and
    unigram_change of the loss from that of the unigram model. Intervals are over seeds and texts:
    those of test_change are of `pairs`, as `compared` returns them; those of either of the other
    two hold together for a cell with `confidence`. unigram: (N,), the losses of that model. epochs
    and saved_share: means. would_stop: the mean epoch after which early stopping with `patience`
    ends the training; would_save: the share of the epochs after it; would_gain: how much lower its
    test loss is than that of the last epoch, or of the one kept by a run that did stop early.
    """

    def intervals(differences: Sequence[NDArray[np.float64]]) -> NDArray[np.floating]:
        return mean_differences(differences, text, seed=seed, confidence=confidence)

    rows = []
    for cell in dict.fromkeys(cell for cell, _ in runs):
        groups = {method: group for (own, method), group in runs.items() if own == cell}
        measured = {method: [run.metrics() for run in group] for method, group in groups.items()}
        losses = {method: _losses(group) for method, group in groups.items()}
        gaps = {
            method: own - [[run["train_loss"]] for run in measured[method]]
            for method, own in losses.items()
        }
        changes = pairs[(pairs["cell"] == cell) & (pairs["other"] == "none")].set_index("method")
        together = {
            "gap_change": intervals([own - gaps["none"] for own in gaps.values()]),
            "unigram_change": intervals([own - unigram for own in losses.values()]),
        }
        for place, (method, group) in enumerate(groups.items()):
            change = (
                [0.0] * 3 if method == "none" else changes.loc[method, ["change", "low", "high"]]
            )
            found = {
                "test": intervals([losses[method]])[0],
                "gap": intervals([gaps[method]])[0],
                "test_change": change,
                **{name: of_all[place] for name, of_all in together.items()},
            }
            row: dict[str, Any] = {"cell": cell, "method": method}
            for name, ends in found.items():
                row |= zip((name, f"{name}_low", f"{name}_high"), map(float, ends), strict=True)
            early = [stop(run.rows, patience).metrics() for run in group]
            ends = zip(measured[method], early, strict=True)
            means = {
                "epochs": [run["epochs"] for run in measured[method]],
                "saved_share": [run["saved_share"] for run in measured[method]],
                "would_stop": [run["epochs"] for run in early],
                "would_save": [run["saved_share"] for run in early],
                "would_gain": [end["test_loss"] - run["test_loss"] for end, run in ends],
            }
            rows.append(row | {name: float(np.mean(values)) for name, values in means.items()})
    return pd.DataFrame(rows)
