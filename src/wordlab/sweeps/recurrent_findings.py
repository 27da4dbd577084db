"""What a sweep of recurrent language models shows, in tables and sentences."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from wordlab.params.sweeps import RecurrentSweepParams
from wordlab.sweeps import pruning
from wordlab.sweeps.course import curves
from wordlab.sweeps.recurrent_sentences import (
    confounded,
    diverged,
    drawn_texts,
    most_important,
    reached,
    truncation_effects,
)
from wordlab.sweeps.sensitivity import analyse, sentences
from wordlab.sweeps.summary import Goal, SweepResult, summarise

TESTED = (
    *("test_perplexity", "low", "high", "perplexity_known", "unknown_share", "symbols"),
    *("ratio", "ratio_low", "ratio_high", "ngram_perplexity"),
)
"""The scores of winners among the metrics."""


def conclude(
    trials: pd.DataFrame, texts: pd.DataFrame, params: RecurrentSweepParams, *, seed: int
) -> SweepResult:
    """Return what the `trials` of a sweep show; texts: the yardsticks of drawn text.

    Beside the tables of all sweeps: those of `sensitivity.Sensitivity`; `progress`, the loss of
    each trial on the text that chooses its epoch by the tokens learnt from: model, settings, fold
    (if several), seed, tokens, valid_loss; `yardsticks`: fold, text and the scores of real text.
    Where the sweep prunes, trials have a budget before their seed: the best is of those with all of
    it, what the settings do of those with the least.
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
    said = confounded([*headline, *said], first)
    said += drawn_texts(full, found.best, texts, params) + reached(full, params) + diverged(first)
    return replace(
        found,
        sentences=tuple(said),
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
    for model, part in tested.groupby("model", sort=False):
        rows = part.set_index("seed").to_dict("index")
        mean = rows.pop("mean")
        chosen = ", ".join(f"{name} {mean[name]}" for name in settings)
        start = f"{model}: the best settings ({chosen}), trained on the whole training split"
        if mean["diverged"]:
            said.append(f"{start}: {mean['diverged']:.0f} of {len(rows)} new seeds diverged.")
        if mean["diverged"] == len(rows):
            continue
        each = ", ".join(
            f"{row['test_perplexity']:.1f}" for row in rows.values() if not row["diverged"]
        )
        said += [
            f"{start} from {len(rows)} new seeds, reach a perplexity of "
            f"{mean['test_perplexity']:.1f} [{mean['low']:.1f}, {mean['high']:.1f}] on the test "
            f"split, which chose nothing; seed by seed {each}.",
            f"{model}: {mean['unknown_share']:.0%} of the {mean['symbols']:,.0f} symbols of the "
            f"test split are unknown words; on the others the perplexity is "
            f"{mean['perplexity_known']:.1f}.",
            f"{model}: {mean['ratio']:.2f} [{mean['ratio_low']:.2f}, {mean['ratio_high']:.2f}] "
            f"times the perplexity of Kneser-Ney n-grams of the same text, "
            f"{mean['ngram_perplexity']:.1f}: {_verdict(mean['ratio_low'], mean['ratio_high'])}.",
        ]
        numbers[str(model)] = {"test": {name: mean[name] for name in TESTED}}
    return replace(
        found,
        sentences=(*said, *found.sentences),
        further={**found.further, "winners": tested},
        numbers=numbers,
    )


def _verdict(low: float, high: float) -> str:
    """Return what the interval of a ratio of perplexities says of a network beside n-grams."""
    if high < 1:
        return "the network predicts better"
    return "the n-grams predict better" if low > 1 else "the interval includes no difference"
