"""What a sweep of recurrent language models shows, in tables and sentences."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.sweeps.course import curves
from wordlab.sweeps.importance import Grid, differences
from wordlab.sweeps.sensitivity import analyse, sentences
from wordlab.sweeps.summary import SweepResult, summarise


def conclude(
    trials: pd.DataFrame, texts: pd.DataFrame, params: RecurrentSweepParams, *, seed: int
) -> SweepResult:
    """Return what the `trials` of a sweep show; texts: the yardsticks of drawn text.

    Beside the tables of all sweeps: those of `sensitivity.Sensitivity`; `progress`, the held-out
    loss of each trial by the tokens it had learnt from: model, settings, fold (if several), seed,
    tokens, valid_loss; `yardsticks`: fold, text and the scores of real text.
    """
    table, progress = curves(trials)
    settings = list(params.space)
    found = summarise(
        table,
        settings,
        {"valid_loss": "lower"},
        params.confidence,
        full_grid=params.search == "grid",
    )
    said = list(found.sentences)
    parts: dict[str, list[pd.DataFrame]] = {"sensitivity": [], "curves": [], "surfaces": []}
    for model, part in table.groupby("model", sort=False):
        analysed = analyse(
            part,
            params.space,
            "valid_loss",
            "lower",
            trees=params.trees,
            confidence=params.confidence,
            seed=seed,
        )
        said += sentences(str(model), "valid_loss", analysed)
        for name, own in analysed.tables().items():
            own.insert(0, "model", str(model))
            own.insert(1, "score", "valid_loss")
            parts[name].append(own)
    if params.search == "grid" and "bptt_length" in settings:
        said += truncation_effects(table, settings, params)
    return replace(
        found,
        sentences=(*said, *caveats(table)),
        further={
            **{name: pd.concat(own, ignore_index=True) for name, own in parts.items()},
            "progress": progress,
            "yardsticks": texts,
        },
    )


def with_tests(found: SweepResult, tested: pd.DataFrame) -> SweepResult:
    """Return `found` with what the winners reach on the test split, `tested`, as in `final`.

    It becomes the table `winners`.
    """
    said, numbers = [], {}
    for row in tested.to_dict("records"):
        model = str(row["model"])
        if row["diverged"]:
            said.append(f"{model}: the best settings, trained on all the text, diverged.")
            continue
        said.append(
            f"{model}: the best settings, trained once more on all the text, have a perplexity of "
            f"{row['test_perplexity']:.1f} [{row['low']:.1f}, {row['high']:.1f}] on the "
            f"{row['symbols']:,.0f} symbols of the test split, which nothing was chosen by; "
            f"Kneser-Ney n-grams of the same text have {row['ngram_perplexity']:.1f}."
        )
        scores = ("test_perplexity", "low", "high", "symbols", "ngram_perplexity")
        numbers[model] = {"test": {name: row[name] for name in scores}}
    return replace(
        found,
        sentences=(*found.sentences, *said),
        further={**found.further, "winners": tested},
        numbers=numbers,
    )


def truncation_effects(
    table: pd.DataFrame, settings: Sequence[str], params: RecurrentSweepParams
) -> list[str]:
    """Return how bptt_length moves stability and the use of distant context, with intervals.

    The use of distant context: by how many nats a symbol is predicted worse when only the last few
    symbols are known.
    """
    said = []
    measures = {"clip_rate": "the share of updates that are clipped"}
    if params.contexts:
        least = min(params.contexts)
        table = table.assign(gain=table[f"context_{least}_loss"] - table["context_loss"])
        measures["gain"] = f"what the context beyond the last {least} symbols gains, nats a symbol"
    for model, part in table.groupby("model", sort=False):
        for score, words in measures.items():
            if not np.isfinite(part[score]).all():
                said.append(f"{model}: {words}: not known of all trainings; nothing is told.")
                continue
            effects = differences(Grid.of(part, settings, score), params.confidence)
            for row in effects[effects["setting"] == "bptt_length"].to_dict("records"):
                size = f"{row['difference']:.2g} [{row['low']:.2g}, {row['high']:.2g}]"
                said.append(
                    f"{model}: {words}: higher at bptt_length {row['highest']} than at "
                    f"{row['lowest']} by {size}."
                    if row["beyond_noise"]
                    else f"{model}: {words}: no difference by bptt_length beyond the noise; the "
                    f"largest is {size}."
                )
    return said


def caveats(table: pd.DataFrame) -> list[str]:
    """Return what the trials of a sweep differ in besides the settings, and how many diverged."""
    said = []
    settings = [name for name in ("bptt_length", "batch_size") if name in table]
    for name in settings:
        updates = table.groupby(name)["updates"].mean()
        if len(updates) > 1:
            counts = ", ".join(f"{mean:.0f} at {value}" for value, mean in updates.items())
            said.append(
                f"All trials read the same text, so {name} changes how many updates an epoch "
                f"makes ({counts}): its effect includes that of fewer or more updates."
            )
    for model, diverged in table.groupby("model", sort=False)["diverged"]:
        if diverged.any():
            said.append(
                f"{model}: {int(diverged.sum())} of {len(diverged)} trainings diverged; they count "
                f"with the loss of guessing blindly."
            )
    return said
