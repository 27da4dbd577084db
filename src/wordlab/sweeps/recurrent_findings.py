"""What a sweep of recurrent language models shows, in tables and sentences."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.sweeps import pruning
from wordlab.sweeps.course import curves
from wordlab.sweeps.recurrent_sentences import (
    caveats,
    drawn_texts,
    most_important,
    reached,
    truncation_effects,
)
from wordlab.sweeps.sensitivity import analyse, sentences
from wordlab.sweeps.summary import Goal, SweepResult, summarise


def conclude(
    trials: pd.DataFrame, texts: pd.DataFrame, params: RecurrentSweepParams, *, seed: int
) -> SweepResult:
    """Return what the `trials` of a sweep show; texts: the yardsticks of drawn text.

    Beside the tables of all sweeps: those of `sensitivity.Sensitivity`; `progress`, the held-out
    loss of each trial by the tokens it had learnt from: model, settings, fold (if several), seed,
    tokens, valid_loss; `yardsticks`: fold, text and the scores of real text. Where the sweep
    prunes, trials have a budget before their seed: the best is of those with all of it, what the
    settings do of those with the least.
    """
    table, progress = curves(trials)
    settings, pruned = list(params.space), params.pruning != "none"
    first, full = pruning.ends(table) if pruned else (table, table)
    found = _summarised(table, first, full, params)
    headline = pruning.sentences(table, settings) if pruned else []
    headline += most_important(found.importances)
    if params.search == "grid" and "bptt_length" in settings:
        headline += truncation_effects(first, settings, params)
    said = list(found.sentences)
    parts: dict[str, list[pd.DataFrame]] = {"sensitivity": [], "curves": [], "surfaces": []}
    for model, part in first.groupby("model", sort=False):
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
    said += drawn_texts(full, found.best, texts, params) + reached(full, params)
    return replace(
        found,
        sentences=(*headline, *said, *caveats(first)),
        further={
            **{name: pd.concat(own, ignore_index=True) for name, own in parts.items()},
            "progress": progress,
            "yardsticks": texts,
        },
    )


def _summarised(
    table: pd.DataFrame, first: pd.DataFrame, full: pd.DataFrame, params: RecurrentSweepParams
) -> SweepResult:
    """Return the tables of all sweeps; the exact analysis is of `first`, a full grid if any is."""
    settings, grid = list(params.space), params.search == "grid"
    goals: dict[str, Goal] = {"valid_loss": "lower"}
    if params.pruning == "none":
        return summarise(table, settings, goals, params.confidence, full_grid=grid)
    found = summarise(full, settings, goals, params.confidence, full_grid=False)
    if not grid:
        return replace(found, trials=table)
    exact = summarise(first, settings, goals, params.confidence)
    return replace(exact, trials=table, best=found.best, sentences=found.sentences)


def with_tests(found: SweepResult, tested: pd.DataFrame, settings: Sequence[str]) -> SweepResult:
    """Return `found` with what the winners reach on the test split, `tested`, as in `final`.

    It becomes the table `winners`; what it says comes first. settings: the names of those tried.
    """
    said, numbers = [], {}
    for row in tested.to_dict("records"):
        model = str(row["model"])
        chosen = ", ".join(f"{name} {row[name]}" for name in settings)
        if row["diverged"]:
            said.append(
                f"{model}: the best settings ({chosen}), trained on all the text, diverged."
            )
            continue
        reached = f"{row['test_perplexity']:.1f} [{row['low']:.1f}, {row['high']:.1f}]"
        said.append(
            f"{model}: the best settings ({chosen}), trained once more on all the text, reach a "
            f"perplexity of {reached} on the {row['symbols']:,.0f} symbols of the test split, "
            f"which nothing was chosen by; Kneser-Ney n-grams of the same text have "
            f"{row['ngram_perplexity']:.1f}."
        )
        scores = ("test_perplexity", "low", "high", "symbols", "ngram_perplexity")
        numbers[model] = {"test": {name: row[name] for name in scores}}
    return replace(
        found,
        sentences=(*said, *found.sentences),
        further={**found.further, "winners": tested},
        numbers=numbers,
    )
